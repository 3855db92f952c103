//! Faults of the router's gateway or proxy.

use rtspscope_tests::lab::rules;

use crate::case::{Case, cases};

cases! {
    a_swallowed_setup: Case {
        alg: Some(&["--fault", "drop-setup"]),
        clients: &[&["--patience-ms", "4000"]],
        ..Case::PLAIN
    } => ["alg-dropped-message"], [];

    a_swallowed_play: Case {
        alg: Some(&["--fault", "drop-play"]),
        clients: &[&["--patience-ms", "4000"]],
        ..Case::PLAIN
    } => ["alg-dropped-message"], ["alg-rewrote-message"];

    an_eaten_carriage_return: Case {
        alg: Some(&["--fault", "eat-cr"]),
        clients: &[&["--patience-ms", "3000"]],
        ..Case::PLAIN
    } => ["alg-corrupted-message", "request-unanswered"], ["alg-rewrote-message"];

    a_content_length_that_is_too_long: Case {
        alg: Some(&["--fault", "wrong-content-length"]),
        clients: &[&["--patience-ms", "3000"]],
        ..Case::PLAIN
    } => ["alg-corrupted-message"], ["alg-rewrote-message"];

    an_address_rewritten_in_the_description: Case {
        alg: Some(&["--fault", "sdp-address"]),
        clients: &[&[]],
        ..Case::PLAIN
    } => [], ["alg-rewrote-message"];

    a_second_setup_in_the_segment_that_is_not_handled: Case {
        alg: Some(&["--fault", "first-setup-only"]),
        camera: Some(&["--media", "2"]),
        clients: &[&["--pipelined", "--packets", "60"]],
        ..Case::PLAIN
    } => ["alg-missed-setup", "nat-no-pinhole", "rtp-never-arrived"], ["alg-rewrote-message"];

    /// The gateway reads one segment at a time: it helps the first client and does not see what the second one asks for.
    a_setup_cut_in_two_segments: Case {
        client_host: rules::PATIENT_TCP,
        alg: Some(&[]),
        clients: &[&[], &["--split"]],
        ..Case::PLAIN
    } => ["alg-missed-setup", "nat-no-pinhole", "rtp-never-arrived"], ["alg-rewrote-message"];

    a_rewrite_without_a_way_in: Case {
        alg: Some(&["--fault", "no-pinhole"]),
        clients: &[&[]],
        ..Case::PLAIN
    } => ["nat-no-pinhole", "rtp-never-arrived"], ["alg-rewrote-message"];

    /// Plain NAT would have let the media in: the client punched, and the gateway told the server another port.
    a_rewrite_without_a_way_in_for_a_client_that_punches: Case {
        alg: Some(&["--fault", "no-pinhole"]),
        ..Case::PLAIN
    } => ["rtp-never-arrived"], ["alg-rewrote-message"];

    a_way_in_without_a_rewrite: Case {
        alg: Some(&["--fault", "keep-text"]),
        clients: &[&[]],
        ..Case::PLAIN
    } => [], ["alg-opened-pinhole"];

    a_way_in_that_a_client_that_punches_does_not_need: Case {
        alg: Some(&["--fault", "keep-text"]),
        ..Case::PLAIN
    } => [], [];

    an_answer_that_is_not_restored_to_a_client_that_punches: Case {
        alg: Some(&["--fault", "keep-reply"]),
        ..Case::PLAIN
    } => [], ["alg-reply-not-restored", "alg-rewrote-message", "nat-source-port-changed"];

    /// retina takes nothing from another port than the camera announced, and its host says so to the camera.
    an_answer_that_is_not_restored_to_a_strict_player: Case {
        alg: Some(&["--fault", "keep-reply"]),
        player: Some(&[env!("CARGO_BIN_EXE_lab-retina"), "udp", "rtsp://ADDRESS/test", "10"]),
        ..Case::PLAIN
    } => [], ["alg-reply-not-restored", "alg-rewrote-message", "nat-source-port-changed"];

    a_proxy_that_changes_nothing: Case {
        proxy: true,
        ..Case::PLAIN
    } => [], ["proxy-in-path"];

    a_proxy_and_a_client_that_does_not_punch: Case {
        proxy: true,
        clients: &[&[]],
        ..Case::PLAIN
    } => ["nat-no-pinhole", "rtp-never-arrived"], ["proxy-in-path"];

    a_way_in_for_rtp_alone: Case {
        alg: Some(&["--fault", "rtp-only"]),
        clients: &[&["--packets", "60"]],
        ..Case::PLAIN
    } => [], ["alg-rewrote-message", "rtcp-never-arrived"];

    /// Some makers' helpers know only `;client_port=` without a space.
    a_setup_with_a_space_before_its_ports: Case {
        alg: Some(&["--fault", "strict-text"]),
        clients: &[&[], &["--transport", "RTP/AVP;unicast; client_port=5000-5001"]],
        ..Case::PLAIN
    } => ["alg-missed-setup", "nat-no-pinhole", "rtp-never-arrived"], ["alg-rewrote-message"];

    /// The gateway listens to port 554 only.
    a_camera_at_a_port_that_the_gateway_does_not_know: Case {
        alg: Some(&[]),
        second_camera: Some(&["--port", "8554"]),
        clients: &[&[], &["--url", "rtsp://203.0.113.10:8554/test"]],
        ..Case::PLAIN
    } => ["alg-missed-setup", "nat-no-pinhole", "rtp-never-arrived"], ["alg-rewrote-message", "camera-dependent"];

    a_session_field_that_is_lost: Case {
        alg: Some(&["--fault", "lose-session"]),
        clients: &[&[]],
        ..Case::PLAIN
    } => ["alg-corrupted-message"], ["alg-rewrote-message"];

    a_garbled_request: Case {
        alg: Some(&["--fault", "garble"]),
        clients: &[&[]],
        ..Case::PLAIN
    } => ["alg-corrupted-message"], ["alg-rewrote-message"];

    a_description_that_is_cut: Case {
        alg: Some(&["--fault", "cut-body"]),
        clients: &[&["--patience-ms", "3000"]],
        ..Case::PLAIN
    } => ["alg-corrupted-message"], ["alg-rewrote-message"];

    sequence_numbers_that_are_not_adjusted: Case {
        alg: Some(&["--fault", "no-adjustment"]),
        clients: &[&["--patience-ms", "4000"]],
        ..Case::PLAIN
    } => ["alg-corrupted-message"], ["alg-rewrote-message"];

    /// The server answers the place of the request all the same.
    a_request_line_that_is_none_any_more: Case {
        alg: Some(&["--fault", "garble-line"]),
        clients: &[&[]],
        ..Case::PLAIN
    } => ["alg-corrupted-message"], ["alg-rewrote-message"];

    /// The server answers both.
    a_request_that_the_gateway_doubles: Case {
        alg: Some(&["--fault", "double-teardown"]),
        clients: &[&[]],
        ..Case::PLAIN
    } => ["alg-corrupted-message"], ["alg-rewrote-message"];

    /// The server reads one request and answers one.
    two_requests_that_become_one: Case {
        alg: Some(&["--fault", "merge-setups"]),
        camera: Some(&["--media", "2"]),
        clients: &[&["--pipelined", "--packets", "60"]],
        ..Case::PLAIN
    } => ["alg-corrupted-message", "request-unanswered"], ["alg-rewrote-message"];

    requests_that_change_places: Case {
        alg: Some(&["--fault", "swap-requests"]),
        camera: Some(&["--media", "2"]),
        clients: &[&["--pipelined", "--packets", "60"]],
        ..Case::PLAIN
    } => ["alg-corrupted-message"], ["alg-rewrote-message"];

    /// The client reads the second one as the answer to PLAY.
    an_answer_that_the_gateway_doubles: Case {
        alg: Some(&["--fault", "double-reply"]),
        clients: &[&[]],
        ..Case::PLAIN
    } => ["alg-corrupted-message"], ["alg-rewrote-message"];

    an_answer_that_the_gateway_swallows: Case {
        alg: Some(&["--fault", "drop-reply"]),
        clients: &[&["--patience-ms", "4000"]],
        ..Case::PLAIN
    } => ["alg-dropped-message"], ["alg-rewrote-message"];
}
