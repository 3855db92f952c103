//! What the engine knows at one moment: sessions with both legs, their media at each tap, what NAT and ALG did.
//!
//! Rules and outputs see these types and nothing behind them. All of it is plain data; a value that is not known is
//! `None`, never zero.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rtspscope_wire::sdp::StreamDirection;
use rtspscope_wire::{Anomaly, LinkType, Span, TapId, TapRole, Timestamp};

use crate::advice::Named;
use crate::finding::{Code, Finding};
use crate::input::LossKind;
use crate::locator::Locator;

mod netfilter;

pub use netfilter::{Expected, Mapping, Netfilter};

/// The engine's knowledge at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Taps in the order in which they were opened.
    pub taps: Vec<Tap>,
    /// What was not captured or not kept, by reason; reasons with zero are left out.
    pub losses: Vec<(LossKind, u64)>,
    /// What this capture cannot show.
    pub blind_spots: Vec<Code>,
    /// Sessions by first packet.
    pub sessions: Vec<Session>,
    /// Sessions that were forgotten because they were long over ([`crate::Engine::retire`]).
    pub retired: u64,
    /// All findings, worst first within a session, sessions in order.
    pub findings: Vec<Finding>,
    /// RTP that belongs to no session, the flows with most packets first and no more than 64.
    pub unclaimed: Vec<UnclaimedRtp>,
    /// RTSP that goes in UDP datagrams, which is not followed.
    pub datagram_talks: Vec<DatagramTalk>,
    /// What a live run could not see from its beginning, as its source says; the engine knows nothing of it.
    pub notes: Vec<String>,
    /// The router that the remedies are for, where it is known.
    pub router: Option<Named>,
}

/// A flow of RTP that no session is known to have set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnclaimedRtp {
    /// First packet.
    pub first: Locator,
    /// Sender.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
    /// RTP packets.
    pub packets: u64,
    /// Synchronisation source: of two the one that sent more.
    pub ssrc: Option<u32>,
}

/// RTSP messages in UDP datagrams between two ends at one tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramTalk {
    /// The first of them.
    pub first: Locator,
    /// The end that asks.
    pub client: SocketAddr,
    /// The end that answers.
    pub server: SocketAddr,
    /// Messages either way.
    pub messages: u64,
}

/// One tap and what passed it.
#[derive(Clone, Debug)]
pub struct Tap {
    /// Index used by [`Locator`]s.
    pub id: TapId,
    /// Short name for reports.
    pub name: String,
    /// Side of the router: as the user said, else as worked out from the packets.
    pub role: TapRole,
    /// Where the packets come from.
    pub source: String,
    /// Link type of its frames.
    pub link_type: Option<LinkType>,
    /// Frames seen.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Time of the first frame.
    pub first_at: Option<Timestamp>,
    /// Time of the last frame.
    pub last_at: Option<Timestamp>,
    /// Until when the tap is known to have been watching, by its clock: its last frame or count, or a later tick.
    pub watched_until: Option<Timestamp>,
    /// What to subtract from this tap's clock to get the first tap's; `None` where no pair of messages tells.
    pub clock_offset: Option<Span>,
    /// How fast this tap's clock gains on the first tap's, in parts per million; `None` where it does not measurably, or
    /// too short a time is known.
    pub clock_drift_ppm: Option<f64>,
    /// UDP datagrams seen, of any kind; zero means that the capture filter may have left UDP out.
    pub udp_datagrams: u64,
    /// Whether the source offered every packet of the interface, so that no UDP means that none passed.
    pub unfiltered: bool,
    /// Frames that the capture cut short.
    pub cut_frames: u64,
}

impl Tap {
    /// Whether UDP would be seen here: some was, or no filter can have left it out.
    pub const fn shows_udp(&self) -> bool {
        self.unfiltered || self.udp_datagrams > 0
    }
}

/// How far a session came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Requests are under way, no PLAY or RECORD was accepted yet.
    Negotiating,
    /// PLAY or RECORD was accepted.
    Playing,
    /// Ended by TEARDOWN or by the end of its connection after it had played.
    Ended,
    /// Over without ever playing.
    Failed,
}

