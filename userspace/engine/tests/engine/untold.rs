//! Media over UDP whose SETUP came before the capture began.

use rtspscope_engine::model::{AlgAction, MediaDirection, MediaHint, SessionState, TransportKind};
use rtspscope_engine::{Code, Snapshot};

use crate::support::traffic::{
    self, LAN, RECEIVER_REPORT, Talk, WAN, Wire, message, rtp_packet, sender_report,
};
use crate::support::{arrival, engine, only_session};

const CLIENT: &str = "192.168.1.100:40000";
const ROUTER: &str = "203.0.113.1:40000";
const SERVER: &str = "203.0.113.10:554";

/// A keepalive on a connection that was there before.
fn keep_alive(wire: &mut Wire, tap: rtspscope_wire::TapId, client: &str) {
    let mut talk = Talk::midstream(tap, client, SERVER);
    talk.exchange(
        wire,
        "GET_PARAMETER rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 7|Session: 1",
        "RTSP/1.0 200 OK|CSeq: 7|Session: 1",
    );
}

/// Video with its reports both ways.
fn media(wire: &mut Wire, tap: rtspscope_wire::TapId, client: &str, ssrc: u32) {
    let end = |host: &str, port: u16| format!("{host}:{port}");
    wire.rtp(
        tap,
        "203.0.113.10:6970",
        &end(client, 5000),
        ssrc,
        (100..120).filter(|number| *number != 110),
    );
    let [server, own] = ["203.0.113.10:6971".to_owned(), end(client, 5001)];
    wire.udp(tap, &server, &own, &sender_report(ssrc));
    wire.udp(tap, &own, &server, &RECEIVER_REPORT);
}

fn cause(snapshot: &Snapshot) -> &str {
    let mut findings = snapshot.findings.iter();
    let finding = findings.find(|finding| finding.code == Code::CaptureIncomplete);
    finding.map_or("", |finding| finding.cause.as_str())
}

/// What the other tap heard of the SETUP holds here too, as far as no router translates it.
#[test]
fn a_tap_that_began_late_knows_the_medium_from_the_other() {
    for (transport, interleaved) in [
        ("RTP/AVP;unicast;client_port=5000-5001", false),
        ("RTP/AVP/TCP;unicast;interleaved=4-5", true),
    ] {
        let mut wire = Wire::new(engine(2));
        let mut outside = Talk::open(&mut wire, WAN, ROUTER, SERVER);
        let uri = "rtsp://203.0.113.10/cam";
        outside.exchange(
            &mut wire,
            &format!("SETUP {uri} RTSP/1.0|CSeq: 1|Transport: {transport}"),
            &format!(
                "RTSP/1.0 200 OK|CSeq: 1|Session: 1|Transport: {transport};server_port=6970-6971"
            ),
        );
        outside.exchange(
            &mut wire,
            &format!("PLAY {uri} RTSP/1.0|CSeq: 2|Session: 1"),
            "RTSP/1.0 200 OK|CSeq: 2|Session: 1",
        );
        let mut inside = Talk::midstream(LAN, CLIENT, SERVER);
        for number in 0..30 {
            for (tap, talk, client) in [
                (WAN, &mut outside, "203.0.113.1"),
                (LAN, &mut inside, "192.168.1.100"),
            ] {
                let packet = rtp_packet(number, 7);
                if interleaved {
                    talk.server_says(&mut wire, &traffic::interleaved(4, &packet));
                } else {
                    wire.udp(tap, "203.0.113.10:6970", &format!("{client}:5000"), &packet);
                }
            }
            wire.wait_ms(20);
        }
        for talk in [&mut outside, &mut inside] {
            talk.exchange(
                &mut wire,
                &format!("GET_PARAMETER {uri} RTSP/1.0|CSeq: 7|Session: 1"),
                "RTSP/1.0 200 OK|CSeq: 7|Session: 1",
            );
        }
        let snapshot = wire.engine.snapshot();
        let session = only_session(&snapshot);
        assert_eq!(session.media.len(), 1, "{transport}");
        let seen = [0, 1].map(|leg| arrival(session, 0, leg).rtp.packets);
        assert_eq!(seen, [30, 30], "{transport}");
        let nat = session.nat.as_ref().expect("a pair");
        assert_eq!(
            nat.sequence_delta, None,
            "the stream's beginning is not known"
        );
        assert_eq!(session.alg.action, AlgAction::Unknown);
        assert!(snapshot.findings.is_empty(), "{:?}", snapshot.findings);
    }
}

#[test]
fn packets_tell_of_media_where_no_message_does() {
    let mut wire = Wire::new(engine(1));
    media(&mut wire, LAN, "192.168.1.100", 7);
    keep_alive(&mut wire, LAN, CLIENT);
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!(
        (session.state, session.transport, session.media.len()),
        (SessionState::Playing, TransportKind::Udp, 1)
    );
    let medium = &session.media[0];
    assert_eq!(
        (medium.set_up, medium.direction),
        (false, MediaDirection::FromServer)
    );
    assert_eq!(medium.negotiated.client_rtp_port, None);
    let hints = [
        MediaHint::RtpSequence,
        MediaHint::SameHosts,
        MediaHint::Reports,
    ];
    assert_eq!(medium.hints, hints);
    let seen = arrival(session, 0, 0);
    assert_eq!((seen.rtp.packets, seen.rtp.lost), (19, Some(1)));
    assert_eq!(
        (seen.rtcp.sender_reports, seen.rtcp.receiver_reports),
        (1, 1)
    );
    assert_eq!(seen.rtp.to.map(|to| to.port()), Some(5000));
    assert!(cause(&snapshot).contains("a medium was set up in messages that cannot be read here"));
}

