//! Puts IPv4 and IPv6 fragments together, so that a fragmented datagram counts once and only if it came whole.
//!
//! Many captures hold first fragments only: a filter on ports lets no other one pass. So a tap that never showed another
//! one gives its first fragments as they are; each waits for the next of that tap, so that none is given too early.
//! Fragments that overlap are given up as receivers do (RFC 5722 §4, and Linux for IPv4 as well). Packets that are not
//! fragments never come here.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

use crate::decode::{Fragment, IpPacket};
use crate::{FrameRef, Span, TapId, Timestamp};

/// How long fragments wait for each other: what Linux gives them (`ipfrag_time`).
const WAIT: Span = Span::from_secs(30);
/// Longest payload of an IP packet that can be fragmented.
const MAX_LEN: u32 = 65_535;
/// Fragments of one packet; a full-sized packet has 45 on Ethernet.
const MAX_PIECES: usize = 256;

/// Caps on what waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentLimits {
    /// Packets that wait at one time; a new one beyond it replaces the oldest.
    pub packets: usize,
    /// Captured bytes of all of them.
    pub bytes: usize,
}

/// A packet that was put together, or the first fragment of one where a tap shows no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole<'a> {
    /// Time of the fragment that completed it.
    pub at: Timestamp,
    /// The tap.
    pub tap: TapId,
    /// Number of that fragment's frame.
    pub number: u64,
    /// The packet. Its offsets count from the begin of its payload; its payload ends where a cut capture lacks a byte.
    pub packet: IpPacket<'a>,
}

/// Fragments that wait for others.
#[derive(Clone, Debug)]
pub struct Defragmenter {
    limits: FragmentLimits,
    /// The oldest first.
    waiting: VecDeque<Partial>,
    bytes: usize,
    /// Taps that showed a fragment other than a first one.
    full_taps: BTreeSet<TapId>,
    given_up: u64,
    /// The packet that was given last.
    whole: Vec<u8>,
}

/// What the fragments of a packet share (RFC 791 §3.2, RFC 8200 §4.5), where they were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    id: u32,
    tap: TapId,
    protocol: u8,
    source: IpAddr,
    destination: IpAddr,
}

#[derive(Clone, Debug)]
struct Partial {
    key: Key,
    first_at: Timestamp,
    first_number: u64,
    pieces: Vec<Piece>,
    /// Length of the whole payload, once the last fragment is there.
    total: Option<u32>,
}

#[derive(Clone, Debug)]
struct Piece {
    offset: u32,
    /// On the wire.
    len: u32,
    more: bool,
    captured: Vec<u8>,
}

/// What a further fragment made of a packet.
enum Grown {
    Incomplete,
    Complete(u32),
    Broken,
}

