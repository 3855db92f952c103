//! Facts about which legs are one connection.

mod reached;

use std::sync::Arc;

use rtspscope_wire::{Span, TapId, TapRole};

use super::*;
use crate::testkit::{LAN, UDP_TALK, WAN, leg, tcp_talk};

mod midstream;

fn lan(talk: &str) -> Leg {
    leg(LAN, "192.168.1.100:40000", "203.0.113.10:554", talk)
}

fn wan(talk: &str) -> Leg {
    leg(WAN, "203.0.113.1:40000", "203.0.113.10:554", talk)
}

fn without_isn(mut leg: Leg) -> Leg {
    (leg.client_isn, leg.server_isn) = (None, None);
    leg
}

fn with_isn(mut leg: Leg, client: u32, server: u32) -> Leg {
    (leg.client_isn, leg.server_isn) = (Some(client), Some(server));
    leg
}

/// The same leg as a tap with another clock sees it.
fn later(mut leg: Leg, span: Span) -> Leg {
    let shift = |at: &mut crate::Locator| at.at = at.at + span;
    shift(&mut leg.first);
    shift(&mut leg.last);
    for exchange in leg.exchanges_mut() {
        for message in [&mut exchange.request, &mut exchange.response]
            .into_iter()
            .flatten()
        {
            let mut moved = (**message).clone();
            shift(&mut moved.at);
            *message = moved.into();
        }
    }
    leg
}

fn legs_of(groups: &[Group]) -> Vec<Vec<usize>> {
    groups.iter().map(|group| group.legs.clone()).collect()
}

fn other_session(talk: &str) -> String {
    talk.replace("66334873", "99887766")
}

#[test]
fn equal_sequence_numbers_and_equal_talk_are_one_connection() {
    let groups = pair(&[wan(UDP_TALK), lan(UDP_TALK)]);
    assert_eq!(
        groups,
        [Group {
            legs: vec![1, 0],
            pre: Some(0),
            post: Some(1),
            evidence: vec![PairEvidence::TcpSequence, PairEvidence::Content],
            proxied: false,
            client_translated: true,
        }]
    );
}

#[test]
fn clocks_that_are_years_apart_do_not_part_a_connection() {
    let far = later(wan(UDP_TALK), Span::from_secs(40 * 365 * 86_400));
    assert_eq!(legs_of(&pair(&[lan(UDP_TALK), far])), [[0, 1]]);
}

#[test]
fn different_sequence_numbers_with_equal_talk_are_a_proxy() {
    let groups = pair(&[lan(UDP_TALK), with_isn(wan(UDP_TALK), 77, 88)]);
    assert_eq!(legs_of(&groups), [[0, 1]]);
    assert_eq!(
        (groups[0].proxied, &groups[0].evidence[..]),
        (true, &[PairEvidence::Content][..])
    );
}

#[test]
fn captures_that_began_midstream_are_paired_by_what_was_said() {
    let groups = pair(&[without_isn(lan(UDP_TALK)), without_isn(wan(UDP_TALK))]);
    assert_eq!(legs_of(&groups), [[0, 1]]);
    assert_eq!(
        (groups[0].proxied, &groups[0].evidence[..]),
        (false, &[PairEvidence::Content][..])
    );
}

#[test]
fn different_session_ids_are_different_connections_whatever_else_agrees() {
    let groups = pair(&[lan(UDP_TALK), wan(&other_session(UDP_TALK))]);
    assert_eq!(legs_of(&groups), [[0], [1]]);
}

#[test]
fn two_clients_of_one_camera_keep_their_own_outside_legs() {
    let second = other_session(UDP_TALK);
    let legs = [
        lan(UDP_TALK),
        with_isn(
            leg(LAN, "192.168.1.101:40000", "203.0.113.10:554", &second),
            5,
            6,
        ),
        with_isn(
            leg(WAN, "203.0.113.1:40001", "203.0.113.10:554", &second),
            5,
            6,
        ),
        wan(UDP_TALK),
    ];
    assert_eq!(legs_of(&pair(&legs)), [[0, 3], [1, 2]]);
    let midstream: Vec<Leg> = legs.into_iter().map(without_isn).collect();
    assert_eq!(legs_of(&pair(&midstream)), [[0, 3], [1, 2]]);
}

#[test]
fn two_players_that_cannot_be_told_apart_are_not_guessed_at() {
    let nameless = UDP_TALK.replace(" | Session: 66334873", "");
    let legs = [
        without_isn(leg(
            LAN,
            "192.168.1.100:40000",
            "203.0.113.10:554",
            &nameless,
        )),
        without_isn(leg(
            LAN,
            "192.168.1.101:40000",
            "203.0.113.10:554",
            &nameless,
        )),
        without_isn(leg(WAN, "203.0.113.1:41000", "203.0.113.10:554", &nameless)),
    ];
    assert_eq!(legs_of(&pair(&legs)), [[0], [1], [2]]);
}

