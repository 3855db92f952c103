use std::ops::Range;

use super::*;
use crate::{Anomaly, Parsed};

/// What is odd, as the bytes that are named and what is said of them.
fn oddities(raw: &[u8]) -> Vec<(String, String)> {
    let Parsed { anomalies, .. } = parse(raw);
    let bytes = |at: Range<usize>| String::from_utf8_lossy(&raw[at]).into_owned();
    anomalies
        .into_iter()
        .map(|odd| (bytes(odd.at), odd.what))
        .collect()
}

fn odd(bytes: &str, what: &str) -> (String, String) {
    (bytes.to_owned(), what.to_owned())
}

fn text(spanned: &Spanned<'_>) -> String {
    spanned.text().into_owned()
}

const SETUP: &[u8] =
    b"SETUP rtsp://203.0.113.10/a RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast\r\n\r\n";

#[test]
fn a_request_is_read_with_the_place_of_each_part() {
    let Parsed { value, anomalies } = parse(SETUP);
    assert_eq!(anomalies, []);
    assert_eq!(
        value.start,
        StartLine::Request {
            method: Spanned {
                bytes: b"SETUP",
                at: 0..5
            },
            uri: Spanned {
                bytes: b"rtsp://203.0.113.10/a",
                at: 6..27
            },
            version: Spanned {
                bytes: b"RTSP/1.0",
                at: 28..36
            },
        }
    );
    let transport = value.header("transport").expect("it is there");
    assert_eq!(
        transport.name,
        Spanned {
            bytes: b"Transport",
            at: 47..56
        }
    );
    assert_eq!(
        transport.value,
        Spanned {
            bytes: b"RTP/AVP;unicast",
            at: 58..73
        }
    );
    assert_eq!(transport.line, 47..75);
    assert_eq!((value.head_len, value.body), (77, &b""[..]));
    assert_eq!(
        (value.cseq(), value.line_ending),
        (Some(3), LineEnding::CrLf)
    );
}

#[test]
fn a_length_beyond_32_bits_is_told_as_it_stands_on_every_machine() {
    let raw = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5000000000\r\n\r\nv=0\r\n";
    let Parsed { value, anomalies } = parse(raw);
    assert_eq!(value.content_length(), Some(5_000_000_000));
    let what: Vec<&str> = anomalies.iter().map(|odd| odd.what.as_ref()).collect();
    assert_eq!(
        what,
        ["Content-Length announces 5000000000 bytes, 5 are there"]
    );
}

#[test]
fn a_response_is_read_with_its_body() {
    let raw = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nv=0\r\n";
    let Parsed { value, anomalies } = parse(raw);
    assert_eq!(anomalies, []);
    assert_eq!(
        (value.status(), value.content_length(), value.body),
        (Some(200), Some(5), &b"v=0\r\n"[..])
    );
    assert_eq!((value.method(), value.uri()), (None, None));
}

#[test]
fn a_reason_of_several_words_stays_whole() {
    let Parsed { value, .. } = parse(b"RTSP/1.0 454 Session Not Found\r\nCSeq: 9\r\n\r\n");
    let StartLine::Response { reason, code, .. } = value.start else {
        panic!("a response")
    };
    assert_eq!(
        (text(&code), text(&reason)),
        ("454".into(), "Session Not Found".into())
    );
}

#[test]
fn a_status_line_with_more_blanks_or_written_small_is_read() {
    for line in ["RTSP/1.0  200  OK then", "rtsp/1.0 200 OK then"] {
        let raw = format!("{line}\r\nCSeq: 1\r\n\r\n");
        let message = parse(raw.as_bytes()).value;
        let StartLine::Response { status, reason, .. } = message.start else {
            panic!("{line}");
        };
        assert_eq!((status, text(&reason)), (Some(200), "OK then".to_owned()));
    }
}

#[test]
fn status_zero_is_kept_and_odd() {
    let raw = b"RTSP/1.0 0\r\nCSeq: 2\r\n\r\n";
    assert_eq!(parse(raw).value.status(), Some(0));
    assert_eq!(
        oddities(raw),
        [odd("0", "the status code is outside 100 to 599")]
    );
}

#[test]
fn a_status_line_without_a_code_is_a_response_all_the_same() {
    let raw = b"RTSP/1.0\r\nCSeq: 2\r\n\r\n";
    assert!(matches!(
        parse(raw).value.start,
        StartLine::Response { status: None, .. }
    ));
    assert_eq!(
        oddities(raw),
        [odd("", "the status code is no number of three digits")]
    );
}

#[test]
fn cseq_is_found_in_any_case() {
    for name in ["CSeq", "Cseq", "cseq", "CSEQ"] {
        let raw = format!("RTSP/1.0 200 OK\r\n{name}: 12\r\n\r\n");
        assert_eq!(parse(raw.as_bytes()).value.cseq(), Some(12));
        assert_eq!(oddities(raw.as_bytes()), []);
    }
}

