use super::*;

#[test]
fn requests_in_one_segment_come_out_one_by_one() {
    let both = [
        OPTIONS,
        b"DESCRIBE rtsp://camera/ RTSP/1.0\r\nCSeq: 2\r\n\r\n",
    ]
    .concat();
    let mut run = Run::new();
    run.chunk(&both);
    run.gives(&[
        "OPTIONS rtsp://camera/ RTSP/1.0 +0",
        "DESCRIBE rtsp://camera/ RTSP/1.0 +0",
    ]);
    assert_eq!(run.message(0).raw, OPTIONS);
    assert_eq!(run.message(0).head_end, HeadEnd::CrLf);
    assert_eq!(run.message(0).anomalies, []);
    assert_eq!(run.message(1).offset, OPTIONS.len() as u64);
}

#[test]
fn a_message_knows_the_frames_that_brought_it() {
    let mut run = Run::new();
    run.chunk(&OPTIONS[..10])
        .chunk(&OPTIONS[10..20])
        .chunk(&OPTIONS[20..]);
    assert_eq!(
        (run.message(0).first.frame, run.message(0).last.frame),
        (1, 3)
    );
}

#[test]
fn a_message_is_complete_with_the_latest_of_its_frames() {
    for (frames, latest) in [([5, 7, 6], 7), ([7, 5, 6], 7), ([5, 6, 7], 7)] {
        let mut run = Run::new();
        for (bytes, frame) in OPTIONS.chunks(20).zip(frames) {
            run.frame = frame - 1;
            run.chunk(bytes);
        }
        let message = run.message(0);
        assert_eq!(
            (message.first.frame, message.last.frame),
            (frames[0], latest)
        );
    }
}

#[test]
fn head_and_body_may_come_in_separate_segments() {
    let mut run = Run::new();
    run.chunk(&describe_reply(Some(SDP.len())))
        .gives(&[])
        .chunk(SDP);
    run.gives(&[&format!("RTSP/1.0 200 OK +{}", SDP.len())]);
    assert!(run.message(0).raw.ends_with(SDP));
}

#[test]
fn empty_lines_between_messages_are_no_desync() {
    let mut run = Run::new();
    run.chunk(b"\r\n")
        .chunk(OPTIONS)
        .chunk(b"\r\n\n")
        .chunk(OPTIONS);
    run.gives(&[
        "OPTIONS rtsp://camera/ RTSP/1.0 +0",
        "OPTIONS rtsp://camera/ RTSP/1.0 +0",
    ]);
}

#[test]
fn lines_may_end_in_lf_only() {
    let mut run = Run::new();
    run.chunk(b"OPTIONS * RTSP/1.0\nCSeq: 1\n\n")
        .gives(&["OPTIONS * RTSP/1.0 +0"]);
    assert_eq!(run.message(0).head_end, HeadEnd::Lenient);
    let strict = "no CR LF CR LF ends the head: a strict receiver waits for more";
    let anomaly = Anomaly {
        at: 26..28,
        what: strict.to_owned(),
    };
    assert_eq!(run.message(0).anomalies, [anomaly]);
}

#[test]
fn doubled_crs_are_line_ends() {
    let mut run = Run::new();
    run.chunk(b"OPTIONS * RTSP/1.0\r\r\nCSeq: 1\r\r\n\r\r\n")
        .chunk(OK);
    run.gives(&["OPTIONS * RTSP/1.0 +0", "RTSP/1.0 200 OK +0"]);
    assert_eq!(run.message(0).head_end, HeadEnd::Lenient);
}

#[test]
fn an_eaten_cr_ends_the_head_for_lenient_receivers_only() {
    let mut run = Run::new();
    let setup =
        b"SETUP rtsp://camera/1 RTSP/1.0\r\nTransport: RTP/AVP;destination=203.0.113.1\n\r\n";
    run.chunk(setup)
        .gives(&["SETUP rtsp://camera/1 RTSP/1.0 +0"]);
    let message = run.message(0);
    assert_eq!(
        (message.head_end, message.complete),
        (HeadEnd::Lenient, true)
    );
    let strict = "no CR LF CR LF ends the head: a strict receiver waits for more";
    let anomaly = Anomaly {
        at: setup.len() - 3..setup.len(),
        what: strict.to_owned(),
    };
    assert_eq!(message.anomalies, [anomaly]);
}

