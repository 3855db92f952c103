//! A client inside that asks a camera inside at the router's public address: one tap sees both sides of the router.

use rtspscope_engine::model::{AlgAction, AlgEffect, Session};
use rtspscope_engine::{Code, Snapshot};

use crate::support::traffic::{ACK, LAN, RST, SYN, Talk, Wire, message, rtp_packet};
use crate::support::{arrival, engine, only_session};

const CLIENT: &str = "192.168.1.101:40000";
const PUBLIC: &str = "203.0.113.1:554";
const ROUTER: &str = "192.168.1.1:40000";
const CAMERA: &str = "192.168.1.100:554";

/// Both legs of a connection that turns around; the router calls the client `translated`.
struct Around {
    near: Talk,
    far: Talk,
}

impl Around {
    fn open(wire: &mut Wire, translated: &str) -> Self {
        Self {
            near: Talk::open(wire, LAN, CLIENT, PUBLIC),
            far: Talk::open(wire, LAN, translated, CAMERA),
        }
    }

    /// A request and its answer, each passing the tap twice.
    fn exchange(&mut self, wire: &mut Wire, request: &str, answer: &str) {
        let (request, answer) = (message(request), message(answer));
        self.near.client_says(wire, &request);
        self.far.client_says(wire, &request);
        wire.wait_ms(3);
        self.far.server_says(wire, &answer);
        self.near.server_says(wire, &answer);
    }

    /// Sets up one medium and plays it; the camera's answer has these words of Transport besides.
    fn play(&mut self, wire: &mut Wire, asked: &str, more: &str) {
        let url = "rtsp://203.0.113.1/cam";
        self.exchange(
            wire,
            &format!("SETUP {url} RTSP/1.0|CSeq: 1|Transport: {asked};client_port=5000-5001"),
            &format!("RTSP/1.0 200 OK|CSeq: 1|Session: 7|Transport: {asked};client_port=5000-5001;server_port=6970-6971{more}"),
        );
        self.exchange(
            wire,
            &format!("PLAY {url} RTSP/1.0|CSeq: 2|Session: 7"),
            "RTSP/1.0 200 OK|CSeq: 2|Session: 7",
        );
    }
}

/// Datagrams of the camera to the router's end of its side, and from there on to the client.
fn media(wire: &mut Wire, from: [&str; 2], to: [&str; 2], count: u16) {
    for number in 0..count {
        let packet = rtp_packet(number, 7);
        for side in [0, 1] {
            wire.udp(LAN, from[side], to[side], &packet);
        }
        wire.wait_ms(18);
    }
}

/// Packets, sender and receiver beside each leg.
fn counts(session: &Session) -> Vec<(u64, String, String)> {
    let told = |leg| {
        let rtp = &arrival(session, 0, leg).rtp;
        let end =
            |end: Option<std::net::SocketAddr>| end.map_or_else(String::new, |end| end.to_string());
        (rtp.packets, end(rtp.from), end(rtp.to))
    };
    (0..session.legs.len()).map(told).collect()
}

fn row(packets: u64, from: &str, to: &str) -> (u64, String, String) {
    (packets, from.to_owned(), to.to_owned())
}

fn codes(snapshot: &Snapshot) -> Vec<Code> {
    let findings = snapshot.findings.iter();
    findings.map(|finding| finding.code).collect()
}

const UDP: &str = "RTP/AVP;unicast";

#[test]
fn each_leg_has_its_own_media() {
    let mut wire = Wire::new(engine(1));
    let mut around = Around::open(&mut wire, ROUTER);
    // The camera names the client and itself as it knows them, and nobody changes that on the way to the client.
    around.play(
        &mut wire,
        UDP,
        ";destination=192.168.1.1;source=192.168.1.100",
    );
    wire.udp(LAN, "192.168.1.101:5000", "203.0.113.1:6970", b"hole");
    wire.udp(LAN, "192.168.1.1:5000", "192.168.1.100:6970", b"hole");
    media(
        &mut wire,
        ["192.168.1.100:6970", "203.0.113.1:6970"],
        ["192.168.1.1:5000", "192.168.1.101:5000"],
        30,
    );
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    let ends: Vec<_> = session
        .legs
        .iter()
        .map(|leg| (leg.tap, leg.client.to_string(), leg.server.to_string()))
        .collect();
    assert_eq!(
        ends,
        [
            (LAN, CLIENT.to_owned(), PUBLIC.to_owned()),
            (LAN, ROUTER.to_owned(), CAMERA.to_owned())
        ]
    );
    assert_eq!(
        counts(session),
        [
            row(30, "203.0.113.1:6970", "192.168.1.101:5000"),
            row(30, "192.168.1.100:6970", "192.168.1.1:5000")
        ]
    );
    let holes = [0, 1].map(|leg| arrival(session, 0, leg).from_client[0].from.to_string());
    assert_eq!(holes, ["192.168.1.101:5000", "192.168.1.1:5000"]);
    assert_eq!(
        (session.alg.action, session.alg.effect),
        (AlgAction::None, AlgEffect::Harmless)
    );
    assert_eq!(codes(&snapshot), []);
}

