use super::*;

#[test]
fn a_gap_inside_a_frame_leaves_the_stream_in_step() {
    let frame = rtp(0, 2, 1000);
    let mut run = Run::in_step();
    run.chunk(&frame[..300])
        .gap(504)
        .chunk(&frame[804..])
        .chunk(&rtp(0, 3, 50));
    run.gives(&["Missing 504", "$0 #2 1000 cut", "$0 #3 50"]);
}

#[test]
fn a_capture_that_cuts_every_packet_still_gives_every_frame() {
    let mut run = Run::in_step();
    for number in 2..6 {
        run.chunk(&rtp(0, number, 1000)[..40]).gap(964);
        run.gives(&[&format!("$0 #{number} 1000 cut"), "Missing 964"]);
    }
}

#[test]
fn a_lost_segment_loses_only_the_frames_in_it() {
    let bytes = [
        rtp(0, 2, 300),
        rtp(0, 3, 300),
        rtp(2, 4, 300),
        rtp(0, 5, 300),
        rtp(0, 6, 300),
    ]
    .concat();
    let mut run = Run::in_step();
    // Loses the end of 2, all of 3 and the begin of 4.
    run.chunk(&bytes[..200]).gap(500).chunk(&bytes[700..]);
    run.gives(&[
        "$0 #2 300 cut",
        "Missing 500",
        "Unaligned 212",
        "$0 #5 300",
        "$0 #6 300",
    ]);
}

#[test]
fn the_last_frame_of_the_capture_is_found_after_a_gap() {
    let mut run = Run::in_step();
    run.gap(500)
        .chunk(&[&rtp(0, 4, 300)[100..], &rtp(0, 5, 300)].concat())
        .finish();
    run.gives(&["Missing 500", "Unaligned 204", "$0 #5 300"]);
}

#[test]
fn a_reply_behind_a_gap_is_found() {
    let mut run = Run::in_step();
    run.chunk(&rtp(0, 2, 300)[..2])
        .gap(500)
        .chunk(&rtp(0, 4, 300)[100..])
        .chunk(OK)
        .chunk(&rtp(0, 5, 30));
    run.gives(&[
        "Unaligned 2",
        "Missing 500",
        "Unaligned 204",
        "RTSP/1.0 200 OK +0",
        "$0 #5 30",
    ]);
}

#[test]
fn a_search_goes_on_over_another_gap() {
    let mut run = Run::in_step();
    let cut = rtp(0, 5, 300);
    run.gap(500)
        .chunk(&rtp(0, 4, 300)[100..])
        .chunk(&cut[..100])
        .gap(204)
        .chunk(&rtp(0, 6, 30))
        .chunk(OK);
    run.gives(&[
        "Missing 500",
        "Unaligned 204",
        "$0 #5 300 cut",
        "Missing 204",
        "$0 #6 30",
        "RTSP/1.0 200 OK +0",
    ]);
}

#[test]
fn a_gap_in_a_head_gives_the_message_as_it_is() {
    let mut run = Run::in_step();
    run.chunk(&OPTIONS[..40]).gap(30).chunk(OPTIONS);
    run.gives(&[
        "OPTIONS rtsp://camera/ RTSP/1.0 +0 cut",
        "Missing 30",
        "OPTIONS rtsp://camera/ RTSP/1.0 +0",
    ]);
    assert_eq!(
        run.message(0).anomalies[0].what,
        "the capture lacks what follows"
    );
}

#[test]
fn a_gap_in_a_body_of_known_length_leaves_the_stream_in_step() {
    let mut run = Run::in_step();
    run.chunk(&describe_reply(Some(SDP.len())))
        .chunk(&SDP[..10])
        .gap(20)
        .chunk(&SDP[30..])
        .chunk(&rtp(0, 5, 30));
    let rest = format!("Unaligned {}", SDP.len() - 30);
    run.gives(&["RTSP/1.0 200 OK +10 cut", "Missing 20", &rest, "$0 #5 30"]);
}

#[test]
fn broken_framing_without_a_gap_is_a_desync() {
    let mut run = Run::in_step();
    run.chunk(
        &[
            &rtp(0, 2, 100)[..80],
            &rtp(0, 3, 100),
            &rtp(0, 4, 100),
            &rtp(0, 5, 100),
        ]
        .concat(),
    );
    run.gives(&["$0 #2 100", "Desync 80", "$0 #4 100", "$0 #5 100"]);
}

#[test]
fn a_frame_that_the_capture_ends_in_is_unfinished() {
    let mut run = Run::in_step();
    run.chunk(&rtp(0, 2, 100)[..80])
        .finish()
        .gives(&["Unfinished 80"]);
}

#[test]
fn of_a_frame_in_several_chunks_rtcp_is_kept_whole_and_rtp_in_part() {
    let mut kept = Vec::new();
    let mut stream = MessageStream::new(LIMITS);
    let mut offset = 0;
    for bytes in [OK, &rtp(0, 1, 500), &rtcp(1, 500)] {
        for bytes in bytes.chunks(33) {
            let piece = Piece::Chunk {
                offset,
                bytes,
                place: Place::default(),
            };
            offset += bytes.len() as u64;
            stream.handle_piece(piece, &mut |item| {
                if let Item::Interleaved(frame) = item {
                    kept.push((frame.channel, frame.bytes.to_vec()));
                }
            });
        }
    }
    assert_eq!(
        kept,
        [
            (0, rtp(0, 1, 500)[4..132].to_vec()),
            (1, rtcp(1, 500)[4..].to_vec())
        ]
    );
}
