//! The options that all commands on packets have, and what becomes of wrong usage.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rtspscope_tests::program::{self, LIMITED, Outcome};

fn golden(name: &str) -> String {
    format!("{}/captures/golden/{name}.pcap", env!("CARGO_MANIFEST_DIR"))
}

/// A session that is broken by a NAT without a pinhole.
fn broken() -> [String; 2] {
    ["lan", "wan"].map(|leg| golden(&format!("K-noalg-plain.{leg}")))
}

/// A session with which nothing is wrong.
fn sound() -> [String; 2] {
    ["lan", "wan"].map(|leg| golden(&format!("A-live555-retina-tcp.{leg}")))
}

fn analyze(files: &[String], options: &[&str]) -> io::Result<Outcome> {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    program::run(&[&["analyze"], options, &files].concat())
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Status 2, nothing on standard output, and one line on standard error that holds `words`.
fn assert_refused(outcome: &Outcome, words: &str) {
    assert_eq!(
        (outcome.status, outcome.stdout.as_str()),
        (Some(2), ""),
        "{outcome:?}"
    );
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    assert!(outcome.stderr.starts_with("rtspscope: "), "{outcome:?}");
    assert!(outcome.stderr.contains(words), "{outcome:?}");
}

#[test]
fn wrong_usage_is_refused_in_one_line() -> io::Result<()> {
    for (args, words) in [
        (&["analyse"][..], "analyse"),
        (&["analyze"], "required"),
        (&["analyze", "--no-such-option", "x"], "--no-such-option"),
        (&["analyze", "--format", "pdf", "x"], "pdf"),
        (&["analyze", "--fail-on", "maybe", "x"], "maybe"),
        (&["analyze", "--color", "blue", "x"], "blue"),
        (&["analyze", "--rtsp-port", "554,99999", "x"], "99999"),
        (&["analyze", "--rtsp-port", "rtsp", "x"], "rtsp"),
        (&["analyze", "--router", "Toaster", "x"], "Toaster"),
        (&["analyze", "-o"], "--output"),
        (&["watch", "--duration", "soon"], "soon"),
        (&["watch", "--mirror", "a", "--lan", "b"], "--mirror"),
        (&["watch", "--format", "ndjson"], "--no-tui"),
        (&["watch", "--no-tui", "--format", "json"], "json"),
        (&["watch", "x.pcap", "--lan", "b"], "--lan"),
        (&["explain", "no-such-code"], "no-such-code"),
        (&["completions"], "required"),
        (&["completions", "korn"], "korn"),
    ] {
        assert_refused(&program::run(args)?, words);
    }
    Ok(())
}

#[test]
fn help_and_version_are_no_complaint() -> io::Result<()> {
    for args in [
        &["--help"][..],
        &["--version"],
        &["help", "analyze"],
        &["analyze", "--help"],
        &["watch", "-h"],
        &["explain", "--help"],
    ] {
        let outcome = program::run(args)?;
        assert_eq!(
            (outcome.status, outcome.stderr.as_str()),
            (Some(0), ""),
            "{args:?}"
        );
        assert!(!outcome.stdout.is_empty(), "{args:?}");
    }
    Ok(())
}

#[test]
fn fail_on_counts_findings_from_its_severity_on() -> io::Result<()> {
    for (files, severity, status) in [
        (broken(), "error", 1),
        (broken(), "warning", 1),
        (broken(), "info", 1),
        (sound(), "info", 0),
        (sound(), "error", 0),
    ] {
        for format in ["text", "json", "ndjson", "markdown", "html"] {
            let outcome = analyze(&files, &["--fail-on", severity, "--format", format])?;
            assert_eq!(outcome.status, Some(status), "{severity} {format}");
            assert!(!outcome.stdout.is_empty());
        }
    }
    assert_eq!(analyze(&broken(), &[])?.status, Some(0));
    Ok(())
}

#[test]
fn output_goes_to_a_file_as_it_would_go_to_standard_output() -> io::Result<()> {
    for format in ["text", "json", "ndjson", "markdown", "html"] {
        let path = scratch(&format!("output.{format}"));
        let place = path.to_string_lossy();
        let outcome = analyze(&broken(), &["--format", format, "-o", &place])?;
        assert_eq!(
            (outcome.status, outcome.stdout.as_str()),
            (Some(0), ""),
            "{format}"
        );
        let printed = analyze(&broken(), &["--format", format])?.stdout;
        assert_eq!(fs::read_to_string(&path)?, printed, "{format}");
    }
    Ok(())
}

#[test]
fn a_place_that_cannot_be_written_is_told_in_one_line() -> io::Result<()> {
    for format in ["text", "json", "ndjson", "markdown", "html"] {
        let outcome = analyze(&broken(), &["--format", format, "-o", "/dev/full"])?;
        assert_refused(&outcome, "/dev/full: cannot write: no space left on device");
    }
    let outcome = analyze(&broken(), &["-o", "/no/such/directory/report"])?;
    assert_refused(&outcome, "create its directory first");
    let outcome = analyze(&broken(), &["-o", &broken()[0]])?;
    assert_refused(&outcome, "is a capture that is to be read");
    Ok(())
}

#[test]
fn a_filter_chooses_packets_or_says_that_it_cannot() -> io::Result<()> {
    let all = analyze(&broken(), &["--format", "json", "--filter", "tcp"])?;
    if all.stderr.contains("this build has no libpcap") {
        assert_refused(&all, "--filter");
        return Ok(());
    }
    let report = program::report_of(&all)?;
    assert_eq!(report.sessions().len(), 1);
    let packets = &report.value()["sessions"][0]["media"][0]["arrivals"][1]["rtp"]["packets"];
    assert_eq!(packets, 0, "UDP was filtered away");
    let nothing = analyze(
        &broken(),
        &["--format", "json", "--filter", "host 192.0.2.200"],
    )?;
    assert_eq!(program::report_of(&nothing)?.sessions().len(), 0);
    assert_refused(
        &analyze(&broken(), &["--filter", "tcp prot 5"])?,
        "--filter",
    );
    Ok(())
}

#[test]
fn rtsp_port_says_which_encrypted_connections_count() -> io::Result<()> {
    let file = [golden("A-gsttls-ffmpeg-rtsps.wan")];
    let sessions = |ports: &[&str]| -> io::Result<usize> {
        let outcome = analyze(&file, &[&["--format", "json"], ports].concat())?;
        Ok(program::report_of(&outcome)?.sessions().len())
    };
    assert_eq!(sessions(&[])?, 1);
    assert_eq!(sessions(&["--rtsp-port", "9"])?, 0);
    assert_eq!(sessions(&["--rtsp-port", "9,322"])?, 1);
    Ok(())
}

/// Runs `analyze` on the broken session with variables set.
fn with_environment(variables: &[(&str, &str)], options: &[&str]) -> io::Result<String> {
    let output = Command::new(LIMITED[0])
        .args(&LIMITED[1..])
        .arg(program::binary()?)
        .arg("analyze")
        .args(options)
        .args(broken())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn colours_come_when_asked_for_and_change_no_word() -> io::Result<()> {
    let plain = with_environment(&[], &[])?;
    assert!(!plain.contains('\u{1b}'), "a pipe gets no colours");
    let colored = with_environment(&[("NO_COLOR", "1")], &["--color", "always"])?;
    assert!(colored.contains("\u{1b}[1;31m✗\u{1b}[0m"), "{colored}");
    assert_eq!(with_environment(&[("CLICOLOR_FORCE", "1")], &[])?, colored);
    assert_eq!(
        with_environment(&[("CLICOLOR_FORCE", "1")], &["--color", "never"])?,
        plain
    );
    assert_eq!(
        with_environment(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], &[])?,
        plain
    );
    let mut stripped = String::new();
    for (index, part) in colored.split('\u{1b}').enumerate() {
        let text = if index == 0 {
            part
        } else {
            part.split_once('m').map_or("", |(_, text)| text)
        };
        stripped.push_str(text);
    }
    assert_eq!(stripped, plain);
    Ok(())
}

#[test]
fn a_report_is_as_wide_as_columns_says() -> io::Result<()> {
    for columns in [40, 60, 80, 100] {
        let report = with_environment(&[("COLUMNS", &columns.to_string())], &[])?;
        let widths = report.lines().map(|line| line.chars().count());
        // Names and addresses are not broken.
        let widest = widths.max().unwrap_or(0);
        assert!(widest <= columns, "{widest} of {columns}\n{report}");
        assert!(widest + 12 > columns, "{widest} of {columns}\n{report}");
    }
    Ok(())
}

#[test]
fn verbose_shows_every_message() -> io::Result<()> {
    let plain = analyze(&broken(), &[])?.stdout;
    let verbose = analyze(&broken(), &["-v"])?.stdout;
    assert!(!plain.contains("CSeq 1: #"), "{plain}");
    assert!(verbose.contains("CSeq 1: #7 OPTIONS rtsp://"), "{verbose}");
    Ok(())
}

#[test]
fn credentials_are_blanked_in_every_format_unless_asked_for() -> io::Result<()> {
    let capture = fs::read(golden("K-noalg-plain.wan"))?;
    // As long as the path that it replaces, so that no length changes.
    let (path, secret) = (
        b"rtsp://203.0.113.10/test.264 RTSP",
        b"rtsp://u:geheim@203.0.113.10 RTSP",
    );
    let mut edited = capture.clone();
    for at in 0..capture.len().saturating_sub(path.len()) {
        if edited[at..].starts_with(path) {
            edited[at..at + path.len()].copy_from_slice(secret);
        }
    }
    assert_ne!(edited, capture);
    let file = scratch("secret-url.pcap");
    fs::write(&file, edited)?;
    let files = [file.to_string_lossy().into_owned()];
    for format in ["text", "json", "ndjson", "markdown", "html"] {
        let blanked = analyze(&files, &["--format", format, "-v"])?.stdout;
        assert!(!blanked.contains("geheim"), "{format}: {blanked}");
        let shown = analyze(&files, &["--format", format, "-v", "--show-credentials"])?.stdout;
        assert!(shown.contains("geheim"), "{format}: {shown}");
    }
    Ok(())
}
