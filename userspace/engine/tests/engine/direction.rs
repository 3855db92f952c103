//! Media that the client sends: it speaks to a camera through a back channel, or it records to a server.

use rtspscope_engine::model::{Arrival, MediaDirection, Session};
use rtspscope_engine::{Severity, Snapshot};

use crate::support::traffic::{
    LAN, RECEIVER_REPORT, Talk, WAN, Wire, interleaved, message, rtp_packet, sender_report,
};
use crate::support::{arrival, engine, only_session};

const CLIENT: &str = "192.168.1.100:40000";
const ROUTER: &str = "203.0.113.1:40000";
const SERVER: &str = "203.0.113.10:554";

const RECORD_SDP: &str =
    "v=0|s=mine|m=video 0 RTP/AVP 96|a=rtpmap:96 H264/90000|a=control:streamid=0";
const TALK_SDP: &str = "v=0|s=cam|m=video 0 RTP/AVP 96|a=rtpmap:96 H264/90000|a=control:video|a=recvonly|\
    m=audio 0 RTP/AVP 0|a=control:back|a=sendonly";

fn with_body(head: &str, sdp: &str) -> String {
    let len = message(sdp).len() - 2;
    format!("{head}|Content-Type: application/sdp|Content-Length: {len}||{sdp}")
}

/// Announces one medium and records it with this Transport; the server answers with its part of it.
fn record(wire: &mut Wire, talk: &mut Talk, asked: &str, answered: &str) {
    let announce = "ANNOUNCE rtsp://203.0.113.10/live RTSP/1.0|CSeq: 1";
    talk.exchange(
        wire,
        &with_body(announce, RECORD_SDP),
        "RTSP/1.0 200 OK|CSeq: 1",
    );
    talk.exchange(
        wire,
        &format!("SETUP rtsp://203.0.113.10/live/streamid=0 RTSP/1.0|CSeq: 2|Transport: {asked}"),
        &format!("RTSP/1.0 200 OK|CSeq: 2|Session: 7|Transport: {answered}"),
    );
    talk.exchange(
        wire,
        "RECORD rtsp://203.0.113.10/live RTSP/1.0|CSeq: 3|Session: 7|Range: npt=0.000-",
        "RTSP/1.0 200 OK|CSeq: 3|Session: 7",
    );
}

const RECORD_UDP: [&str; 2] = [
    "RTP/AVP/UDP;unicast;client_port=5000-5001;mode=record",
    "RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=6970-6971;mode=record",
];

/// Sets up the picture and the back channel of a camera; `require` is what the client says of it.
fn speak(wire: &mut Wire, talk: &mut Talk, require: &str, transports: [[&str; 2]; 2]) {
    let answer = "RTSP/1.0 200 OK|CSeq: 1|Content-Base: rtsp://203.0.113.10/cam/";
    talk.exchange(
        wire,
        &format!("DESCRIBE rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1{require}"),
        &with_body(answer, TALK_SDP),
    );
    for (number, (control, [asked, answered])) in
        (2..).zip(["video", "back"].iter().zip(transports))
    {
        talk.exchange(
            wire,
            &format!(
                "SETUP rtsp://203.0.113.10/cam/{control} RTSP/1.0|CSeq: {number}|Transport: {asked}"
            ),
            &format!("RTSP/1.0 200 OK|CSeq: {number}|Session: 7|Transport: {answered}"),
        );
    }
    talk.exchange(
        wire,
        "PLAY rtsp://203.0.113.10/cam/ RTSP/1.0|CSeq: 4|Session: 7",
        "RTSP/1.0 200 OK|CSeq: 4|Session: 7",
    );
}

const REQUIRE: &str = "|Require: www.onvif.org/ver20/backchannel";
const TALK_UDP: [[&str; 2]; 2] = [
    [
        "RTP/AVP;unicast;client_port=5000-5001",
        "RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971",
    ],
    [
        "RTP/AVP;unicast;client_port=5002-5003",
        "RTP/AVP;unicast;client_port=5002-5003;server_port=6972-6973",
    ],
];
const TALK_TCP: [[&str; 2]; 2] = [
    ["RTP/AVP/TCP;unicast;interleaved=0-1"; 2],
    ["RTP/AVP/TCP;unicast;interleaved=2-3"; 2],
];

