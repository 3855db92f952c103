//! An RTSP connection as one tap saw it, and what was said on it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rtspscope_wire::rtsp::stream::NOT_CAPTURED;
use rtspscope_wire::{Anomaly, Span, TapId, Timestamp};

use super::TooBig;
use super::memo::Memo;
use crate::exchange::OTHER_NUMBER;
use crate::locator::Locator;
use crate::reading;

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
    /// Requests and responses in order of the request; shared with the engine until something more is said.
    pub exchanges: Arc<Vec<Exchange>>,
    /// Bytes of either direction that the capture does not have.
    pub missing_bytes: u64,
    /// Where the first of them is missing.
    pub first_gap: Option<Locator>,
    /// Times in which they passed, the first sixteen.
    pub holes: Vec<Hole>,
    /// Messages that were not kept because of a cap.
    pub dropped_messages: u64,
    /// Exchanges in the middle of a long connection that only kept the session alive, and that are not kept themselves.
    pub forgotten_keepalives: u64,
    /// Last segment with which the client repeated bytes that the server had not acknowledged up to the end.
    pub client_unheard: Option<Locator>,
    /// Last segment with which the server repeated bytes that the client had not acknowledged up to the end.
    pub server_unheard: Option<Locator>,
    /// How far what the client sent came.
    pub from_client: Delivery,
    /// How far what the server sent came.
    pub from_server: Delivery,
    /// When the client took no more bytes.
    pub client_shut: Option<ShutWindow>,
    /// When the server took no more.
    pub server_shut: Option<ShutWindow>,
    /// What routers said here of the server's segments that were too large for their next link, in order.
    pub too_big: Vec<TooBig>,
    /// Whether the capture kept less than the whole of some segment.
    pub cut_short: bool,
    /// Bytes that the client sent in all, where its SYN and its FIN were seen.
    pub client_sent: Option<u64>,
    /// The end of which the capture has no segment at all, though the other end acknowledges what it sent: bytes that are
    /// missing.
    pub unseen: Option<Unseen>,
    /// Where the first copy of a segment stands, if nearly every segment is there twice, at once.
    pub doubled: Option<Locator>,
    /// By how much at least one direction was stamped early or late against the other, as early acknowledgements show; `None`
    /// where the two are in step.
    pub out_of_step: Option<Span>,
    /// Who said first that the client's segments are not delivered.
    pub unreachable: Option<Unreachable>,
    /// Bytes that were neither a message nor an interleaved frame although nothing was missing before them.
    pub desync: Option<Desync>,
    /// Channels on which the server sent RTP, whatever was agreed on.
    pub server_channels: Vec<u8>,
    /// Where the server answers in another protocol than RTSP.
    pub other_answer: Option<OtherAnswer>,
    /// Whether the client opened a connection for each request, or a few of them (RFC 2326 §9): `client` is where one of them
    /// came from.
    pub by_request: bool,
}

/// How long an acknowledgement may take from the end nearer to a tap: so much more than early acknowledgements show, two directions
/// may be out of step.
const NEAR: Span = Span::from_millis(200);

/// What is to follow a message comes sooner: its answer, its body, credentials.
const FOLLOWS_WITHIN: Span = Span::from_secs(2);

impl Leg {
    /// Its exchanges to be changed, for it alone.
    pub fn exchanges_mut(&mut self) -> &mut Vec<Exchange> {
        Arc::make_mut(&mut self.exchanges)
    }

    /// How far what an end sent came.
    pub const fn delivery(&self, from: Side) -> &Delivery {
        match from {
            Side::Client => &self.from_client,
            Side::Server => &self.from_server,
        }
    }

    /// Whether nothing more follows what passed at this time: the connection has ended, or its tap watched on in vain, as it did
    /// until `watched_until`.
    pub(crate) fn is_over_after(&self, at: Timestamp, watched_until: Timestamp) -> bool {
        self.closed.is_some() || watched_until - at >= FOLLOWS_WITHIN
    }

    /// How much later than one packet another of the other direction may be stamped that passed before it: nothing, where the
    /// directions are in step.
    pub(crate) fn order_uncertain_for(&self) -> Span {
        self.out_of_step.map_or(Span(0), |step| step + NEAR)
    }

    /// Whether messages passed that are not among its exchanges.
    pub const fn lacks_messages(&self) -> bool {
        self.dropped_messages > 0 || self.forgotten_keepalives > 0
    }

