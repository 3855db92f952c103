//! Media of a server that sends and receives all of them at one port: their content tells them apart.

use rtspscope_engine::Snapshot;

use crate::support::traffic::{LAN, Talk, WAN, Wire, message, rtp_packet};
use crate::support::{arrival, engine, only_session};

const SERVER: &str = "203.0.113.10:554";
const AT_SERVER: &str = "203.0.113.10:8000";
const INSIDE: [&str; 2] = ["192.168.1.100:5000", "192.168.1.100:5002"];
const SDP: &str = "v=0|s=cam|m=video 0 RTP/AVP 96|a=rtpmap:96 H264/90000|a=control:track1|m=audio 0 RTP/AVP 97|a=rtpmap:97 MPEG4-GENERIC/16000|a=control:track2";

/// A player behind a NAT sets up video at 5000-5001 and audio at 5002-5003, which an ALG makes `outside` and the port after the
/// next, and plays both. The answers end with `server_ports`.
fn play(wire: &mut Wire, outside: u16, server_ports: [&str; 2]) {
    let url = "rtsp://203.0.113.10/cam";
    for (tap, client, first_port) in [
        (LAN, "192.168.1.100:40000", 5000),
        (WAN, "203.0.113.1:40000", outside),
    ] {
        wire.now_ms = 0;
        let mut talk = Talk::open_with(wire, tap, client, SERVER, (1000, 2000));
        let length = message(SDP).len() - 2;
        talk.exchange(
            wire,
            &format!("DESCRIBE {url} RTSP/1.0|CSeq: 1"),
            &format!("RTSP/1.0 200 OK|CSeq: 1|Content-Base: {url}/|Content-Type: application/sdp|Content-Length: {length}||{SDP}"),
        );
        for (medium, server_port) in server_ports.into_iter().enumerate() {
            let port = first_port + 2 * medium as u16;
            let ports = format!("RTP/AVP;unicast;client_port={port}-{}", port + 1);
            let (cseq, track) = (medium + 2, medium + 1);
            talk.exchange(
                wire,
                &format!("SETUP {url}/track{track} RTSP/1.0|CSeq: {cseq}|Transport: {ports}"),
                &format!("RTSP/1.0 200 OK|CSeq: {cseq}|Session: 1|Transport: {ports}{server_port}"),
            );
        }
        talk.exchange(
            wire,
            &format!("PLAY {url}/ RTSP/1.0|CSeq: 4|Session: 1"),
            "RTSP/1.0 200 OK|CSeq: 4|Session: 1",
        );
    }
}

/// 30 packets of video and 20 of audio from these ends to these at one tap.
fn send(wire: &mut Wire, tap: rtspscope_wire::TapId, ends: [(&str, &str); 2]) {
    for number in 0..30 {
        for ((from, to), (payload_type, packets)) in ends.into_iter().zip([(96, 30), (97, 20)]) {
            let mut packet = rtp_packet(number, u32::from(payload_type));
            packet[1] = payload_type;
            if number < packets {
                wire.udp(tap, from, to, &packet);
            }
        }
    }
}

/// Packets of each medium at each tap.
fn counts(snapshot: &Snapshot) -> [[u64; 2]; 2] {
    let session = only_session(snapshot);
    [0, 1].map(|medium| [0, 1].map(|leg| arrival(session, medium, leg).rtp.packets))
}

#[test]
fn media_that_go_to_other_ports_than_agreed_are_each_their_own() {
    let shared = ";server_port=8000-8001";
    for (server_ports, from) in [
        ([shared; 2], [AT_SERVER; 2]),
        ([""; 2], ["203.0.113.10:6000", "203.0.113.10:6002"]),
    ] {
        let mut wire = Wire::new(engine(2));
        play(&mut wire, 5000, server_ports);
        let [video, audio] = from;
        send(
            &mut wire,
            WAN,
            [(video, "203.0.113.1:5010"), (audio, "203.0.113.1:5012")],
        );
        let snapshot = wire.engine.snapshot();
        assert_eq!(counts(&snapshot), [[0, 30], [0, 20]]);
        let mut wrong = snapshot.findings.iter().map(|found| found.code.name());
        assert!(wrong.any(|code| code == "rtp-wrong-port"));
    }
}

