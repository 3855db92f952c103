//! Whose media it is where addresses and ports alone do not tell.

mod leftover;
mod one_port;
mod refusals;

use rtspscope_engine::Snapshot;

use crate::support::traffic::{LAN, Talk, WAN, Wire, interleaved, rtp_packet};
use crate::support::{arrival, engine, only_session};

const SERVER: &str = "203.0.113.10:554";
const HOSTS: [&str; 2] = ["192.168.1.40", "192.168.1.41"];

/// Sets up ports 5000-5001 in a session of this name and plays it.
fn play(talk: &mut Talk, wire: &mut Wire, session: &str) {
    let transport = "Transport: RTP/AVP;unicast;client_port=5000-5001";
    talk.exchange(
        wire,
        &format!("SETUP rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1|{transport}"),
        &format!("RTSP/1.0 200 OK|CSeq: 1|Session: {session}|{transport};server_port=6970-6971"),
    );
    talk.exchange(
        wire,
        &format!("PLAY rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 2|Session: {session}"),
        &format!("RTSP/1.0 200 OK|CSeq: 2|Session: {session}"),
    );
}

/// Two hosts ask for the same ports through one router; the host `winner` punches first and keeps them, the other one's
/// hole is made elsewhere. Media goes to the ports that both asked for.
fn two_hosts_ask_for_the_same_ports(winner: usize) -> Snapshot {
    let mut wire = Wire::new(engine(2));
    for (tap, clients) in [
        (LAN, ["192.168.1.40:40000", "192.168.1.41:40001"]),
        (WAN, ["203.0.113.1:40000", "203.0.113.1:40001"]),
    ] {
        wire.now_ms = 0;
        for (client, first) in clients.into_iter().zip([1000, 5000]) {
            let isn = (first, first + 1000);
            let mut talk = Talk::open_with(&mut wire, tap, client, SERVER, isn);
            play(&mut talk, &mut wire, &first.to_string());
        }
    }
    let (kept, moved) = (HOSTS[winner], HOSTS[1 - winner]);
    let punch = |wire: &mut Wire, tap, from: &str| {
        wire.udp(tap, from, "203.0.113.10:6970", b"hole");
    };
    punch(&mut wire, LAN, &format!("{kept}:5000"));
    punch(&mut wire, LAN, &format!("{moved}:5000"));
    punch(&mut wire, WAN, "203.0.113.1:5000");
    punch(&mut wire, WAN, "203.0.113.1:33225");
    for number in 0..30 {
        let from = "203.0.113.10:6970";
        wire.rtp(WAN, from, "203.0.113.1:5000", 7, [number]);
        wire.rtp(LAN, from, &format!("{kept}:5000"), 7, [number]);
    }
    wire.engine.snapshot()
}

#[test]
fn media_at_a_port_that_two_hosts_asked_for_is_that_hosts_whom_it_reached() {
    for winner in [0, 1] {
        let snapshot = two_hosts_ask_for_the_same_ports(winner);
        let counts: Vec<_> = snapshot
            .sessions
            .iter()
            .map(|session| {
                let packets = |leg| arrival(session, 0, leg).rtp.packets;
                let holes = &arrival(session, 0, 1).from_client;
                let kept_port = holes.iter().any(|hole| hole.from.port() == 5000);
                let host = session.client.ip().to_string();
                (host, packets(0), packets(1), kept_port)
            })
            .collect();
        let expected = [0, 1].map(|host| {
            let packets = if host == winner { 30 } else { 0 };
            (HOSTS[host].to_owned(), packets, packets, host == winner)
        });
        assert_eq!(counts, expected);
    }
}

