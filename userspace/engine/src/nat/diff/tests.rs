//! Facts about comparing messages; values are shown as pre-NAT, post-NAT.

use rtspscope_wire::Span;

use super::*;
use crate::testkit::{LAN, UDP_TALK, WAN, at, leg};

/// What differs where both taps watched on for long.
fn compared(pre: &Leg, post: &Leg) -> Vec<FieldDiff> {
    compare([pre, post], [at(LAN, 20.0, 0).at; 2])
}

fn differences(pre: &str, post: &str) -> Vec<String> {
    let pre = leg(LAN, "192.168.1.100:40000", "203.0.113.10:554", pre);
    let post = leg(WAN, "203.0.113.1:40000", "203.0.113.10:554", post);
    let told = |diff: FieldDiff| {
        let side = if diff.in_response { "answer to " } else { "" };
        let value = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        format!(
            "{side}{} {}: {} | {} ({:?})",
            diff.method,
            diff.field,
            value(diff.pre),
            value(diff.post),
            diff.class
        )
    };
    compared(&pre, &post).into_iter().map(told).collect()
}

/// Compares a conversation with itself after one replacement at the post-NAT side.
fn after(talk: &str, from: &str, to: &str) -> Vec<String> {
    assert!(talk.contains(from), "nothing to replace");
    differences(talk, &talk.replace(from, to))
}

#[test]
fn equal_text_gives_nothing() {
    assert_eq!(differences(UDP_TALK, UDP_TALK), Vec::<String>::new());
}

#[test]
fn a_port_is_named_with_both_values() {
    assert_eq!(
        after(UDP_TALK, "client_port=5000-5001", "client_port=10000-10001"),
        [
            "SETUP Transport.client_port: 5000-5001 | 10000-10001 (Alg)",
            "answer to SETUP Transport.client_port: 5000-5001 | 10000-10001 (Alg)",
        ]
    );
}

#[test]
fn a_change_outside_all_fields_that_keeps_the_length_names_its_first_byte() {
    let talk = "
    0.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 1";
    assert_eq!(
        after(talk, "OPTIONS rtsp", "OPTIONS\trtsp"),
        ["OPTIONS framing: 40 bytes, 0x20 at 7 | 40 bytes, 0x09 at 7 (Corruption)"]
    );
}

const DESTINATION_LAST: &str = "
    0.0 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP;client_port=5000-5001;destination=192.168.1.100";

#[test]
fn an_eaten_carriage_return_is_damage_beside_the_rewrite_that_ate_it() {
    assert_eq!(
        after(
            DESTINATION_LAST,
            "destination=192.168.1.100",
            "destination=203.0.113.1\\n"
        ),
        [
            "SETUP Transport.destination: 192.168.1.100 | 203.0.113.1 (Alg)",
            "SETUP line-ending: CR LF after Transport | LF after Transport (Corruption)",
        ]
    );
}

#[test]
fn a_destination_may_be_taken_out_but_a_port_may_not() {
    assert_eq!(
        after(DESTINATION_LAST, ";destination=192.168.1.100", ""),
        ["SETUP Transport.destination: 192.168.1.100 | - (Alg)"]
    );
    assert_eq!(
        after(DESTINATION_LAST, ";client_port=5000-5001", ""),
        ["SETUP Transport.client_port: 5000-5001 | - (Corruption)"]
    );
    assert_eq!(
        after(DESTINATION_LAST, "5000-5001", "????"),
        ["SETUP Transport.client_port: 5000-5001 | ???? (Corruption)"]
    );
}

#[test]
fn the_request_uri_may_change_and_the_method_may_not() {
    assert_eq!(
        after(DESTINATION_LAST, "rtsp://h/a", "rtsp://192.168.1.9/a"),
        ["SETUP request.uri: rtsp://h/a | rtsp://192.168.1.9/a (Alg)"]
    );
    assert_eq!(
        after(DESTINATION_LAST, "SETUP", "SEXUP"),
        ["SETUP request.method: SETUP | SEXUP (Corruption)"]
    );
}

