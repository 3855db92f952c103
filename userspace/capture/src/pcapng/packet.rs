//! The three blocks that hold a frame, as one type.

use std::ops::Range;

use pcap_parser::pcapng::{EnhancedPacketBlock, SimplePacketBlock};
use pcap_parser::traits::PcapNGPacketBlock;
use rtspscope_wire::Direction;

use super::super::options;
use super::interface::Interface;

/// Type of the obsolete packet block.
pub(super) const OBSOLETE: u32 = 2;

/// Where the frame begins in each block.
pub(super) const ENHANCED_HEADER_LEN: usize = 28;
const SIMPLE_HEADER_LEN: usize = 12;
const OBSOLETE_HEADER_LEN: usize = 28;

/// Code of the option `epb_flags`; its lowest two bits are the direction.
pub(super) const EPB_FLAGS: u16 = 2;

/// A frame in a block.
#[derive(Debug)]
pub(super) struct Packet {
    /// Number of its interface in the section.
    pub interface: usize,
    /// Its time in units of the interface; a simple packet has none.
    pub ticks: Option<u64>,
    /// Way across the interface.
    pub direction: Direction,
    /// Length on the wire.
    pub original_len: u32,
    /// Its place in the block.
    pub bytes: Range<usize>,
}

/// The direction that the flags of a packet tell.
#[inline]
pub(super) const fn direction_of(flags: u64) -> Direction {
    match flags & 0b11 {
        0b01 => Direction::Ingress,
        0b10 => Direction::Egress,
        _ => Direction::Unknown,
    }
}

pub(super) fn of_enhanced(block: &EnhancedPacketBlock<'_>, big_endian: bool) -> Packet {
    let flags = options::number(&block.options, EPB_FLAGS, big_endian);
    let direction = direction_of(flags.unwrap_or(0));
    Packet {
        interface: block.if_id as usize,
        ticks: Some(u64::from(block.ts_high) << 32 | u64::from(block.ts_low)),
        direction,
        original_len: block.origlen.max(block.caplen),
        bytes: ENHANCED_HEADER_LEN..ENHANCED_HEADER_LEN + block.packet_data().len(),
    }
}

/// A simple packet belongs to the first interface and is cut at that interface's snapshot length.
pub(super) fn of_simple(block: &SimplePacketBlock<'_>, interface: Option<&Interface>) -> Packet {
    let snaplen = interface
        .map(|interface| interface.snaplen)
        .filter(|snaplen| *snaplen > 0)
        .unwrap_or(u32::MAX);
    let len = block.data.len().min(block.origlen.min(snaplen) as usize);
    Packet {
        interface: 0,
        ticks: None,
        direction: Direction::Unknown,
        original_len: block.origlen,
        bytes: SIMPLE_HEADER_LEN..SIMPLE_HEADER_LEN + len,
    }
}

/// Reads the body of an obsolete packet block; `None` if it is shorter than it says.
pub(super) fn of_obsolete(body: &[u8], big_endian: bool) -> Option<Packet> {
    let word = |at: usize| {
        body.get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map(|bytes| options::u32_of(bytes, big_endian))
    };
    let interface_and_drops = word(0)?;
    let interface = if big_endian {
        interface_and_drops >> 16
    } else {
        interface_and_drops & 0xffff
    };
    let captured_len = word(12)? as usize;
    let header_len_in_body = OBSOLETE_HEADER_LEN - 8;
    (body.len().checked_sub(header_len_in_body)? >= captured_len).then_some(())?;
    Some(Packet {
        interface: interface as usize,
        ticks: Some(u64::from(word(4)?) << 32 | u64::from(word(8)?)),
        direction: Direction::Unknown,
        original_len: word(16)?,
        bytes: OBSOLETE_HEADER_LEN..OBSOLETE_HEADER_LEN + captured_len,
    })
}
