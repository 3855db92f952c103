//! TCP and UDP headers.

use std::net::SocketAddr;

use super::ip::IpPacket;
use super::{Body, Datagram, Decoded, Layer, Segment, Stop, TcpFlags, icmp, membership};

/// TCP header without options.
pub(super) const TCP_LEN: usize = 20;
/// UDP header.
pub(super) const UDP_LEN: usize = 8;

const ICMP: u8 = 1;
const IGMP: u8 = 2;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// Reads what an IP packet carries. Of a fragmented packet only the first fragment has a transport header.
#[inline]
pub fn transport<'a>(packet: &IpPacket<'a>) -> Decoded<'a> {
    match (packet.protocol, packet.fragment) {
        (_, Some(fragment)) if fragment.offset > 0 => Decoded {
            body: Body::Other,
            stop: None,
        },
        (UDP, _) => udp(packet),
        (TCP, _) => tcp(packet),
        (ICMPV6, _) => membership::mld(packet).unwrap_or_else(|| icmp::read(packet)),
        (ICMP, _) => icmp::read(packet),
        (IGMP, _) => membership::igmp(packet),
        _ => Decoded {
            body: Body::Other,
            stop: None,
        },
    }
}

/// A transport header of which not all is there, or which makes no sense.
#[cold]
fn stopped<'a>(packet: &IpPacket<'a>, layer: Layer, needed: usize) -> Decoded<'a> {
    Decoded {
        body: Body::Other,
        stop: Some(Stop {
            layer,
            offset: packet.offset,
            needed,
            present: packet.payload.len().min(needed),
        }),
    }
}

#[inline]
fn tcp<'a>(packet: &IpPacket<'a>) -> Decoded<'a> {
    let Some(header) = packet.payload.first_chunk::<TCP_LEN>() else {
        return stopped(packet, Layer::Tcp, TCP_LEN);
    };
    let &[
        s0,
        s1,
        d0,
        d1,
        n0,
        n1,
        n2,
        n3,
        a0,
        a1,
        a2,
        a3,
        data_offset,
        flags,
        w0,
        w1,
        _,
        _,
        _,
        _,
    ] = header;
    let header_len = usize::from(data_offset >> 4) * 4;
    if header_len < TCP_LEN || header_len > packet.payload_len as usize {
        return stopped(packet, Layer::Tcp, header_len.max(TCP_LEN));
    }
    let segment = Segment {
        source: SocketAddr::new(packet.source, u16::from_be_bytes([s0, s1])),
        destination: SocketAddr::new(packet.destination, u16::from_be_bytes([d0, d1])),
        seq: u32::from_be_bytes([n0, n1, n2, n3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags: TcpFlags(flags),
        window: u16::from_be_bytes([w0, w1]),
        payload: packet.payload.get(header_len..).unwrap_or_default(),
        payload_len: packet.payload_len - header_len as u32,
    };
    let stop = cut(
        packet,
        header_len,
        segment.payload.len(),
        segment.payload_len,
    );
    Decoded {
        body: Body::Tcp(segment),
        stop,
    }
}

#[inline]
fn udp<'a>(packet: &IpPacket<'a>) -> Decoded<'a> {
    let Some(header) = packet.payload.first_chunk::<UDP_LEN>() else {
        return stopped(packet, Layer::Udp, UDP_LEN);
    };
    let &[s0, s1, d0, d1, l0, l1, _, _] = header;
    let by_ip = packet.payload_len.saturating_sub(UDP_LEN as u32);
    let by_udp = u32::from(u16::from_be_bytes([l0, l1])).checked_sub(UDP_LEN as u32);
    let payload_len = match by_udp {
        Some(len) if packet.fragment.is_some() || len <= by_ip => len,
        Some(_) | None => by_ip,
    };
    let after_header = packet.payload.get(UDP_LEN..).unwrap_or_default();
    let payload = after_header
        .get(..payload_len as usize)
        .unwrap_or(after_header);
    let stop = cut(packet, UDP_LEN, payload.len(), payload_len);
    let datagram = Datagram {
        source: SocketAddr::new(packet.source, u16::from_be_bytes([s0, s1])),
        destination: SocketAddr::new(packet.destination, u16::from_be_bytes([d0, d1])),
        payload,
        payload_len,
    };
    Decoded {
        body: Body::Udp(datagram),
        stop,
    }
}

fn cut(packet: &IpPacket<'_>, header_len: usize, present: usize, payload_len: u32) -> Option<Stop> {
    let needed = payload_len as usize;
    (present < needed).then(|| Stop {
        layer: Layer::Payload,
        offset: packet.offset + header_len,
        needed,
        present,
    })
}
