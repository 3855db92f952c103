//! Puts segments in order, and decides when a hole in the capture is a loss.

use std::ops::Range;

use super::held::{Held, HeldPiece};
use super::recent::Recent;
use super::{Piece, Place, ReassemblyLimits, ReassemblyStats, Recall, Unheard};
use crate::Timestamp;
use crate::decode::{Segment, TcpFlags};

/// Largest window that TCP knows, with scaling (RFC 7323 §2.3): a sequence number further away is not of this stream.
const MAX_WINDOW: u32 = 1 << 30;
/// Segments in a row, each right after the one before, that prove that the stream goes on outside the window.
const STRAYS_THAT_PROVE: u8 = 3;

/// Puts the segments of one direction in order.
#[derive(Clone, Debug)]
pub struct Reassembler {
    limits: ReassemblyLimits,
    stats: ReassemblyStats,
    isn: Option<u32>,
    /// Sequence number that stands for `offset`.
    next: Option<u32>,
    /// Stream offset up to which everything was delivered.
    offset: u64,
    /// Stream offset up to which the peer has acknowledged what the capture may lack.
    acked: u64,
    /// Stream offset up to which the peer has acknowledged, without the FIN.
    heard: u64,
    /// What was repeated of the bytes that the peer has not acknowledged.
    unheard: Option<Unheard>,
    /// Where the first gap begins that the peer has not acknowledged, and the bytes of all such gaps.
    unheard_gap: Option<(u64, u64)>,
    /// Stream offset of the FIN.
    end: Option<u64>,
    held: Held,
    recent: Recent,
    strays: StrayRun,
    last_place: Place,
}

/// Segments far away that follow one another: after a long hole in the capture the stream goes on there.
#[derive(Clone, Copy, Debug, Default)]
struct StrayRun {
    next: u32,
    count: u8,
}

impl Reassembler {
    /// A direction of which nothing has been seen.
    pub const fn new(limits: ReassemblyLimits) -> Self {
        Self {
            limits,
            stats: ReassemblyStats {
                retransmitted_bytes: 0,
                conflicting_bytes: 0,
                missing_bytes: 0,
                keepalives: 0,
                stray_segments: 0,
            },
            isn: None,
            next: None,
            offset: 0,
            acked: 0,
            heard: 0,
            unheard: None,
            unheard_gap: None,
            end: None,
            held: Held::new(),
            recent: Recent::new(),
            strays: StrayRun { next: 0, count: 0 },
            last_place: Place {
                at: Timestamp(0),
                frame: 0,
            },
        }
    }