const DESCRIBED: &str = "
    0.0 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 2 | User-Agent: p
    0.1 < RTSP/1.0 200 OK | CSeq: 2 | Content-Base: rtsp://192.168.1.9/a/ | Content-Length: 98 || v=0 | o=- 1 1 IN IP4 192.168.1.9 | c=IN IP4 192.168.1.9 | m=video 4000 RTP/AVP 96 | a=control:track1";

#[test]
fn sdp_addresses_and_ports_are_named_by_meaning() {
    let post = DESCRIBED
        .replace("IN IP4 192.168.1.9", "IN IP4 203.0.113.1")
        .replace("m=video 4000", "m=video 5000")
        .replace("rtsp://192.168.1.9/a/", "rtsp://203.0.113.1/a/");
    assert_eq!(
        differences(DESCRIBED, &post),
        [
            "answer to DESCRIBE Content-Base: rtsp://192.168.1.9/a/ | rtsp://203.0.113.1/a/ (Alg)",
            "answer to DESCRIBE sdp.o.address: 192.168.1.9 | 203.0.113.1 (Alg)",
            "answer to DESCRIBE sdp.c.address: 192.168.1.9 | 203.0.113.1 (Alg)",
            "answer to DESCRIBE sdp.m.port: 4000 | 5000 (Alg)",
        ]
    );
}

#[test]
fn a_length_that_follows_its_body_is_a_rewrite_and_one_that_does_not_is_damage() {
    let longer = DESCRIBED.replace("c=IN IP4 192.168.1.9", "c=IN IP4 192.168.1.100");
    assert_eq!(
        differences(
            DESCRIBED,
            &longer.replace("Content-Length: 98", "Content-Length: 100")
        ),
        [
            "answer to DESCRIBE sdp.c.address: 192.168.1.9 | 192.168.1.100 (Alg)",
            "answer to DESCRIBE Content-Length: 98 | 100 (Alg)",
        ]
    );
    assert_eq!(
        differences(&longer, DESCRIBED),
        [
            "answer to DESCRIBE sdp.c.address: 192.168.1.100 | 192.168.1.9 (Alg)",
            "answer to DESCRIBE Content-Length: 98 for a body of 100 bytes | 98 (Corruption)",
        ]
    );
}

#[test]
fn a_cut_body_is_damage() {
    assert_eq!(
        differences(
            &DESCRIBED.replace("a=control:track1", "a=cont\\cut"),
            DESCRIBED
        ),
        ["answer to DESCRIBE body: a=cont | a=control:track1 (Corruption)"]
    );
}

/// A description of which one tap has a part, and watched for so many seconds after its head.
fn described_in_part(part: &str, secs: f64) -> usize {
    let pre = leg(LAN, "192.168.1.100:1", "203.0.113.10:554", DESCRIBED);
    let mut post = leg(WAN, "203.0.113.1:1", "203.0.113.10:554", part);
    post.closed = None;
    let answer = post.exchanges[0].response.as_ref().map(|answer| answer.at);
    let until = answer.expect("an answer").at + Span::from_millis((secs * 1e3) as i64);
    compare([&pre, &post], [until; 2]).len()
}

#[test]
fn what_one_tap_stopped_before_is_not_missing() {
    let (_, body) = DESCRIBED.split_once("||").expect("a body");
    let head = DESCRIBED.replace(body, " \\cut");
    assert_eq!(described_in_part(&head, 1.9), 0);
    assert_eq!(described_in_part(&head, 2.0), 6);
}

#[test]
fn a_body_cut_between_two_lines_is_told_by_the_line_that_is_lacking() {
    assert_eq!(
        differences(
            &DESCRIBED.replace(" | a=control:track1", "\\cut"),
            DESCRIBED
        ),
        ["answer to DESCRIBE body: - | a=control:track1 (Corruption)"]
    );
}

