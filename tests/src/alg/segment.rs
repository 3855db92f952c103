//! A TCP segment in an IPv4 packet, read and changed in place.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::Verdict;
use super::shift::Shift;

const PROTOCOL_TCP: u8 = 6;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// An IPv4 packet that carries an unfragmented TCP segment.
#[derive(Debug)]
pub struct Segment {
    bytes: Vec<u8>,
    tcp_at: usize,
    payload_at: usize,
}

impl Segment {
    /// Reads a packet; `None` for anything that is not a whole TCP segment in IPv4.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let first = *packet.first()?;
        let tcp_at = usize::from(first & 0x0F) * 4;
        let fragment = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]) & 0x3FFF;
        if first >> 4 != 4 || *packet.get(9)? != PROTOCOL_TCP || fragment != 0 {
            return None;
        }
        let payload_at = tcp_at + usize::from(packet.get(tcp_at + 12)? >> 4) * 4;
        let fits = tcp_at >= 20 && payload_at >= tcp_at + 20 && packet.len() >= payload_at;
        fits.then(|| Self {
            bytes: packet.to_vec(),
            tcp_at,
            payload_at,
        })
    }

    /// Sender's address and port.
    pub fn source(&self) -> SocketAddrV4 {
        self.endpoint(12, 0)
    }

    /// Receiver's address and port.
    pub fn destination(&self) -> SocketAddrV4 {
        self.endpoint(16, 2)
    }

    /// The bytes of the stream that it carries.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[self.payload_at..]
    }

    /// Puts `text` (if any) in place of the payload and shifts sequence and acknowledgement numbers.
    ///
    /// `own` is the shift of this packet's direction, `other` that of the opposite one, which its acknowledgement
    /// speaks of.
    pub(super) fn shift(
        &mut self,
        own: &mut Shift,
        other: &Shift,
        text: Option<Vec<u8>>,
    ) -> Verdict {
        let before = self.bytes.clone();
        let flags = self.bytes[self.tcp_at + 13];
        let sequence = self.number(4);
        self.set_number(
            4,
            if flags & SYN == 0 {
                own.forward(sequence)
            } else {
                sequence
            },
        );
        if flags & ACK != 0 {
            self.set_number(8, other.backward(self.number(8)));
        }
        if let Some(text) = text {
            let old_len = self.payload().len();
            own.note(
                sequence.wrapping_add(old_len as u32),
                signed_difference(text.len(), old_len),
            );
            self.bytes.truncate(self.payload_at);
            self.bytes.extend_from_slice(&text);
        }
        if self.bytes == before {
            return Verdict::Unchanged;
        }
        self.complete();
        Verdict::Changed(std::mem::take(&mut self.bytes))
    }

    /// Makes lengths and checksums (RFC 791, RFC 9293 §3.1) right again.
    fn complete(&mut self) {
        let total = self.bytes.len() as u16;
        self.put(2, total.to_be_bytes());
        self.put(10, [0, 0]);
        let header = checksum(0, &self.bytes[..self.tcp_at]);
        self.put(10, header.to_be_bytes());
        let tcp_len = (self.bytes.len() - self.tcp_at) as u32;
        self.put(self.tcp_at + 16, [0, 0]);
        let pseudo = sum(&self.bytes[12..20]) + u32::from(PROTOCOL_TCP) + tcp_len;
        let whole = checksum(pseudo, &self.bytes[self.tcp_at..]);
        self.put(self.tcp_at + 16, whole.to_be_bytes());
    }

    fn endpoint(&self, address_at: usize, port_at: usize) -> SocketAddrV4 {
        let address: [u8; 4] = self.array(address_at);
        let port: [u8; 2] = self.array(self.tcp_at + port_at);
        SocketAddrV4::new(Ipv4Addr::from(address), u16::from_be_bytes(port))
    }

    fn number(&self, offset: usize) -> u32 {
        u32::from_be_bytes(self.array(self.tcp_at + offset))
    }

    fn set_number(&mut self, offset: usize, number: u32) {
        self.put(self.tcp_at + offset, number.to_be_bytes());
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        std::array::from_fn(|step| self.bytes[at + step])
    }

    fn put<const N: usize>(&mut self, at: usize, value: [u8; N]) {
        self.bytes[at..at + N].copy_from_slice(&value);
    }
}

fn signed_difference(new: usize, old: usize) -> i32 {
    (new as u32).wrapping_sub(old as u32).cast_signed()
}

fn sum(bytes: &[u8]) -> u32 {
    bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)))
        .sum()
}

fn checksum(initial: u32, bytes: &[u8]) -> u16 {
    let mut total = initial + sum(bytes);
    while total > 0xFFFF {
        total = (total & 0xFFFF) + (total >> 16);
    }
    !(total as u16)
}
