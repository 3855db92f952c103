//! One RTSP message as a view over its bytes: start line, header fields with their places, body.

use std::borrow::Cow;
use std::ops::Range;

pub use crate::spanned::Spanned;

mod checks;
mod parse;
#[cfg(test)]
mod tests;

pub use parse::parse;

/// A message and where each part of it lies. All ranges count from the first byte given to [`parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSlice<'a> {
    /// The first line.
    pub start: StartLine<'a>,
    /// All fields in the order they came, duplicates included.
    pub headers: Vec<HeaderField<'a>>,
    /// Length of the start line, the fields and the empty line after them; the body begins here.
    pub head_len: usize,
    /// All bytes after the head.
    pub body: &'a [u8],
    /// How the lines of the head end.
    pub line_ending: LineEnding,
}

/// The first line of a message (RFC 2326 §6.1, §7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// A request.
    Request {
        /// `SETUP`, `PLAY` and so on, in the case it came.
        method: Spanned<'a>,
        /// The request URI, or `*`.
        uri: Spanned<'a>,
        /// `RTSP/1.0`; empty if it is missing.
        version: Spanned<'a>,
    },
    /// A response.
    Response {
        /// `RTSP/1.0`.
        version: Spanned<'a>,
        /// The status code; `None` if it is no number of at most three digits.
        status: Option<u16>,
        /// The status code's bytes.
        code: Spanned<'a>,
        /// The reason phrase, possibly empty.
        reason: Spanned<'a>,
    },
    /// Neither.
    Unreadable(Spanned<'a>),
}

/// One header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderField<'a> {
    /// The name in the spelling of the message.
    pub name: Spanned<'a>,
    /// The value without the white space around it; a folded value still holds its line ends.
    pub value: Spanned<'a>,
    /// The whole field with continuation lines and the line end.
    pub line: Range<usize>,
}

/// How lines end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnding {
    /// All lines end with CR LF, as they should.
    CrLf,
    /// All lines end with LF alone.
    Lf,
    /// Several kinds, or lone CR.
    Mixed,
}

/// The Session field (RFC 2326 §12.37).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionHeader<'a> {
    /// The session identifier.
    pub id: Spanned<'a>,
    /// Seconds of `timeout=`; the RFC's default without it is 60.
    pub timeout: Option<u32>,
}

impl<'a> MessageSlice<'a> {
    /// The first field of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&HeaderField<'a>> {
        self.headers.iter().find(|field| field.name.is(name))
    }

    /// All fields of that name, in any case.
    pub fn headers_named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s HeaderField<'a>> {
        self.headers.iter().filter(move |field| field.name.is(name))
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&Spanned<'a>> {
        match &self.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Response { .. } | StartLine::Unreadable(_) => None,
        }
    }

    /// The URI of a request.
    pub fn uri(&self) -> Option<&Spanned<'a>> {
        match &self.start {
            StartLine::Request { uri, .. } => Some(uri),
            StartLine::Response { .. } | StartLine::Unreadable(_) => None,
        }
    }

    /// The status code of a response.
    pub fn status(&self) -> Option<u16> {
        match &self.start {
            StartLine::Response { status, .. } => *status,
            StartLine::Request { .. } | StartLine::Unreadable(_) => None,
        }
    }

    /// The sequence number (RFC 2326 §12.17).
    pub fn cseq(&self) -> Option<u32> {
        self.header("CSeq")?.value.number()
    }

    /// Body length that the message announces (RFC 2326 §12.14).
    pub fn content_length(&self) -> Option<u64> {
        self.header("Content-Length")?.value.number()
    }

    /// The session identifier and its timeout.
    pub fn session(&self) -> Option<SessionHeader<'a>> {
        let mut rest = self.header("Session")?.value.clone();
        let mut id = None;
        let mut timeout = None;
        loop {
            let (piece, after) = match rest.split_once(b';') {
                Some((piece, after)) => (piece.trim(), Some(after)),
                None => (rest.trim(), None),
            };
            match piece.split_once(b'=') {
                Some((name, secs)) if id.is_some() && name.trim().is("timeout") => {
                    timeout = secs.trim().number();
                }
                Some(_) | None => {
                    id.get_or_insert(piece);
                }
            }
            match after {
                Some(after) => rest = after,
                None => return id.map(|id| SessionHeader { id, timeout }),
            }
        }
    }
}

impl HeaderField<'_> {
    /// The value as one line of text: each line end and the white space around it becomes one space.
    pub fn unfolded(&self) -> Cow<'_, str> {
        let text = self.value.text();
        if !text.contains(['\r', '\n']) {
            return text;
        }
        let lines = text
            .split(['\r', '\n'])
            .map(str::trim)
            .filter(|line| !line.is_empty());
        Cow::Owned(lines.collect::<Vec<_>>().join(" "))
    }
}