/// Findings that are more than information, when the session has gone on for `secs` more and ended.
fn ended(mut wire: Wire, mut talks: Vec<Talk>, secs: i64) -> (Snapshot, Vec<&'static str>) {
    wire.wait_ms(secs * 1000);
    for talk in &mut talks {
        talk.tear_down(&mut wire);
        talk.client_closes(&mut wire);
    }
    let snapshot = wire.engine.snapshot();
    let findings = snapshot.findings.iter();
    let troubles = findings
        .filter(|finding| finding.severity > Severity::Info)
        .map(|finding| finding.code.name())
        .collect();
    (snapshot, troubles)
}

/// Packets, lost ones, receiver and sender of a medium's RTP at a leg.
fn rtp(session: &Session, media: usize, leg: usize) -> (u64, Option<u64>, String, String) {
    let rtp = &arrival(session, media, leg).rtp;
    let end =
        |end: Option<std::net::SocketAddr>| end.map_or_else(String::new, |end| end.to_string());
    (rtp.packets, rtp.lost, end(rtp.from), end(rtp.to))
}

#[test]
fn a_back_channel_over_udp_is_counted_from_the_client() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    speak(&mut wire, &mut talk, REQUIRE, TALK_UDP);
    wire.rtp(LAN, "203.0.113.10:6970", "192.168.1.100:5000", 7, 0..8);
    wire.rtp(
        LAN,
        "192.168.1.100:5002",
        "203.0.113.10:6972",
        8,
        [1, 2, 4, 5],
    );
    wire.udp(
        LAN,
        "192.168.1.100:5003",
        "203.0.113.10:6973",
        &sender_report(8),
    );
    wire.udp(
        LAN,
        "203.0.113.10:6973",
        "192.168.1.100:5003",
        &RECEIVER_REPORT,
    );
    let (snapshot, troubles) = ended(wire, vec![talk], 0);
    let session = only_session(&snapshot);
    let directions: Vec<MediaDirection> =
        session.media.iter().map(|media| media.direction).collect();
    assert_eq!(
        directions,
        [MediaDirection::FromServer, MediaDirection::FromClient]
    );
    let to = |text: &str| text.to_owned();
    assert_eq!(
        rtp(session, 0, 0),
        (
            8,
            Some(0),
            to("203.0.113.10:6970"),
            to("192.168.1.100:5000")
        )
    );
    assert_eq!(
        rtp(session, 1, 0),
        (
            4,
            Some(1),
            to("192.168.1.100:5002"),
            to("203.0.113.10:6972")
        )
    );
    let rtcp = &arrival(session, 1, 0).rtcp;
    assert_eq!(
        (rtcp.packets, rtcp.sender_reports, rtcp.receiver_reports),
        (1, 1, 1)
    );
    assert_eq!(troubles, [""; 0]);
}

#[test]
fn a_back_channel_inside_the_connection_is_counted_from_the_client() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    speak(&mut wire, &mut talk, REQUIRE, TALK_TCP);
    for number in 0..6 {
        talk.server_says(&mut wire, &interleaved(0, &rtp_packet(number, 7)));
        talk.client_says(&mut wire, &interleaved(2, &rtp_packet(number, 8)));
    }
    talk.client_says(&mut wire, &interleaved(3, &sender_report(8)));
    talk.server_says(&mut wire, &interleaved(3, &RECEIVER_REPORT));
    let (snapshot, troubles) = ended(wire, vec![talk], 0);
    let session = only_session(&snapshot);
    assert_eq!(
        rtp(session, 1, 0),
        (6, Some(0), CLIENT.to_owned(), SERVER.to_owned())
    );
    let Arrival { rtcp, .. } = arrival(session, 1, 0);
    assert_eq!(
        (rtcp.packets, rtcp.sender_reports, rtcp.receiver_reports),
        (1, 1, 1)
    );
    assert_eq!(rtp(session, 0, 0).0, 6);
    assert_eq!(troubles, [""; 0]);
}

