//! The short way through the headers that nearly every frame has: Ethernet without tags, IPv4 without options, one whole
//! TCP segment or UDP datagram. What it reads, it reads as [`super::decode`] does; a test and a fuzz target hold that.

#![allow(
    clippy::inline_always,
    reason = "every frame comes this way, and what it makes is large to hand over"
)]

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use super::ip::IPV4_LEN;
use super::link::ETHERNET_LEN;
use super::transport::{TCP, TCP_LEN, UDP, UDP_LEN};
use super::{Datagram, Segment, TcpFlags, tunnel};
use crate::{FrameRef, LinkType};

/// Type of IPv4 in an Ethernet header, and version 4 with a header of five words.
const PLAIN_IPV4: [u8; 3] = [0x08, 0x00, 0x45];
/// What in an IPv4 header says that the packet is a fragment: "more" or an offset.
const FRAGMENT: u16 = 0x3fff;

/// What a plain frame carries: nothing else is read on the short way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// A UDP datagram.
    Udp(Datagram<'a>),
}

/// What a plain frame carries; `None` where there is more to it, which says nothing of what it carries.
#[inline(always)]
pub fn plain<'a>(frame: &FrameRef<'a>) -> Option<Plain<'a>> {
    if frame.link_type != LinkType::ETHERNET {
        return None;
    }
    let (ethernet, packet) = frame.bytes.split_at_checked(ETHERNET_LEN)?;
    let header = packet.first_chunk::<{ IPV4_LEN + UDP_LEN }>()?;
    let total_len = usize::from(be16(header[2], header[3]));
    let is_fragment = be16(header[6], header[7]) & FRAGMENT != 0;
    if [ethernet[12], ethernet[13], header[0]] != PLAIN_IPV4 || is_fragment {
        return None;
    }
    let payload = packet.get(IPV4_LEN..total_len)?;
    let end = |at: usize, port: usize| {
        let ip = Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
        SocketAddr::V4(SocketAddrV4::new(ip, be16(header[port], header[port + 1])))
    };
    let (source, destination) = (end(12, 20), end(16, 22));
    match header[9] {
        UDP if !tunnel::is_wrapper_port([header[22], header[23]]) => {
            udp(payload, source, destination)
        }
        TCP => tcp(payload, source, destination),
        _ => None,
    }
}

#[inline(always)]
fn udp(packet: &[u8], source: SocketAddr, destination: SocketAddr) -> Option<Plain<'_>> {
    let (header, rest) = packet.split_first_chunk::<UDP_LEN>()?;
    // A length that does not fit is passed over, as in a datagram that the sender's own card will cut.
    let len = usize::from(be16(header[4], header[5])).wrapping_sub(UDP_LEN);
    let payload = rest.get(..len).unwrap_or(rest);
    Some(Plain::Udp(Datagram {
        source,
        destination,
        payload,
        payload_len: payload.len() as u32,
    }))
}

#[inline(always)]
fn tcp(packet: &[u8], source: SocketAddr, destination: SocketAddr) -> Option<Plain<'_>> {
    let header = packet.first_chunk::<TCP_LEN>()?;
    let header_len = usize::from(header[12] >> 4) * 4;
    if header_len < TCP_LEN {
        return None;
    }
    let payload = packet.get(header_len..)?;
    let be32 = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    Some(Plain::Tcp(Segment {
        source,
        destination,
        seq: be32(4),
        ack: be32(8),
        flags: TcpFlags(header[13]),
        window: be16(header[14], header[15]),
        payload,
        payload_len: payload.len() as u32,
    }))
}

#[inline(always)]
const fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}
