//! The golden captures, file pair by file pair: sessions, transports, and what arrived at which tap.

use crate::support::capture::{Order, golden, replay};
use crate::support::{arrival, only_session};
use rtspscope_engine::model::{AlgAction, AlgEffect, Session, SessionState, TransportKind};
use rtspscope_engine::{Engine, EngineOptions, Snapshot};
use rtspscope_wire::TapRole;

/// Replays a pair with the roles of its file names.
fn pair(name: &str) -> Snapshot {
    pair_with([TapRole::Lan, TapRole::Wan], name, Order::ByTime)
}

fn pair_with([lan, wan]: [TapRole; 2], name: &str, order: Order) -> Snapshot {
    let taps = [
        (lan, golden(&format!("{name}.lan"))),
        (wan, golden(&format!("{name}.wan"))),
    ];
    replay(&mut Engine::new(EngineOptions::default()), &taps, order)
}

/// RTP packets of the first medium at the LAN and at the WAN tap.
fn rtp(session: &Session) -> [u64; 2] {
    let at = |tap: u16| {
        let arrivals = &session.media[0].arrivals;
        let arrival = arrivals
            .iter()
            .find(|arrival| arrival.tap.0 == tap)
            .expect("an arrival for each tap");
        arrival.rtp.packets
    };
    [at(0), at(1)]
}

/// One session over two legs with these counts, losing nothing, judged so.
fn check(
    name: &str,
    transport: TransportKind,
    counts: [u64; 2],
    action: AlgAction,
    effect: AlgEffect,
) -> Snapshot {
    let snapshot = pair(name);
    let session = only_session(&snapshot);
    assert_eq!(session.legs.len(), 2, "{name}: legs");
    assert_eq!(session.transport, transport, "{name}: transport");
    assert_eq!(rtp(session), counts, "{name}: RTP packets at LAN and WAN");
    for leg in 0..2 {
        let arrival = arrival(session, 0, leg);
        assert_eq!(
            arrival.rtp.lost.unwrap_or(0),
            0,
            "{name}: lost at leg {leg}"
        );
    }
    assert_eq!(
        (session.alg.action, session.alg.effect),
        (action, effect),
        "{name}: judgement"
    );
    snapshot
}

#[test]
fn a_client_that_punches_plays_through_plain_nat() {
    check(
        "A-gst-ffmpeg-udp",
        TransportKind::Udp,
        [176, 176],
        AlgAction::None,
        AlgEffect::Harmless,
    );
    check(
        "A-vlc-ffmpeg-udp",
        TransportKind::Udp,
        [104, 104],
        AlgAction::None,
        AlgEffect::Harmless,
    );
}

#[test]
fn a_client_that_does_not_punch_gets_nothing() {
    check(
        "A-gst-gst-udp-nopunch",
        TransportKind::Udp,
        [0, 257],
        AlgAction::None,
        AlgEffect::Missing,
    );
    check(
        "K-noalg-plain",
        TransportKind::Udp,
        [0, 82],
        AlgAction::None,
        AlgEffect::Missing,
    );
    check(
        "K-alg-owrt-split",
        TransportKind::Udp,
        [0, 78],
        AlgAction::None,
        AlgEffect::Missing,
    );
}

#[test]
fn a_randomised_port_kills_the_punch() {
    check(
        "R-random-live555-ffmpeg-udp",
        TransportKind::Udp,
        [0, 321],
        AlgAction::None,
        AlgEffect::Missing,
    );
}

#[test]
fn a_camera_behind_a_port_forward_plays() {
    check(
        "B-live555-ffmpeg-udp",
        TransportKind::Udp,
        [114, 117],
        AlgAction::None,
        AlgEffect::Harmless,
    );
    check(
        "K-B-alg-owrt-plain",
        TransportKind::Udp,
        [78, 78],
        AlgAction::None,
        AlgEffect::Harmless,
    );
}

#[test]
fn the_real_helper_lets_media_in() {
    check(
        "K-alg-owrt-odd",
        TransportKind::Udp,
        [78, 78],
        AlgAction::Pinhole,
        AlgEffect::Helped,
    );
}

#[test]
fn two_clients_of_one_camera_are_two_sessions() {
    let snapshot = pair("K-alg-owrt-conflict");
    let [first, second] = &snapshot.sessions[..] else {
        panic!("two sessions")
    };
    let by_client = |ip: &str| {
        [first, second]
            .into_iter()
            .find(|session| session.client.ip().to_string() == ip)
            .expect("a session of it")
    };
    let (moved, holder) = (by_client("192.168.1.100"), by_client("192.168.1.101"));
    assert_eq!(rtp(moved), [82, 82]);
    assert_eq!(rtp(holder), [114, 114]);
    let media = &moved.media[0];
    assert_eq!(media.per_leg[0].client_rtp_port, Some(9998));
    assert_eq!(media.per_leg[1].client_rtp_port, Some(10000));
    assert_eq!(media.per_leg[0].answered_rtp_port, Some(10000));
    assert_eq!(moved.nat.as_ref().expect("a pair").sequence_delta, Some(2));
    assert_eq!(
        (moved.alg.action, moved.alg.effect),
        (AlgAction::Rewrite, AlgEffect::Helped)
    );
}

#[test]
fn an_eaten_line_end_leaves_the_setup_unanswered() {
    let snapshot = pair("K-alg-owrt-dest-last");
    let session = only_session(&snapshot);
    assert_eq!(session.legs.len(), 2);
    let setup = session.legs[0].exchanges.last().expect("an exchange");
    assert_eq!((setup.method.as_str(), setup.status()), ("SETUP", None));
    assert_eq!(session.media[0].arrivals[0].rtp.packets, 0);
    assert!(!session.media[0].set_up);
    assert_eq!(
        (session.alg.action, session.alg.effect),
        (AlgAction::Rewrite, AlgEffect::Damaged)
    );
}

