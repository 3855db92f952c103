//! The truth table of actions and effects, on hand-made sessions.

use rtspscope_wire::netfilter::Status;

use crate::model::Netfilter;
use crate::testkit::{Scene, UDP_TALK, WAN, addr, at, connection, expected, tcp_talk};

const REWRITTEN: [(&str, &str); 1] = [("client_port=5000-5001", "client_port=10000-10001")];

fn rewritten(talk: &str) -> String {
    REWRITTEN
        .iter()
        .fold(talk.to_owned(), |talk, (from, to)| talk.replace(from, to))
}

#[test]
fn a_client_that_punches_through_plain_nat_needs_no_alg() {
    let scene = Scene::behind_nat(UDP_TALK)
        .punch(0.035, 5000)
        .rtp(100, 100)
        .rtcp(2, 2);
    assert_eq!(scene.judged(), "none/harmless");
}

#[test]
fn media_inside_the_connection_needs_no_alg() {
    let mut scene = Scene::behind_nat(&tcp_talk());
    scene = scene.rtp(100, 100);
    assert_eq!(scene.judged(), "none/harmless");
}

#[test]
fn media_that_dies_at_a_plain_nat_misses_an_alg() {
    assert_eq!(
        Scene::behind_nat(UDP_TALK).rtp(0, 257).judged(),
        "none/missing"
    );
}

#[test]
fn a_punch_that_leaves_from_a_random_port_misses_an_alg_too() {
    assert_eq!(
        Scene::behind_nat(UDP_TALK)
            .punch(0.035, 61234)
            .rtp(0, 321)
            .judged(),
        "none/missing"
    );
}

#[test]
fn unasked_media_that_comes_in_with_unchanged_text_is_a_pinhole() {
    assert_eq!(
        Scene::behind_nat(UDP_TALK).rtp(80, 82).rtcp(1, 1).judged(),
        "pinhole/helped"
    );
}

/// The outer tap began after SETUP, or stopped before it.
#[test]
fn a_pinhole_with_another_port_outside_may_be_a_rewrite_that_was_not_seen() {
    let judged = |outside: Option<&str>, is_late: bool| {
        let packets = if outside.is_some() { 9 } else { 0 };
        let mut scene = Scene::behind_nat(UDP_TALK).rtp(9, packets);
        if let Some(outside) = outside {
            scene.arrival(WAN).rtp.to = Some(addr(outside));
        }
        let leg = &mut scene.legs[1];
        if is_late {
            (leg.client_isn, leg.server_isn) = (None, None);
        }
        leg.exchanges_mut().retain(|exchange| !exchange.is("SETUP"));
        scene.media[0].setup[1] = None;
        scene.judged()
    };
    for is_late in [false, true] {
        assert_eq!(judged(Some("203.0.113.1:5000"), is_late), "pinhole/helped");
        assert_eq!(judged(Some("203.0.113.1:10000"), is_late), "unknown/helped");
        assert_eq!(judged(None, is_late), "unknown/helped");
    }
}

#[test]
fn rtp_is_let_in_even_where_rtcp_is_not() {
    assert_eq!(
        Scene::behind_nat(UDP_TALK).rtp(78, 78).rtcp(0, 1).judged(),
        "pinhole/helped"
    );
}

#[test]
fn a_punch_after_the_first_packet_did_not_open_the_way_for_it() {
    assert_eq!(
        Scene::behind_nat(UDP_TALK)
            .punch(5.0, 5000)
            .rtp(80, 80)
            .judged(),
        "pinhole/helped"
    );
}

#[test]
fn a_rewrite_that_brings_unasked_media_in_helped() {
    assert_eq!(
        Scene::heard(UDP_TALK, &rewritten(UDP_TALK))
            .rtp(82, 82)
            .judged(),
        "rewrite/helped"
    );
}

