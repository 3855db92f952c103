//! The report as a ticket gets it.

use rtspscope_engine::Snapshot;

use super::report;
use crate::output::privacy::Privacy;
use crate::output::sample;

#[test]
fn the_verdict_comes_first() {
    insta::assert_snapshot!(report(&sample::snapshot(), Privacy::Redact, false));
}

#[test]
fn everything_is_shown_when_asked_for() {
    insta::assert_snapshot!(report(&sample::snapshot(), Privacy::Redact, true));
}

/// A table's row ends a cell, a code and a line; then come HTML, a picture, a call of a user and a terminal escape.
const HOSTILE: &str = "x` | y |\n| <script>alert(1)</script> ![p](http://evil.example/p.png) @all\u{1b}[2J `` \\| <!-- ";

fn hostile() -> Snapshot {
    let mut snapshot = sample::snapshot();
    snapshot.taps[0].name = format!("lan{HOSTILE}");
    snapshot.findings[0].summary = HOSTILE.to_owned();
    snapshot.findings[0].cause = format!("- {HOSTILE}");
    snapshot.findings[0].remedy = vec![HOSTILE.to_owned()];
    snapshot.findings[0].evidence[0].note = HOSTILE.to_owned();
    let session = &mut snapshot.sessions[0];
    session.url = Some(format!("rtsp://h/{HOSTILE}"));
    session.user_agent = Some(HOSTILE.to_owned());
    session.media[0].kind = Some(HOSTILE.to_owned());
    session.media[0].encoding = Some(HOSTILE.to_owned());
    session.media[0].negotiated.destination = Some(HOSTILE.to_owned());
    let rewrite = &mut session.nat.as_mut().unwrap().rewrites[0];
    rewrite.method = HOSTILE.to_owned();
    rewrite.field = HOSTILE.to_owned();
    rewrite.pre = Some(HOSTILE.to_owned());
    rewrite.post = Some("\\".to_owned());
    snapshot
}

/// What a renderer still sees as markup: the line without its code, of both forms.
fn outside_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(['`', '<']) {
        out.push_str(&rest[..start]);
        let (open, close) = if rest[start..].starts_with('`') {
            ("`", "`")
        } else {
            ("<code>", "</code>")
        };
        let inside = rest[start..]
            .strip_prefix(open)
            .unwrap_or_else(|| panic!("HTML: {line}"));
        let end = inside.find(close).unwrap_or_else(|| panic!("open: {line}"));
        assert!(
            open == "`" || !inside[..end].contains(['<', '|', '`']),
            "{line}"
        );
        out.push_str("CODE");
        rest = &inside[end + close.len()..];
    }
    out + rest
}

#[test]
fn hostile_text_breaks_no_table() {
    for verbose in [false, true] {
        let report = report(&hostile(), Privacy::Redact, verbose);
        let mut tables: Vec<Vec<usize>> = Vec::new();
        let mut in_table = false;
        for line in report.lines() {
            let is_row = line.starts_with('|');
            if is_row && !in_table {
                tables.push(Vec::new());
            }
            if is_row && let Some(table) = tables.last_mut() {
                table.push(line.matches('|').count());
            } else {
                assert!(!line.contains('|'), "{line}");
            }
            in_table = is_row;
        }
        let bars: Vec<usize> = tables.iter().map(|table| table[0]).collect();
        assert_eq!(bars, [8, 7, 5], "{report}");
        for table in &tables {
            assert!(table.iter().all(|bars| *bars == table[0]), "{report}");
        }
        let rows: Vec<usize> = tables.iter().map(Vec::len).collect();
        assert_eq!(rows, [4, 3, 4], "{report}");
    }
}

#[test]
fn hostile_text_brings_no_html_link_or_mention() {
    for verbose in [false, true] {
        let report = report(&hostile(), Privacy::Redact, verbose);
        for line in report.lines() {
            let seen = outside_code(line);
            for markup in ["<", "](", "@", "http", "://", "\\", "&", "~", "$", "_"] {
                assert!(!seen.contains(markup), "{markup} in {line}");
            }
        }
    }
}

#[test]
fn no_stranger_reaches_the_terminal() {
    let report = report(&hostile(), Privacy::Show, true);
    assert!(
        report
            .chars()
            .all(|character| character == '\n' || !character.is_control()),
        "{report}"
    );
}

#[test]
fn credentials_are_blanked_unless_asked_for() {
    assert!(!report(&sample::snapshot(), Privacy::Redact, true).contains("geheim"));
    assert!(report(&sample::snapshot(), Privacy::Show, true).contains("geheim"));
}

#[test]
fn a_capture_without_sessions_says_what_was_looked_at() {
    let snapshot = Snapshot {
        sessions: Vec::new(),
        findings: Vec::new(),
        ..sample::snapshot()
    };
    let report = report(&snapshot, Privacy::Redact, false);
    assert!(
        report.starts_with("**! No RTSP session in 600 frames of `lan.pcap`, `wan.pcap`.**\n"),
        "{report}"
    );
}
