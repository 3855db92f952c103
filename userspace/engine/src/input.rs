//! The whole outside world of the engine, as a closed set.

use std::net::SocketAddr;

use rtsp_ebpf_common::flow::FlowStats;
use rtspscope_wire::netfilter;
use rtspscope_wire::{FrameRef, LinkType, TapId, TapRole, Timestamp};

/// One thing that happened outside.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A frame was captured.
    Frame(FrameRef<'a>),
    /// The kernel counted a media flow; absolute values since the flow began. Borrowed, so that the many inputs that
    /// are frames stay small.
    FlowCounters(&'a FlowCounters),
    /// The router's own connection tracking said something.
    Conntrack(Conntrack<'a>),
    /// Something was not captured.
    CaptureLoss(CaptureLoss),
    /// Time passed without a packet.
    Tick(Timestamp),
}

/// What a source tells of a tap when it opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapInfo {
    /// Short name for reports: the interface or, for a file, its name.
    pub name: String,
    /// Side of the router, where the user said so.
    pub role: TapRole,
    /// Where the packets come from: a path, `-`, or the backend and interface.
    pub source: String,
    /// Link type of the first frame, where it is known when the tap opens.
    pub link_type: Option<LinkType>,
    /// Whether every packet of the interface was offered: nothing outside can have left UDP out.
    pub unfiltered: bool,
}

/// Counters of one directed UDP flow that the kernel keeps. They replace what the engine counted of that flow itself:
/// the kernel saw every packet, the engine a sample.
#[derive(Clone, Copy, Debug)]
pub struct FlowCounters {
    /// The tap that counted.
    pub tap: TapId,
    /// Sender as seen at that tap.
    pub from: SocketAddr,
    /// Receiver as seen at that tap.
    pub to: SocketAddr,
    /// Counts so far; its times are [`Timestamp`] nanoseconds.
    pub stats: FlowStats,
}

/// One message of netfilter's connection tracking.
#[derive(Clone, Copy, Debug)]
pub struct Conntrack<'a> {
    /// When it was told.
    pub at: Timestamp,
    /// Its place among the frames of its file, as Wireshark counts; in a live run, of the recording.
    pub number: u64,
    /// The netlink message, for a recording.
    pub raw: &'a [u8],
    /// What it says.
    pub event: &'a netfilter::Event,
}

/// Packets that crossed a tap and were not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureLoss {
    /// The tap, where the source can tell.
    pub tap: Option<TapId>,
    /// Why.
    pub kind: LossKind,
    /// How many more since the last report.
    pub count: u64,
}

/// Why a packet was not delivered or not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LossKind {
    /// The ring to user space was full.
    RingFull,
    /// The flow map was full.
    MapFull,
    /// The packet could not be loaded in the kernel.
    LoadFailed,
    /// The headers could not be read.
    NotParsed,
    /// The capturing program reports drops (pcapng interface statistics, packet sockets).
    DroppedByCapture,
    /// The file ends in the middle of a packet.
    FileCut,
    /// A connection was not followed because the engine's table was full.
    ConnectionCap,
    /// A UDP flow was not counted, or its counts were given up, because the engine's table was full.
    FlowCap,
    /// An RTSP message was not kept because its connection had too many.
    MessageCap,
    /// An event fell because nobody took it.
    EventCap,
    /// A fragmented packet was never whole, or its fragments fell to a cap.
    Fragments,
    /// Netfilter told of changes to its connections faster than they were taken; how often.
    NetfilterOverrun,
    /// A connection or expectation of netfilter's was given up because the engine's table was full.
    NetfilterCap,
}
