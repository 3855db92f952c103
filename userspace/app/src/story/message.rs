//! A message's bytes as lines of pieces: what each piece is, what is odd about it, what a router changed in it.
//!
//! Every byte that a terminal would obey or hide comes as a visible escape in a piece of its own, secrets as asterisks,
//! so that the pieces can be joined to a line and drawn as they are.

use std::ops::Range;

use rtspscope_engine::model::Message;
use rtspscope_wire::rtsp::auth;
use rtspscope_wire::rtsp::message::{MessageSlice, parse};
use rtspscope_wire::text::escape_controls;

use crate::output::privacy::Privacy;

/// A message fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) lines: Vec<Line>,
    /// What is odd, each with the number of the line where it begins.
    pub(crate) oddities: Vec<(usize, String)>,
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) pieces: Vec<Piece>,
}

/// A run of characters that are drawn alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) kind: Kind,
    /// An oddity speaks of it.
    pub(crate) is_odd: bool,
    /// It differs from the other copy of the message.
    pub(crate) is_changed: bool,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of the first line.
    Start,
    /// A field's name.
    Name,
    /// A field's value.
    Value,
    /// Of the body.
    Body,
    /// A blanked secret.
    Secret,
    /// An escape that stands for a byte or character that cannot be shown.
    Escape,
}

/// Reads a message; `changed` are the bytes that differ from its other copy.
pub(crate) fn text(message: &Message, changed: &[Range<usize>], privacy: Privacy) -> Text {
    let raw = &*message.raw;
    let bytes = Bytes {
        raw,
        kinds: kinds(&parse(raw).value, raw.len()),
        secrets: match privacy {
            Privacy::Redact => auth::secrets(raw),
            Privacy::Show => Vec::new(),
        },
        odd: message.anomalies.iter().map(|odd| odd.at.clone()).collect(),
        changed: changed.to_vec(),
    };
    let ranges = lines(raw);
    let line_of = |at: usize| {
        let line = ranges.iter().position(|line| at < line.end);
        line.unwrap_or(ranges.len().saturating_sub(1))
    };
    let oddities = message.anomalies.iter();
    let mut oddities: Vec<(usize, String)> = oddities
        .map(|odd| (line_of(odd.at.start), privacy.text(&odd.what)))
        .collect();
    oddities.sort_by_key(|(line, _)| *line);
    Text {
        lines: ranges
            .iter()
            .map(|range| bytes.line(range.clone()))
            .collect(),
        oddities,
    }
}

/// The ranges of the lines, each with its end.
pub(super) fn lines(raw: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    raw.split_inclusive(|byte| *byte == b'\n')
        .map(|line| {
            let range = start..start + line.len();
            start = range.end;
            range
        })
        .collect()
}

/// What is known of each byte.
struct Bytes<'a> {
    raw: &'a [u8],
    /// Kinds of ranges that do not overlap; what lies between is of the value before.
    kinds: Vec<(Range<usize>, Kind)>,
    secrets: Vec<Range<usize>>,
    odd: Vec<Range<usize>>,
    changed: Vec<Range<usize>>,
}

/// How a byte is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    kind: Kind,
    is_odd: bool,
    is_changed: bool,
}

impl Bytes<'_> {
    fn look(&self, at: usize) -> Look {
        let within = |ranges: &[Range<usize>]| ranges.iter().any(|range| range.contains(&at));
        let kind = if within(&self.secrets) {
            Kind::Secret
        } else {
            let known = self.kinds.iter().find(|(range, _)| range.contains(&at));
            known.map_or(Kind::Value, |(_, kind)| *kind)
        };
        Look {
            kind,
            is_odd: within(&self.odd),
            is_changed: within(&self.changed),
        }
    }

    fn line(&self, range: Range<usize>) -> Line {
        let mut line = Line::default();
        let all = self.raw.get(range.clone()).unwrap_or_default();
        // A usual line end says nothing; another one is shown.
        let shown = all.strip_suffix(b"\r\n").unwrap_or(all);
        let mut at = range.start;
        for chunk in shown.utf8_chunks() {
            for character in chunk.valid().chars() {
                self.push(&mut line, at, character);
                at += character.len_utf8();
            }
            for byte in chunk.invalid() {
                let look = Look {
                    kind: Kind::Escape,
                    ..self.look(at)
                };
                push(&mut line, &format!("\\x{byte:02x}"), look);
                at += 1;
            }
        }
        line
    }

    fn push(&self, line: &mut Line, at: usize, character: char) {
        let look = self.look(at);
        if look.kind == Kind::Secret {
            return push(line, "*", look);
        }
        let mut buffer = [0; 4];
        let plain = &*character.encode_utf8(&mut buffer);
        let shown = escape_controls(plain);
        let kind = if shown == plain {
            look.kind
        } else {
            Kind::Escape
        };
        push(line, &shown, Look { kind, ..look });
    }
}

