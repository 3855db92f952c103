//! Kept segments laid out as streams, so that what lies across several of them is found.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;

use rtspscope_wire::rtsp::auth::{self, Island};
use rtspscope_wire::{Span, TapId, Timestamp};

/// A direction of a connection at a tap.
pub(super) type Flow = (TapId, SocketAddr, SocketAddr);

/// Silence between two kept segments after which they are laid out apart: by then sequence numbers may have come round,
/// and no secret takes that long.
const APART: Span = Span::from_secs(60);

/// The bytes of a stream in one frame.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Index of the frame.
    pub(super) frame: usize,
    /// Where its payload is.
    pub(super) range: Range<usize>,
    /// Sequence number of the first byte.
    pub(super) seq: u32,
    /// It opens the direction: nothing comes before it.
    pub(super) is_begin: bool,
    /// The capture cut it.
    pub(super) is_cut: bool,
}

/// All streams.
#[derive(Debug, Default)]
pub(super) struct Streams {
    flows: BTreeMap<Flow, Vec<Burst>>,
}

/// Segments of one direction that followed each other closely.
#[derive(Debug)]
struct Burst {
    last_at: Timestamp,
    parts: Vec<Part>,
}

impl Streams {
    /// Adds the next segment of a flow.
    pub(super) fn add(&mut self, flow: Flow, at: Timestamp, part: Part) {
        let bursts = self.flows.entry(flow).or_default();
        match bursts.last_mut() {
            Some(burst) if (at - burst.last_at).abs() <= APART => {
                burst.last_at = at;
                burst.parts.push(part);
            }
            _ => bursts.push(Burst {
                last_at: at,
                parts: vec![part],
            }),
        }
    }

    /// Blanks the secrets of all streams in the bytes of the frames.
    pub(super) fn blank(&self, frames: &mut [Box<[u8]>]) {
        for burst in self.flows.values().flatten() {
            burst.blank(frames);
        }
    }
}

/// A part with its place, counted from the burst's first segment.
#[derive(Debug)]
struct Placed<'p> {
    start: i64,
    part: &'p Part,
}

impl Placed<'_> {
    fn end(&self) -> i64 {
        self.start + i64::try_from(self.part.range.len()).unwrap_or(i64::MAX)
    }

    /// How far it begins behind `start`.
    fn behind(&self, start: i64) -> usize {
        usize::try_from(self.start - start).unwrap_or(0)
    }
}

impl Burst {
    fn blank(&self, frames: &mut [Box<[u8]>]) {
        let Some(first) = self.parts.first() else {
            return;
        };
        let place = |part: &Part| i64::from(part.seq.wrapping_sub(first.seq).cast_signed());
        let mut placed: Vec<Placed<'_>> = self
            .parts
            .iter()
            .map(|part| Placed {
                start: place(part),
                part,
            })
            .collect();
        placed.sort_by_key(|placed| placed.start);
        let begin = self.parts.iter().find(|part| part.is_begin).map(place);
        let mut rest = placed.as_slice();
        while let Some(count) = joined(rest) {
            let (island, behind) = rest.split_at(count);
            let after_gap = island.first().map(|placed| placed.start) != begin;
            blank_island(island, after_gap, !behind.is_empty(), frames);
            rest = behind;
        }
    }
}

/// How many of the first parts leave no byte out between them.
fn joined(parts: &[Placed<'_>]) -> Option<usize> {
    let mut end = parts.first()?.start;
    let count = parts
        .iter()
        .take_while(|placed| {
            let joins = placed.start <= end;
            if joins {
                end = end.max(placed.end());
            }
            joins
        })
        .count();
    Some(count)
}

/// Lays the parts out, blanks, and gives each part its blanked bytes. A part that differs from what was laid out before it
/// is blanked by itself too.
fn blank_island(
    island: &[Placed<'_>],
    after_gap: bool,
    before_gap: bool,
    frames: &mut [Box<[u8]>],
) {
    let start = island.first().map_or(0, |placed| placed.start);
    let mut laid: Vec<u8> = Vec::new();
    let mut odd = Vec::new();
    for placed in island {
        let payload = payload(placed.part, frames);
        let at = placed.behind(start);
        let known = laid.get(at..).unwrap_or_default();
        let shared = known.len().min(payload.len());
        if known.get(..shared) != payload.get(..shared) {
            odd.push(placed.part);
        }
        laid.extend_from_slice(payload.get(shared..).unwrap_or_default());
    }
    let is_cut = island.iter().any(|placed| placed.part.is_cut);
    let mut blanked = laid.clone();
    auth::blank(&mut Island {
        bytes: &mut blanked,
        after_gap,
        before_gap: before_gap || is_cut,
    });
    for placed in island {
        let at = placed.behind(start);
        let Some(bytes) = frames
            .get_mut(placed.part.frame)
            .and_then(|frame| frame.get_mut(placed.part.range.clone()))
        else {
            continue;
        };
        let pairs = laid.iter().zip(&blanked).skip(at);
        for (byte, (laid, blanked)) in bytes.iter_mut().zip(pairs) {
            if laid != blanked {
                *byte = *blanked;
            }
        }
    }
    for part in odd {
        if let Some(bytes) = frames
            .get_mut(part.frame)
            .and_then(|frame| frame.get_mut(part.range.clone()))
        {
            auth::blank(&mut Island {
                bytes,
                after_gap: true,
                before_gap: true,
            });
        }
    }
}

fn payload<'f>(part: &Part, frames: &'f [Box<[u8]>]) -> &'f [u8] {
    frames
        .get(part.frame)
        .and_then(|frame| frame.get(part.range.clone()))
        .unwrap_or_default()
}
