//! ICMP errors: the receiver's own word that it did not want a UDP packet, and a router's that one was too large.

use std::net::{IpAddr, SocketAddr};

use rtspscope_wire::decode::{IcmpError, IcmpErrorKind};
use rtspscope_wire::{TapId, Timestamp};

use crate::locator::Locator;
use crate::model::{TooBig, Unreachable};

/// Protocol number of UDP.
const UDP: u8 = 17;
/// Protocol number of TCP.
const TCP: u8 = 6;

/// One refusal of a UDP packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusedPacket {
    pub(crate) at: Locator,
    /// Who refuses.
    pub(crate) from: IpAddr,
    /// Sender of the refused packet.
    pub(crate) source: SocketAddr,
    /// Receiver of the refused packet.
    pub(crate) destination: SocketAddr,
}

/// A router's word that a packet is larger than its next link carries.
#[derive(Clone, Copy, Debug)]
struct OversizedPacket {
    /// Sender and receiver of the packet.
    ends: (SocketAddr, SocketAddr),
    protocol: u8,
    notice: TooBig,
}

/// A segment that was not delivered: its sender and receiver, and who says why.
#[derive(Clone, Copy, Debug)]
struct LostSegment {
    ends: (SocketAddr, SocketAddr),
    told: Unreachable,
}

/// Errors at all taps, in order.
#[derive(Clone, Debug)]
pub(crate) struct IcmpErrors {
    refused: Vec<RefusedPacket>,
    oversized: Vec<OversizedPacket>,
    segments: Vec<LostSegment>,
    max: usize,
}

impl IcmpErrors {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            refused: Vec::new(),
            oversized: Vec::new(),
            segments: Vec::new(),
            max,
        }
    }

    /// Keeps an error that says why a packet was not delivered; the first ones are the ones that count.
    pub(crate) fn note(&mut self, error: &IcmpError, at: Locator) {
        if let IcmpErrorKind::FragmentationNeeded { mtu } = error.kind {
            self.note_oversized(error, mtu, at);
        }
        let why = why(error.kind);
        if why.is_some() && error.quoted.protocol == UDP && self.refused.len() < self.max {
            let quoted = error.quoted;
            self.refused.push(RefusedPacket {
                at,
                from: error.from,
                source: quoted.source,
                destination: quoted.destination,
            });
        }
        if let Some(why) = why.filter(|_| error.quoted.protocol == TCP)
            && self.segments.len() < self.max
        {
            let from = error.from;
            self.segments.push(LostSegment {
                ends: (error.quoted.source, error.quoted.destination),
                told: Unreachable { at, from, why },
            });
        }
    }

    /// Forgets errors about packets of which neither end passes `is_named`, up to a moment.
    pub(crate) fn forget(&mut self, until: Timestamp, is_named: impl Fn(SocketAddr) -> bool) {
        let keep = |at: Timestamp, ends: (SocketAddr, SocketAddr)| {
            at > until || is_named(ends.0) || is_named(ends.1)
        };
        self.refused
            .retain(|refused| keep(refused.at.at, (refused.source, refused.destination)));
        self.segments
            .retain(|segment| keep(segment.told.at.at, segment.ends));
        self.oversized
            .retain(|oversized| keep(oversized.notice.at.at, oversized.ends));
    }

    fn note_oversized(&mut self, error: &IcmpError, mtu: u32, at: Locator) {
        if self.oversized.len() < self.max {
            let mtu = (mtu > 0).then_some(mtu);
            self.oversized.push(OversizedPacket {
                ends: (error.quoted.source, error.quoted.destination),
                protocol: error.quoted.protocol,
                notice: TooBig {
                    at,
                    from: error.from,
                    mtu,
                },
            });
        }
    }

    /// What routers say at a tap of datagrams that pass `is_it`, which is given their sender and receiver, and when it was said.
    pub(crate) fn oversized_datagrams(
        &self,
        tap: TapId,
        is_it: impl Fn((SocketAddr, SocketAddr), Timestamp) -> bool,
    ) -> Vec<TooBig> {
        self.oversized(tap, UDP, is_it)
    }

    /// The same of segments.
    pub(crate) fn oversized_segments(
        &self,
        tap: TapId,
        is_it: impl Fn((SocketAddr, SocketAddr), Timestamp) -> bool,
    ) -> Vec<TooBig> {
        self.oversized(tap, TCP, is_it)
    }

    fn oversized(
        &self,
        tap: TapId,
        protocol: u8,
        is_it: impl Fn((SocketAddr, SocketAddr), Timestamp) -> bool,
    ) -> Vec<TooBig> {
        let told = self.oversized.iter().filter(|packet| {
            packet.protocol == protocol
                && packet.notice.at.tap == tap
                && is_it(packet.ends, packet.notice.at.at)
        });
        told.map(|packet| packet.notice).collect()
    }

    /// The first word at a tap that segments from one end to the other are not delivered.
    pub(crate) fn unreachable(
        &self,
        tap: TapId,
        from: SocketAddr,
        to: SocketAddr,
    ) -> Option<Unreachable> {
        let mut segments = self.segments.iter();
        let segment =
            segments.find(|segment| segment.told.at.tap == tap && segment.ends == (from, to));
        segment.map(|segment| segment.told)
    }

    pub(crate) fn refused(&self) -> &[RefusedPacket] {
        &self.refused
    }
}

/// Why a packet was not delivered; `None` for errors that say nothing of the kind.
const fn why(kind: IcmpErrorKind) -> Option<&'static str> {
    match kind {
        IcmpErrorKind::PortUnreachable => {
            Some("nobody listens at the port, or a firewall refuses it")
        }
        IcmpErrorKind::HostUnreachable => Some("the host does not answer"),
        IcmpErrorKind::NetUnreachable => Some("there is no route to its network"),
        IcmpErrorKind::AdminProhibited => Some("a filter forbids it"),
        IcmpErrorKind::FragmentationNeeded { .. }
        | IcmpErrorKind::TimeExceeded
        | IcmpErrorKind::Other => None,
    }
}
