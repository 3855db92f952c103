//! A stream that is set up more than once on one connection: what is one attempt, and what are several.

mod goes_on;
mod others;
mod repeated;
mod translated;

use rtspscope_engine::model::{AlgAction, AlgEffect, MediaStream, SessionState, TransportKind};
use rtspscope_engine::{Severity, Snapshot};

use crate::support::traffic::{LAN, Talk, WAN, Wire, interleaved, message, rtp_packet};
use crate::support::{engine, only_session};

const INSIDE: &str = "192.168.1.100";
const OUTSIDE: &str = "203.0.113.1";
const SERVER: &str = "203.0.113.10:554";
const URL: &str = "rtsp://203.0.113.10/cam";
const TCP: &str = "RTP/AVP/TCP;unicast;interleaved=0-1";

fn udp(port: u16) -> String {
    format!("RTP/AVP;unicast;client_port={port}-{}", port + 1)
}

/// A player inside and a camera outside, seen on both sides of a router that leaves text alone.
struct Path {
    wire: Wire,
    sides: [Talk; 2],
    cseq: u32,
}

impl Path {
    fn open() -> Self {
        let mut wire = Wire::new(engine(2));
        let lan = Talk::open(&mut wire, LAN, &format!("{INSIDE}:40000"), SERVER);
        let wan = Talk::open(&mut wire, WAN, &format!("{OUTSIDE}:40000"), SERVER);
        Self {
            wire,
            sides: [lan, wan],
            cseq: 0,
        }
    }

    fn exchange(&mut self, request: &str, status: &str, more: &str) {
        self.cseq += 1;
        let (head, fields) = request.split_once('|').unwrap_or((request, ""));
        let fields = if fields.is_empty() {
            String::new()
        } else {
            format!("|{fields}")
        };
        let asked = message(&format!("{head} RTSP/1.0|CSeq: {}{fields}", self.cseq));
        let answer = message(&format!("RTSP/1.0 {status}|CSeq: {}{more}", self.cseq));
        for side in &mut self.sides {
            side.client_says(&mut self.wire, &asked);
        }
        self.wire.wait_ms(5);
        for side in self.sides.iter_mut().rev() {
            side.server_says(&mut self.wire, &answer);
        }
    }

    fn set_up(&mut self, track: u8, transport: &str) {
        let served = if transport == TCP {
            ""
        } else {
            ";server_port=6970-6971"
        };
        let answer = format!("|Session: 7|Transport: {transport}{served}");
        let request = format!("SETUP {URL}/track{track}|Transport: {transport}");
        self.exchange(&request, "200 OK", &answer);
    }

    fn refuse(&mut self, transport: &str, status: &str) {
        let request = format!("SETUP {URL}/track1|Transport: {transport}");
        self.exchange(&request, status, "");
    }

    fn ask(&mut self, method: &str) {
        self.exchange(
            &format!("{method} {URL}|Session: 7"),
            "200 OK",
            "|Session: 7",
        );
    }

    /// Twenty packets from the camera to a port of the player, and through the router if the way is open.
    fn media(&mut self, port: u16, ssrc: u32, passes: bool) {
        let from = "203.0.113.10:6970";
        for number in 0..20 {
            let packet = rtp_packet(number, ssrc);
            let to = format!("{OUTSIDE}:{port}");
            self.wire.udp(WAN, from, &to, &packet);
            if passes {
                let to = format!("{INSIDE}:{port}");
                self.wire.udp(LAN, from, &to, &packet);
            }
            self.wire.wait_ms(18);
        }
    }

    /// Twenty packets inside the connection.
    fn media_inside(&mut self, ssrc: u32) {
        for number in 0..20 {
            let frame = interleaved(0, &rtp_packet(number, ssrc));
            for side in self.sides.iter_mut().rev() {
                side.server_says(&mut self.wire, &frame);
            }
            self.wire.wait_ms(18);
        }
    }

    /// The player opens the way for a port, which leaves the router as another one.
    fn punch(&mut self, port: u16, outside: u16) {
        let to = "203.0.113.10:6970";
        let ends = [
            (LAN, format!("{INSIDE}:{port}")),
            (WAN, format!("{OUTSIDE}:{outside}")),
        ];
        for (tap, from) in ends {
            self.wire.udp(tap, &from, to, b"hole");
        }
    }

    fn seen(&mut self) -> Snapshot {
        self.wire.engine.snapshot()
    }
}

/// Of each medium what it is told by, whether it is superseded, and the RTP packets at the LAN and at the WAN tap.
fn told(snapshot: &Snapshot) -> Vec<(String, bool, [u64; 2])> {
    let way = |media: &MediaStream| {
        let agreed = &media.negotiated;
        let port = agreed.client_rtp_port.map(|port| port.to_string());
        port.unwrap_or_else(|| format!("{:?}", agreed.channels))
    };
    let media = only_session(snapshot).media.iter();
    media
        .map(|media| {
            let packets = [0, 1].map(|leg| {
                let mut arrivals = media.arrivals.iter();
                let arrival = arrivals.find(|arrival| arrival.leg == Some(leg));
                arrival.map_or(0, |arrival| arrival.rtp.packets)
            });
            (way(media), media.superseded, packets)
        })
        .collect()
}

