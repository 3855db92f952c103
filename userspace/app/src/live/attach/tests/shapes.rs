//! Packets in every shape that a router sees them in, built from a link, an IP header and a transport.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What stands before the IP header.
pub(super) const LINKS: [(&str, &[u8], &str); 7] = [
    ("Ethernet", &[], ""),
    ("VLAN", &[0x81, 0x00, 0x00, 0x2a], ""),
    ("QinQ", &[0x88, 0xa8, 0, 1, 0x81, 0x00, 0x00, 0x2a], ""),
    ("old QinQ", &[0x91, 0x00, 0, 1, 0x81, 0x00, 0x00, 0x2a], ""),
    ("PPPoE", &[], "PPPoE"),
    ("PPPoE in VLAN", &[0x81, 0x00, 0x00, 0x07], "PPPoE"),
    ("no link header", &[], "raw"),
];

/// An IP header with what may stand behind it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ip {
    V4,
    /// With 12 bytes of options.
    V4Options,
    /// The first piece of a fragmented packet.
    V4First,
    /// A later piece.
    V4Later,
    /// Without a total length, as the kernel writes it where 16 bits do not hold it (BIG TCP).
    V4NoLength,
    V6,
    /// Hop-by-hop, destination options and an authentication header.
    V6Extensions,
    V6First,
    V6Later,
    /// Without a payload length: BIG TCP from Linux 7.0 on.
    V6NoLength,
    /// The same with a jumbo payload option (RFC 2675): BIG TCP before.
    V6Jumbo,
}

pub(super) const IPS: [Ip; 11] = [
    Ip::V4,
    Ip::V4Options,
    Ip::V4First,
    Ip::V4Later,
    Ip::V4NoLength,
    Ip::V6,
    Ip::V6Extensions,
    Ip::V6First,
    Ip::V6Later,
    Ip::V6NoLength,
    Ip::V6Jumbo,
];

impl Ip {
    /// Whether ports follow.
    pub(super) fn has_ports(self) -> bool {
        !matches!(self, Self::V4Later | Self::V6Later)
    }

    /// Sender and receiver of a made packet.
    pub(super) fn hosts(self) -> [IpAddr; 2] {
        let v6 = |last| Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0xfe00, 0, 0x1234, last);
        match self {
            Self::V4 | Self::V4Options | Self::V4First | Self::V4Later | Self::V4NoLength => {
                [1, 2].map(|last| Ipv4Addr::new(198, 51, 100, last).into())
            }
            Self::V6
            | Self::V6Extensions
            | Self::V6First
            | Self::V6Later
            | Self::V6NoLength
            | Self::V6Jumbo => [1, 2].map(|last| v6(last).into()),
        }
    }

    fn header(self, protocol: u8, transport: &[u8]) -> Vec<u8> {
        match self {
            Self::V4 => ipv4(self.hosts(), &[], 0x4000, protocol, transport),
            Self::V4Options => {
                let options = [68, 12, 13, 0, 1, 1, 1, 1, 1, 1, 1, 1];
                ipv4(self.hosts(), &options, 0, protocol, transport)
            }
            Self::V4First => ipv4(self.hosts(), &[], 0x2000, protocol, transport),
            Self::V4Later => ipv4(self.hosts(), &[], 0x2001, protocol, transport),
            Self::V4NoLength => {
                let mut packet = ipv4(self.hosts(), &[], 0x4000, protocol, transport);
                packet[2..4].fill(0);
                packet
            }
            Self::V6 => ipv6(self.hosts(), protocol, &[], transport),
            Self::V6Extensions => {
                let hop_by_hop = [60, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
                let destination = [51, 0, 1, 4, 0, 0, 0, 0];
                let mut authentication = [0; 24];
                (authentication[0], authentication[1]) = (protocol, 4);
                let headers = [&hop_by_hop[..], &destination, &authentication].concat();
                ipv6(self.hosts(), 0, &headers, transport)
            }
            Self::V6First => ipv6(
                self.hosts(),
                44,
                &[protocol, 0, 0, 1, 0, 0, 0, 9],
                transport,
            ),
            Self::V6Later => ipv6(
                self.hosts(),
                44,
                &[protocol, 0, 0, 9, 0, 0, 0, 9],
                transport,
            ),
            Self::V6NoLength => {
                let mut packet = ipv6(self.hosts(), protocol, &[], transport);
                packet[4..6].fill(0);
                packet
            }
            Self::V6Jumbo => {
                let mut jumbo = vec![protocol, 0, 0xc2, 4];
                jumbo.extend((transport.len() as u32 + 8).to_be_bytes());
                let mut packet = ipv6(self.hosts(), 0, &jumbo, transport);
                packet[4..6].fill(0);
                packet
            }
        }
    }
}

fn ipv4(hosts: [IpAddr; 2], options: &[u8], fragment: u16, protocol: u8, rest: &[u8]) -> Vec<u8> {
    let header_len = 20 + options.len();
    let mut packet = vec![0x40 | (header_len / 4) as u8, 0];
    packet.extend(((header_len + rest.len()) as u16).to_be_bytes());
    packet.extend([0, 9]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0]);
    add_hosts(&mut packet, hosts);
    [&packet, options, rest].concat()
}

fn ipv6(hosts: [IpAddr; 2], next: u8, headers: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(((headers.len() + rest.len()) as u16).to_be_bytes());
    packet.extend([next, 64]);
    add_hosts(&mut packet, hosts);
    [&packet, headers, rest].concat()
}

fn add_hosts(packet: &mut Vec<u8>, hosts: [IpAddr; 2]) {
    for host in hosts {
        match host {
            IpAddr::V4(host) => packet.extend(host.octets()),
            IpAddr::V6(host) => packet.extend(host.octets()),
        }
    }
}

/// A frame with this transport.
pub(super) fn frame(tags: &[u8], link: &str, ip: Ip, protocol: u8, transport: &[u8]) -> Vec<u8> {
    let packet = ip.header(protocol, transport);
    let is_v4 = packet[0] >> 4 == 4;
    let ethertype = if is_v4 { [0x08, 0x00] } else { [0x86, 0xdd] };
    match link {
        "raw" => packet,
        "PPPoE" => {
            let len = (packet.len() as u16 + 2).to_be_bytes();
            let ppp = [0x00, if is_v4 { 0x21 } else { 0x57 }];
            let session = [0x88, 0x64, 0x11, 0x00, 0x00, 0x05];
            [&[2; 12][..], tags, &session, &len, &ppp, &packet].concat()
        }
        _ => [&[2; 12][..], tags, &ethertype, &packet].concat(),
    }
}

/// A datagram.
pub(super) fn udp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let mut datagram = ports.map(u16::to_be_bytes).concat();
    datagram.extend((payload.len() as u16 + 8).to_be_bytes());
    datagram.extend([0; 2]);
    datagram.extend(payload);
    datagram
}

/// A segment with 12 bytes of options.
pub(super) fn tcp(ports: [u16; 2], payload: &[u8]) -> Vec<u8> {
    let mut segment = ports.map(u16::to_be_bytes).concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x80, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend([1; 12]);
    segment.extend(payload);
    segment
}

/// The ends of a made packet.
pub(super) fn ends(ip: Ip, ports: [u16; 2]) -> (SocketAddr, SocketAddr) {
    let [from, to] = ip.hosts();
    (
        SocketAddr::new(from, ports[0]),
        SocketAddr::new(to, ports[1]),
    )
}
