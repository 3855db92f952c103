//! ICMP errors about UDP packets: the receiver's own word that it did not want them.

use std::net::SocketAddr;

use rtspscope_wire::decode::{IcmpError, IcmpErrorKind};

use crate::locator::Locator;

/// Protocol number of UDP.
const UDP: u8 = 17;

/// One refusal of a UDP packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusedPacket {
    pub(crate) at: Locator,
    /// Sender of the refused packet.
    pub(crate) source: SocketAddr,
    /// Receiver of the refused packet.
    pub(crate) destination: SocketAddr,
}

/// Refusals at all taps, in order.
#[derive(Clone, Debug)]
pub(crate) struct IcmpErrors {
    refused: Vec<RefusedPacket>,
    max: usize,
}

impl IcmpErrors {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            refused: Vec::new(),
            max,
        }
    }

    /// Keeps an error that says that a UDP packet was not delivered; the first ones are the ones that count.
    pub(crate) fn note(&mut self, error: &IcmpError, at: Locator) {
        let refuses = match error.kind {
            IcmpErrorKind::PortUnreachable
            | IcmpErrorKind::HostUnreachable
            | IcmpErrorKind::NetUnreachable
            | IcmpErrorKind::AdminProhibited => true,
            IcmpErrorKind::FragmentationNeeded { .. }
            | IcmpErrorKind::TimeExceeded
            | IcmpErrorKind::Other => false,
        };
        if refuses && error.quoted.protocol == UDP && self.refused.len() < self.max {
            let quoted = error.quoted;
            self.refused.push(RefusedPacket {
                at,
                source: quoted.source,
                destination: quoted.destination,
            });
        }
    }

    pub(crate) fn refused(&self) -> &[RefusedPacket] {
        &self.refused
    }
}