/// Behind a router between two networks of which a mirror port sees both, the client keeps its address: media of both legs
/// go to one place, and only who sent them tells them apart.
#[test]
fn media_of_two_legs_that_go_to_one_place_are_told_apart_by_their_sender() {
    for transport in [UDP, "RAW/RAW/UDP;unicast"] {
        for order in [[0, 1], [1, 0]] {
            let mut wire = Wire::new(engine(1));
            let mut around = Around::open(&mut wire, CLIENT);
            around.play(&mut wire, transport, ";source=192.168.1.100");
            let from = ["192.168.1.100:6970", "203.0.113.1:6970"];
            media(
                &mut wire,
                order.map(|side| from[side]),
                ["192.168.1.101:5000"; 2],
                30,
            );
            let snapshot = wire.engine.snapshot();
            assert_eq!(
                counts(only_session(&snapshot)),
                [
                    row(30, "203.0.113.1:6970", "192.168.1.101:5000"),
                    row(30, "192.168.1.100:6970", "192.168.1.101:5000")
                ],
                "{transport} {order:?}"
            );
        }
    }
}

#[test]
fn media_that_end_at_the_router_are_lost_between_the_legs() {
    let mut wire = Wire::new(engine(1));
    let mut around = Around::open(&mut wire, ROUTER);
    around.play(&mut wire, UDP, "");
    wire.rtp(LAN, "192.168.1.100:6970", "192.168.1.1:5000", 7, 0..60);
    wire.wait_ms(3_000);
    around.exchange(
        &mut wire,
        "TEARDOWN rtsp://203.0.113.1/cam RTSP/1.0|CSeq: 3|Session: 7",
        "RTSP/1.0 200 OK|CSeq: 3|Session: 7",
    );
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!(
        counts(session),
        [
            row(0, "", ""),
            row(60, "192.168.1.100:6970", "192.168.1.1:5000")
        ]
    );
    assert_eq!(
        codes(&snapshot),
        [Code::RtpNeverArrived, Code::NatNoPinhole]
    );
    assert_eq!(
        snapshot.findings[0].cause,
        "lan on the server's side saw 60 RTP packets for 192.168.1.1:5000, lan on the client's side saw none"
    );
    assert_eq!(
        (session.alg.action, session.alg.effect),
        (AlgAction::None, AlgEffect::Missing)
    );
}

/// What an `any` capture has of one leg, each packet four times, is one leg.
#[test]
fn copies_of_each_packet_are_no_turn_around() {
    let mut wire = Wire::new(engine(1));
    let mut talks: Vec<Talk> = (0..4)
        .map(|_| Talk::open(&mut wire, LAN, CLIENT, PUBLIC))
        .collect();
    let request = message("OPTIONS rtsp://203.0.113.1/cam RTSP/1.0|CSeq: 1");
    let answer = message("RTSP/1.0 200 OK|CSeq: 1");
    for talk in &mut talks {
        talk.client_says(&mut wire, &request);
    }
    for talk in &mut talks {
        talk.server_says(&mut wire, &answer);
    }
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!((session.legs.len(), session.nat.is_none()), (1, true));
    assert_eq!(codes(&snapshot), [Code::CaptureIncomplete]);
}

/// The camera is refused by a client that did not ask it, and answers the next copy of the SYN with another number.
#[test]
fn a_camera_that_answers_past_the_router_again_and_again_is_one_attempt() {
    let mut wire = Wire::new(engine(1));
    let [client, public, camera] =
        [CLIENT, PUBLIC, CAMERA].map(|end| end.parse::<std::net::SocketAddr>().unwrap());
    for number in 0..4 {
        wire.segment(LAN, client, public, (1000, 0), SYN, b"");
        let answer = (7000 + number, 1001);
        wire.segment(LAN, camera, client, answer, SYN | ACK, b"");
        wire.segment(LAN, client, camera, (1001, 0), RST, b"");
        wire.wait_ms(1_000);
    }
    let snapshot = wire.engine.snapshot();
    assert_eq!(only_session(&snapshot).legs.len(), 2);
    let finding = &snapshot.findings[0];
    assert_eq!(finding.code, Code::ConnectionRefused);
    assert!(
        finding.cause.ends_with(
            "so what 192.168.1.100 answers goes to 192.168.1.101 directly, which expects no answer from there"
        ),
        "{}",
        finding.cause
    );
    assert_eq!(
        finding.evidence.last().map(|proof| proof.note.as_str()),
        Some("the camera's own address answers, which the client had not asked")
    );
}