impl Defragmenter {
    /// Nothing waits.
    pub fn new(limits: FragmentLimits) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            bytes: 0,
            full_taps: BTreeSet::new(),
            given_up: 0,
            whole: Vec::new(),
        }
    }

    /// Takes a fragment; gives the packet that it completes, or an earlier first fragment that stays alone.
    pub fn handle(&mut self, frame: &FrameRef<'_>, packet: &IpPacket<'_>) -> Option<Whole<'_>> {
        let fragment = packet.fragment?;
        self.expire(frame.at);
        let Some(piece) = Piece::read(packet, fragment) else {
            self.given_up += 1;
            return None;
        };
        if fragment.offset > 0 {
            self.full_taps.insert(frame.tap);
        }
        let key = Key {
            id: fragment.id,
            tap: frame.tap,
            protocol: packet.protocol,
            source: packet.source,
            destination: packet.destination,
        };
        let Some(at) = self.waiting.iter().rposition(|waiting| waiting.key == key) else {
            let alone = self.take_alone(frame.tap);
            self.wait(Partial::new(key, frame, piece));
            return alone.map(|alone| self.give_first(&alone));
        };
        let partial = self.waiting.get_mut(at)?;
        let before = partial.captured_len();
        let grown = partial.add(piece);
        self.bytes += partial.captured_len() - before;
        match grown {
            Grown::Incomplete => {
                self.make_room();
                None
            }
            Grown::Broken => {
                self.given_up += 1;
                self.remove(at);
                None
            }
            Grown::Complete(total) => {
                let partial = self.remove(at)?;
                Some(self.give_whole(partial, total, frame))
            }
        }
    }

    /// No more fragments come: first fragments of taps that showed no others are given, the rest is given up.
    pub fn finish(&mut self, mut give: impl FnMut(Whole<'_>)) {
        while let Some(partial) = self.remove(0) {
            if self.full_taps.contains(&partial.key.tap) {
                self.given_up += 1;
            } else {
                give(self.give_first(&partial));
            }
        }
    }

    /// Packets that were given up since the last call: incomplete, beyond a cap, overlapping or impossible.
    pub fn take_given_up(&mut self) -> u64 {
        std::mem::take(&mut self.given_up)
    }

    fn expire(&mut self, now: Timestamp) {
        while self
            .waiting
            .front()
            .is_some_and(|first| now - first.first_at > WAIT)
        {
            self.remove(0);
            self.given_up += 1;
        }
    }

    /// The waiting first fragment of a tap that shows no others.
    fn take_alone(&mut self, tap: TapId) -> Option<Partial> {
        if self.full_taps.contains(&tap) {
            return None;
        }
        let at = self
            .waiting
            .iter()
            .position(|waiting| waiting.key.tap == tap)?;
        self.remove(at)
    }

    fn wait(&mut self, partial: Partial) {
        self.bytes += partial.captured_len();
        self.waiting.push_back(partial);
        self.make_room();
    }

    fn make_room(&mut self) {
        while self.waiting.len() > self.limits.packets || self.bytes > self.limits.bytes {
            if self.remove(0).is_none() {
                break;
            }
            self.given_up += 1;
        }
    }

    fn remove(&mut self, at: usize) -> Option<Partial> {
        let partial = self.waiting.remove(at)?;
        self.bytes = self.bytes.saturating_sub(partial.captured_len());
        Some(partial)
    }

    fn give_whole(&mut self, mut partial: Partial, total: u32, last: &FrameRef<'_>) -> Whole<'_> {
        partial.pieces.sort_unstable_by_key(|piece| piece.offset);
        self.whole.clear();
        for piece in &partial.pieces {
            self.whole.extend_from_slice(&piece.captured);
            if piece.captured.len() < piece.len as usize {
                break;
            }
        }
        Whole {
            at: last.at,
            tap: last.tap,
            number: last.number,
            packet: partial.key.packet(None, &self.whole, total),
        }
    }

    fn give_first(&mut self, partial: &Partial) -> Whole<'_> {
        let id = partial.key.id;
        let mut fragment = Fragment {
            id,
            offset: 0,
            more: true,
        };
        let mut len = 0;
        self.whole.clear();
        if let Some(piece) = partial.pieces.first() {
            self.whole.extend_from_slice(&piece.captured);
            (fragment.offset, len) = (piece.offset, piece.len);
        }
        Whole {
            at: partial.first_at,
            tap: partial.key.tap,
            number: partial.first_number,
            packet: partial.key.packet(Some(fragment), &self.whole, len),
        }
    }
}

impl Key {
    fn packet(self, fragment: Option<Fragment>, payload: &[u8], payload_len: u32) -> IpPacket<'_> {
        IpPacket {
            source: self.source,
            destination: self.destination,
            protocol: self.protocol,
            fragment,
            start: 0,
            offset: 0,
            payload,
            payload_len,
        }
    }
}

impl Piece {
    /// `None` for a fragment that no packet can have: beyond the longest, or not the last and no multiple of 8 long.
    fn read(packet: &IpPacket<'_>, fragment: Fragment) -> Option<Self> {
        let len = packet.payload_len;
        let fits = len > 0 && fragment.offset.checked_add(len)? <= MAX_LEN;
        let aligned = !fragment.more || len.is_multiple_of(8);
        (fits && aligned).then(|| Self {
            offset: fragment.offset,
            len,
            more: fragment.more,
            captured: packet.payload.to_vec(),
        })
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.offset < other.offset + other.len && other.offset < self.offset + self.len
    }
}

impl Partial {
    fn new(key: Key, frame: &FrameRef<'_>, piece: Piece) -> Self {
        Self {
            key,
            first_at: frame.at,
            first_number: frame.number,
            total: (!piece.more).then_some(piece.offset + piece.len),
            pieces: vec![piece],
        }
    }

    fn captured_len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.captured.len()).sum()
    }

    fn add(&mut self, piece: Piece) -> Grown {
        let same = |known: &Piece| (known.offset, known.len) == (piece.offset, piece.len);
        if self.pieces.iter().any(same) {
            return Grown::Incomplete;
        }
        let overlaps = self.pieces.iter().any(|known| known.overlaps(&piece));
        let two_ends = !piece.more && self.total.is_some();
        if overlaps || two_ends || self.pieces.len() >= MAX_PIECES {
            return Grown::Broken;
        }
        if !piece.more {
            self.total = Some(piece.offset + piece.len);
        }
        self.pieces.push(piece);
        let is_beyond = |piece: &Piece| {
            self.total
                .is_some_and(|total| piece.offset + piece.len > total)
        };
        if self.pieces.iter().any(is_beyond) {
            return Grown::Broken;
        }
        // Pieces never overlap and none lies behind the last, so they fill the packet exactly when their lengths add up to it.
        let present: u32 = self.pieces.iter().map(|piece| piece.len).sum();
        match self.total {
            Some(total) if present == total => Grown::Complete(total),
            Some(_) | None => Grown::Incomplete,
        }
    }
}

#[cfg(test)]
mod tests;
