//! The changes of text that a gateway makes in one segment.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::settings::{Fault, Settings};

/// One pair (or one single) of ports of a SETUP request and what was put in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortPair {
    /// First port as the client asked.
    pub asked: u16,
    /// First port as the server sees it.
    pub given: u16,
    /// How many ports from there on: 2 for a range, 1 for a single port.
    pub count: u16,
}

/// The outcome for a segment of requests.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RequestChange {
    /// The text to send on, if it differs.
    pub text: Option<Vec<u8>>,
    /// The ports found, in order.
    pub ports: Vec<PortPair>,
}

/// Rewrites `client_port` of the SETUP requests that begin in this segment.
///
/// `port_for` yields the RTP port in place of an asked one. A SETUP whose Transport is not in the same segment stays
/// as it is, as it does with real helpers.
pub fn request(
    payload: &[u8],
    settings: &Settings,
    mut port_for: impl FnMut(u16) -> u16,
) -> RequestChange {
    let mut change = RequestChange::default();
    let Ok(text) = std::str::from_utf8(payload) else {
        return change;
    };
    let mut out = String::with_capacity(text.len() + 8);
    for message in text.split_inclusive("\r\n\r\n") {
        let skip = settings.has(Fault::FirstSetupOnly) && !change.ports.is_empty();
        let strict = settings.has(Fault::StrictText) && !message.contains(";client_port=");
        let is_handled = !skip && !strict && message.starts_with("SETUP ");
        match client_port(message).filter(|_| is_handled) {
            None => out.push_str(&spoiled(message, settings)),
            Some(found) => {
                let given = if settings.has(Fault::KeepText) {
                    found.asked
                } else {
                    port_for(found.asked)
                };
                let pair = PortPair {
                    asked: found.asked,
                    given,
                    count: found.count,
                };
                change.ports.push(pair);
                out.push_str(&message[..found.start]);
                out.push_str(&port_text(given, found.count));
                push_rest(&mut out, &message[found.end..], settings.has(Fault::EatCr));
            }
        }
    }
    let out = regrouped(out, settings);
    if out != text {
        change.text = Some(out.into_bytes());
    }
    change
}

/// The faults that concern several requests of a segment.
fn regrouped(requests: String, settings: &Settings) -> String {
    if settings.has(Fault::MergeSetups) {
        return requests.replacen("\r\n\r\nSETUP ", "\r\nSETUP ", 1);
    }
    if settings.has(Fault::SwapRequests) {
        let in_turn: Vec<&str> = requests.split_inclusive("\r\n\r\n").collect();
        return in_turn.into_iter().rev().collect();
    }
    requests
}

/// A request that is not rewritten, with the faults that concern it.
fn spoiled(message: &str, settings: &Settings) -> String {
    let is_play = message.starts_with("PLAY ");
    if is_play && settings.has(Fault::LoseSession) {
        let lines = message.split_inclusive("\r\n");
        return lines.filter(|line| !line.starts_with("Session:")).collect();
    }
    if is_play && settings.has(Fault::Garble) {
        return message.replacen("lab-client", "la\u{1}\u{2}lient", 1);
    }
    if is_play && settings.has(Fault::GarbleLine) {
        return message.replacen("/test", "/\u{1}\u{2}st", 1);
    }
    if message.starts_with("TEARDOWN ") && settings.has(Fault::DoubleTeardown) {
        return message.repeat(2);
    }
    message.to_owned()
}

/// What a segment of replies becomes: `client_port` restored, and the faults that concern replies.
pub fn reply(
    payload: &[u8],
    settings: &Settings,
    ports: &BTreeMap<u16, u16>,
    client: Ipv4Addr,
) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(payload).ok()?;
    let mut out = text.to_owned();
    if !settings.has(Fault::KeepReply)
        && let Some(found) = client_port(&out).filter(|_| out.starts_with("RTSP/"))
        && let Some((asked, _)) = ports.iter().find(|(_, given)| **given == found.asked)
    {
        out.replace_range(found.start..found.end, &port_text(*asked, found.count));
    }
    if settings.has(Fault::SdpAddress) {
        out = with_sdp_address(&out, client);
    }
    if settings.has(Fault::CutBody) && out.starts_with("RTSP/") {
        out = without_last_line(&out);
    }
    if settings.has(Fault::WrongContentLength) {
        out = with_content_length(&out, |length| length + 1);
    }
    if settings.has(Fault::DoubleReply) && answers_setup(payload) {
        out = out.repeat(2);
    }
    (out != text).then(|| out.into_bytes())
}

/// Whether a segment of replies begins with an answer to SETUP: no other has a Transport field.
pub(super) fn answers_setup(payload: &[u8]) -> bool {
    let head = std::str::from_utf8(payload).unwrap_or_default();
    let head = head.split("\r\n\r\n").next().unwrap_or_default();
    head.starts_with("RTSP/") && head.contains("\r\nTransport:")
}

/// A `client_port` value in a message: its place, first port and number of ports.
struct Found {
    start: usize,
    end: usize,
    asked: u16,
    count: u16,
}

fn client_port(message: &str) -> Option<Found> {
    const NAME: &str = "client_port=";
    let start = message.find(NAME)? + NAME.len();
    let value = &message[start..];
    let len = value
        .find(|c: char| !c.is_ascii_digit() && c != '-')
        .unwrap_or(value.len());
    let (first, count) = match value[..len].split_once('-') {
        Some((first, _)) => (first, 2),
        None => (&value[..len], 1),
    };
    Some(Found {
        start,
        end: start + len,
        asked: first.parse().ok()?,
        count,
    })
}

fn port_text(first: u16, count: u16) -> String {
    match count {
        1 => first.to_string(),
        _ => format!("{first}-{}", first.wrapping_add(1)),
    }
}

/// Adds what follows the ports, without the CR of their line if `eat_cr`.
fn push_rest(out: &mut String, rest: &str, eat_cr: bool) {
    match rest.split_once("\r\n").filter(|_| eat_cr) {
        Some((line, following)) => out.extend([line, "\n", following]),
        None => out.push_str(rest),
    }
}

/// Puts `client` into the `c=` lines and corrects the Content-Length.
fn with_sdp_address(message: &str, client: Ipv4Addr) -> String {
    const NAME: &str = "c=IN IP4 ";
    let lines = message.split_inclusive("\r\n").map(|line| {
        if line.starts_with(NAME) {
            format!("{NAME}{client}\r\n")
        } else {
            line.to_owned()
        }
    });
    let changed: String = lines.collect();
    let grown = changed.len().cast_signed() - message.len().cast_signed();
    with_content_length(&changed, |length| length.saturating_add_signed(grown))
}

/// Leaves the last line of a body out; the head stays as it is.
fn without_last_line(message: &str) -> String {
    let Some((_, body)) = message
        .split_once("\r\n\r\n")
        .filter(|(_, body)| !body.is_empty())
    else {
        return message.to_owned();
    };
    let last = body.trim_end().rfind("\r\n").map_or(0, |at| at + 2);
    message[..message.len() - body.len() + last].to_owned()
}

fn with_content_length(message: &str, new: impl Fn(usize) -> usize) -> String {
    const NAME: &str = "Content-Length: ";
    let lines = message.split_inclusive("\r\n").map(|line| {
        match line
            .strip_prefix(NAME)
            .and_then(|value| value.trim_end().parse().ok())
        {
            Some(length) => format!("{NAME}{}\r\n", new(length)),
            None => line.to_owned(),
        }
    });
    lines.collect()
}