fn row(way: &str, superseded: bool, packets: [u64; 2]) -> (String, bool, [u64; 2]) {
    (way.to_owned(), superseded, packets)
}

/// Media that the router holds back, then a second attempt over TCP.
fn fallen_back() -> Path {
    let mut path = Path::open();
    path.set_up(1, &udp(5000));
    path.ask("PLAY");
    path.punch(5000, 33_017);
    path.media(5000, 0xabc, false);
    path.wire.wait_ms(1_000);
    path.ask("PAUSE");
    path.set_up(1, TCP);
    path.ask("PLAY");
    path
}

#[test]
fn an_attempt_over_udp_stays_known_when_the_player_turns_to_tcp() {
    let mut path = fallen_back();
    path.media_inside(0xdef);
    path.ask("TEARDOWN");
    let snapshot = path.seen();
    assert_eq!(
        told(&snapshot),
        [
            row("5000", true, [0, 20]),
            row("Some((0, 1))", false, [20, 20])
        ]
    );
    let session = only_session(&snapshot);
    assert_eq!(session.media[0].control, session.media[1].control);
    assert_eq!(session.transport, TransportKind::Tcp);
    assert_eq!(
        (session.alg.action, session.alg.effect),
        (AlgAction::None, AlgEffect::Missing)
    );
    let findings: Vec<_> = snapshot
        .findings
        .iter()
        .map(|finding| (finding.code.name(), finding.severity, finding.subject.media))
        .collect();
    assert_eq!(
        findings,
        [
            ("rtp-never-arrived", Severity::Warning, Some(0)),
            ("nat-port-randomised", Severity::Warning, Some(0))
        ]
    );
    for finding in &snapshot.findings {
        assert!(
            finding
                .cause
                .ends_with("; set up anew over TCP, the stream came"),
            "{}",
            finding.cause
        );
    }
}

#[test]
fn an_attempt_that_was_lost_stays_an_error_while_nothing_came_of_the_next() {
    let snapshot = fallen_back().seen();
    let severities: Vec<_> = snapshot
        .findings
        .iter()
        .map(|found| found.severity)
        .collect();
    assert_eq!(severities, [Severity::Error; 2]);
}

#[test]
fn media_that_gave_way_to_another_attempt_is_no_stall() {
    let mut path = Path::open();
    path.set_up(1, &udp(5000));
    path.ask("PLAY");
    path.punch(5000, 5000);
    path.media(5000, 0xabc, true);
    path.set_up(1, TCP);
    path.ask("PLAY");
    for _ in 0..50 {
        path.media_inside(0xdef);
    }
    path.ask("TEARDOWN");
    let snapshot = path.seen();
    assert_eq!(told(&snapshot)[0], row("5000", true, [20, 20]));
    assert_eq!(snapshot.findings, []);
}

#[test]
fn a_second_use_that_stops_is_a_stall() {
    let mut path = Path::open();
    for (port, ssrc) in [(5000, 0xabc), (5010, 0xdef)] {
        path.set_up(1, &udp(port));
        path.ask("PLAY");
        path.punch(port, port);
        path.media(port, ssrc, true);
        if port == 5000 {
            path.ask("TEARDOWN");
        }
    }
    path.wire.wait_ms(30_000);
    path.ask("OPTIONS");
    let findings = path.seen().findings;
    let told: Vec<_> = findings
        .iter()
        .map(|finding| (finding.code.name(), finding.severity, finding.subject.media))
        .collect();
    assert_eq!(told, [("rtp-stalled", Severity::Error, Some(1))]);
}

#[test]
fn two_sessions_on_one_connection_keep_what_came_of_each() {
    for second in [5000, 5010] {
        let mut path = Path::open();
        path.set_up(1, &udp(5000));
        path.ask("PLAY");
        path.punch(5000, 5000);
        path.media(5000, 0xabc, true);
        path.ask("TEARDOWN");
        let between = only_session(&path.seen()).clone();
        assert_eq!(between.state, SessionState::Ended);
        path.wire.wait_ms(3_000);
        path.set_up(1, &udp(second));
        let again = only_session(&path.seen()).clone();
        assert_eq!(again.state, SessionState::Negotiating);
        assert_eq!((between.ended_at.is_some(), again.ended_at), (true, None));
        path.ask("PLAY");
        path.punch(second, second);
        path.media(second, 0xdef, true);
        let snapshot = path.seen();
        assert_eq!(only_session(&snapshot).state, SessionState::Playing);
        assert_eq!(
            told(&snapshot),
            [
                row("5000", true, [20, 20]),
                row(&second.to_string(), false, [20, 20])
            ]
        );
        assert_eq!(snapshot.findings, []);
    }
}

