//! Multicast whose group stands in the description alone: SETUP says `multicast` and names no destination.

use rtspscope_engine::Event;
use rtspscope_engine::model::TransportKind;

use crate::support::traffic::{LAN, Talk, Wire, message, sender_report};
use crate::support::{arrival, engine, only_session};

const WITH_PORT: &str = "RTP/AVP;multicast;port=5000-5001;ttl=16";
const CLIENT: &str = "192.168.1.100:40000";
const SERVER: &str = "203.0.113.10:554";

/// Sets up one medium of this description and plays it.
fn playing(sdp: &str, asked: &str, answered: &str) -> Wire {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    play(&mut wire, &mut talk, sdp, [asked, answered]);
    wire
}

fn play(wire: &mut Wire, talk: &mut Talk, sdp: &str, [asked, answered]: [&str; 2]) {
    let url = "rtsp://203.0.113.10/cam";
    let len = message(sdp).len() - 2;
    talk.exchange(
        wire,
        &format!("DESCRIBE {url} RTSP/1.0|CSeq: 1"),
        &format!("RTSP/1.0 200 OK|CSeq: 1|Content-Base: {url}/|Content-Type: application/sdp|Content-Length: {len}||{sdp}"),
    );
    talk.exchange(
        wire,
        &format!("SETUP {url}/track1 RTSP/1.0|CSeq: 2|Transport: {asked}"),
        &format!("RTSP/1.0 200 OK|CSeq: 2|Session: 1|Transport: {answered}"),
    );
    talk.exchange(
        wire,
        &format!("PLAY {url}/ RTSP/1.0|CSeq: 3|Session: 1"),
        "RTSP/1.0 200 OK|CSeq: 3|Session: 1",
    );
}

/// What carries the media, its group, and the packets of RTP and RTCP that came to `group`.
fn seen(mut wire: Wire, group: &str) -> (TransportKind, Option<String>, u64, u64) {
    wire.rtp(LAN, "203.0.113.10:6970", group, 7, 0..5);
    let (host, port) = group.rsplit_once(':').expect("an end");
    let reports = format!("{host}:{}", port.parse::<u16>().expect("a port") + 1);
    wire.udp(LAN, "203.0.113.10:6971", &reports, &sender_report(7));
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    let arrival = arrival(session, 0, 0);
    (
        session.transport,
        session.media[0].negotiated.destination.clone(),
        arrival.rtp.packets,
        arrival.rtcp.packets,
    )
}

const OF_MEDIUM: &str = "v=0|s=cam|c=IN IP4 239.9.9.9/8|m=video 5000 RTP/AVP 96|c=IN IP4 239.1.2.3/16|\
    a=rtpmap:96 H264/90000|a=control:track1";
const OF_SESSION: &str =
    "v=0|s=cam|c=IN IP4 239.1.2.3/16|m=video 0 RTP/AVP 96|a=rtpmap:96 H264/90000|a=control:track1";

#[test]
fn the_group_of_the_description_is_the_destination() {
    let known = |rtp, rtcp| {
        let group = Some("239.1.2.3".to_owned());
        (TransportKind::Multicast, group, rtp, rtcp)
    };
    let asked = "RTP/AVP;multicast";
    let wire = playing(OF_SESSION, asked, WITH_PORT);
    assert_eq!(seen(wire, "239.1.2.3:5000"), known(5, 1));
    // The port of the m= line, and the medium's own connection line before the session's.
    let wire = playing(OF_MEDIUM, asked, asked);
    assert_eq!(seen(wire, "239.1.2.3:5000"), known(5, 1));
    let wire = playing(OF_MEDIUM, asked, WITH_PORT);
    assert_eq!(seen(wire, "239.9.9.9:5000"), known(0, 0));
}

#[test]
fn a_destination_of_setup_goes_before_the_description() {
    let answered = "RTP/AVP;multicast;destination=239.7.7.7;port=5000-5001";
    let wire = playing(OF_MEDIUM, "RTP/AVP;multicast", answered);
    let group = Some("239.7.7.7".to_owned());
    assert_eq!(
        seen(wire, "239.7.7.7:5000"),
        (TransportKind::Multicast, group, 5, 1)
    );
}

/// Cameras describe their group although most clients ask for unicast.
#[test]
fn unicast_stays_unicast_whatever_the_description_says() {
    let wire = playing(
        OF_MEDIUM,
        "RTP/AVP;unicast;client_port=5000-5001",
        "RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971",
    );
    assert_eq!(
        seen(wire, "192.168.1.100:5000"),
        (TransportKind::Udp, None, 5, 1)
    );
}

#[test]
fn the_first_media_of_such_a_group_is_news() {
    let mut wire = playing(OF_MEDIUM, "RTP/AVP;multicast", "RTP/AVP;multicast");
    wire.rtp(LAN, "203.0.113.10:6970", "239.1.2.3:5000", 7, 0..5);
    let events = std::iter::from_fn(|| wire.engine.poll_output());
    let media = events.filter(|event| matches!(event, Event::MediaArrived { .. }));
    assert_eq!(media.count(), 1);
}

#[test]
fn what_comes_to_a_group_when_a_session_has_ended_is_the_next_ones() {
    let mut wire = Wire::new(engine(1));
    for (client, first, ssrc) in [(CLIENT, 1000, 7), ("192.168.1.100:40001", 5000, 8)] {
        let mut talk = Talk::open_with(&mut wire, LAN, client, SERVER, (first, first + 1000));
        let asked = "RTP/AVP;multicast";
        play(&mut wire, &mut talk, OF_SESSION, [asked, WITH_PORT]);
        wire.rtp(LAN, "203.0.113.10:6970", "239.1.2.3:5000", ssrc, 0..9);
        for _ in 0..2 {
            let report = sender_report(ssrc);
            wire.udp(LAN, "203.0.113.10:6971", "239.1.2.3:5001", &report);
        }
        talk.tear_down(&mut wire);
        wire.wait_ms(20_000);
    }
    let snapshot = wire.engine.snapshot();
    let packets = |session| {
        let arrival = arrival(session, 0, 0);
        (arrival.rtp.packets, arrival.rtcp.packets)
    };
    let packets: Vec<(u64, u64)> = snapshot.sessions.iter().map(packets).collect();
    assert_eq!(packets, [(9, 2), (9, 2)]);
}
