//! ICMP and `ICMPv6` errors with the flow of the packet that they quote.

use std::net::{IpAddr, SocketAddr};

use super::ip::{self, IpPacket};
use super::{Body, Decoded, Layer, Stop};

/// ICMP header; the quoted packet follows it in both families.
const ICMP_LEN: usize = 8;

/// TCP, UDP, DCCP, SCTP and UDP-Lite: their headers begin with two ports.
const PROTOCOLS_WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];

/// An ICMP or `ICMPv6` error and the flow that it speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Who complains.
    pub from: IpAddr,
    /// Who is told: the sender of the quoted packet, unless a NAT stands between.
    pub to: IpAddr,
    /// The complaint.
    pub kind: IcmpErrorKind,
    /// The packet that caused it.
    pub quoted: QuotedFlow,
}

/// Kinds of ICMP error, the same for both families (RFC 792, RFC 1812 §5.2.7, RFC 4443 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpErrorKind {
    /// No one listens at the port.
    PortUnreachable,
    /// The host does not answer.
    HostUnreachable,
    /// No route.
    NetUnreachable,
    /// A filter says no.
    AdminProhibited,
    /// The packet is larger than the next link carries.
    FragmentationNeeded {
        /// Size that fits, in bytes; 0 where the sender is too old to tell (RFC 1191 §3).
        mtu: u32,
    },
    /// Hop limit or reassembly time ran out.
    TimeExceeded,
    /// Any other error.
    Other,
}

/// The flow of a packet that an ICMP error quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotedFlow {
    /// IP protocol number: 6 TCP, 17 UDP.
    pub protocol: u8,
    /// Sender of the quoted packet; port 0 where the quoted part has none.
    pub source: SocketAddr,
    /// Receiver of the quoted packet; port 0 where the quoted part has none.
    pub destination: SocketAddr,
}

/// Reads an ICMP or `ICMPv6` message; messages that are no errors are [`Body::Other`].
pub(super) fn read<'a>(packet: &IpPacket<'a>) -> Decoded<'a> {
    let other = |stop| Decoded {
        body: Body::Other,
        stop,
    };
    let Some(&[kind, code, _, _, r0, r1, r2, r3]) = packet.payload.first_chunk::<ICMP_LEN>() else {
        return other(Some(cut(packet, ICMP_LEN)));
    };
    let kind = if packet.source.is_ipv4() {
        icmp_kind(kind, code, u16::from_be_bytes([r2, r3]).into())
    } else {
        icmpv6_kind(kind, code, u32::from_be_bytes([r0, r1, r2, r3]))
    };
    let Some(kind) = kind else { return other(None) };
    match quoted(packet) {
        Ok(quoted) => {
            let error = IcmpError {
                from: packet.source,
                to: packet.destination,
                kind,
                quoted,
            };
            Decoded {
                body: Body::Icmp(error),
                stop: None,
            }
        }
        Err(stop) => other(Some(stop)),
    }
}

fn icmp_kind(kind: u8, code: u8, mtu: u32) -> Option<IcmpErrorKind> {
    Some(match (kind, code) {
        (3, 0 | 6 | 11) => IcmpErrorKind::NetUnreachable,
        (3, 1 | 7 | 12) => IcmpErrorKind::HostUnreachable,
        (3, 3) => IcmpErrorKind::PortUnreachable,
        (3, 4) => IcmpErrorKind::FragmentationNeeded { mtu },
        (3, 9 | 10 | 13) => IcmpErrorKind::AdminProhibited,
        (11, _) => IcmpErrorKind::TimeExceeded,
        (3 | 12, _) => IcmpErrorKind::Other,
        _ => return None,
    })
}

/// Types below 128 are errors (RFC 4443 §2.1).
fn icmpv6_kind(kind: u8, code: u8, mtu: u32) -> Option<IcmpErrorKind> {
    Some(match (kind, code) {
        (1, 0) => IcmpErrorKind::NetUnreachable,
        (1, 1 | 5 | 6) => IcmpErrorKind::AdminProhibited,
        (1, 3) => IcmpErrorKind::HostUnreachable,
        (1, 4) => IcmpErrorKind::PortUnreachable,
        (2, _) => IcmpErrorKind::FragmentationNeeded { mtu },
        (3, _) => IcmpErrorKind::TimeExceeded,
        (0..128, _) => IcmpErrorKind::Other,
        _ => return None,
    })
}

fn quoted(packet: &IpPacket<'_>) -> Result<QuotedFlow, Stop> {
    let offset = packet.offset + ICMP_LEN;
    let bytes = packet.payload.get(ICMP_LEN..).unwrap_or_default();
    let inner = ip::packet(bytes, bytes.len(), offset)
        .map_err(|stop| stop.unwrap_or_else(|| cut(packet, ICMP_LEN)))?;
    let is_first = inner.fragment.is_none_or(|fragment| fragment.offset == 0);
    let has_ports = is_first && PROTOCOLS_WITH_PORTS.contains(&inner.protocol);
    let (source, destination) = match inner.payload.first_chunk::<4>() {
        Some(&[s0, s1, d0, d1]) if has_ports => {
            (u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]))
        }
        None if has_ports => return Err(cut(packet, inner.offset - packet.offset + 4)),
        Some(_) | None => (0, 0),
    };
    Ok(QuotedFlow {
        protocol: inner.protocol,
        source: SocketAddr::new(inner.source, source),
        destination: SocketAddr::new(inner.destination, destination),
    })
}

fn cut(packet: &IpPacket<'_>, needed: usize) -> Stop {
    Stop {
        layer: Layer::Icmp,
        offset: packet.offset,
        needed,
        present: packet.payload.len().min(needed),
    }
}
