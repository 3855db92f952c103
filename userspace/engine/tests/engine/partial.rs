//! Captures that show messages in part, or one direction only: what can be told all the same, and what is left open.

use std::net::Ipv4Addr;

use rtspscope_engine::Snapshot;
use rtspscope_engine::model::{AlgAction, AlgEffect, SessionState, Side};
use rtspscope_wire::TapId;

use crate::support::traffic::{LAN, RECEIVER_REPORT, Talk, WAN, Wire, message, rtp_packet};
use crate::support::{arrival, engine, only_session};

const SERVER: &str = "203.0.113.10:554";
const SERVER_IP: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
const CLIENT_IP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 100);
/// Headers of Ethernet, IPv4 and TCP, and text up to the middle of a SETUP's Transport.
const IN_THE_TRANSPORT: usize = 54 + 80;

/// What a router does to the port that the client asks for.
struct Router {
    asked: &'static str,
    sent_on: &'static str,
    /// The client sends first.
    punches: bool,
}

const HELPER: Router = Router {
    asked: "9998-9999",
    sent_on: "10000-10001",
    punches: false,
};
const PLAIN: Router = Router {
    asked: "5000-5001",
    sent_on: "5000-5001",
    punches: true,
};

fn first(ports: &str) -> &str {
    ports.split('-').next().expect("a port")
}

/// A session over UDP through a router, heard at both of its sides.
fn through(router: &Router, wire: &mut Wire, drop_setup_at: Option<TapId>) -> Snapshot {
    let sides = [
        (LAN, "192.168.1.100", router.asked),
        (WAN, "203.0.113.1", router.sent_on),
    ];
    for (tap, client, ports) in sides {
        let end = format!("{client}:40000");
        let mut talk = Talk::open(wire, tap, &end, SERVER);
        talk.drop_setup = drop_setup_at == Some(tap);
        talk.play_udp(wire, ports, router.sent_on);
        let media = format!("{client}:{}", first(ports));
        if router.punches {
            wire.udp(tap, &media, "203.0.113.10:6970", &RECEIVER_REPORT);
        }
        wire.rtp(tap, "203.0.113.10:6970", &media, 7, 1..100);
        talk.tear_down(wire);
        talk.client_closes(wire);
    }
    wire.engine.snapshot()
}

fn judged(snapshot: &Snapshot) -> (AlgAction, AlgEffect) {
    let alg = only_session(snapshot).alg;
    (alg.action, alg.effect)
}

fn codes(snapshot: &Snapshot) -> Vec<&'static str> {
    let codes = snapshot.findings.iter().map(|finding| finding.code.name());
    codes.collect()
}

#[test]
fn a_rewrite_that_the_captures_cut_off_shows_by_the_length_of_the_stream() {
    let mut wire = Wire::new(engine(2));
    wire.snap_lens = [IN_THE_TRANSPORT; 2];
    let snapshot = through(&HELPER, &mut wire, None);
    assert_eq!(judged(&snapshot), (AlgAction::Rewrite, AlgEffect::Helped));
    let nat = only_session(&snapshot).nat.as_ref().expect("two legs");
    assert_eq!((nat.sequence_delta, nat.rewrites.len()), (Some(2), 0));
    let told = snapshot
        .findings
        .iter()
        .find(|finding| finding.code.name() == "alg-rewrote-message");
    assert_eq!(
        told.expect("a finding").summary,
        "the router made what the client sends 2 bytes longer"
    );
}

#[test]
fn a_text_that_the_captures_cut_off_is_not_called_unchanged() {
    let mut wire = Wire::new(engine(2));
    wire.snap_lens = [IN_THE_TRANSPORT; 2];
    let snapshot = through(&PLAIN, &mut wire, None);
    assert_eq!(judged(&snapshot), (AlgAction::Unknown, AlgEffect::Harmless));
    let own = snapshot
        .findings
        .iter()
        .find(|finding| finding.subject.session.is_some());
    let own = own.expect("a finding of the session");
    assert!(
        own.cause.ends_with("a message that an ALG may change is cut short at lan: whether the router changed it cannot be told"),
        "{}",
        own.cause
    );
    assert_eq!(
        own.remedy.len(),
        1,
        "both sides are there: {:?}",
        own.remedy
    );
    let mut wire = Wire::new(engine(2));
    wire.snap_lens = [54 + 200; 2];
    let snapshot = through(&PLAIN, &mut wire, None);
    assert_eq!(judged(&snapshot), (AlgAction::None, AlgEffect::Harmless));
}

