//! How far each direction of a connection came: what was sent, what was acknowledged, what was repeated in vain.

use rtspscope_wire::decode::Segment;
use rtspscope_wire::tcp::{Place, Reassembler};
use rtspscope_wire::{TapId, Timestamp};

use crate::locator::Locator;
use crate::model::{Delivery, Repeated};

/// One direction while it is followed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    known: Delivery,
    /// Its last segment, and since when bytes wait for an acknowledgement.
    last: Option<Spot>,
    since: Option<Spot>,
    /// Payload bytes of the largest segment.
    largest: u32,
    /// The kernel has read a part of it.
    was_away: bool,
}

/// What of a place at a known tap is to be kept with every segment.
#[derive(Clone, Copy, Debug)]
struct Spot {
    frame: Option<u64>,
    at: Timestamp,
}

impl Spot {
    const fn of(at: Locator) -> Self {
        Self {
            frame: at.frame,
            at: at.at,
        }
    }

    const fn locator(self, tap: TapId) -> Locator {
        Locator {
            tap,
            frame: self.frame,
            at: self.at,
            stream_offset: None,
        }
    }
}

impl Progress {
    /// Takes note of a segment that brings what comes next and no more: a short cut for media.
    #[inline]
    pub(crate) fn pass(&mut self, segment: &Segment<'_>, at: Locator) {
        self.note(segment, at);
        self.known.seen = Some(segment.seq.wrapping_add(segment.payload_len));
    }

    /// Takes note of the other direction's word up to where this one has come there.
    #[inline]
    pub(crate) fn hear(&mut self, ack: u32, at: Locator) {
        if self.known.acknowledged != Some(ack) {
            self.known.acknowledged = Some(ack);
            self.since = Some(Spot::of(at));
        }
    }

    /// Takes note of any segment.
    #[inline]
    pub(crate) fn note(&mut self, segment: &Segment<'_>, at: Locator) {
        let end = segment.seq.wrapping_add(segment.payload_len);
        if segment.flags.syn() || segment.payload_len > 0 {
            let begin = segment.seq.wrapping_add(u32::from(segment.flags.syn()));
            self.known.begin.get_or_insert(begin);
        }
        let is_first = self.since.is_none() || self.known.acknowledged == self.known.seen;
        if segment.payload_len > 0 && is_first {
            self.since = Some(Spot::of(at));
        }
        let is_farther = |reached: u32| end.wrapping_sub(reached).cast_signed() > 0;
        if !segment.flags.rst() && self.known.reached.is_none_or(is_farther) {
            self.known.reached = Some(end);
        }
        self.largest = self.largest.max(segment.payload_len);
        self.last = Some(Spot::of(at));
    }

    /// Takes in what the reader of this direction knows by now. Once the other end has hung up, nothing is repeated in vain
    /// any more.
    pub(crate) fn read(&mut self, tap: TapId, reader: &Reassembler, is_over: bool, now: Locator) {
        self.known.isn = reader.isn();
        self.known.seen = reader.next_seq();
        let position = reader.position();
        self.known.begin = position.map(|(seq, offset)| seq.wrapping_sub(offset as u32));
        if let Some(heard) = reader.heard_seq() {
            self.hear(heard, now);
        }
        self.known.missing = reader.unheard_missing_bytes();
        let at = |place: Place| Locator::of(tap, place);
        if !is_over {
            self.known.repeated = reader.unheard().map(|unheard| Repeated {
                first: at(unheard.first),
                last: at(unheard.last),
                times: unheard.times,
                len: unheard.len,
            });
        }
    }

    /// Whether the other end acknowledges one number more than any segment from here brought: that of a FIN (RFC 9293 §3.4).
    /// The number after `begin` is the SYN's.
    pub(crate) fn is_one_short_of(&self, ack: u32, begin: Option<u32>) -> bool {
        let reached = self.known.reached.filter(|_| self.known.reached != begin);
        reached.is_some_and(|reached| ack == reached.wrapping_add(1))
    }

    /// Sequence number that a place of the stream has.
    pub(crate) fn seq_at(&self, offset: u64) -> Option<u32> {
        Some(self.known.begin?.wrapping_add(offset as u32))
    }

