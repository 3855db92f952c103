//! One direction of a TCP connection as an ordered stream of bytes.
//!
//! A capture is not a receiver: it may begin in the middle, lack packets that the receiver got, and show them in another
//! order. So loss is data here, a [`Piece::Gap`], and it is declared only when it is proved: by the peer's
//! acknowledgment, by full buffers, or by the end of the capture. Data in order passes through without a copy.

use crate::Timestamp;
use crate::decode::Segment;

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

/// Puts the segments of one direction in order.
#[derive(Clone, Debug)]
pub struct Reassembler {
    limits: ReassemblyLimits,
    stats: ReassemblyStats,
    isn: Option<u32>,
    next: Option<u32>,
}

impl Reassembler {
    /// A direction of which nothing has been seen.
    pub const fn new(limits: ReassemblyLimits) -> Self {
        Self {
            limits,
            stats: ReassemblyStats {
                retransmitted_bytes: 0,
                conflicting_bytes: 0,
                missing_bytes: 0,
                keepalives: 0,
                stray_segments: 0,
            },
            isn: None,
            next: None,
        }
    }

    /// Takes a segment of this direction; what it completes comes out of `sink`.
    pub fn handle_segment(
        &mut self,
        segment: &Segment<'_>,
        place: Place,
        sink: &mut impl FnMut(Piece<'_>),
    ) {
        let _ = (segment, place, sink);
    }

    /// Takes the acknowledgment number of a segment of the other direction that has the ACK flag.
    ///
    /// Bytes that the peer has and the capture lacks become a gap as soon as data behind them is at hand.
    pub fn handle_peer_ack(&mut self, ack: u32, sink: &mut impl FnMut(Piece<'_>)) {
        let _ = (ack, sink);
    }

    /// Ends the capture: everything that waits comes out, with gaps for what never came.
    pub fn finish(&mut self, sink: &mut impl FnMut(Piece<'_>)) {
        let _ = (sink, self.limits);
    }

    /// Counts so far.
    pub const fn stats(&self) -> ReassemblyStats {
        self.stats
    }

    /// Initial sequence number, where the SYN was seen.
    pub const fn isn(&self) -> Option<u32> {
        self.isn
    }

    /// Sequence number of the next byte that is expected in order.
    pub const fn next_seq(&self) -> Option<u32> {
        self.next
    }

    /// Payload bytes that are held back now.
    pub const fn buffered_bytes(&self) -> usize {
        0
    }

    /// True where the segment opens another connection on the same addresses and ports: a SYN that belongs nowhere in
    /// this one. The caller then ends this reassembler and begins a new one.
    pub const fn is_new_connection(&self, segment: &Segment<'_>) -> bool {
        segment.flags.syn() && matches!(self.isn, Some(isn) if isn != segment.seq)
    }
}
