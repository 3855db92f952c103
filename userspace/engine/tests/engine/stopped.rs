//! Taps that stop in the middle of a message, and not at one moment.

use rtspscope_engine::model::AlgAction;
use rtspscope_engine::{Code, Snapshot};

use crate::support::traffic::{LAN, Talk, WAN, Wire};
use crate::support::{engine, only_session};

const SETUP: &str = "SETUP rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1|Transport: RTP/AVP;unicast;client_port=5130-5131";

/// A request in two segments, of which the tap outside saw the first before it stopped; the other one watched on for so long.
fn stopped_within(outside_watched_ms: i64) -> Snapshot {
    let mut wire = Wire::new(engine(2));
    let server = "203.0.113.10:554";
    let mut near = Talk::open(&mut wire, LAN, "192.168.1.100:40000", server);
    let mut far = Talk::open(&mut wire, WAN, "203.0.113.1:40000", server);
    let text = format!("{}\r\n\r\n", SETUP.replace('|', "\r\n"));
    let (first, second) = text.as_bytes().split_at(text.len() - 12);
    near.client_says(&mut wire, first);
    far.client_says(&mut wire, first);
    wire.wait_ms(5);
    near.client_says(&mut wire, second);
    wire.wait_ms(outside_watched_ms);
    wire.udp(WAN, "10.0.0.1:9", "10.0.0.2:9", b"x");
    wire.engine.finish();
    wire.engine.snapshot()
}

#[test]
fn the_rest_of_a_request_that_one_tap_missed_is_no_rewrite() {
    let snapshot = stopped_within(0);
    let session = only_session(&snapshot);
    assert_eq!(
        session.nat.as_ref().and_then(|nat| nat.sequence_delta),
        Some(0)
    );
    assert_eq!(session.alg.action, AlgAction::None);
    assert_eq!(snapshot.findings, []);
}

#[test]
fn the_rest_that_never_came_while_the_tap_watched_on_is_missed() {
    let snapshot = stopped_within(3000);
    let codes = snapshot.findings.iter().map(|finding| finding.code);
    let codes: Vec<Code> = codes.collect();
    assert!(codes.contains(&Code::AlgCorruptedMessage), "{codes:?}");
}