/// The server has a port or a source for each of two clients that asked for the same port behind one public address.
#[test]
fn media_at_a_port_that_two_hosts_asked_for_is_that_session_whose_port_or_source_sends_it() {
    for (ports, sources) in [
        ([8000, 8002], [None; 2]),
        ([8000, 8000], [Some(0xA), Some(0xB)]),
    ] {
        let mut wire = Wire::new(engine(1));
        for (index, client) in ["203.0.113.1:40000", "203.0.113.1:40001"]
            .into_iter()
            .enumerate()
        {
            let mut talk = Talk::open_with(&mut wire, WAN, client, SERVER, (1000, 2000));
            let transport = "Transport: RTP/AVP;unicast;client_port=5000-5001";
            let ssrc =
                sources[index].map_or_else(String::new, |ssrc: u32| format!(";ssrc={ssrc:08X}"));
            let port = ports[index];
            talk.exchange(
                &mut wire,
                &format!("SETUP rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1|{transport}"),
                &format!(
                    "RTSP/1.0 200 OK|CSeq: 1|Session: {index}|{transport};server_port={port}-{}{ssrc}",
                    port + 1
                ),
            );
        }
        for number in 0..30 {
            for (port, ssrc) in [
                (ports[0], 0xA),
                (ports[1] + u16::from(ports[0] == ports[1]) * 4, 0xB),
            ] {
                let from = format!("203.0.113.10:{port}");
                wire.rtp(WAN, &from, "203.0.113.1:5000", ssrc, [number]);
            }
        }
        let snapshot = wire.engine.snapshot();
        let sent: Vec<_> = snapshot
            .sessions
            .iter()
            .map(|session| &arrival(session, 0, 0).rtp)
            .map(|rtp| (rtp.packets, rtp.ssrc))
            .collect();
        assert_eq!(sent, [(30, Some(0xA)), (30, Some(0xB))], "{ports:?}");
    }
}

/// Two hosts ask for the same ports; the server has a port for each and sends both media to the one that the first host's packet
/// opened.
#[test]
fn media_that_a_nat_takes_to_another_viewer_are_not_that_viewers() {
    let mut wire = Wire::new(engine(2));
    for (tap, clients) in [
        (LAN, ["192.168.1.40:40000", "192.168.1.41:40001"]),
        (WAN, ["203.0.113.1:40000", "203.0.113.1:40001"]),
    ] {
        wire.now_ms = 0;
        for (index, client) in clients.into_iter().enumerate() {
            let first = 1000 + 4000 * index as u32;
            let mut talk = Talk::open_with(&mut wire, tap, client, SERVER, (first, first + 1000));
            let transport = "Transport: RTP/AVP;unicast;client_port=5000-5001";
            let port = 8000 + 2 * index;
            talk.exchange(
                &mut wire,
                &format!("SETUP rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1|{transport}"),
                &format!(
                    "RTSP/1.0 200 OK|CSeq: 1|Session: {index}|{transport};server_port={port}-{}",
                    port + 1
                ),
            );
            talk.exchange(
                &mut wire,
                &format!("PLAY rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 2|Session: {index}"),
                &format!("RTSP/1.0 200 OK|CSeq: 2|Session: {index}"),
            );
        }
    }
    for (index, port) in [(0, 5000), (1, 61_000)] {
        let to = format!("203.0.113.10:{}", 8000 + 2 * index);
        wire.udp(LAN, &format!("192.168.1.4{index}:5000"), &to, b"hole");
        wire.udp(WAN, &format!("203.0.113.1:{port}"), &to, b"hole");
    }
    for number in 0..30 {
        for (port, ssrc) in [(8000, 0xA), (8002, 0xB)] {
            let from = format!("203.0.113.10:{port}");
            wire.rtp(WAN, &from, "203.0.113.1:5000", ssrc, [number]);
            wire.rtp(LAN, &from, "192.168.1.40:5000", ssrc, [number]);
        }
        wire.wait_ms(20);
    }
    let snapshot = wire.engine.snapshot();
    let seen: Vec<_> = snapshot
        .sessions
        .iter()
        .map(|session| {
            let rtp = [0, 1].map(|leg| &arrival(session, 0, leg).rtp);
            rtp.map(|rtp| (rtp.packets, rtp.ssrc))
        })
        .collect();
    assert_eq!(seen, [[(30, Some(0xA)); 2], [(30, Some(0xB)); 2]]);
    let told: Vec<_> = snapshot
        .findings
        .iter()
        .map(|finding| (finding.code.name(), finding.subject.session))
        .collect();
    let second = Some(snapshot.sessions[1].id);
    assert_eq!(
        told,
        [("rtp-wrong-port", second), ("nat-port-randomised", second)]
    );
}