#[test]
fn one_port_or_one_moment_in_common_joins_nothing() {
    let other = "0.0 > OPTIONS rtsp://203.0.113.10/b RTSP/1.0 | CSeq: 1";
    let legs = [
        without_isn(lan(
            "0.0 > OPTIONS rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 1",
        )),
        without_isn(wan(other)),
    ];
    assert_eq!(legs_of(&pair(&legs)), [[0], [1]]);
}

#[test]
fn a_reused_port_does_not_join_an_earlier_connection() {
    let second = later(
        with_isn(lan(&other_session(UDP_TALK)), 11, 12),
        Span::from_secs(60),
    );
    let second_outside = later(
        with_isn(wan(&other_session(UDP_TALK)), 11, 12),
        Span::from_secs(60),
    );
    let legs = [lan(UDP_TALK), second, wan(UDP_TALK), second_outside];
    assert_eq!(legs_of(&pair(&legs)), [[0, 2], [1, 3]]);
}

#[test]
fn the_same_capture_given_twice_has_no_two_sides() {
    let mut copy = lan(UDP_TALK);
    copy.tap = WAN;
    for message in copy
        .exchanges_mut()
        .iter_mut()
        .flat_map(|exchange| [&mut exchange.request, &mut exchange.response])
        .flatten()
    {
        let mut moved = (**message).clone();
        moved.at.tap = WAN;
        *message = moved.into();
    }
    let groups = pair(&[lan(UDP_TALK), copy]);
    assert_eq!(
        (legs_of(&groups), groups[0].pre, groups[0].post),
        (vec![vec![0, 1]], None, None)
    );
}

#[test]
fn a_camera_behind_a_port_forward_has_the_client_outside() {
    let inside = leg(LAN, "203.0.113.10:40000", "192.168.1.100:554", UDP_TALK);
    let outside = leg(WAN, "203.0.113.10:40000", "203.0.113.1:554", UDP_TALK);
    let groups = pair(&[inside, outside]);
    assert_eq!(legs_of(&groups), [[1, 0]]);
    assert_eq!(
        (groups[0].pre, groups[0].post, groups[0].client_translated),
        (Some(1), Some(0), false)
    );
}

#[test]
fn a_port_forward_that_also_masquerades_has_the_client_outside_too() {
    let inside = leg(LAN, "192.168.1.1:40000", "192.168.1.100:554", UDP_TALK);
    let outside = leg(WAN, "198.51.100.7:40000", "203.0.113.1:554", UDP_TALK);
    let groups = pair(&[inside, outside]);
    assert_eq!(legs_of(&groups), [[1, 0]]);
    assert_eq!(
        (groups[0].pre, groups[0].client_translated),
        (Some(1), true)
    );
}

#[test]
fn behind_two_nats_the_tap_with_the_longer_wait_is_next_to_the_client() {
    let near = UDP_TALK.replace("0.03 <", "0.039 <");
    let far = leg(TapId(1), "10.0.0.2:40000", "203.0.113.10:554", UDP_TALK);
    let groups = pair(&[far, lan(&near)]);
    assert_eq!(
        (legs_of(&groups), groups[0].pre),
        (vec![vec![1, 0]], Some(0))
    );
}

#[test]
fn behind_two_nats_the_role_of_a_tap_decides() {
    let outer = leg(TapId(1), "10.0.0.2:40000", "203.0.113.10:554", UDP_TALK);
    let role = |tap: TapId| {
        if tap == LAN {
            TapRole::Lan
        } else {
            TapRole::Wan
        }
    };
    let groups = pair_with_roles(&[outer, lan(UDP_TALK)], role);
    assert_eq!(
        (legs_of(&groups), groups[0].pre),
        (vec![vec![1, 0]], Some(0))
    );
}

#[test]
fn three_taps_of_one_path_are_one_group() {
    let shared = leg(TapId(2), "100.64.0.9:40000", "203.0.113.10:554", UDP_TALK);
    let groups = pair(&[wan(UDP_TALK), lan(UDP_TALK), shared]);
    assert_eq!(legs_of(&groups), [[1, 2, 0]]);
    assert_eq!((groups[0].pre, groups[0].post), (Some(0), Some(1)));
}

#[test]
fn made_up_sequence_numbers_alone_join_nothing() {
    let zero = |leg: Leg| with_isn(leg, 0, 0);
    let second = other_session(&tcp_talk());
    let legs = [
        zero(lan(UDP_TALK)),
        zero(leg(LAN, "192.168.1.101:1", "203.0.113.10:554", &second)),
        zero(leg(
            LAN,
            "192.168.1.102:1",
            "203.0.113.10:554",
            "0.0 > OPTIONS * RTSP/1.0 | CSeq: 1",
        )),
        zero(wan(UDP_TALK)),
        zero(leg(WAN, "203.0.113.1:40001", "203.0.113.10:554", &second)),
    ];
    assert_eq!(legs_of(&pair(&legs)), [vec![0, 3], vec![1, 4], vec![2]]);
}