#[test]
fn both_sides_of_a_router_show_one_medium() {
    let mut wire = Wire::new(engine(2));
    for (tap, client, host) in [(LAN, CLIENT, "192.168.1.100"), (WAN, ROUTER, "203.0.113.1")] {
        keep_alive(&mut wire, tap, client);
        media(&mut wire, tap, host, 7);
    }
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!((session.legs.len(), session.media.len()), (2, 1));
    assert!(session.media[0].hints.contains(&MediaHint::SameSource));
    let packets = [0, 1].map(|leg| arrival(session, 0, leg).rtp.packets);
    assert_eq!(packets, [19, 19]);
    // What was set up, and whether an ALG had a hand in it, was said before.
    assert_eq!(session.alg.action, AlgAction::Unknown);
}

/// Two players on one host, both from before: each may own it.
#[test]
fn one_of_two_connections_is_not_guessed() {
    let mut wire = Wire::new(engine(1));
    keep_alive(&mut wire, LAN, CLIENT);
    keep_alive(&mut wire, LAN, "192.168.1.100:40002");
    media(&mut wire, LAN, "192.168.1.100", 7);
    let snapshot = wire.engine.snapshot();
    assert!(
        snapshot
            .sessions
            .iter()
            .all(|session| session.media.is_empty())
    );
    let told = "19 RTP packets go from 203.0.113.10:6970 to 192.168.1.100:5000, and there is more than one RTSP connection";
    assert!(cause(&snapshot).starts_with(told), "{}", cause(&snapshot));
}

#[test]
fn what_fits_only_in_part_is_not_taken() {
    let adopted = |from: &str, to: &str, numbers: Vec<u16>| {
        let mut wire = Wire::new(engine(1));
        keep_alive(&mut wire, LAN, CLIENT);
        wire.rtp(LAN, from, to, 7, numbers);
        only_session(&wire.engine.snapshot()).media.len()
    };
    let (server, client) = ("203.0.113.10:6970", "192.168.1.100:5000");
    assert_eq!(adopted(server, client, (0..10).collect()), 1);
    assert_eq!(adopted(server, client, (0..9).collect()), 0);
    assert_eq!(adopted("203.0.113.99:6970", client, (0..10).collect()), 0);
    assert_eq!(adopted(server, "192.168.1.101:5000", (0..10).collect()), 0);
    // Numbers at random are no sequence.
    let wild: Vec<u16> = (0..40).map(|step: u16| step.wrapping_mul(7919)).collect();
    assert_eq!(adopted(server, client, wild), 0);
}

/// A session that was seen from its begin owns what its messages say and no more.
#[test]
fn a_connection_that_was_seen_from_its_begin_takes_nothing_else() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    media(&mut wire, LAN, "192.168.1.100", 7);
    wire.rtp(LAN, "203.0.113.10:8000", "192.168.1.100:8100", 9, 0..20);
    let snapshot = wire.engine.snapshot();
    assert_eq!(only_session(&snapshot).media.len(), 1);
    assert_eq!(snapshot.unclaimed.len(), 1);
    assert!(!cause(&snapshot).contains("RTP packets go from"));
}

#[test]
fn the_rtp_info_of_a_later_play_names_the_medium() {
    let control = |first: u16| {
        let mut wire = Wire::new(engine(1));
        let mut talk = Talk::midstream(LAN, CLIENT, SERVER);
        talk.exchange(
            &mut wire,
            "PLAY rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 8|Session: 1",
            "RTSP/1.0 200 OK|CSeq: 8|Session: 1|RTP-Info: url=rtsp://203.0.113.10/cam/track1;seq=100;rtptime=0",
        );
        wire.rtp(
            LAN,
            "203.0.113.10:6970",
            "192.168.1.100:5000",
            7,
            first..first + 12,
        );
        only_session(&wire.engine.snapshot()).media[0]
            .control
            .clone()
    };
    let named = Some("rtsp://203.0.113.10/cam/track1".to_owned());
    assert_eq!(
        [control(100), control(164), control(165)],
        [named.clone(), named, None]
    );
}

#[test]
fn rtp_without_any_rtsp_is_told() {
    let mut wire = Wire::new(engine(1));
    media(&mut wire, LAN, "192.168.1.100", 7);
    let snapshot = wire.engine.snapshot();
    assert_eq!(snapshot.sessions.len(), 0);
    let told = "19 RTP packets go from 203.0.113.10:6970 to 192.168.1.100:5000, and there is no RTSP that set it up";
    assert!(cause(&snapshot).starts_with(told), "{}", cause(&snapshot));
    let evidence = &snapshot.findings[0].evidence;
    assert_eq!(evidence[0].at.frame, Some(1));
}

#[test]
fn rtsp_in_datagrams_is_told_and_not_followed() {
    let mut wire = Wire::new(engine(1));
    let (client, server) = ("192.168.1.100:40000", "203.0.113.10:554");
    let request = message("OPTIONS rtspu://203.0.113.10/cam RTSP/1.0|CSeq: 1");
    wire.udp(LAN, client, server, &request);
    wire.udp(LAN, server, client, &message("RTSP/1.0 200 OK|CSeq: 1"));
    wire.udp(
        LAN,
        client,
        "203.0.113.10:555",
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
    );
    let snapshot = wire.engine.snapshot();
    assert_eq!(snapshot.sessions.len(), 0);
    assert_eq!(
        cause(&snapshot),
        "2 RTSP messages go in UDP datagrams between 192.168.1.100:40000 and 203.0.113.10:554: such a session is not followed"
    );
}