/// A server with one source and one port for all who watch, and a player that left without a word behind the same address.
#[test]
fn what_goes_on_to_a_player_that_left_is_not_the_next_ones() {
    let mut wire = Wire::new(engine(2));
    let server = "203.0.113.10:8000";
    let transport = "Transport: RTP/AVP;unicast;client_port=5000-5001";
    let mut talks = [(LAN, "192.168.1.40:40000"), (WAN, "203.0.113.1:40000")]
        .map(|(tap, client)| Talk::open(&mut wire, tap, client, "203.0.113.10:554"));
    for (request, response) in [
        (
            format!("SETUP rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1|{transport}"),
            format!("RTSP/1.0 200 OK|CSeq: 1|Session: 1|{transport};server_port=8000-8001"),
        ),
        (
            "PLAY rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 2|Session: 1".to_owned(),
            "RTSP/1.0 200 OK|CSeq: 2|Session: 1".to_owned(),
        ),
    ] {
        for talk in &mut talks {
            talk.exchange(&mut wire, &request, &response);
        }
    }
    wire.udp(LAN, "192.168.1.40:5000", server, b"hole");
    wire.udp(WAN, "203.0.113.1:5000", server, b"hole");
    for number in 0..80 {
        wire.rtp(WAN, server, "203.0.113.1:44550", 0xA, [number]);
        wire.rtp(WAN, server, "203.0.113.1:5000", 0xA, [number]);
        wire.rtp(LAN, server, "192.168.1.40:5000", 0xA, [number]);
        wire.wait_ms(20);
    }
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    let packets = [0, 1].map(|leg| arrival(session, 0, leg).rtp.packets);
    assert_eq!(packets, [80, 80]);
    let codes: Vec<_> = snapshot
        .findings
        .iter()
        .map(|finding| finding.code.name())
        .collect();
    assert!(!codes.contains(&"rtp-wrong-port"), "{codes:?}");
}

/// A camera that answers each SETUP with the same port, or the same channels, and sends all of its media there.
#[test]
fn media_that_share_a_port_or_a_channel_are_told_apart_by_source_and_payload_type() {
    let sdp = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:1\r\n\
        m=audio 0 RTP/AVP 97\r\na=rtpmap:97 PCMU/8000\r\na=control:2\r\n";
    for (transport, channel, announces) in [
        ("RTP/AVP;unicast;client_port=5000", None, false),
        ("RTP/AVP;unicast;client_port=5000", None, true),
        ("RTP/AVP/TCP;unicast;interleaved=0-1", Some(0), false),
    ] {
        let mut wire = Wire::new(engine(1));
        let mut talk = Talk::open(&mut wire, LAN, "192.168.1.40:40000", SERVER);
        let uri = "rtsp://203.0.113.10/cam/";
        talk.exchange(
            &mut wire,
            &format!("DESCRIBE {uri} RTSP/1.0|CSeq: 1"),
            &format!("RTSP/1.0 200 OK|CSeq: 1|Content-Base: {uri}|Content-Type: application/sdp|Content-Length: {}", sdp.len()),
        );
        talk.server_says(&mut wire, sdp.as_bytes());
        for track in [1, 2] {
            let source = if announces {
                format!(";ssrc={track:08X}")
            } else {
                String::new()
            };
            talk.exchange(
                &mut wire,
                &format!("SETUP {uri}{track} RTSP/1.0|CSeq: {}|Transport: {transport}", 1 + track),
                &format!("RTSP/1.0 200 OK|CSeq: {}|Session: 1|Transport: {transport};server_port=6970{source}", 1 + track),
            );
        }
        // Where sources are announced, payload types are not asked: the audio has the video's here.
        let of_audio = if announces { 96 } else { 97 };
        for number in 0..40 {
            for (ssrc, payload_type) in [(1, 96), (2, of_audio)] {
                if ssrc == 2 && number % 2 == 1 {
                    continue;
                }
                let number = if ssrc == 2 { number / 2 } else { number };
                let mut packet = rtp_packet(number, ssrc);
                packet[1] = payload_type;
                match channel {
                    Some(channel) => talk.server_says(&mut wire, &interleaved(channel, &packet)),
                    None => wire.udp(LAN, "203.0.113.10:6970", "192.168.1.40:5000", &packet),
                }
            }
            wire.wait_ms(20);
        }
        let snapshot = wire.engine.snapshot();
        let session = &snapshot.sessions[0];
        let seen: Vec<_> = [0, 1]
            .map(|media| &arrival(session, media, 0).rtp)
            .map(|rtp| (rtp.packets, rtp.lost, rtp.ssrc, rtp.ssrc_changes))
            .into();
        let expected = [
            (40, Some(0), Some(1), Some(0)),
            (20, Some(0), Some(2), Some(0)),
        ];
        assert_eq!(seen, expected, "{transport} {announces}");
    }
}