#[test]
fn a_body_without_a_length_reaches_to_the_next_message() {
    let mut run = Run::new();
    run.chunk(&describe_reply(None))
        .chunk(SDP)
        .gives(&[])
        .chunk(OK);
    run.gives(&[
        &format!("RTSP/1.0 200 OK +{}", SDP.len()),
        "RTSP/1.0 200 OK +0",
    ]);
    assert_eq!(
        run.message(0).anomalies[0].what,
        "a body follows although no Content-Length announces it"
    );
    assert_eq!(run.message(1).raw, OK);
}

#[test]
fn a_body_without_a_length_ends_when_the_other_side_goes_on_or_media_begins() {
    let body = format!("RTSP/1.0 200 OK +{}", SDP.len());
    let mut run = Run::new();
    run.chunk(&describe_reply(None)).chunk(SDP);
    let items = &mut run.items;
    run.stream
        .end_open_body(&mut |item| write_down(item, items, &mut Vec::new()));
    run.chunk(OK).gives(&[&body, "RTSP/1.0 200 OK +0"]);

    let mut run = Run::new();
    run.chunk(&describe_reply(None))
        .chunk(SDP)
        .chunk(&rtp(0, 7, 30))
        .gives(&[&body, "$0 #7 30"]);
}

#[test]
fn a_description_may_be_announced_and_never_follow() {
    let mut run = Run::new();
    run.chunk(&describe_reply(None))
        .chunk(OK)
        .gives(&["RTSP/1.0 200 OK +0", "RTSP/1.0 200 OK +0"]);
    assert!(run.message(0).complete);
}

#[test]
fn a_length_that_reaches_into_the_next_message_does_not_swallow_it() {
    for too_many in [1, 2, 6, 20, 300] {
        let mut run = Run::new();
        run.chunk(&describe_reply(Some(SDP.len() + too_many)))
            .chunk(SDP)
            .chunk(OK);
        let body = format!("RTSP/1.0 200 OK +{} cut", SDP.len());
        run.gives(&[&body, "RTSP/1.0 200 OK +0"]);
        let what = &run.message(0).anomalies[0].what;
        assert_eq!(what, "the next message begins before this one is complete");
    }
}

#[test]
fn a_length_that_is_too_short_loses_only_the_rest_of_the_body() {
    let mut run = Run::new();
    run.chunk(&describe_reply(Some(SDP.len() - 18)))
        .chunk(SDP)
        .chunk(OK);
    run.gives(&[
        &format!("RTSP/1.0 200 OK +{}", SDP.len() - 18),
        "Desync 18",
        "RTSP/1.0 200 OK +0",
    ]);
}

