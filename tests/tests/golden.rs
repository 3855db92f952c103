//! The golden captures give what is known of them, to the packet.
//!
//! The counts were taken from the files by other tools (tcpdump expressions on ports and payload, tshark's dissectors,
//! a separate reassembler for the interleaved ones), never from the program under test.

use std::collections::BTreeSet;
use std::io;

use rtspscope_tests::program;
use rtspscope_tests::report::Report;
use serde_json::{Value, json};

/// What is true of one session.
struct Session {
    /// Begins the address of the client on the LAN leg (or the only one).
    client: &'static str,
    transport: &'static str,
    alg: (&'static str, &'static str),
    /// RTP packets at (lan, wan).
    rtp: (u64, u64),
    /// RTCP sender reports at (lan, wan).
    sender_reports: (u64, u64),
}

const INSIDE: &str = "192.168.1.100:";
const OUTSIDE: &str = "203.0.113.10:";

const fn udp(
    alg: (&'static str, &'static str),
    rtp: (u64, u64),
    sender_reports: (u64, u64),
) -> Session {
    Session {
        client: INSIDE,
        transport: "udp",
        alg,
        rtp,
        sender_reports,
    }
}

const fn tcp(rtp: u64, sender_reports: u64) -> Session {
    Session {
        client: INSIDE,
        transport: "tcp",
        alg: HARMLESS,
        rtp: (rtp, rtp),
        sender_reports: (sender_reports, sender_reports),
    }
}

const HARMLESS: (&str, &str) = ("none", "harmless");
const MISSING: (&str, &str) = ("none", "missing");
const UNKNOWN: (&str, &str) = ("unknown", "unknown");

/// What the report says when media came to the router and nothing had opened the way in.
const NO_PICTURE: [&str; 2] = ["nat-no-pinhole", "rtp-never-arrived"];

fn legs(name: &str) -> [String; 4] {
    let file = |leg| {
        format!(
            "{}/captures/golden/{name}.{leg}.pcap",
            env!("CARGO_MANIFEST_DIR")
        )
    };
    [
        "--lan".to_owned(),
        file("lan"),
        "--wan".to_owned(),
        file("wan"),
    ]
}

fn analyze(name: &str) -> io::Result<Report> {
    program::analyze(&legs(name).each_ref().map(String::as_str))
}

/// Checks a pair of captures: its sessions, the codes of all findings of severity error, and other findings that must
/// be among the rest.
fn check(name: &str, sessions: &[Session], errors: &[&str], others: &[&str]) -> io::Result<()> {
    let report = analyze(name)?;
    assert_eq!(report.sessions().len(), sessions.len(), "{name}: sessions");
    for expected in sessions {
        check_session(name, &report, expected);
    }
    assert_eq!(
        report.errors(),
        errors.iter().copied().collect::<BTreeSet<_>>(),
        "{name}: errors"
    );
    let codes = report.codes();
    for code in others {
        assert!(
            codes.contains(code),
            "{name}: {code} is not among {codes:?}"
        );
    }
    Ok(())
}

fn check_session(name: &str, report: &Report, expected: &Session) {
    let is_of_client = |session: &&Value| {
        session["client"]["address"]
            .as_str()
            .is_some_and(|address| address.starts_with(expected.client))
    };
    let session = report.sessions().iter().find(is_of_client);
    let session = session.unwrap_or_else(|| panic!("{name}: no session of {}", expected.client));
    assert_eq!(
        session["transport"], expected.transport,
        "{name}: transport"
    );
    let alg = (
        session["alg"]["action"].as_str(),
        session["alg"]["effect"].as_str(),
    );
    assert_eq!(
        alg,
        (Some(expected.alg.0), Some(expected.alg.1)),
        "{name}: alg"
    );
    let rtp = ["lan", "wan"].map(|role| report.packets(session, role, "rtp"));
    assert_eq!(
        rtp,
        [expected.rtp.0, expected.rtp.1],
        "{name}: RTP packets of {}",
        expected.client
    );
    let reports = ["lan", "wan"].map(|role| report.sender_reports(session, role));
    let expected_reports = [expected.sender_reports.0, expected.sender_reports.1];
    assert_eq!(
        reports, expected_reports,
        "{name}: sender reports of {}",
        expected.client
    );
}

/// The fields of messages that differ between the legs, as (method, kind, field, pre, post).
fn rewrites(name: &str) -> io::Result<BTreeSet<[String; 5]>> {
    let report = analyze(name)?;
    let all = report
        .sessions()
        .iter()
        .flat_map(|session| session["nat"]["rewrites"].as_array().into_iter().flatten());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(all
        .map(|rewrite| ["method", "kind", "field", "pre", "post"].map(|key| text(&rewrite[key])))
        .collect())
}

fn set<const N: usize>(fields: [[&str; 5]; N]) -> BTreeSet<[String; 5]> {
    fields.map(|field| field.map(str::to_owned)).into()
}

#[test]
fn a_client_that_punches_plays_through_masquerade() -> io::Result<()> {
    check(
        "A-gst-ffmpeg-udp",
        &[udp(HARMLESS, (176, 176), (1, 1))],
        &[],
        &[],
    )
}