#[test]
fn a_rewrite_of_a_session_that_had_punched_is_harmless() {
    let scene = Scene::heard(UDP_TALK, &rewritten(UDP_TALK))
        .punch(0.035, 5000)
        .rtp(82, 82);
    assert_eq!(scene.judged(), "rewrite/harmless");
}

#[test]
fn a_rewrite_after_which_the_client_refuses_the_media_did_damage() {
    let scene = Scene::heard(UDP_TALK, &rewritten(UDP_TALK))
        .punch(0.035, 5000)
        .rtp(114, 114)
        .refuse(0.07, false);
    assert_eq!(scene.judged(), "rewrite/damaged");
}

#[test]
fn refusals_of_rtcp_or_at_the_end_are_no_damage() {
    let scene = || Scene::heard(UDP_TALK, &rewritten(UDP_TALK)).rtp(114, 114);
    assert_eq!(scene().refuse(0.07, true).judged(), "rewrite/helped");
    assert_eq!(scene().refuse(9.9, false).judged(), "rewrite/helped");
    assert_eq!(scene().refuse(10.2, false).judged(), "rewrite/helped");
}

#[test]
fn a_rewrite_that_leads_media_past_the_punched_hole_did_damage() {
    let scene = Scene::heard(UDP_TALK, &rewritten(UDP_TALK))
        .punch(0.035, 5000)
        .rtp(0, 90);
    assert_eq!(scene.judged(), "rewrite/damaged");
}

#[test]
fn a_rewrite_without_an_opening_leaves_the_media_missing() {
    assert_eq!(
        Scene::heard(UDP_TALK, &rewritten(UDP_TALK))
            .rtp(0, 90)
            .judged(),
        "rewrite/missing"
    );
}

const UNANSWERED: &str = "
    0.00 > OPTIONS rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 1
    0.01 < RTSP/1.0 200 OK | CSeq: 1
    0.02 > SETUP rtsp://203.0.113.10/a/track1 RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP;client_port=5000-5001;destination=192.168.1.100
    9.00 > SETUP rtsp://203.0.113.10/a/track1 RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP;client_port=5000-5001;destination=192.168.1.100";

#[test]
fn a_broken_request_that_is_never_answered_is_damage() {
    let wan = UNANSWERED.replace("destination=192.168.1.100", "destination=203.0.113.1\\n");
    assert_eq!(Scene::heard(UNANSWERED, &wan).judged(), "rewrite/damaged");
}

#[test]
fn a_broken_request_with_which_the_capture_ends_is_none_yet() {
    let asked = UNANSWERED.split("9.00 >").next().unwrap_or_default();
    let wan = asked.replace("destination=192.168.1.100", "destination=203.0.113.1\\n");
    let judged = |until: f64| {
        let mut scene = Scene::heard(asked, &wan);
        for leg in &mut scene.legs {
            (leg.closed, leg.last) = (None, at(leg.tap, 0.02, 6));
        }
        scene.watched_until = [until; 2];
        scene.judged()
    };
    assert_eq!(judged(1.0), "rewrite/unknown");
    assert_eq!(judged(2.1), "rewrite/damaged");
}

#[test]
fn an_unbroken_request_that_is_never_answered_cannot_be_judged() {
    assert_eq!(Scene::behind_nat(UNANSWERED).judged(), "none/unknown");
}

#[test]
fn a_refusal_by_the_server_itself_is_not_the_routers() {
    let talk = "
        0.00 > DESCRIBE rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 1
        0.01 < RTSP/1.0 404 Not Found | CSeq: 1";
    assert_eq!(Scene::behind_nat(talk).judged(), "none/harmless");
}

#[test]
fn a_server_that_sends_nothing_cannot_be_judged() {
    assert_eq!(
        Scene::behind_nat(UDP_TALK).rtp(0, 0).judged(),
        "none/unknown"
    );
}

