//! Bytes to [`MessageSlice`].

use super::{LineEnding, MessageSlice, Spanned, StartLine};
use crate::Parsed;

/// Reads one message, best effort: nothing is refused, what is odd is named with its byte range.
pub fn parse(raw: &[u8]) -> Parsed<MessageSlice<'_>> {
    Parsed::clean(MessageSlice {
        start: StartLine::Unreadable(Spanned::new(raw, 0)),
        headers: Vec::new(),
        head_len: raw.len(),
        body: &[],
        line_ending: LineEnding::CrLf,
    })
}