/// A NAT before the tap gave the client other ports than it named, and the server sends to where its packets came from.
#[test]
fn what_goes_back_where_media_came_from_is_the_clients() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, WAN, "203.0.113.1:40000", SERVER);
    let transport = "Transport: RTP/AVP;unicast;client_port=5000-5001";
    talk.exchange(
        &mut wire,
        &format!("SETUP rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1|{transport}"),
        &format!("RTSP/1.0 200 OK|CSeq: 1|Session: 1|{transport}"),
    );
    talk.exchange(
        &mut wire,
        "PLAY rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 2|Session: 1",
        "RTSP/1.0 200 OK|CSeq: 2|Session: 1",
    );
    wire.udp(WAN, "203.0.113.1:61000", "203.0.113.10:6970", b"hole");
    wire.rtp(WAN, "203.0.113.10:6970", "203.0.113.1:61000", 7, 0..30);
    let snapshot = wire.engine.snapshot();
    let seen = arrival(&snapshot.sessions[0], 0, 0);
    let sent: Vec<u16> = seen
        .from_client
        .iter()
        .map(|sent| sent.from.port())
        .collect();
    assert_eq!((seen.rtp.packets, sent), (30, vec![61000]));
    let is_wrong = |finding: &rtspscope_engine::Finding| finding.code.name() == "rtp-wrong-port";
    assert!(!snapshot.findings.iter().any(is_wrong));
}

/// The messages of one tap were cut: they name no ports, and of the inner one not even that the stream was played. How many of
/// 30 packets are counted outside and inside, where these came.
fn known_by_source(inside: impl Iterator<Item = u16>) -> [u64; 2] {
    let mut wire = Wire::new(engine(2));
    let taps = [(LAN, "192.168.1.40:40000"), (WAN, "203.0.113.1:40000")];
    for (tap, client) in taps {
        wire.now_ms = 0;
        let mut talk = Talk::open_with(&mut wire, tap, client, SERVER, (1000, 2000));
        talk.exchange(
            &mut wire,
            "SETUP rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1",
            "RTSP/1.0 200 OK|CSeq: 1|Session: 1",
        );
        if tap == WAN {
            talk.exchange(
                &mut wire,
                "PLAY rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 2|Session: 1",
                "RTSP/1.0 200 OK|CSeq: 2|Session: 1",
            );
        }
    }
    let from = "203.0.113.10:6970";
    wire.rtp(WAN, from, "203.0.113.1:5000", 7, 0..30);
    wire.rtp(LAN, from, "192.168.1.40:5000", 7, inside);
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    [0, 1].map(|leg| arrival(session, 0, leg).rtp.packets)
}

#[test]
fn media_of_a_leg_that_tells_nothing_is_known_by_the_source_of_the_other() {
    assert_eq!(known_by_source(0..30), [30, 30]);
    let every_second = (0..30).step_by(2);
    assert_eq!(known_by_source(every_second), [15, 30]);
}
