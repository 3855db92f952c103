//! `doctor` tells root and an ordinary user what this machine can do, and changes nothing.

use std::fs;
use std::io;
use std::process::Command;

use rtspscope_tests::lab;
use rtspscope_tests::program::{self, Outcome};
use serde_json::Value;

fn checks(outcome: &Outcome) -> Vec<Value> {
    let report: Value = serde_json::from_str(&outcome.stdout).expect("the report is JSON");
    report["checks"].as_array().expect("a list").clone()
}

fn status_of<'a>(checks: &'a [Value], name: &str) -> &'a str {
    let check = checks.iter().find(|check| check["name"] == name);
    check
        .and_then(|check| check["status"].as_str())
        .unwrap_or("not looked at")
}

/// Runs the program without any capability, as an ordinary user has none.
fn run_without_capabilities(args: &[&str]) -> io::Result<Outcome> {
    let output = Command::new("setpriv")
        .args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"])
        .arg(program::binary()?)
        .args(args)
        .output()?;
    Ok(output.into())
}

#[test]
fn root_is_told_what_was_tried() -> io::Result<()> {
    if lab::skip_unless_root("root_is_told_what_was_tried") {
        return Ok(());
    }
    let outcome = program::run(&["doctor", "--format", "json"])?;
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    let checks = checks(&outcome);
    for name in ["capabilities", "ring buffer", "TC by clsact", "XDP"] {
        assert_eq!(status_of(&checks, name), "pass", "{name}");
    }
    let statuses = ["pass", "limited", "unknown", "missing"];
    for check in &checks {
        assert!(
            statuses.contains(&check["status"].as_str().unwrap()),
            "{check}"
        );
        let needs_remedy = matches!(check["status"].as_str(), Some("missing"));
        assert!(!needs_remedy || check["remedy"].is_string(), "{check}");
    }
    Ok(())
}

#[test]
fn a_named_interface_is_tried_and_left_as_it_was() -> io::Result<()> {
    if lab::skip_unless_root("a_named_interface_is_tried_and_left_as_it_was") {
        return Ok(());
    }
    let qdiscs = || -> io::Result<Vec<u8>> {
        Ok(Command::new("tc")
            .args(["qdisc", "show", "dev", "lo"])
            .output()?
            .stdout)
    };
    let before = qdiscs()?;
    let outcome = program::run(&["doctor", "--json", "lo", "nosuch0"])?;
    let checks = checks(&outcome);
    assert_eq!(status_of(&checks, "on lo"), "pass");
    assert_eq!(status_of(&checks, "on nosuch0"), "missing");
    assert_eq!(outcome.status, Some(2));
    assert_eq!(qdiscs()?, before);
    Ok(())
}

#[test]
fn without_capabilities_each_lacking_one_is_named_and_the_status_is_2() -> io::Result<()> {
    if lab::skip_unless_root("without_capabilities_each_lacking_one_is_named_and_the_status_is_2") {
        return Ok(());
    }
    let outcome = run_without_capabilities(&["doctor"])?;
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(2), ""));
    for told in [
        "CAP_BPF",
        "CAP_PERFMON",
        "CAP_NET_ADMIN",
        "setcap",
        "not tried",
    ] {
        assert!(
            outcome.stdout.contains(told),
            "{told} in {}",
            outcome.stdout
        );
    }
    assert!(outcome.stdout.ends_with(
        "Live capture does not work here; what is missing stands above. analyze works everywhere.\n"
    ));
    Ok(())
}

#[test]
fn packet_sockets_alone_are_a_limited_way() -> io::Result<()> {
    if lab::skip_unless_root("packet_sockets_alone_are_a_limited_way") {
        return Ok(());
    }
    let output = Command::new("setpriv")
        .args(["--bounding-set=-all,+net_raw", "--no-new-privs"])
        .arg(program::binary()?)
        .args(["doctor", "--json"])
        .output()?;
    let outcome = Outcome::from(output);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    let report: Value = serde_json::from_str(&outcome.stdout).expect("the report is JSON");
    assert_eq!(report["live"], "limited");
    let checks = checks(&outcome);
    assert_eq!(status_of(&checks, "packet sockets"), "pass");
    assert_eq!(status_of(&checks, "capabilities"), "missing");
    Ok(())
}

#[test]
fn it_is_read_in_eighty_columns() -> io::Result<()> {
    let outcome = program::run(&["doctor"])?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    assert!(outcome.stdout.contains(kernel.trim()), "{}", outcome.stdout);
    for line in outcome.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    Ok(())
}
