//! Damaged input: whatever a stranger sends or a capture cuts, the engine goes on and stays within its caps.

use rtspscope_engine::{Engine, EngineOptions, Input, Limits};
use rtspscope_wire::{Direction, FrameRef, LinkType, TapRole};

use crate::support::capture::{Frame, golden};
use crate::support::tap_info;

/// A small generator of the same numbers in every run (Knuth's constants for 64 bits).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }
}

/// Cuts, alters, swaps and repeats frames.
fn damage(frames: &mut [Frame], dice: &mut Dice) {
    for _ in 0..frames.len() {
        let at = dice.roll(frames.len());
        let frame = &mut frames[at];
        let place = dice.roll(frame.bytes.len());
        match dice.roll(6) {
            0 => frame.bytes.truncate(place),
            1 | 2 => frame.bytes[place..]
                .iter_mut()
                .take(1)
                .for_each(|byte| *byte = byte.rotate_left(3) ^ 0x11),
            3 => frame.bytes[place..]
                .iter_mut()
                .take(4)
                .for_each(|byte| *byte = 0xff),
            4 => {
                let other = dice.roll(frames.len());
                frames.swap(at, other);
            }
            _ => frame.bytes.extend_from_within(place..),
        }
    }
}

fn run(frames: &[Frame], limits: Limits) {
    let mut engine = Engine::new(EngineOptions {
        limits,
        ..EngineOptions::default()
    });
    let tap = engine.add_tap(tap_info(TapRole::Unknown));
    for frame in frames {
        engine.handle_input(Input::Frame(FrameRef {
            at: frame.at,
            tap,
            direction: Direction::Unknown,
            link_type: LinkType::ETHERNET,
            number: frame.number,
            original_len: frame.original_len,
            bytes: &frame.bytes,
        }));
        while engine.poll_output().is_some() {}
    }
    engine.finish();
    let snapshot = engine.snapshot();
    assert_eq!(snapshot.taps[0].frames, frames.len() as u64);
    assert!(snapshot.sessions.len() <= limits.connections);
}

#[test]
fn damaged_captures_are_read_to_the_end() {
    let names = [
        "A-gst-ffmpeg-tcp.lan",
        "A-live555-openRTSP-http.wan",
        "K-alg-owrt-conflict.lan",
        "A-vlc-ffmpeg-udp.wan",
    ];
    let tight = Limits {
        connections: 3,
        buffered_bytes: 3_000,
        buffered_segments: 3,
        exchanges: 4,
        connection_message_bytes: 2_000,
        message_bytes_in_all: 4_000,
        channels: 1,
        flows: 5,
        epochs: 2,
        events: 8,
        ..Limits::default()
    };
    for (seed, name) in names.into_iter().cycle().take(24).enumerate() {
        let mut frames = golden(name);
        damage(&mut frames, &mut Dice(seed as u64));
        run(&frames, Limits::default());
        run(&frames, tight);
    }
}
