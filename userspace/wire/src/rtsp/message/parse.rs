//! Bytes to [`MessageSlice`].

use super::{HeaderField, LineEnding, MessageSlice, Spanned, StartLine, checks};
use crate::Parsed;
use crate::lines::{Line, LineEnd, LineEndTally, Lines};
use crate::notes::Notes;

/// Header fields that are read of one message; real ones have fewer than thirty.
const MAX_HEADERS: usize = 512;

/// Reads one message, best effort: nothing is refused, what is odd is named with its byte range.
pub fn parse(raw: &[u8]) -> Parsed<MessageSlice<'_>> {
    let mut notes = Notes::default();
    let whole = Spanned::new(raw, 0);
    let blank_len = raw
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let mut lines = Lines::new(raw, blank_len);
    let mut ends = LineEndTally::default();
    let mut bare_end = None;
    let mut headers = Vec::new();
    let mut start = StartLine::Unreadable(whole.slice(raw.len()..raw.len()));
    let mut head_len = None;

    for (number, line) in lines.by_ref().enumerate() {
        ends.count(line.end);
        if !matches!(line.end, LineEnd::CrLf | LineEnd::Cut) && bare_end.is_none() {
            bare_end = Some(line.text.end..line.next);
        }
        if number == 0 {
            start = read_start_line(&whole.slice(line.text.clone()), &mut notes);
        } else if line.text.is_empty() && line.end != LineEnd::Cut {
            head_len = Some(line.next);
            break;
        } else {
            read_header_line(&whole, line, &mut headers, &mut notes);
        }
    }

    let line_ending = ends.ending();
    if let Some(at) = bare_end {
        let what = match line_ending {
            LineEnding::Lf => "lines end with LF alone",
            LineEnding::CrLf | LineEnding::Mixed => "a line ends otherwise than with CR LF",
        };
        notes.add(at, what);
    }
    if head_len.is_none() {
        notes.add(raw.len()..raw.len(), "the message ends within its head");
    }
    let head_len = head_len.unwrap_or(raw.len());
    let body = raw.get(head_len..).unwrap_or_default();
    let message = MessageSlice {
        start,
        headers,
        head_len,
        body,
        line_ending,
    };
    checks::note_oddities(&message, &mut notes);
    notes.finish(message)
}

fn read_start_line<'a>(line: &Spanned<'a>, notes: &mut Notes) -> StartLine<'a> {
    let text = line.trim();
    let Some((first, rest)) = split_word(&text) else {
        return unreadable(line, notes);
    };
    if is_version(&first) {
        return read_status_line(first, &rest, notes);
    }
    if !is_method(&first) {
        return match rtsp_version_after_junk(&text) {
            Some(from) => {
                notes.add(line.at.start..from.at.start, "junk before the status line");
                split_word(&from).map_or_else(
                    || StartLine::Unreadable(line.clone()),
                    |(version, rest)| read_status_line(version, &rest, notes),
                )
            }
            None => unreadable(line, notes),
        };
    }
    // The version is the last word: a URI with unescaped spaces stays whole.
    let split = rest
        .bytes
        .iter()
        .rposition(|byte| matches!(byte, b' ' | b'\t'));
    let (uri, version) = match split {
        Some(at) if is_version(&rest.slice(at + 1..rest.len())) => {
            (rest.slice(0..at).trim(), rest.slice(at + 1..rest.len()))
        }
        // A capture that cuts its packets ends anywhere, and the word is no part of the URI.
        Some(at) if b"RTSP".starts_with(rest.slice(at + 1..rest.len()).bytes) => {
            let version = rest.slice(at + 1..rest.len());
            notes.add(version.at.clone(), "the version is cut");
            (rest.slice(0..at).trim(), version)
        }
        _ => {
            notes.add(
                text.at.end..text.at.end,
                "the request line names no version",
            );
            (rest.clone(), rest.slice(rest.len()..rest.len()))
        }
    };
    if memchr::memchr2(b' ', b'\t', uri.bytes).is_some() {
        notes.add(uri.at.clone(), "the request URI holds white space");
    }
    StartLine::Request {
        method: first,
        uri,
        version,
    }
}

