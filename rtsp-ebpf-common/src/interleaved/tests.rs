use std::string::ToString;
use std::vec::Vec;

use proptest::prelude::*;

use super::{InterleavedWalker, Piece};

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Text(Vec<u8>),
    Frame(u8, Vec<u8>),
}

/// Walks over the parts and joins what belongs together.
fn walk<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Seen>, InterleavedWalker) {
    let mut walker = InterleavedWalker::default();
    let mut seen = Vec::new();
    for part in parts {
        walker.feed(part, |piece| match (piece, seen.last_mut()) {
            (Piece::Text(bytes), Some(Seen::Text(text))) => text.extend(bytes),
            (Piece::Text(bytes), _) => seen.push(Seen::Text(bytes.to_vec())),
            (Piece::Frame { channel, .. }, _) => seen.push(Seen::Frame(channel, Vec::new())),
            (Piece::Payload(bytes), Some(Seen::Frame(_, payload))) => payload.extend(bytes),
            (Piece::Payload(_), _) => unreachable!("payload without a frame"),
        });
    }
    (seen, walker)
}

fn frame(channel: u8, payload: &[u8]) -> Vec<u8> {
    [
        &[b'$', channel],
        &(payload.len() as u16).to_be_bytes()[..],
        payload,
    ]
    .concat()
}

fn text(text: &str) -> Seen {
    Seen::Text(text.as_bytes().to_vec())
}

const DESCRIBED: &str = "RTSP/1.0 200 OK\r\nCSeq: 2\r\ncontent-LENGTH: 5\r\n\r\nv=0$\n";
const PLAYED: &str = "RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n";

fn stream() -> Vec<u8> {
    [
        DESCRIBED.as_bytes(),
        &frame(0, b"first"),
        &frame(1, b""),
        PLAYED.as_bytes(),
        &frame(0, b"\r\n\r\n$"),
    ]
    .concat()
}

fn pieces() -> Vec<Seen> {
    std::vec![
        text(DESCRIBED),
        Seen::Frame(0, b"first".to_vec()),
        Seen::Frame(1, Vec::new()),
        text(PLAYED),
        Seen::Frame(0, b"\r\n\r\n$".to_vec()),
    ]
}

#[test]
fn frames_and_messages_alternate() {
    let (seen, walker) = walk([&stream()[..]]);
    assert_eq!(seen, pieces());
    assert!(walker.is_between());
}

#[test]
fn a_cut_at_any_byte_changes_nothing() {
    let stream = stream();
    for at in 0..=stream.len() {
        let (left, right) = stream.split_at(at);
        assert_eq!(walk([left, right]).0, pieces(), "cut at {at}");
    }
    assert_eq!(walk(stream.chunks(1)).0, pieces());
}

#[test]
fn a_dollar_in_a_body_starts_no_frame() {
    let (seen, _) = walk([DESCRIBED.as_bytes()]);
    assert_eq!(seen, [text(DESCRIBED)]);
}

#[test]
fn lines_that_end_in_a_bare_lf_end_a_head_too() {
    let message = "RTSP/1.0 200 OK\nContent-Length:1\n\nx";
    let (seen, walker) = walk([message.as_bytes(), &frame(2, b"y")]);
    assert_eq!(seen, [text(message), Seen::Frame(2, b"y".to_vec())]);
    assert!(walker.is_between());
}

#[test]
fn a_field_whose_name_only_begins_or_ends_alike_is_another() {
    for other in [
        "Content-Lengthy: 9",
        "X-Content-Length: 9",
        "Content-Length : 9",
    ] {
        let message = ["RTSP/1.0 200 OK\r\n", other, "\r\n\r\n"].concat();
        let (seen, walker) = walk([message.as_bytes()]);
        assert_eq!(seen, [text(&message)]);
        assert!(walker.is_between(), "{other}");
    }
}

#[test]
fn an_absurd_length_does_not_overflow() {
    let message = "RTSP/1.0 200 OK\r\nContent-Length: ".to_string() + &"9".repeat(40) + "\r\n\r\n";
    assert!(!walk([message.as_bytes()]).1.is_between());
}

proptest! {
    #[test]
    fn every_byte_comes_out_once(bytes in proptest::collection::vec(prop_oneof![Just(b'$'), Just(b'\n'), any::<u8>()], 0..200)) {
        let (mut headers, mut out) = (0, 0);
        let mut walker = InterleavedWalker::default();
        walker.feed(&bytes, |piece| match piece {
            Piece::Text(bytes) | Piece::Payload(bytes) => out += bytes.len(),
            Piece::Frame { .. } => headers += 4,
        });
        let unfinished = bytes.len() - out - headers;
        prop_assert!(unfinished < 4, "at most a part of a frame header is held back");
    }

    #[test]
    fn random_cuts_change_nothing(sizes in proptest::collection::vec(1_usize..40, 1..60)) {
        let stream = stream();
        let mut rest = &stream[..];
        let mut parts = Vec::new();
        for size in sizes {
            let (part, behind) = rest.split_at(size.min(rest.len()));
            parts.push(part);
            rest = behind;
        }
        parts.push(rest);
        prop_assert_eq!(walk(parts).0, pieces());
    }
}
