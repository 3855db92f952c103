//! What an earlier session left running to a port that the next one takes up.

use rtspscope_engine::Snapshot;
use rtspscope_engine::model::{AlgAction, Arrival};

use crate::support::traffic::{LAN, Talk, WAN, Wire, rtp_packet};
use crate::support::{arrival, engine, only_session};

const SERVER: &str = "203.0.113.10:554";
const SIDES: [&str; 2] = ["192.168.1.40", "203.0.113.1"];
const OLD: u32 = 0xdead;
const NEW: u32 = 0xabc;

/// A player that takes up its port again, seen on both sides of a router.
struct Reconnect {
    /// The port from which the old stream comes.
    old_from: u16,
    /// Packets of the old stream before the SETUP and after PLAY.
    old: [u16; 2],
    /// Packets of the new one, 40 ms apart like those of the old.
    new: u16,
    /// The capture began within the connection.
    midstream: bool,
}

impl Reconnect {
    fn seen(&self) -> Snapshot {
        let mut wire = Wire::new(engine(2));
        for (tap, client) in [LAN, WAN].into_iter().zip(SIDES) {
            wire.now_ms = 0;
            let (old_from, to) = (
                format!("203.0.113.10:{}", self.old_from),
                format!("{client}:5000"),
            );
            let end = format!("{client}:40000");
            let mut talk = if self.midstream {
                Talk::midstream(tap, &end, SERVER)
            } else {
                Talk::open(&mut wire, tap, &end, SERVER)
            };
            let [before, after] = self.old;
            wire.rtp(tap, &old_from, &to, OLD, 0..before);
            talk.play_udp(&mut wire, "5000-5001", "5000-5001");
            wire.udp(tap, &to, "203.0.113.10:6970", b"hole");
            for number in 0..after.max(self.new) {
                if number < after {
                    let packet = rtp_packet(before + number, OLD);
                    wire.udp(tap, &old_from, &to, &packet);
                }
                if number < self.new {
                    wire.udp(tap, "203.0.113.10:6970", &to, &rtp_packet(number, NEW));
                }
                wire.wait_ms(38);
            }
            talk.tear_down(&mut wire);
        }
        wire.engine.snapshot()
    }
}

fn packets(snapshot: &Snapshot) -> [u64; 2] {
    let session = only_session(snapshot);
    [0, 1].map(|leg| arrival(session, 0, leg).rtp.packets)
}

#[test]
fn a_stream_that_runs_on_beside_the_new_one_is_not_the_new_sessions() {
    for old_from in [6968, 6970] {
        let snapshot = Reconnect {
            old_from,
            old: [30, 80],
            new: 100,
            midstream: false,
        }
        .seen();
        assert_eq!(packets(&snapshot), [100, 100]);
        let session = only_session(&snapshot);
        let seen: &Arrival = arrival(session, 0, 0);
        assert_eq!(seen.rtp.from.map(|from| from.port()), Some(6970));
        assert_eq!(seen.rtp.ssrc, Some(NEW));
        assert_eq!(session.alg.action, AlgAction::None);
        let codes = snapshot.findings.iter().map(|finding| finding.code.name());
        let accused = ["rtp-wrong-port", "alg-opened-pinhole"];
        assert!(!codes.into_iter().any(|code| accused.contains(&code)));
    }
}

#[test]
fn a_stream_that_ended_before_the_setup_is_not_taken_for_let_in_by_it() {
    let snapshot = Reconnect {
        old_from: 6970,
        old: [30, 0],
        new: 100,
        midstream: false,
    }
    .seen();
    assert_eq!(packets(&snapshot), [100, 100]);
    assert_eq!(only_session(&snapshot).alg.action, AlgAction::None);
}

#[test]
fn a_stream_that_goes_on_alone_is_what_the_setup_is_answered_with() {
    let snapshot = Reconnect {
        old_from: 6970,
        old: [30, 80],
        new: 0,
        midstream: false,
    }
    .seen();
    assert_eq!(packets(&snapshot), [80, 80]);
}

#[test]
fn a_source_of_few_packets_beside_it_does_not_put_it_out() {
    let snapshot = Reconnect {
        old_from: 6970,
        old: [30, 80],
        new: 19,
        midstream: false,
    }
    .seen();
    assert_eq!(packets(&snapshot), [99, 99]);
}

#[test]
fn in_a_connection_from_before_the_capture_what_came_before_a_setup_may_be_its_own() {
    let snapshot = Reconnect {
        old_from: 6970,
        old: [30, 80],
        new: 100,
        midstream: true,
    }
    .seen();
    assert_eq!(packets(&snapshot), [180, 180]);
}
