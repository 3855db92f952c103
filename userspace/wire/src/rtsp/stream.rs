//! RTSP messages and interleaved frames out of the pieces of one TCP direction.
//!
//! Two things share the stream: text messages and `$` frames with media (RFC 2326 §10.12, RFC 7826 §14). Real
//! implementations mix them in ways that no RFC allows, and captures have holes, so the reader trusts a boundary only
//! while it is in step; after a gap or a broken length it looks for the next message or chain of frames that proves
//! itself.

mod announced;
mod collect;
mod frame;
mod gap;
mod input;
mod reader;
mod recognise;
mod search;

use crate::Anomaly;
use crate::tcp::Place;
pub use reader::MessageStream;

/// Caps on what a stranger's stream can make a [`MessageStream`] hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// Bytes of a message's head.
    pub max_head_len: usize,
    /// Bytes of a message's body.
    pub max_body_len: usize,
    /// Bytes that are held while looking for the next believable boundary.
    pub max_search_len: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            max_head_len: 64 << 10,
            max_body_len: 1 << 20,
            max_search_len: 192 << 10,
        }
    }
}

/// What a stream speaks, by its first bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Not enough was seen.
    #[default]
    Undecided,
    /// RTSP messages or interleaved frames.
    Rtsp,
    /// TLS records.
    Tls,
    /// HTTP; the head of the first message is given, what follows is not read.
    Http,
    /// Something else; nothing is buffered any more.
    Other,
}

/// What came out of the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// An RTSP message, or the head of the first HTTP message of the stream (see [`MessageStream::protocol`]).
    Message(RawMessage),
    /// An interleaved frame.
    Interleaved(InterleavedFrame<'a>),
    /// Bytes of the stream that belong to no message or frame that could be told.
    Skipped {
        /// Offset of the first byte in the stream.
        offset: u64,
        /// Number of bytes; frames that stand among them are told by themselves and not counted here.
        len: u64,
        /// The reason.
        why: SkipReason,
    },
}

/// Why bytes of a stream were passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// The capture lacks them.
    Missing,
    /// They follow a gap, and stand before the next boundary that proves itself; or the capture began with them.
    Unaligned,
    /// No gap came before, and yet they are neither a message nor a frame.
    Desync,
    /// The stream ends inside a frame.
    Unfinished,
}

/// One message as it stood on the wire, without interleaved frames that stood inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// Head and body.
    pub raw: Vec<u8>,
    /// Bytes of the head, with the empty line that ends it.
    pub head_len: usize,
    /// How the head ends.
    pub head_end: HeadEnd,
    /// Offset of the first byte in the stream.
    pub offset: u64,
    /// The frame that brought the first byte.
    pub first: Place,
    /// The frame that completed it: the latest of those that brought it, which need not be the one with its last byte.
    pub last: Place,
    /// What is odd about the framing, as byte ranges of `raw`; what is odd about the fields is told by
    /// [`super::message::parse`].
    pub anomalies: Vec<Anomaly>,
    /// True where an empty line ended the head, by the lenient rule, and all of the body is there.
    pub complete: bool,
}

/// What is noted of a message whose end the capture lacks.
pub const NOT_CAPTURED: &str = "the capture lacks what follows";

/// How the head of a message ends, which decides whether a strict receiver ever answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeadEnd {
    /// CR LF CR LF, as the RFC wants it.
    CrLf,
    /// An empty line that only a lenient receiver sees: it or the line before it ends otherwise than with CR LF.
    Lenient,
    /// No empty line came.
    Missing,
}

/// One interleaved frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterleavedFrame<'a> {
    /// Channel number.
    pub channel: u8,
    /// Payload length by the frame's header, in bytes.
    pub len: u16,
    /// The payload where it lay in one chunk; else its first bytes: up to 128, or up to 1500 where it looks like RTCP.
    pub bytes: &'a [u8],
    /// Payload bytes that the capture has; less than `len` where a gap or the end of the capture cuts the frame.
    pub captured_len: u16,
    /// Offset of the `$` in the stream.
    pub offset: u64,
    /// The frame (of the capture) that brought its last byte.
    pub place: Place,
}

#[cfg(test)]
mod tests;
