//! Faults of the camera, and none at all.

use crate::case::{Case, PUNCHES, cases, ffmpeg};

cases! {
    a_session_without_a_fault_has_no_finding_of_weight: Case::PLAIN => [], [];

    a_server_that_times_the_session_out: Case {
        camera: Some(&["--timeout-s", "3"]),
        clients: &[&["--punch", "--packets", "10000"]],
        ..Case::PLAIN
    } => ["session-timed-out"], [];

    a_server_that_stops_without_receiver_reports: Case {
        camera: Some(&["--stop-after-ms", "1000"]),
        clients: &[&["--punch", "--packets", "10000", "--patience-ms", "11000"]],
        ..Case::PLAIN
    } => ["rtp-stalled"], ["no-receiver-reports"];

    media_from_a_second_address: Case {
        second_address: Some("203.0.113.11/24"),
        camera: Some(&["--media-address", "203.0.113.11"]),
        ..Case::PLAIN
    } => ["rtp-never-arrived", "rtp-wrong-source"], [];

    a_refused_connection: Case {
        camera: None,
        ..Case::PLAIN
    } => ["connection-refused"], [];

    /// To a player that gives up then; one that sets up all the same does not mind.
    a_stream_that_is_not_there: Case {
        camera: Some(&["--status", "DESCRIBE=404"]),
        player: Some(&const { ffmpeg("rtsp://ADDRESS/test") }),
        ..Case::PLAIN
    } => ["describe-failed"], [];

    wrong_credentials: Case {
        camera: Some(&["--status", "DESCRIBE=401"]),
        player: Some(&const { ffmpeg("rtsp://viewer:wrong@ADDRESS/test") }),
        ..Case::PLAIN
    } => ["authentication-failed"], [];

    a_refused_play: Case {
        camera: Some(&["--status", "PLAY=455"]),
        ..Case::PLAIN
    } => ["request-refused"], [];

    a_camera_without_room: Case {
        camera: Some(&["--status", "SETUP=453"]),
        ..Case::PLAIN
    } => ["server-busy"], [];

    a_refused_transport: Case {
        camera: Some(&["--status", "SETUP=461"]),
        ..Case::PLAIN
    } => [], ["transport-refused"];

    media_from_a_port_that_was_not_told: Case {
        camera: Some(&["--announced-port", "7970"]),
        ..Case::PLAIN
    } => ["rtp-never-arrived", "rtp-wrong-port"], [];

    a_camera_that_sends_nothing: Case {
        camera: Some(&["--stop-after-ms", "0"]),
        clients: &[&["--punch", "--patience-ms", "3000"]],
        ..Case::PLAIN
    } => ["rtp-never-sent"], [];

    /// The player asks for a keyframe in vain.
    video_without_a_keyframe: Case {
        camera: Some(&["--keyframes", "no"]),
        clients: &[&["--transport", "RTP/AVP/TCP;unicast;interleaved=0-1", "--ask-keyframe", "--packets", "200"]],
        ..Case::PLAIN
    } => [], ["no-keyframe"];

    video_with_keyframes: Case {
        clients: &[&["--transport", "RTP/AVP/TCP;unicast;interleaved=0-1", "--ask-keyframe", "--packets", "200"]],
        ..Case::PLAIN
    } => [], [];

    frames_that_tell_a_wrong_length: Case {
        camera: Some(&["--break-framing", "30"]),
        clients: &[&["--transport", "RTP/AVP/TCP;unicast;interleaved=0-1", "--packets", "60"]],
        ..Case::PLAIN
    } => ["interleaved-desync"], [];

    a_player_that_stops_reading: Case {
        client_host: &[&["sysctl", "-qw", "net.ipv4.tcp_rmem=4096 8192 8192"]],
        camera: Some(&["--sizes", "20000-20000"]),
        clients: &[&["--transport", "RTP/AVP/TCP;unicast;interleaved=0-1", "--stop-reading-ms", "4000", "--packets", "60"]],
        ..Case::PLAIN
    } => [], ["slow-receiver"];

    a_server_that_stops_although_reports_come: Case {
        camera: Some(&["--stop-after-ms", "1000"]),
        clients: &[&["--punch", "--reports", "--packets", "10000", "--patience-ms", "11000"]],
        ..Case::PLAIN
    } => ["rtp-stalled"], [];

    /// The server hears nothing of them.
    receiver_reports_to_a_wrong_port: Case {
        camera: Some(&["--stop-after-ms", "1000"]),
        clients: &[&["--punch", "--reports", "--reports-to", "9", "--packets", "10000", "--patience-ms", "11000"]],
        ..Case::PLAIN
    } => ["rtp-stalled"], ["no-receiver-reports"];

    a_client_that_keeps_the_session_alive: Case {
        camera: Some(&["--timeout-s", "5"]),
        clients: &[&["--punch", "--keepalive-ms", "1000", "--packets", "350"]],
        ..Case::PLAIN
    } => [], [];

    /// The server counts the request, though it does not know it.
    a_keepalive_that_is_refused: Case {
        camera: Some(&["--timeout-s", "5", "--status", "GET_PARAMETER=405"]),
        clients: &[&["--punch", "--keepalive-ms", "1000", "--packets", "350"]],
        ..Case::PLAIN
    } => [], [];

    a_camera_that_plays_and_one_that_does_not: Case {
        second_camera: Some(&["--port", "8554", "--announced-port", "7970"]),
        clients: &[
            PUNCHES,
            &[
                "--punch", "--url", "rtsp://203.0.113.10:8554/test", "--port", "7000", "--transport",
                "RTP/AVP;unicast;client_port=7000-7001",
            ],
        ],
        ..Case::PLAIN
    } => ["rtp-never-arrived", "rtp-wrong-port"], ["camera-dependent"];
}