/// What carries the media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    /// RTP over unicast UDP.
    Udp,
    /// Interleaved in the RTSP connection (RFC 2326 §10.12).
    Tcp,
    /// RTP to a group address.
    Multicast,
    /// RTSP and media in a pair of HTTP connections.
    HttpTunnel,
    /// The connection is TLS and cannot be read.
    Tls,
    /// No SETUP was answered.
    Unknown,
}

/// One RTSP session as a person understands it: one player, one camera, one or two legs.
#[derive(Clone, Debug)]
pub struct Session {
    /// Number in this snapshot's run, from 1, stable while the engine lives.
    pub id: u32,
    /// The presentation's URL as the client asked for it (first request URI), credentials included: outputs redact.
    pub url: Option<String>,
    /// How far it came.
    pub state: SessionState,
    /// Client end at the leg next to the client.
    pub client: SocketAddr,
    /// The client's User-Agent.
    pub user_agent: Option<String>,
    /// Server end at the leg next to the server.
    pub server: SocketAddr,
    /// The server's Server header.
    pub server_name: Option<String>,
    /// One leg for each tap that saw the connection, and two for a tap that saw it on both sides of the router; the leg next
    /// to the client first.
    pub legs: Vec<Leg>,
    /// What carries the media.
    pub transport: TransportKind,
    /// First packet at any leg.
    pub started_at: Timestamp,
    /// Last packet of the connection, once it is closed or torn down.
    pub ended_at: Option<Timestamp>,
    /// Session timeout in seconds: the server's, else 60 (RFC 2326 §12.37); `None` before a session exists.
    pub timeout_secs: Option<u32>,
    /// Media in order of SETUP, then those that SDP announced and no SETUP asked for.
    pub media: Vec<MediaStream>,
    /// How the legs belong together; `None` with one leg.
    pub nat: Option<NatPair>,
    /// What an ALG did and what that did to the session.
    pub alg: AlgJudgement,
    /// What the router's own connection tracking says of the session; `None` where it was not listened to.
    pub netfilter: Option<Netfilter>,
}

impl Session {
    /// Which end a leg is next to, where its tap saw the connection on both sides of the router and so its name does not
    /// tell the leg; `None` elsewhere.
    pub fn side_at_one_tap(&self, leg: usize) -> Option<Side> {
        let tap = self.legs.get(leg)?.tap;
        let is_there = |leg: &Leg| leg.tap == tap;
        let near = self.legs.iter().position(is_there)?;
        let far = self.legs.iter().rposition(is_there)?;
        (near != far).then_some(if leg == near {
            Side::Client
        } else {
            Side::Server
        })
    }
}

/// An RTSP connection as one tap saw it on one side of the router.
#[derive(Clone, Debug)]
pub struct Leg {
    /// The tap.
    pub tap: TapId,
    /// Client end as seen here.
    pub client: SocketAddr,
    /// Server end as seen here.
    pub server: SocketAddr,
    /// The client's initial sequence number, where the SYN was seen.
    pub client_isn: Option<u32>,
    /// The server's initial sequence number, where the SYN/ACK was seen.
    pub server_isn: Option<u32>,
    /// First packet.
    pub first: Locator,
    /// Last packet.
    pub last: Locator,
    /// How the connection ended.
    pub closed: Option<Close>,
    /// Why nothing can be read, for a TLS connection.
    pub encrypted: bool,
    /// Requests and responses in order of the request.
    pub exchanges: Vec<Exchange>,
    /// Bytes of either direction that the capture does not have.
    pub missing_bytes: u64,
    /// Where the first of them is missing.
    pub first_gap: Option<Locator>,
    /// Messages that were not kept because of a cap.
    pub dropped_messages: u64,
    /// Exchanges in the middle of a long connection that only kept the session alive, and that are not kept themselves.
    pub forgotten_keepalives: u64,
    /// Last segment with which the client repeated bytes that the server had not acknowledged up to the end.
    pub client_unheard: Option<Locator>,
    /// Last segment with which the server repeated bytes that the client had not acknowledged up to the end.
    pub server_unheard: Option<Locator>,
    /// When the client took no more bytes.
    pub client_shut: Option<ShutWindow>,
    /// What routers said here of the server's segments that were too large for their next link, in order.
    pub too_big: Vec<TooBig>,
    /// Bytes that were neither a message nor an interleaved frame although nothing was missing before them.
    pub desync: Option<Desync>,
}

