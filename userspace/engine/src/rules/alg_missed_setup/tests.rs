//! Where the finding fires, and the nearest cases where it must not.

use super::by_setup;
use crate::model::Netfilter;
use crate::testkit::{Scene, UDP_TALK, WAN, addr, at, connection, expected, read_at, with_helper};

/// A session whose media died at the NAT, under a helper (or none) that expected a port (or nothing).
fn under(helper: Option<&str>, port: Option<u16>) -> Scene {
    let netfilter = Netfilter {
        connection: Some(connection(helper)),
        expectations: port.map(expected).into_iter().collect(),
        ..Netfilter::default()
    };
    Scene {
        netfilter: Some(netfilter),
        ..Scene::behind_nat(&spaced()).rtp(0, 80)
    }
}

#[test]
fn fires_when_the_attached_helper_expected_nothing() {
    let snapshot = under(Some("rtsp"), None).checked();
    let mut findings = snapshot.findings.iter();
    let finding = findings
        .find(|finding| finding.code.name() == "alg-missed-setup")
        .unwrap();
    assert!(
        finding.cause.starts_with(
            "netfilter's own table: helper rtsp is attached to this connection, and expected no media for it; its SETUP has "
        ),
        "{}",
        finding.cause
    );
}

#[test]
fn is_silent_without_a_helper_and_when_the_helper_expected_the_medium() {
    for scene in [under(None, None), under(Some("rtsp"), Some(5000))] {
        assert!(!scene.troubles().contains(&"alg-missed-setup"));
    }
}

/// A session whose media died at the NAT of a router whose helper is assigned to these ports.
fn assigned_to(ports: &[u16]) -> Scene {
    Scene {
        setup: Some(with_helper(ports)),
        ..Scene::behind_nat(UDP_TALK).rtp(0, 80)
    }
}

#[test]
fn fires_when_the_helper_is_assigned_to_other_ports_only() {
    let mut findings = assigned_to(&[8554]).checked().findings.into_iter();
    let finding = findings
        .find(|finding| finding.code.name() == "alg-missed-setup")
        .unwrap();
    assert_eq!(
        finding.summary,
        "the router has an ALG, and it does not watch port 554"
    );
    assert_eq!(
        finding.cause,
        "the router's setup: a rule of nftables assigns helper rtsp to port 8554 only, and not to 554 (ip helpers prerouting: \
         tcp dport … ct helper set \"cam\")"
    );
    assert_eq!(finding.evidence[0].at, read_at());
    assert_eq!(finding.remedy[1], by_setup::assign(554));
}

#[test]
fn is_silent_when_the_helper_is_assigned_to_this_port_or_to_none() {
    for ports in [&[554, 8554][..], &[]] {
        assert!(!assigned_to(ports).troubles().contains(&"alg-missed-setup"));
    }
}

/// The table knows better than a rule that was read at the beginning.
#[test]
fn is_silent_of_the_port_where_a_helper_is_attached_all_the_same() {
    let scene = Scene {
        setup: Some(with_helper(&[8554])),
        ..under(Some("rtsp"), Some(5000))
    };
    assert!(!scene.troubles().contains(&"alg-missed-setup"));
}

#[test]
fn the_setup_is_no_fault_of_a_session_whose_media_came() {
    let scene = Scene {
        setup: Some(with_helper(&[8554])),
        ..Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(80, 80)
    };
    assert_eq!(scene.troubles(), Vec::<&str>::new());
}

fn second(talk: &str) -> Scene {
    let mut scene = Scene::behind_nat(talk);
    scene.legs[0].client = addr("192.168.1.101:41000");
    scene.legs[1].client = addr("203.0.113.1:41000");
    scene
}

fn codes(helped: Scene, missed: Scene) -> Vec<&'static str> {
    let findings = Scene::together(vec![helped, missed]).findings;
    let codes = findings.iter().map(|finding| finding.code.name());
    codes.filter(|code| *code == "alg-missed-setup").collect()
}

fn spaced() -> String {
    UDP_TALK.replace("unicast;client_port", "unicast; client_port")
}

#[test]
fn fires_when_only_the_session_with_an_unusual_setup_got_no_help() {
    let helped = Scene::behind_nat(UDP_TALK).rtp(80, 80);
    assert_eq!(
        codes(helped, second(&spaced()).rtp(0, 80)),
        ["alg-missed-setup"]
    );
}

/// A mapping asked for by the player may have opened the way for the other one; that the router's own helper is idle belongs to the cause.
#[test]
fn a_helper_that_nothing_assigns_is_told_beside_the_other_session() {
    let helped = Scene {
        setup: Some(with_helper(&[])),
        ..Scene::behind_nat(UDP_TALK).rtp(80, 80)
    };
    let snapshot = Scene::together(vec![helped, second(&spaced()).rtp(0, 80)]);
    let mut findings = snapshot.findings.iter();
    let finding = findings
        .find(|finding| finding.code.name() == "alg-missed-setup")
        .unwrap();
    let told =
        "the router's setup: nf_conntrack_rtsp is loaded, and no rule assigns it: it does nothing";
    assert!(
        finding.cause.ends_with(&format!("; {told}")),
        "{}",
        finding.cause
    );
    let last = finding.evidence.last().unwrap();
    assert_eq!((last.at, last.note.as_str()), (read_at(), told));
}

#[test]
fn is_silent_when_no_session_was_helped() {
    let alike = Scene::behind_nat(UDP_TALK).rtp(0, 80);
    assert_eq!(
        codes(alike, second(&spaced()).rtp(0, 80)),
        Vec::<&str>::new()
    );
}

#[test]
fn is_silent_when_the_setup_is_like_the_other() {
    let helped = Scene::behind_nat(UDP_TALK).rtp(80, 80);
    assert_eq!(
        codes(helped, second(UDP_TALK).rtp(0, 80)),
        Vec::<&str>::new()
    );
}

/// The talk with a second medium on ports 5002-5003, at the LAN and, with the first one's ports rewritten, at the WAN.
fn two_media(second_outside: &str) -> Scene {
    let setup = "
0.032 > SETUP rtsp://203.0.113.10/a/track2 RTSP/1.0 | CSeq: 30 | Transport: RTP/AVP;unicast;client_port=5002-5003
0.034 < RTSP/1.0 200 OK | CSeq: 30 | Session: 66334873 | Transport: RTP/AVP;unicast;client_port=5002-5003;server_port=6972-6973
0.04 > PLAY";
    let inside = UDP_TALK.replace("\n    0.04 > PLAY", setup);
    let outside = inside
        .replace("5000-5001", "10000-10001")
        .replace("5002-5003", second_outside);
    let mut scene = Scene::heard(&inside, &outside).rtp(80, 80);
    let rtp = &mut scene.media[1].arrivals[1].rtp;
    rtp.packets = 80;
    (rtp.first, rtp.last) = (Some(at(WAN, 0.06, 22)), Some(at(WAN, 9.9, 201)));
    scene
}

#[test]
fn fires_when_only_the_first_setup_of_a_session_was_handled() {
    let snapshot = two_media("5002-5003").checked();
    let finding = snapshot
        .findings
        .iter()
        .find(|finding| finding.code.name() == "alg-missed-setup")
        .unwrap();
    assert_eq!(finding.subject.media, Some(1));
    assert_eq!(
        finding.cause,
        "another medium of this session was helped by the ALG; this one differs by nothing but its place in the conversation"
    );
}

#[test]
fn is_silent_when_the_second_setup_was_rewritten_too() {
    let scene = two_media("10002-10003");
    assert!(!scene.troubles().contains(&"alg-missed-setup"));
}
