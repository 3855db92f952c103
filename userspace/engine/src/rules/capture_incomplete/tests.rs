//! One session at a time, with something missing.

use rtspscope_wire::netfilter::Status;

use crate::finding::Code;
use crate::model::Netfilter;
use rtspscope_wire::TapId;

use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at, connection, leg, mapping};

fn with_status(status: Status) -> Scene {
    let mut mapping = mapping(
        "192.168.1.100:5000",
        "203.0.113.10:6970",
        "203.0.113.1:5000",
    );
    mapping.status = status;
    let netfilter = Netfilter {
        mappings: vec![mapping],
        ..Netfilter::default()
    };
    Scene {
        netfilter: Some(netfilter),
        ..healthy()
    }
}

#[test]
fn says_that_hardware_forwards_a_flow() {
    let snapshot = with_status(Status::HW_OFFLOAD).checked();
    assert_eq!(
        snapshot.findings[0].cause,
        "netfilter's own table: hardware forwards 192.168.1.100:5000 to 203.0.113.10:6970: the taps see only its first packets"
    );
    assert_eq!(snapshot.blind_spots, [Code::CaptureIncomplete]);
}

#[test]
fn is_silent_about_flows_that_go_through_netfilter() {
    assert_eq!(with_status(Status::ASSURED).codes(), Vec::<&str>::new());
}

fn healthy() -> Scene {
    Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(9, 9)
}

#[test]
fn names_bytes_that_are_missing() {
    let mut scene = healthy();
    scene.legs[1].missing_bytes = 17;
    let snapshot = scene.checked();
    assert_eq!(
        snapshot.findings[0].cause,
        "17 bytes of the connection are missing at wan"
    );
    assert_eq!(snapshot.blind_spots, [Code::CaptureIncomplete]);
}

#[test]
fn what_is_never_acknowledged_was_lost_by_the_path() {
    let causes = |gap: f64| {
        let mut scene = healthy();
        let leg = &mut scene.legs[0];
        (leg.missing_bytes, leg.from_server.missing) = (1448, 1448);
        leg.first_gap = Some(at(LAN, gap, 15));
        let findings = scene.checked().findings.into_iter();
        findings.map(|finding| finding.cause).collect::<Vec<_>>()
    };
    assert_eq!(causes(19.0), Vec::<String>::new());
    assert_eq!(
        causes(19.5),
        ["1448 bytes of the connection are missing at lan"],
        "the answer may still come"
    );
}

#[test]
fn says_that_one_side_alone_cannot_be_judged() {
    let mut scene = healthy();
    scene.legs.pop();
    for media in &mut scene.media {
        media.per_leg.pop();
        media.setup.pop();
    }
    let snapshot = scene.checked();
    assert_eq!(
        snapshot.findings[0].summary,
        "only one side of the router was seen: what NAT or an ALG did cannot be judged"
    );
}

/// What is said first, and what to do first, of a session that one tap saw.
fn seen_once(tap: TapId, client: &str, server: &str) -> (String, String) {
    let scene = Scene::of(vec![leg(tap, client, server, UDP_TALK)]);
    let findings = scene.checked().findings.into_iter();
    let mut own = findings.filter(|finding| finding.code == Code::CaptureIncomplete);
    let mut finding = own.next().unwrap();
    (finding.summary, finding.remedy.remove(0))
}

#[test]
fn asks_for_no_other_side_where_both_ends_are_in_one_network() {
    let (said, remedy) = seen_once(LAN, "192.168.7.50:40000", "192.168.7.90:554");
    assert_eq!(
        said,
        "192.168.7.50 and 192.168.7.90 are in one /24: most probably no router is in the path (a switch or bridge may be); \
         what one did cannot be judged"
    );
    assert!(remedy.starts_with("If there is a router in the path all the same"));
    let (said, _) = seen_once(LAN, "[fe80::1]:40000", "[fe80::2]:554");
    assert!(
        said.starts_with("fe80::1 and fe80::2 are in one /64: "),
        "{said}"
    );
}

