//! Two copies of one message side by side: which lines differ, in which bytes, and what that means.

use std::ops::Range;

use rtspscope_engine::model::{DiffClass, FieldDiff, Message};

use super::message::{self, Line, lines};
use crate::output::privacy::Privacy;

/// Lines of a message that are aligned by content; longer ones go by their place.
const MAX_ALIGNED: usize = 400;

/// Two copies of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) rows: Vec<SidesRow>,
}

/// The same line in both copies, or one that only one of them has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SidesRow {
    pub(crate) pre: Option<Line>,
    pub(crate) post: Option<Line>,
    pub(crate) is_changed: bool,
    /// The differences that show in it, as indices into the list given to [`sides`].
    pub(crate) changes: Vec<usize>,
}

/// Puts two copies side by side; `changes` are the fields that differ between them.
pub(crate) fn sides(
    pre: &Message,
    post: &Message,
    changes: &[&FieldDiff],
    privacy: Privacy,
) -> Sides {
    let (pre_lines, post_lines) = (lines(&pre.raw), lines(&post.raw));
    let pairs = pair(&pre.raw, &pre_lines, &post.raw, &post_lines);
    let bytes = |message: &Message, range: Option<&Range<usize>>| {
        let range = range.cloned().unwrap_or(0..0);
        message.raw.get(range).unwrap_or_default().to_vec()
    };
    let mut marks: [Vec<Range<usize>>; 2] = [Vec::new(), Vec::new()];
    let mut rows = Vec::new();
    for (a, b) in pairs {
        let ranges = (
            a.and_then(|a| pre_lines.get(a)),
            b.and_then(|b| post_lines.get(b)),
        );
        let texts = (bytes(pre, ranges.0), bytes(post, ranges.1));
        let is_changed = ranges.0.is_none() || ranges.1.is_none() || texts.0 != texts.1;
        if is_changed {
            let (left, right) = differing(&texts.0, &texts.1);
            for ((mark, range), part) in marks
                .iter_mut()
                .zip([ranges.0, ranges.1])
                .zip([left, right])
            {
                mark.extend(range.map(|range| range.start + part.start..range.start + part.end));
            }
        }
        rows.push((a, b, is_changed, texts));
    }
    let shown = [
        message::text(pre, &marks[0], privacy).lines,
        message::text(post, &marks[1], privacy).lines,
    ];
    let line = |side: usize, at: Option<usize>| shown.get(side)?.get(at?).cloned();
    let mut sides = Sides {
        rows: rows
            .iter()
            .map(|(a, b, is_changed, _)| SidesRow {
                pre: line(0, *a),
                post: line(1, *b),
                is_changed: *is_changed,
                changes: Vec::new(),
            })
            .collect(),
    };
    let texts: Vec<_> = rows.into_iter().map(|(.., texts)| texts).collect();
    for (index, change) in changes.iter().enumerate() {
        if let Some(row) =
            row_of(change, &texts, &sides.rows).and_then(|row| sides.rows.get_mut(row))
        {
            row.changes.push(index);
        }
    }
    sides
}

/// What a change means for the session.
pub(crate) fn meaning(change: &FieldDiff) -> &'static str {
    if change.class == DiffClass::Corruption {
        return match change.field.as_str() {
            "Content-Length" => {
                "the length no longer fits the body, so the reader waits or cuts it"
            }
            "line-ending" => "a line lost its end, so the reader takes two fields for one",
            "sdp" | "body" => "the description was cut or garbled",
            _ => "the receiver can no longer read this as its sender meant it",
        };
    }
    match change.field.as_str() {
        "Transport.client_port" if change.in_response => {
            "the ports that the client reads in the answer"
        }
        "Transport.client_port" => "the ports at which the server is told to reach the client",
        "Transport.server_port" => "the ports from which the client expects media",
        "Transport.destination" => "the address to which the server is told to send",
        "Transport.source" => "the address from which the client expects media",
        "Content-Length" => "follows the changed length of the body",
        "Content-Base" | "Content-Location" | "RTP-Info.url" | "request.uri" => {
            "the address under which the stream is asked for"
        }
        field if field.starts_with("sdp.") && field.ends_with("address") => {
            "the address that the description gives for media"
        }
        field if field.starts_with("sdp.m") => "the port that the description gives for media",
        _ => "still readable; see whether it fits what the router forwards",
    }
}