/// Cameras write `a=sendonly` of themselves, too.
#[test]
fn a_medium_that_is_called_sendonly_is_whose_packets_it_carries() {
    let direction = |from: &str, to: &str| {
        let mut wire = Wire::new(engine(1));
        let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
        speak(&mut wire, &mut talk, "", TALK_UDP);
        wire.rtp(LAN, from, to, 8, 0..4);
        let snapshot = wire.engine.snapshot();
        let session = only_session(&snapshot);
        (session.media[1].direction, rtp(session, 1, 0).0)
    };
    let (client, server) = ("192.168.1.100:5002", "203.0.113.10:6972");
    assert_eq!(direction(client, server), (MediaDirection::FromClient, 4));
    assert_eq!(direction(server, client), (MediaDirection::FromServer, 4));
}

#[test]
fn nobody_who_speaks_is_no_fault() {
    let mut wire = Wire::new(engine(2));
    let mut inside = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    speak(&mut wire, &mut inside, REQUIRE, TALK_UDP);
    let mut outside = Talk::open(&mut wire, WAN, ROUTER, SERVER);
    speak(&mut wire, &mut outside, REQUIRE, TALK_UDP);
    wire.udp(LAN, "192.168.1.100:5000", "203.0.113.10:6970", b"hole");
    for number in 0..20 {
        wire.rtp(WAN, "203.0.113.10:6970", "203.0.113.1:5000", 7, [number]);
        wire.rtp(LAN, "203.0.113.10:6970", "192.168.1.100:5000", 7, [number]);
    }
    let (_, troubles) = ended(wire, vec![inside, outside], 9);
    assert_eq!(troubles, [""; 0]);
}

/// The router takes another port for what the client sends.
#[test]
fn a_recording_is_followed_through_the_router() {
    let mut wire = Wire::new(engine(2));
    let mut inside = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    record(&mut wire, &mut inside, RECORD_UDP[0], RECORD_UDP[1]);
    let mut outside = Talk::open(&mut wire, WAN, ROUTER, SERVER);
    record(&mut wire, &mut outside, RECORD_UDP[0], RECORD_UDP[1]);
    for number in 0..20 {
        wire.rtp(LAN, "192.168.1.100:5000", "203.0.113.10:6970", 9, [number]);
        wire.rtp(WAN, "203.0.113.1:61000", "203.0.113.10:6970", 9, [number]);
    }
    let (snapshot, troubles) = ended(wire, vec![inside, outside], 9);
    let session = only_session(&snapshot);
    assert_eq!(session.media[0].direction, MediaDirection::FromClient);
    let seen = [rtp(session, 0, 0), rtp(session, 0, 1)];
    assert_eq!([seen[0].0, seen[1].0], [20, 20]);
    assert_eq!(seen[1].2, "203.0.113.1:61000");
    assert_eq!(troubles, [""; 0]);
}

#[test]
fn a_recording_that_ends_in_the_router_never_reached_the_server() {
    let mut wire = Wire::new(engine(2));
    let mut inside = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    record(&mut wire, &mut inside, RECORD_UDP[0], RECORD_UDP[1]);
    let mut outside = Talk::open(&mut wire, WAN, ROUTER, SERVER);
    record(&mut wire, &mut outside, RECORD_UDP[0], RECORD_UDP[1]);
    wire.rtp(LAN, "192.168.1.100:5000", "203.0.113.10:6970", 9, 0..40);
    wire.udp(
        WAN,
        "203.0.113.1:53000",
        "198.51.100.7:53",
        b"something else",
    );
    let (snapshot, troubles) = ended(wire, vec![inside, outside], 9);
    assert_eq!(troubles, ["rtp-never-arrived"]);
    let finding = &snapshot.findings[0];
    assert_eq!(
        finding.summary,
        "40 RTP packets were sent and none reached the server's side"
    );
    assert_eq!(
        finding.cause,
        "lan saw 40 RTP packets for 203.0.113.10:6970, wan saw none"
    );
}

