//! Enhanced packet blocks as nearly all are, read where they lie: without options, or with the direction alone. What is
//! otherwise is for the reader of any block.

use std::ops::Range;

use rtspscope_wire::Direction;

use super::super::options::u32_of;
use super::MAX_BLOCK_LEN;
use super::packet::{ENHANCED_HEADER_LEN, EPB_FLAGS, direction_of};

/// Type of the block.
const ENHANCED: u32 = 6;

/// Length of the total length behind a block.
const TRAILER_LEN: usize = 4;

/// A frame in a block that is whole.
#[derive(Debug)]
pub(super) struct Enhanced {
    /// Number of its interface in the section.
    pub(super) interface: usize,
    /// Its time in units of the interface.
    pub(super) ticks: u64,
    /// Way across the interface.
    pub(super) direction: Direction,
    /// Length on the wire.
    pub(super) original_len: u32,
    /// Its place in the block.
    pub(super) bytes: Range<usize>,
    /// Length of the block.
    pub(super) len: usize,
}

/// The block at the front of `data`, if it is such a one and is there as a whole.
#[inline]
pub(super) fn read(data: &[u8], big_endian: bool) -> Option<Enhanced> {
    let (words, _) = data.first_chunk::<ENHANCED_HEADER_LEN>()?.as_chunks::<4>();
    let &[kind, len, interface, high, low, captured_len, original_len] = words else {
        return None;
    };
    let word = |bytes| u32_of(bytes, big_endian);
    let (len, captured_len) = (word(len) as usize, word(captured_len) as usize);
    if word(kind) != ENHANCED || len > MAX_BLOCK_LEN || captured_len > len {
        return None;
    }
    let body_len = len.checked_sub(TRAILER_LEN)?;
    let (body, trailer) = data.get(..len)?.split_at_checked(body_len)?;
    if word(*trailer.first_chunk()?) as usize != len {
        return None;
    }
    let end = ENHANCED_HEADER_LEN + captured_len;
    let direction = match body.get(end.next_multiple_of(4)..)? {
        [] => Direction::Unknown,
        options => direction_in(options, big_endian)?,
    };
    Some(Enhanced {
        interface: word(interface) as usize,
        ticks: u64::from(word(high)) << 32 | u64::from(word(low)),
        direction,
        original_len: word(original_len).max(captured_len as u32),
        bytes: ENHANCED_HEADER_LEN..end,
        len,
    })
}

/// What options tell that hold the direction and nothing else.
fn direction_in(options: &[u8], big_endian: bool) -> Option<Direction> {
    let (words, rest) = options.as_chunks::<4>();
    let &[code_and_len, flags, [0, 0, 0, 0]] = words else {
        return None;
    };
    let [c0, c1, l0, l1] = code_and_len;
    let number = |bytes: [u8; 2]| {
        if big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        }
    };
    let is_plain = rest.is_empty() && number([c0, c1]) == EPB_FLAGS && number([l0, l1]) == 4;
    is_plain.then(|| direction_of(u64::from(u32_of(flags, big_endian))))
}
