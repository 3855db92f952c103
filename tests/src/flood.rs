//! Hostile captures, made while the program reads them: packets of any hosts and ports, without end and without a file.
//!
//! The packets are raw IPv4 in a classic capture with nanoseconds. Checksums are zero: no reader of captures may trust
//! them, since cards fill them in after the tap.

use std::io::{self, Write};
use std::net::SocketAddrV4;

/// Bytes of a TCP segment as they usually are on an Ethernet.
pub const SEGMENT_LEN: usize = 1_460;

const MAGIC_NANOS: u32 = 0xa1b2_3c4d;
const LINKTYPE_RAW: u32 = 101;
const IP_LEN: usize = 20;
const TCP_LEN: usize = 20;
const UDP_LEN: usize = 8;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Control bits of a segment (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    /// Opens a connection.
    Syn = 0x02,
    /// Carries data.
    Data = 0x18,
    /// Ends a connection.
    Fin = 0x11,
}

/// A capture that is being written.
#[derive(Debug)]
pub struct Flood<W> {
    out: W,
    /// Nanoseconds since 1970.
    now: u64,
    packet: Vec<u8>,
}

impl<W: Write> Flood<W> {
    /// A capture that begins here.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut header = Vec::new();
        header.extend(MAGIC_NANOS.to_le_bytes());
        header.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        header.extend(u32::MAX.to_le_bytes());
        header.extend(LINKTYPE_RAW.to_le_bytes());
        out.write_all(&header)?;
        let now = 1_700_000_000_000_000_000;
        Ok(Self {
            out,
            now,
            packet: Vec::new(),
        })
    }

    /// Lets time pass.
    pub fn wait(&mut self, nanos: u64) {
        self.now += nanos;
    }

    /// A TCP segment.
    pub fn segment(
        &mut self,
        [from, to]: [SocketAddrV4; 2],
        [seq, ack]: [u32; 2],
        flags: Flags,
        payload: &[u8],
    ) -> io::Result<()> {
        self.ip([from, to], TCP, 0, TCP_LEN + payload.len());
        self.ports([from, to]);
        self.packet.extend(seq.to_be_bytes());
        self.packet.extend(ack.to_be_bytes());
        self.packet
            .extend([0x50, flags as u8, 0xff, 0xff, 0, 0, 0, 0]);
        self.packet.extend(payload);
        self.write()
    }

    /// A UDP datagram.
    pub fn datagram(&mut self, ends: [SocketAddrV4; 2], payload: &[u8]) -> io::Result<()> {
        self.ip(ends, UDP, 0, UDP_LEN + payload.len());
        self.ports(ends);
        self.packet
            .extend(((UDP_LEN + payload.len()) as u16).to_be_bytes());
        self.packet.extend([0, 0]);
        self.packet.extend(payload);
        self.write()
    }

    /// A first fragment of a UDP datagram whose rest never comes; `id` tells the datagrams apart.
    pub fn fragment(&mut self, ends: [SocketAddrV4; 2], id: u16, payload: &[u8]) -> io::Result<()> {
        const MORE_FRAGMENTS: u16 = 0x2000;
        self.ip(ends, UDP, MORE_FRAGMENTS, UDP_LEN + payload.len());
        self.packet[4..6].copy_from_slice(&id.to_be_bytes());
        self.ports(ends);
        self.packet.extend([0xff, 0xff, 0, 0]);
        self.packet.extend(payload);
        self.write()
    }

    fn ip(&mut self, [from, to]: [SocketAddrV4; 2], protocol: u8, place: u16, len: usize) {
        self.packet.clear();
        self.packet.extend([0x45, 0]);
        self.packet.extend(((IP_LEN + len) as u16).to_be_bytes());
        self.packet.extend([0, 0]);
        self.packet.extend(place.to_be_bytes());
        self.packet.extend([64, protocol, 0, 0]);
        self.packet.extend(from.ip().octets());
        self.packet.extend(to.ip().octets());
    }

    fn ports(&mut self, [from, to]: [SocketAddrV4; 2]) {
        self.packet.extend(from.port().to_be_bytes());
        self.packet.extend(to.port().to_be_bytes());
    }

    fn write(&mut self) -> io::Result<()> {
        self.now += 1_000;
        let len = (self.packet.len() as u32).to_le_bytes();
        let mut header = [0; 16];
        header[..4].copy_from_slice(&((self.now / 1_000_000_000) as u32).to_le_bytes());
        header[4..8].copy_from_slice(&((self.now % 1_000_000_000) as u32).to_le_bytes());
        header[8..12].copy_from_slice(&len);
        header[12..].copy_from_slice(&len);
        self.out.write_all(&header)?;
        self.out.write_all(&self.packet)
    }

    /// Writes what still waits.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// One direction of a connection that sends bytes without end.
#[derive(Debug)]
pub struct Talk {
    ends: [SocketAddrV4; 2],
    seq: u32,
}

impl Talk {
    /// A connection whose two ends say hello; `ends[0]` is who will send.
    pub fn open<W: Write>(flood: &mut Flood<W>, ends: [SocketAddrV4; 2]) -> io::Result<Self> {
        flood.segment(ends, [0, 0], Flags::Syn, &[])?;
        Ok(Self { ends, seq: 1 })
    }

    /// Sends bytes, in segments.
    pub fn send<W: Write>(&mut self, flood: &mut Flood<W>, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(SEGMENT_LEN) {
            flood.segment(self.ends, [self.seq, 1], Flags::Data, part)?;
            self.seq = self.seq.wrapping_add(part.len() as u32);
        }
        Ok(())
    }

    /// Leaves bytes out, as if the tap had missed them.
    pub fn skip(&mut self, len: u32) {
        self.seq = self.seq.wrapping_add(len);
    }
}
