//! Media that a client records to a server, or speaks into a camera, and that stops.

use rtspscope_wire::Span;
use rtspscope_wire::sdp::StreamDirection;

use crate::model::{Close, MediaDirection, Repeated, ShutWindow, Side};
use crate::testkit::{LAN, Scene, WAN, at};

/// A client inside that records for a minute to a server outside.
const TALK: &str = "
    0.00 > ANNOUNCE rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 2 | Content-Type: application/sdp | Content-Length: 46 || v=0 | m=video 0 RTP/AVP 96 | a=control:track1
    0.01 < RTSP/1.0 200 OK | CSeq: 2
    0.02 > SETUP rtsp://203.0.113.10/a/track1 RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP/UDP;unicast;client_port=5000-5001;mode=record
    0.03 < RTSP/1.0 200 OK | CSeq: 3 | Session: 7 | Transport: RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=6970-6971;mode=record
    0.04 > RECORD rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 4 | Session: 7
    0.05 < RTSP/1.0 200 OK | CSeq: 4 | Session: 7
    60.0 > TEARDOWN rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 5 | Session: 7
    60.1 < RTSP/1.0 200 OK | CSeq: 5 | Session: 7";

fn in_band() -> String {
    TALK.replace(
        "RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=6970-6971;",
        "RTP/AVP/TCP;unicast;interleaved=0-1;",
    )
    .replace(
        "RTP/AVP/UDP;unicast;client_port=5000-5001;",
        "RTP/AVP/TCP;unicast;interleaved=0-1;",
    )
}

/// The same, where media of 40 ms ends at these seconds inside, next to the client, and outside, next to the server.
fn recorded(talk: &str, inside: f64, outside: f64) -> Scene {
    let mut scene = Scene::behind_nat(talk).rtp(900, 900);
    scene.media[0].direction = MediaDirection::FromClient;
    for (tap, last) in [(LAN, inside), (WAN, outside)] {
        let rtp = &mut scene.arrival(tap).rtp;
        (rtp.from, rtp.to) = (rtp.to, rtp.from);
        rtp.packets = if last < 40.0 { 750 } else { 1500 };
        rtp.last = Some(at(tap, last, 200));
        rtp.max_gap = Some(Span::from_millis(40));
    }
    scene.watched_until = [61.0; 2];
    scene
}

/// Codes and causes of what is more than information.
fn told(scene: Scene) -> Vec<(&'static str, String)> {
    let findings = scene.checked().findings.into_iter();
    let troubles = findings.filter(|finding| finding.severity > crate::Severity::Info);
    troubles
        .map(|finding| (finding.code.name(), finding.cause))
        .collect()
}

fn only(scene: Scene) -> String {
    let told = told(scene);
    let [("rtp-stalled", cause)] = &told[..] else {
        panic!("{told:?}")
    };
    cause.clone()
}

#[test]
fn what_the_router_lets_through_no_more_goes_on_next_to_the_client() {
    let snapshot = recorded(TALK, 59.9, 30.06).checked();
    let finding = &snapshot.findings[0];
    assert_eq!(finding.code.name(), "rtp-stalled");
    assert_eq!(
        finding.summary,
        "media stopped after 30.0 s while the session went on"
    );
    assert_eq!(
        finding.cause,
        "no packet in the last 29.9 s of the session; on the client's side of the router media went on for 29.8 s more: the router \
         stopped letting it through"
    );
    let notes: Vec<&str> = finding
        .evidence
        .iter()
        .map(|proof| proof.note.as_str())
        .collect();
    assert_eq!(
        notes,
        [
            "last RTP packet next to the server",
            "last RTP packet on the client's side",
            "the session's connection up to here"
        ]
    );
    assert_eq!(snapshot.findings.len(), 1);
}

#[test]
fn a_client_that_stops_is_told_as_such() {
    let cause = only(recorded(TALK, 30.0, 30.0));
    assert!(
        cause
            .ends_with("the client stopped sending: its packets ended on both sides of the router"),
        "{cause}"
    );
    let mut scene = recorded(TALK, 30.0, 30.0);
    scene.arrival(LAN).rtcp.goodbye = Some(at(LAN, 30.1, 301));
    assert_eq!(told(scene), []);
}

#[test]
fn a_client_may_end_its_session_some_seconds_after_its_last_packet() {
    assert_eq!(told(recorded(TALK, 54.0, 54.0)), []);
    assert_eq!(told(recorded(TALK, 59.9, 59.9)), []);
    let mut scene = recorded(TALK, 54.0, 54.0);
    for leg in &mut scene.legs {
        leg.closed = leg.closed.map(|close| Close {
            by: Side::Server,
            ..close
        });
    }
    assert_eq!(
        told(scene),
        [],
        "the server hangs up because it was asked to"
    );
}