impl Leg {
    /// Whether messages passed that are not among its exchanges.
    pub const fn lacks_messages(&self) -> bool {
        self.dropped_messages > 0 || self.forgotten_keepalives > 0
    }

    /// Whether the connection was there when the capture began.
    pub const fn began_before(&self) -> bool {
        self.client_isn.is_none() && self.server_isn.is_none()
    }
}

/// Times when an end of a connection let no more bytes in: a window of zero (RFC 9293 §3.8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutWindow {
    /// How often.
    pub count: u64,
    /// The longest time.
    pub longest: Span,
    /// The segment that shut it first.
    pub first: Locator,
}

/// Where the framing of a stream was lost (RFC 2326 §10.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desync {
    /// Who sent the stream.
    pub from: Side,
    /// Bytes passed over.
    pub bytes: u64,
    /// Where the first of them stands: the segment that was being read, and the offset in the stream.
    pub first: Locator,
}

/// End of a TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// Who sent the first FIN or RST.
    pub by: Side,
    /// RST instead of FIN.
    pub reset: bool,
    /// The segment.
    pub at: Locator,
}

/// One end of an RTSP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Who opened the connection or sent the first request.
    Client,
    /// The other end.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A request and its final response, matched by CSeq (RFC 2326 §12.17).
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Who asked.
    pub by: Side,
    /// Method as written; empty where only the response was seen.
    pub method: String,
    /// CSeq of either message.
    pub cseq: Option<u32>,
    /// The request, unless the capture began after it.
    pub request: Option<Arc<Message>>,
    /// The final response, once it came.
    pub response: Option<Arc<Message>>,
    /// How often the same request was sent again as a new message on the connection.
    pub repeats: u32,
}

impl Exchange {
    /// Status code of the response.
    pub fn status(&self) -> Option<u16> {
        self.response.as_ref().and_then(|response| response.status)
    }

    /// Its messages, as far as they were seen.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        [&self.request, &self.response]
            .into_iter()
            .filter_map(|message| message.as_deref())
    }

    /// Whether it did nothing but keep the session alive: the client asked without a body, once, and was granted it.
    pub(crate) fn is_keepalive(&self) -> bool {
        let methods = ["OPTIONS", "GET_PARAMETER", "SET_PARAMETER"];
        let is_plain = |message: &Message| {
            message.head_len == message.raw.len() && message.anomalies.is_empty()
        };
        self.by == Side::Client
            && self.repeats == 0
            && methods.into_iter().any(|method| self.is(method))
            && self.succeeded()
            && self.messages().count() == 2
            && self.messages().all(is_plain)
    }

    /// Whether the response says success (2xx).
    pub fn succeeded(&self) -> bool {
        self.status()
            .is_some_and(|status| (200..300).contains(&status))
    }

    /// Whether it makes media flow: PLAY or RECORD.
    pub fn starts_media(&self) -> bool {
        self.is("PLAY") || self.is("RECORD")
    }

    /// Whether the method is `name`; methods are case-sensitive (RFC 2326 §6.1).
    pub fn is(&self, name: &str) -> bool {
        self.method == name
    }
}

/// One RTSP message at one tap, with its bytes.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its first byte.
    pub at: Locator,
    /// Frame that completed it.
    pub last_frame: Option<u64>,
    /// Who sent it.
    pub from: Side,
    /// Status code of a response; `None` for a request.
    pub status: Option<u16>,
    /// Head and body as they crossed the wire (decoded from base64 in an HTTP tunnel).
    pub raw: Arc<[u8]>,
    /// Length of the head with its empty line; the body follows.
    pub head_len: usize,
    /// What was odd.
    pub anomalies: Vec<Anomaly>,
}

