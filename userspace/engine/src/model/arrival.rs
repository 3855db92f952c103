//! What was seen of one medium beside one leg.

use std::net::{IpAddr, SocketAddr};

use rtspscope_wire::{TapId, Timestamp};

use super::{RtcpArrival, RtpArrival, Timeline};
use crate::locator::Locator;

/// What a tap saw of one medium beside one leg.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The tap.
    pub tap: TapId,
    /// Position in [`Session::legs`](super::Session::legs) of the leg beside which it came; `None` where the session has no
    /// leg at the tap.
    pub leg: Option<usize>,
    /// The medium itself, from the end that sends it.
    pub rtp: RtpArrival,
    /// Reports from that end.
    pub rtcp: RtcpArrival,
    /// Datagrams from the client's media ports, in order of first packet.
    pub from_client: Vec<ClientDatagrams>,
    /// What the client's ports to which the medium came had been used for before it came, by whatever session.
    pub earlier_uses: Vec<EarlierUse>,
    /// ICMP errors that the client's side sent about this medium's packets, in order.
    pub refused: Vec<Refusal>,
    /// The RTP over time; `None` unless [`crate::EngineOptions::timelines`] asks for it and there was room.
    pub timeline: Option<Timeline>,
    /// What routers said here of this medium's packets that were too large for their next link, in order.
    pub too_big: Vec<TooBig>,
    /// Datagrams from the server that came in fragments.
    pub fragmented: Fragmented,
    /// Who listens to the medium's group; `None` for unicast.
    pub membership: Option<GroupMembership>,
}

impl Arrival {
    /// A leg, or a tap without one, that saw nothing.
    pub fn new(tap: TapId, leg: Option<usize>) -> Self {
        Self {
            tap,
            leg,
            rtp: RtpArrival::default(),
            rtcp: RtcpArrival::default(),
            from_client: Vec::new(),
            earlier_uses: Vec::new(),
            refused: Vec::new(),
            timeline: None,
            too_big: Vec::new(),
            fragmented: Fragmented::default(),
            membership: None,
        }
    }
}

/// A router's word that a packet is too large and may not be cut (RFC 1191, RFC 8201).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooBig {
    /// The ICMP packet.
    pub at: Locator,
    /// The router.
    pub from: IpAddr,
    /// Size that its next link carries, in bytes; `None` where it does not tell.
    pub mtu: Option<u32>,
}

/// Datagrams of one medium that came in fragments at one tap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fragmented {
    /// Of which the first fragment came.
    pub begun: u64,
    /// Of which all came.
    pub whole: u64,
    /// Of which only the first fragment is in the capture, as of all others at that tap: a filter on ports lets no other one
    /// pass.
    pub alone: u64,
    /// The first of the first fragments.
    pub first: Option<Locator>,
}

/// What the hosts at a tap said of multicast groups (IGMP, MLD). Such messages never cross a router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMembership {
    /// Hosts that said that they listen to the medium's group, in order of their first report.
    pub joins: Vec<GroupJoin>,
    /// First word of a host here about any group, the client's own where it spoke: the tap shows such messages.
    pub heard: Option<(IpAddr, Locator)>,
}

/// A host that listens to a multicast group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupJoin {
    /// The host.
    pub host: IpAddr,
    /// Its first report.
    pub at: Locator,
}

/// An ICMP error about a packet of a medium: its receiver does not want it, or a router cannot deliver it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The ICMP packet.
    pub at: Locator,
    /// Who refuses: the receiver itself, or a router on the way to it.
    pub from: IpAddr,
    /// The refused packet was for the RTCP port, which many clients never open.
    pub rtcp_port: bool,
}

/// Datagrams by what they are (RFC 7983).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramKinds {
    /// What looks like RTP.
    pub rtp: u64,
    /// RTCP.
    pub rtcp: u64,
    /// STUN messages.
    pub stun: u64,
    /// DTLS records.
    pub dtls: u64,
    /// Known hole punches: VLC's four bytes, the 84 bytes of a maker of set-top boxes, and empty datagrams.
    pub punches: u64,
    /// None of these.
    pub other: u64,
}

/// A port of the client that had sent something before a medium came to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlierUse {
    /// The client's end.
    pub end: SocketAddr,
    /// When the medium first came to it.
    pub at: Timestamp,
    /// When the last packet before that left it or came to it.
    pub last: Timestamp,
}

/// Datagrams that left a media port of the client: hole punches, receiver reports, STUN.
#[derive(Clone, Debug)]
pub struct ClientDatagrams {
    /// Sender, as seen at this tap.
    pub from: SocketAddr,
    /// Receiver, as seen at this tap.
    pub to: SocketAddr,
    /// Datagrams.
    pub packets: u64,
    /// The same by what they are.
    pub kinds: DatagramKinds,
    /// First one.
    pub first: Locator,
    /// Last one.
    pub last: Locator,
    /// From or to an RTCP port rather than an RTP port.
    pub rtcp_port: bool,
}
