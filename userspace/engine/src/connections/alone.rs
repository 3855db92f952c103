//! Connections of which one segment has come that tells nothing by itself.
//!
//! Most of what passes a router beside RTSP is of connections that were open before, and in a short capture many of them
//! say but one thing. A followed connection is some kilobytes in several pieces; a segment that waits here is one, and
//! when another comes both are read as if the first had not waited. Where none comes, nothing would have come of it.

use std::collections::VecDeque;

use memchr::memchr2_iter;
use rtspscope_wire::decode::{Segment, TcpFlags};
use rtspscope_wire::tcp::Place;
use rtspscope_wire::{TapId, Timestamp};

use super::room::IDLE_MIDSTREAM;
use crate::key::FlowKey;

/// Segments that wait at most, and the longest payload of one: 8 MiB in all.
const MOST: usize = 4096;
const MAX_LEN: usize = 2048;

/// Length of the header of an interleaved frame (RFC 2326 §10.12).
const FRAME_HEADER_LEN: usize = 4;

/// The first segment of a connection, on its own.
#[derive(Clone, Debug)]
pub(super) struct First {
    pub(super) key: FlowKey,
    pub(super) tap: TapId,
    /// Number of the connection in order of the first packet.
    pub(super) number: u64,
    pub(super) place: Place,
    /// Without its payload.
    head: Segment<'static>,
    payload: Vec<u8>,
}

impl First {
    pub(super) fn segment(&self) -> Segment<'_> {
        Segment {
            payload: &self.payload,
            ..self.head
        }
    }
}

/// Those that wait, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Alone {
    waiting: VecDeque<Option<First>>,
    /// Ticket of the one in front.
    front: u64,
}

impl Alone {
    /// Whether a segment may wait here: it neither begins nor ends a connection, and nothing would come of it now.
    pub(super) fn takes(&self, segment: &Segment<'_>) -> bool {
        let ends = TcpFlags(TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0);
        segment.flags.0 & ends.0 == 0
            && !segment.payload.is_empty()
            && segment.payload.len() <= MAX_LEN
            && self.waiting.len() < MOST
            && !may_tell(segment.payload)
    }

    /// Has one wait; its ticket.
    pub(super) fn put(
        &mut self,
        (key, tap): (FlowKey, TapId),
        number: u64,
        segment: &Segment<'_>,
        place: Place,
    ) -> u64 {
        self.waiting.push_back(Some(First {
            key,
            tap,
            number,
            place,
            head: Segment {
                payload: &[],
                ..*segment
            },
            payload: segment.payload.to_vec(),
        }));
        self.front + self.waiting.len() as u64 - 1
    }

    /// Takes one back.
    pub(super) fn take(&mut self, ticket: u64) -> Option<First> {
        let place = usize::try_from(ticket.checked_sub(self.front)?).ok()?;
        self.waiting.get_mut(place)?.take()
    }

    /// Takes the next one whose connection has been silent for long; and what was taken back before it goes with it.
    pub(super) fn take_idle(&mut self, now: Timestamp) -> Option<First> {
        let is_idle = |first: &First| now - first.place.at > IDLE_MIDSTREAM;
        while self
            .waiting
            .front()
            .is_some_and(|first| first.as_ref().is_none_or(is_idle))
        {
            self.front += 1;
            let first = self.waiting.pop_front().flatten();
            if first.is_some() {
                return first;
            }
        }
        None
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.waiting.iter().flatten().count()
    }
}

/// Whether a payload may say by itself what its connection speaks: it begins as text does, a version of RTSP or HTTP may stand
/// in it, or a whole interleaved frame. Where this says so of compressed or encrypted bytes the connection is followed at once.
fn may_tell(payload: &[u8]) -> bool {
    let begins_as_text = || {
        let first = payload.trim_ascii_start().first();
        first.is_none_or(u8::is_ascii_alphabetic)
    };
    let is_version_or_frame = |at: usize| {
        if payload[at] == b'/' {
            return matches!(payload[..at].last(), Some(b'P' | b'p'));
        }
        match payload.get(at + 2..at + FRAME_HEADER_LEN) {
            Some(&[high, low]) => {
                let len = usize::from(u16::from_be_bytes([high, low]));
                at + FRAME_HEADER_LEN + len <= payload.len()
            }
            Some(_) | None => false,
        }
    };
    begins_as_text() || memchr2_iter(b'/', b'$', payload).any(is_version_or_frame)
}

#[cfg(test)]
mod tests {
    use super::may_tell;

    #[test]
    fn text_and_whole_frames_tell_something() {
        for (payload, tells) in [
            (&b"OPTIONS * RTSP/1.0\r\n"[..], true),
            (b"SETUP rtsp://a.long.name.that.is.cut", true),
            (b"\r\nPLAY", true),
            (b"\0tail of a body RTSP/1.0 200 OK\r\n", true),
            (b"\0rtsp/1.0 200 OK\r\n", true),
            (b"GET /a HTTP/1.1\r\n", true),
            (b"\0$\x00\x00\x04abcd", true),
            (b"$\x00\x00\x04abcd$\x01\x00", true),
            (b"\x17\x03\x03\x00\x04abcd", false),
            (b"\0a/b", false),
            (b"$\x00\x00\x05abcd", false),
            (b"$\x00\x00", false),
        ] {
            assert_eq!(may_tell(payload), tells, "{payload:?}");
        }
    }
}