/// One medium of a session.
#[derive(Clone, Debug, Default)]
pub struct MediaStream {
    /// Control URI of its SETUP, else the SDP's control attribute.
    pub control: Option<String>,
    /// Media type of the SDP's m= line.
    pub kind: Option<String>,
    /// Encoding name of the first payload type (rtpmap, else RFC 3551 table).
    pub encoding: Option<String>,
    /// RTP clock rate in Hz.
    pub clock_rate: Option<u32>,
    /// First payload type of the m= line.
    pub payload_type: Option<u8>,
    /// What the SDP says of retransmissions and forward error correction that may share a flow with the medium.
    pub repair: Repair,
    /// The SDP holds parameter sets of the payload type (`sprop-…`).
    pub sdp_parameter_sets: bool,
    /// Profile of the Transport header, else of the m= line.
    pub profile: Option<String>,
    /// Which end sends it.
    pub direction: MediaDirection,
    /// What the SDP says of that, by the view of whoever wrote it: cameras differ in whose view they take.
    pub sdp_direction: Option<StreamDirection>,
    /// What speaks for it where no message tells of it: several signs, never one; empty for media of which messages tell.
    pub hints: Vec<MediaHint>,
    /// Whether a SETUP for it was accepted.
    pub set_up: bool,
    /// What the two ends agreed on, the client's part as the client itself wrote it.
    pub negotiated: Negotiated,
    /// The same as each leg's messages show it, in the order of [`Session::legs`].
    pub per_leg: Vec<Negotiated>,
    /// The accepted (else last) SETUP at each leg: index into that leg's exchanges.
    pub setup: Vec<Option<usize>>,
    /// What came beside each leg, in the order of [`Session::legs`], then at other taps that saw some.
    pub arrivals: Vec<Arrival>,
}

impl MediaStream {
    /// Whether only its packets tell of it.
    pub const fn is_inferred(&self) -> bool {
        !self.hints.is_empty()
    }

    /// Whether it is carried without RTP: MPEG-TS or else straight in UDP, as IPTV has it (`MP2T/H2221/UDP`, `RAW/RAW/UDP`).
    pub fn is_raw(&self) -> bool {
        let profile = self.profile.as_deref();
        profile.is_some_and(|profile| {
            let profile = profile.to_ascii_uppercase();
            profile.starts_with("MP2T/H2221") || profile.starts_with("RAW/RAW")
        })
    }

    /// Encoding by its rtpmap, where the media is in clear: SRTP (RFC 3711) hides it.
    pub fn encoding_in_clear(&self) -> Option<&str> {
        let profile = self.profile.as_deref().unwrap_or_default();
        let is_hidden = profile.to_ascii_uppercase().contains("SAVP");
        self.encoding.as_deref().filter(|_| !is_hidden)
    }

    /// What its packets are called.
    pub fn unit(&self) -> &'static str {
        if self.is_raw() {
            "datagrams"
        } else {
            "RTP packets"
        }
    }

    /// What one of them is called.
    pub fn unit_of_one(&self) -> &'static str {
        if self.is_raw() {
            "datagram"
        } else {
            "RTP packet"
        }
    }

    /// What it consists of.
    pub fn matter(&self) -> &'static str {
        if self.is_raw() { "media" } else { "RTP" }
    }
}

/// Which end sends a medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MediaDirection {
    /// The server, as for every medium that is played.
    #[default]
    FromServer,
    /// The client: it records to a server (RFC 2326 §10.11), or it speaks to a camera (ONVIF Streaming §5.3).
    FromClient,
}

/// A sign that packets are a medium of a session, where no message tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaHint {
    /// RTP that goes on in sequence (RFC 3550 §A.1).
    RtpSequence,
    /// It goes between the hosts of the RTSP connection, and of no other connection that might have set it up.
    SameHosts,
    /// The same source was seen at both legs.
    SameSource,
    /// Reports go beside it (RTCP).
    Reports,
    /// The RTP-Info of an accepted PLAY names its source or its first packet.
    RtpInfo,
}

/// How packets that only repeat or repair others are told from a medium's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Their payload types: `rtx` (RFC 4588) and forward error correction.
    pub payload_types: Vec<u8>,
    /// Their synchronisation sources, by `a=ssrc-group` (RFC 5576).
    pub sources: Vec<u32>,
}