#[test]
fn asks_for_the_other_side_where_a_router_is_or_may_be_in_the_path() {
    let one_side = "only one side of the router was seen: what NAT or an ALG did cannot be judged";
    for (client, server) in [
        ("192.168.7.50:40000", "192.168.8.90:554"),
        ("203.0.113.1:40000", "203.0.113.10:554"),
        ("192.168.7.50:40000", "203.0.113.10:554"),
    ] {
        let (said, remedy) = seen_once(LAN, client, server);
        assert_eq!(said, one_side);
        assert!(remedy.starts_with("Capture on both sides of the router"));
    }
    let mut scene = Scene::of(vec![leg(
        LAN,
        "192.168.7.50:40000",
        "192.168.7.90:554",
        UDP_TALK,
    )]);
    scene.netfilter = Some(Netfilter {
        connection: Some(connection(None)),
        ..Netfilter::default()
    });
    assert_eq!(scene.checked().findings[0].summary, one_side);
}

#[test]
fn a_tap_without_udp_proves_no_loss_where_the_clients_own_went_past_it() {
    let filtered = |inside| {
        let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(0, 9);
        scene.udp_datagrams = [inside, 9];
        scene.arrival(LAN).from_client.clear();
        scene
    };
    let snapshot = filtered(0).checked();
    let codes: Vec<_> = snapshot
        .findings
        .iter()
        .map(|finding| finding.code)
        .collect();
    assert_eq!(codes, [Code::CaptureIncomplete]);
    let cause = &snapshot.findings[0].cause;
    assert!(
        cause.starts_with("the capture at lan holds no UDP"),
        "{cause}"
    );
    assert!(filtered(1).troubles().contains(&"rtp-never-arrived"));
    let mut blocked = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(9, 0);
    blocked.udp_datagrams = [9, 0];
    blocked.arrival(WAN).from_client.clear();
    assert_eq!(
        blocked.codes(),
        Vec::<&str>::new(),
        "it passed that tap never"
    );
}

#[test]
fn names_datagrams_of_which_first_fragments_alone_are_seen() {
    let with = |alone| {
        let mut scene = healthy();
        let fragmented = &mut scene.arrival(LAN).fragmented;
        (fragmented.begun, fragmented.alone) = (alone, alone);
        fragmented.first = Some(at(LAN, 0.1, 21));
        scene
    };
    let snapshot = with(20).checked();
    let finding = &snapshot.findings[0];
    assert!(
        finding
            .cause
            .starts_with("only the first fragments of 20 datagrams are in the capture at"),
        "{}",
        finding.cause
    );
    assert_eq!(finding.evidence[0].at, at(LAN, 0.1, 21));
    assert_eq!(with(0).codes(), Vec::<&str>::new());
}

#[test]
fn is_silent_when_both_sides_are_whole() {
    let snapshot = healthy().checked();
    assert_eq!((snapshot.findings, snapshot.blind_spots), (vec![], vec![]));
}

#[test]
fn udp_is_missed_only_where_something_was_to_be_played() {
    let without_udp = |answer: &str| {
        let talk = UDP_TALK.replace("0.05 < RTSP/1.0 200 OK", answer);
        let mut scene = Scene::behind_nat(&talk).rtp(0, 0);
        scene.udp_datagrams = [0, 0];
        scene
    };
    let accepted = || without_udp("0.05 < RTSP/1.0 200 OK");
    let refused = || without_udp("0.05 < RTSP/1.0 454 Session Not Found");
    assert_eq!(accepted().codes(), ["capture-incomplete"]);
    assert_eq!(refused().codes(), ["request-refused"]);
    let mut begun_before = refused();
    for leg in &mut begun_before.legs {
        (leg.client_isn, leg.server_isn) = (None, None);
    }
    assert_eq!(
        begun_before.codes(),
        ["request-refused", "capture-incomplete"]
    );
}