    /// Whether a segment that begins so is what comes next, as far as anything is known.
    pub(crate) fn is_next(&self, seq: u32) -> bool {
        self.known.seen.is_none_or(|seen| seen == seq)
    }

    /// Whether an acknowledgement of the other end goes beyond all that was seen.
    pub(crate) fn is_behind(&self, acknowledged: u32) -> bool {
        let seen = self.known.seen.or(self.known.begin);
        seen.is_none_or(|seen| acknowledged.wrapping_sub(seen).cast_signed() > 0)
    }

    /// The kernel reads on: what passes from here on is not known.
    pub(crate) fn take_over(&mut self) {
        self.was_away = true;
    }

    /// Takes note of what only the kernel has seen.
    pub(crate) fn hear_of(&mut self, last: Timestamp) {
        if self.last.is_none_or(|known| known.at < last) {
            self.last = Some(Spot {
                frame: None,
                at: last,
            });
        }
    }

    /// What outputs may know of it; what the kernel may have read meanwhile is left out.
    pub(crate) fn delivery(&self, tap: TapId, is_away: bool) -> Delivery {
        let mut known = self.known;
        known.last = self.last.map(|last| last.locator(tap));
        known.since = self.since.map(|since| since.locator(tap));
        known.largest = (!self.was_away).then_some(self.largest);
        if is_away {
            (known.seen, known.acknowledged, known.repeated) = (None, None, None);
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use rtspscope_wire::decode::TcpFlags;

    use super::*;
    use crate::testkit::{LAN, at};

    fn segment(seq: u32, payload: &[u8]) -> Segment<'_> {
        let end = SocketAddr::from(([10, 0, 0, 1], 554));
        Segment {
            source: end,
            destination: end,
            seq,
            ack: 1,
            flags: TcpFlags::ACK,
            window: 500,
            payload,
            payload_len: payload.len() as u32,
        }
    }

    #[test]
    fn silence_counts_from_the_oldest_bytes_that_are_not_acknowledged() {
        let mut progress = Progress::default();
        let since = |progress: &Progress| progress.delivery(LAN, false).since.map(|at| at.frame);
        progress.pass(&segment(100, b"abc"), at(LAN, 1.0, 1));
        progress.hear(103, at(LAN, 1.1, 2));
        progress.pass(&segment(103, b"de"), at(LAN, 2.0, 3));
        progress.pass(&segment(105, b"fg"), at(LAN, 3.0, 4));
        assert_eq!(since(&progress), Some(Some(3)));
        progress.hear(105, at(LAN, 3.5, 5));
        assert_eq!(since(&progress), Some(Some(5)));
    }

    #[test]
    fn an_acknowledgement_alone_tells_how_far_its_sender_had_come() {
        let mut progress = Progress::default();
        progress.pass(&segment(100, b"abc"), at(LAN, 1.0, 1));
        progress.note(&segment(140, b""), at(LAN, 2.0, 2));
        let known = progress.delivery(LAN, false);
        assert_eq!((known.seen, known.reached), (Some(103), Some(140)));
        assert_eq!(known.largest, Some(3));
    }

    #[test]
    fn a_fin_that_did_not_come_by_shows_by_its_acknowledgement() {
        let mut progress = Progress::default();
        progress.note(&segment(99, b""), at(LAN, 0.9, 1));
        assert!(!progress.is_one_short_of(100, Some(99)), "that is the SYN");
        progress.pass(&segment(100, b"abc"), at(LAN, 1.0, 2));
        let acks = [103, 104, 105].map(|ack| progress.is_one_short_of(ack, Some(99)));
        assert_eq!(acks, [false, true, false]);
    }

    #[test]
    fn what_the_kernel_reads_is_not_known() {
        let mut progress = Progress::default();
        progress.pass(&segment(100, b"abc"), at(LAN, 1.0, 1));
        progress.take_over();
        let known = progress.delivery(LAN, true);
        assert_eq!((known.seen, known.largest), (None, None));
        assert_eq!(progress.delivery(LAN, false).seen, Some(103));
    }
}
