//! Says what a router changed in each message, field by field and by meaning.
//!
//! Both copies of a message are read into fields, and what differs is named as in the report. Addresses and ports of the
//! IP layer are no part of it: translating those is what a NAT is for. A change that its receiver can still read is a
//! rewrite; one that breaks the message or what it means is corruption.

use std::sync::Arc;

use rtspscope_wire::Timestamp;
use rtspscope_wire::rtsp::message::MessageSlice;

use crate::model::{DiffClass, Exchange, FieldDiff, Leg, Message, Side};
use crate::nat::align::align;
use crate::nat::order;
use crate::reading;

mod body;
mod cut;
mod header;
mod raw;
mod start_line;
mod transport;
mod whole;

/// Compares the messages of the two legs of one connection; in order of the pre-NAT leg.
///
/// Whole messages that came twice, out of turn or inside another one come first; a message that one leg lacks is no field
/// that differs. What is cut off by the end of a capture or by a gap is not
/// compared. `watched_until` says how long the tap of each leg was recording: taps do not stop at one moment.
pub fn compare([pre, post]: [&Leg; 2], watched_until: [Timestamp; 2]) -> Vec<FieldDiff> {
    let proxied = pre
        .client_isn
        .zip(post.client_isn)
        .is_some_and(|(x, y)| x != y);
    let client_inside = !order::inside_is_server(pre, post);
    let pairs = align(pre, post);
    let whole = whole::compare(pre, post, &pairs, client_inside);
    let mut diffs = whole.diffs;
    for (place, pair) in pairs.into_iter().enumerate() {
        let exchanges = (
            pair.a.and_then(|at| pre.exchanges.get(at)),
            pair.b.and_then(|at| post.exchanges.get(at)),
        );
        let (Some(before), Some(after)) = exchanges else {
            continue;
        };
        for in_response in [false, true] {
            let messages = (message(before, in_response), message(after, in_response));
            let (Some(a), Some(b)) = messages else {
                continue;
            };
            let may_go_on = [
                may_go_on(a, pre, watched_until[0]),
                may_go_on(b, post, watched_until[1]),
            ];
            let cut = cut::as_far_as_both([a, b], may_go_on);
            let is_cut = cut.is_some();
            let [a, b] = cut.unwrap_or_else(|| [a, b].map(Arc::clone));
            if a.raw != b.raw {
                let changes = Changes {
                    in_place: !proxied,
                    pre_is_original: (a.from == Side::Client) == client_inside,
                    whole: [is_whole(pre), is_whole(post)],
                    is_cut,
                    list: Vec::new(),
                };
                let mut found = compare_messages(before, in_response, [&a, &b], changes);
                if whole.holders.contains(&(place, in_response)) {
                    // Its further fields are those of the message that it took in.
                    found.retain(|diff| diff.class == DiffClass::Corruption);
                }
                diffs.extend(found);
            }
        }
    }
    diffs
}

fn message(exchange: &Exchange, in_response: bool) -> Option<&Arc<Message>> {
    if in_response {
        exchange.response.as_ref()
    } else {
        exchange.request.as_ref()
    }
}

/// Whether what a message lacks at its end was never there, rather than not captured.
fn is_whole(leg: &Leg) -> bool {
    leg.missing_bytes == 0 && leg.closed.is_some()
}

/// Whether the rest of a message that lacks its end may have come after the tap stopped.
pub(crate) fn may_go_on(message: &Message, leg: &Leg, watched_until: Timestamp) -> bool {
    let is_unfinished = || !has_end(message) || !is_complete(&reading::fields(message));
    !leg.is_over_after(message.at.at, watched_until) && is_unfinished()
}

/// A message's length, and where that is the same the first byte that is not.
fn framing(message: &Message, other: &Message) -> String {
    let (raw, other) = (&message.raw, &other.raw);
    let len = raw.len();
    let differs = raw
        .iter()
        .zip(other.iter())
        .position(|(byte, other)| byte != other);
    match differs.and_then(|at| Some((at, raw.get(at)?))) {
        Some((at, byte)) if len == other.len() => {
            format!("{len} bytes, 0x{byte:02x} at {at}")
        }
        Some(_) | None => format!("{len} bytes"),
    }
}

