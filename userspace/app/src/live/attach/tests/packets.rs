//! Made Ethernet frames; checksums are left out, because nobody on the way reads them.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

const fn end(last: u8, port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, last), port))
}

/// Sender and receiver of media.
pub(super) const MEDIA: (SocketAddr, SocketAddr) = (end(1, 6000), end(2, 5000));

/// Server and client of an RTSP connection.
const CONTROL: (SocketAddr, SocketAddr) = (end(1, 5544), end(2, 40_000));

/// An RTP packet of 1200 bytes.
pub(super) fn rtp(seq: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(seq.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0, 0, 0, 7]);
    packet.resize(1200, 0);
    packet
}

/// A frame with one datagram.
pub(super) fn udp(ends: (SocketAddr, SocketAddr), payload: &[u8]) -> Vec<u8> {
    let mut transport = ports(ends);
    transport.extend((payload.len() as u16 + 8).to_be_bytes());
    transport.extend([0; 2]);
    transport.extend(payload);
    frame(ends, 17, &transport)
}

/// A frame with one segment from server to client.
pub(super) fn text(text: &str) -> Vec<u8> {
    said(CONTROL, text)
}

/// A frame with one segment.
pub(super) fn said(ends: (SocketAddr, SocketAddr), text: &str) -> Vec<u8> {
    let mut transport = ports(ends);
    transport.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    transport.extend(text.bytes());
    frame(ends, 6, &transport)
}

/// A frame whose IPv4 header says that it has no length.
pub(super) fn unreadable() -> Vec<u8> {
    [&[0; 12][..], &[0x08, 0x00], &[0x40; 20]].concat()
}

fn ports((from, to): (SocketAddr, SocketAddr)) -> Vec<u8> {
    [from.port(), to.port()].map(u16::to_be_bytes).concat()
}

fn frame((from, to): (SocketAddr, SocketAddr), protocol: u8, transport: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([0x08, 0x00, 0x45, 0]);
    frame.extend((transport.len() as u16 + 20).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    for host in [from, to] {
        if let SocketAddr::V4(host) = host {
            frame.extend(host.ip().octets());
        }
    }
    frame.extend(transport);
    frame
}