#[test]
fn an_alg_that_restores_the_reply_is_followed() {
    let snapshot = check(
        "N-nfq-live555-rtspc",
        TransportKind::Udp,
        [108, 108],
        AlgAction::Rewrite,
        AlgEffect::Helped,
    );
    let session = only_session(&snapshot);
    assert_eq!(
        session.nat.as_ref().expect("a pair").sequence_delta,
        Some(2)
    );
    assert_eq!(session.media[0].per_leg[1].client_rtp_port, Some(10000));
}

#[test]
fn a_strict_client_refuses_media_from_another_port() {
    let snapshot = check(
        "N-nfqraw-live555-retina",
        TransportKind::Udp,
        [114, 114],
        AlgAction::Rewrite,
        AlgEffect::Damaged,
    );
    let refused = &arrival(only_session(&snapshot), 0, 0).refused;
    assert!(!refused.is_empty(), "the client sends ICMP");
}

#[test]
fn a_proxy_is_two_connections_and_one_session() {
    let snapshot = check(
        "P-proxy-live555-rtspc",
        TransportKind::Udp,
        [104, 104],
        AlgAction::Proxy,
        AlgEffect::Helped,
    );
    let session = only_session(&snapshot);
    assert_ne!(session.legs[0].client_isn, session.legs[1].client_isn);
    assert_eq!(session.nat.as_ref().expect("a pair").sequence_delta, None);
}

#[test]
fn interleaved_media_is_counted_at_both_taps() {
    check(
        "A-gst-ffmpeg-tcp",
        TransportKind::Tcp,
        [187, 187],
        AlgAction::None,
        AlgEffect::Harmless,
    );
    check(
        "A-live555-retina-tcp",
        TransportKind::Tcp,
        [114, 114],
        AlgAction::None,
        AlgEffect::Harmless,
    );
}

#[test]
fn the_two_connections_of_a_tunnel_are_one_session() {
    let snapshot = check(
        "A-live555-openRTSP-http",
        TransportKind::HttpTunnel,
        [114, 114],
        AlgAction::None,
        AlgEffect::Harmless,
    );
    let exchanges = &only_session(&snapshot).legs[0].exchanges;
    assert!(
        exchanges
            .iter()
            .all(|exchange| exchange.request.is_some() && exchange.response.is_some())
    );
}

#[test]
fn tls_is_recognised_and_not_read() {
    let snapshot = pair("A-gsttls-ffmpeg-rtsps");
    let session = only_session(&snapshot);
    assert_eq!(session.transport, TransportKind::Tls);
    assert!(
        session
            .legs
            .iter()
            .all(|leg| leg.encrypted && leg.exchanges.is_empty())
    );
    assert_eq!(
        (session.alg.action, session.alg.effect),
        (AlgAction::Unknown, AlgEffect::Unknown)
    );
}

#[test]
fn multicast_is_counted_at_its_group() {
    let taps = [(TapRole::Wan, golden("M-gst-gst-mcast.wan"))];
    let snapshot = replay(
        &mut Engine::new(EngineOptions::default()),
        &taps,
        Order::ByTime,
    );
    let session = only_session(&snapshot);
    assert_eq!(session.transport, TransportKind::Multicast);
    let seen = arrival(session, 0, 0);
    assert_eq!(seen.rtp.packets, 218);
    assert_eq!(
        seen.rtp.to,
        Some("239.10.10.1:5000".parse().expect("an address"))
    );
    assert_eq!(
        (session.alg.action, session.alg.effect),
        (AlgAction::Unknown, AlgEffect::Unknown)
    );
}

#[test]
fn the_order_of_the_files_makes_no_difference() {
    for name in [
        "A-gst-ffmpeg-udp",
        "K-alg-owrt-conflict",
        "R-random-live555-ffmpeg-udp",
    ] {
        let roles = [TapRole::Lan, TapRole::Wan];
        let by_time = pair_with(roles, name, Order::ByTime);
        let by_file = pair_with(roles, name, Order::FileByFile);
        let told = |snapshot: &Snapshot| format!("{:#?}", (&snapshot.taps, &snapshot.findings));
        assert_eq!(told(&by_time), told(&by_file), "{name}");
    }
}

#[test]
fn sides_are_worked_out_from_the_packets() {
    for name in [
        "A-gst-ffmpeg-udp",
        "B-live555-ffmpeg-udp",
        "P-proxy-live555-rtspc",
    ] {
        let snapshot = pair_with([TapRole::Unknown; 2], name, Order::ByTime);
        let roles: Vec<TapRole> = snapshot.taps.iter().map(|tap| tap.role).collect();
        assert_eq!(roles, [TapRole::Lan, TapRole::Wan], "{name}");
    }
}

#[test]
fn a_capture_that_stops_amid_the_media_leaves_the_session_playing() {
    let snapshot = pair("A-gst-ffmpeg-udp");
    let session = only_session(&snapshot);
    assert_eq!(session.state, SessionState::Playing);
    assert_eq!(session.ended_at, None);
}

#[test]
fn packets_lost_inside_the_router_are_lost_at_one_tap() {
    let snapshot = pair("K-alg-owrt-plain");
    let session = only_session(&snapshot);
    assert_eq!(rtp(session), [80, 82]);
    let lost = [0, 1].map(|leg| arrival(session, 0, leg).rtp.lost);
    assert_eq!(lost, [Some(2), Some(0)]);
    assert_eq!(
        (session.alg.action, session.alg.effect),
        (AlgAction::Pinhole, AlgEffect::Helped)
    );
}