fn compare_messages(
    exchange: &Exchange,
    in_response: bool,
    [a, b]: [&Arc<Message>; 2],
    mut changes: Changes,
) -> Vec<FieldDiff> {
    let (parsed_a, parsed_b) = (reading::fields(a), reading::fields(b));
    start_line::compare(&parsed_a.start, &parsed_b.start, &mut changes);
    header::compare([&a.raw, &b.raw], [&parsed_a, &parsed_b], &mut changes);
    body::compare([&parsed_a, &parsed_b], &mut changes);
    unended([a, b], &mut changes);
    let cut_by_capture = changes.is_cut
        || (!is_complete(&parsed_a) || !is_complete(&parsed_b)) && changes.whole != [true, true];
    if changes.list.is_empty() && !cut_by_capture {
        // The bytes differ, so the difference lies in what no field holds: blank lines, bytes after the body.
        changes.corrupted("framing", Some(framing(a, b)), Some(framing(b, a)));
    }
    let to_diff = |change: Change| FieldDiff {
        pre_raw: raw::line(a, &parsed_a, &change.field, change.pre.as_deref()),
        post_raw: raw::line(b, &parsed_b, &change.field, change.post.as_deref()),
        method: exchange.method.clone(),
        in_response,
        cseq: exchange.cseq,
        field: change.field,
        pre: change.pre,
        post: change.post,
        class: change.class,
        pre_at: a.at,
        post_at: b.at,
    };
    changes.list.into_iter().map(to_diff).collect()
}

/// Tells a message whose blank line got lost, so that it runs into the one behind it.
fn unended([a, b]: [&Message; 2], changes: &mut Changes) {
    let [sent, received] = changes.by_travel([a, b].map(has_end));
    if sent && !received && changes.whole == [true, true] {
        let values = ["by itself", "runs into the next one"].map(|value| Some(value.to_owned()));
        let [pre, post] = changes.by_travel(values);
        changes.corrupted(whole::MESSAGE, pre, post);
    }
}

/// Whether a blank line ends the head.
fn has_end(message: &Message) -> bool {
    let raw = &message.raw;
    raw.windows(3).any(|bytes| bytes == b"\n\r\n") || raw.windows(2).any(|bytes| bytes == b"\n\n")
}

/// Whether the message has as much body as it announces.
fn is_complete(message: &MessageSlice<'_>) -> bool {
    message
        .content_length()
        .is_none_or(|len| message.body.len() as u64 >= len)
}

/// One field that differs, before it knows its message.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    field: String,
    pre: Option<String>,
    post: Option<String>,
    class: DiffClass,
}

/// Collects the differences of one message.
#[derive(Debug)]
struct Changes {
    /// The message was edited inside one TCP connection; a proxy writes a new message and owns its hop-by-hop fields.
    in_place: bool,
    /// The pre-NAT copy is what the sender wrote, the post-NAT copy what the receiver got; else the other way round.
    pre_is_original: bool,
    /// Whether nothing is missing in the capture of either leg.
    whole: [bool; 2],
    /// Only what both copies show of a message is compared, so that what one has behind it says nothing.
    is_cut: bool,
    list: Vec<Change>,
}

impl Changes {
    fn rewritten(&mut self, field: &str, pre: Option<String>, post: Option<String>) {
        self.add(field, pre, post, DiffClass::Alg);
    }

    fn corrupted(&mut self, field: &str, pre: Option<String>, post: Option<String>) {
        self.add(field, pre, post, DiffClass::Corruption);
    }

    /// A rewrite if both values can be read as text, damage if one cannot.
    fn changed(&mut self, field: &str, pre: Option<&[u8]>, post: Option<&[u8]>) {
        let class = if pre.is_some_and(is_garbled) || post.is_some_and(is_garbled) {
            DiffClass::Corruption
        } else {
            DiffClass::Alg
        };
        self.add(field, pre.map(visible), post.map(visible), class);
    }

    /// A field that only one copy has: one that got lost is damage, one that was added is a rewrite.
    fn one_sided(&mut self, field: &str, pre: Option<&[u8]>, post: Option<&[u8]>, essential: bool) {
        if self.is_cut {
            return;
        }
        let lost = pre.is_some() == self.pre_is_original;
        let class = if lost && (self.in_place || essential) {
            DiffClass::Corruption
        } else {
            DiffClass::Alg
        };
        self.add(field, pre.map(visible), post.map(visible), class);
    }

    /// Puts a pair of (pre, post) in the order of (sender, receiver).
    fn by_travel<T>(&self, [pre, post]: [T; 2]) -> [T; 2] {
        if self.pre_is_original {
            [pre, post]
        } else {
            [post, pre]
        }
    }

    fn add(&mut self, field: &str, pre: Option<String>, post: Option<String>, class: DiffClass) {
        self.list.push(Change {
            field: field.to_owned(),
            pre,
            post,
            class,
        });
    }
}

fn visible(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Control characters and broken UTF-8 do not belong into a header value or an SDP line.
fn is_garbled(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err()
        || bytes
            .iter()
            .any(|&byte| byte.is_ascii_control() && byte != b'\t')
}

#[cfg(test)]
mod tests;
