//! Sessions over UDP and TCP, from frames written by hand.

use crate::support::traffic::{
    LAN, RECEIVER_REPORT, Talk, WAN, Wire, interleaved, message, rtp_packet, sender_report,
};
use crate::support::{arrival, conversation, engine, only_session, tap_info};
use rtspscope_engine::model::{SessionState, Side, TransportKind};
use rtspscope_engine::{Engine, EngineOptions, Event, Limits, LossKind};
use rtspscope_wire::Span;

const CLIENT: &str = "192.168.1.100:40000";
const ROUTER: &str = "203.0.113.1:40000";
const SERVER: &str = "203.0.113.10:554";

#[test]
fn a_session_knows_its_ends_and_its_media() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!(session.state, SessionState::Playing);
    assert_eq!(session.url.as_deref(), Some("rtsp://203.0.113.10/cam"));
    assert_eq!(session.user_agent.as_deref(), Some("test player"));
    assert_eq!(session.server_name.as_deref(), Some("test camera"));
    assert_eq!(
        (
            session.client.to_string().as_str(),
            session.server.to_string().as_str()
        ),
        (CLIENT, SERVER)
    );
    assert_eq!(session.transport, TransportKind::Udp);
    assert_eq!(session.timeout_secs, Some(30));
    let media = &session.media[0];
    assert_eq!(
        (media.kind.as_deref(), media.encoding.as_deref()),
        (Some("video"), Some("H264"))
    );
    assert_eq!(
        (media.clock_rate, media.payload_type),
        (Some(90_000), Some(96))
    );
    assert_eq!(
        media.control.as_deref(),
        Some("rtsp://203.0.113.10/cam/track1")
    );
    assert_eq!(media.profile.as_deref(), Some("RTP/AVP"));
    assert_eq!(media.negotiated.server_rtcp_port, Some(6971));
}

#[test]
fn rtp_is_counted_with_jitter_and_gaps() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    wire.rtp(
        LAN,
        "203.0.113.10:6970",
        "192.168.1.100:5000",
        7,
        [10, 11, 12, 12, 14, 13, 17],
    );
    let snapshot = wire.engine.snapshot();
    let rtp = &arrival(only_session(&snapshot), 0, 0).rtp;
    assert_eq!((rtp.packets, rtp.bytes), (7, 700));
    assert_eq!(
        (rtp.expected, rtp.lost, rtp.duplicates, rtp.reordered),
        (Some(8), Some(2), Some(1), Some(1))
    );
    assert_eq!(
        (rtp.ssrc, rtp.max_gap),
        (Some(7), Some(Span::from_millis(20)))
    );
    assert!(rtp.jitter.is_some());
    assert_eq!(
        rtp.to.map(|to| to.to_string()).as_deref(),
        Some("192.168.1.100:5000")
    );
}

#[test]
fn media_before_its_setup_in_the_input_still_counts() {
    let mut wire = Wire::new(engine(1));
    wire.now_ms = 10_000;
    wire.rtp(LAN, "203.0.113.10:6970", "192.168.1.100:5000", 7, 0..5);
    wire.now_ms = 0;
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    let snapshot = wire.engine.snapshot();
    assert_eq!(arrival(only_session(&snapshot), 0, 0).rtp.packets, 5);
}

#[test]
fn a_port_pair_used_again_does_not_inherit_older_packets() {
    let mut wire = Wire::new(engine(1));
    for (client, first) in [(CLIENT, 0_u16), ("192.168.1.100:40002", 1_000)] {
        let mut talk = Talk::open_with(&mut wire, LAN, client, SERVER, (5 + u32::from(first), 9));
        talk.play_udp(&mut wire, "5000-5001", "5000-5001");
        wire.udp(LAN, "192.168.1.100:5000", "203.0.113.10:6970", b"\0\0\0\0");
        wire.rtp(
            LAN,
            "203.0.113.10:6970",
            "192.168.1.100:5000",
            7,
            first..first + 4,
        );
        talk.tear_down(&mut wire);
        talk.client_closes(&mut wire);
    }
    let snapshot = wire.engine.snapshot();
    assert_eq!(snapshot.sessions.len(), 2);
    for session in &snapshot.sessions {
        assert_eq!(arrival(session, 0, 0).rtp.packets, 4);
        assert_eq!(arrival(session, 0, 0).rtp.lost, Some(0));
        assert_eq!(arrival(session, 0, 0).from_client[0].packets, 1);
    }
}

#[test]
fn media_to_another_port_is_found_by_its_sender() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    wire.rtp(LAN, "203.0.113.10:6970", "192.168.1.100:7777", 7, 0..4);
    let snapshot = wire.engine.snapshot();
    let rtp = &arrival(only_session(&snapshot), 0, 0).rtp;
    assert_eq!(rtp.packets, 4);
    assert_eq!(rtp.to.map(|to| to.port()), Some(7777));
}

