//! The RTP-Info field (RFC 2326 §12.33, RFC 7826 §18.45).
//!
//! URLs in it hold commas and semicolons unescaped, so a comma ends an entry only where a `url=` follows, and a
//! semicolon ends the URL only where a known parameter follows.

use std::ops::Range;

use crate::notes::Notes;
use crate::{Parsed, Spanned};

/// Entries that are read of one field; real ones have one per stream.
const MAX_ENTRIES: usize = 64;

/// What the server says of one stream's first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpInfo<'a> {
    /// The whole entry.
    pub text: Spanned<'a>,
    /// The stream's URL, possibly relative, without quotes.
    pub url: Option<Spanned<'a>>,
    /// Sequence number of the first packet.
    pub seq: Option<u16>,
    /// RTP timestamp that belongs to the start of the range.
    pub rtptime: Option<u32>,
    /// The stream's synchronisation source (RTSP 2.0).
    pub ssrc: Option<u32>,
}

/// Reads all entries, best effort. Ranges are those of `value`, hence of the message.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a Spanned is a view, handed over like a &str"
)]
pub fn parse(value: Spanned<'_>) -> Parsed<Vec<RtpInfo<'_>>> {
    let mut notes = Notes::default();
    let value = value.trim();
    let mut entries = Vec::new();
    for entry in split_entries(&value) {
        if entries.len() == MAX_ENTRIES {
            notes.add(entry.at.start..value.at.end, "more entries than are read");
            break;
        }
        entries.push(read_entry(entry, &mut notes));
    }
    notes.finish(entries)
}

fn split_entries<'a>(value: &Spanned<'a>) -> impl Iterator<Item = Spanned<'a>> {
    let mut begin = 0;
    let commas = memchr::memchr_iter(b',', value.bytes);
    let begins_entry =
        |comma: &usize| starts_with_name(value.bytes.get(*comma + 1..).unwrap_or_default(), b"url");
    let ends: Vec<usize> = commas.filter(begins_entry).chain([value.len()]).collect();
    ends.into_iter().filter_map(move |end| {
        let entry = value.slice(begin..end).trim();
        begin = end + 1;
        (!entry.is_empty()).then_some(entry)
    })
}

/// True if `text` begins with white space, `name` in any case, white space and `=`.
fn starts_with_name(text: &[u8], name: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let (Some(head), Some(tail)) = (text.get(..name.len()), text.get(name.len()..)) else {
        return false;
    };
    head.eq_ignore_ascii_case(name) && tail.trim_ascii_start().starts_with(b"=")
}

fn read_entry<'a>(entry: Spanned<'a>, notes: &mut Notes) -> RtpInfo<'a> {
    let mut info = RtpInfo {
        url: None,
        seq: None,
        rtptime: None,
        ssrc: None,
        text: entry.clone(),
    };
    let url_len = url_len(&entry);
    let (first, rest) = (
        entry.slice(0..url_len).trim(),
        entry.slice(url_len..entry.len()),
    );
    match first
        .split_once(b'=')
        .filter(|(name, _)| name.trim().is("url"))
    {
        Some((_, url)) => info.url = Some(url.trim().unquoted()),
        None if url_len > 0 => notes.add(
            first.at,
            "an RTP-Info entry that does not begin with its url",
        ),
        None => {}
    }
    for param in params(&rest) {
        take_param(&mut info, &param, notes);
    }
    if info.url.is_none() && url_len == 0 {
        notes.add(entry.at.clone(), "an RTP-Info entry without a url");
    }
    // Servers that fill both fields from one counter exist; what they say of time is worth nothing.
    if info
        .rtptime
        .is_some_and(|time| time > 0 && info.seq.map(u32::from) == Some(time))
    {
        notes.add(entry.at, "rtptime equals seq");
    }
    info
}

/// Parameters that may follow the URL.
const PARAMS: [&[u8]; 3] = [b"seq", b"rtptime", b"ssrc"];

/// Length of the `url=…` part: up to the first separator that a known parameter follows.
fn url_len(entry: &Spanned<'_>) -> usize {
    let begins_param = |from: usize| {
        let text = entry.bytes.get(from..).unwrap_or_default();
        PARAMS.iter().any(|name| starts_with_name(text, name))
    };
    if begins_param(0) {
        return 0;
    }
    let is_space = |at: usize| matches!(entry.bytes.get(at), Some(b' ' | b'\t'));
    let is_separator = |at: &usize| {
        let begins_space = is_space(*at) && !at.checked_sub(1).is_some_and(is_space);
        begins_space || entry.bytes.get(*at) == Some(&b';')
    };
    let mut separators = (0..entry.len()).filter(is_separator);
    separators
        .find(|at| begins_param(at + 1))
        .unwrap_or(entry.len())
}

/// Cuts at `;`, at `:` (RTSP 2.0 sets it behind the ssrc) and at white space.
fn params<'a>(rest: &Spanned<'a>) -> Vec<Spanned<'a>> {
    let is_separator =
        |byte: &u8| matches!(byte, b';' | b':' | b',' | b' ' | b'\t' | b'\r' | b'\n');
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut begin = 0;
    for (at, _) in rest
        .bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| is_separator(byte))
    {
        ranges.push(begin..at);
        begin = at + 1;
    }
    ranges.push(begin..rest.len());
    ranges
        .into_iter()
        .filter(|range| !range.is_empty())
        .map(|range| rest.slice(range))
        .collect()
}

fn take_param(info: &mut RtpInfo<'_>, param: &Spanned<'_>, notes: &mut Notes) {
    let Some((name, value)) = param.split_once(b'=') else {
        return;
    };
    if name.is("seq") {
        info.seq = value.number();
        note_unread(
            info.seq.is_none(),
            &value,
            "seq is no number of 16 bits",
            notes,
        );
    } else if name.is("rtptime") {
        info.rtptime = value.number();
        note_unread(
            info.rtptime.is_none(),
            &value,
            "rtptime is no number of 32 bits",
            notes,
        );
    } else if name.is("ssrc") {
        let digits = std::str::from_utf8(value.bytes)
            .ok()
            .filter(|text| !text.starts_with('+'));
        info.ssrc = digits.and_then(|text| u32::from_str_radix(text, 16).ok());
        note_unread(
            info.ssrc.is_none(),
            &value,
            "ssrc is no hexadecimal number of 32 bits",
            notes,
        );
    }
}

fn note_unread(is_unread: bool, value: &Spanned<'_>, what: &str, notes: &mut Notes) {
    if is_unread {
        notes.add(value.at.clone(), what);
    }
}

#[cfg(test)]
mod tests;
