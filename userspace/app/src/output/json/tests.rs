//! The shape of the report, field by field.

use super::{pretty, report};
use crate::output::privacy::Privacy;
use crate::output::sample;

#[test]
fn the_report_has_the_shape_of_the_contract() {
    insta::assert_snapshot!(pretty(&report(&sample::snapshot(), Privacy::Redact)).unwrap());
}

#[test]
fn credentials_are_shown_only_when_asked_for() {
    let redacted = pretty(&report(&sample::snapshot(), Privacy::Redact)).unwrap();
    assert!(!redacted.contains("geheim"), "{redacted}");
    let shown = pretty(&report(&sample::snapshot(), Privacy::Show)).unwrap();
    assert!(
        shown.contains("rtsp://admin:geheim@203.0.113.10/test"),
        "{shown}"
    );
}

#[test]
fn a_capture_of_nothing_has_all_keys() {
    let report = pretty(&report(
        &rtspscope_engine::Snapshot::default(),
        Privacy::Redact,
    ))
    .unwrap();
    let keys = [
        "schema_version",
        "tool",
        "capture",
        "taps",
        "lost",
        "blind_spots",
        "sessions",
        "findings",
    ];
    assert!(
        keys.iter()
            .all(|key| report.contains(&format!("\"{key}\""))),
        "{report}"
    );
}