#[test]
fn a_connection_that_never_spoke_is_paired_by_its_sequence_numbers() {
    let groups = pair(&[lan(""), wan("")]);
    assert_eq!(legs_of(&groups), [[0, 1]]);
    assert_eq!(groups[0].evidence, [PairEvidence::TcpSequence]);
}

#[test]
fn two_players_one_after_the_other_are_two_though_the_camera_gives_both_one_session_id() {
    let second = |leg: Leg, client: &str| {
        let mut leg = later(with_isn(leg, 3000, 4000), Span::from_secs(12));
        leg.client = client.parse().expect("an address");
        leg
    };
    let groups = pair(&[
        lan(UDP_TALK),
        wan(UDP_TALK),
        second(lan(UDP_TALK), "192.168.1.100:40002"),
        second(wan(UDP_TALK), "203.0.113.1:40002"),
    ]);
    assert_eq!(legs_of(&groups), [[0, 1], [2, 3]]);
    assert!(groups.iter().all(|group| !group.proxied), "{groups:?}");
}

fn knowing(legs: &[Leg], tracked: &[(usize, usize)]) -> Vec<Group> {
    pair_knowing(legs, |_| TapRole::Unknown, tracked)
}

/// Two players of one camera that do the same at the same pace: neither numbers nor messages tell them apart.
#[test]
fn the_kernels_word_pairs_what_nothing_else_can() {
    let silent = |leg: Leg| Leg {
        exchanges: Arc::default(),
        encrypted: true,
        ..without_isn(leg)
    };
    let legs = [silent(lan(UDP_TALK)), silent(wan(UDP_TALK))];
    assert_eq!(legs_of(&pair(&legs)), [[0], [1]]);
    let groups = knowing(&legs, &[(0, 1)]);
    assert_eq!(legs_of(&groups), [[0, 1]]);
    assert_eq!(groups[0].evidence, [PairEvidence::Conntrack]);
    assert!(!groups[0].proxied && groups[0].client_translated);
}

#[test]
fn the_kernels_word_stands_beside_the_other_evidence() {
    let groups = knowing(&[lan(UDP_TALK), wan(UDP_TALK)], &[(0, 1)]);
    assert_eq!(
        groups[0].evidence,
        [
            PairEvidence::TcpSequence,
            PairEvidence::Content,
            PairEvidence::Conntrack
        ]
    );
}

/// A client inside asks for a camera inside at the router's public address.
fn asking(talk: &str) -> Leg {
    leg(LAN, "192.168.1.101:40000", "203.0.113.10:554", talk)
}

/// What the router makes of it: the same messages a little later on their way in, and earlier on their way out.
fn turned_around(talk: &str) -> Leg {
    let passed_on = later(
        leg(LAN, "192.168.1.1:40000", "192.168.1.100:554", talk),
        Span::from_millis(1),
    );
    answered_earlier(passed_on, Span::from_millis(2))
}

fn answered_earlier(mut leg: Leg, span: Span) -> Leg {
    for exchange in leg.exchanges_mut() {
        if let Some(response) = &mut exchange.response {
            let mut moved = (**response).clone();
            moved.at.at = moved.at.at - span;
            *response = moved.into();
        }
    }
    leg
}

fn unanswered(leg: Leg) -> Leg {
    Leg {
        server_isn: None,
        closed: None,
        ..leg
    }
}

#[test]
fn a_connection_that_turns_around_in_the_router_has_two_legs_at_one_tap() {
    let groups = pair(&[turned_around(UDP_TALK), asking(UDP_TALK)]);
    assert_eq!(
        groups,
        [Group {
            legs: vec![1, 0],
            pre: Some(1),
            post: Some(0),
            evidence: vec![PairEvidence::TcpSequence, PairEvidence::Content],
            proxied: false,
            client_translated: true,
        }]
    );
}

#[test]
fn two_taps_that_see_a_turn_around_have_two_legs_each() {
    let elsewhere = |leg: Leg| Leg { tap: WAN, ..leg };
    let legs = [
        turned_around(UDP_TALK),
        asking(UDP_TALK),
        elsewhere(asking(UDP_TALK)),
        elsewhere(turned_around(UDP_TALK)),
    ];
    let groups = pair(&legs);
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!(groups[0].legs[..2].iter().max(), Some(&2), "{groups:?}");
    assert_eq!(
        (groups[0].pre, groups[0].post, groups[0].client_translated),
        (Some(2), Some(1), true)
    );
}