#[test]
fn a_head_that_never_ends_is_cut_by_the_next_start_line() {
    let mut run = Run::new();
    run.chunk(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n")
        .chunk(OPTIONS);
    run.gives(&[
        "OPTIONS * RTSP/1.0 +0 cut",
        "OPTIONS rtsp://camera/ RTSP/1.0 +0",
    ]);
    assert_eq!(run.message(0).head_end, HeadEnd::Missing);
}

#[test]
fn a_message_that_the_capture_cuts_is_given_as_it_is() {
    for len in 9..OPTIONS.len() {
        let mut run = Run::new();
        run.chunk(&OPTIONS[..len]).finish();
        assert_eq!(run.messages.len(), 1, "{len} bytes");
        assert_eq!(
            (run.message(0).raw.as_slice(), run.message(0).complete),
            (&OPTIONS[..len], false)
        );
    }
}

#[test]
fn frames_stand_between_messages() {
    let mut run = Run::new();
    run.chunk(OK)
        .chunk(&[rtp(0, 1, 40), rtcp(1, 8), rtp(2, 2, 41)].concat())
        .chunk(OK);
    run.gives(&[
        "RTSP/1.0 200 OK +0",
        "$0 #1 40",
        "$1 #1 8",
        "$2 #2 41",
        "RTSP/1.0 200 OK +0",
    ]);
}

#[test]
fn frames_in_the_midst_of_a_reply_are_taken_out() {
    let reply = [describe_reply(Some(SDP.len())).as_slice(), SDP].concat();
    for cut in [20, 25, 60, 77, 83, 120, 140] {
        let (front, back) = reply.split_at(cut);
        let mut run = Run::new();
        run.chunk(OK)
            .chunk(front)
            .chunk(&rtp(0, 5, 400))
            .chunk(&rtcp(1, 8))
            .chunk(back);
        let body = format!("RTSP/1.0 200 OK +{}", SDP.len());
        run.gives(&["RTSP/1.0 200 OK +0", "$0 #5 400", "$1 #1 8", &body]);
        assert_eq!(run.message(1).raw, reply);
        assert!(run.message(1).complete);
        assert_eq!(
            run.message(1).anomalies[0].what,
            "an interleaved frame stands inside the message"
        );
    }
}

#[test]
fn a_dollar_in_a_header_is_text() {
    let text = b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest nonce=\"$1$ab$\"\r\n\r\n";
    let mut run = Run::new();
    run.chunk(text).gives(&["RTSP/1.0 401 Unauthorized +0"]);
    assert_eq!(run.message(0).raw, text);
}

#[test]
fn odd_start_lines_are_messages_too() {
    let mut run = Run::new();
    run.chunk(OK).chunk(
        b"RTSP/1.0 0\r\nCSeq: 1\r\n\r\nX_VENDOR rtsp://c/ RTSP/1.0\r\n\r\nPLAY rtsp://c/\r\n\r\n",
    );
    run.gives(&[
        "RTSP/1.0 200 OK +0",
        "RTSP/1.0 0 +0",
        "X_VENDOR rtsp://c/ RTSP/1.0 +0",
        "PLAY rtsp://c/ +0",
    ]);
}

#[test]
fn a_status_line_may_have_more_blanks_or_be_written_small() {
    let lines = ["RTSP/1.0  200  OK", "rtsp/1.0 200 OK", "Rtsp/1.0   461"];
    for line in lines {
        let answer = format!("{line}\r\nCSeq: 1\r\n\r\n").into_bytes();
        let shown = format!("{line} +0");
        for whole in [[OK, &answer].concat(), [&answer, OK].concat()] {
            let is_first = whole.starts_with(&answer);
            let mut at_once = Run::new();
            at_once.stream.set_start_known();
            at_once.chunk(&whole);
            let mut by_byte = Run::new();
            by_byte.stream.set_start_known();
            for byte in whole.chunks(1) {
                by_byte.chunk(byte);
            }
            let both = [shown.as_str(), "RTSP/1.0 200 OK +0"];
            let expected = if is_first { both } else { [both[1], both[0]] };
            at_once.gives(&expected);
            by_byte.gives(&expected);
        }
    }
}

#[test]
fn text_that_only_names_the_protocol_is_no_status_line() {
    for line in [
        "rtsp/1.0",
        "rtsp/1.0 OK",
        "RTSP/1.0   ",
        "rtsp/live 200",
        "rtsp/1.0200",
    ] {
        let mut run = Run::new();
        run.chunk(OK).chunk(format!("{line}\r\n\r\n").as_bytes());
        let messages = run.items.iter().filter(|item| item.ends_with(" +0"));
        assert_eq!(messages.count(), 1, "{line}");
    }
}

#[test]
fn an_endless_head_or_body_stops_at_its_cap() {
    let mut run = Run::new();
    run.chunk(b"OPTIONS * RTSP/1.0\r\n");
    for _ in 0..10_000 {
        run.chunk(b"X-Padding: ............................\r\n");
        assert!(run.stream.buffered_bytes() <= LIMITS.max_search_len + 2048);
    }
    assert_eq!(run.items[0], "OPTIONS * RTSP/1.0 +0 cut");
    assert!(run.message(0).raw.len() <= LIMITS.max_head_len + 2048);
    run.items.clear();
    run.chunk(OPTIONS);
    assert_eq!(
        run.items.last().unwrap(),
        "OPTIONS rtsp://camera/ RTSP/1.0 +0"
    );

    let mut run = Run::new();
    run.chunk(&describe_reply(Some(usize::MAX)));
    for _ in 0..200 {
        run.chunk(SDP);
    }
    assert!(run.items[0].ends_with(" cut"));
    run.items.clear();
    run.chunk(OK);
    assert_eq!(run.items.last().unwrap(), "RTSP/1.0 200 OK +0");
}

#[test]
fn a_frame_inside_a_line_that_is_no_start_line_is_not_counted_with_it() {
    let mut run = Run::in_step();
    run.chunk(b"no start")
        .chunk(&rtp(0, 7, 100))
        .chunk(b" line\r\n");
    run.chunk(OK).finish();
    run.gives(&["$0 #7 100", "Desync 15", "RTSP/1.0 200 OK +0"]);
}

/// Items of the bytes in pieces of `len`.
fn in_pieces(bytes: &[u8], len: usize) -> (Vec<String>, Vec<RawMessage>) {
    let mut run = Run::new();
    for piece in bytes.chunks(len) {
        run.chunk(piece);
    }
    run.finish();
    for message in &mut run.messages {
        (message.first, message.last) = (Place::default(), Place::default());
    }
    (run.items, run.messages)
}

#[test]
fn a_length_that_reaches_into_a_frame_gives_the_same_however_the_bytes_are_cut() {
    let reply = |len| {
        format!(
            "RTSP/1.0 200 OK\r\nContent-Type: text/parameters\r\nContent-Length: {len}\r\n\r\na: 1\r\n"
        )
    };
    for beyond in 0..8 {
        let bytes = [
            reply(6 + beyond).as_bytes(),
            &rtp(0, 7, 20),
            &rtp(0, 8, 20),
            OK,
        ]
        .concat();
        let whole = in_pieces(&bytes, bytes.len());
        // The frames are told, and the message ends where the next one begins.
        let [message, _] = whole.1.as_slice() else {
            panic!("{:?}", whole.0);
        };
        assert_eq!(message.complete, beyond == 0);
        assert!(message.raw.ends_with(b"\r\n\r\na: 1\r\n"));
        assert!(
            ["$0 #7 20", "$0 #8 20"]
                .iter()
                .all(|frame| whole.0.contains(&(*frame).to_owned()))
        );
        for len in 1..12 {
            assert_eq!(
                in_pieces(&bytes, len),
                whole,
                "{beyond} beyond, in pieces of {len}"
            );
        }
    }
}

#[test]
fn a_body_that_ends_as_a_frame_begins_is_complete_when_nothing_follows() {
    let reply = b"RTSP/1.0 200 OK\r\nContent-Length: 7\r\n\r\npaid: $";
    let mut run = Run::new();
    run.chunk(reply).gives(&[]).finish();
    run.gives(&["RTSP/1.0 200 OK +7"]);
    // What is held behind the end is told by itself.
    let mut run = Run::new();
    run.chunk(reply).chunk(&[1]).gives(&[]).gap(50).finish();
    run.gives(&["RTSP/1.0 200 OK +7", "Desync 1", "Missing 50"]);
}

#[test]
fn a_cap_falls_on_the_same_byte_whatever_the_pieces() {
    let head = [
        &b"OPTIONS * RTSP/1.0\r\nX: "[..],
        &[b'x'; 3000],
        b"\r\n\r\n",
        OK,
    ]
    .concat();
    let whole = in_pieces(&head, head.len());
    assert_eq!(whole.1[0].raw.len(), LIMITS.max_head_len + 1);
    assert_eq!(in_pieces(&head, 1), whole);
    assert_eq!(in_pieces(&head, 700), whole);
}

#[test]
fn a_frame_in_a_line_that_begins_the_next_message_is_no_oddity_of_the_one_before() {
    let begin = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPLAY rtsp://cam";
    let mut run = Run::new();
    run.chunk(begin)
        .chunk(&rtp(0, 7, 20))
        .chunk(b"era/ RTSP/1.0\r\n\r\n");
    run.gives(&[
        "$0 #7 20",
        "RTSP/1.0 200 OK +0 cut",
        "PLAY rtsp://camera/ RTSP/1.0 +0",
    ]);
    let odd: Vec<_> = run
        .message(0)
        .anomalies
        .iter()
        .map(|odd| odd.what.as_str())
        .collect();
    assert_eq!(odd, ["the next message begins before this one is complete"]);
}

#[test]
fn a_message_behind_junk_in_its_first_line_is_found_however_the_bytes_are_cut() {
    let bytes = [OK, b"junkRTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n", OK].concat();
    let whole = in_pieces(&bytes, bytes.len());
    let ok = "RTSP/1.0 200 OK +0";
    assert_eq!(whole.0, [ok, "Desync 4", ok, ok]);
    assert_eq!(in_pieces(&bytes, 1), whole);
}

#[test]
fn a_nul_behind_a_message_is_the_end_of_its_servers_string() {
    let ended = [OK, b"\0"].concat();
    let mut run = Run::in_step();
    run.chunk(&ended).chunk(&rtp(0, 2, 20)).chunk(&ended[..9]);
    run.chunk(&[&ended[9..], &rtp(0, 3, 20)].concat());
    run.gives(&[
        "RTSP/1.0 200 OK +0",
        "$0 #2 20",
        "RTSP/1.0 200 OK +0",
        "$0 #3 20",
    ]);
    let mut run = Run::in_step();
    run.chunk(
        &[
            &rtp(0, 2, 20)[..],
            b"\0",
            &rtp(0, 3, 20),
            &rtp(0, 4, 20),
            &rtp(0, 5, 20),
        ]
        .concat(),
    );
    run.finish();
    assert!(
        run.items.iter().any(|item| item.contains("Desync")),
        "{:?}",
        run.items
    );
}