fn read_status_line<'a>(
    version: Spanned<'a>,
    rest: &Spanned<'a>,
    notes: &mut Notes,
) -> StartLine<'a> {
    let (code, reason) =
        split_word(rest).unwrap_or_else(|| (rest.clone(), rest.slice(rest.len()..rest.len())));
    let status = code.number::<u16>().filter(|status| *status < 1000);
    match status {
        None => notes.add(
            code.at.clone(),
            "the status code is no number of three digits",
        ),
        Some(0..100 | 600..) => notes.add(code.at.clone(), "the status code is outside 100 to 599"),
        Some(_) => {}
    }
    StartLine::Response {
        version,
        status,
        code,
        reason,
    }
}

fn unreadable<'a>(line: &Spanned<'a>, notes: &mut Notes) -> StartLine<'a> {
    notes.add(
        line.at.clone(),
        "the first line is neither a request nor a status line",
    );
    StartLine::Unreadable(line.clone())
}

/// The first word, and what follows the white space after it; `None` without a word.
fn split_word<'a>(text: &Spanned<'a>) -> Option<(Spanned<'a>, Spanned<'a>)> {
    let text = text.trim();
    let end = memchr::memchr2(b' ', b'\t', text.bytes).unwrap_or(text.len());
    (end > 0).then(|| (text.slice(0..end), text.slice(end..text.len()).trim()))
}

fn is_version(word: &Spanned<'_>) -> bool {
    let name = |prefix: &[u8]| {
        word.bytes
            .get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    name(b"RTSP/") || name(b"HTTP/")
}

/// A method is a token (RFC 2326 §6.1); letters, digits, `_` and `-` are all that occur.
fn is_method(word: &Spanned<'_>) -> bool {
    word.bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && word
            .bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn rtsp_version_after_junk<'a>(line: &Spanned<'a>) -> Option<Spanned<'a>> {
    let at = memchr::memmem::find(line.bytes, b"RTSP/")?;
    // A request has its version at the end, a status line has more after it.
    let from = line.slice(at..line.len());
    memchr::memchr(b' ', from.bytes).is_some().then_some(from)
}

fn read_header_line<'a>(
    whole: &Spanned<'a>,
    line: Line,
    headers: &mut Vec<HeaderField<'a>>,
    notes: &mut Notes,
) {
    let text = whole.slice(line.text.clone());
    if matches!(text.bytes, [b' ' | b'\t', ..])
        && let Some(previous) = headers.last_mut()
    {
        continue_value(previous, whole, &line);
        return;
    }
    let Some((name, value)) = text.split_once(b':') else {
        notes.add(line.text, "a header line without a colon");
        return;
    };
    if headers.len() == MAX_HEADERS {
        notes.add(line.text, "more header fields than are read");
        return;
    }
    let trimmed = name.trim();
    if trimmed.at != name.at {
        notes.add(name.at, "white space around a header name");
    }
    if trimmed.is_empty() || !trimmed.bytes.iter().all(|&byte| is_token(byte)) {
        notes.add(
            trimmed.at.clone(),
            "a header name with characters that no name may have",
        );
    }
    headers.push(HeaderField {
        name: trimmed,
        value: value.trim(),
        line: line.text.start..line.next,
    });
}

fn continue_value<'a>(field: &mut HeaderField<'a>, whole: &Spanned<'a>, line: &Line) {
    let text = whole.slice(line.text.clone()).trim();
    field.line.end = line.next;
    if !text.is_empty() {
        let start = if field.value.is_empty() {
            text.at.start
        } else {
            field.value.at.start
        };
        field.value = whole.slice(start..text.at.end);
    }
}

/// Characters of a token (RFC 2326 §15.1).
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
                | b'{'
                | b'}'
        )
}
