//! Frames around payloads: Ethernet, tags, PPPoE, IP, UDP and TCP with right lengths and checksums.

use std::net::{IpAddr, SocketAddr};

use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader, UdpHeader, ip_number};

use super::Due;
use super::random::Random;

/// What lies between the Ethernet header and IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encapsulation {
    /// Nothing.
    Plain,
    /// One 802.1Q tag.
    Vlan,
    /// An 802.1ad tag and an 802.1Q tag.
    DoubleVlan,
    /// A PPPoE session header (RFC 2516).
    Pppoe,
}

/// IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A TCP segment's variable parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TcpPart {
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
}

const MACS: [u8; 12] = [0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02];
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;

/// A frame with one UDP datagram.
pub(crate) fn udp(
    encapsulation: Encapsulation,
    from: SocketAddr,
    to: SocketAddr,
    payload: &[u8],
) -> Vec<u8> {
    let builder = ip(from, to).udp(from.port(), to.port());
    let mut packet = Vec::with_capacity(builder.size(payload.len()));
    finish_udp(builder, &mut packet, payload);
    wrap(encapsulation, from.is_ipv4(), &packet)
}

/// A frame with one TCP segment; everything but SYN acknowledges.
pub(crate) fn tcp(
    encapsulation: Encapsulation,
    from: SocketAddr,
    to: SocketAddr,
    part: TcpPart,
    payload: &[u8],
) -> Vec<u8> {
    let mut header = TcpHeader::new(from.port(), to.port(), part.seq, 64_240);
    header.syn = part.syn;
    header.fin = part.fin;
    header.ack = !part.syn || part.ack != 0;
    header.acknowledgment_number = part.ack;
    header.psh = !payload.is_empty();
    let builder = ip(from, to).tcp_header(header);
    let mut packet = Vec::with_capacity(builder.size(payload.len()));
    finish_tcp(builder, &mut packet, payload);
    wrap(encapsulation, from.is_ipv4(), &packet)
}

fn ip(from: SocketAddr, to: SocketAddr) -> PacketBuilderStep<etherparse::IpHeaders> {
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), 64),
        (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), 64),
        (from, to) => unreachable!("{from} and {to} are of one family: a session has one"),
    }
}

fn finish_udp(builder: PacketBuilderStep<UdpHeader>, packet: &mut Vec<u8>, payload: &[u8]) {
    builder
        .write(packet, payload)
        .expect("a payload below 64 KiB fits");
}

fn finish_tcp(builder: PacketBuilderStep<TcpHeader>, packet: &mut Vec<u8>, payload: &[u8]) {
    builder
        .write(packet, payload)
        .expect("a payload below 64 KiB fits");
}

fn wrap(encapsulation: Encapsulation, v4: bool, packet: &[u8]) -> Vec<u8> {
    let ethertype = if v4 { ETHERTYPE_IPV4 } else { ETHERTYPE_IPV6 };
    let mut frame = Vec::with_capacity(packet.len() + 26);
    frame.extend(MACS);
    match encapsulation {
        Encapsulation::Plain => frame.extend(ethertype.to_be_bytes()),
        Encapsulation::Vlan => {
            frame.extend([0x81, 0x00, 0x00, 0x64]);
            frame.extend(ethertype.to_be_bytes());
        }
        Encapsulation::DoubleVlan => {
            frame.extend([0x88, 0xa8, 0x00, 0x0a, 0x81, 0x00, 0x00, 0x64]);
            frame.extend(ethertype.to_be_bytes());
        }
        Encapsulation::Pppoe => {
            let len = u16::try_from(packet.len() + 2).expect("a packet is shorter than 64 KiB");
            frame.extend([0x88, 0x64, 0x11, 0x00, 0x12, 0x34]);
            frame.extend(len.to_be_bytes());
            frame.extend(if v4 { [0x00, 0x21] } else { [0x00, 0x57] });
        }
    }
    frame.extend(packet);
    while frame.len() < 60 {
        frame.push(0);
    }
    frame
}

/// Frames of no interest: DNS-like datagrams, HTTPS-like segments, and an IP protocol that nobody reads.
pub(crate) fn background(
    per_second: u64,
    from_ns: u64,
    span_ns: u64,
    random: &mut Random,
    due: &mut Vec<Due>,
) {
    for _ in 0..per_second {
        let at_ns = from_ns + random.next() % span_ns;
        let mut payload = vec![0; random.between(20, 1200) as usize];
        random.fill(&mut payload);
        let host = SocketAddr::from((
            [10, 99, 0, random.between(2, 250) as u8],
            random.between(1024, 65_000) as u16,
        ));
        let bytes = match random.between(0, 2) {
            0 => {
                payload[0] &= 0x3f;
                udp(
                    Encapsulation::Plain,
                    host,
                    SocketAddr::from(([192, 0, 2, 53], 53)),
                    &payload,
                )
            }
            1 => {
                payload[..3].copy_from_slice(&[0x17, 0x03, 0x03]);
                let part = TcpPart {
                    seq: random.next() as u32,
                    ack: 1,
                    syn: false,
                    fin: false,
                };
                tcp(
                    Encapsulation::Plain,
                    host,
                    SocketAddr::from(([192, 0, 2, 80], 443)),
                    part,
                    &payload,
                )
            }
            _ => {
                let builder = PacketBuilder::ipv4([10, 99, 0, 1], [192, 0, 2, 1], 64);
                let mut packet = Vec::new();
                builder
                    .write(&mut packet, ip_number::GRE, &payload)
                    .expect("a payload below 64 KiB fits");
                wrap(Encapsulation::Plain, true, &packet)
            }
        };
        due.push(Due { at_ns, bytes });
    }
}
