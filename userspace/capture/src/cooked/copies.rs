//! Tells the copies of one packet, seen at the interfaces of a stack, from packets that the network doubled.
//!
//! Two frames hold the same packet if their IP headers, transport headers and the first bytes behind are equal; forwarding
//! changes at least the hop count. Transport checksums are left out: the lower interface of a stack may fill them in.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use rtspscope_wire::decode::IpPacket;
use rtspscope_wire::{FrameRef, Timestamp};

/// Longest time between two copies, in nanoseconds: queues lie between the interfaces of a stack.
const WINDOW_NANOS: i64 = 1_000_000_000;
/// Packets remembered before those older than the window are dropped.
const MAX_PACKETS: usize = 16_384;
/// Bytes behind the IP header that are compared.
const COMPARED_LEN: usize = 96;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// What the memory of recent packets says of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not seen before.
    First,
    /// Seen before at the same interface: the network doubled it.
    Again,
    /// Seen before at this other interface.
    CopyOf(u64),
}

/// A packet that was seen, and where.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Timestamp,
    place: u64,
}

/// How often packets of one side and direction were seen again.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    packets: u64,
    copies: u64,
}

/// Memory of recent packets.
#[derive(Debug, Default)]
pub(super) struct Copies {
    seen: HashMap<u64, Seen, FixedState>,
    tallies: HashMap<(usize, bool), Tally, FixedState>,
}

impl Copies {
    /// Remembers a packet that was seen at the interface `place`.
    pub(super) fn note(
        &mut self,
        frame: &FrameRef<'_>,
        packet: &IpPacket<'_>,
        place: u64,
    ) -> Verdict {
        match self.recall(fingerprint(frame, packet), frame.at, place) {
            None => Verdict::First,
            Some(seen) if seen.place == place => Verdict::Again,
            Some(seen) => Verdict::CopyOf(seen.place),
        }
    }

    /// Whether an outgoing packet came in just before without a hop: a bridge passed it on.
    pub(super) fn is_bridged(
        &self,
        frame: &FrameRef<'_>,
        packet: &IpPacket<'_>,
        outgoing: bool,
    ) -> bool {
        let came_in = self.seen.get(&(fingerprint(frame, packet) ^ way(false)));
        outgoing && is_telling(packet) && came_in.is_some_and(|seen| is_recent(seen.at, frame.at))
    }

    /// The side where a packet was seen before on the same way, as nearly all of this side and way are. Where only some
    /// are, the network doubled them.
    pub(super) fn stacked_on(
        &mut self,
        frame: &FrameRef<'_>,
        packet: &IpPacket<'_>,
        side: usize,
        outgoing: bool,
    ) -> Option<usize> {
        let key = fingerprint(frame, packet) ^ way(outgoing);
        let before = self.recall(key, frame.at, side as u64);
        let tally = self.tallies.entry((side, outgoing)).or_default();
        let copied = before.filter(|_| tally.copies * 4 + 4 >= tally.packets);
        tally.copies += u64::from(copied.is_some());
        tally.packets += u64::from(copied.is_none());
        copied.map(|seen| seen.place as usize)
    }

    /// What was remembered under `key` within the window; remembers it if nothing was.
    fn recall(&mut self, key: u64, at: Timestamp, place: u64) -> Option<Seen> {
        if self.seen.len() >= MAX_PACKETS {
            self.seen.retain(|_, seen| is_recent(seen.at, at));
        }
        if self.seen.len() >= MAX_PACKETS {
            self.seen.clear();
        }
        let before = self.seen.get(&key).copied();
        let before = before.filter(|seen| is_recent(seen.at, at));
        if before.is_none() {
            self.seen.insert(key, Seen { at, place });
        }
        before
    }
}

fn is_recent(then: Timestamp, now: Timestamp) -> bool {
    (now - then).abs().0 <= WINDOW_NANOS
}

/// Keeps what came in and what went out apart.
const fn way(outgoing: bool) -> u64 {
    if outgoing { 0x9e37_79b9_7f4a_7c15 } else { 0 }
}

/// Whether equal packets at two interfaces show that the interfaces belong together. Announcements do not: a host may
/// send the same one on several links.
pub(super) fn is_telling(packet: &IpPacket<'_>) -> bool {
    let unicast = |ip: std::net::IpAddr| !ip.is_multicast() && !ip.is_unspecified();
    matches!(packet.protocol, TCP | UDP) && unicast(packet.source) && unicast(packet.destination)
}

fn fingerprint(frame: &FrameRef<'_>, packet: &IpPacket<'_>) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    let header = frame.bytes.get(packet.start..packet.offset);
    hasher.write(header.unwrap_or_default());
    let is_first = packet.fragment.is_none_or(|fragment| fragment.offset == 0);
    let checksum = match packet.protocol {
        TCP if is_first => 16,
        UDP if is_first => 6,
        _ => COMPARED_LEN,
    };
    let compared = packet.payload.get(..COMPARED_LEN).unwrap_or(packet.payload);
    let (before, after) = compared.split_at(checksum.min(compared.len()));
    hasher.write(before);
    hasher.write(after.get(2..).unwrap_or_default());
    hasher.write_u32(packet.payload_len);
    hasher.finish()
}