#[test]
fn a_missing_cseq_is_named_behind_the_head() {
    let raw = b"OPTIONS * RTSP/1.0\r\n\r\n";
    assert_eq!(parse(raw).value.cseq(), None);
    assert_eq!(
        parse(raw).anomalies,
        [Anomaly {
            at: 22..22,
            what: "CSeq is missing".into()
        }]
    );
}

#[test]
fn a_cseq_that_is_no_number_is_odd() {
    let raw = b"OPTIONS * RTSP/1.0\r\nCSeq: 4x\r\n\r\n";
    assert_eq!(oddities(raw), [odd("4x", "CSeq is no number of 32 bits")]);
}

#[test]
fn cseq_may_begin_anywhere_and_stand_behind_transport() {
    let raw = b"SETUP rtsp://h/a RTSP/1.0\r\nTransport: RTP/AVP\r\nCSeq: 2\r\n\r\n";
    assert_eq!(parse(raw).value.cseq(), Some(2));
    assert_eq!(oddities(raw), []);
}

#[test]
fn lf_alone_ends_lines() {
    let raw = b"OPTIONS * RTSP/1.0\nCSeq: 1\n\nrest";
    let value = parse(raw).value;
    assert_eq!(
        (value.line_ending, value.head_len, value.cseq()),
        (LineEnding::Lf, 28, Some(1))
    );
    assert_eq!(oddities(raw)[0], odd("\n", "lines end with LF alone"));
}

#[test]
fn an_eaten_cr_is_named_where_it_is_missing() {
    let raw =
        b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;destination=203.0.113.1\n\r\n";
    let Parsed { value, anomalies } = parse(raw);
    assert_eq!(
        (value.line_ending, value.head_len),
        (LineEnding::Mixed, raw.len())
    );
    let at = raw.len() - 3..raw.len() - 2;
    assert_eq!(
        anomalies,
        [Anomaly {
            at,
            what: "a line ends otherwise than with CR LF".into()
        }]
    );
}

#[test]
fn lone_cr_ends_lines_where_the_first_line_ends_so() {
    let value = parse(b"OPTIONS * RTSP/1.0\rCSeq: 1\r\rbody").value;
    assert_eq!(
        (value.line_ending, value.cseq(), value.body),
        (LineEnding::Mixed, Some(1), &b"body"[..])
    );
}

#[test]
fn a_cr_within_a_line_is_junk_and_no_line_end() {
    let raw = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: a\rb\r\n\r\n";
    let value = parse(raw).value;
    assert_eq!(
        value.header("x").map(|field| text(&field.value)),
        Some("a\rb".into())
    );
}

#[test]
fn doubled_crs_are_one_line_end() {
    let value = parse(b"OPTIONS * RTSP/1.0\r\r\nCSeq: 1\r\r\n\r\r\n").value;
    assert_eq!(
        (value.line_ending, value.cseq(), value.body),
        (LineEnding::Mixed, Some(1), &b""[..])
    );
}

#[test]
fn empty_lines_before_a_message_are_skipped() {
    let value = parse(b"\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n").value;
    assert_eq!(value.method().map(|method| method.at.clone()), Some(4..11));
}

#[test]
fn a_folded_value_keeps_its_lines_and_reads_as_one() {
    let raw = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS,\r\n\tPLAY\r\n\r\n";
    let value = parse(raw).value;
    let public = value.header("Public").expect("it is there");
    assert_eq!(
        (public.value.bytes, public.unfolded().as_ref()),
        (&b"OPTIONS,\r\n\tPLAY"[..], "OPTIONS, PLAY")
    );
    assert_eq!(public.line, 26..51);
    assert_eq!(oddities(raw), []);
}

#[test]
fn a_value_that_begins_on_the_next_line_is_found() {
    let value = parse(b"RTSP/1.0 200 OK\r\nCSeq:\r\n  7\r\n\r\n").value;
    assert_eq!(value.cseq(), Some(7));
}

#[test]
fn a_header_without_a_colon_loses_only_itself() {
    let raw = b"OPTIONS * RTSP/1.0\r\nnonsense here\r\nCSeq: 1\r\n\r\n";
    assert_eq!(parse(raw).value.cseq(), Some(1));
    assert_eq!(
        oddities(raw),
        [odd("nonsense here", "a header line without a colon")]
    );
}

#[test]
fn the_second_of_two_user_agents_is_named_and_both_are_kept() {
    let raw = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: a\r\nuser-agent: b\r\n\r\n";
    let value = parse(raw).value;
    let agents: Vec<_> = value
        .headers_named("User-Agent")
        .map(|field| text(&field.value))
        .collect();
    assert_eq!(agents, ["a", "b"]);
    assert_eq!(
        oddities(raw),
        [odd("user-agent", "user-agent stands there again")]
    );
}

