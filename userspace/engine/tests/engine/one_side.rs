//! What a capture of one side of a router proves of media at other ports and from other hosts, and what it leaves open.

use crate::support::engine;
use crate::support::traffic::{LAN, RECEIVER_REPORT, Talk, Wire, message};
use rtspscope_engine::Severity;

const PUBLIC_CLIENT: &str = "203.0.113.1:40000";
const SERVER: &str = "203.0.113.10:554";

/// Codes of more than information.
fn troubles(wire: &mut Wire) -> Vec<&'static str> {
    let findings = wire.engine.snapshot().findings;
    let troubles = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Info);
    troubles.map(|finding| finding.code.name()).collect()
}

/// A player outside of its NAT asks for ports 5000-5001.
fn outside() -> (Wire, Talk) {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, PUBLIC_CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    (wire, talk)
}

#[test]
fn a_port_that_nobody_named_is_wrong_and_the_one_of_a_hole_punch_is_not() {
    let sent = |punches: bool| {
        let (mut wire, mut talk) = outside();
        if punches {
            wire.udp(
                LAN,
                "203.0.113.1:61000",
                "203.0.113.10:6970",
                &[0xce, 0xfa, 0xed, 0xfe],
            );
        } else {
            // What it sends comes from where it said: no NAT is in between.
            wire.udp(
                LAN,
                "203.0.113.1:5001",
                "203.0.113.10:6971",
                &RECEIVER_REPORT,
            );
        }
        wire.rtp(LAN, "203.0.113.10:6970", "203.0.113.1:61000", 7, 1..60);
        talk.tear_down(&mut wire);
        troubles(&mut wire)
    };
    assert_eq!(sent(false), ["rtp-wrong-port"]);
    assert_eq!(sent(true), Vec::<&str>::new());
}

#[test]
fn a_stranger_is_one_only_when_its_media_began_after_it_was_asked_for() {
    let sent = |before: bool| {
        let mut wire = Wire::new(engine(1));
        let mut talk = Talk::open(&mut wire, LAN, PUBLIC_CLIENT, SERVER);
        let stranger = |wire: &mut Wire| {
            wire.rtp(LAN, "198.51.100.9:6970", "203.0.113.1:5000", 7, 1..60);
        };
        if before {
            stranger(&mut wire);
        }
        talk.play_udp(&mut wire, "5000-5001", "5000-5001");
        if before {
            wire.rtp(LAN, "198.51.100.9:6970", "203.0.113.1:5000", 7, 60..90);
        } else {
            stranger(&mut wire);
        }
        talk.tear_down(&mut wire);
        troubles(&mut wire)
    };
    assert_eq!(sent(false), ["rtp-wrong-source"]);
    assert_eq!(sent(true), Vec::<&str>::new());
}

#[test]
fn a_stranger_with_which_the_client_speaks_in_another_session_is_none() {
    let (mut wire, mut talk) = outside();
    Talk::open(&mut wire, LAN, "203.0.113.1:40001", "198.51.100.9:554");
    wire.rtp(LAN, "198.51.100.9:6970", "203.0.113.1:5000", 7, 1..60);
    talk.tear_down(&mut wire);
    let found = troubles(&mut wire);
    assert!(!found.contains(&"rtp-wrong-source"), "{found:?}");
}

#[test]
fn a_player_that_asks_twice_may_get_media_at_either_port() {
    let (mut wire, mut talk) = outside();
    wire.rtp(LAN, "203.0.113.10:6970", "203.0.113.1:5000", 7, 1..60);
    let url = "rtsp://203.0.113.10/cam";
    let transport = "Transport: RTP/AVP;unicast;client_port=5010-5011";
    talk.exchange(
        &mut wire,
        &format!("SETUP {url}/track1 RTSP/1.0|CSeq: 5|Session: 1234|{transport}"),
        &format!("RTSP/1.0 200 OK|CSeq: 5|Session: 1234|{transport};server_port=6970-6971"),
    );
    talk.exchange(
        &mut wire,
        &format!("PLAY {url}/ RTSP/1.0|CSeq: 6|Session: 1234"),
        "RTSP/1.0 200 OK|CSeq: 6|Session: 1234",
    );
    wire.rtp(LAN, "203.0.113.10:6970", "203.0.113.1:5010", 8, 1..10);
    talk.tear_down(&mut wire);
    assert_eq!(troubles(&mut wire), Vec::<&str>::new());
}

#[test]
fn a_session_that_began_before_the_capture_is_not_judged_by_what_was_asked_for_last() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::midstream(LAN, PUBLIC_CLIENT, SERVER);
    let url = "rtsp://203.0.113.10/cam";
    talk.exchange(
        &mut wire,
        &format!("SETUP {url}/track2 RTSP/1.0|CSeq: 3|Session: 1|Transport: RTP/AVP;unicast;client_port=5002-5003"),
        "RTSP/1.0 200 OK|CSeq: 3|Session: 1|Transport: RTP/AVP;unicast;client_port=5002-5003;server_port=6972-6973",
    );
    talk.exchange(
        &mut wire,
        &format!("PLAY {url}/ RTSP/1.0|CSeq: 4|Session: 1"),
        "RTSP/1.0 200 OK|CSeq: 4|Session: 1",
    );
    // The other medium, whose SETUP is not in the capture.
    wire.rtp(LAN, "203.0.113.10:6970", "203.0.113.1:5000", 7, 1..60);
    talk.tear_down(&mut wire);
    let found = troubles(&mut wire);
    assert!(!found.contains(&"rtp-wrong-port"), "{found:?}");
    assert!(!found.contains(&"nat-source-port-changed"), "{found:?}");
}

#[test]
fn a_description_that_never_came_whole_is_told() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, PUBLIC_CLIENT, SERVER);
    talk.client_says(
        &mut wire,
        &message("DESCRIBE rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1"),
    );
    wire.wait_ms(3);
    talk.server_says(
        &mut wire,
        &message("RTSP/1.0 200 OK|CSeq: 1|Content-Type: application/sdp|Content-Length: 500||v=0|m=video 0 RTP/AVP 96"),
    );
    assert_eq!(troubles(&mut wire), Vec::<&str>::new());
    talk.client_closes(&mut wire);
    wire.engine.finish();
    assert_eq!(troubles(&mut wire), ["describe-failed"]);
}

#[test]
fn a_player_that_comes_again_with_its_ports_does_not_hide_what_both_of_its_sessions_show() {
    let mut wire = Wire::new(engine(1));
    for (client, first) in [(PUBLIC_CLIENT, 1000), ("203.0.113.1:40001", 5000)] {
        let mut talk = Talk::open_with(&mut wire, LAN, client, SERVER, (first, first + 1000));
        talk.play_udp(&mut wire, "5000-5001", "5000-5001");
        wire.rtp(LAN, "203.0.113.10:7000", "203.0.113.1:5000", first, 1..60);
        talk.tear_down(&mut wire);
        talk.client_closes(&mut wire);
        wire.wait_ms(20_000);
    }
    assert_eq!(
        troubles(&mut wire),
        ["nat-source-port-changed", "nat-source-port-changed"]
    );
}