#[test]
fn a_server_that_hangs_up_for_want_of_media_makes_a_short_silence_a_stall() {
    let talk = TALK.split("60.0 >").next().unwrap();
    let hung_up = |last: f64, by| {
        let mut scene = recorded(talk, last, last);
        for leg in &mut scene.legs {
            leg.last = at(leg.tap, 60.0, 40);
            leg.closed = Some(Close {
                by,
                reset: false,
                at: leg.last,
            });
        }
        let mut told = told(scene).into_iter();
        told.any(|(code, _)| code == "rtp-stalled")
    };
    assert!(hung_up(54.0, Side::Server));
    assert!(!hung_up(58.0, Side::Server));
    assert!(!hung_up(54.0, Side::Client));
}

#[test]
fn one_side_does_not_tell_who_stopped() {
    let mut scene =
        Scene::at_one_tap("192.168.1.100:40000", "203.0.113.10:554", TALK).rtp_at(LAN, 700);
    scene.media[0].direction = MediaDirection::FromClient;
    scene.arrival(LAN).rtp.last = Some(at(LAN, 30.0, 200));
    let cause = only(scene);
    assert!(
        cause.ends_with("whether the client or the router stopped cannot be told from one side"),
        "{cause}"
    );
}

#[test]
fn who_speaks_through_a_back_channel_may_pause_but_is_not_held_back() {
    let talk = TALK
        .replace("RECORD rtsp", "PLAY rtsp")
        .replace(";mode=record", "");
    let spoken = |inside: f64, outside: f64| {
        let mut scene = recorded(&talk, inside, outside);
        scene.media[0].sdp_direction = Some(StreamDirection::SendOnly);
        told(scene).len()
    };
    assert_eq!(spoken(30.0, 30.0), 0);
    assert_eq!(spoken(59.9, 30.0), 1);
}

#[test]
fn a_server_that_takes_no_more_shuts_its_window() {
    let mut scene = recorded(&in_band(), 30.0, 30.0);
    scene.legs[0].server_shut = Some(ShutWindow {
        count: 1,
        longest: Span::from_secs(29),
        total: Span::from_secs(29),
        until: at(LAN, 59.5, 0).at,
        first: at(LAN, 30.5, 220),
    });
    let snapshot = scene.checked();
    let finding = &snapshot.findings[0];
    assert_eq!(finding.code.name(), "rtp-stalled");
    assert!(
        finding
            .cause
            .ends_with("the server takes no more: its TCP window was zero for 29.0 s"),
        "{}",
        finding.cause
    );
    assert_eq!(finding.remedy, [super::LOOK_AT_SERVER]);
}

/// From `since` on what the client sends is not acknowledged inside, and outside is seen up to there.
fn held_up(since: f64) -> Scene {
    let mut scene = recorded(&in_band(), since, since);
    for leg in &mut scene.legs {
        let sent = &mut leg.from_client;
        (sent.isn, sent.seen, sent.reached) = (Some(1000), Some(5000), Some(5000));
        (sent.acknowledged, sent.last) = (Some(5000), Some(at(leg.tap, since, 80)));
    }
    let sent = &mut scene.legs[0].from_client;
    (sent.seen, sent.reached) = (Some(9000), Some(9000));
    (sent.since, sent.last) = (Some(at(LAN, since, 90)), Some(at(LAN, 60.9, 96)));
    sent.repeated = Some(Repeated {
        first: at(LAN, since + 0.2, 91),
        last: at(LAN, 60.9, 96),
        times: 6,
        len: 1400,
    });
    scene
}

#[test]
fn segments_of_the_client_that_never_come_out_are_the_routers_doing() {
    let all = told(held_up(30.0));
    let own: Vec<&(&str, String)> = all
        .iter()
        .filter(|(code, _)| *code == "rtp-stalled")
        .collect();
    let [(_, cause)] = &own[..] else {
        panic!("{all:?}")
    };
    assert_eq!(
        cause,
        "at lan the client waited 31.1 s for an acknowledgement and repeated its segments 6 times; none of them came to wan: the router \
         stopped letting them through"
    );
    let mut done = told(held_up(59.9)).into_iter();
    assert!(done.all(|(code, _)| code != "rtp-stalled"));
}
