//! Whose media it was that a host refused, where several sessions have the same ports one after the other.

use rtspscope_engine::Code;

use crate::support::traffic::{LAN, Talk, Wire};
use crate::support::{arrival, engine};

const SERVER: &str = "203.0.113.10:554";
const FROM: &str = "203.0.113.10:6970";
const TO: &str = "192.168.1.100:5000";

/// A player that takes the same ports for each session, and closes them a moment before it says so.
#[test]
fn a_refusal_is_of_the_session_that_had_the_port_last() {
    let mut wire = Wire::new(engine(1));
    for number in 0..6 {
        let client = format!("192.168.1.100:{}", 40000 + number);
        let mut talk = Talk::open(&mut wire, LAN, &client, SERVER);
        talk.play_udp(&mut wire, "5000-5001", "5000-5001");
        wire.rtp(LAN, FROM, TO, 7 + number, 0..20);
        wire.port_unreachable(LAN, FROM, TO);
        wire.port_unreachable(LAN, FROM, TO);
        talk.tear_down(&mut wire);
        talk.client_closes(&mut wire);
    }
    let snapshot = wire.engine.snapshot();
    let refused: Vec<usize> = snapshot
        .sessions
        .iter()
        .map(|session| arrival(session, 0, 0).refused.len())
        .collect();
    assert_eq!(refused, [2; 6]);
    let mut findings = snapshot.findings.iter();
    assert!(findings.all(|finding| finding.code != Code::MediaRefused));
}

/// What was refused after the next SETUP may be the last of the media before; what nobody saw is of those who asked last.
#[test]
fn a_refusal_beside_two_sessions_is_of_the_packets_that_were_seen() {
    let mut wire = Wire::new(engine(1));
    let play = |wire: &mut Wire, client: &str, isn: u32| {
        let mut talk = Talk::open_with(wire, LAN, client, SERVER, (isn, isn + 1000));
        talk.play_udp(wire, "5000-5001", "5000-5001");
        talk
    };
    let mut first = play(&mut wire, "192.168.1.100:40000", 1000);
    wire.rtp(LAN, FROM, TO, 7, 0..20);
    first.tear_down(&mut wire);
    first.client_closes(&mut wire);
    play(&mut wire, "192.168.1.100:40001", 5000);
    wire.port_unreachable(LAN, FROM, TO);
    wire.wait_ms(10_000);
    wire.port_unreachable(LAN, FROM, TO);
    wire.port_unreachable(LAN, FROM, TO);
    let snapshot = wire.engine.snapshot();
    let refused = [0, 1].map(|number| arrival(&snapshot.sessions[number], 0, 0).refused.len());
    assert_eq!(refused, [1, 2]);
}