#[test]
fn a_syn_without_an_answer_is_followed_around() {
    let legs = [unanswered(turned_around("")), unanswered(asking(""))];
    let groups = pair(&legs);
    assert_eq!(legs_of(&groups), [[1, 0]]);
    assert_eq!(groups[0].evidence, [PairEvidence::TcpSequence]);
}

#[test]
fn a_router_with_a_private_address_outside_leaves_the_order_to_the_time() {
    let behind_another = |leg: Leg| Leg {
        server: crate::testkit::addr("10.0.0.2:554"),
        ..leg
    };
    let legs = [
        unanswered(turned_around("")),
        unanswered(behind_another(asking(""))),
    ];
    assert_eq!(legs_of(&pair(&legs)), [[1, 0]]);
    let legs = [turned_around(UDP_TALK), behind_another(asking(UDP_TALK))];
    assert_eq!(legs_of(&pair(&legs)), [[1, 0]]);
}

#[test]
fn a_number_that_comes_again_later_or_from_another_port_is_no_turn_around() {
    let second = later(unanswered(turned_around("")), Span::from_secs(5));
    assert_eq!(
        legs_of(&pair(&[unanswered(asking("")), second])),
        [[0], [1]]
    );
    let mut other_port = unanswered(turned_around(""));
    other_port.client.set_port(40_001);
    assert_eq!(
        legs_of(&pair(&[unanswered(asking("")), other_port])),
        [[0], [1]]
    );
}

#[test]
fn the_same_connection_twice_at_one_tap_is_no_turn_around() {
    for second in [
        asking(UDP_TALK),
        later(asking(UDP_TALK), Span::from_secs(30)),
    ] {
        let groups = pair(&[asking(UDP_TALK), second]);
        assert_eq!(legs_of(&groups), [[0], [1]]);
    }
}

#[test]
fn a_turn_around_that_began_before_the_capture_is_known_by_what_was_passed_on() {
    let legs = [
        without_isn(turned_around(UDP_TALK)),
        without_isn(asking(UDP_TALK)),
    ];
    let groups = pair(&legs);
    assert_eq!(legs_of(&groups), [[1, 0]]);
    assert_eq!(
        (groups[0].pre, groups[0].proxied, &groups[0].evidence[..]),
        (Some(1), false, &[PairEvidence::Content][..])
    );
}

#[test]
fn a_proxy_that_sends_back_inside_is_a_turn_around_too() {
    let groups = pair(&[with_isn(turned_around(UDP_TALK), 77, 88), asking(UDP_TALK)]);
    assert_eq!(legs_of(&groups), [[1, 0]]);
    assert!(groups[0].proxied);
}

/// A recorder that asks two cameras of one maker at the same moment: one may always be the slower one, and both may give
/// everyone the same session id.
#[test]
fn two_cameras_asked_at_once_with_one_session_id_are_two() {
    let second = UDP_TALK.replace("203.0.113.10", "203.0.113.11");
    let inner = answered_earlier(
        later(
            leg(LAN, "192.168.1.101:40001", "203.0.113.11:554", &second),
            Span::from_millis(1),
        ),
        Span::from_millis(2),
    );
    let legs = [asking(UDP_TALK), with_isn(inner, 77, 88)];
    assert_eq!(legs_of(&pair(&legs)), [[0], [1]]);
    let midstream = legs.map(without_isn);
    assert_eq!(legs_of(&pair(&midstream)), [[0], [1]]);
}

#[test]
fn two_players_of_one_camera_at_once_are_two() {
    let inner = answered_earlier(
        later(
            leg(LAN, "192.168.1.102:40000", "203.0.113.10:554", UDP_TALK),
            Span::from_millis(1),
        ),
        Span::from_millis(2),
    );
    let legs = [asking(UDP_TALK), inner].map(without_isn);
    assert_eq!(legs_of(&pair(&legs)), [[0], [1]]);
}

/// One inside by the public address, one directly: the messages are alike, and their times are not those of one router.
#[test]
fn what_is_not_passed_on_message_by_message_is_no_turn_around() {
    let beside = later(
        leg(LAN, "192.168.1.102:40000", "192.168.1.100:554", UDP_TALK),
        Span::from_millis(1),
    );
    let legs = [asking(UDP_TALK), beside].map(without_isn);
    assert_eq!(legs_of(&pair(&legs)), [[0], [1]]);
}

#[test]
fn the_kernels_word_joins_the_legs_of_a_turn_around_that_cannot_be_read() {
    let silent = |leg: Leg| Leg {
        exchanges: Arc::default(),
        encrypted: true,
        ..without_isn(leg)
    };
    let legs = [silent(asking(UDP_TALK)), silent(turned_around(UDP_TALK))];
    assert_eq!(legs_of(&pair(&legs)), [[0], [1]]);
    assert_eq!(legs_of(&knowing(&legs, &[(0, 1)])), [[0, 1]]);
}
