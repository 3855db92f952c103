//! Values that stand at both levels: attributes, connections, directions; and the origin.

use super::{Attribute, Connection, Origin, StreamDirection};
use crate::Spanned;
use crate::lines::Line;
use crate::notes::Notes;

/// `NAME` or `NAME:VALUE` (RFC 8866 §5.13).
pub(super) fn read_attribute<'a>(value: &Spanned<'a>, line: &Line) -> Attribute<'a> {
    let (name, text) = match value.split_once(b':') {
        Some((name, text)) => (name.trim(), Some(text.trim())),
        None => (value.clone(), None),
    };
    Attribute {
        name,
        value: text,
        line: line.text.start..line.next,
    }
}

/// The direction that an attribute of this name gives (RFC 8866 §6.7).
pub(super) fn read_direction(name: &Spanned<'_>) -> Option<StreamDirection> {
    let directions = [
        ("recvonly", StreamDirection::RecvOnly),
        ("sendrecv", StreamDirection::SendRecv),
        ("sendonly", StreamDirection::SendOnly),
        ("inactive", StreamDirection::Inactive),
    ];
    directions
        .into_iter()
        .find(|(word, _)| name.is(word))
        .map(|(_, direction)| direction)
}

/// `USER ID VERSION IN IP4 ADDRESS` (RFC 8866 §5.2).
pub(super) fn read_origin<'a>(value: Spanned<'a>, notes: &mut Notes) -> Origin<'a> {
    let words = words(&value);
    let address = words.get(5).cloned();
    match &address {
        None => notes.add(value.at.clone(), "an o= line with fewer than six fields"),
        Some(address) if !is_address(address) => {
            notes.add(address.at.clone(), "no IP address in the o= line");
        }
        Some(_) => {}
    }
    let username = words.first().cloned().unwrap_or_else(|| value.slice(0..0));
    Origin {
        username,
        session_id: words.get(1).cloned(),
        address,
        text: value,
    }
}

/// `IN IP4 ADDRESS[/TTL[/COUNT]]` (RFC 8866 §5.7).
pub(super) fn read_connection<'a>(value: Spanned<'a>, notes: &mut Notes) -> Connection<'a> {
    let words = words(&value);
    let Some(field) = words.get(2) else {
        notes.add(value.at.clone(), "a c= line with fewer than three fields");
        return Connection {
            text: value,
            address: None,
            ttl: None,
        };
    };
    let (address, suffix) = match field.split_once(b'/') {
        Some((address, suffix)) => (address, Some(suffix)),
        None => (field.clone(), None),
    };
    if !is_address(&address) {
        notes.add(address.at.clone(), "no IP address in the c= line");
    }
    let is_v4 = words.get(1).is_some_and(|kind| kind.is("IP4"));
    let ttl = suffix.filter(|_| is_v4).and_then(|suffix| {
        let first = suffix.split_once(b'/').map_or(suffix, |(first, _)| first);
        first.number()
    });
    Connection {
        text: value,
        address: Some(address),
        ttl,
    }
}

fn is_address(text: &Spanned<'_>) -> bool {
    std::str::from_utf8(text.bytes).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}

/// Words that are read of one line: the 128 payload types and what stands before them.
const MAX_WORDS: usize = 132;

/// The words of a value, split at spaces and tabs.
pub(super) fn words<'a>(value: &Spanned<'a>) -> Vec<Spanned<'a>> {
    let mut found = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() && found.len() < MAX_WORDS {
        let end = memchr::memchr2(b' ', b'\t', rest.bytes).unwrap_or(rest.len());
        found.push(rest.slice(0..end));
        rest = rest.slice(end..rest.len()).trim();
    }
    found
}
