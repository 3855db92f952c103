//! What is odd about a message as a whole, once its fields are known.

use super::{HeaderField, MessageSlice, StartLine};
use crate::notes::Notes;

/// Fields that may stand in a message more than once.
const REPEATABLE: [&str; 7] = [
    "WWW-Authenticate",
    "Proxy-Authenticate",
    "Require",
    "Proxy-Require",
    "Via",
    "Set-Cookie",
    "Cache-Control",
];

/// Notes what contradicts the rest of the message or the RFC.
pub(super) fn note_oddities(message: &MessageSlice<'_>, notes: &mut Notes) {
    note_cseq(message, notes);
    note_duplicates(message, notes);
    note_controls(message, notes);
    note_body_len(message, notes);
}

fn note_cseq(message: &MessageSlice<'_>, notes: &mut Notes) {
    let is_http = match &message.start {
        StartLine::Request { version, .. } | StartLine::Response { version, .. } => {
            version.bytes.starts_with(b"HTTP/")
        }
        StartLine::Unreadable(_) => true,
    };
    match message.header("CSeq") {
        Some(field) if field.value.number::<u32>().is_none() => {
            notes.add(field.value.at.clone(), "CSeq is no number of 32 bits");
        }
        None if !is_http => notes.add(message.head_len..message.head_len, "CSeq is missing"),
        Some(_) | None => {}
    }
}

fn note_duplicates(message: &MessageSlice<'_>, notes: &mut Notes) {
    let mut seen: Vec<&HeaderField<'_>> = message.headers.iter().collect();
    seen.sort_by_cached_key(|field| (field.name.bytes.to_ascii_lowercase(), field.name.at.start));
    for pair in seen.windows(2) {
        let [first, second] = pair else { continue };
        let same = first.name.bytes.eq_ignore_ascii_case(second.name.bytes);
        if same && !REPEATABLE.iter().any(|name| second.name.is(name)) {
            notes.add(
                second.name.at.clone(),
                format_args!("{} stands there again", second.name.text()),
            );
        }
    }
}

fn note_controls(message: &MessageSlice<'_>, notes: &mut Notes) {
    for field in &message.headers {
        let odd = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n');
        let first = field.value.bytes.iter().position(odd);
        let last = field.value.bytes.iter().rposition(odd);
        if let (Some(first), Some(last)) = (first, last) {
            notes.add(
                field.value.slice(first..last + 1).at,
                "control characters in a header value",
            );
        }
    }
}

fn note_body_len(message: &MessageSlice<'_>, notes: &mut Notes) {
    let end = message.head_len + message.body.len();
    let Some(field) = message.header("Content-Length") else {
        if !message.body.is_empty() {
            notes.add(message.head_len..end, "a body, and no Content-Length");
        }
        return;
    };
    let at = field.value.at.clone();
    match (message.content_length(), message.body.len() as u64) {
        (None, _) => notes.add(at, "Content-Length is no number"),
        (Some(announced), there) if announced > there => {
            notes.add(
                at,
                format_args!("Content-Length announces {announced} bytes, {there} are there"),
            );
        }
        (Some(announced), there) if announced < there => {
            notes.add(
                message.head_len + announced as usize..end,
                format_args!("Content-Length announces {announced} bytes, {there} are there"),
            );
        }
        (Some(_), _) => {}
    }
}
