//! Hand-made legs and sessions for the tests of pairing, comparison, judgement and rules.
//!
//! A conversation is written one message a line: seconds, `>` for the client or `<` for the server, then the head's
//! lines with ` | ` between them and, after ` || `, the body's lines. Lines end with CR LF unless `\n` is written.

use std::net::SocketAddr;
use std::sync::Arc;

use rtspscope_wire::rtsp::message;
use rtspscope_wire::{TapId, Timestamp};

use crate::locator::Locator;
use crate::model::{Close, Delivery, Exchange, Leg, Message, Side};

mod scene;
mod setup;
mod tracked;

pub(crate) use scene::Scene;
pub(crate) use setup::{read_at, with_helper};
pub(crate) use tracked::{connection, expected, mapping, told_at};

pub(crate) const LAN: TapId = TapId(0);
pub(crate) const WAN: TapId = TapId(1);
/// A tap between two routers.
pub(crate) const BETWEEN: TapId = TapId(2);

/// A conversation that sets up one UDP medium on ports 5000-5001 and plays for ten seconds.
pub(crate) const UDP_TALK: &str = "
    0.00 > DESCRIBE rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 2
    0.01 < RTSP/1.0 200 OK | CSeq: 2 | Content-Type: application/sdp | Content-Length: 46 || v=0 | m=video 0 RTP/AVP 96 | a=control:track1
    0.02 > SETUP rtsp://203.0.113.10/a/track1 RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP;unicast;client_port=5000-5001
    0.03 < RTSP/1.0 200 OK | CSeq: 3 | Session: 66334873 | Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971
    0.04 > PLAY rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 4 | Session: 66334873
    0.05 < RTSP/1.0 200 OK | CSeq: 4 | Session: 66334873
    10.0 > TEARDOWN rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 5 | Session: 66334873
    10.1 < RTSP/1.0 200 OK | CSeq: 5 | Session: 66334873";

/// The same, interleaved in the connection.
pub(crate) fn tcp_talk() -> String {
    UDP_TALK
        .replace(
            "RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971",
            "RTP/AVP/TCP;unicast;interleaved=0-1",
        )
        .replace(
            "RTP/AVP;unicast;client_port=5000-5001",
            "RTP/AVP/TCP;unicast;interleaved=0-1",
        )
}

pub(crate) fn at(tap: TapId, secs: f64, frame: u64) -> Locator {
    Locator {
        tap,
        frame: Some(frame),
        at: Timestamp((secs * 1e9).round() as i64),
        stream_offset: None,
    }
}

pub(crate) fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address of the test")
}

/// Reads a conversation into a leg with initial sequence numbers 1000 and 2000, closed by the client's FIN.
pub(crate) fn leg(tap: TapId, client: &str, server: &str, talk: &str) -> Leg {
    let mut leg = Leg {
        tap,
        client: addr(client),
        server: addr(server),
        client_isn: Some(1000),
        server_isn: Some(2000),
        first: at(tap, 0.0, 1),
        last: at(tap, 0.0, 1),
        closed: None,
        encrypted: false,
        exchanges: Arc::default(),
        missing_bytes: 0,
        first_gap: None,
        holes: Vec::new(),
        dropped_messages: 0,
        forgotten_keepalives: 0,
        client_unheard: None,
        server_unheard: None,
        from_client: Delivery::default(),
        from_server: Delivery::default(),
        client_shut: None,
        server_shut: None,
        too_big: Vec::new(),
        cut_short: false,
        client_sent: None,
        unseen: None,
        doubled: None,
        out_of_step: None,
        unreachable: None,
        desync: None,
        server_channels: Vec::new(),
        other_answer: None,
        by_request: false,
    };
    let lines = talk.lines().map(str::trim).filter(|line| !line.is_empty());
    for (number, line) in lines.enumerate() {
        let (secs, rest) = line.split_once(' ').expect("seconds");
        let (arrow, text) = rest.trim_start().split_once(' ').expect("arrow");
        let from = if arrow == ">" {
            Side::Client
        } else {
            Side::Server
        };
        let place = at(tap, secs.parse().expect("seconds"), number as u64 + 4);
        add_message(&mut leg, from, place, &raw(text));
        leg.last = place;
    }
    leg.last.at = leg.last.at + rtspscope_wire::Span::from_secs(1);
    leg.closed = Some(Close {
        by: Side::Client,
        reset: false,
        at: leg.last,
    });
    leg
}

fn raw(text: &str) -> Vec<u8> {
    let (head, body) = text.split_once(" || ").unwrap_or((text, ""));
    let mut raw = String::new();
    for line in head.split(" | ") {
        match line.strip_suffix("\\n") {
            Some(line) => raw.extend([line, "\n"]),
            None => raw.extend([line, "\r\n"]),
        }
    }
    raw.push_str("\r\n");
    for line in body.split(" | ").filter(|line| !line.is_empty()) {
        match line.strip_suffix("\\cut") {
            Some(line) => raw.push_str(line),
            None => raw.extend([line, "\r\n"]),
        }
    }
    raw.into_bytes()
}

fn add_message(leg: &mut Leg, from: Side, place: Locator, raw: &[u8]) {
    let parsed = message::parse(raw);
    let value = parsed.value;
    let message = Arc::new(Message {
        at: place,
        last_frame: place.frame,
        from,
        status: value.status(),
        raw: raw.into(),
        head_len: value.head_len,
        anomalies: parsed.anomalies,
        memo: crate::model::Memo::default(),
    });
    if value.status().is_none() {
        let method = value
            .method()
            .map_or_else(String::new, |method| method.text().into_owned());
        leg.exchanges_mut().push(Exchange {
            by: from,
            method,
            cseq: value.cseq(),
            request: Some(message),
            response: None,
            repeats: 0,
        });
        return;
    }
    let is_open = |exchange: &&mut Exchange| {
        exchange.by != from && exchange.request.is_some() && exchange.response.is_none()
    };
    let mut open: Vec<_> = leg.exchanges_mut().iter_mut().filter(is_open).collect();
    let numbered = open
        .iter()
        .rposition(|exchange| exchange.cseq == value.cseq());
    let found = numbered.or((!open.is_empty()).then_some(0));
    match found.map(|index| open.swap_remove(index)) {
        Some(exchange) => exchange.response = Some(message),
        None => leg.exchanges_mut().push(Exchange {
            by: from.other(),
            method: String::new(),
            cseq: value.cseq(),
            request: None,
            response: Some(message),
            repeats: 0,
        }),
    }
}