#[test]
fn interleaved_media_are_counted_on_both_legs() -> io::Result<()> {
    check("A-gst-ffmpeg-tcp", &[tcp(187, 1)], &[], &[])?;
    check("A-live555-retina-tcp", &[tcp(114, 2)], &[], &[])
}

#[test]
fn a_client_that_waits_in_silence_gets_no_picture() -> io::Result<()> {
    check(
        "A-gst-gst-udp-nopunch",
        &[udp(MISSING, (0, 257), (0, 1))],
        &NO_PICTURE,
        &[],
    )?;
    check(
        "K-noalg-plain",
        &[udp(MISSING, (0, 82), (0, 2))],
        &NO_PICTURE,
        &[],
    )
}

#[test]
fn a_description_in_two_segments_and_odd_ports_are_harmless() -> io::Result<()> {
    check(
        "A-vlc-ffmpeg-udp",
        &[udp(HARMLESS, (104, 104), (1, 1))],
        &[],
        &[],
    )
}

#[test]
fn a_punch_from_another_port_opens_the_wrong_door() -> io::Result<()> {
    let session = udp(MISSING, (0, 321), (0, 3));
    check(
        "R-random-live555-ffmpeg-udp",
        &[session],
        &["nat-port-randomised", "rtp-never-arrived"],
        &[],
    )
}

#[test]
fn tls_cannot_be_read_and_is_said_to_be_tls() -> io::Result<()> {
    let session = Session {
        client: INSIDE,
        transport: "tls",
        alg: UNKNOWN,
        rtp: (0, 0),
        sender_reports: (0, 0),
    };
    check("A-gsttls-ffmpeg-rtsps", &[session], &[], &["encrypted"])
}

#[test]
fn a_camera_behind_a_port_forward_plays() -> io::Result<()> {
    let from_outside = |rtp| Session {
        client: OUTSIDE,
        ..udp(HARMLESS, rtp, (2, 2))
    };
    check(
        "B-live555-ffmpeg-udp",
        &[from_outside((114, 117))],
        &[],
        &[],
    )?;
    check("K-B-alg-owrt-plain", &[from_outside((78, 78))], &[], &[])
}

#[test]
fn a_helper_that_changes_no_text_is_known_by_its_pinhole() -> io::Result<()> {
    let session = udp(("pinhole", "helped"), (80, 82), (1, 1));
    check("K-alg-owrt-plain", &[session], &[], &["alg-opened-pinhole"])
}

#[test]
fn a_helper_moves_the_second_client_to_other_ports() -> io::Result<()> {
    let sessions = [
        udp(("rewrite", "helped"), (82, 82), (1, 1)),
        Session {
            client: "192.168.1.101:",
            ..udp(("pinhole", "helped"), (114, 114), (2, 2))
        },
    ];
    check(
        "K-alg-owrt-conflict",
        &sessions,
        &[],
        &["alg-rewrote-message", "alg-opened-pinhole"],
    )?;
    let moved = [
        "SETUP",
        "request",
        "Transport.client_port",
        "9998-9999",
        "10000-10001",
    ];
    assert_eq!(rewrites("K-alg-owrt-conflict")?, set([moved]));
    Ok(())
}

#[test]
fn a_request_that_lost_its_line_end_is_never_answered() -> io::Result<()> {
    // No answer ever agreed on a transport.
    let session = Session {
        transport: "unknown",
        ..udp(("rewrite", "damaged"), (0, 0), (0, 0))
    };
    let errors = ["alg-corrupted-message", "request-unanswered"];
    check(
        "K-alg-owrt-dest-last",
        &[session],
        &errors,
        &["alg-rewrote-message"],
    )?;
    let found = rewrites("K-alg-owrt-dest-last")?;
    let destination = [
        "SETUP",
        "request",
        "Transport.destination",
        "192.168.1.100",
        "203.0.113.1",
    ];
    assert!(found.contains(&destination.map(str::to_owned)), "{found:?}");
    assert!(
        found.iter().any(|rewrite| rewrite[2] == "line-ending"),
        "{found:?}"
    );
    Ok(())
}

#[test]
fn a_helper_misses_a_setup_in_two_segments() -> io::Result<()> {
    check(
        "K-alg-owrt-split",
        &[udp(MISSING, (0, 78), (0, 1))],
        &NO_PICTURE,
        &[],
    )
}

#[test]
fn a_helper_lets_in_rtp_on_an_odd_port_and_not_its_rtcp() -> io::Result<()> {
    let session = udp(("pinhole", "helped"), (78, 78), (0, 1));
    check(
        "K-alg-owrt-odd",
        &[session],
        &[],
        &["alg-opened-pinhole", "rtcp-never-arrived"],
    )
}

