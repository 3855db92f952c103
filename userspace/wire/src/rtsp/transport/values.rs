//! Reads the values of single Transport parameters.

use super::{Channels, HostPort, PortPair};
use crate::Spanned;
use crate::notes::Notes;
use crate::url::split_host_port;

/// A port or a pair. `a-b` is the form of the RFC; `a/b` names a pair that need not be adjacent.
pub(super) fn port_pair<'a>(value: &Spanned<'a>, notes: &mut Notes) -> Option<PortPair<'a>> {
    let (first, second) = pair::<u16>(value, "port", notes)?;
    let at = || value.at.clone();
    if first == 0 || second == Some(0) {
        notes.add(at(), "port 0");
    } else if second.is_some_and(|second| second != first.wrapping_add(1)) {
        notes.add(at(), "the RTCP port is not the one after the RTP port");
    }
    if !first.is_multiple_of(2) {
        notes.add(at(), "an odd RTP port");
    }
    Some(PortPair {
        rtp: first,
        rtcp: second,
        text: value.clone(),
    })
}

/// One channel or two.
pub(super) fn channels<'a>(value: &Spanned<'a>, notes: &mut Notes) -> Option<Channels<'a>> {
    let (first, second) = pair::<u8>(value, "channel", notes)?;
    Some(Channels {
        rtp: first,
        rtcp: second,
        text: value.clone(),
    })
}

fn pair<T: TryFrom<u64>>(
    value: &Spanned<'_>,
    what: &str,
    notes: &mut Notes,
) -> Option<(T, Option<T>)> {
    let separator = value
        .bytes
        .iter()
        .position(|byte| matches!(byte, b'-' | b'/'))
        .unwrap_or(value.len());
    let Some(first) = value.slice(0..separator).trim().number() else {
        notes.add(value.at.clone(), format_args!("no readable {what}"));
        return None;
    };
    if separator == value.len() {
        return Some((first, None));
    }
    if value.bytes.get(separator) == Some(&b'/') {
        notes.add(
            value.slice(separator..separator + 1).at,
            "a slash where a hyphen belongs",
        );
    }
    let rest = value.slice(separator + 1..value.len()).trim();
    let second = rest.number();
    if second.is_none() {
        notes.add(rest.at, format_args!("no {what} of its range"));
    }
    Some((first, second))
}

/// Eight hexadecimal digits, or what servers make of them: fewer, behind a space or `0x`, or in decimal.
/// Several sources (RTSP 2.0, `a/b`) give the first.
pub(super) fn ssrc(value: &Spanned<'_>, notes: &mut Notes) -> Option<u32> {
    let first = value
        .split_once(b'/')
        .map_or_else(|| value.clone(), |(first, _)| first.trim());
    let digits = match first.bytes {
        [b'0', b'x' | b'X', ..] => {
            notes.add(first.slice(0..2).at, "0x before the ssrc");
            first.slice(2..first.len())
        }
        _ => first.clone(),
    };
    let is_hex = !digits.is_empty() && digits.bytes.iter().all(u8::is_ascii_hexdigit);
    let hex = std::str::from_utf8(digits.bytes)
        .ok()
        .filter(|_| is_hex)
        .and_then(|hex| u32::from_str_radix(hex, 16).ok());
    match (hex, digits.len()) {
        (Some(ssrc), 8) => Some(ssrc),
        (Some(ssrc), len) => {
            notes.add(
                first.at,
                format_args!("{len} digits of ssrc where 8 belong"),
            );
            Some(ssrc)
        }
        (None, 9..) if digits.number::<u32>().is_some() => {
            notes.add(first.at, "a decimal ssrc where 8 hexadecimal digits belong");
            digits.number()
        }
        (None, _) => {
            notes.add(first.at, "no readable ssrc");
            None
        }
    }
}

/// The quoted addresses of `dest_addr` and `src_addr`: `"host:port"/"host:port"` (RFC 7826 §18.54).
pub(super) fn addresses<'a>(value: &Spanned<'a>, notes: &mut Notes) -> Vec<HostPort<'a>> {
    let mut found = Vec::new();
    for part in split_outside_quotes(value) {
        let text = part.trim().unquoted().trim();
        if text.is_empty() {
            continue;
        }
        let (host, port) = split_host_port(&text);
        let host = Some(host).filter(|host| !host.is_empty());
        if port.is_none() {
            notes.add(text.at.clone(), "an address without a readable port");
        }
        found.push(HostPort { host, port, text });
    }
    found
}

fn split_outside_quotes<'a>(value: &Spanned<'a>) -> Vec<Spanned<'a>> {
    let (mut parts, mut begin, mut quoted) = (Vec::new(), 0, false);
    for (at, byte) in value.bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'/' if !quoted => {
                parts.push(value.slice(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(value.slice(begin..value.len()));
    parts
}

/// Notes a port behind the address of `destination=` or `source=`, where the RFC has an address only.
pub(super) fn address<'a>(value: &Spanned<'a>, notes: &mut Notes) -> Spanned<'a> {
    let (host, port) = split_host_port(value);
    if port.is_some() {
        notes.add(host.at.end..value.at.end, "a port behind the address");
    }
    value.clone()
}