#[test]
fn media_is_found_where_one_capture_lacks_the_setup() {
    for lacking in [LAN, WAN] {
        let mut wire = Wire::new(engine(2));
        let snapshot = through(&HELPER, &mut wire, Some(lacking));
        let session = only_session(&snapshot);
        assert_eq!(
            [0, 1].map(|leg| arrival(session, 0, leg).rtp.packets),
            [99, 99]
        );
        assert_eq!(judged(&snapshot), (AlgAction::Rewrite, AlgEffect::Helped));
        assert_eq!(
            codes(&snapshot),
            ["alg-rewrote-message", "capture-incomplete"]
        );
    }
}

#[test]
fn a_setup_that_one_capture_lacks_leaves_the_text_open() {
    let mut wire = Wire::new(engine(2));
    let snapshot = through(&PLAIN, &mut wire, Some(WAN));
    assert_eq!(judged(&snapshot), (AlgAction::Unknown, AlgEffect::Harmless));
    assert_eq!(codes(&snapshot), ["capture-incomplete"]);
}

#[test]
fn one_direction_alone_accuses_nobody() {
    for sender in [SERVER_IP, CLIENT_IP] {
        let mut wire = Wire::new(engine(1));
        wire.unheard = Some((LAN, sender));
        let mut talk = Talk::open(&mut wire, LAN, "192.168.1.100:40000", SERVER);
        talk.play_udp(&mut wire, "5000-5001", "5000-5001");
        wire.udp(
            LAN,
            "192.168.1.100:5000",
            "203.0.113.10:6970",
            &RECEIVER_REPORT,
        );
        wire.rtp(LAN, "203.0.113.10:6970", "192.168.1.100:5000", 7, 1..100);
        wire.wait_ms(10_000);
        talk.tear_down(&mut wire);
        talk.client_closes(&mut wire);
        wire.wait_ms(3_000);
        let snapshot = wire.engine.snapshot();
        assert_eq!(codes(&snapshot), ["capture-incomplete"]);
        let finding = &snapshot.findings[0];
        let [from, other] = if sender == SERVER_IP {
            ["server", "client"]
        } else {
            ["client", "server"]
        };
        let expected = format!(
            "one direction of the traffic is missing at lan: nothing that the {from} sent is in the capture, though the {other} \
             acknowledges "
        );
        assert!(
            finding.summary.starts_with(&expected),
            "{}",
            finding.summary
        );
        assert!(finding.remedy[0].starts_with("Capture both directions"));
        assert_ne!(only_session(&snapshot).state, SessionState::Failed);
    }
}

#[test]
fn a_tap_of_one_direction_loses_nothing_that_another_tap_saw() {
    for (tap, sender) in [
        (LAN, SERVER_IP),
        (LAN, CLIENT_IP),
        (WAN, SERVER_IP),
        (WAN, Ipv4Addr::new(203, 0, 113, 1)),
    ] {
        let mut wire = Wire::new(engine(2));
        wire.unheard = Some((tap, sender));
        let snapshot = through(&PLAIN, &mut wire, None);
        assert_eq!(codes(&snapshot), ["capture-incomplete"], "{tap:?} {sender}");
        assert_eq!(judged(&snapshot).0, AlgAction::Unknown);
    }
}

#[test]
fn a_server_that_never_answers_is_no_missing_direction() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, "192.168.1.100:40000", SERVER);
    talk.client_says(&mut wire, &message("OPTIONS * RTSP/1.0|CSeq: 1"));
    wire.wait_ms(5_000);
    talk.client_closes(&mut wire);
    let snapshot = wire.engine.snapshot();
    assert_eq!(
        codes(&snapshot),
        ["request-unanswered", "capture-incomplete"]
    );
    assert!(snapshot.findings[1].summary.starts_with("only one side"));
}

