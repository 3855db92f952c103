//! Where a fact was seen, so that a person finds it again in Wireshark.

use rtspscope_wire::tcp::Place;
use rtspscope_wire::{TapId, Timestamp};

/// The place of one fact in the captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locator {
    /// The tap that saw it.
    pub tap: TapId,
    /// Number of the frame at that tap, from 1, through all files of the tap ([`crate::Snapshot::own_place`] gives that in
    /// its file); `None` for what the kernel counted without copying the packet.
    pub frame: Option<u64>,
    /// When it was seen.
    pub at: Timestamp,
    /// Offset in its TCP direction in bytes, from the first byte after SYN; `None` for datagrams.
    pub stream_offset: Option<u64>,
}

impl Locator {
    /// A place at a tap, of no certain byte.
    pub(crate) const fn of(tap: TapId, place: Place) -> Self {
        Self {
            tap,
            frame: Some(place.frame),
            at: place.at,
            stream_offset: None,
        }
    }
}
