//! A capture on `any` of a router holds each packet up to four times: the report counts it once on each side.
//!
//! The counts are those of two Ethernet captures that were taken beside these, at the bridge's port and at the outside
//! interface.

use std::io;

use rtspscope_tests::program;
use rtspscope_tests::report::Report;
use serde_json::{Value, json};

fn analyze(name: &str) -> io::Result<Report> {
    let file = format!("{}/captures/cooked/{name}", env!("CARGO_MANIFEST_DIR"));
    program::analyze(&[file.as_str()])
}

fn is_one_session_with_two_sides(report: &Report, inside: &str, outside: &str) {
    assert_eq!(report.sessions().len(), 1);
    let session = &report.sessions()[0];
    assert_eq!(session["legs"].as_array().map(Vec::len), Some(2));
    assert_eq!(session["client"]["address"], "192.168.1.100:37972");
    assert_eq!(session["state"], "ended");
    let arrivals = session["media"][0]["arrivals"].as_array().expect("a list");
    let counts: Vec<Value> = arrivals
        .iter()
        .map(|at| {
            json!([
                at["tap"],
                at["rtp"]["packets"],
                at["rtp"]["duplicates"],
                at["rtcp"]["packets"]
            ])
        })
        .collect();
    assert_eq!(
        counts,
        [json!([inside, 72, 0, 1]), json!([outside, 72, 0, 1])]
    );
    assert_eq!(report.errors().len(), 0);
}

#[test]
fn version_2_is_taken_apart_by_interface() -> io::Result<()> {
    let report = analyze("router-any.sll2.pcap")?;
    is_one_session_with_two_sides(&report, "if2", "if3");
    Ok(())
}

#[test]
fn version_1_is_taken_apart_by_whom_a_packet_faces() -> io::Result<()> {
    let report = analyze("router-any.sll.pcap")?;
    is_one_session_with_two_sides(&report, "side1", "side2");
    Ok(())
}
