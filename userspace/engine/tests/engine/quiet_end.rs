//! Captures that go on while nothing of a session passes any more, as when a line goes down or a card stops to see: a quiet
//! time alone is nobody's fault.

use std::collections::BTreeSet;

use crate::out_of_step::{PAIRS, taps};
use crate::support::capture::{Frame, Order, replay};
use rtspscope_engine::model::AlgEffect;
use rtspscope_engine::{Engine, EngineOptions, Severity};
use rtspscope_wire::{Span, TapRole, Timestamp};

/// Codes of the findings that are more than information, and whether a router is said to have done damage.
fn troubles(taps: &[(TapRole, Vec<Frame>)]) -> BTreeSet<&'static str> {
    let mut engine = Engine::new(EngineOptions::default());
    let snapshot = replay(&mut engine, taps, Order::ByTime);
    let findings = snapshot.findings.iter();
    let troubles = findings.filter(|finding| finding.severity > Severity::Info);
    let mut sessions = snapshot.sessions.iter();
    let damaged = sessions.any(|session| session.alg.effect == AlgEffect::Damaged);
    let damaged = damaged.then_some("damaged");
    troubles
        .map(|finding| finding.code.name())
        .chain(damaged)
        .collect()
}

/// A datagram between hosts that have nothing to do with the session.
fn stranger(at: Timestamp) -> Frame {
    let head = [0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 8, 0];
    let ip = [
        0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2,
    ];
    let udp = [0, 53, 0xd4, 0x31, 0, 12, 0, 0, 1, 2, 3, 4];
    let bytes = [&head[..], &ip, &udp].concat();
    Frame {
        at,
        number: 0,
        original_len: bytes.len() as u32,
        bytes,
    }
}

/// Both captures of a pair up to these times, and some strangers' packets ten seconds later.
fn cut(name: &str, until: [Timestamp; 2]) -> Vec<(TapRole, Vec<Frame>)> {
    let mut taps = taps(name);
    for ((_, frames), until) in taps.iter_mut().zip(until) {
        frames.retain(|frame| frame.at <= until);
        for secs in [10, 11] {
            let mut frame = stranger(until + Span::from_secs(secs));
            frame.number = frames.len() as u64 + 1;
            frames.push(frame);
        }
    }
    taps
}

#[test]
fn a_session_that_falls_silent_as_a_whole_accuses_no_router() {
    let mut accused = Vec::new();
    for name in PAIRS {
        let whole = taps(name);
        let times = || {
            whole
                .iter()
                .flat_map(|(_, frames)| frames)
                .map(|frame| frame.at)
        };
        let (first, last) = (
            times().min().expect("frames"),
            times().max().expect("frames"),
        );
        let mut known = troubles(&whole);
        // That a request was not answered, or a text was changed, is no accusation.
        known.extend(["request-unanswered", "alg-rewrote-message"]);
        for part in 1..20 {
            let until = first + Span((last - first).0 / 20 * part);
            for step in [0, -1, 1, -30, 30] {
                let until = [until, until + Span::from_millis(step)];
                let more: Vec<_> = troubles(&cut(name, until))
                    .difference(&known)
                    .copied()
                    .collect();
                if !more.is_empty() {
                    accused.push(format!("{name} after {part}/20, {step} ms: {more:?}"));
                }
            }
        }
    }
    assert!(accused.is_empty(), "{}", accused.join("\n"));
}
