//! Steps over the `$` frames of an RTSP connection (RFC 2326 §10.12) as its bytes come, in constant space.
//!
//! Frames and messages alternate in one stream, and segments cut them anywhere. The walker buffers nothing: it keeps
//! the bytes left of the frame or body that it is in, and hands out pieces as they lie in the caller's bytes. Of
//! messages it understands only what tells where they end: the empty line and Content-Length.

mod head;
pub mod stride;

use head::HeadScanner;

/// What a run of bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes of a message, head or body.
    Text(&'a [u8]),
    /// A frame begins: its four header bytes are complete.
    Frame {
        /// Channel of the frame.
        channel: u8,
        /// Length of its payload in bytes.
        len: u16,
    },
    /// Bytes of the payload of the frame that began last.
    Payload(&'a [u8]),
}

/// Where in the stream the walker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A frame or a message begins here.
    Between,
    /// Behind the `$` and `seen` further bytes of a frame header.
    Header { seen: u8, channel: u8, high: u8 },
    /// Inside a frame.
    Frame { left: u16 },
    /// In the head of a message.
    Head(HeadScanner),
    /// In the body of a message.
    Body { left: u32 },
}

/// Walks one direction of an RTSP connection. Start it where a frame or a message begins, and after a gap in the
/// stream start a new one at the next such place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterleavedWalker {
    state: State,
}

impl Default for InterleavedWalker {
    fn default() -> Self {
        Self {
            state: State::Between,
        }
    }
}

impl InterleavedWalker {
    /// Takes in the next bytes and hands out what they are, in order.
    pub fn feed<'a>(&mut self, bytes: &'a [u8], mut on_piece: impl FnMut(Piece<'a>)) {
        let mut rest = bytes;
        while let Some((&first, behind)) = rest.split_first() {
            rest = match self.state {
                State::Between if first == b'$' => {
                    self.state = State::Header {
                        seen: 0,
                        channel: 0,
                        high: 0,
                    };
                    behind
                }
                State::Between => {
                    self.state = State::Head(HeadScanner::default());
                    rest
                }
                State::Header {
                    seen,
                    channel,
                    high,
                } => {
                    self.take_header_byte(first, seen, channel, high, &mut on_piece);
                    behind
                }
                State::Frame { left } => {
                    let (inside, behind) = split(rest, usize::from(left));
                    on_piece(Piece::Payload(inside));
                    self.enter_frame(left.saturating_sub(inside.len() as u16));
                    behind
                }
                State::Head(scanner) => {
                    let (inside, behind) = self.take_head(scanner, rest);
                    on_piece(Piece::Text(inside));
                    behind
                }
                State::Body { left } => {
                    let (inside, behind) = split(rest, left as usize);
                    on_piece(Piece::Text(inside));
                    self.enter_body(left.saturating_sub(inside.len() as u32));
                    behind
                }
            };
        }
    }

    /// Whether a frame or a message may begin at the next byte.
    pub fn is_between(&self) -> bool {
        self.state == State::Between
    }

    fn take_header_byte<'a>(
        &mut self,
        byte: u8,
        seen: u8,
        channel: u8,
        high: u8,
        on_piece: &mut impl FnMut(Piece<'a>),
    ) {
        match seen {
            0 => {
                self.state = State::Header {
                    seen: 1,
                    channel: byte,
                    high,
                }
            }
            1 => {
                self.state = State::Header {
                    seen: 2,
                    channel,
                    high: byte,
                }
            }
            _ => {
                let len = u16::from_be_bytes([high, byte]);
                on_piece(Piece::Frame { channel, len });
                self.enter_frame(len);
            }
        }
    }

    /// Splits off what belongs to the head of the message.
    fn take_head<'a>(&mut self, mut scanner: HeadScanner, rest: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        for (index, byte) in rest.iter().enumerate() {
            if let Some(body_len) = scanner.take(*byte) {
                self.enter_body(body_len);
                return split(rest, index + 1);
            }
        }
        self.state = State::Head(scanner);
        (rest, &[])
    }

    fn enter_frame(&mut self, left: u16) {
        self.state = if left == 0 {
            State::Between
        } else {
            State::Frame { left }
        };
    }

    fn enter_body(&mut self, left: u32) {
        self.state = if left == 0 {
            State::Between
        } else {
            State::Body { left }
        };
    }
}

fn split(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    bytes.split_at(at.min(bytes.len()))
}

#[cfg(test)]
mod tests;
