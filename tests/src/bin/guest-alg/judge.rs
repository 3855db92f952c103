//! Holds the program's reports against what is known of the cases; the packets are counted by tcpdump.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

use rtspscope_tests::program;
use rtspscope_tests::report::Report;
use serde_json::Value;

use super::cases::{CASES, Case};

/// Datagrams of the camera that hold RTP or RTCP by their version, told apart by their second byte (RFC 5761 §4).
const RTP: &str = "src host 203.0.113.10 and udp and udp[8] & 0xc0 = 0x80 and udp[9] & 0x7f = 96";
const RTCP: &str = "src host 203.0.113.10 and udp and udp[8] & 0xc0 = 0x80 and udp[9] = 200";

/// The heads of the columns.
const HEAD: [&str; 6] = [
    "case",
    "alg.action/effect",
    "RTP lan/wan",
    "RTCP lan/wan",
    "codes",
    "result",
];

/// Judges all cases and prints a line for each; fails if one is not as it should be.
pub(crate) fn all(results: &Path) -> io::Result<()> {
    let mut lines = vec![HEAD.map(str::to_owned)];
    let mut failures = Vec::new();
    for case in &CASES {
        let (cells, wrong) = judge(case, results)?;
        let verdict = if wrong.is_empty() { "ok" } else { "FAILED" };
        let [name, alg, rtp, rtcp, codes] = cells;
        lines.push([name, alg, rtp, rtcp, codes, verdict.to_owned()]);
        failures.extend(
            wrong
                .into_iter()
                .map(|wrong| format!("{}: {wrong}", case.name)),
        );
    }
    let mut out = io::stdout().lock();
    for line in &lines {
        let cells = line.iter().enumerate().map(|(column, cell)| {
            let width = lines.iter().map(|line| line[column].len()).max();
            format!("{cell:0$}", width.unwrap_or(0))
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    for failure in &failures {
        writeln!(out, "{failure}")?;
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(io::Error::other("some cases are not as they should be"))
    }
}

/// The cells of a case, and what is wrong with it.
fn judge(case: &Case, results: &Path) -> io::Result<([String; 5], Vec<String>)> {
    let path = |leg: &str| {
        results
            .join(format!("{}.{leg}", case.name))
            .to_string_lossy()
            .into_owned()
    };
    let (lan, wan) = (path("lan.pcap"), path("wan.pcap"));
    let report = program::analyze(&["--lan", &lan, "--wan", &wan])?;
    let live = Report::new(serde_json::from_str(&fs::read_to_string(path(
        "live.json",
    ))?)?);

    let mut wrong = Vec::new();
    let mut expect = |what: &str, found: String, expected: String| {
        if found != expected {
            wrong.push(format!("{what}: {found} instead of {expected}"));
        }
    };
    let sessions = by_client(&report);
    let alg: Vec<String> = sessions.iter().map(|session| alg_of(session)).collect();
    let expected: Vec<String> = case.alg.iter().map(|alg| alg.join("/")).collect();
    expect("alg", alg.join(", "), expected.join(", "));

    let mut cells = Vec::new();
    for (kind, filter, arrives) in [
        ("rtp", RTP, case.arrives[0]),
        ("rtcp", RTCP, case.arrives[1]),
    ] {
        let counted = [count(&lan, filter)?, count(&wan, filter)?];
        let reported = ["lan", "wan"].map(|role| {
            sessions
                .iter()
                .map(|session| packets(&report, session, role, kind))
                .sum::<u64>()
        });
        expect(
            &format!("{kind} packets"),
            format!("{reported:?}"),
            format!("{counted:?}"),
        );
        expect(
            &format!("{kind} inside"),
            (counted[0] > 0).to_string(),
            arrives.to_string(),
        );
        cells.push(reported.map(|packets| packets.to_string()).join("/"));
    }

    let errors = report.errors();
    let told: BTreeSet<&str> = report.codes().difference(&errors).copied().collect();
    expect(
        "errors",
        listed(&errors),
        listed(&case.errors.iter().copied().collect()),
    );
    expect(
        "told",
        listed(&told),
        listed(&case.told.iter().copied().collect()),
    );
    let rewrites = sessions
        .first()
        .map(|session| rewrites_of(session))
        .unwrap_or_default();
    let known = case
        .rewrites
        .iter()
        .map(|[field, pre, post]| format!("{field} {pre} -> {post}"));
    expect(
        "rewrites",
        listed(&rewrites.iter().map(String::as_str).collect()),
        listed_all(known),
    );
    expect(
        "live",
        without(live.essence(), case.live_only).to_string(),
        report.essence().to_string(),
    );
    let by: BTreeSet<&str> = by_client(&live)
        .into_iter()
        .filter_map(|session| session["alg"]["assignment"]["by"].as_str())
        .collect();
    expect("assignment", listed(&by), case.assignment.to_owned());
    let live_only: BTreeSet<&str> = live.codes().difference(&report.codes()).copied().collect();
    expect(
        "live only",
        listed(&live_only),
        listed(&case.live_only.iter().copied().collect()),
    );

    let codes: Vec<&str> = report.codes().into_iter().collect();
    let [rtp, rtcp] = [cells[0].clone(), cells[1].clone()];
    Ok((
        [
            case.name.to_owned(),
            alg.join(", "),
            rtp,
            rtcp,
            codes.join(" "),
        ],
        wrong,
    ))
}

/// The essence of a report without some codes.
fn without(mut essence: Value, codes: &[&str]) -> Value {
    for session in essence.as_array_mut().into_iter().flatten() {
        let findings = session["findings"].as_array_mut();
        if let Some(found) = findings {
            found.retain(|code| !codes.iter().any(|known| code == known));
        }
    }
    essence
}

/// The sessions, the first client's first: its address is the lower one.
fn by_client(report: &Report) -> Vec<&Value> {
    let mut sessions: Vec<&Value> = report.sessions().iter().collect();
    sessions.sort_by_key(|session| session["client"]["address"].as_str().map(str::to_owned));
    sessions
}

fn alg_of(session: &Value) -> String {
    ["action", "effect"]
        .map(|key| session["alg"][key].as_str().unwrap_or("null"))
        .join("/")
}

fn packets(report: &Report, session: &Value, role: &str, kind: &str) -> u64 {
    if kind == "rtcp" {
        report.sender_reports(session, role)
    } else {
        report.packets(session, role, kind)
    }
}

/// Fields that a SETUP request left the router with; line ends have a finding of their own.
fn rewrites_of(session: &Value) -> BTreeSet<String> {
    let rewrites = session["nat"]["rewrites"].as_array().into_iter().flatten();
    rewrites
        .filter(|rewrite| rewrite["method"] == "SETUP" && rewrite["kind"] == "request")
        .filter(|rewrite| rewrite["class"] == "alg")
        .map(|rewrite| {
            let text = |key: &str| rewrite[key].as_str().unwrap_or("null");
            format!("{} {} -> {}", text("field"), text("pre"), text("post"))
        })
        .collect()
}

fn listed(codes: &BTreeSet<&str>) -> String {
    codes.iter().copied().collect::<Vec<_>>().join(", ")
}

fn listed_all(texts: impl Iterator<Item = String>) -> String {
    texts
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join(", ")
}

/// Packets of a capture that a tcpdump expression matches.
fn count(capture: &str, filter: &str) -> io::Result<u64> {
    let output = Command::new("tcpdump")
        .args(["-n", "-r", capture, filter])
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().count() as u64)
}
