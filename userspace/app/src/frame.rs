//! A frame with bytes of its own, for what outlasts the window in which it was read.

use rtspscope_wire::{Direction, FrameRef, LinkType, TapId, Timestamp};

/// What [`FrameRef`] is, with its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Time at its tap.
    pub(crate) at: Timestamp,
    /// The tap.
    pub(crate) tap: TapId,
    /// Way across the tap's interface.
    pub(crate) direction: Direction,
    /// What its first header is.
    pub(crate) link_type: LinkType,
    /// Number at its tap.
    pub(crate) number: u64,
    /// Length on the wire in bytes.
    pub(crate) original_len: u32,
    /// As much of it as was captured.
    pub(crate) bytes: Box<[u8]>,
}

impl Frame {
    /// A copy.
    pub(crate) fn of(frame: &FrameRef<'_>) -> Self {
        Self {
            at: frame.at,
            tap: frame.tap,
            direction: frame.direction,
            link_type: frame.link_type,
            number: frame.number,
            original_len: frame.original_len,
            bytes: frame.bytes.into(),
        }
    }

    /// The frame as it was.
    pub(crate) fn borrow(&self) -> FrameRef<'_> {
        FrameRef {
            at: self.at,
            tap: self.tap,
            direction: self.direction,
            link_type: self.link_type,
            number: self.number,
            original_len: self.original_len,
            bytes: &self.bytes,
        }
    }
}