    /// Whether its messages may not be all there: bytes are missing, or they went before the capture began.
    pub const fn may_hide_messages(&self) -> bool {
        self.began_before() || self.missing_bytes > 0
    }

    /// Whether the capture has nothing of what this end sent.
    pub fn lacks_all_of(&self, side: Side) -> bool {
        self.unseen.is_some_and(|unseen| unseen.from == side)
    }

    /// Whether the connection was there when the capture began.
    pub const fn began_before(&self) -> bool {
        self.client_isn.is_none() && self.server_isn.is_none()
    }
}

/// A time in which bytes of a connection passed a tap that does not have them: its other packets of that time may be missing too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The last bytes of that end before.
    pub since: Timestamp,
    /// The packet by which it showed.
    pub shown: Locator,
}

/// A direction of a connection that was not captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Who sent it.
    pub from: Side,
    /// Bytes of it that the other end acknowledged while the tap watched.
    pub acknowledged: u32,
    /// The last of those acknowledgements.
    pub at: Locator,
}

/// How far one direction of a connection came, as its tap saw it. All but the places is a matter of sequence numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The sender's initial sequence number, where its SYN was seen.
    pub isn: Option<u32>,
    /// Sequence number of the byte from which places in its stream count; `None` where messages are counted otherwise, in an
    /// HTTP tunnel.
    pub begin: Option<u32>,
    /// Its last segment.
    pub last: Option<Locator>,
    /// Payload bytes of its largest segment; `None` where not all were seen.
    pub largest: Option<u32>,
    /// Sequence number up to which the tap has its bytes.
    pub seen: Option<u32>,
    /// The highest sequence number to which any segment of it shows that it had come, one without payload too.
    pub reached: Option<u32>,
    /// Sequence number up to which the receiver acknowledged; `None` before it acknowledged any byte.
    pub acknowledged: Option<u32>,
    /// Since when bytes wait for an acknowledgement: where they were sent, or where the last one came.
    pub since: Option<Locator>,
    /// What was repeated in vain: up to the end, or until the receiver hung up.
    pub repeated: Option<Repeated>,
    /// Bytes that the tap lacks and that the receiver never acknowledged, so that they were lost before they came here.
    pub missing: u64,
}

/// Bytes that were sent again and never acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The first segment that brought any of them again.
    pub first: Locator,
    /// The last one.
    pub last: Locator,
    /// How many such segments there were.
    pub times: u32,
    /// Bytes that the last one repeated.
    pub len: u64,
}

/// Times when an end of a connection let no more bytes in: a window of zero (RFC 9293 §3.8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShutWindow {
    /// How often.
    pub count: u64,
    /// The longest time.
    pub longest: Span,
    /// All of them together.
    pub total: Span,
    /// When the last one was over, or up to when it is known.
    pub until: Timestamp,
    /// The segment that shut it first.
    pub first: Locator,
}

/// Somebody's word (ICMP) that segments are not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// The ICMP packet.
    pub at: Locator,
    /// Who says so.
    pub from: IpAddr,
    /// Why, as a part of a sentence.
    pub why: &'static str,
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

/// What came back to RTSP and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherAnswer {
    /// What it is.
    pub protocol: OtherProtocol,
    /// The segment that brought its beginning.
    pub at: Locator,
}

/// Protocols other than RTSP that a server may answer in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherProtocol {
    /// HTTP: a web page's port.
    Http,
    /// TLS, an alert mostly: a port for `rtsps`.
    Tls,
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
            let mut odd = message.anomalies.iter();
            message.head_len == message.raw.len() && odd.all(|odd| odd.what == OTHER_NUMBER)
        };
        self.by == Side::Client
            && self.repeats == 0
            && methods.into_iter().any(|method| self.is(method))
            && self.succeeded()
            && self.messages().count() == 2
            && self.messages().all(is_plain)
    }

    /// The number of the answer, where it is not that of the request: a server that numbers wrongly.
    pub(crate) fn other_number(&self) -> Option<u32> {
        self.request.as_ref()?;
        let own = self.cseq?;
        let number = reading::fields(self.response.as_ref()?).cseq();
        number.filter(|number| *number != own)
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
    /// What has been read of its bytes before.
    pub memo: Memo,
}

impl Message {
    /// Whether the capture lacks its end.
    pub fn is_cut(&self) -> bool {
        self.anomalies.iter().any(|odd| odd.what == NOT_CAPTURED)
    }
}
