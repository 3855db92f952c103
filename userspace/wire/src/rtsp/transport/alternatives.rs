//! Cuts a Transport value into alternatives, and an alternative into parameters.

use crate::Spanned;
use crate::notes::Notes;

/// Pieces that are read of one value; real ones have fewer than thirty.
const MAX_PIECES: usize = 256;

/// The `;` separated pieces of one alternative, the protocol among them.
pub(super) struct Alternative<'a> {
    pub(super) text: Spanned<'a>,
    pub(super) pieces: Vec<Spanned<'a>>,
}

/// A piece between two separators.
struct Piece<'a> {
    text: Spanned<'a>,
    /// Offset in the message of the comma before it, if it is one.
    comma: Option<usize>,
}

/// Cuts at commas that begin a new alternative and at semicolons, both outside quotes.
///
/// Servers write a comma for a semicolon (`…=40000-40001,ssrc=FFFFCCCC`), so a comma begins an alternative only where
/// a protocol follows it.
pub(super) fn split<'a>(value: &Spanned<'a>, notes: &mut Notes) -> Vec<Alternative<'a>> {
    let mut alternatives: Vec<Alternative<'a>> = Vec::new();
    for Piece { text, comma } in pieces(value, notes) {
        let begins = comma.is_some() && is_protocol(&text);
        match alternatives.last_mut() {
            Some(last) if !begins => {
                if let Some(comma) = comma.filter(|_| !text.is_empty()) {
                    notes.add(comma..comma + 1, "a comma where a semicolon belongs");
                }
                last.text =
                    value.slice(last.text.at.start - value.at.start..text.at.end - value.at.start);
                last.pieces.push(text);
            }
            _ => alternatives.push(Alternative {
                text: text.clone(),
                pieces: vec![text],
            }),
        }
    }
    alternatives
}

/// True for a piece that names a protocol: it holds a `/` with no `=` and no quote before it.
pub(super) fn is_protocol(piece: &Spanned<'_>) -> bool {
    let mark = piece
        .bytes
        .iter()
        .find(|byte| matches!(byte, b'/' | b'=' | b'"'));
    mark == Some(&b'/')
}

fn pieces<'a>(value: &Spanned<'a>, notes: &mut Notes) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let (mut begin, mut comma, mut at) = (0, None, 0);
    while let Some(&byte) = value.bytes.get(at) {
        match byte {
            b'"' => match closing_quote(value, at) {
                Some(close) => at = close,
                None => notes.add(
                    value.at.start + at..value.at.start + at + 1,
                    "a quote that is never closed",
                ),
            },
            b',' | b';' => {
                pieces.push(Piece {
                    text: value.slice(begin..at).trim(),
                    comma,
                });
                if pieces.len() == MAX_PIECES {
                    notes.add(
                        value.slice(at..value.len()).at,
                        "more parameters than are read",
                    );
                    return pieces;
                }
                begin = at + 1;
                comma = (byte == b',').then_some(value.at.start + at);
            }
            _ => {}
        }
        at += 1;
    }
    pieces.push(Piece {
        text: value.slice(begin..value.len()).trim(),
        comma,
    });
    pieces
}

fn closing_quote(value: &Spanned<'_>, open: usize) -> Option<usize> {
    let after = value.bytes.get(open + 1..)?;
    memchr::memchr(b'"', after).map(|len| open + 1 + len)
}
