//! The RTP header (RFC 3550 §5.1) as a view over a packet, which a capture may have cut anywhere after byte 12.

/// Length of the fixed header.
const FIXED_LEN: usize = 12;

/// A packet with a readable RTP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpSlice<'a> {
    head: &'a [u8; FIXED_LEN],
    bytes: &'a [u8],
}

impl<'a> RtpSlice<'a> {
    /// A view of `bytes`; `None` without 12 bytes and version 2.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let head = bytes.first_chunk()?;
        (head[0] >> 6 == 2).then_some(Self { head, bytes })
    }

    /// All bytes of the packet that were captured.
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The protocol version, always 2.
    pub const fn version(self) -> u8 {
        self.head[0] >> 6
    }

    /// The marker bit.
    pub const fn marker(self) -> bool {
        self.head[1] & 0x80 != 0
    }

    /// The payload type of 7 bits.
    pub const fn payload_type(self) -> u8 {
        self.head[1] & 0x7f
    }

    /// The sequence number.
    pub const fn sequence_number(self) -> u16 {
        u16::from_be_bytes([self.head[2], self.head[3]])
    }

    /// The timestamp in ticks of the payload's clock.
    pub const fn timestamp(self) -> u32 {
        u32::from_be_bytes([self.head[4], self.head[5], self.head[6], self.head[7]])
    }

    /// The synchronisation source.
    pub const fn ssrc(self) -> u32 {
        u32::from_be_bytes([self.head[8], self.head[9], self.head[10], self.head[11]])
    }

    /// Number of contributing sources, at most 15.
    pub const fn csrc_count(self) -> u8 {
        self.head[0] & 0x0f
    }

    /// The padding bit.
    pub const fn has_padding(self) -> bool {
        self.head[0] & 0x20 != 0
    }

    /// Length of the header extension with its own four bytes; `Some(0)` if there is none, `None` if it was cut.
    pub fn extension_len(self) -> Option<usize> {
        if self.head[0] & 0x10 == 0 {
            return Some(0);
        }
        let words = self.bytes.get(self.csrc_end() + 2..)?.first_chunk()?;
        Some(4 + 4 * usize::from(u16::from_be_bytes(*words)))
    }

    /// Length of header, contributing sources and extension; `None` if the length of the extension was cut.
    pub fn header_len(self) -> Option<usize> {
        Some(self.csrc_end() + self.extension_len()?)
    }

    /// Bytes of padding that the last byte counts in a packet whose wire length is `packet_len`; 0 without the padding
    /// bit, `None` if the last byte was not captured or the count is impossible.
    pub fn padding_len(self, packet_len: usize) -> Option<usize> {
        if !self.has_padding() {
            return Some(0);
        }
        let count = usize::from(*self.bytes.get(packet_len.checked_sub(1)?)?);
        let room = packet_len.checked_sub(self.header_len()?)?;
        (1..=room).contains(&count).then_some(count)
    }

    /// The captured part of the payload, without padding where the whole packet is there; empty if the header is cut.
    pub fn payload(self) -> &'a [u8] {
        let padding = self.padding_len(self.bytes.len()).unwrap_or(0);
        let end = self.bytes.len().saturating_sub(padding);
        self.header_len()
            .and_then(|start| self.bytes.get(start..end))
            .unwrap_or_default()
    }

    fn csrc_end(self) -> usize {
        FIXED_LEN + 4 * usize::from(self.csrc_count())
    }
}

#[cfg(test)]
mod tests;
