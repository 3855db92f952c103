//! Faults of the router's gateway or proxy.

use std::io;

use crate::case::Case;

#[test]
fn a_swallowed_setup() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "drop-setup"]),
        clients: &[&["--patience-ms", "4000"]],
        ..Case::default()
    };
    case.expect("a_swallowed_setup", &["alg-dropped-message"], &[])
}

#[test]
fn a_swallowed_play() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "drop-play"]),
        clients: &[&["--patience-ms", "4000"]],
        ..Case::default()
    };
    case.expect(
        "a_swallowed_play",
        &["alg-dropped-message"],
        &["alg-rewrote-message"],
    )
}

#[test]
fn an_eaten_carriage_return() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "eat-cr"]),
        clients: &[&["--patience-ms", "3000"]],
        ..Case::default()
    };
    case.expect(
        "an_eaten_carriage_return",
        &["alg-corrupted-message", "request-unanswered"],
        &["alg-rewrote-message"],
    )
}

#[test]
fn a_content_length_that_is_too_long() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "wrong-content-length"]),
        clients: &[&["--patience-ms", "3000"]],
        ..Case::default()
    };
    case.expect(
        "a_content_length_that_is_too_long",
        &["alg-corrupted-message"],
        &["alg-rewrote-message"],
    )
}

#[test]
fn an_address_rewritten_in_the_description() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "sdp-address"]),
        clients: &[&[]],
        ..Case::default()
    };
    case.expect(
        "an_address_rewritten_in_the_description",
        &[],
        &["alg-rewrote-message"],
    )
}

#[test]
fn a_second_setup_in_the_segment_that_is_not_handled() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "first-setup-only"]),
        camera: Some(&["--media", "2"]),
        clients: &[&["--pipelined", "--packets", "60"]],
        ..Case::default()
    };
    case.expect(
        "a_second_setup_in_the_segment_that_is_not_handled",
        &["alg-missed-setup", "nat-no-pinhole", "rtp-never-arrived"],
        &["alg-rewrote-message"],
    )
}

/// The gateway reads one segment at a time: it helps the first client and does not see what the second one asks for.
#[test]
fn a_setup_cut_in_two_segments() -> io::Result<()> {
    let case = Case {
        alg: Some(&[]),
        clients: &[&[], &["--split"]],
        ..Case::default()
    };
    case.expect(
        "a_setup_cut_in_two_segments",
        &["alg-missed-setup", "nat-no-pinhole", "rtp-never-arrived"],
        &["alg-rewrote-message"],
    )
}

#[test]
fn a_rewrite_without_a_way_in() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "no-pinhole"]),
        clients: &[&[]],
        ..Case::default()
    };
    case.expect(
        "a_rewrite_without_a_way_in",
        &["nat-no-pinhole", "rtp-never-arrived"],
        &["alg-rewrote-message"],
    )
}

/// Plain NAT would have let the media in: the client punched, and the gateway told the server another port.
#[test]
fn a_rewrite_without_a_way_in_for_a_client_that_punches() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "no-pinhole"]),
        ..Case::default()
    };
    case.expect(
        "a_rewrite_without_a_way_in_for_a_client_that_punches",
        &["rtp-never-arrived"],
        &["alg-rewrote-message"],
    )
}

#[test]
fn a_way_in_without_a_rewrite() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "keep-text"]),
        clients: &[&[]],
        ..Case::default()
    };
    case.expect("a_way_in_without_a_rewrite", &[], &["alg-opened-pinhole"])
}

#[test]
fn a_way_in_that_a_client_that_punches_does_not_need() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "keep-text"]),
        ..Case::default()
    };
    case.expect(
        "a_way_in_that_a_client_that_punches_does_not_need",
        &[],
        &[],
    )
}

#[test]
fn an_answer_that_is_not_restored_to_a_client_that_punches() -> io::Result<()> {
    let case = Case {
        alg: Some(&["--fault", "keep-reply"]),
        ..Case::default()
    };
    case.expect(
        "an_answer_that_is_not_restored_to_a_client_that_punches",
        &[],
        &[
            "alg-reply-not-restored",
            "alg-rewrote-message",
            "nat-source-port-changed",
        ],
    )
}

#[test]
fn a_proxy_that_changes_nothing() -> io::Result<()> {
    let case = Case {
        proxy: true,
        ..Case::default()
    };
    case.expect("a_proxy_that_changes_nothing", &[], &["proxy-in-path"])
}

#[test]
fn a_proxy_and_a_client_that_does_not_punch() -> io::Result<()> {
    let case = Case {
        proxy: true,
        clients: &[&[]],
        ..Case::default()
    };
    case.expect(
        "a_proxy_and_a_client_that_does_not_punch",
        &["nat-no-pinhole", "rtp-never-arrived"],
        &["proxy-in-path"],
    )
}