#[test]
fn several_challenges_are_normal() {
    let raw = b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: Digest\r\n\r\n";
    assert_eq!(oddities(raw), []);
}

#[test]
fn white_space_before_a_colon_is_odd_and_read() {
    let raw = b"OPTIONS * RTSP/1.0\r\nCSeq : 5\r\n\r\n";
    assert_eq!(parse(raw).value.cseq(), Some(5));
    assert_eq!(
        oddities(raw),
        [odd("CSeq ", "white space around a header name")]
    );
}

#[test]
fn a_body_without_content_length_is_kept_and_odd() {
    let raw = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\nv=0\r\n";
    assert_eq!(parse(raw).value.body, b"v=0\r\n");
    assert_eq!(
        oddities(raw),
        [odd("v=0\r\n", "a body, and no Content-Length")]
    );
}

#[test]
fn a_cut_body_and_a_long_one_are_named() {
    let cut = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 9\r\n\r\nv=0";
    assert_eq!(
        oddities(cut),
        [odd("9", "Content-Length announces 9 bytes, 3 are there")]
    );
    let long = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 1\r\n\r\nv=0";
    assert_eq!(
        oddities(long),
        [odd("=0", "Content-Length announces 1 bytes, 3 are there")]
    );
}

#[test]
fn a_request_with_its_own_session_is_normal() {
    let raw = b"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nSession: 47112344;timeout=65\r\n\r\n";
    let Parsed { value, anomalies } = parse(raw);
    let session = value.session().expect("it is there");
    assert_eq!(
        (text(&session.id), session.timeout),
        ("47112344".into(), Some(65))
    );
    assert_eq!(anomalies, []);
}

#[test]
fn a_session_timeout_is_found_behind_other_parameters_and_spaces() {
    let value =
        parse(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: ab ; x=1; Timeout = 30\r\n\r\n").value;
    let session = value.session().expect("it is there");
    assert_eq!(
        (text(&session.id), session.timeout),
        ("ab".into(), Some(30))
    );
}

#[test]
fn a_uri_with_spaces_stays_whole() {
    let raw = b"DESCRIBE rtsp://h/my cam RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    assert_eq!(
        parse(raw).value.uri().map(text),
        Some("rtsp://h/my cam".into())
    );
    assert_eq!(
        oddities(raw),
        [odd("rtsp://h/my cam", "the request URI holds white space")]
    );
}

#[test]
fn binary_junk_is_an_unreadable_start_line() {
    let raw = b"\x80\x60\x00\x01\xff\xfe\r\nCSeq: 1\r\n\r\n";
    let value = parse(raw).value;
    assert!(matches!(value.start, StartLine::Unreadable(_)));
    assert_eq!(value.cseq(), Some(1));
}

#[test]
fn junk_before_a_status_line_is_cut_off() {
    let raw = b"\x00\x80RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n";
    assert_eq!(parse(raw).value.status(), Some(200));
    assert_eq!(
        parse(raw).anomalies[0],
        Anomaly {
            at: 0..2,
            what: "junk before the status line".into()
        }
    );
}

#[test]
fn control_characters_in_a_value_are_named() {
    let raw = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: a\x00b\x1b[c\r\n\r\n";
    assert_eq!(
        oddities(raw),
        [odd("\u{0}b\u{1b}", "control characters in a header value")]
    );
}

#[test]
fn a_message_cut_anywhere_keeps_what_was_there() {
    for end in 0..SETUP.len() {
        let value = parse(&SETUP[..end]).value;
        assert_eq!(value.head_len, end);
        if end >= 46 {
            assert_eq!(
                (value.method().map(text), value.cseq()),
                (Some("SETUP".into()), Some(3))
            );
        }
    }
}

#[test]
fn oddities_have_a_bound() {
    let raw = [&b"OPTIONS * RTSP/1.0\r\n"[..], &b"x\r\n".repeat(10_000)].concat();
    assert_eq!(parse(&raw).anomalies.len(), 65);
}

#[test]
fn a_version_that_is_cut_is_no_part_of_the_uri() {
    for cut in ["R", "RTS", "RTSP", "RTSP/1"] {
        let text = format!("DESCRIBE rtsp://camera/live {cut}");
        let message = parse(text.as_bytes()).value;
        assert_eq!(message.uri().unwrap().text(), "rtsp://camera/live");
    }
    // A word of its own stays where it is.
    let message = parse(b"DESCRIBE rtsp://camera/live RUN").value;
    assert_eq!(message.uri().unwrap().text(), "rtsp://camera/live RUN");
}
