//! The whole outside world of the engine, as a closed set.

use std::net::SocketAddr;

use rtsp_ebpf_common::flow::FlowStats;
use rtspscope_wire::netfilter;
use rtspscope_wire::{Direction, FrameRef, LinkType, Span, TapId, TapRole, Timestamp};

use crate::counting::Codec;
use crate::router_setup::RouterSetup;

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
    /// How the router's netfilter is set up, in the place of what was said of that before.
    RouterSetup(&'a RouterSetup),
    /// The kernel begins or ends to read the media in one direction of an RTSP connection.
    Handover(&'a Handover),
    /// What the kernel has counted of an interleaved channel since it took its direction over.
    ChannelCounters(&'a ChannelCounters),
    /// What was counted of an interleaved channel in all, of whose packets few follow or none.
    ChannelTotals(&'a ChannelTotals),
    /// What the pictures of a video were, in packets of which few follow or none.
    Pictures(&'a PictureTotals),
    /// A report (RTCP) came on an interleaved channel of a direction that the kernel reads.
    ChannelReport(&'a ChannelReport),
    /// Something was not captured.
    CaptureLoss(CaptureLoss),
    /// Time passed, as a clock tells that runs beside the packets: that of a live run.
    Tick(Timestamp),
    /// A tap saw nothing for a while, because its interface was gone. Told when that begins, and once more with its end.
    Blind(TapId, Blind),
    /// All taps watched until then, as more packets show that are not here: of the time after that nothing is known.
    Watched(Timestamp),
}

/// A time in which a tap saw nothing of what may have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blind {
    /// When it was last known to watch.
    pub since: Timestamp,
    /// When it watched again; `None` while it does not.
    pub until: Option<Timestamp>,
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

impl Conntrack<'_> {
    /// The messages as a packet of netlink ([`LinkType::NETLINK`]), as captures keep them.
    pub fn packet(&self) -> Vec<u8> {
        [&netfilter::PACKET_HEADER[..], self.raw].concat()
    }

    /// The frame of a capture that such a packet is.
    pub fn frame<'p>(&self, packet: &'p [u8]) -> FrameRef<'p> {
        FrameRef {
            at: self.at,
            tap: TapId::NETFILTER,
            direction: Direction::Unknown,
            link_type: LinkType::NETLINK,
            number: self.number,
            original_len: u32::try_from(packet.len()).unwrap_or(u32::MAX),
            bytes: packet,
        }
    }
}

/// A change of who reads the media in one direction of an RTSP connection: the engine, or the kernel, which counts
/// frames and delivers no segments meanwhile. What lies between a taking and a return is not missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The tap.
    pub tap: TapId,
    /// Sender of the media as seen at that tap.
    pub from: SocketAddr,
    /// Receiver as seen at that tap.
    pub to: SocketAddr,
    /// Where the kernel has stopped to read; `None` where it begins to.
    pub returned: Option<Returned>,
}

impl Handover {
    /// The direction.
    pub const fn carrier(&self) -> Carrier {
        Carrier {
            tap: self.tap,
            from: self.from,
            to: self.to,
        }
    }
}

/// Where the kernel has stopped to read a direction, and what it knows of the frame that is passing there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// Sequence number behind the last segment that was not delivered.
    pub from_seq: u32,
    /// Sequence number of the first byte that the kernel did not read; beyond `from_seq` where it lies within the next
    /// segment.
    pub seq: u32,
    /// Highest acknowledgment number of the other end.
    pub acked: u32,
    /// First bytes of the frame that is passing.
    pub head: [u8; 16],
    /// How many of them have come.
    pub head_len: u8,
    /// Bytes of the frame that are to come, where all of the head has; else it means nothing.
    pub left: u16,
    /// Payload bytes that were not delivered.
    pub bytes: u64,
    /// When the last of them passed.
    pub last: Timestamp,
}