#[test]
fn what_is_asked_for_again_before_play_is_one_attempt() {
    let attempts: [&dyn Fn(&mut Path); 4] = [
        &|path| path.set_up(1, &udp(5000)),
        &|path| path.refuse(TCP, "461 Unsupported Transport"),
        &|path| path.refuse(&udp(5010), "401 Unauthorized"),
        &|path| path.set_up(1, TCP),
    ];
    for attempt in attempts {
        let mut path = Path::open();
        attempt(&mut path);
        path.set_up(1, &udp(5010));
        path.ask("PLAY");
        path.punch(5010, 5010);
        path.media(5010, 0xabc, true);
        assert_eq!(told(&path.seen()), [row("5010", false, [20, 20])]);
    }
}

#[test]
fn a_refused_setup_after_play_is_no_attempt() {
    let mut path = Path::open();
    path.set_up(1, &udp(5000));
    path.ask("PLAY");
    path.media(5000, 0xabc, false);
    path.refuse(TCP, "461 Unsupported Transport");
    path.refuse(TCP, "401 Unauthorized");
    assert_eq!(told(&path.seen()), [row("5000", false, [0, 20])]);
}

#[test]
fn the_same_setup_again_is_no_other_attempt() {
    let mut path = Path::open();
    for _ in 0..2 {
        path.set_up(1, &udp(5000));
        path.ask("PLAY");
        path.punch(5000, 5000);
        path.media(5000, 0xabc, true);
    }
    assert_eq!(told(&path.seen()), [row("5000", false, [40, 40])]);
}

/// Two uses of one port so long after each other; the player opens the way for the first alone.
fn opened_once(pause_ms: i64) -> Snapshot {
    let mut path = Path::open();
    path.set_up(1, &udp(5000));
    path.ask("PLAY");
    path.punch(5000, 5000);
    path.media(5000, 0xabc, true);
    path.ask("TEARDOWN");
    path.wire.wait_ms(pause_ms);
    path.set_up(1, &udp(5000));
    path.ask("PLAY");
    path.media(5000, 0xdef, true);
    path.ask("TEARDOWN");
    path.seen()
}

#[test]
fn a_mapping_of_an_earlier_use_is_no_pinhole() {
    for pause_ms in [300, 20_000, 170_000] {
        let snapshot = opened_once(pause_ms);
        assert_eq!(only_session(&snapshot).alg.action, AlgAction::None);
        assert_eq!(snapshot.findings, [], "after {pause_ms} ms");
    }
}

#[test]
fn a_mapping_that_must_be_over_opens_nothing() {
    let snapshot = opened_once(181_000);
    assert_eq!(only_session(&snapshot).alg.action, AlgAction::Pinhole);
    let found = &snapshot.findings[0];
    assert_eq!(
        (found.code.name(), found.subject.media),
        ("alg-opened-pinhole", Some(1))
    );
}

#[test]
fn media_alone_opened_nothing_for_the_next() {
    let mut path = Path::open();
    for ssrc in [0xabc, 0xdef] {
        path.set_up(1, &udp(5000));
        path.ask("PLAY");
        path.media(5000, ssrc, true);
        path.ask("TEARDOWN");
    }
    let findings = path.seen().findings;
    let told = findings
        .iter()
        .map(|found| (found.code.name(), found.subject.media));
    let pinhole = "alg-opened-pinhole";
    assert_eq!(
        told.collect::<Vec<_>>(),
        [(pinhole, Some(0)), (pinhole, Some(1))]
    );
}

#[test]
fn a_channel_that_is_used_again_is_counted_for_each_use() {
    let mut path = Path::open();
    for _ in 0..2 {
        path.set_up(1, TCP);
        path.ask("PLAY");
        path.media_inside(0xabc);
        path.ask("TEARDOWN");
    }
    assert_eq!(
        told(&path.seen()),
        [
            row("Some((0, 1))", true, [20, 20]),
            row("Some((0, 1))", false, [20, 20])
        ]
    );
}

#[test]
fn of_two_streams_each_keeps_its_place() {
    let mut path = Path::open();
    path.set_up(1, &udp(5000));
    path.set_up(2, &udp(5010));
    path.ask("PLAY");
    path.media(5000, 1, false);
    path.ask("PAUSE");
    path.set_up(1, TCP);
    path.set_up(2, "RTP/AVP/TCP;unicast;interleaved=2-3");
    path.ask("PLAY");
    path.media_inside(3);
    assert_eq!(
        told(&path.seen()),
        [
            row("5000", true, [0, 20]),
            row("5010", true, [0, 0]),
            row("Some((0, 1))", false, [20, 20]),
            row("Some((2, 3))", false, [0, 0])
        ]
    );
}

#[test]
fn attempts_without_end_are_kept_up_to_a_cap() {
    let mut path = Path::open();
    for number in 0..20 {
        path.set_up(1, &udp(5000 + 10 * number));
        path.ask("PLAY");
    }
    let told = told(&path.seen());
    assert_eq!(told.len(), 9);
    assert_eq!(told.last(), Some(&row("5190", false, [0, 0])));
}
