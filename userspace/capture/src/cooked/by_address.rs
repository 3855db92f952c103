//! Sides of a version 1 capture, which does not name the interface.
//!
//! What goes out carries the link address of its own interface. So an interface is known by whom it sends to, and what
//! comes in from one of them came through it. Until something went out to a host, its side is taken from its link
//! address, from its network, or from the router's address to which it speaks; a guess that proves wrong is mended.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::FixedState;
use rtspscope_wire::Direction;
use rtspscope_wire::decode::IpPacket;

use super::MAX_TAPS;
use super::header::{Header, LinkAddress};

/// Entries of each table; what comes later is guessed again with each packet.
const MAX_ENTRIES: usize = 8_192;
/// Ethernet, the kind of interface whose neighbours have addresses (`ARPHRD_ETHER`).
const ETHERNET: u16 = 1;

type Table<K> = HashMap<K, usize, FixedState>;

/// What is known of the sides.
#[derive(Debug, Default)]
pub(super) struct Sides {
    /// How many there are.
    count: usize,
    /// The side of each interface's own address: several where interfaces are stacked.
    owners: Table<LinkAddress>,
    /// Hosts that a side faces.
    hosts: Table<IpAddr>,
    /// The networks of these hosts and of the router's own addresses.
    networks: Table<IpAddr>,
    neighbours: Table<LinkAddress>,
    /// Senders of what went out that no side faces: the router itself.
    own: Table<IpAddr>,
}

impl Sides {
    /// The side of a packet.
    pub(super) fn of_packet(&mut self, header: &Header, packet: &IpPacket<'_>) -> usize {
        let outgoing = header.direction == Direction::Egress;
        let faced = if outgoing {
            packet.destination
        } else {
            packet.source
        };
        let side = match identity(header) {
            Some(owner) => self.of_owner(owner, faced),
            None => self.of_host(&header.sender, faced, packet.destination),
        };
        if is_host(faced) {
            learn(&mut self.hosts, faced, side);
            self.own.remove(&faced);
            if !is_link_local(faced) {
                learn(&mut self.networks, network(faced), side);
            }
        }
        if outgoing && is_host(packet.source) && !self.hosts.contains_key(&packet.source) {
            learn(&mut self.own, packet.source, side);
            if !is_link_local(packet.source) {
                self.networks.entry(network(packet.source)).or_insert(side);
            }
        }
        side
    }

    /// The side of a frame that holds no IP packet: the one of its own address, else the first.
    pub(super) fn of_other(&mut self, header: &Header) -> usize {
        let owner = identity(header);
        let known = owner.and_then(|owner| self.owners.get(&owner)).copied();
        let neighbour = || self.neighbours.get(&header.sender).copied();
        let side = known.or_else(neighbour).unwrap_or(0);
        self.count = self.count.max(1);
        side
    }

    /// Makes one side of two whose interfaces lie upon each other.
    pub(super) fn join(&mut self, keep: usize, leave: usize) {
        self.move_all(leave, keep);
        for side in self.owners.values_mut().filter(|side| **side == leave) {
            *side = keep;
        }
    }

    /// The side whose interface has this address. A side that was only guessed so far may turn out to be it.
    fn of_owner(&mut self, owner: LinkAddress, faced: IpAddr) -> usize {
        let guessed = self.guess(faced).filter(|side| self.is_unowned(*side));
        let known = self.owners.get(&owner).copied();
        match (known, guessed) {
            (Some(side), Some(guessed)) => {
                self.move_all(guessed, side);
                side
            }
            (Some(side), None) => side,
            (None, guessed) => {
                let side = guessed.or_else(|| self.only_unowned());
                let side = side.unwrap_or_else(|| self.new_side());
                learn(&mut self.owners, owner, side);
                side
            }
        }
    }

    fn of_host(&mut self, sender: &LinkAddress, host: IpAddr, spoken_to: IpAddr) -> usize {
        let known = self.hosts.get(&host).copied();
        let side = known
            .or_else(|| self.neighbours.get(sender).copied())
            .or_else(|| self.guess(host))
            .or_else(|| self.own.get(&spoken_to).copied())
            .or_else(|| self.only_unowned())
            .unwrap_or_else(|| self.new_side());
        learn(&mut self.neighbours, *sender, side);
        side
    }

    fn guess(&self, host: IpAddr) -> Option<usize> {
        let known = self.hosts.get(&host);
        known.or_else(|| self.networks.get(&network(host))).copied()
    }

    fn is_unowned(&self, side: usize) -> bool {
        side < self.count && self.owners.values().all(|owned| *owned != side)
    }

    /// The first side, if frames without IP made it and nothing else is known of it.
    fn only_unowned(&self) -> Option<usize> {
        (self.count == 1 && self.owners.is_empty() && self.hosts.is_empty()).then_some(0)
    }

    fn new_side(&mut self) -> usize {
        if self.count < MAX_TAPS {
            self.count += 1;
            self.count - 1
        } else {
            0
        }
    }

    /// Gives all that was guessed to be on one side to the other.
    fn move_all(&mut self, from: usize, to: usize) {
        let addresses = [&mut self.hosts, &mut self.networks, &mut self.own];
        let tables = addresses.into_iter().flat_map(HashMap::values_mut);
        for side in tables.chain(self.neighbours.values_mut()) {
            if *side == from {
                *side = to;
            }
        }
    }
}

/// The address that names the interface: its own, on the way out; on the way in only where neighbours have none.
fn identity(header: &Header) -> Option<LinkAddress> {
    let is_own = header.direction == Direction::Egress || header.sender.kind != ETHERNET;
    is_own.then_some(header.sender)
}

fn is_host(ip: IpAddr) -> bool {
    let broadcast = ip == IpAddr::V4(Ipv4Addr::BROADCAST);
    !ip.is_multicast() && !ip.is_unspecified() && !broadcast
}

/// Whether each link has this network for itself (RFC 3927, RFC 4291 §2.5.6), so that it tells no side.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

/// Whether a packet only asks on its own link who is there, as hosts do before they have an address to be known by.
pub(super) fn is_call_on_link(packet: &IpPacket<'_>) -> bool {
    let nameless = packet.source.is_unspecified() || is_link_local(packet.source);
    nameless && !is_host(packet.destination)
}

/// The network that a host most likely shares with its neighbours: 24 bits of an IPv4 address, 64 of an IPv6 one.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

fn learn<K: Eq + Hash>(table: &mut Table<K>, key: K, side: usize) {
    if table.len() < MAX_ENTRIES || table.contains_key(&key) {
        table.insert(key, side);
    }
}