/// The changed row that shows a change: by its values, else by its field's name, else the first.
fn row_of(change: &FieldDiff, texts: &[(Vec<u8>, Vec<u8>)], rows: &[SidesRow]) -> Option<usize> {
    let contains = |text: &[u8], value: &str| {
        !value.is_empty()
            && text
                .windows(value.len())
                .any(|part| part == value.as_bytes())
    };
    let changed = || rows.iter().enumerate().filter(|(_, row)| row.is_changed);
    let by_value = |(index, _): &(usize, &SidesRow)| {
        texts.get(*index).is_some_and(|(pre, post)| {
            change
                .pre
                .as_deref()
                .is_some_and(|value| contains(pre, value))
                || change
                    .post
                    .as_deref()
                    .is_some_and(|value| contains(post, value))
        })
    };
    let name = change
        .field
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let by_name = |(index, _): &(usize, &SidesRow)| {
        texts.get(*index).is_some_and(|(pre, post)| {
            [pre, post]
                .iter()
                .any(|text| text.to_ascii_lowercase().starts_with(name.as_bytes()))
        })
    };
    let both = changed().find(|row| by_value(row) && by_name(row));
    both.or_else(|| changed().find(by_value))
        .or_else(|| changed().find(by_name))
        .or_else(|| changed().next())
        .map(|(index, _)| index)
}

/// Pairs the lines of two copies in order: equal ones first, between them those of one field.
fn pair(
    pre: &[u8],
    pre_lines: &[Range<usize>],
    post: &[u8],
    post_lines: &[Range<usize>],
) -> Vec<(Option<usize>, Option<usize>)> {
    let text = |raw: &[u8], lines: &[Range<usize>]| -> Vec<Vec<u8>> {
        let lines = lines.iter();
        lines
            .map(|line| raw.get(line.clone()).unwrap_or_default().to_vec())
            .collect()
    };
    let (a, b) = (text(pre, pre_lines), text(post, post_lines));
    if a.len() > MAX_ALIGNED || b.len() > MAX_ALIGNED {
        let len = a.len().max(b.len());
        let at = |index: usize, len: usize| (index < len).then_some(index);
        return (0..len)
            .map(|index| (at(index, a.len()), at(index, b.len())))
            .collect();
    }
    let mut pairs = Vec::new();
    let (mut next_a, mut next_b) = (0, 0);
    for (at_a, at_b) in common(&a, &b).into_iter().chain([(a.len(), b.len())]) {
        between(&a, next_a..at_a, &b, next_b..at_b, &mut pairs);
        if at_a < a.len() {
            pairs.push((Some(at_a), Some(at_b)));
        }
        (next_a, next_b) = (at_a + 1, at_b + 1);
    }
    pairs
}