    /// Takes a segment of this direction; what it completes comes out of `sink`, which says of each piece whether it is
    /// worth comparing with a retransmission.
    pub fn handle_segment(
        &mut self,
        segment: &Segment<'_>,
        place: Place,
        sink: &mut impl FnMut(Piece<'_>) -> Recall,
    ) {
        self.last_place = place;
        if self.is_new_connection(segment) {
            self.stats.stray_segments += 1;
            return;
        }
        let mut seq = segment.seq;
        if segment.flags.syn() {
            self.isn = Some(seq);
            seq = seq.wrapping_add(1);
            self.next.get_or_insert(seq);
        }
        let len = segment.payload_len;
        // What an RST carries is a remark for people, no part of the stream (RFC 1122 §4.2.2.12).
        if segment.flags.rst() || (len == 0 && self.next.is_none()) {
            return;
        }
        let next = *self.next.get_or_insert(seq);
        let Some(ahead) = self.distance(next, seq, len, sink) else {
            return;
        };
        if ahead == -1 && len <= 1 && !segment.flags.syn() && !segment.flags.fin() {
            self.stats.keepalives += 1;
            return;
        }
        if segment.flags.fin() {
            self.end = self.offset.checked_add_signed(ahead + i64::from(len));
        }
        let data = Data {
            bytes: segment
                .payload
                .get(..len as usize)
                .unwrap_or(segment.payload),
            len: len.into(),
            place,
        };
        self.accept(ahead, data, sink);
        self.give_up_acknowledged(sink);
    }

    /// Whether a segment is simply what comes next: plain data in order, all of it captured, while nothing waits.
    #[inline]
    pub fn expects(&self, segment: &Segment<'_>) -> bool {
        let without_push = segment.flags.0 & !TcpFlags::PSH.0;
        self.next == Some(segment.seq)
            && without_push == TcpFlags::ACK.0
            && segment.payload.len() == segment.payload_len as usize
            && self.held.is_empty()
    }

    /// Takes a segment that it [expects](Self::expects) and returns its payload, of which nothing is recalled: a short
    /// cut for media.
    #[inline]
    pub fn pass<'a>(&mut self, segment: &Segment<'a>, place: Place) -> Piece<'a> {
        let offset = self.offset;
        self.last_place = place;
        self.strays.count = 0;
        self.recent.clear();
        self.advance(segment.payload.len() as u64);
        Piece::Chunk {
            offset,
            bytes: segment.payload,
            place,
        }
    }

    /// Whether all that an acknowledgment of the other direction speaks of was delivered.
    #[inline]
    pub fn has_delivered(&self, ack: u32) -> bool {
        self.next
            .is_some_and(|next| ack.wrapping_sub(next).cast_signed() <= 0)
    }

    /// Takes the acknowledgment number of a segment of the other direction that has the ACK flag.
    ///
    /// Bytes that the peer has and the capture lacks become a gap as soon as data behind them is at hand: until then they
    /// may still come, since taps on two interfaces or two queues do not keep the order between the directions.
    pub fn handle_peer_ack(&mut self, ack: u32, sink: &mut impl FnMut(Piece<'_>) -> Recall) {
        let Some(next) = self.next else { return };
        let ahead = ack.wrapping_sub(next);
        self.note_heard(ahead.cast_signed());
        if ahead == 0 || ahead > MAX_WINDOW {
            return;
        }
        let acked = self.offset + u64::from(ahead);
        let acked = self.end.map_or(acked, |end| acked.min(end));
        self.acked = self.acked.max(acked);
        self.give_up_acknowledged(sink);
    }

    /// Takes note that someone else has read the stream up to `seq`: nothing before it is missing. What waits behind it
    /// comes out with [`Self::deliver_waiting`]. Returns the stream offset of `seq`; `None` where no byte was seen before.
    pub fn skip_to(&mut self, seq: u32) -> Option<u64> {
        let ahead = seq.wrapping_sub(self.next?);
        if ahead.cast_signed() > 0 {
            self.recent.clear();
            self.advance(ahead.into());
        }
        while let Some((first, _)) = self.held.first().filter(|(first, _)| *first < self.offset) {
            let Some(mut piece) = self.held.take_at(first) else {
                break;
            };
            let read = self.offset - first;
            if read < piece.len {
                piece.len -= read;
                piece.bytes.drain(..(read as usize).min(piece.bytes.len()));
                self.held.insert(self.offset, piece);
            }
        }
        Some(self.offset)
    }

    /// Delivers what waits and is next now.
    pub fn deliver_waiting(&mut self, sink: &mut impl FnMut(Piece<'_>) -> Recall) {
        self.deliver_held(sink);
    }

    /// Ends the capture: everything that waits comes out, with gaps for what never came.
    pub fn finish(&mut self, sink: &mut impl FnMut(Piece<'_>) -> Recall) {
        self.flush_held(sink);
        let end = match self.end {
            Some(end) => end,
            // One acknowledged byte more may be a FIN that the capture lacks.
            None if self.acked > self.offset + 1 => self.acked,
            None => self.offset,
        };
        self.give_up_to(end, self.last_place, sink);
    }

    /// Counts so far.
    pub const fn stats(&self) -> ReassemblyStats {
        self.stats
    }

    /// What was repeated of the bytes that the peer has not acknowledged by now: the sender keeps on asking in vain. `None`
    /// where nothing was repeated, or where the peer has acknowledged more since.
    pub const fn unheard(&self) -> Option<Unheard> {
        self.unheard
    }

    /// Bytes that are missing and that the peer has not acknowledged either: they were lost before they came here.
    pub fn unheard_missing_bytes(&self) -> u64 {
        self.unheard_gap.map_or(0, |(_, bytes)| bytes)
    }

    /// Sequence number up to which the peer has acknowledged data; `None` before it has acknowledged any.
    pub fn heard_seq(&self) -> Option<u32> {
        let next = self.next.filter(|_| self.heard > 0)?;
        let ahead = (self.heard as u32).wrapping_sub(self.offset as u32);
        Some(next.wrapping_add(ahead))
    }

    /// Initial sequence number, where the SYN was seen.
    pub const fn isn(&self) -> Option<u32> {
        self.isn
    }

    /// Sequence number of the next byte that is expected in order.
    pub const fn next_seq(&self) -> Option<u32> {
        self.next
    }

    /// The same, with the stream offset that it stands for.
    pub fn position(&self) -> Option<(u32, u64)> {
        Some((self.next?, self.offset))
    }

    /// Payload bytes that are held back now.
    pub const fn buffered_bytes(&self) -> usize {
        self.held.bytes()
    }

    /// Pieces of payload that are held back now.
    pub fn buffered_segments(&self) -> usize {
        self.held.count()
    }

    /// True where the segment opens another connection on the same addresses and ports: a SYN that belongs nowhere in
    /// this one. The caller then ends this reassembler and begins a new one.
    pub fn is_new_connection(&self, segment: &Segment<'_>) -> bool {
        if !segment.flags.syn() {
            return false;
        }
        match (self.isn, self.next) {
            (Some(isn), _) => isn != segment.seq,
            // Begun without a SYN: it may still come late, and then ends right before the first byte that was seen.
            (None, Some(next)) => {
                segment.seq.wrapping_add(1) != next.wrapping_sub(self.offset as u32)
            }
            (None, None) => false,
        }
    }

    /// Takes an acknowledgment that ends `ahead` bytes after what was delivered.
    fn note_heard(&mut self, ahead: i32) {
        if ahead.unsigned_abs() > MAX_WINDOW {
            return;
        }
        let heard = self.offset.saturating_add_signed(ahead.into());
        if heard > self.heard {
            self.heard = heard;
            self.unheard = self.unheard.filter(|unheard| unheard.start >= heard);
            self.unheard_gap = self.unheard_gap.filter(|(first, _)| *first >= heard);
        }
    }

    /// How far `seq` is ahead of what was delivered, in bytes; `None` for a stray segment.
    fn distance(
        &mut self,
        next: u32,
        seq: u32,
        len: u32,
        sink: &mut impl FnMut(Piece<'_>) -> Recall,
    ) -> Option<i64> {
        let ahead = seq.wrapping_sub(next).cast_signed();
        if ahead.unsigned_abs() <= MAX_WINDOW {
            self.strays.count = 0;
            return Some(ahead.into());
        }
        self.stats.stray_segments += 1;
        if len == 0 {
            return None;
        }
        let follows = self.strays.count > 0 && self.strays.next == seq;
        let count = if follows {
            self.strays.count.saturating_add(1)
        } else {
            1
        };
        self.strays = StrayRun {
            next: seq.wrapping_add(len),
            count,
        };
        if count < STRAYS_THAT_PROVE {
            return None;
        }
        self.strays.count = 0;
        self.flush_held(sink);
        let missing = seq.wrapping_sub(self.next.unwrap_or(seq));
        self.give_up_to(self.offset + u64::from(missing), self.last_place, sink);
        Some(0)
    }

    /// Takes data that begins `ahead` bytes after what was delivered.
    fn accept(&mut self, ahead: i64, data: Data<'_>, sink: &mut impl FnMut(Piece<'_>) -> Recall) {
        let behind = ahead.min(0).unsigned_abs();
        if behind > 0 {
            self.count_delivered(behind, data.part(0..behind.min(data.len)));
        }
        if behind >= data.len {
            return;
        }
        let data = data.part(behind..data.len);
        if ahead <= 0 && self.held.is_empty() {
            self.deliver(data, sink);
            return;
        }
        self.accept_around_held(self.offset + ahead.max(0).unsigned_abs(), data, sink);
    }

    /// Counts data that begins `behind` bytes before the end of what was delivered.
    fn count_delivered(&mut self, behind: u64, again: Data<'_>) {
        self.stats.retransmitted_bytes += again.len;
        self.stats.conflicting_bytes += self.recent.conflicts(behind, again.bytes);
        self.note_repeat(self.offset.saturating_sub(behind), again);
    }

    /// Takes note of data that came before, from stream offset `start` on, if the peer has not acknowledged all of it.
    fn note_repeat(&mut self, start: u64, again: Data<'_>) {
        if start + again.len <= self.heard {
            return;
        }
        let known = self.unheard.get_or_insert(Unheard {
            start: start.max(self.heard),
            first: again.place,
            last: again.place,
            times: 0,
            len: 0,
        });
        known.last = again.place;
        known.times = known.times.saturating_add(1);
        known.len = again.len;
    }

    /// Takes the parts of `data` that are not held already: the first copy wins.
    fn accept_around_held(
        &mut self,
        start: u64,
        data: Data<'_>,
        sink: &mut impl FnMut(Piece<'_>) -> Recall,
    ) {
        let end = start + data.len;
        let mut at = start;
        while at < end {
            // What was held may have come out in the meantime.
            if at < self.offset {
                let to = self.offset.min(end);
                self.count_delivered(self.offset - at, data.part(at - start..to - start));
                at = to;
                continue;
            }
            let Some((range, held)) = self.held.first_overlap(&(at..end)) else {
                self.deliver_or_hold(at, data.part(at - start..data.len), sink);
                break;
            };
            let (from, to) = (range.start.max(at), range.end.min(end));
            let again = data.part(from - start..to - start);
            let held = held
                .get((from - range.start) as usize..)
                .unwrap_or_default();
            self.stats.retransmitted_bytes += again.len;
            self.stats.conflicting_bytes += count_differences(held, again.bytes);
            self.note_repeat(from, again);
            if at < from {
                self.deliver_or_hold(at, data.part(at - start..from - start), sink);
            }
            at = to;
        }
    }

    fn deliver_or_hold(
        &mut self,
        at: u64,
        data: Data<'_>,
        sink: &mut impl FnMut(Piece<'_>) -> Recall,
    ) {
        while at > self.offset && !self.has_room(data.bytes.len()) {
            match self.held.first() {
                Some((first, place)) if first < at => self.give_up_to(first, place, sink),
                Some(_) | None => self.give_up_to(at, data.place, sink),
            }
            self.deliver_held(sink);
        }
        if at == self.offset {
            self.deliver(data, sink);
            self.deliver_held(sink);
        } else {
            let piece = HeldPiece {
                bytes: data.bytes.to_vec(),
                len: data.len,
                place: data.place,
            };
            self.held.insert(at, piece);
        }
    }

    fn has_room(&self, len: usize) -> bool {
        self.held.bytes() + len <= self.limits.max_buffered_bytes
            && self.held.count() < self.limits.max_buffered_segments
    }

    fn give_up_acknowledged(&mut self, sink: &mut impl FnMut(Piece<'_>) -> Recall) {
        while let Some((first, place)) = self.held.first()
            && self.acked > self.offset
        {
            self.give_up_to(first.min(self.acked), place, sink);
            self.deliver_held(sink);
        }
    }

    fn flush_held(&mut self, sink: &mut impl FnMut(Piece<'_>) -> Recall) {
        while let Some((first, place)) = self.held.first() {
            self.give_up_to(first, place, sink);
            self.deliver_held(sink);
        }
    }

    /// Delivers the held pieces that are next.
    fn deliver_held(&mut self, sink: &mut impl FnMut(Piece<'_>) -> Recall) {
        while let Some(piece) = self.held.take_at(self.offset) {
            let data = Data {
                bytes: &piece.bytes,
                len: piece.len,
                place: piece.place,
            };
            self.deliver(data, sink);
        }
    }

    fn deliver(&mut self, data: Data<'_>, sink: &mut impl FnMut(Piece<'_>) -> Recall) {
        if !data.bytes.is_empty() {
            let recall = sink(Piece::Chunk {
                offset: self.offset,
                bytes: data.bytes,
                place: data.place,
            });
            match recall {
                Recall::Keep => self.recent.push(data.bytes),
                Recall::Forget => self.recent.clear(),
            }
            self.advance(data.bytes.len() as u64);
        }
        let cut = data.len.saturating_sub(data.bytes.len() as u64);
        self.give_up_to(self.offset + cut, data.place, sink);
    }

    fn give_up_to(
        &mut self,
        offset: u64,
        place: Place,
        sink: &mut impl FnMut(Piece<'_>) -> Recall,
    ) {
        let len = offset.saturating_sub(self.offset);
        if len > 0 {
            self.stats.missing_bytes += len;
            if self.offset >= self.heard {
                let (first, bytes) = self.unheard_gap.unwrap_or((self.offset, 0));
                self.unheard_gap = Some((first, bytes.saturating_add(len)));
            }
            self.recent.clear();
            sink(Piece::Gap {
                offset: self.offset,
                len,
                place,
            });
            self.advance(len);
        }
    }

    fn advance(&mut self, len: u64) {
        self.offset += len;
        self.next = self.next.map(|next| next.wrapping_add(len as u32));
    }
}

/// Payload of a segment or a part of it; `bytes` is shorter than `len` where the capture cut it.
#[derive(Clone, Copy)]
struct Data<'a> {
    bytes: &'a [u8],
    len: u64,
    place: Place,
}

impl Data<'_> {
    /// The part at `range`, which lies within `0..len`.
    fn part(&self, range: Range<u64>) -> Self {
        let present = self.bytes.len() as u64;
        let captured = range.start.min(present) as usize..range.end.min(present) as usize;
        Self {
            bytes: self.bytes.get(captured).unwrap_or_default(),
            len: range.end.saturating_sub(range.start),
            place: self.place,
        }
    }
}

fn count_differences(first: &[u8], second: &[u8]) -> u64 {
    first
        .iter()
        .zip(second)
        .filter(|(first, second)| first != second)
        .count() as u64
}
