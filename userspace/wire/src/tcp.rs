//! One direction of a TCP connection as an ordered stream of bytes.
//!
//! A capture is not a receiver: it may begin in the middle, lack packets that the receiver got, and show them in another
//! order. So loss is data here, a [`Piece::Gap`], and it is declared only when it is proved: by the peer's
//! acknowledgment, by full buffers, or by the end of the capture. Data in order passes through without a copy.

mod held;
mod reassembler;
mod recent;

use crate::Timestamp;
pub use reassembler::Reassembler;

/// Where in a capture something was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Capture time.
    pub at: Timestamp,
    /// Frame number as in [`crate::FrameRef::number`].
    pub frame: u64,
}

/// What a [`Reassembler`] may hold back while it waits for missing data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReassemblyLimits {
    /// Bytes of payload.
    pub max_buffered_bytes: usize,
    /// Separate pieces of payload.
    pub max_buffered_segments: usize,
}

/// Bytes that were sent again although nothing but silence came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unheard {
    /// Stream offset of the first of them.
    pub start: u64,
    /// The first segment that brought any of them again.
    pub first: Place,
    /// The last one.
    pub last: Place,
    /// How many such segments there were.
    pub times: u32,
    /// Bytes of the last one that had come before.
    pub len: u64,
}

/// A part of the stream. Pieces come in order and without overlap; together they cover the stream from offset 0.
///
/// Offset 0 is the first byte after the SYN; where the capture has no SYN, the first byte that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes that were captured.
    Chunk {
        /// Offset of the first byte in the stream.
        offset: u64,
        /// The bytes; never empty.
        bytes: &'a [u8],
        /// The frame that brought them.
        place: Place,
    },
    /// Bytes that the capture lacks.
    Gap {
        /// Offset of the first missing byte in the stream.
        offset: u64,
        /// Number of missing bytes; never 0.
        len: u64,
        /// The frame by which it showed.
        place: Place,
    },
}

/// Whether delivered bytes are kept for a while, so that a retransmission with other content shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall {
    /// They are text that matters.
    Keep,
    /// They are media, of which there is too much to keep a copy.
    Forget,
}

/// What one direction of a connection has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReassemblyStats {
    /// Bytes that came again.
    pub retransmitted_bytes: u64,
    /// Bytes that came again with another value; the first copy was kept. Known for bytes that were still at hand.
    pub conflicting_bytes: u64,
    /// Bytes in gaps.
    pub missing_bytes: u64,
    /// Keepalive probes (RFC 9293 §3.8.4).
    pub keepalives: u64,
    /// Segments outside any believable window.
    pub stray_segments: u64,
}

#[cfg(test)]
mod tests;