/// The NAT keeps the ports that the player punches from, or changes them, while an ALG changes the text; the server sends to where
/// the punches came from.
#[test]
fn media_through_holes_at_one_port_of_the_server_are_each_their_own() {
    for outside in [
        ["203.0.113.1:5000", "203.0.113.1:5002"],
        ["203.0.113.1:33000", "203.0.113.1:33001"],
    ] {
        let mut wire = Wire::new(engine(2));
        play(&mut wire, 7000, [";server_port=8000-8001"; 2]);
        for (inside, outside) in INSIDE.into_iter().zip(outside).rev() {
            wire.udp(LAN, inside, AT_SERVER, b"hole");
            wire.udp(WAN, outside, AT_SERVER, b"hole");
        }
        send(&mut wire, WAN, outside.map(|to| (AT_SERVER, to)));
        send(&mut wire, LAN, INSIDE.map(|to| (AT_SERVER, to)));
        let snapshot = wire.engine.snapshot();
        assert_eq!(counts(&snapshot), [[30; 2], [20; 2]]);
        let session = only_session(&snapshot);
        let holes = [0, 1].map(|medium| {
            let own = &arrival(session, medium, 1).from_client;
            own.iter()
                .map(|hole| hole.from.to_string())
                .collect::<Vec<_>>()
        });
        assert_eq!(holes, outside.map(|hole| vec![hole.to_owned()]));
    }
}

#[test]
fn media_that_a_client_sends_to_one_port_from_ports_that_a_nat_changed_are_each_their_own() {
    for is_late_inside in [false, true] {
        let mut wire = Wire::new(engine(2));
        play(&mut wire, 5000, [";server_port=8000-8001"; 2]);
        let outside = ["203.0.113.1:33001", "203.0.113.1:33000"];
        let mut taps = [(LAN, INSIDE), (WAN, outside)];
        if is_late_inside {
            taps.reverse();
        }
        for (tap, from) in taps {
            send(&mut wire, tap, from.map(|from| (from, AT_SERVER)));
        }
        let snapshot = wire.engine.snapshot();
        let session = only_session(&snapshot);
        let sent = [0, 1].map(|medium| {
            [0, 1].map(|leg| {
                let sent = arrival(session, medium, leg).from_client.iter();
                sent.map(|sent| sent.kinds.rtp).sum::<u64>()
            })
        });
        assert_eq!(sent, [[30; 2], [20; 2]], "{is_late_inside}");
    }
}

/// A second viewer behind the same address, whose description the capture lacks, may be the one that the media is for.
#[test]
fn media_that_may_be_for_another_viewer_is_left_to_nobody() {
    let mut wire = Wire::new(engine(2));
    play(&mut wire, 5000, [";server_port=8000-8001"; 2]);
    let mut other = Talk::open_with(&mut wire, WAN, "203.0.113.1:40001", SERVER, (7, 8));
    let transport = "Transport: RTP/AVP;unicast;client_port=6000-6001";
    other.exchange(
        &mut wire,
        &format!("SETUP rtsp://203.0.113.10/cam/track1 RTSP/1.0|CSeq: 1|{transport}"),
        &format!("RTSP/1.0 200 OK|CSeq: 1|Session: 2|{transport};server_port=8000-8001"),
    );
    let ends = [
        (AT_SERVER, "203.0.113.1:5010"),
        (AT_SERVER, "203.0.113.1:5012"),
    ];
    send(&mut wire, WAN, ends);
    let snapshot = wire.engine.snapshot();
    let sessions = snapshot.sessions.iter();
    let arrivals = sessions.flat_map(|session| session.media.iter().flat_map(|m| &m.arrivals));
    let video = arrivals.filter(|arrival| arrival.rtp.payload_type == Some(96));
    assert_eq!(video.count(), 0);
}
