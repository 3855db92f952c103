//! What two copies of a message both show, where a capture has the beginning of one only.
//!
//! The copies are compared line by line as far as the shorter goes. Frames that are cut at one length do not end at one place
//! of the text: tunnels and tags before it differ in length from tap to tap.

use std::sync::Arc;

use crate::model::{Memo, Message};

/// The copies as far as both go; `None` where both are whole. `may_go_on` says which of them may have gone on after the capture.
pub(super) fn as_far_as_both(
    copies: [&Arc<Message>; 2],
    may_go_on: [bool; 2],
) -> Option<[Arc<Message>; 2]> {
    let is_part = |(message, may_go_on): &(&Arc<Message>, bool)| *may_go_on || message.is_cut();
    let cut = copies.into_iter().zip(may_go_on).filter(is_part);
    let shown = cut.map(|(message, _)| lines(&message.raw).count()).min()?;
    let known = copies.map(|message| lines(&message.raw).take(shown).map(<[u8]>::len).sum());
    let rest = |copy: usize| copies[copy].raw.get(known[copy]..).unwrap_or_default();
    let more = changed_parameter(rest(0), rest(1));
    Some([0, 1].map(|copy| first(copies[copy], known[copy] + more[copy])))
}

/// The lines that end.
fn lines(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    raw.split_inclusive(|&byte| byte == b'\n')
        .filter(|line| line.ends_with(b"\n"))
}

/// Bytes of the last line up to the end of the first parameter that differs, in either copy; nothing where there is no such
/// parameter, or where either copy may lack its end.
fn changed_parameter(a: &[u8], b: &[u8]) -> [usize; 2] {
    let ends_parameter = |byte: &u8| matches!(byte, b';' | b',' | b'\r' | b'\n');
    let differs = a.iter().zip(b).position(|(x, y)| x != y);
    let end = |text: &[u8]| {
        let from = differs?;
        let len = text.get(from..)?.iter().position(ends_parameter)?;
        Some(from + len)
    };
    match (end(a), end(b)) {
        (Some(a), Some(b)) => [a, b],
        _ => [0; 2],
    }
}

/// The first bytes of a message.
fn first(message: &Message, len: usize) -> Arc<Message> {
    let raw: Arc<[u8]> = message.raw.get(..len).unwrap_or(&message.raw).into();
    Arc::new(Message {
        head_len: message.head_len.min(raw.len()),
        raw,
        at: message.at,
        last_frame: message.last_frame,
        from: message.from,
        status: message.status,
        anomalies: Vec::new(),
        memo: Memo::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_line_that_is_cut_the_parameter_that_differs_is_shown() {
        let differ = |a: &str, b: &str| {
            let [len_a, len_b] = changed_parameter(a.as_bytes(), b.as_bytes());
            (a[..len_a].to_owned(), b[..len_b].to_owned())
        };
        let shown = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            differ(
                "RTP/AVP;client_port=9998-9999;mode=PL",
                "RTP/AVP;client_port=10000-10001;mode="
            ),
            shown(
                "RTP/AVP;client_port=9998-9999",
                "RTP/AVP;client_port=10000-10001"
            )
        );
        assert_eq!(
            differ(
                "RTP/AVP;client_port=9998-9999;mode=PL",
                "RTP/AVP;client_port=10000-10"
            ),
            shown("", "")
        );
        assert_eq!(
            differ("User-Agent: Lib", "User-Agent: LibVLC\r\n"),
            shown("", "")
        );
    }
}
