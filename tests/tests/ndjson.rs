//! `--format ndjson` is what docs/ndjson.md says, and behaves in a pipe.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use rtspscope_tests::program::{self, LIMITED};
use serde_json::Value;

fn golden(name: &str) -> String {
    format!("{}/captures/golden/{name}.pcap", env!("CARGO_MANIFEST_DIR"))
}

fn lines(args: &[&str]) -> io::Result<Vec<Value>> {
    let outcome = program::run(args)?;
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    let lines = outcome.stdout.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// Types and their keys, from the table of the documentation.
fn documented() -> io::Result<BTreeMap<String, BTreeSet<String>>> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ndjson.md"))?;
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let codes = |text: &str| -> Vec<String> {
        text.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let entries = rows.filter_map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        let keys = codes(cells.last()?);
        Some((codes(cells.first()?).pop()?, keys.into_iter().collect()))
    });
    Ok(entries.collect())
}

#[test]
fn every_line_has_the_keys_that_the_documentation_names() -> io::Result<()> {
    let documented = documented()?;
    let mut seen = BTreeSet::new();
    for captures in [
        &["K-alg-owrt-conflict.lan", "K-alg-owrt-conflict.wan"][..],
        &["A-gst-gst-udp-nopunch.lan", "A-gst-gst-udp-nopunch.wan"],
        &["A-gsttls-ffmpeg-rtsps.wan"],
        &["A-gst-ffmpeg-tcp.lan"],
    ] {
        let files: Vec<String> = captures.iter().map(|name| golden(name)).collect();
        let mut args = vec!["analyze", "--format", "ndjson"];
        args.extend(files.iter().map(String::as_str));
        for line in lines(&args)? {
            let kind = line["type"].as_str().unwrap_or_default().to_owned();
            let object = line.as_object().expect("a line is an object");
            let keys: BTreeSet<String> = object
                .keys()
                .filter(|key| *key != "type")
                .cloned()
                .collect();
            assert_eq!(Some(&keys), documented.get(&kind), "{kind}");
            seen.insert(kind);
        }
    }
    let mut all: BTreeSet<String> = documented.into_keys().collect();
    // Saved captures are told once, when all of them is known.
    assert!(all.remove("finding-withdrawn"));
    assert_eq!(seen, all, "every documented type occurs");
    Ok(())
}

#[test]
fn the_first_line_observes_and_the_last_is_the_json_report() -> io::Result<()> {
    let file = golden("K-noalg-plain.wan");
    let lines = lines(&["analyze", "--format", "ndjson", &file])?;
    assert_eq!(lines[0]["type"], "observing");
    let mut last = lines.last().expect("there are lines").clone();
    last.as_object_mut().expect("an object").remove("type");
    let report: Value =
        serde_json::from_str(&program::run(&["analyze", "--format", "json", &file])?.stdout)?;
    assert_eq!(last, report);
    Ok(())
}

#[test]
fn watching_a_file_prints_the_same_lines() -> io::Result<()> {
    let file = golden("K-noalg-plain.wan");
    let analyzed = lines(&["analyze", "--format", "ndjson", &file])?;
    let watched = lines(&["watch", "--no-tui", "--format", "ndjson", &file])?;
    assert_eq!(analyzed, watched);
    Ok(())
}

#[test]
fn a_reader_may_leave_early() -> io::Result<()> {
    for (command, format) in [
        ("analyze", "ndjson"),
        ("analyze", "text"),
        ("analyze", "html"),
    ] {
        let mut run = Command::new(LIMITED[0])
            .args(&LIMITED[1..])
            .arg(program::binary()?)
            .args([
                command,
                "--format",
                format,
                &golden("K-alg-owrt-conflict.wan"),
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = run.stdout.take().expect("it is piped");
        if format == "ndjson" {
            let mut line = String::new();
            BufReader::with_capacity(64, stdout).read_line(&mut line)?;
            assert!(line.starts_with(r#"{"type":"observing""#), "{line}");
        } else {
            drop(stdout);
        }
        let status = run.wait()?;
        let mut said = String::new();
        run.stderr
            .take()
            .expect("it is piped")
            .read_to_string(&mut said)?;
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{format}");
    }
    Ok(())
}
