//! Differences of message bodies, line by line for SDP, and of the length that announces them.

use rtspscope_wire::rtsp::message::MessageSlice;

use super::{Changes, visible};

/// Compares bodies and Content-Length of two copies of a message.
pub(super) fn compare([a, b]: [&MessageSlice<'_>; 2], changes: &mut Changes) {
    let grown = if a.body == b.body {
        0
    } else {
        compare_bodies([a, b], changes)
    };
    compare_length([a, b], grown, changes);
}

/// Tells what differs and by how many bytes the changed lines make the post-NAT body longer.
fn compare_bodies([a, b]: [&MessageSlice<'_>; 2], changes: &mut Changes) -> i64 {
    let is_sdp = |message: &MessageSlice<'_>| {
        message.body.starts_with(b"v=") || message.body.starts_with(b"o=")
    };
    if !is_sdp(a) && !is_sdp(b) {
        changes.changed("body", Some(shortened(a.body)), Some(shortened(b.body)));
        return signed(b.body.len()) - signed(a.body.len());
    }
    let (mut lines_a, mut lines_b) = (lines(a.body), lines(b.body));
    let incomplete = [a, b].map(|message| !super::is_complete(message));
    let may_be_cut = incomplete != [false, false] || a.content_length() == b.content_length();
    let believable = incomplete == [false, false] || changes.whole == [true, true];
    let cut = if may_be_cut {
        drop_cut_line(&mut lines_a, &mut lines_b)
    } else {
        None
    };
    if let Some([cut_a, cut_b]) = cut.filter(|_| believable) {
        changes.corrupted("body", cut_a, cut_b);
    }
    compare_lines(&lines_a, &lines_b, changes)
}

/// Removes the last line of the body that ends in the middle of a line of the other, with what the other has beyond it.
fn drop_cut_line(a: &mut Vec<&[u8]>, b: &mut Vec<&[u8]>) -> Option<[Option<String>; 2]> {
    let position = a.len().min(b.len()).checked_sub(1)?;
    let (x, y) = (*a.get(position)?, *b.get(position)?);
    let cut_a = y.starts_with(x) && a.len() == position + 1;
    let cut_b = x.starts_with(y) && b.len() == position + 1;
    let ends_early = a.len() != b.len();
    if !(cut_a || cut_b) || (x == y && !ends_early) {
        return None;
    }
    let told = if x == y {
        // It ends between two lines: what the other has next is what is lacking.
        [&*a, &*b].map(|lines| lines.get(position + 1).map(|line| visible(line)))
    } else {
        [Some(visible(x)), Some(visible(y))]
    };
    a.truncate(position);
    b.truncate(position);
    Some(told)
}

fn compare_lines(a: &[&[u8]], b: &[&[u8]], changes: &mut Changes) -> i64 {
    let same_head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (
        a.get(same_head..).unwrap_or_default(),
        b.get(same_head..).unwrap_or_default(),
    );
    let same_tail = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(x, y)| x == y)
        .count();
    let a = a.get(..a.len() - same_tail).unwrap_or_default();
    let mut left: Vec<&[u8]> = b.get(..b.len() - same_tail).unwrap_or_default().to_vec();
    let mut grown = 0;
    for line in a {
        let partner = left
            .iter()
            .position(|other| kind(other) == kind(line))
            .map(|at| left.remove(at));
        match partner {
            Some(other) if other == *line => {}
            Some(other) => {
                grown += signed(other.len()) - signed(line.len());
                compare_line(line, other, changes);
            }
            None => {
                grown -= signed(line.len()) + 2;
                changes.one_sided(&name(line), Some(line), None, false);
            }
        }
    }
    for line in left {
        grown += signed(line.len()) + 2;
        changes.one_sided(&name(line), None, Some(line), false);
    }
    grown
}

fn compare_line(a: &[u8], b: &[u8], changes: &mut Changes) {
    let (words_a, words_b) = (words(a), words(b));
    // The place of the one word that an ALG has reason to change (RFC 8866 §5.2, §5.7, §5.14).
    let (field, word) = match a.first() {
        Some(b'o') => ("sdp.o.address", 5),
        Some(b'c') => ("sdp.c.address", 2),
        Some(b'm') => ("sdp.m.port", 1),
        _ => return changes.changed(&name(a), Some(a), Some(b)),
    };
    let others_agree = words_a.len() == words_b.len()
        && words_a
            .iter()
            .zip(&words_b)
            .enumerate()
            .all(|(index, (x, y))| index == word || x == y);
    match (words_a.get(word), words_b.get(word)) {
        (Some(x), Some(y)) if others_agree => changes.changed(field, Some(x), Some(y)),
        _ => changes.changed(&name(a), Some(a), Some(b)),
    }
}

/// What a line is about: its letter, for attributes with their name. Lines of one kind are compared with each other.
fn kind(line: &[u8]) -> &[u8] {
    let end = match line {
        [b'a', b'=', attribute @ ..] => {
            2 + attribute
                .iter()
                .position(|&byte| byte == b':')
                .unwrap_or(attribute.len())
        }
        _ => line.len().min(1),
    };
    line.get(..end).unwrap_or_default()
}

fn name(line: &[u8]) -> String {
    format!("sdp.{}", visible(kind(line)).replace('=', "."))
}

fn words(line: &[u8]) -> Vec<&[u8]> {
    line.split(|&byte| byte == b' ').collect()
}

fn lines(body: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = body
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

/// A body that is no SDP is only told apart, not printed.
fn shortened(body: &[u8]) -> &[u8] {
    body.get(..body.len().min(64)).unwrap_or_default()
}

/// Content-Length must change by as much as the body did, and the receiver must find as much as it announces.
fn compare_length([a, b]: [&MessageSlice<'_>; 2], grown: i64, changes: &mut Changes) {
    if changes.is_cut {
        return;
    }
    let announced = [a, b].map(MessageSlice::content_length);
    let shown = [a, b].map(|message| {
        message
            .header("Content-Length")
            .map(|field| field.value.text().into_owned())
    });
    let [pre, post] = shown.clone();
    match announced {
        [Some(x), Some(y)] => {
            let expected = signed(x).saturating_add(grown);
            if signed(y) != expected {
                let [_, received] = changes.by_travel(shown);
                let needs = if changes.pre_is_original {
                    expected
                } else {
                    signed(y).saturating_sub(grown)
                };
                let told = received.map(|value| format!("{value} for a body of {needs} bytes"));
                if changes.pre_is_original {
                    changes.corrupted("Content-Length", pre, told);
                } else {
                    changes.corrupted("Content-Length", told, post);
                }
            } else if x != y {
                changes.rewritten("Content-Length", pre, post);
            }
        }
        [None, None] if pre == post => {}
        _ if a.body.is_empty() && b.body.is_empty() => {
            changes.rewritten("Content-Length", pre, post);
        }
        _ => changes.corrupted("Content-Length", pre, post),
    }
}

/// Lengths are compared as signed numbers; one beyond any message saturates.
fn signed(len: impl TryInto<i64>) -> i64 {
    len.try_into().unwrap_or(i64::MAX)
}
