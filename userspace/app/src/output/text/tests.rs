//! The report as people see it.

use rtspscope_engine::Snapshot;
use rtspscope_engine::model::{AlgEffect, Arrival};
use rtspscope_wire::TapId;

use super::{Style, report};
use crate::output::privacy::Privacy;
use crate::output::sample;

const PLAIN: Style = Style {
    width: 80,
    color: false,
    verbose: false,
};

#[test]
fn the_verdict_comes_first() {
    insta::assert_snapshot!(report(&sample::snapshot(), Privacy::Redact, &PLAIN));
}

#[test]
fn everything_is_shown_when_asked_for() {
    let style = Style {
        verbose: true,
        ..PLAIN
    };
    insta::assert_snapshot!(report(&sample::snapshot(), Privacy::Redact, &style));
}

#[test]
fn a_session_without_findings_gets_a_verdict_too() {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    let inside = snapshot.sessions[0].media[0].arrivals[1].clone();
    snapshot.sessions[0].media[0].arrivals[0] = Arrival {
        tap: TapId(0),
        ..inside
    };
    snapshot.sessions[0].alg.effect = AlgEffect::Helped;
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    let verdict = "✓ Media arrives: 257 RTP packets at lan.pcap, 257 at wan.pcap, 4 lost.";
    assert!(report.contains(verdict), "{report}");
}

#[test]
fn no_line_is_wider_than_asked_for() {
    for width in [64, 80, 100] {
        let report = report(
            &sample::snapshot(),
            Privacy::Redact,
            &Style { width, ..PLAIN },
        );
        let widest = report
            .lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0);
        assert!(widest <= width, "{widest} columns\n{report}");
    }
}

#[test]
fn long_names_of_captures_keep_their_ends() {
    let mut snapshot = sample::snapshot();
    snapshot.taps[0].name = "2026-11-22-router-in-the-cellar-second-try.lan.pcap".to_owned();
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    let row = report.lines().find(|line| line.contains('…')).unwrap();
    assert!(
        row.starts_with("          LAN 2026-11-22-…nd-try.lan.pcap "),
        "{row}"
    );
    assert!(row.chars().count() <= 80, "{row}");
}

#[test]
fn a_break_by_the_router_is_no_success() {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    let inside = snapshot.sessions[0].media[0].arrivals[1].clone();
    snapshot.sessions[0].media[0].arrivals[0] = Arrival {
        tap: TapId(0),
        ..inside
    };
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    assert!(
        report
            .contains("! Media arrives: 257 RTP packets at lan.pcap, 257 at wan.pcap, 4 lost; but"),
        "{report}"
    );
}

#[test]
fn a_swallowed_message_is_not_called_rewritten() {
    let mut snapshot = sample::snapshot();
    snapshot.sessions[0].nat.as_mut().unwrap().rewrites.clear();
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    assert!(
        report.contains("ALG     a message entered the router and never left it; that broke"),
        "{report}"
    );
}

#[test]
fn media_outside_the_router_is_not_said_to_arrive() {
    let mut snapshot = sample::snapshot();
    snapshot.findings.clear();
    snapshot.taps.swap_remove(0);
    snapshot.taps[0].id = TapId(0);
    let session = &mut snapshot.sessions[0];
    session.legs.remove(0);
    session.legs[0].tap = TapId(0);
    session.nat = None;
    session.media[0].arrivals.remove(0);
    session.media[0].arrivals[0].tap = TapId(0);
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    assert!(
        report.contains(
            "! Media is seen: 257 RTP packets at wan.pcap, 2 lost; whether it reaches the"
        ),
        "{report}"
    );
}

#[test]
fn no_stranger_reaches_the_terminal() {
    let style = Style {
        verbose: true,
        ..PLAIN
    };
    let report = report(&sample::snapshot(), Privacy::Show, &style);
    assert!(
        report
            .chars()
            .all(|character| character == '\n' || !character.is_control()),
        "{report}"
    );
}

#[test]
fn colours_change_nothing_but_colours() {
    let colored = report(
        &sample::snapshot(),
        Privacy::Redact,
        &Style {
            color: true,
            ..PLAIN
        },
    );
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    assert_eq!(plain, report(&sample::snapshot(), Privacy::Redact, &PLAIN));
}

#[test]
fn a_capture_without_sessions_says_what_was_looked_at() {
    let snapshot = Snapshot {
        sessions: Vec::new(),
        findings: Vec::new(),
        ..sample::snapshot()
    };
    let report = report(&snapshot, Privacy::Redact, &PLAIN);
    assert!(
        report.starts_with("! No RTSP session in 600 frames of lan.pcap, wan.pcap.\n"),
        "{report}"
    );
}
