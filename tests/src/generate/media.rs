//! RTP packets of one medium, with sequence numbers that wrap.

use super::random::Random;

/// Kinds of media that a session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Video,
    Audio,
}

impl Kind {
    pub(crate) const fn payload_type(self) -> u8 {
        match self {
            Self::Video => 96,
            Self::Audio => 8,
        }
    }

    pub(crate) const fn clock_rate(self) -> u64 {
        match self {
            Self::Video => 90_000,
            Self::Audio => 8_000,
        }
    }
}

/// A source of RTP packets.
#[derive(Debug)]
pub(crate) struct Medium {
    pub(crate) kind: Kind,
    pub(crate) ssrc: u32,
    /// Sequence number of packet 0; late in the 16 bits, so that it wraps.
    first_seq: u64,
    first_timestamp: u32,
    payload_len: usize,
    /// Time between two packets.
    pub(crate) interval_ns: u64,
    pub(crate) packets: u32,
}

/// First byte of a picture from which decoding can start (H.264, type 5): a camera begins with one.
const IDR: u8 = 0x65;

impl Medium {
    pub(crate) fn new(
        kind: Kind,
        packets: u32,
        per_second: u32,
        payload_len: usize,
        random: &mut Random,
    ) -> Self {
        Self {
            kind,
            ssrc: random.next() as u32,
            first_seq: random.between(65_000, 65_535),
            first_timestamp: random.next() as u32,
            payload_len,
            interval_ns: 1_000_000_000 / u64::from(per_second),
            packets,
        }
    }

    /// Extended sequence number of the packet.
    pub(crate) fn seq(&self, index: u32) -> u64 {
        self.first_seq + u64::from(index)
    }

    /// The packet: header and payload.
    pub(crate) fn packet(&self, index: u32, random: &mut Random) -> Vec<u8> {
        let elapsed_ns = self.interval_ns * u64::from(index);
        let ticks = elapsed_ns * self.kind.clock_rate() / 1_000_000_000;
        let mut packet = vec![0; 12 + self.payload_len];
        packet[0] = 0x80;
        packet[1] = self.kind.payload_type();
        packet[2..4].copy_from_slice(&(self.seq(index) as u16).to_be_bytes());
        packet[4..8].copy_from_slice(
            &self
                .first_timestamp
                .wrapping_add(ticks as u32)
                .to_be_bytes(),
        );
        packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        random.fill(&mut packet[12..]);
        if self.kind == Kind::Video && index == 0 {
            packet[12] = IDR;
        }
        packet
    }

    /// A sender report that stands between the packets (RFC 3550 §6.4.1).
    pub(crate) fn sender_report(&self, index: u32) -> Vec<u8> {
        let mut report = vec![0; 28];
        report[..4].copy_from_slice(&[0x80, 200, 0, 6]);
        report[4..8].copy_from_slice(&self.ssrc.to_be_bytes());
        report[20..24].copy_from_slice(&index.to_be_bytes());
        report
    }
}
