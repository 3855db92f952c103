//! Facts about which messages of two legs are one.

use std::sync::Arc;

use super::*;
use crate::testkit::{LAN, WAN, leg};

/// Three keepalives, a second apart.
const TALK: &str = "
    1.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 6
    1.1 < RTSP/1.0 200 OK | CSeq: 6
    2.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 7
    2.1 < RTSP/1.0 200 OK | CSeq: 7
    3.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 8
    3.1 < RTSP/1.0 200 OK | CSeq: 8";

/// A tap that saw the lines of a conversation from one on, and so many.
fn tap(tap: rtspscope_wire::TapId, talk: &str, from: usize, count: usize) -> Leg {
    let lines = talk.lines().filter(|line| !line.trim().is_empty());
    let seen: Vec<&str> = lines.skip(from).take(count).collect();
    let mut leg = leg(
        tap,
        "192.168.1.100:40000",
        "203.0.113.10:554",
        &seen.join("\n"),
    );
    (leg.client_isn, leg.server_isn) = (None, None);
    leg
}

/// Gives each message the place that it has behind those before it, in a stream that begins with these numbers.
fn placed(mut leg: Leg, begins: [u32; 2]) -> Leg {
    (leg.from_client.begin, leg.from_server.begin) = (Some(begins[0]), Some(begins[1]));
    let mut offsets = [0, 0];
    for exchange in leg.exchanges_mut() {
        let messages = [&mut exchange.request, &mut exchange.response];
        for message in messages.into_iter().flatten() {
            let message = Arc::make_mut(message);
            let offset = &mut offsets[usize::from(message.from == Side::Server)];
            message.at.stream_offset = Some(*offset);
            *offset += message.raw.len() as u64;
        }
    }
    leg
}

/// The places in the two legs of what is paired.
fn pairs(a: &Leg, b: &Leg) -> Vec<(Option<usize>, Option<usize>)> {
    let pairs = align(a, b).into_iter();
    pairs.map(|pair| (pair.a, pair.b)).collect()
}

const APART: [(Option<usize>, Option<usize>); 2] = [(Some(0), None), (None, Some(0))];

#[test]
fn what_stands_elsewhere_in_the_stream_is_another_message() {
    let request = "OPTIONS rtsp://h/a RTSP/1.0\r\nCSeq: 6\r\n\r\n".len() as u32;
    let answer = "RTSP/1.0 200 OK\r\nCSeq: 6\r\n\r\n".len() as u32;
    let first = placed(tap(LAN, TALK, 0, 2), [500, 900]);
    let second = placed(tap(WAN, TALK, 2, 2), [500 + request, 900 + answer]);
    assert_eq!(pairs(&first, &second), APART);
    let same_place = placed(tap(WAN, TALK, 2, 2), [500, 900]);
    assert_eq!(pairs(&first, &same_place), [(Some(0), Some(0))]);
}

#[test]
fn an_answer_alone_has_a_place_too() {
    let answer = "RTSP/1.0 200 OK\r\nCSeq: 6\r\n\r\n".len() as u32;
    let first = placed(tap(LAN, TALK, 1, 1), [500, 900]);
    let second = placed(tap(WAN, TALK, 3, 1), [500, 900 + answer]);
    assert_eq!(pairs(&first, &second), APART);
}

#[test]
fn a_garbled_request_keeps_its_place_behind_one_that_grew() {
    let longer = TALK
        .replace("a RTSP/1.0 | CSeq: 6", "a RTSP/1.0 | CSeq: 6 | X: longer")
        .replace("CSeq: 7", "CSeq: 70");
    let inside = placed(tap(LAN, TALK, 0, 4), [500, 900]);
    let outside = placed(tap(WAN, &longer, 0, 4), [500, 900]);
    assert_eq!(
        pairs(&inside, &outside),
        [(Some(0), Some(0)), (Some(1), Some(1))]
    );
}

#[test]
fn a_message_of_which_half_was_kept_does_not_move_those_behind_it() {
    let whole = placed(tap(LAN, TALK, 0, 4), [500, 900]);
    let mut cut = placed(tap(WAN, TALK, 0, 4), [500, 900]);
    for message in cut.exchanges_mut().iter_mut().flat_map(|exchange| {
        let answer = exchange.response.iter_mut();
        exchange.request.iter_mut().chain(answer)
    }) {
        let message = Arc::make_mut(message);
        message.raw = message.raw[..3].into();
        message.anomalies.push(rtspscope_wire::Anomaly {
            what: rtspscope_wire::rtsp::stream::NOT_CAPTURED.to_owned(),
            at: 3..3,
        });
    }
    // The second one shows no more of its number.
    cut.exchanges_mut()[1].cseq = None;
    assert_eq!(
        pairs(&whole, &cut),
        [(Some(0), Some(0)), (Some(1), Some(1))]
    );
}

#[test]
fn where_no_places_are_known_what_passed_much_later_is_another_message() {
    let first = tap(LAN, &TALK.replace('8', "9"), 0, 6);
    let second = tap(WAN, &TALK.replace("3.", "5."), 0, 6);
    let both = (Some(1), Some(1));
    assert_eq!(
        pairs(&first, &second),
        [(Some(0), Some(0)), both, (Some(2), None), (None, Some(2))]
    );
    let soon = tap(WAN, TALK, 0, 6);
    assert_eq!(pairs(&first, &soon)[2], (Some(2), Some(2)));
}

#[test]
fn a_proxy_has_places_and_times_of_its_own() {
    let mut first = placed(tap(LAN, TALK, 0, 2), [500, 900]);
    let mut second = placed(tap(WAN, TALK, 2, 2), [9_000, 7_000]);
    (first.client_isn, first.server_isn) = (Some(499), Some(899));
    (second.client_isn, second.server_isn) = (Some(8_999), Some(6_999));
    assert_eq!(pairs(&first, &second), [(Some(0), Some(0))]);
}
