//! Segments that stand in a capture twice: a mirror port shows a packet where it comes in and where it goes out, a capture
//! of a line and the device under it shows it on both.
//!
//! No sender repeats what it has just sent within a few milliseconds, and never nearly all of it. Media are not asked: a
//! network may double the datagrams of a stream and leave the rest alone.

use rtspscope_wire::decode::Segment;
use rtspscope_wire::{Span, Timestamp};

use crate::locator::Locator;

/// A copy comes within this time; the least time-out after which a sender repeats is forty times as long (Linux: 200 ms).
const AT_ONCE: Span = Span::from_millis(5);
/// Segments of each end among which a copy is looked for.
const RECENT: usize = 4;
/// With so many segments it is no accident that they have copies.
const ENOUGH: u64 = 5;
/// Where there were none among so many, none are looked for any more.
const PLENTY: u64 = 64;
/// Of ten segments so many have a copy where all do, but for what the capture lost.
const OF_TEN: u64 = 8;

/// The copies in one connection at one tap.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Copies {
    recent: [[Option<Sent>; RECENT]; 2],
    segments: u64,
    repeated: u64,
    first: Option<Locator>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    seq: u32,
    len: u32,
    at: Timestamp,
}

impl Copies {
    /// Takes note of a segment that an end sent for the first time.
    #[inline]
    pub(crate) fn note_new(&mut self, end: usize, segment: &Segment<'_>, at: Timestamp) {
        if self.first.is_none() && self.segments >= PLENTY {
            return;
        }
        self.segments += 1;
        let place = self.segments as usize % RECENT;
        if let Some(sent) = self.recent.get_mut(end).and_then(|own| own.get_mut(place)) {
            let (seq, len) = (segment.seq, segment.payload_len);
            *sent = Some(Sent { seq, len, at });
        }
    }

    /// Takes note of a segment that may be a copy.
    pub(crate) fn note(&mut self, end: usize, segment: &Segment<'_>, at: Locator) {
        if segment.payload_len == 0 {
            return;
        }
        let own = self.recent.get(end).into_iter().flatten().flatten();
        let mut alike = own.filter(|sent| {
            (sent.seq, sent.len) == (segment.seq, segment.payload_len)
                && (at.at - sent.at).abs() <= AT_ONCE
        });
        if alike.next().is_some() {
            self.repeated += 1;
            self.first.get_or_insert(at);
        } else {
            self.note_new(end, segment, at.at);
        }
    }

    /// The first copy, where nearly every segment has one.
    pub(crate) fn all_twice(&self) -> Option<Locator> {
        let nearly_all = self.repeated * 10 >= self.segments * OF_TEN;
        self.first.filter(|_| self.segments >= ENOUGH && nearly_all)
    }
}
