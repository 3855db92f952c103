//! What was counted of one medium beside one leg: RTP, RTCP, pictures.

use std::net::SocketAddr;

use rtspscope_wire::{Span, Timestamp};

use crate::locator::Locator;

/// RTP of one medium at one tap, from the end that sends it ([`MediaStream::direction`](super::MediaStream::direction)).
/// Retransmissions and forward error correction are counted apart.
#[derive(Clone, Debug, Default)]
pub struct RtpArrival {
    /// Packets, duplicates included; datagrams of a medium that is carried without RTP.
    pub packets: u64,
    /// Their UDP payload or interleaved payload bytes.
    pub bytes: u64,
    /// Distinct sequence numbers from the first to the last.
    pub expected: Option<u64>,
    /// Sequence numbers that never came.
    pub lost: Option<u64>,
    /// Packets whose sequence number had come before.
    pub duplicates: Option<u64>,
    /// Packets that came after one with a higher sequence number.
    pub reordered: Option<u64>,
    /// The greatest loss at one time; `None` also where the kernel counted.
    pub outage: Option<Outage>,
    /// Interarrival jitter (RFC 3550 §6.4.1); `None` without a clock rate.
    pub jitter: Option<Span>,
    /// Longest time between two packets of the medium, whichever source sent them.
    pub max_gap: Option<Span>,
    /// The same without the silence from the last packet of one source to the first of the next.
    pub max_gap_while_sending: Option<Span>,
    /// RTP bytes times eight over the time from the first packet to the last, in bits per second.
    pub bitrate_bps: Option<u64>,
    /// Last synchronisation source.
    pub ssrc: Option<u32>,
    /// How often the synchronisation source changed.
    pub ssrc_changes: Option<u32>,
    /// How often the sequence numbers started anew, changes of the synchronisation source left out.
    pub restarts: Option<u32>,
    /// Payload type of the last packet of the source with most packets.
    pub payload_type: Option<u8>,
    /// How often it changed within one source.
    pub payload_type_changes: Option<u32>,
    /// Packets that only repeat or repair others ([`Repair`](super::Repair)); they are in none of the other counts.
    pub repair_packets: u64,
    /// Their bytes.
    pub repair_bytes: u64,
    /// The pictures of a video; `None` for other media, encrypted media, and where the kernel counted.
    pub video: Option<VideoArrival>,
    /// First packet.
    pub first: Option<Locator>,
    /// Last packet.
    pub last: Option<Locator>,
    /// Sender, as seen at this tap.
    pub from: Option<SocketAddr>,
    /// Receiver, as seen at this tap.
    pub to: Option<SocketAddr>,
}

impl RtpArrival {
    /// Longest time between two packets while one source went on sending: what is usual for the medium. A camera that begins
    /// anew as another source was silent for another reason.
    pub(crate) fn usual_gap(&self) -> Option<Span> {
        self.max_gap_while_sending.or(self.max_gap)
    }
}

/// Packets that are missing one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// How many.
    pub lost: u64,
    /// The packet before them.
    pub since: Timestamp,
    /// The packet behind them.
    pub until: Timestamp,
}

/// RTCP of one medium at one tap, both ways for the reports, `from`/`to` of the sending end's. What is said here of server
/// and client holds the other way round for a medium that the client sends.
#[derive(Clone, Debug, Default)]
pub struct RtcpArrival {
    /// Datagrams or interleaved frames from the server.
    pub packets: u64,
    /// Sender reports from the server.
    pub sender_reports: u64,
    /// RTP packets that the server says it sent, in its last sender report.
    pub sent_packets: Option<u32>,
    /// When that count grew last: the server was sending between two of its reports, whatever of it passed the tap.
    pub sending: Option<Growth>,
    /// Receiver reports from the client.
    pub receiver_reports: u64,
    /// BYE packets from the server.
    pub byes: u64,
    /// The last of them that is of the source that sent last.
    pub goodbye: Option<Locator>,
    /// Those of them that were counted without being read, so that nobody knows whose they are.
    pub unread_byes: u64,
    /// Negative acknowledgements from the client: RTCP packets that name missing ones (RFC 4585 §6.2.1).
    pub nacks: u64,
    /// Requests of the client for a whole picture: PLI and FIR (RFC 4585 §6.3.1, RFC 5104 §4.3.1).
    pub keyframe_requests: u64,
    /// What the client's last reception report says.
    pub far_end: FarEnd,
    /// First packet from the server.
    pub first: Option<Locator>,
    /// Sender, as seen at this tap.
    pub from: Option<SocketAddr>,
    /// Receiver, as seen at this tap.
    pub to: Option<SocketAddr>,
}

/// What the client reports of the medium, in its last reception report that passed the tap (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FarEnd {
    /// Packets lost since it began to receive; negative where duplicates outnumber losses.
    pub lost: Option<i32>,
    /// Part of the packets lost since its report before, from 0 to 1.
    pub fraction_lost: Option<f64>,
    /// Interarrival jitter as the client sees it.
    pub jitter: Option<Span>,
    /// Time from the tap to the client and back: from the server's report on its way out to the client's answer on its
    /// way back, less the time that the client held it. The way between tap and server takes no part.
    pub round_trip: Option<Span>,
    /// When the highest sequence number that came to it grew last: media reached it between two of its reports, whatever of
    /// it passed the tap.
    pub receiving: Option<Growth>,
}

/// Two reports of one end one after the other, the second of which counts more than the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// The first.
    pub since: Locator,
    /// The second.
    pub shown: Locator,
    /// By how much.
    pub more: u32,
}

/// The pictures of a video at one tap, of the source with most packets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VideoArrival {
    /// Pictures from which decoding can start: IDR of H.264, IRAP of H.265, every picture of JPEG.
    pub keyframes: u64,
    /// Mean time between them.
    pub keyframe_interval: Option<Span>,
    /// A packet of the last one.
    pub last_keyframe: Option<Locator>,
    /// Time from the first picture to the first of them, or to the last picture where there is none.
    pub wait_for_keyframe: Span,
    /// Longest time from one of them to the next, or to the last picture.
    pub longest_without_keyframe: Span,
    /// All pictures.
    pub pictures: u64,
    /// Pictures in a second; packets with one timestamp are one picture.
    pub frame_rate: Option<f64>,
    /// Where the decoder finds its parameter sets; `None` for a codec that has none.
    pub parameter_sets: Option<ParameterSets>,
}

/// Where the parameter sets of a video are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterSets {
    /// Nowhere: a decoder cannot start.
    Missing,
    /// In the SDP only.
    Sdp,
    /// In the media only.
    InBand,
    /// In both.
    Both,
}
