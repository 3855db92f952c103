//! Reads classic pcap files, just enough for the captures of the tests.

use std::path::PathBuf;

use rtspscope_engine::{Engine, Input, Snapshot};
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId, Timestamp};

use crate::support::tap_info;

/// One frame of a capture.
pub(crate) struct Frame {
    pub(crate) at: Timestamp,
    pub(crate) number: u64,
    pub(crate) original_len: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Reads a golden capture by the stem of its name, `NAME.lan`.
#[expect(
    clippy::disallowed_methods,
    reason = "the engine reads no files, its tests do"
)]
pub(crate) fn golden(stem: &str) -> Vec<Frame> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/captures/golden")
        .join(format!("{stem}.pcap"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    read(&bytes)
}

/// Frames of a little-endian pcap file with microseconds.
fn read(bytes: &[u8]) -> Vec<Frame> {
    assert_eq!(
        bytes[..4],
        [0xd4, 0xc3, 0xb2, 0xa1],
        "a little-endian pcap file with microseconds"
    );
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    assert_eq!(word(20), 1, "Ethernet");
    let mut frames = Vec::new();
    let mut at = 24;
    while at + 16 <= bytes.len() {
        let len = word(at + 8) as usize;
        let nanos = i64::from(word(at)) * 1_000_000_000 + i64::from(word(at + 4)) * 1_000;
        frames.push(Frame {
            at: Timestamp(nanos),
            number: frames.len() as u64 + 1,
            original_len: word(at + 12),
            bytes: bytes[at + 16..at + 16 + len].to_vec(),
        });
        at += 16 + len;
    }
    frames
}

/// How the files of one path are handed to the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// All files together, by time.
    ByTime,
    /// One file after the other.
    FileByFile,
}

/// Runs captures as taps with these roles and gives what is known at the end.
pub(crate) fn replay(
    engine: &mut Engine,
    taps: &[(rtspscope_wire::TapRole, Vec<Frame>)],
    order: Order,
) -> Snapshot {
    replay_watched(engine, taps, order, |_| {})
}

/// The same; `look` has the engine after each frame.
pub(crate) fn replay_watched(
    engine: &mut Engine,
    taps: &[(rtspscope_wire::TapRole, Vec<Frame>)],
    order: Order,
    mut look: impl FnMut(&mut Engine),
) -> Snapshot {
    let mut frames: Vec<(TapId, &Frame)> = Vec::new();
    for (role, capture) in taps {
        let tap = engine.add_tap(tap_info(*role));
        frames.extend(capture.iter().map(|frame| (tap, frame)));
    }
    if order == Order::ByTime {
        frames.sort_by_key(|(_, frame)| frame.at);
    }
    for (tap, frame) in frames {
        engine.handle_input(Input::Frame(FrameRef {
            at: frame.at,
            tap,
            direction: Direction::Unknown,
            link_type: LinkType::ETHERNET,
            number: frame.number,
            original_len: frame.original_len,
            bytes: &frame.bytes,
        }));
        look(engine);
    }
    engine.finish();
    engine.snapshot()
}