#[test]
fn media_from_another_host_is_found_at_the_negotiated_port() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    wire.rtp(LAN, "203.0.113.99:4444", "192.168.1.100:5000", 7, 0..4);
    let snapshot = wire.engine.snapshot();
    let rtp = &arrival(only_session(&snapshot), 0, 0).rtp;
    assert_eq!(
        rtp.from.map(|from| from.to_string()).as_deref(),
        Some("203.0.113.99:4444")
    );
}

#[test]
fn the_only_flow_after_play_is_taken_where_no_port_fits() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    wire.rtp(LAN, "203.0.113.10:1111", "192.168.1.100:2222", 7, 0..4);
    let snapshot = wire.engine.snapshot();
    assert_eq!(arrival(only_session(&snapshot), 0, 0).rtp.packets, 4);
}

#[test]
fn one_of_two_strange_flows_is_not_guessed() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    wire.rtp(LAN, "203.0.113.10:1111", "192.168.1.100:2222", 7, 0..4);
    wire.rtp(LAN, "203.0.113.10:1113", "192.168.1.100:2224", 8, 0..4);
    let snapshot = wire.engine.snapshot();
    assert_eq!(arrival(only_session(&snapshot), 0, 0).rtp.packets, 0);
}

#[test]
fn reports_and_punches_of_the_client_are_told_by_port() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    wire.udp(
        LAN,
        "192.168.1.100:5000",
        "203.0.113.10:6970",
        &[0xce, 0xfa, 0xed, 0xfe],
    );
    wire.udp(
        LAN,
        "192.168.1.100:5001",
        "203.0.113.10:6971",
        &RECEIVER_REPORT,
    );
    wire.udp(
        LAN,
        "192.168.1.100:5001",
        "203.0.113.10:6971",
        &RECEIVER_REPORT,
    );
    wire.udp(
        LAN,
        "203.0.113.10:6971",
        "192.168.1.100:5001",
        &sender_report(7),
    );
    wire.port_unreachable(LAN, "203.0.113.10:6971", "192.168.1.100:5001");
    let snapshot = wire.engine.snapshot();
    let seen = arrival(only_session(&snapshot), 0, 0);
    let sent: Vec<(u64, bool)> = seen
        .from_client
        .iter()
        .map(|sent| (sent.packets, sent.rtcp_port))
        .collect();
    assert_eq!(sent, [(1, false), (2, true)]);
    assert_eq!(
        (
            seen.rtcp.packets,
            seen.rtcp.sender_reports,
            seen.rtcp.receiver_reports
        ),
        (1, 1, 2)
    );
    assert_eq!(
        seen.refused
            .iter()
            .map(|refusal| refusal.rtcp_port)
            .collect::<Vec<_>>(),
        [true]
    );
}

#[test]
fn interleaved_frames_are_counted_by_channel_and_sender() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.exchange(
        &mut wire,
        "SETUP rtsp://203.0.113.10/cam/track1 RTSP/1.0|CSeq: 2|Transport: RTP/AVP/TCP;unicast;interleaved=0-1",
        "RTSP/1.0 200 OK|CSeq: 2|Session: 1|Transport: RTP/AVP/TCP;unicast;interleaved=4-5",
    );
    talk.exchange(
        &mut wire,
        "PLAY rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 3",
        "RTSP/1.0 200 OK|CSeq: 3",
    );
    for number in [1, 2, 4] {
        talk.server_says(&mut wire, &interleaved(4, &rtp_packet(number, 9)));
    }
    talk.server_says(&mut wire, &interleaved(5, &sender_report(9)));
    talk.client_says(&mut wire, &interleaved(5, &RECEIVER_REPORT));
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!(session.transport, TransportKind::Tcp);
    let seen = arrival(session, 0, 0);
    assert_eq!(
        (seen.rtp.packets, seen.rtp.bytes, seen.rtp.lost),
        (3, 300, Some(1))
    );
    assert_eq!((seen.rtcp.packets, seen.rtcp.receiver_reports), (1, 1));
    assert_eq!(
        seen.rtp.from.map(|from| from.to_string()).as_deref(),
        Some(SERVER)
    );
}

#[test]
fn client_and_server_are_told_without_the_opening_and_on_any_port() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::midstream(LAN, "192.168.1.100:554", "203.0.113.10:40000");
    talk.exchange(
        &mut wire,
        "OPTIONS rtsp://203.0.113.10:40000/ RTSP/1.0|CSeq: 7",
        "RTSP/1.0 200 OK|CSeq: 7",
    );
    let snapshot = wire.engine.snapshot();
    assert_eq!(
        only_session(&snapshot).client.to_string(),
        "192.168.1.100:554"
    );
    assert_eq!(only_session(&snapshot).legs[0].client_isn, None);
}