#[test]
fn a_proxy_helps_media_in_and_does_nothing_for_media_in_the_connection() {
    assert_eq!(
        Scene::heard(UDP_TALK, &rewritten(UDP_TALK))
            .proxied()
            .rtp(104, 104)
            .judged(),
        "proxy/helped"
    );
    assert_eq!(
        Scene::behind_nat(&tcp_talk())
            .proxied()
            .rtp(104, 104)
            .judged(),
        "proxy/harmless"
    );
}

#[test]
fn a_camera_behind_a_port_forward_sends_outwards_and_needs_no_help() {
    assert_eq!(
        Scene::camera_inside(UDP_TALK, UDP_TALK)
            .rtp(78, 78)
            .judged(),
        "none/harmless"
    );
}

#[test]
fn one_side_alone_is_not_judged() {
    let mut scene = Scene::behind_nat(UDP_TALK).rtp(10, 10);
    scene.legs.pop();
    for media in &mut scene.media {
        media.per_leg.pop();
        media.setup.pop();
    }
    assert_eq!(scene.judged(), "unknown/unknown");
}

#[test]
fn encrypted_text_is_not_judged() {
    let mut scene = Scene::behind_nat(UDP_TALK).rtp(10, 10);
    scene.legs[0].encrypted = true;
    assert_eq!(scene.judged(), "unknown/unknown");
}

#[test]
fn a_digest_that_covers_the_uri_before_the_rewrite_is_damage_where_it_is_refused() {
    let talk = |status: &str| {
        format!(
            "
    0.0 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 1
    0.1 < RTSP/1.0 401 Unauthorized | CSeq: 1
    0.2 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 2 | Authorization: Digest uri=\"rtsp://h/a\"
    0.3 < RTSP/1.0 {status} | CSeq: 2"
        )
    };
    let judged = |status: &str, from: &str, to: &str| {
        let lan = talk(status);
        Scene::heard(&lan, &lan.replacen(from, to, 2)).judged()
    };
    let (from, to) = ("DESCRIBE rtsp://h/a", "DESCRIBE rtsp://h:554/a");
    assert_eq!(judged("401 Unauthorized", from, to), "rewrite/damaged");
    assert_eq!(judged("401 Unauthorized", from, from), "none/harmless");
}

fn with_netfilter(scene: Scene, netfilter: Netfilter) -> Scene {
    Scene {
        netfilter: Some(netfilter),
        ..scene
    }
}

fn punching() -> Scene {
    Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(100, 100)
}

/// The same as one side alone sees it.
fn one_side(mut scene: Scene) -> Scene {
    scene.legs.pop();
    for media in &mut scene.media {
        media.per_leg.pop();
        media.setup.pop();
    }
    scene
}

#[test]
fn a_helper_that_expects_media_is_a_pinhole_though_the_client_opened_the_way_too() {
    let expecting = Netfilter {
        expectations: vec![expected(5000)],
        ..Netfilter::default()
    };
    let scene = with_netfilter(punching(), expecting.clone());
    assert_eq!(scene.judged(), "pinhole/harmless");
    let scene = with_netfilter(one_side(punching()), expecting);
    assert_eq!(scene.judged(), "pinhole/unknown");
}

#[test]
fn adjusted_sequence_numbers_are_a_rewrite_though_one_side_only_was_seen() {
    let mut entry = connection(Some("rtsp"));
    entry.status = Status(Status::SEQ_ADJUST.0 | Status::HELPER.0);
    let adjusted = Netfilter {
        connection: Some(entry),
        ..Netfilter::default()
    };
    let scene = with_netfilter(one_side(punching()), adjusted);
    assert_eq!(scene.judged(), "rewrite/unknown");
}

#[test]
fn a_helper_that_is_attached_and_does_nothing_is_no_action() {
    let attached = Netfilter {
        connection: Some(connection(Some("rtsp"))),
        ..Netfilter::default()
    };
    assert_eq!(
        with_netfilter(punching(), attached).judged(),
        "none/harmless"
    );
}