/// Ports, channels and addresses of one medium as one leg's SETUP exchange shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// RTP port in the request's `client_port`.
    pub client_rtp_port: Option<u16>,
    /// RTCP port in the request's `client_port`.
    pub client_rtcp_port: Option<u16>,
    /// RTP port of `client_port` in the response.
    pub answered_rtp_port: Option<u16>,
    /// RTCP port of `client_port` in the response.
    pub answered_rtcp_port: Option<u16>,
    /// RTP port in the response's `server_port`.
    pub server_rtp_port: Option<u16>,
    /// RTCP port in the response's `server_port`.
    pub server_rtcp_port: Option<u16>,
    /// Interleaved channels of the response, else of the request.
    pub channels: Option<(u8, u8)>,
    /// `destination` as written, of the response, else of the request; for a group without one its address in the
    /// description.
    pub destination: Option<String>,
    /// `source` of the response as written.
    pub source: Option<String>,
    /// `ssrc` of the response.
    pub ssrc: Option<u32>,
    /// Group and ports of a multicast transport, with RTP port and RTCP port.
    pub multicast: Option<(IpAddr, u16, u16)>,
}

/// What a tap saw of one medium beside one leg.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The tap.
    pub tap: TapId,
    /// Position in [`Session::legs`] of the leg beside which it came; `None` where the session has no leg at the tap.
    pub leg: Option<usize>,
    /// The medium itself, from the end that sends it.
    pub rtp: RtpArrival,
    /// Reports from that end.
    pub rtcp: RtcpArrival,
    /// Datagrams from the client's media ports, in order of first packet.
    pub from_client: Vec<ClientDatagrams>,
    /// ICMP errors that the client's side sent about this medium's packets, in order.
    pub refused: Vec<Refusal>,
    /// The RTP over time; `None` unless [`crate::EngineOptions::timelines`] asks for it and there was room.
    pub timeline: Option<Timeline>,
    /// What routers said here of this medium's packets that were too large for their next link, in order.
    pub too_big: Vec<TooBig>,
    /// Datagrams from the server that came in fragments.
    pub fragmented: Fragmented,
    /// Who listens to the medium's group; `None` for unicast.
    pub membership: Option<GroupMembership>,
}

impl Arrival {
    /// A leg, or a tap without one, that saw nothing.
    pub fn new(tap: TapId, leg: Option<usize>) -> Self {
        Self {
            tap,
            leg,
            rtp: RtpArrival::default(),
            rtcp: RtcpArrival::default(),
            from_client: Vec::new(),
            refused: Vec::new(),
            timeline: None,
            too_big: Vec::new(),
            fragmented: Fragmented::default(),
            membership: None,
        }
    }
}

/// A router's word that a packet is too large and may not be cut (RFC 1191, RFC 8201).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooBig {
    /// The ICMP packet.
    pub at: Locator,
    /// The router.
    pub from: IpAddr,
    /// Size that its next link carries, in bytes; `None` where it does not tell.
    pub mtu: Option<u32>,
}

/// Datagrams of one medium that came in fragments at one tap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fragmented {
    /// Of which the first fragment came.
    pub begun: u64,
    /// Of which all came.
    pub whole: u64,
    /// The first of the first fragments.
    pub first: Option<Locator>,
}

/// What the hosts at a tap said of multicast groups (IGMP, MLD). Such messages never cross a router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMembership {
    /// Hosts that said that they listen to the medium's group, in order of their first report.
    pub joins: Vec<GroupJoin>,
    /// First word of a host here about any group, the client's own where it spoke: the tap shows such messages.
    pub heard: Option<(IpAddr, Locator)>,
}

/// A host that listens to a multicast group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupJoin {
    /// The host.
    pub host: IpAddr,
    /// Its first report.
    pub at: Locator,
}

/// An ICMP error about a packet of a medium: its receiver does not want it, or a router cannot deliver it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The ICMP packet.
    pub at: Locator,
    /// The refused packet was for the RTCP port, which many clients never open.
    pub rtcp_port: bool,
}

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

/// RTP of one medium at one tap, from the end that sends it ([`MediaStream::direction`]). Retransmissions and forward error correction are counted apart.
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
    /// Interarrival jitter (RFC 3550 §6.4.1); `None` without a clock rate.
    pub jitter: Option<Span>,
    /// Longest time between two packets.
    pub max_gap: Option<Span>,
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
    /// Packets that only repeat or repair others ([`Repair`]); they are in none of the other counts.
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
    /// Receiver reports from the client.
    pub receiver_reports: u64,
    /// BYE packets from the server.
    pub byes: u64,
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