#[test]
fn requests_of_the_server_are_its_own() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.exchange(
        &mut wire,
        "OPTIONS rtsp://203.0.113.10/ RTSP/1.0|CSeq: 1",
        "RTSP/1.0 200 OK|CSeq: 1",
    );
    talk.server_says(
        &mut wire,
        &message("OPTIONS rtsp://203.0.113.10/ RTSP/1.0|CSeq: 1"),
    );
    talk.client_says(&mut wire, &message("RTSP/1.0 501 Not Implemented|CSeq: 1"));
    let snapshot = wire.engine.snapshot();
    let leg = &only_session(&snapshot).legs[0];
    assert_eq!(
        conversation(leg),
        [
            ("OPTIONS".to_owned(), Some(200)),
            ("OPTIONS".to_owned(), Some(501))
        ]
    );
    assert_eq!(leg.exchanges[1].by, Side::Server);
}

#[test]
fn a_refused_or_unanswered_attempt_on_an_rtsp_port_is_kept() {
    let mut wire = Wire::new(engine(1));
    let client: std::net::SocketAddr = CLIENT.parse().expect("an address");
    let server: std::net::SocketAddr = SERVER.parse().expect("an address");
    wire.segment(LAN, client, server, (1000, 0), 0x02, b"");
    let snapshot = wire.engine.snapshot();
    assert_eq!(only_session(&snapshot).state, SessionState::Negotiating);
    wire.segment(LAN, server, client, (0, 1001), 0x14, b"");
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!(session.state, SessionState::Failed);
    let close = session.legs[0].closed.expect("it was reset");
    assert_eq!((close.by, close.reset), (Side::Server, true));
    assert!(session.legs[0].exchanges.is_empty());
}