#[test]
fn frames_cut_at_two_lengths_do_not_differ() {
    for lens in [[120, 140], [140, 120], [110, usize::MAX], [usize::MAX, 150]] {
        for router in [&PLAIN, &HELPER] {
            let mut wire = Wire::new(engine(2));
            wire.snap_lens = lens;
            let snapshot = through(router, &mut wire, None);
            let nat = only_session(&snapshot).nat.as_ref().expect("two legs");
            let fields = nat.rewrites.iter().map(|diff| diff.field.as_str());
            let fields: Vec<_> = fields.collect();
            assert!(
                router.punches && fields.is_empty()
                    || fields.iter().all(|field| *field == "Transport.client_port"),
                "{lens:?}: {fields:?}"
            );
            assert!(!codes(&snapshot).contains(&"alg-corrupted-message"));
        }
    }
}

/// Whether the captures are said to show packets twice, where a tap shows each frame so often and each RTP packet so often
/// again.
fn is_told_twice(frames: usize, rtp: usize) -> bool {
    let mut wire = Wire::new(engine(1));
    wire.copies = frames;
    let mut talk = Talk::open(&mut wire, LAN, "192.168.1.100:40000", SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    for number in 0..50 {
        for _ in 0..rtp {
            let packet = rtp_packet(number, 7);
            wire.udp(LAN, "203.0.113.10:6970", "192.168.1.100:5000", &packet);
        }
    }
    talk.tear_down(&mut wire);
    let snapshot = wire.engine.snapshot();
    let rtp_seen = &arrival(only_session(&snapshot), 0, 0).rtp;
    assert_eq!(rtp_seen.packets, (50 * frames * rtp) as u64);
    let told =
        "the packets between 192.168.1.100:40000 and 203.0.113.10:554 stand more than once at lan";
    let mut findings = snapshot.findings.iter();
    findings.any(|finding| finding.summary.starts_with(told))
}

#[test]
fn a_capture_that_shows_each_packet_twice_is_told() {
    assert!(is_told_twice(2, 1));
    assert!(!is_told_twice(1, 1));
}

#[test]
fn media_alone_that_a_network_doubles_are_no_copies_of_the_capture() {
    assert!(!is_told_twice(1, 2));
}

#[test]
fn a_connection_that_cannot_be_read_was_answered_where_its_answers_are_acknowledged() {
    let mut wire = Wire::new(engine(1));
    wire.unheard = Some((LAN, SERVER_IP));
    let mut talk = Talk::open(&mut wire, LAN, "192.168.1.100:40000", SERVER);
    let record = |len: usize| [&[22, 3, 3, 0, len as u8][..], &vec![7; len]].concat();
    for _ in 0..3 {
        talk.client_says(&mut wire, &record(60));
        talk.server_says(&mut wire, &record(90));
        wire.wait_ms(2_000);
    }
    let snapshot = wire.engine.snapshot();
    assert_eq!(codes(&snapshot), ["encrypted", "capture-incomplete"]);
}

#[test]
fn a_fin_that_the_capture_lost_is_no_end_of_the_servers() {
    let ended_by = |acknowledges_fin: bool| {
        let mut wire = Wire::new(engine(1));
        let mut talk = Talk::open(&mut wire, LAN, "192.168.1.100:40000", "203.0.113.10:554");
        talk.play_udp(&mut wire, "5000-5001", "5000-5001");
        talk.server_closes(&mut wire, acknowledges_fin);
        let snapshot = wire.engine.snapshot();
        only_session(&snapshot).legs[0].closed.map(|close| close.by)
    };
    assert_eq!(ended_by(true), Some(Side::Client));
    assert_eq!(ended_by(false), Some(Side::Server));
}

#[test]
fn a_url_that_one_capture_cuts_parts_no_connection() {
    let up_to_the_url = 54 + 30;
    let mut wire = Wire::new(engine(2));
    wire.snap_lens = [usize::MAX, up_to_the_url];
    let snapshot = through(&PLAIN, &mut wire, None);
    let session = only_session(&snapshot);
    assert_eq!(session.legs.len(), 2);
    assert_eq!(session.url.as_deref(), Some("rtsp://203.0.113.10/cam"));
    let mut wire = Wire::new(engine(2));
    wire.snap_lens = [up_to_the_url; 2];
    assert_eq!(only_session(&through(&PLAIN, &mut wire, None)).url, None);
}
