use super::*;

#[track_caller]
fn speaks(bytes: &[u8], protocol: Protocol) -> Run {
    let mut run = Run::new();
    for byte in bytes {
        run.chunk(std::slice::from_ref(byte));
    }
    assert_eq!(run.stream.protocol(), protocol);
    let mut at_once = Run::new();
    at_once.chunk(bytes);
    assert_eq!(at_once.stream.protocol(), protocol);
    assert_eq!(run.items, at_once.items);
    run
}

#[test]
fn the_first_bytes_tell_the_protocol() {
    speaks(b"", Protocol::Undecided);
    speaks(b"GET_PARA", Protocol::Undecided);
    speaks(b"GET_PARAMETER rtsp://c/ RTSP/1.0\r\n", Protocol::Rtsp);
    speaks(b"RTSP/2.0 200 OK\r\n", Protocol::Rtsp);
    speaks(b"X_VENDOR rtsp://c/ RTSP/1.0\r\n", Protocol::Rtsp);
    speaks(b"\x16\x03\x01\x02\x00\x01\x00", Protocol::Tls);
    speaks(b"\x17\x03\x03\x05\x00", Protocol::Tls);
    speaks(b"HTTP/1.0 200 OK\r\n", Protocol::Http);
}

#[test]
fn a_known_start_that_is_no_known_protocol_is_settled_at_once() {
    let mut run = Run::new();
    run.stream.set_start_known();
    run.chunk(b"SSH-2.0-OpenSSH_9.2\r\n")
        .chunk(OPTIONS)
        .finish()
        .gives(&[]);
    assert_eq!(run.stream.protocol(), Protocol::Other);
    assert_eq!(run.stream.buffered_bytes(), 0);
}

#[test]
fn of_http_only_the_head_is_given() {
    let head = b"POST /test HTTP/1.0\r\nx-sessioncookie: 1234\r\nContent-Length: 32767\r\n\r\n";
    let mut run = speaks(
        &[&head[..], b"T1BUSU9OUyBydHNwOi8v"].concat(),
        Protocol::Http,
    );
    run.gives(&["POST /test HTTP/1.0 +0"]);
    assert_eq!(run.message(0).raw, head);
}

#[test]
fn a_capture_that_begins_amid_media_finds_the_chain_of_frames() {
    let tail = rtp(0, 1, 1000)[300..].to_vec();
    let mut run = Run::new();
    run.chunk(&[tail, rtp(0, 2, 500), rtp(2, 3, 600), rtp(0, 4, 20)].concat());
    run.gives(&["Unaligned 704", "$0 #2 500", "$2 #3 600", "$0 #4 20"]);
    assert_eq!(run.stream.protocol(), Protocol::Rtsp);
}

#[test]
fn a_frame_before_a_start_line_is_proof() {
    let mut run = Run::new();
    run.chunk(&rtp(0, 2, 500)[100..])
        .chunk(&rtp(0, 3, 80))
        .chunk(OK);
    run.gives(&["Unaligned 404", "$0 #3 80", "RTSP/1.0 200 OK +0"]);
}

#[test]
fn a_capture_that_begins_amid_a_message_finds_the_next_one() {
    let mut run = Run::new();
    run.chunk(&OPTIONS[12..]).chunk(OPTIONS);
    run.gives(&[
        &format!("Unaligned {}", OPTIONS.len() - 12),
        "OPTIONS rtsp://camera/ RTSP/1.0 +0",
    ]);
}

#[test]
fn media_of_another_protocol_is_given_up_after_the_search() {
    let mut run = Run::new();
    let mut state = 1_u32;
    for _ in 0..200 {
        let noise: Vec<u8> = (0..1000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        run.chunk(&noise);
        assert!(run.stream.buffered_bytes() <= LIMITS.max_search_len + 2048);
    }
    run.gives(&[]);
    assert_eq!(
        (run.stream.protocol(), run.stream.buffered_bytes()),
        (Protocol::Other, 0)
    );
}

#[test]
fn a_control_character_in_the_first_line_tells_the_same_however_the_line_is_cut() {
    let text = b"GET /a\x0c HTTP/1.0\r\n\r\n";
    let whole = Run::new().chunk(text).stream.protocol();
    let mut run = Run::new();
    for byte in text {
        run.chunk(&[*byte]);
    }
    assert_eq!([whole, run.stream.protocol()], [Protocol::Undecided; 2]);
}
