//! Reads one direction piece by piece: RTSP as it stands, and what lies behind an HTTP head as a tunnel.
//!
//! A tunnel may stand behind several heads on one connection: a request that was refused for want of a password is made
//! again (RFC 7235 §2.1), and only the answer to the last carries RTSP. What is between two heads is not read, since lengths
//! of requests are invented there and bodies of refusals tell nothing; the next head begins with a segment, as its sender
//! waited for the other end before it.

use rtspscope_wire::rtsp::message;
use rtspscope_wire::rtsp::stream::{Item, MessageStream, RawMessage};
use rtspscope_wire::tcp::{Piece, Recall};

use super::stream_limits;
use crate::record::{Notice, Record, Room, Speech};
use crate::tunnel::Tunnel;

/// Status codes from here on refuse what was asked for (RFC 7231 §6.5).
const FIRST_REFUSAL: u16 = 400;

/// What the last HTTP head of a direction was, if one came.
#[derive(Clone, Debug)]
pub(super) enum Http {
    /// No HTTP head came, or the next is coming.
    None,
    /// HTTP that is no tunnel.
    Plain,
    /// RTSP stands behind it.
    Tunnel(Box<Tunnel>),
}

impl Http {
    pub(super) fn tunnel(&self) -> Option<&Tunnel> {
        match self {
            Self::Tunnel(tunnel) => Some(tunnel),
            Self::None | Self::Plain => None,
        }
    }

    /// Whether the piece begins with another head. Answers and media stand behind the last head of a GET only.
    fn ends_with(&self, piece: Piece<'_>, speech: Speech) -> bool {
        let Piece::Chunk { bytes, .. } = piece else {
            return false;
        };
        match self {
            Self::None => false,
            Self::Plain => begins_head(bytes),
            Self::Tunnel(tunnel) => {
                let is_content = tunnel.carries_answers() && speech != Speech::TunnelPost;
                !is_content && begins_head(bytes)
            }
        }
    }
}

/// Hands a piece to the stream, and what lies behind an HTTP head to the tunnel.
pub(super) fn read_piece(
    end: usize,
    piece: Piece<'_>,
    stream: &mut MessageStream,
    http: &mut Http,
    record: &mut Record,
    room: Room<'_>,
    notices: &mut Vec<Notice>,
) -> Recall {
    match piece {
        Piece::Gap { offset, len, place } => record.handle_gap(end, offset, len, place),
        Piece::Chunk { place, .. } => record.hear_in_order(end, place.at),
    }
    if http.ends_with(piece, record.speech) {
        *http = Http::None;
        *stream = MessageStream::new(stream_limits(room.limits));
    }
    if let Http::Tunnel(tunnel) = http {
        tunnel.handle_piece(piece, &mut |item| {
            record.handle_item(end, item, room, notices);
        });
        return Recall::Keep;
    }
    let mut head = None;
    let recall = stream.handle_piece(piece, &mut |item| match item {
        Item::Message(raw) if begins_head(&raw.raw) => head = Some(raw),
        Item::Message(_) | Item::Interleaved(_) | Item::Skipped { .. } => {
            record.handle_item(end, item, room, notices);
        }
    });
    if let Some(head) = head {
        let limits = room.limits;
        let tunnel = Tunnel::from_head(&head, stream_limits(limits), limits.cookie_bytes);
        note_head(&head, tunnel.as_ref(), record);
        *http = match tunnel {
            Some(mut tunnel) => {
                tunnel.handle_piece(piece, &mut |item| {
                    record.handle_item(end, item, room, notices);
                });
                Http::Tunnel(Box::new(tunnel))
            }
            None => Http::Plain,
        };
    }
    recall
}

/// Takes note of whose tunnel the connection belongs to, and whether the server refuses it.
fn note_head(head: &RawMessage, tunnel: Option<&Tunnel>, record: &mut Record) {
    if let Some(cookie) = tunnel.and_then(Tunnel::cookie) {
        record.cookie = Some(cookie.to_owned());
    }
    let status = message::parse(&head.raw).value.status();
    let at = record.locate(head.first, head.offset);
    let is_refusal = status.is_some_and(|status| status >= FIRST_REFUSAL);
    if tunnel.is_none() && is_refusal {
        record.http_refusal = Some(at);
    } else if tunnel.is_some_and(Tunnel::carries_answers) && record.speech == Speech::TunnelGet {
        record.http_refusal = None;
    }
}

/// No letter of base64 is a space, so none of these stands in the content of a POST. `AirPlay` has GET and POST in RTSP, too.
fn begins_head(bytes: &[u8]) -> bool {
    let starts = |start: &&[u8]| bytes.starts_with(start);
    let line = bytes.split(|&byte| byte == b'\n').next();
    let is_rtsp = |line: &[u8]| {
        let version = line.trim_ascii_end().rsplit(|&byte| byte == b' ').next();
        version.is_some_and(|version| version.starts_with(b"RTSP/"))
    };
    [&b"GET "[..], b"POST ", b"HTTP/"].iter().any(starts) && !line.is_some_and(is_rtsp)
}