fn push(line: &mut Line, text: &str, look: Look) {
    match line.pieces.last_mut() {
        Some(last)
            if (last.kind, last.is_odd, last.is_changed)
                == (look.kind, look.is_odd, look.is_changed) =>
        {
            last.text.push_str(text);
        }
        Some(_) | None => line.pieces.push(Piece {
            text: text.to_owned(),
            kind: look.kind,
            is_odd: look.is_odd,
            is_changed: look.is_changed,
        }),
    }
}

fn kinds(message: &MessageSlice<'_>, len: usize) -> Vec<(Range<usize>, Kind)> {
    let first = message
        .headers
        .first()
        .map_or(message.head_len, |field| field.line.start);
    let mut kinds = vec![(0..first, Kind::Start)];
    kinds.extend(
        message
            .headers
            .iter()
            .map(|field| (field.name.at.clone(), Kind::Name)),
    );
    kinds.push((message.head_len..len, Kind::Body));
    kinds
}

#[cfg(test)]
mod tests {
    use rtspscope_engine::Locator;
    use rtspscope_engine::model::Side;
    use rtspscope_wire::{TapId, Timestamp};

    use super::*;

    pub(in crate::story) fn message(raw: &[u8]) -> Message {
        Message {
            at: Locator {
                tap: TapId(0),
                frame: Some(1),
                at: Timestamp(0),
                stream_offset: None,
            },
            last_frame: Some(1),
            from: Side::Client,
            status: None,
            head_len: raw.len(),
            anomalies: parse(raw).anomalies,
            raw: raw.into(),
            memo: rtspscope_engine::model::Memo::default(),
        }
    }

    fn shown(raw: &[u8]) -> Vec<Vec<(String, Kind)>> {
        let text = text(&message(raw), &[], Privacy::Redact);
        let lines = text.lines.into_iter();
        lines
            .map(|line| {
                line.pieces
                    .into_iter()
                    .map(|piece| (piece.text, piece.kind))
                    .collect()
            })
            .collect()
    }

    fn pieces<const N: usize>(pieces: [(&str, Kind); N]) -> Vec<(String, Kind)> {
        pieces.map(|(text, kind)| (text.to_owned(), kind)).into()
    }

    #[test]
    fn fields_are_told_apart_and_secrets_blanked() {
        let lines =
            shown(b"PLAY rtsp://a/ RTSP/1.0\r\nCSeq: 4\r\nAuthorization: Basic YTpi\r\n\r\nv=0\n");
        assert_eq!(lines[0], pieces([("PLAY rtsp://a/ RTSP/1.0", Kind::Start)]));
        assert_eq!(
            lines[1],
            pieces([("CSeq", Kind::Name), (": 4", Kind::Value)])
        );
        assert_eq!(lines[2][2], ("****".to_owned(), Kind::Secret));
        assert_eq!(lines[3], []);
        assert_eq!(
            lines[4],
            pieces([("v=0", Kind::Body), ("\\n", Kind::Escape)])
        );
    }

    #[test]
    fn what_a_terminal_would_obey_is_a_visible_escape() {
        let lines = shown(b"PLAY rtsp://a/ RTSP/1.0\r\nX: \x1b[2J\xe2\x80\xae\xff\rz\r\n\r\n");
        assert_eq!(
            lines[1],
            pieces([
                ("X", Kind::Name),
                (": ", Kind::Value),
                ("\\u{1b}", Kind::Escape),
                ("[2J", Kind::Value),
                ("\\u{202e}\\xff\\r", Kind::Escape),
                ("z", Kind::Value),
            ])
        );
    }

    #[test]
    fn an_oddity_names_its_line_and_marks_its_bytes() {
        let text = text(
            &message(b"PLAY rtsp://a/ RTSP/1.0\r\nCSeq: x\r\n\r\n"),
            &[],
            Privacy::Redact,
        );
        let (line, _) = text.oddities.first().expect("a number that is none is odd");
        assert_eq!(*line, 1);
        assert!(text.lines[1].pieces.iter().any(|piece| piece.is_odd));
    }
}
