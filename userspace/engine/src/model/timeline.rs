//! Media over time, in bins of bounded number.

use rtspscope_wire::{Span, Timestamp};

/// Media at one tap over time, of flows and channels that were followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// From the first packet to the last, in bins that grow with the time.
    pub whole: Series,
    /// The last half minute in seconds.
    pub recent: Series,
    /// Times of a second or more without a packet between two packets, the first ones in order.
    pub silences: Vec<Silence>,
    /// Further ones.
    pub more_silences: u64,
}

/// Counts in steps of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Begin of the first bin.
    pub start: Timestamp,
    /// Width of a bin.
    pub bin: Span,
    /// The bins up to the last packet.
    pub bins: Vec<Bin>,
}

impl Series {
    /// When the bin with this index begins.
    pub fn begin_of(&self, index: usize) -> Timestamp {
        let steps = i64::try_from(index).unwrap_or(i64::MAX);
        self.start + Span(self.bin.0.saturating_mul(steps))
    }
}

/// What came within one step of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bin {
    /// RTP packets.
    pub packets: u32,
    /// Their bytes.
    pub bytes: u32,
    /// By how much the number of lost packets grew; less than zero where late ones came.
    pub lost: i32,
}

/// A time without a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The packet before it.
    pub from: Timestamp,
    /// The packet after it.
    pub until: Timestamp,
}