/// Counters of one interleaved channel that the kernel keeps.
#[derive(Clone, Copy, Debug)]
pub struct ChannelCounters {
    /// The tap that counted.
    pub tap: TapId,
    /// Sender as seen at that tap.
    pub from: SocketAddr,
    /// Receiver as seen at that tap.
    pub to: SocketAddr,
    /// Number of the channel.
    pub channel: u8,
    /// RTP clock in Hz; 0 where it was not known.
    pub clock_rate: u32,
    /// Counts since the kernel took the direction over; its times are [`Timestamp`] nanoseconds.
    pub stats: FlowStats,
}

/// What was counted of one interleaved channel in all. It stands for the packets where a file holds only some of them.
#[derive(Clone, Copy, Debug)]
pub struct ChannelTotals {
    /// The counts; their times are [`Timestamp`] nanoseconds.
    pub counted: ChannelCounters,
    /// Bytes of the connection that were missing where it was counted, in both directions.
    pub missing_bytes: u64,
    /// What of its direction was neither frame nor message.
    pub stray: Option<Stray>,
}

/// Bytes of a direction that are neither an interleaved frame nor a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stray {
    /// How many.
    pub bytes: u64,
    /// When the first of them came.
    pub at: Timestamp,
}

/// The pictures of one source of video, of all its packets. They stand for those where a file holds only some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureTotals {
    /// The tap.
    pub tap: TapId,
    /// Sender as seen at that tap.
    pub from: SocketAddr,
    /// Receiver as seen at that tap.
    pub to: SocketAddr,
    /// Number of the channel, where they come inside the RTSP connection.
    pub channel: Option<u8>,
    /// The source.
    pub ssrc: u32,
    /// All pictures.
    pub all: PictureSpan,
    /// Those from which decoding can start, if it is H.264.
    pub h264: KeyPictureTotals,
    /// The same if it is H.265.
    pub h265: KeyPictureTotals,
}

/// Some pictures, from the first to the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PictureSpan {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first_at: Timestamp,
    /// The last of them.
    pub last_at: Timestamp,
}

/// Pictures from which decoding can start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyPictureTotals {
    /// The pictures.
    pub pictures: PictureSpan,
    /// Longest time from one to the next.
    pub longest_gap: Span,
    /// Whether parameter sets came with the media.
    pub parameter_sets: bool,
}

/// A report on an interleaved channel. The kernel counts RTP and hands reports over; where in the stream they stood is not
/// told, nor in which frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelReport {
    /// The tap.
    pub tap: TapId,
    /// Sender as seen at that tap.
    pub from: SocketAddr,
    /// Receiver as seen at that tap.
    pub to: SocketAddr,
    /// Number of the channel.
    pub channel: u8,
    /// When it passed.
    pub at: Timestamp,
    /// The RTCP packets, one after the other.
    pub bytes: Vec<u8>,
}

/// A direction of an RTSP connection that carries media, at one tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// The tap.
    pub tap: TapId,
    /// Sender of the media.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
}

/// Where a direction stands in its interleaved frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passing {
    /// Sequence number at which the frame began that is passing, or at which the next may begin.
    pub seq: u32,
    /// Its channels that carry RTP.
    pub channels: Vec<ChannelAt>,
}

/// A channel on which RTP was seen, and where its numbers stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelAt {
    /// Number of the channel.
    pub channel: u8,
    /// Its source that was heard last.
    pub ssrc: u32,
    /// Payload type of that source.
    pub payload_type: u8,
    /// Its highest sequence number.
    pub number: u16,
    /// Whether pictures have come in it from which decoding can start.
    pub key_pictures: KeyPictures,
}

/// Whether a picture from which decoding can start was seen, for each codec that the media may be of: which it is, the
/// description says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyPictures {
    /// An IDR picture, or a recovery point, if it is H.264.
    pub h264: bool,
    /// An IRAP picture if it is H.265.
    pub h265: bool,
}

impl KeyPictures {
    /// Whether media of this encoding (of an rtpmap) can be counted from here on without looking at its pictures.
    pub fn suffice(self, encoding: &str) -> bool {
        match Codec::of(encoding) {
            Some(Codec::H264) => self.h264,
            Some(Codec::H265) => self.h265,
            Some(Codec::Jpeg) | None => true,
        }
    }
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
    /// An end of media was not told to the kernel programs because their table was full: what comes there from others than
    /// the RTSP peers is not counted.
    EndpointCap,
}
