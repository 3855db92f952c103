//! What comes out of a stream is written down a line per item, so that a test reads as a table.

use super::*;
use crate::tcp::{Piece, Recall};

mod gaps;
mod messages;
mod properties;
mod protocols;

const LIMITS: StreamLimits = StreamLimits {
    max_head_len: 2000,
    max_body_len: 4000,
    max_search_len: 100_000,
};

const OPTIONS: &[u8] = b"OPTIONS rtsp://camera/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
const OK: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n";
const SDP: &[u8] = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\nm=video 0 RTP/AVP 96\r\na=control:track1\r\n";

/// Feeds pieces and writes down what comes out.
struct Run {
    stream: MessageStream,
    offset: u64,
    frame: u64,
    items: Vec<String>,
    messages: Vec<RawMessage>,
}

impl Run {
    fn new() -> Self {
        Self {
            stream: MessageStream::new(LIMITS),
            offset: 0,
            frame: 0,
            items: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// A stream in step, whose connection has used channels 0 and 1.
    fn in_step() -> Self {
        let mut run = Self::new();
        run.chunk(OK).chunk(&rtp(0, 1, 20)).chunk(&rtcp(1, 8));
        run.items.clear();
        run.messages.clear();
        run
    }

    fn place(&mut self) -> Place {
        self.frame += 1;
        Place {
            at: crate::Timestamp(0),
            frame: self.frame,
        }
    }

    fn piece(&mut self, piece: Piece<'_>) {
        let (items, messages) = (&mut self.items, &mut self.messages);
        self.stream
            .handle_piece(piece, &mut |item| write_down(item, items, messages));
    }

    fn chunk(&mut self, bytes: &[u8]) -> &mut Self {
        let place = self.place();
        self.piece(Piece::Chunk {
            offset: self.offset,
            bytes,
            place,
        });
        self.offset += bytes.len() as u64;
        self
    }

    fn gap(&mut self, len: u64) -> &mut Self {
        let place = self.place();
        self.piece(Piece::Gap {
            offset: self.offset,
            len,
            place,
        });
        self.offset += len;
        self
    }

    fn finish(&mut self) -> &mut Self {
        let (items, messages) = (&mut self.items, &mut self.messages);
        self.stream
            .finish(&mut |item| write_down(item, items, messages));
        self
    }

    #[track_caller]
    fn gives(&mut self, expected: &[&str]) -> &mut Self {
        assert_eq!(self.items, expected);
        self.items.clear();
        self
    }

    fn message(&self, index: usize) -> &RawMessage {
        &self.messages[index]
    }
}

fn write_down(item: Item<'_>, items: &mut Vec<String>, messages: &mut Vec<RawMessage>) {
    items.push(match item {
        Item::Message(message) => {
            let line = message
                .raw
                .split(|&byte| byte == b'\r' || byte == b'\n')
                .next()
                .unwrap();
            let line = String::from_utf8_lossy(line).into_owned();
            let body_len = message.raw.len() - message.head_len;
            let cut = if message.complete { "" } else { " cut" };
            messages.push(message);
            format!("{line} +{body_len}{cut}")
        }
        Item::Interleaved(frame) => {
            let cut = if frame.captured_len < frame.len {
                " cut"
            } else {
                ""
            };
            let number = frame
                .bytes
                .get(2..4)
                .map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
            format!("${} #{number} {}{cut}", frame.channel, frame.len)
        }
        Item::Skipped { len, why, .. } => format!("{why:?} {len}"),
    });
}

/// An interleaved RTP frame with `len` payload bytes; `number` is its sequence number.
fn rtp(channel: u8, number: u16, len: u16) -> Vec<u8> {
    let mut bytes = vec![b'$', channel];
    bytes.extend(len.to_be_bytes());
    bytes.extend([0x80, 96]);
    bytes.extend(number.to_be_bytes());
    // Media, among it bytes that look like a frame header.
    bytes.extend((4..len).map(|index| {
        if index % 11 == 0 {
            b'$'
        } else {
            (index ^ number) as u8
        }
    }));
    bytes
}

/// An interleaved receiver report, padded to `len` payload bytes.
fn rtcp(channel: u8, len: u16) -> Vec<u8> {
    let mut bytes = vec![b'$', channel];
    bytes.extend(len.to_be_bytes());
    bytes.extend([0x81, 201, 0, 1]);
    bytes.extend((4..len).map(|index| index as u8));
    bytes
}

fn describe_reply(content_length: Option<usize>) -> Vec<u8> {
    let mut bytes = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\n".to_vec();
    if let Some(len) = content_length {
        bytes.extend(format!("Content-Length: {len}\r\n").as_bytes());
    }
    bytes.extend(b"\r\n");
    bytes
}

#[test]
fn a_piece_of_frames_alone_need_not_be_recalled() {
    let mut run = Run::in_step();
    let frame = rtp(0, 2, 20);
    let (front, back) = frame.split_at(9);
    let recall = |run: &mut Run, bytes: &[u8]| {
        let place = run.place();
        let offset = run.offset;
        run.offset += bytes.len() as u64;
        let piece = Piece::Chunk {
            offset,
            bytes,
            place,
        };
        run.stream.handle_piece(piece, &mut |_| {})
    };
    assert_eq!(recall(&mut run, front), Recall::Forget);
    assert_eq!(recall(&mut run, &[back, &frame].concat()), Recall::Forget);
    assert_eq!(recall(&mut run, &[&frame, OK].concat()), Recall::Keep);
    assert_eq!(recall(&mut run, OPTIONS), Recall::Keep);
}