/// The longest common subsequence of equal lines.
fn common(a: &[Vec<u8>], b: &[Vec<u8>]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut longest = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Lines that differ: those of one name go together, the rest stand alone.
fn between(
    a: &[Vec<u8>],
    range_a: Range<usize>,
    b: &[Vec<u8>],
    range_b: Range<usize>,
    pairs: &mut Vec<(Option<usize>, Option<usize>)>,
) {
    let name = |line: &[u8]| {
        let end = line
            .iter()
            .position(|byte| matches!(byte, b':' | b'=' | b' '));
        line.get(..end.unwrap_or(line.len()))
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let mut next_b = range_b.start;
    for index in range_a {
        let twin = (next_b..range_b.end).find(|other| name(&a[index]) == name(&b[*other]));
        if let Some(twin) = twin {
            pairs.extend((next_b..twin).map(|alone| (None, Some(alone))));
            pairs.push((Some(index), Some(twin)));
            next_b = twin + 1;
        } else {
            pairs.push((Some(index), None));
        }
    }
    pairs.extend((next_b..range_b.end).map(|alone| (None, Some(alone))));
}

/// The parts in which two lines differ: without what both begin and end with.
fn differing(a: &[u8], b: &[u8]) -> (Range<usize>, Range<usize>) {
    let begin = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let most = a.len().min(b.len()) - begin;
    let tail = a.iter().rev().zip(b.iter().rev()).take(most);
    let end = tail.take_while(|(a, b)| a == b).count();
    // A line end that lost a part changed as a whole, so that what is left of it can be marked.
    let line_end = |line: &[u8]| line.len() - line.trim_ascii_end().len();
    let end = if line_end(a) == line_end(b) { end } else { 0 };
    // Numbers change as a whole.
    let is_digit = |at: usize| a.get(at).is_some_and(u8::is_ascii_digit);
    let mut begin = begin;
    while begin > 0
        && is_digit(begin - 1)
        && (is_digit(begin) || b.get(begin).is_some_and(u8::is_ascii_digit))
    {
        begin -= 1;
    }
    (begin..a.len() - end, begin..b.len() - end)
}

#[cfg(test)]
mod tests {
    use rtspscope_engine::Locator;
    use rtspscope_engine::model::Side;
    use rtspscope_wire::{TapId, Timestamp};

    use super::*;

    fn message(text: &str) -> Message {
        let raw = text.replace('|', "\r\n");
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
            anomalies: Vec::new(),
            raw: raw.as_bytes().into(),
            memo: rtspscope_engine::model::Memo::default(),
        }
    }

    fn change(field: &str, pre: Option<&str>, post: Option<&str>) -> FieldDiff {
        FieldDiff {
            method: "SETUP".to_owned(),
            in_response: false,
            cseq: Some(3),
            field: field.to_owned(),
            pre: pre.map(str::to_owned),
            post: post.map(str::to_owned),
            pre_raw: None,
            post_raw: None,
            class: DiffClass::Alg,
            pre_at: message("").at,
            post_at: message("").at,
        }
    }

    /// Each row as `pre / post`, changed pieces in brackets.
    fn shown(pre: &str, post: &str, changes: &[&FieldDiff]) -> Vec<String> {
        let line = |line: &Option<Line>| match line {
            None => "-".to_owned(),
            Some(line) => {
                let pieces = line.pieces.iter().map(|piece| {
                    if piece.is_changed {
                        format!("[{}]", piece.text)
                    } else {
                        piece.text.clone()
                    }
                });
                pieces.collect()
            }
        };
        let sides = sides(&message(pre), &message(post), changes, Privacy::Redact);
        sides
            .rows
            .iter()
            .map(|row| format!("{} / {} {:?}", line(&row.pre), line(&row.post), row.changes))
            .collect()
    }

    #[test]
    fn a_changed_port_is_the_only_thing_marked() {
        let port = change(
            "Transport.client_port",
            Some("9998-9999"),
            Some("10000-10001"),
        );
        let rows = shown(
            "SETUP rtsp://a/ RTSP/1.0|CSeq: 3|Transport: RTP/AVP;client_port=9998-9999||",
            "SETUP rtsp://a/ RTSP/1.0|CSeq: 3|Transport: RTP/AVP;client_port=10000-10001||",
            &[&port],
        );
        assert_eq!(rows[1], "CSeq: 3 / CSeq: 3 []");
        assert_eq!(
            rows[2],
            "Transport: RTP/AVP;client_port=[9998-9999] / Transport: RTP/AVP;client_port=[10000-10001] [0]"
        );
    }

    #[test]
    fn a_line_that_one_copy_lacks_stands_alone() {
        let rows = shown("A: 1|B: 2|C: 3|", "A: 1|C: 3|", &[]);
        assert_eq!(
            rows,
            ["A: 1 / A: 1 []", "B[: 2] / - []", "C: 3 / C: 3 []"]
                .map(|row| row.replace("B[: 2]", "[B][: 2]"))
        );
    }

    #[test]
    fn a_lost_carriage_return_shows() {
        let ending = change("line-ending", None, None);
        let rows = shown("A: 1|B: 2|", "A: 1\nB: 2|", &[&ending]);
        assert_eq!(rows[0], "A: 1 / A: 1[\\n] [0]");
    }
}
