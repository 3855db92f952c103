//! Linux cooked captures: one stream of packets from all interfaces of a host, taken apart into one tap per side.
//!
//! A router that is captured on `any` shows every forwarded packet several times: where it came in, where it left, with
//! another address after NAT and always with another hop count, and once more at each interface of a stack (a bridge and
//! its port, a VLAN and its parent). What came in and what left are two taps. The copies within a stack are equal to the
//! last byte, hop count and identification included, and only the first of them counts.

mod by_address;
mod copies;
mod header;

use std::collections::BTreeMap;

use rtspscope_wire::decode::{self, IpPacket};
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId};

use self::by_address::Sides;
use self::copies::{Copies, Verdict, is_telling};
use self::header::Header;
use super::tap_opener::TapOpener;

/// Interfaces or sides of one capture that become taps of their own; what is beyond belongs to the first.
const MAX_TAPS: usize = 64;

/// Whether frames of this type come from several interfaces at once.
pub(super) const fn is_cooked(link_type: LinkType) -> bool {
    matches!(link_type, LinkType::LINUX_SLL | LinkType::LINUX_SLL2)
}

/// Where a cooked frame belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// The tap of its side.
    pub tap: TapId,
    /// Its way across the interface.
    pub direction: Direction,
}

/// A cooked capture that is being taken apart.
#[derive(Debug, Default)]
pub(super) struct Cooked {
    sides: Sides,
    /// Side of each interface index; interfaces of a stack share one.
    by_index: BTreeMap<u32, usize>,
    copies: Copies,
    /// Taps by side, where the side had a frame that counts.
    taps: BTreeMap<usize, TapId>,
    last_tap: Option<TapId>,
    copy_count: u64,
}

impl Cooked {
    /// Says where a frame belongs; `None` for a copy of one that was placed already. A new side opens its tap.
    pub(super) fn place(
        &mut self,
        frame: &FrameRef<'_>,
        taps: &mut TapOpener<'_>,
    ) -> Option<Placed> {
        let header = Header::read(frame).unwrap_or_default();
        let packet = decode::ip(frame).ok();
        let side = match header.interface {
            Some(index) => self.side_of_index(index, frame, packet.as_ref())?,
            None => self.side_of_address(&header, frame, packet.as_ref())?,
        };
        // What is not IP shows no stack: it may have come through another interface of one that is known.
        let elsewhere = self.last_tap.filter(|_| packet.is_none());
        let known = self.taps.get(&side).copied().or(elsewhere);
        let tap = known.unwrap_or_else(|| {
            let name = match header.interface {
                Some(index) => format!("if{index}"),
                None => format!("side{}", self.taps.len() + 1),
            };
            let tap = taps.open_side(&name, frame.link_type);
            self.taps.insert(side, tap);
            tap
        });
        self.last_tap = Some(tap);
        let direction = header.direction;
        Some(Placed { tap, direction })
    }

    /// The taps of its sides.
    pub(super) fn taps(&self) -> impl Iterator<Item = TapId> {
        self.taps.values().copied()
    }

    /// The tap of the last frame.
    pub(super) const fn last_tap(&self) -> Option<TapId> {
        self.last_tap
    }

    /// Frames that were left out as copies.
    pub(super) const fn copy_count(&self) -> u64 {
        self.copy_count
    }

    /// Version 2 names the interface: an equal packet at another one is a copy, and shows that the two are stacked.
    fn side_of_index(
        &mut self,
        index: u32,
        frame: &FrameRef<'_>,
        packet: Option<&IpPacket<'_>>,
    ) -> Option<usize> {
        let next = self.by_index.len();
        let overflow = self.by_index.values().next().copied().unwrap_or(0);
        let fresh = if next < MAX_TAPS { next } else { overflow };
        let known = self.by_index.get(&index).copied();
        let side = known.unwrap_or(fresh);
        if known.is_none() && next < MAX_TAPS {
            self.by_index.insert(index, side);
        }
        let Some(packet) = packet else {
            return Some(side);
        };
        let copy_of = match self.copies.note(frame, packet, u64::from(index)) {
            Verdict::First | Verdict::Again => return Some(side),
            Verdict::CopyOf(other) => other as u32,
        };
        let other = self.by_index.get(&copy_of).copied().unwrap_or(side);
        if other != side && !is_telling(packet) {
            return Some(side);
        }
        if other != side {
            let (keep, leave) = self.elder(other, side);
            for stacked in self.by_index.values_mut().filter(|at| **at == leave) {
                *stacked = keep;
            }
        }
        self.copy_count += 1;
        None
    }

    /// Of two sides the one that has a tap already, else the one seen first.
    fn elder(&self, a: usize, b: usize) -> (usize, usize) {
        let rank = |side: usize| (!self.taps.contains_key(&side), side);
        if rank(a) <= rank(b) { (a, b) } else { (b, a) }
    }

    /// Version 1 names no interface: the side is worked out from link addresses and from whom the packet faces. An equal
    /// packet on another side is a copy there too (the device under a PPP link has a link address, the link has none).
    fn side_of_address(
        &mut self,
        header: &Header,
        frame: &FrameRef<'_>,
        packet: Option<&IpPacket<'_>>,
    ) -> Option<usize> {
        let outgoing = header.direction == Direction::Egress;
        let Some(packet) = packet.filter(|packet| !by_address::is_call_on_link(packet)) else {
            return Some(self.sides.of_other(header));
        };
        if self.copies.is_bridged(frame, packet, outgoing) {
            self.copy_count += 1;
            return None;
        }
        let side = self.sides.of_packet(header, packet);
        let Some(other) = self.copies.stacked_on(frame, packet, side, outgoing) else {
            return Some(side);
        };
        if other != side && is_telling(packet) {
            let (keep, leave) = self.elder(other, side);
            self.sides.join(keep, leave);
        }
        self.copy_count += 1;
        None
    }
}