/// Datagrams by what they are (RFC 7983).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramKinds {
    /// What looks like RTP.
    pub rtp: u64,
    /// RTCP.
    pub rtcp: u64,
    /// STUN messages.
    pub stun: u64,
    /// DTLS records.
    pub dtls: u64,
    /// Known hole punches: VLC's four bytes, the 84 bytes of a maker of set-top boxes, and empty datagrams.
    pub punches: u64,
    /// None of these.
    pub other: u64,
}

/// Datagrams that left a media port of the client: hole punches, receiver reports, STUN.
#[derive(Clone, Debug)]
pub struct ClientDatagrams {
    /// Sender, as seen at this tap.
    pub from: SocketAddr,
    /// Receiver, as seen at this tap.
    pub to: SocketAddr,
    /// Datagrams.
    pub packets: u64,
    /// The same by what they are.
    pub kinds: DatagramKinds,
    /// First one.
    pub first: Locator,
    /// Last one.
    pub last: Locator,
    /// From or to an RTCP port rather than an RTP port.
    pub rtcp_port: bool,
}

/// Two legs of one connection.
#[derive(Clone, Debug)]
pub struct NatPair {
    /// Index of the leg on the private side in [`Session::legs`].
    pub pre: usize,
    /// Index of the leg on the public side.
    pub post: usize,
    /// What shows that they belong together; never empty.
    pub evidence: Vec<PairEvidence>,
    /// Two TCP connections with different initial sequence numbers.
    pub proxied: bool,
    /// Bytes by which the client's stream is longer at the post-NAT tap at its end; 0 where nothing was rewritten,
    /// `None` for a proxy.
    pub sequence_delta: Option<i64>,
    /// Messages and fields that differ, in order of the message.
    pub rewrites: Vec<FieldDiff>,
    /// Whether the NAT translated the client's address (masquerade) rather than, or besides, the server's.
    pub client_translated: bool,
}

/// A hint that two legs are one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PairEvidence {
    /// The kernel's connection tracking names both tuples.
    Conntrack,
    /// The initial sequence numbers are equal.
    TcpSequence,
    /// The messages are the same by CSeq, URI and order.
    Content,
}

/// One field of one message that differs between the legs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDiff {
    /// Method of the exchange.
    pub method: String,
    /// In the response rather than in the request.
    pub in_response: bool,
    /// CSeq of the message.
    pub cseq: Option<u32>,
    /// The field's name by meaning: `Transport.client_port`, `sdp.c.address`, a header's name, `line-ending`, …
    pub field: String,
    /// Value at the pre-NAT leg; `None` where the field is absent there.
    pub pre: Option<String>,
    /// Value at the post-NAT leg; `None` where the field is absent there.
    pub post: Option<String>,
    /// The line in which the field stands at the pre-NAT leg, byte by byte with its line end; `None` where it is absent or
    /// no single line. Credentials included: outputs redact.
    pub pre_raw: Option<Vec<u8>>,
    /// The same at the post-NAT leg.
    pub post_raw: Option<Vec<u8>>,
    /// Whether the change makes sense or breaks the message.
    pub class: DiffClass,
    /// The message at the pre-NAT leg.
    pub pre_at: Locator,
    /// The message at the post-NAT leg.
    pub post_at: Locator,
}

/// What kind of change a [`FieldDiff`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiffClass {
    /// A deliberate rewrite of an address or port.
    Alg,
    /// Damage: the message is no longer what its sender meant or its receiver can read.
    Corruption,
}

/// The two separate judgements on an ALG.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AlgJudgement {
    /// What it did.
    pub action: AlgAction,
    /// What that did to the session.
    pub effect: AlgEffect,
}

/// What an ALG did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum AlgAction {
    /// No trace of one.
    None,
    /// Media was let in that nothing inside had asked for by sending first.
    Pinhole,
    /// A message differs between the taps.
    Rewrite,
    /// The legs are two TCP connections.
    Proxy,
    /// Only one side is visible, or the text is encrypted.
    #[default]
    Unknown,
}

/// What the ALG, or the lack of one, did to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub enum AlgEffect {
    /// The session works, or would have worked, without it.
    Harmless,
    /// Media arrives that plain NAT would not have let in.
    Helped,
    /// The change broke the session or part of it.
    Damaged,
    /// Media was lost for want of one.
    Missing,
    /// Cannot be judged.
    #[default]
    Unknown,
}
