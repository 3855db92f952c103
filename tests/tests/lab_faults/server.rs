//! Faults of the camera, and none at all.

use std::io;

use crate::case::Case;

#[test]
fn a_session_without_a_fault_has_no_finding_of_weight() -> io::Result<()> {
    Case::default().expect(
        "a_session_without_a_fault_has_no_finding_of_weight",
        &[],
        &[],
    )
}

#[test]
fn a_server_that_times_the_session_out() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--timeout-s", "3"]),
        clients: &[&["--punch", "--packets", "10000"]],
        ..Case::default()
    };
    case.expect(
        "a_server_that_times_the_session_out",
        &["session-timed-out"],
        &[],
    )
}

#[test]
fn a_server_that_stops_without_receiver_reports() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--stop-after-ms", "1000"]),
        clients: &[&["--punch", "--packets", "10000", "--patience-ms", "11000"]],
        ..Case::default()
    };
    case.expect(
        "a_server_that_stops_without_receiver_reports",
        &["rtp-stalled"],
        &["no-receiver-reports"],
    )
}

#[test]
fn media_from_a_second_address() -> io::Result<()> {
    let case = Case {
        second_address: Some("203.0.113.11/24"),
        camera: Some(&["--media-address", "203.0.113.11"]),
        ..Case::default()
    };
    case.expect(
        "media_from_a_second_address",
        &["rtp-never-arrived", "rtp-wrong-source"],
        &[],
    )
}

#[test]
fn a_refused_connection() -> io::Result<()> {
    let case = Case {
        camera: None,
        ..Case::default()
    };
    case.expect("a_refused_connection", &["connection-refused"], &[])
}

#[test]
fn a_stream_that_is_not_there() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--status", "DESCRIBE=404"]),
        ..Case::default()
    };
    case.expect("a_stream_that_is_not_there", &["describe-failed"], &[])
}

#[test]
fn wrong_credentials() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--status", "DESCRIBE=401"]),
        wrong_password: true,
        ..Case::default()
    };
    case.expect("wrong_credentials", &["authentication-failed"], &[])
}

#[test]
fn a_camera_without_room() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--status", "SETUP=453"]),
        ..Case::default()
    };
    case.expect("a_camera_without_room", &["server-busy"], &[])
}

#[test]
fn a_refused_transport() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--status", "SETUP=461"]),
        ..Case::default()
    };
    case.expect("a_refused_transport", &[], &["transport-refused"])
}

#[test]
fn media_from_a_port_that_was_not_told() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--announced-port", "7970"]),
        ..Case::default()
    };
    case.expect(
        "media_from_a_port_that_was_not_told",
        &["rtp-never-arrived", "rtp-wrong-port"],
        &[],
    )
}

#[test]
fn a_camera_that_sends_nothing() -> io::Result<()> {
    let case = Case {
        camera: Some(&["--stop-after-ms", "0"]),
        clients: &[&["--punch", "--patience-ms", "3000"]],
        ..Case::default()
    };
    case.expect("a_camera_that_sends_nothing", &["rtp-never-sent"], &[])
}
