//! The HTML report is valid HTML, and a real browser shows it without a complaint, a request or a line too wide.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rtspscope_tests::browser::{Browser, Scheme};
use rtspscope_tests::{program, tools};

/// Captures that have all that a report can draw: media that break off, a rewrite, two sessions, a proxy, one tap alone.
const CAPTURES: [&[&str]; 5] = [
    &["A-gst-gst-udp-nopunch.lan", "A-gst-gst-udp-nopunch.wan"],
    &["N-nfq-live555-rtspc.lan", "N-nfq-live555-rtspc.wan"],
    &["K-alg-owrt-conflict.lan", "K-alg-owrt-conflict.wan"],
    &["P-proxy-live555-rtspc.lan", "P-proxy-live555-rtspc.wan"],
    &["M-gst-gst-mcast.wan"],
];

fn scratch() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Makes the report on some captures for a test and tells where it is.
fn report(test: &str, captures: &[&str]) -> io::Result<PathBuf> {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/golden");
    let files: Vec<String> = captures
        .iter()
        .map(|name| format!("{golden}/{name}.pcap"))
        .collect();
    let path = scratch().join(format!("{test}-{}.html", captures.join("+")));
    let mut args = vec![
        "analyze",
        "--format",
        "html",
        "-o",
        path.to_str().unwrap_or_default(),
    ];
    args.extend(files.iter().map(String::as_str));
    let outcome = program::run(&args)?;
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    Ok(path)
}

/// Reads a document as HTML's own parsing rules say and prints where it breaks them.
const PARSE: &str = "import sys, html5lib
parser = html5lib.HTMLParser(strict=False)
parser.parse(open(sys.argv[1], encoding='utf-8').read())
for place, code, data in parser.errors: print(place, code, data)";

/// What a validator prints about a file.
fn complaints(command: &mut Command, file: &Path) -> io::Result<String> {
    let output = command.arg(file).stdin(Stdio::null()).output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&said).into_owned())
}

fn html5lib() -> Command {
    // The system's own, which has Debian's modules, whatever else is first on the path.
    let system = Path::new("/usr/bin/python3");
    let mut python = Command::new(if system.exists() {
        system
    } else {
        Path::new("python3")
    });
    python.args(["-c", PARSE]);
    python
}

fn tidy() -> Command {
    let mut tidy = Command::new("tidy");
    tidy.args(["-errors", "-quiet", "-utf8"]);
    tidy
}

#[test]
fn a_report_is_valid_html() -> io::Result<()> {
    let test = "valid";
    let broken = scratch().join("broken.html");
    fs::write(
        &broken,
        "<!DOCTYPE html><title>x</title><p align=up></div><x>",
    )?;
    let missing = complaints(&mut html5lib(), &broken)?.contains("No module named");
    if tools::or_skip(test, "html5lib", (!missing).then_some(()))?.is_some() {
        assert!(complaints(&mut html5lib(), &broken)?.contains("end-tag-too-early"));
        for captures in CAPTURES {
            assert_eq!(complaints(&mut html5lib(), &report(test, captures)?)?, "");
        }
    }
    if tools::or_skip(test, "tidy", tools::first_of(&["tidy"]))?.is_some() {
        assert!(complaints(&mut tidy(), &broken)?.contains("<x> is not recognized"));
        for captures in CAPTURES {
            assert_eq!(complaints(&mut tidy(), &report(test, captures)?)?, "");
        }
    }
    Ok(())
}

#[test]
fn a_browser_shows_a_report_in_both_schemes_and_asks_nobody_for_anything() -> io::Result<()> {
    let test = "shows";
    let Some(browser) = Browser::find(test, scratch())? else {
        return Ok(());
    };
    for captures in &CAPTURES[..2] {
        let file = report(test, captures)?;
        for (scheme, ground) in [
            (Scheme::Light, [255, 255, 255]),
            (Scheme::Dark, [19, 22, 26]),
        ] {
            let visit = browser.open(&file, scheme, (1_150, 2_400))?;
            assert_eq!(visit.console, Vec::<String>::new(), "{captures:?}");
            assert_eq!(visit.requests, Vec::<String>::new(), "{captures:?}");
            assert_eq!(visit.picture.pixels[0], ground, "{captures:?} {scheme:?}");
            assert!(
                visit.picture.colors() > 100,
                "{} colours",
                visit.picture.colors()
            );
            assert!(
                visit.picture.ground() < 0.97,
                "blank: {captures:?} {scheme:?}"
            );
        }
    }
    Ok(())
}

#[test]
fn the_browser_would_tell_of_a_request_and_of_a_refused_script() -> io::Result<()> {
    let Some(browser) = Browser::find("tells", scratch())? else {
        return Ok(());
    };
    let page = scratch().join("talkative.html");
    let policy = "<meta http-equiv=Content-Security-Policy content=\"script-src 'none'\">";
    let body = "<img src=http://192.0.2.7/x.png><script>1</script>";
    fs::write(&page, format!("<!DOCTYPE html>{policy}{body}"))?;
    let visit = browser.open(&page, Scheme::Light, (400, 300))?;
    assert_eq!(visit.requests, ["GET http://192.0.2.7/x.png HTTP/1.1"]);
    assert_eq!(visit.console.len(), 1, "{:?}", visit.console);
    assert!(visit.picture.ground() > 0.97, "an empty page is blank");
    Ok(())
}

/// A page that shows another one in a window of a telephone's width and writes down how wide that came out.
const TELEPHONE: &str = "<!DOCTYPE html><title>-</title><p id=width>unknown</p>
<iframe src=\"telephone-inside.html\" width=360 height=600></iframe>
<script>addEventListener('message', event => { document.getElementById('width').textContent = event.data })</script>";

/// What the inner page tells the outer one.
const TELLS: &str = "<script>addEventListener('load', () =>
parent.postMessage(document.documentElement.scrollWidth + ' of ' + innerWidth, '*'))</script></body>";

#[test]
fn a_telephone_shows_a_report_without_scrolling_sideways() -> io::Result<()> {
    let test = "telephone";
    let Some(browser) = Browser::find(test, scratch())? else {
        return Ok(());
    };
    for captures in &CAPTURES[1..3] {
        let html = fs::read_to_string(report(test, captures)?)?;
        // The report itself runs no script; its copy may, to be measured.
        let copy = html
            .replace(
                "http-equiv=\"Content-Security-Policy\"",
                "name=\"no-policy\"",
            )
            .replace("</body>", TELLS);
        fs::write(scratch().join("telephone-inside.html"), copy)?;
        let page = scratch().join("telephone.html");
        fs::write(&page, TELEPHONE)?;
        let document = browser.document(&page)?;
        assert!(
            document.contains("<p id=\"width\">360 of 360</p>"),
            "{captures:?}: {document:.300}"
        );
    }
    Ok(())
}
