//! A tap whose interface is gone for a while: of what passed meanwhile nothing is concluded.

use rtspscope_engine::{Blind, Code, Input, Snapshot};
use rtspscope_wire::{TapId, Timestamp};

use crate::support::engine;
use crate::support::traffic::{LAN, RECEIVER_REPORT, Talk, WAN, Wire, rtp_packet};

const SERVER: &str = "203.0.113.10:554";
const SIDES: [(TapId, &str); 2] = [(LAN, "192.168.1.100"), (WAN, "203.0.113.1")];

/// A player behind a router, watched by a clock at both of its sides or at one.
struct Run {
    wire: Wire,
    talks: Vec<Talk>,
    next: u16,
}

impl Run {
    fn new(sides: &[(TapId, &'static str)]) -> Self {
        let mut wire = Wire::new(engine(sides.len()));
        let talks = sides.iter().map(|(tap, host)| {
            let mut talk = Talk::open(&mut wire, *tap, &format!("{host}:40000"), SERVER);
            talk.play_udp(&mut wire, "5000-5001", "5000-5001");
            let end = format!("{host}:5000");
            wire.udp(*tap, &end, "203.0.113.10:6970", &RECEIVER_REPORT);
            talk
        });
        let talks = talks.collect();
        Self {
            wire,
            talks,
            next: 0,
        }
    }

    /// Media for so many seconds, seen at these sides; time passes all the same.
    fn play(&mut self, sides: &[(TapId, &str)], seconds: u16) {
        for _ in 0..seconds {
            for _ in 0..25 {
                for (tap, host) in sides {
                    let packet = rtp_packet(self.next, 7);
                    self.wire
                        .udp(*tap, "203.0.113.10:6970", &format!("{host}:5000"), &packet);
                }
                self.next += 1;
                self.wire.wait_ms(40);
            }
            let now = self.now();
            self.wire.engine.handle_input(Input::Tick(now));
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.wire.now_ns())
    }

    fn blind(&mut self, tap: TapId, since: Timestamp, until: Option<Timestamp>) {
        self.wire
            .engine
            .handle_input(Input::Blind(tap, Blind { since, until }));
    }

    fn codes(&mut self) -> Vec<&'static str> {
        let findings = self.wire.engine.snapshot().findings;
        // The packets hold no pictures.
        let findings = findings
            .iter()
            .filter(|finding| finding.code != Code::NoKeyframe);
        findings.map(|finding| finding.code.name()).collect()
    }
}

fn told(snapshot: &Snapshot) -> Vec<&str> {
    let findings = snapshot.findings.iter();
    let whole = findings.filter(|finding| finding.code == Code::CaptureIncomplete);
    whole.map(|finding| finding.summary.as_str()).collect()
}

#[test]
fn media_is_not_said_to_end_where_nobody_watches() {
    for is_told in [true, false] {
        let mut run = Run::new(&SIDES);
        run.play(&SIDES, 5);
        let since = run.now();
        if is_told {
            run.blind(LAN, since, None);
        }
        run.play(&SIDES[1..], 20);
        if !is_told {
            assert!(run.codes().contains(&"rtp-stalled"));
            continue;
        }
        assert_eq!(run.codes(), ["capture-incomplete"]);
        let snapshot = run.wire.engine.snapshot();
        assert_eq!(
            told(&snapshot),
            [
                "the interface of lan was gone from then on: whether anything passed there is not known"
            ]
        );
        assert_eq!(snapshot.taps[0].watched_until, Some(since));
        assert_eq!(snapshot.taps[1].watched_until, Some(run.now()));
    }
}

#[test]
fn packets_that_passed_while_an_interface_was_gone_are_not_called_lost() {
    for is_told in [true, false] {
        let mut run = Run::new(&SIDES);
        run.play(&SIDES, 5);
        let since = run.now();
        run.play(&SIDES[1..], 8);
        if is_told {
            run.blind(LAN, since, None);
            let until = run.now();
            run.blind(LAN, since, Some(until));
        }
        run.play(&SIDES, 5);
        if is_told {
            assert_eq!(run.codes(), ["capture-incomplete"]);
            let snapshot = run.wire.engine.snapshot();
            assert_eq!(
                told(&snapshot),
                [
                    "the interface of lan was gone for 8.2 s: whether anything passed there is not known"
                ]
            );
        } else {
            assert!(run.codes().contains(&"rtp-loss"));
        }
    }
}

#[test]
fn a_message_that_passed_meanwhile_is_not_called_swallowed() {
    for is_told in [true, false] {
        let mut run = Run::new(&SIDES);
        run.play(&SIDES, 5);
        let since = run.now();
        if is_told {
            run.blind(LAN, since, None);
        }
        run.talks[1].exchange(
            &mut run.wire,
            "GET_PARAMETER rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 7|Session: 1",
            "RTSP/1.0 200 OK|CSeq: 7|Session: 1",
        );
        run.play(&SIDES[1..], 5);
        let codes = run.codes();
        assert_eq!(codes.len() == 1, is_told, "{codes:?}");
    }
}

/// By the clock of a live run a picture would be frozen.
#[test]
fn the_only_tap_tells_of_no_silence_while_it_is_blind_nor_right_after() {
    let mut run = Run::new(&SIDES[..1]);
    run.play(&SIDES[..1], 5);
    let since = run.now();
    run.blind(LAN, since, None);
    run.play(&[], 20);
    assert!(!run.codes().contains(&"rtp-stalled"));
    let until = run.now();
    run.blind(LAN, since, Some(until));
    run.play(&[], 4);
    assert!(!run.codes().contains(&"rtp-stalled"));
    run.play(&[], 2);
    assert!(run.codes().contains(&"rtp-stalled"), "nothing came since");
}
