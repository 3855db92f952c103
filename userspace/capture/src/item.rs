//! What a capture file holds, one thing after the other.

use std::ops::Range;

use rtspscope_engine::{
    Blind, ChannelCounters, ChannelReport, ChannelTotals, FlowCounters, Handover, LossKind,
    PictureTotals, RouterSetup,
};
use rtspscope_wire::netfilter;
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId, Timestamp};

use super::cooked::Placed;

/// One thing that a capture file holds, at its time.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// When.
    pub at: Timestamp,
    /// At which tap.
    pub tap: Tap,
    /// What.
    pub what: What,
}

/// Where an [`Item`] was seen, as far as the format tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tap {
    /// At none: the machine's own word in messages of netlink.
    Netlink,
    /// At this tap.
    Open(TapId),
    /// At one of the sides that a cooked capture is taken apart into; the number counts the cooked captures of the file.
    Cooked(usize),
}

/// What an [`Item`] is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A frame; its bytes lie in the window, counted from the front.
    Frame {
        number: u64,
        link_type: LinkType,
        direction: Direction,
        original_len: u32,
        bytes: Range<usize>,
    },
    /// What netfilter told, in a message that lies in the window.
    Conntrack {
        number: u64,
        bytes: Range<usize>,
        event: Box<netfilter::Event>,
    },
    /// Counters of a flow, from a recording.
    Counters(Box<FlowCounters>),
    /// How the router's netfilter is set up, from a recording.
    Setup(Box<RouterSetup>),
    /// Who reads the media of a connection, from a recording.
    Handover(Box<Handover>),
    /// Counters of an interleaved channel, from a recording.
    Channel(Box<ChannelCounters>),
    /// Totals of such a channel, from an excerpt.
    Totals(Box<ChannelTotals>),
    /// What the pictures of a video were, from an excerpt.
    Pictures(Box<PictureTotals>),
    /// A report on such a channel, from a recording.
    Report(Box<ChannelReport>),
    /// Something is missing.
    Loss {
        kind: LossKind,
        count: u64,
        of_tap: bool,
    },
    /// The tap of a recording saw nothing for a while.
    Blind(TapId, Blind),
    /// Until when all taps of a recording watched, and whether a clock told it.
    Watched { until: Timestamp, by_clock: bool },
}

impl Item {
    /// A frame of a cooked capture, at the tap of its side.
    pub(super) fn at_side(mut self, placed: Placed) -> Self {
        self.tap = Tap::Open(placed.tap);
        if let What::Frame { direction, .. } = &mut self.what
            && placed.direction != Direction::Unknown
        {
            *direction = placed.direction;
        }
        self
    }
}

/// A frame at the front of the window, which holds all of it.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Its time.
    pub at: Timestamp,
    /// Where it was seen.
    pub tap: TapId,
    /// Its number, from 1, and on from those of the files before.
    pub number: u64,
    /// Its link type, one that can be read.
    pub link_type: LinkType,
    /// Its way across the interface.
    pub direction: Direction,
    /// Its length on the wire.
    pub original_len: u32,
    /// Its bytes, counted from the front.
    pub bytes: Range<usize>,
    /// Bytes that hold it with its header.
    pub len: usize,
}

/// A frame seen at `tap`, with its bytes in the window; `None` for other items.
#[inline]
pub(super) fn frame_of<'w>(item: &Item, tap: TapId, window: &'w [u8]) -> Option<FrameRef<'w>> {
    let What::Frame {
        number,
        link_type,
        direction,
        original_len,
        bytes,
    } = &item.what
    else {
        return None;
    };
    Some(FrameRef {
        at: item.at,
        tap,
        direction: *direction,
        link_type: *link_type,
        number: *number,
        original_len: *original_len,
        bytes: window.get(bytes.clone()).unwrap_or_default(),
    })
}

/// What reading one step further gave.
#[derive(Debug)]
pub(crate) enum Step {
    /// An item, and how many bytes of the window hold it.
    Item(Item, usize),
    /// The end of the file.
    End,
    /// The end of what can be read, and why.
    Cut(String),
}
