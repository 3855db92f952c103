//! Everything that is counted of one directed UDP flow or one interleaved channel: RTP, RTCP, and what is neither.

/// Counts of one directed flow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowStats {
    /// Datagrams or interleaved frames.
    pub packets: u64,
}