#[test]
fn a_body_cut_by_the_capture_is_not_compared() {
    let mut pre = leg(LAN, "192.168.1.100:1", "203.0.113.10:554", DESCRIBED);
    pre.closed = None;
    let mut post = leg(
        WAN,
        "203.0.113.1:1",
        "203.0.113.10:554",
        &DESCRIBED.replace("a=control:track1", "a=cont\\cut"),
    );
    post.closed = None;
    assert_eq!(compared(&pre, &post), []);
}

#[test]
fn a_header_that_is_gone_is_damage_and_one_that_was_added_is_not() {
    let without = DESCRIBED.replace(" | User-Agent: p", "");
    assert_eq!(
        differences(DESCRIBED, &without),
        ["DESCRIBE User-Agent: p | - (Corruption)"]
    );
    assert_eq!(
        differences(&without, DESCRIBED),
        ["DESCRIBE User-Agent: - | p (Alg)"]
    );
}

#[test]
fn a_changed_cseq_is_damage_inside_a_connection() {
    let post = DESTINATION_LAST.replace("CSeq: 3", "CSeq: 4");
    assert_eq!(
        differences(DESTINATION_LAST, &post),
        ["SETUP CSeq: 3 | 4 (Corruption)"]
    );
}

#[test]
fn spelling_is_told_where_only_spelling_differs() {
    assert_eq!(
        after(DESTINATION_LAST, "CSeq: 3", "Cseq:3"),
        ["SETUP CSeq: CSeq: 3 | Cseq:3 (Alg)"]
    );
}

#[test]
fn credentials_are_never_quoted() {
    let talk = "0.0 > PLAY rtsp://h/a RTSP/1.0 | CSeq: 3 | Authorization: Basic c2VjcmV0";
    assert_eq!(
        after(talk, "c2VjcmV0", "c2VjcmV1"),
        ["PLAY Authorization: Basic *** | Basic *** (Alg)"]
    );
}

/// The raw lines of every difference, escaped.
fn raw_lines(pre: &str, post: &str) -> Vec<[String; 3]> {
    let pre = leg(LAN, "192.168.1.100:40000", "203.0.113.10:554", pre);
    let post = leg(WAN, "203.0.113.1:40000", "203.0.113.10:554", post);
    let shown = |line: Option<Vec<u8>>| {
        line.map_or_else(String::new, |line| line.escape_ascii().to_string())
    };
    compared(&pre, &post)
        .into_iter()
        .map(|diff| [diff.field, shown(diff.pre_raw), shown(diff.post_raw)])
        .collect()
}

#[test]
fn the_bytes_of_the_line_stand_beside_the_values() {
    let talk = "
    0.0 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP;client_port=5000-5001 | X: 1";
    let eaten = talk.replace("5000-5001 |", "6000-6001\\n |");
    let transport = "Transport: RTP/AVP;client_port=";
    assert_eq!(
        raw_lines(talk, &eaten),
        [
            [
                "Transport.client_port".to_owned(),
                format!("{transport}5000-5001\\r\\n"),
                format!("{transport}6000-6001\\n"),
            ],
            [
                "line-ending".to_owned(),
                format!("{transport}5000-5001\\r\\n"),
                format!("{transport}6000-6001\\n"),
            ],
        ]
    );
    let moved = talk
        .replace("rtsp://h/a", "rtsp://i/a")
        .replace(" | X: 1", "");
    assert_eq!(
        raw_lines(talk, &moved),
        [
            [
                "request.uri".to_owned(),
                "SETUP rtsp://h/a RTSP/1.0\\r\\n".to_owned(),
                "SETUP rtsp://i/a RTSP/1.0\\r\\n".to_owned(),
            ],
            ["X".to_owned(), "X: 1\\r\\n".to_owned(), String::new()],
        ]
    );
}

#[test]
fn of_several_lines_of_a_description_the_one_with_the_value_is_shown() {
    let talk = "
    0.0 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 1
    0.1 < RTSP/1.0 200 OK | CSeq: 1 | Content-Length: 84 || v=0 | c=IN IP4 10.0.0.1 | m=video 0 RTP/AVP 96 | m=audio 7000 RTP/AVP 8 | a=control:x";
    let moved = talk.replace("audio 7000", "audio 8000");
    assert_eq!(
        raw_lines(talk, &moved),
        [[
            "sdp.m.port".to_owned(),
            "m=audio 7000 RTP/AVP 8\\r\\n".to_owned(),
            "m=audio 8000 RTP/AVP 8\\r\\n".to_owned(),
        ]]
    );
}