/// A recording of 20 s that leaves the router from these ports, for half of the time each, as far as any.
fn recorded_from(ports: [Option<u16>; 2]) -> (Snapshot, Vec<&'static str>) {
    let mut wire = Wire::new(engine(2));
    let mut inside = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    record(&mut wire, &mut inside, RECORD_UDP[0], RECORD_UDP[1]);
    let mut outside = Talk::open(&mut wire, WAN, ROUTER, SERVER);
    record(&mut wire, &mut outside, RECORD_UDP[0], RECORD_UDP[1]);
    for number in 0..500 {
        wire.wait_ms(40);
        wire.rtp(LAN, "192.168.1.100:5000", "203.0.113.10:6970", 9, [number]);
        if let Some(port) = ports[usize::from(number >= 250)] {
            let from = format!("203.0.113.1:{port}");
            wire.rtp(WAN, &from, "203.0.113.10:6970", 9, [number]);
        }
    }
    ended(wire, vec![inside, outside], 0)
}

#[test]
fn a_recording_that_the_router_lets_through_no_more_is_a_stall() {
    let (snapshot, troubles) = recorded_from([Some(5000), None]);
    assert_eq!(troubles, ["rtp-stalled"]);
    let cause = &snapshot.findings[0].cause;
    assert!(
        cause.contains("on the client's side of the router media went on for")
            && cause.ends_with("the router stopped letting it through"),
        "{cause}"
    );
}

#[test]
fn a_recording_that_the_router_lets_out_by_another_port_goes_on() {
    let (snapshot, troubles) = recorded_from([Some(5000), Some(61000)]);
    assert_eq!(rtp(only_session(&snapshot), 0, 1).0, 500);
    assert_eq!(troubles, [""; 0]);
}

#[test]
fn a_client_that_stops_recording_in_the_connection_is_told_of() {
    let mut wire = Wire::new(engine(2));
    let transport = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record";
    let mut talks = [(LAN, CLIENT), (WAN, ROUTER)].map(|(tap, client)| {
        let mut talk = Talk::open(&mut wire, tap, client, SERVER);
        record(&mut wire, &mut talk, transport, transport);
        talk
    });
    for number in 0..100 {
        wire.wait_ms(40);
        for talk in &mut talks {
            talk.client_says(&mut wire, &interleaved(0, &rtp_packet(number, 9)));
        }
    }
    let (snapshot, troubles) = ended(wire, talks.into(), 20);
    assert_eq!(troubles, ["rtp-stalled"]);
    let cause = &snapshot.findings[0].cause;
    let told = "the client stopped sending: its packets ended on both sides of the router";
    assert!(cause.ends_with(told), "{cause}");
}

#[test]
fn a_recording_inside_the_connection_is_counted() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    let transport = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record";
    record(&mut wire, &mut talk, transport, transport);
    for number in 0..5 {
        talk.client_says(&mut wire, &interleaved(0, &rtp_packet(number, 9)));
    }
    let (snapshot, troubles) = ended(wire, vec![talk], 9);
    let session = only_session(&snapshot);
    assert_eq!(
        rtp(session, 0, 0),
        (5, Some(0), CLIENT.to_owned(), SERVER.to_owned())
    );
    assert_eq!(session.media[0].clock_rate, Some(90_000));
    assert_eq!(troubles, [""; 0]);
}

/// A publisher that leaves the mode out records all the same.
#[test]
fn a_client_that_records_and_plays_nothing_sends() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    let [asked, answered] = RECORD_UDP.map(|text| text.replace(";mode=record", ""));
    record(&mut wire, &mut talk, &asked, &answered);
    wire.rtp(LAN, "192.168.1.100:5000", "203.0.113.10:6970", 9, 0..4);
    let (snapshot, troubles) = ended(wire, vec![talk], 9);
    assert_eq!(rtp(only_session(&snapshot), 0, 0).0, 4);
    assert_eq!(troubles, [""; 0]);
}
