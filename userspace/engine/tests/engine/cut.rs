//! Connections of which one direction gets through no more, from the segments to the finding.

use rtspscope_engine::{Code, Snapshot};

use crate::support::traffic::{ACK, LAN, Talk, WAN, Wire, interleaved, rtp_packet};
use crate::support::{engine, only_session};

const SERVER: &str = "203.0.113.10:554";
const TRANSPORT: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

/// Both legs of an interleaved session that plays.
struct Session {
    wire: Wire,
    near: Talk,
    far: Talk,
}

impl Session {
    fn playing() -> Self {
        let mut wire = Wire::new(engine(2));
        let mut near = Talk::open(&mut wire, LAN, "192.168.1.100:40000", SERVER);
        let mut far = Talk::open(&mut wire, WAN, "203.0.113.1:40000", SERVER);
        for (request, answer) in [
            (
                format!("SETUP rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1|Transport: {TRANSPORT}"),
                format!("RTSP/1.0 200 OK|CSeq: 1|Session: 7|Transport: {TRANSPORT}"),
            ),
            (
                "PLAY rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 2|Session: 7".to_owned(),
                "RTSP/1.0 200 OK|CSeq: 2|Session: 7".to_owned(),
            ),
        ] {
            near.exchange(&mut wire, &request, &answer);
            far.exchange(&mut wire, &request, &answer);
        }
        Self { wire, near, far }
    }

    /// The server sends media of this length, which comes through where it is `whole` and is acknowledged then.
    fn media(&mut self, numbers: std::ops::Range<u16>, len: usize, whole: bool) {
        let wire = &mut self.wire;
        for number in numbers {
            let packet = interleaved(0, &[&rtp_packet(number, 9)[..], &vec![0; len]].concat());
            self.far.server_says(wire, &packet);
            if whole {
                self.near.server_says(wire, &packet);
                self.near.client_says(wire, b"");
                self.far.client_says(wire, b"");
            }
            wire.wait_ms(18);
        }
    }

    /// The server repeats at WAN what it sent from this number on, ever more rarely.
    fn repeats(&mut self, seq: u32, len: usize) {
        let ends = [SERVER, "203.0.113.1:40000"].map(|end| end.parse().expect("an end"));
        for ms in [200, 400, 800, 1_600, 3_200] {
            self.wire.wait_ms(ms);
            let text = vec![0; len];
            self.wire
                .segment(WAN, ends[0], ends[1], (seq, 1), ACK, &text);
        }
        // Other traffic: the taps are still watching.
        for tap in [LAN, WAN] {
            self.wire.udp(tap, "10.0.0.1:9", "10.0.0.2:9", b"x");
        }
    }

    fn snapshot(self) -> Snapshot {
        let Self { mut wire, .. } = self;
        wire.engine.finish();
        wire.engine.snapshot()
    }
}

fn codes(snapshot: &Snapshot) -> Vec<Code> {
    let findings = snapshot.findings.iter();
    findings.map(|finding| finding.code).collect()
}

#[test]
fn segments_that_a_router_drops_stall_the_media() {
    let mut session = Session::playing();
    session.media(0..40, 1_300, true);
    let seq = session.far.server_seq();
    session.media(40..44, 1_300, false);
    session.repeats(seq, 500);
    let snapshot = session.snapshot();
    assert_eq!(codes(&snapshot), [Code::RtpStalled]);
    let cause = &snapshot.findings[0].cause;
    assert!(
        cause.ends_with("none of them came to lan: the router stopped letting them through"),
        "{cause}"
    );
}

#[test]
fn segments_that_are_too_large_are_told_by_their_size() {
    let mut session = Session::playing();
    session.media(0..40, 100, true);
    let seq = session.far.server_seq();
    session.media(40..41, 1_300, false);
    // A smaller one behind it comes through and is not acknowledged.
    let packet = interleaved(0, &rtp_packet(41, 9));
    session
        .near
        .server_says_unseen(&mut session.wire, &[0; 1_404]);
    session.far.server_says(&mut session.wire, &packet);
    session.near.server_says(&mut session.wire, &packet);
    session.repeats(seq, 1_404);
    let snapshot = session.snapshot();
    assert_eq!(codes(&snapshot), [Code::LargePacketsLost]);
    assert_eq!(only_session(&snapshot).legs[0].from_server.missing, 1_404);
}

#[test]
fn what_comes_through_in_the_end_is_no_finding() {
    let mut session = Session::playing();
    session.media(0..40, 1_300, true);
    let seq = session.far.server_seq();
    session.media(40..41, 1_300, false);
    session.repeats(seq, 1_404);
    session.near.server_says(
        &mut session.wire,
        &interleaved(0, &[&rtp_packet(40, 9)[..], &[0; 1_300]].concat()),
    );
    session.near.client_says(&mut session.wire, b"");
    session.far.client_says(&mut session.wire, b"");
    assert_eq!(codes(&session.snapshot()), []);
}
