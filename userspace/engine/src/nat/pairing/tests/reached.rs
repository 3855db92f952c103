//! Connections without a word that began before the captures: where their sequence numbers ended tells.

use super::*;

/// A leg without messages whose directions came up to these numbers.
fn silent(leg: Leg, client: u32, server: u32) -> Leg {
    let mut leg = without_isn(leg);
    leg.exchanges_mut().clear();
    leg.from_client.reached = Some(client);
    leg.from_server.reached = Some(server);
    leg
}

#[test]
fn connections_that_ended_at_the_same_numbers_are_one() {
    // An ALG made the client's text longer, or one capture was stopped a moment later.
    for (client, server) in [(7_000, 900_000), (7_012, 900_000), (7_000, 950_000)] {
        let legs = [
            silent(lan(UDP_TALK), 7_000, 900_000),
            silent(wan(UDP_TALK), client, server),
        ];
        let groups = pair(&legs);
        assert_eq!(legs_of(&groups), [[0, 1]], "{client}, {server}");
        assert_eq!(groups[0].evidence, [PairEvidence::TcpSequence]);
    }
}

#[test]
fn connections_that_ended_elsewhere_or_between_other_ends_are_two() {
    let near = || silent(lan(UDP_TALK), 7_000, 900_000);
    for (client, server) in [(7_001, 900_001), (7_000, 90_000_000)] {
        let far = silent(wan(UDP_TALK), client, server);
        assert_eq!(legs_of(&pair(&[near(), far])), [[0], [1]]);
    }
    let elsewhere = leg(WAN, "203.0.113.1:41234", "203.0.113.77:554", UDP_TALK);
    let elsewhere = silent(elsewhere, 7_000, 900_000);
    assert_eq!(legs_of(&pair(&[near(), elsewhere])), [[0], [1]]);
}

#[test]
fn initial_numbers_that_differ_outweigh_the_last() {
    let mut legs = [lan(UDP_TALK), wan(UDP_TALK)].map(|leg| silent(leg, 7_000, 900_000));
    for (leg, isn) in legs.iter_mut().zip([1, 2]) {
        leg.client_isn = Some(isn);
    }
    assert_eq!(legs_of(&pair(&legs)), [[0], [1]]);
}

#[test]
fn a_capture_that_began_midstream_is_paired_with_one_of_the_whole() {
    let mut whole = silent(lan(UDP_TALK), 7_000, 900_000);
    (whole.client_isn, whole.server_isn) = (Some(1), Some(2));
    let groups = pair(&[whole, silent(wan(UDP_TALK), 7_000, 900_000)]);
    assert_eq!(legs_of(&groups), [[0, 1]]);
}

#[test]
fn numbers_at_which_many_connections_ended_tell_nothing() {
    let ends = [
        "192.168.1.100:40000",
        "192.168.1.101:40000",
        "192.168.1.102:40000",
    ];
    let mut legs: Vec<Leg> = ends
        .into_iter()
        .map(|client| {
            silent(
                leg(LAN, client, "203.0.113.10:554", UDP_TALK),
                7_000,
                900_000,
            )
        })
        .collect();
    legs.push(silent(wan(UDP_TALK), 7_000, 900_000));
    assert_eq!(pair(&legs).len(), 4);
}