/// Two requests that are not answered yet.
const TWO: &str = "
    0.0 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP/TCP;interleaved=0-1
    0.1 > PLAY rtsp://h/a RTSP/1.0 | CSeq: 4 | Session: 7";

#[test]
fn a_request_that_came_twice_is_damage() {
    let line = TWO.lines().last().expect("the second request");
    assert_eq!(
        differences(TWO, &format!("{TWO}\n{}", line.replace("0.1", "0.2"))),
        ["PLAY copies: 1 | 2 (Corruption)"]
    );
}

#[test]
fn a_copy_that_came_after_the_answer_is_damage() {
    let line = TWO.lines().last().expect("the second request");
    let answered = format!("{TWO}\n    0.2 < RTSP/1.0 200 OK | CSeq: 4");
    let doubled = format!("{answered}\n{}", line.replace("0.1", "0.3"));
    assert_eq!(
        differences(&answered, &doubled),
        ["PLAY copies: 1 | 2 (Corruption)"]
    );
}

#[test]
fn a_request_that_the_client_wrote_twice_itself_gives_nothing() {
    let line = TWO.lines().last().expect("the second request");
    let twice = format!("{TWO}\n{}", line.replace("0.1", "0.2"));
    assert_eq!(differences(&twice, &twice), Vec::<String>::new());
}

#[test]
fn requests_that_changed_places_are_damage() {
    let mut lines = TWO.lines().skip(1);
    let [setup, play] = [lines.next(), lines.next()].map(|line| line.expect("a request"));
    let swapped = [play.replace("0.1", "0.0"), setup.replace("0.0", "0.1")].join("\n");
    assert_eq!(
        differences(TWO, &swapped),
        ["PLAY order: in turn | out of turn (Corruption)"]
    );
}

#[test]
fn a_request_that_became_part_of_the_one_before_is_damage_and_no_rewrite() {
    let merged = TWO.replace("\n    0.1 > ", " | ").trim_start().to_owned();
    assert_eq!(
        differences(TWO, &merged),
        ["PLAY message: by itself | part of the one before (Corruption)"]
    );
}

#[test]
fn requests_that_only_share_a_segment_on_one_side_give_nothing() {
    assert_eq!(
        differences(TWO, &TWO.replace("0.1 >", "0.0 >")),
        Vec::<String>::new()
    );
}

#[test]
fn a_copy_of_the_clients_own_that_crosses_the_answer_gives_nothing() {
    let line = TWO.lines().last().expect("the second request");
    let answer = "    0.2 < RTSP/1.0 200 OK | CSeq: 4";
    let before = format!("{TWO}\n{}\n{answer}", line.replace("0.1", "0.15"));
    let behind = format!("{TWO}\n{answer}\n{}", line.replace("0.1", "0.3"));
    assert_eq!(differences(&before, &behind), Vec::<String>::new());
}

#[test]
fn a_request_without_its_blank_line_is_damage() {
    let pre = leg(LAN, "192.168.1.100:1", "203.0.113.10:554", TWO);
    let mut post = leg(WAN, "203.0.113.1:1", "203.0.113.10:554", TWO);
    let request = post.exchanges_mut()[0].request.as_mut().expect("a request");
    let message = Arc::make_mut(request);
    message.raw = message.raw[..message.raw.len() - 2].into();
    let told = |diff: FieldDiff| (diff.method, diff.field, diff.post, diff.class);
    let found: Vec<_> = compared(&pre, &post).into_iter().map(told).collect();
    let text = |text: &str| text.to_owned();
    assert_eq!(
        found,
        [(
            text("SETUP"),
            text("message"),
            Some(text("runs into the next one")),
            DiffClass::Corruption
        )]
    );
}