#[test]
fn a_gateway_that_restores_the_reply_shows_other_ports_only_outside() -> io::Result<()> {
    let session = udp(("rewrite", "helped"), (108, 108), (2, 2));
    check(
        "N-nfq-live555-rtspc",
        &[session],
        &[],
        &["alg-rewrote-message"],
    )?;
    let request = [
        "SETUP",
        "request",
        "Transport.client_port",
        "5000-5001",
        "10000-10001",
    ];
    let reply = [
        "SETUP",
        "response",
        "Transport.client_port",
        "5000-5001",
        "10000-10001",
    ];
    let destination = [
        "SETUP",
        "response",
        "Transport.destination",
        "192.168.1.100",
        "203.0.113.1",
    ];
    assert_eq!(
        rewrites("N-nfq-live555-rtspc")?,
        set([request, reply, destination])
    );
    Ok(())
}

#[test]
fn a_rewrite_that_moves_the_source_port_leaves_a_strict_client_without_a_picture() -> io::Result<()>
{
    let session = udp(("rewrite", "damaged"), (114, 114), (1, 1));
    check(
        "N-nfqraw-live555-retina",
        &[session],
        &[],
        &["alg-rewrote-message"],
    )
}

#[test]
fn two_connections_with_a_proxy_between_them_are_one_session() -> io::Result<()> {
    check(
        "P-proxy-live555-rtspc",
        &[udp(("proxy", "helped"), (104, 104), (2, 2))],
        &[],
        &[],
    )
}

#[test]
fn the_two_connections_of_an_http_tunnel_are_one_session() -> io::Result<()> {
    let session = Session {
        transport: "http-tunnel",
        ..tcp(114, 2)
    };
    check("A-live555-openRTSP-http", &[session], &[], &[])
}

fn inside_alone(name: &str) -> io::Result<Report> {
    let file = format!(
        "{}/captures/golden/{name}.lan.pcap",
        env!("CARGO_MANIFEST_DIR")
    );
    program::analyze(&[&file])
}

#[test]
fn a_connection_that_turns_around_is_seen_on_both_sides_at_one_interface() -> io::Result<()> {
    let report = inside_alone("H-scripted-udp")?;
    assert_eq!(report.codes(), BTreeSet::new());
    let [session] = report.sessions() else {
        panic!("one session: {:#}", report.value())
    };
    let tap = "H-scripted-udp.lan.pcap";
    assert_eq!(
        session["legs"],
        json!([
            {"tap": tap, "client": "192.168.1.101:58966", "server": "203.0.113.1:554"},
            {"tap": tap, "client": "192.168.1.1:58966", "server": "192.168.1.100:554"},
        ])
    );
    let arrivals = session["media"][0]["arrivals"].as_array().expect("a list");
    let counts: Vec<Value> = arrivals
        .iter()
        .map(|at| {
            let rtp = &at["rtp"];
            json!([
                at["tap"],
                at["leg"],
                rtp["packets"],
                rtp["from"],
                rtp["to"],
                at["rtcp"]["packets"]
            ])
        })
        .collect();
    assert_eq!(
        counts,
        [
            json!([tap, 0, 20, "203.0.113.1:6970", "192.168.1.101:5000", 2]),
            json!([tap, 1, 20, "192.168.1.100:6970", "192.168.1.1:5000", 2]),
        ]
    );
    let nat = &session["nat"];
    assert_eq!(nat["evidence"], json!(["tcp-sequence", "content"]));
    assert_eq!(
        [
            &nat["pre_tap"],
            &nat["post_tap"],
            &nat["pre_leg"],
            &nat["post_leg"]
        ],
        [&json!(tap), &json!(tap), &json!(1), &json!(0)]
    );
    assert_eq!(session["alg"]["action"], "none");
    assert_eq!(session["alg"]["effect"], "harmless");
    Ok(())
}

#[test]
fn answers_that_go_around_the_router_leave_the_client_without_one() -> io::Result<()> {
    let report = inside_alone("H-scripted-around")?;
    assert_eq!(report.codes(), BTreeSet::from(["connection-refused"]));
    assert_eq!(report.sessions().len(), 1);
    let finding = &report.value()["findings"][0];
    assert_eq!(
        finding["cause"],
        "the client at 192.168.1.101:58970 asked for a connection, and 203.0.113.1:554 never answered; the router sent the \
         request on to 192.168.1.100:554 with the client's own address, out of the interface by which it had come, so what \
         192.168.1.100 answers goes to 192.168.1.101 directly, which expects no answer from there"
    );
    let frames: Vec<&Value> = finding["evidence"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|proof| &proof["frame"])
        .collect();
    assert_eq!(frames, [1, 9, 2]);
    Ok(())
}

#[test]
fn multicast_seen_from_one_side_is_counted_and_the_router_not_judged() -> io::Result<()> {
    let file = format!(
        "{}/captures/golden/M-gst-gst-mcast.wan.pcap",
        env!("CARGO_MANIFEST_DIR")
    );
    let report = program::analyze(&["--wan", &file])?;
    let session = Session {
        client: "203.0.113.1:",
        transport: "multicast",
        alg: UNKNOWN,
        rtp: (0, 218),
        sender_reports: (0, 1),
    };
    assert_eq!(report.sessions().len(), 1);
    check_session("M-gst-gst-mcast", &report, &session);
    assert!(report.codes().contains("capture-incomplete"));
    Ok(())
}