#[test]
fn what_is_not_rtsp_is_no_session() {
    let mut wire = Wire::new(engine(1));
    for (port, greeting) in [
        (22, &b"SSH-2.0-OpenSSH_9.2\r\n"[..]),
        (80, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ] {
        let mut talk = Talk::open(&mut wire, LAN, CLIENT, &format!("203.0.113.10:{port}"));
        talk.client_says(&mut wire, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        talk.server_says(&mut wire, greeting);
    }
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, "203.0.113.10:443");
    talk.client_says(&mut wire, &[0x16, 3, 1, 0, 4, 1, 0, 0, 0]);
    assert_eq!(wire.engine.snapshot().sessions.len(), 0);
}

#[test]
fn the_same_ends_used_again_are_another_session() {
    let mut wire = Wire::new(engine(1));
    for isn in [(1000, 2000), (900_000, 800_000)] {
        let mut talk = Talk::open_with(&mut wire, LAN, CLIENT, SERVER, isn);
        talk.play_udp(&mut wire, "5000-5001", "5000-5001");
        talk.client_closes(&mut wire);
    }
    let snapshot = wire.engine.snapshot();
    assert_eq!(
        snapshot
            .sessions
            .iter()
            .map(|session| session.id)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert!(
        snapshot
            .sessions
            .iter()
            .all(|session| session.state == SessionState::Ended)
    );
}

#[test]
fn a_session_keeps_its_number_when_its_second_leg_shows() {
    let mut wire = Wire::new(engine(2));
    let mut inside = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    inside.play_udp(&mut wire, "5000-5001", "5000-5001");
    assert_eq!(only_session(&wire.engine.snapshot()).id, 1);
    let mut outside = Talk::open(&mut wire, WAN, ROUTER, SERVER);
    outside.play_udp(&mut wire, "5000-5001", "5000-5001");
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!((session.id, session.legs.len()), (1, 2));
}

#[test]
fn the_server_may_answer_the_punch_instead_of_the_setup() {
    let mut wire = Wire::new(engine(2));
    let mut inside = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    inside.play_udp(&mut wire, "5000-5001", "5000-5001");
    let mut outside = Talk::open(&mut wire, WAN, ROUTER, SERVER);
    outside.play_udp(&mut wire, "5000-5001", "5000-5001");
    wire.udp(LAN, "192.168.1.100:5000", "203.0.113.10:6970", b"hole");
    wire.udp(WAN, "203.0.113.1:61234", "203.0.113.10:6970", b"hole");
    for number in 0..4 {
        wire.rtp(WAN, "203.0.113.10:6970", "203.0.113.1:61234", 7, [number]);
        wire.rtp(LAN, "203.0.113.10:6970", "192.168.1.100:5000", 7, [number]);
    }
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!(
        (
            arrival(session, 0, 0).rtp.packets,
            arrival(session, 0, 1).rtp.packets
        ),
        (4, 4)
    );
    assert_eq!(
        arrival(session, 0, 1).rtp.to.map(|to| to.port()),
        Some(61234)
    );
}

#[test]
fn two_clocks_are_set_against_each_other() {
    let mut wire = Wire::new(engine(2));
    let mut inside = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    inside.play_udp(&mut wire, "5000-5001", "5000-5001");
    wire.now_ms = 3_600_000;
    let mut outside = Talk::open(&mut wire, WAN, ROUTER, SERVER);
    outside.play_udp(&mut wire, "5000-5001", "5000-5001");
    let snapshot = wire.engine.snapshot();
    assert_eq!(snapshot.taps[1].clock_offset, Some(Span::from_secs(3600)));
}

#[test]
fn one_network_outside_a_router_says_nothing_against_the_router() {
    for (tap, begin) in [(LAN, "192.168.7.50 and "), (WAN, "only one side of ")] {
        let mut wire = Wire::new(engine(2));
        let mut talk = Talk::open(&mut wire, tap, "192.168.7.50:40000", "192.168.7.90:554");
        talk.play_udp(&mut wire, "5000-5001", "5000-5001");
        let findings = wire.engine.snapshot().findings;
        let mut said = findings.iter().map(|finding| &finding.summary);
        assert!(said.any(|said| said.starts_with(begin)), "{findings:?}");
    }
}

#[test]
fn events_tell_the_story_in_order() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    wire.rtp(LAN, "203.0.113.10:6970", "192.168.1.100:5000", 7, 0..3);
    talk.tear_down(&mut wire);
    talk.client_closes(&mut wire);
    let told: Vec<&str> = std::iter::from_fn(|| wire.engine.poll_output())
        .map(|event| match event {
            Event::SessionStarted { .. } => "started",
            Event::Message { .. } => "message",
            Event::Playing { .. } => "playing",
            Event::MediaArrived { .. } => "media",
            Event::Ended { .. } => "ended",
        })
        .collect();
    let story = [
        "started", "message", "message", "message", "message", "message", "message", "playing",
        "media", "message", "message", "ended",
    ];
    assert_eq!(told, story);
}

#[test]
fn half_open_connections_stay_within_the_cap() {
    let limits = Limits {
        connections: 8,
        ..Limits::default()
    };
    let mut engine = Engine::new(EngineOptions {
        limits,
        ..EngineOptions::default()
    });
    engine.add_tap(tap_info(rtspscope_wire::TapRole::Lan));
    let mut wire = Wire::new(engine);
    let server = "203.0.113.10:554".parse().expect("an address");
    for port in 1000..1100 {
        let client = std::net::SocketAddr::from(([192, 168, 1, 100], port));
        wire.segment(LAN, client, server, (1000, 0), 0x02, b"");
    }
    let snapshot = wire.engine.snapshot();
    assert_eq!(snapshot.sessions.len(), 8);
    assert_eq!(snapshot.losses, [(LossKind::ConnectionCap, 92)]);
}

#[test]
fn a_flood_of_flows_does_not_push_out_media() {
    let limits = Limits {
        flows: 32,
        ..Limits::default()
    };
    let mut engine = Engine::new(EngineOptions {
        limits,
        ..EngineOptions::default()
    });
    engine.add_tap(tap_info(rtspscope_wire::TapRole::Lan));
    let mut wire = Wire::new(engine);
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    wire.rtp(LAN, "203.0.113.10:6970", "192.168.1.100:5000", 7, 0..4);
    for port in 1000..2000 {
        wire.udp(
            LAN,
            "192.168.1.100:53000",
            &format!("198.51.100.1:{port}"),
            b"noise",
        );
    }
    let snapshot = wire.engine.snapshot();
    assert_eq!(arrival(only_session(&snapshot), 0, 0).rtp.packets, 4);
    assert_eq!(snapshot.losses, [(LossKind::FlowCap, 969)]);
}

/// A live run is looked at all the time, and the analysis of its recording once.
#[test]
fn sessions_are_numbered_by_their_first_packets_however_often_they_are_looked_at() {
    let numbers = |looks: bool| -> Vec<(u32, String)> {
        let mut wire = Wire::new(engine(1));
        let servers = ["203.0.113.20:554", "203.0.113.10:554", "203.0.113.30:554"];
        for (number, server) in servers.into_iter().enumerate() {
            let client = format!("192.168.1.100:4000{number}");
            let mut talk = Talk::open_with(&mut wire, LAN, &client, server, (7, 9));
            talk.play_udp(&mut wire, "5000-5001", "5000-5001");
            if looks {
                wire.engine.open_sessions();
                wire.engine.snapshot();
            }
        }
        let sessions = wire.engine.snapshot().sessions;
        let told = sessions.iter();
        told.map(|session| (session.id, session.server.to_string()))
            .collect()
    };
    let ids: Vec<u32> = numbers(false).iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(numbers(true), numbers(false));
}
