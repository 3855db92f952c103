//! What the router's own connection tracking says, beside the frames that it explains.

use rtspscope_engine::model::{PairEvidence, TransportKind};
use rtspscope_engine::{Code, Conntrack, Input};
use rtspscope_wire::netfilter::{Change, Entry, Event, Status, Subject, Tuple};
use rtspscope_wire::{TapId, Timestamp};

use crate::support::traffic::{LAN, Talk, WAN, Wire};
use crate::support::{engine, only_session};

const CLIENT: &str = "192.168.1.100:40000";
const ROUTER: &str = "203.0.113.1:40000";
const SERVER: &str = "203.0.113.10:554";

/// The first bytes of a TLS handshake.
const HELLO: [u8; 16] = [22, 3, 1, 0, 11, 1, 0, 0, 7, 3, 3, 0, 0, 0, 0, 0];

fn masqueraded(protocol: u8, from: &str, to: &str, outside: &str) -> Entry {
    let tuple = |from: &str, to: &str| Tuple {
        protocol,
        from: from.parse().expect("an address"),
        to: to.parse().expect("an address"),
    };
    Entry {
        original: tuple(from, to),
        reply: tuple(to, outside),
        zone: 0,
        id: None,
        status: Some(Status::SRC_NAT),
        established: None,
        timeout_secs: Some(30),
        helper: None,
        master: None,
        sequence_offsets: None,
        stopped_at: None,
    }
}

fn say(wire: &mut Wire, change: Change, entry: &Entry) {
    wire.engine.handle_input(Input::Conntrack(Conntrack {
        at: Timestamp(wire.now_ms * 1_000_000),
        number: 5,
        raw: &[],
        event: &Event {
            change,
            subject: Subject::Entry(Box::new(entry.clone())),
        },
    }));
}

/// Two legs of one TLS connection of which the opening was not captured, and which the router counts anew.
fn encrypted(wire: &mut Wire) {
    let inside = Talk::midstream(LAN, CLIENT, SERVER);
    let outside = Talk::midstream(WAN, ROUTER, SERVER).renumbered();
    for mut talk in [inside, outside] {
        talk.client_says(wire, &HELLO);
        talk.server_says(wire, &HELLO);
    }
}

#[test]
fn legs_that_nothing_can_be_read_of_are_one_session_by_the_tables_word() {
    let mut wire = Wire::new(engine(2));
    encrypted(&mut wire);
    assert_eq!(wire.engine.snapshot().sessions.len(), 2);
    say(
        &mut wire,
        Change::Present,
        &masqueraded(Tuple::TCP, CLIENT, SERVER, ROUTER),
    );
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!(session.transport, TransportKind::Tls);
    let nat = session.nat.as_ref().expect("two legs");
    assert_eq!(nat.evidence, [PairEvidence::Conntrack]);
    assert_eq!((nat.proxied, nat.client_translated), (false, true));
    let told = session.netfilter.as_ref().expect("it was listened to");
    let entry = told.connection.as_ref().expect("its entry");
    assert_eq!((entry.began, entry.first.tap), (false, TapId::NETFILTER));
}

#[test]
fn an_entry_of_another_connection_joins_nothing() {
    let mut wire = Wire::new(engine(2));
    encrypted(&mut wire);
    let other = masqueraded(Tuple::TCP, CLIENT, SERVER, "203.0.113.1:61000");
    say(&mut wire, Change::New, &other);
    assert_eq!(wire.engine.snapshot().sessions.len(), 2);
}

#[test]
fn the_end_of_a_mapping_explains_media_that_end_inside() {
    let mut wire = Wire::new(engine(2));
    for (tap, client) in [(LAN, CLIENT), (WAN, ROUTER)] {
        let mut talk = Talk::open(&mut wire, tap, client, SERVER);
        talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    }
    let ends = [
        "192.168.1.100:5000",
        "203.0.113.10:6970",
        "203.0.113.1:5000",
    ];
    let [inside, server, outside] = ends;
    let mapping = masqueraded(Tuple::UDP, inside, server, outside);
    say(&mut wire, Change::New, &mapping);
    wire.udp(LAN, inside, server, b"punch");
    wire.udp(WAN, outside, server, b"punch");
    for number in 0..20 {
        wire.rtp(WAN, server, outside, 7, [number]);
        wire.rtp(LAN, server, inside, 7, [number]);
    }
    say(&mut wire, Change::Destroyed, &mapping);
    let quiet = wire.engine.clone();
    wire.rtp(WAN, server, outside, 7, 20..90);
    let codes = |wire: &mut Wire| {
        let findings = wire.engine.snapshot().findings;
        findings
            .iter()
            .any(|finding| finding.code == Code::MappingExpired)
    };
    assert!(codes(&mut wire));
    assert!(
        !codes(&mut Wire::new(quiet)),
        "media that ended with it prove nothing"
    );
}
