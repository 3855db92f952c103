//! A client that tries again while its NAT keeps the port that it had given it: no message names that port.

use rtspscope_engine::{Severity, Snapshot};

use crate::support::traffic::{LAN, RECEIVER_REPORT, Talk, WAN, Wire, sender_report};
use crate::support::{arrival, engine};

const SERVER: &str = "203.0.113.10:554";

/// Two sessions one after the other, whose client sends from port 5000 and leaves the NAT from 61000, that many times each. Media goes to
/// port 5000 outside, where nothing is open.
fn tries_twice(punches: [usize; 2]) -> Snapshot {
    let mut wire = Wire::new(engine(2));
    for (number, punches) in punches.into_iter().enumerate() {
        let isn = (1000 + 10_000 * number as u32, 2000 + 10_000 * number as u32);
        let began = wire.now_ms;
        let mut talks = [(LAN, "192.168.1.100"), (WAN, "203.0.113.1")].map(|(tap, client)| {
            wire.now_ms = began;
            let client = format!("{client}:{}", 40_000 + number);
            let mut talk = Talk::open_with(&mut wire, tap, &client, SERVER, isn);
            talk.play_udp(&mut wire, "5000-5001", "5000-5001");
            talk
        });
        for _ in 0..punches {
            wire.udp(LAN, "192.168.1.100:5000", "203.0.113.10:6970", b"hole");
            wire.udp(WAN, "203.0.113.1:61000", "203.0.113.10:6970", b"hole");
        }
        let ssrc = 7 + number as u32;
        wire.rtp(WAN, "203.0.113.10:6970", "203.0.113.1:5000", ssrc, 0..100);
        wire.wait_ms(5000);
        for talk in &mut talks {
            talk.tear_down(&mut wire);
            talk.client_closes(&mut wire);
        }
        wire.wait_ms(1000);
    }
    wire.engine.snapshot()
}

#[test]
fn each_attempt_has_its_own_hole_punches() {
    let snapshot = tries_twice([2, 3]);
    let [first, second] = &snapshot.sessions[..] else {
        panic!("{} sessions", snapshot.sessions.len())
    };
    let punches = |session, leg| -> Vec<(u16, u64)> {
        let sent = arrival(session, 0, leg).from_client.iter();
        sent.map(|sent| (sent.from.port(), sent.packets)).collect()
    };
    assert_eq!(punches(first, 0), [(5000, 2)]);
    assert_eq!(punches(second, 0), [(5000, 3)]);
    assert_eq!(punches(first, 1), [(61_000, 2)]);
    assert_eq!(punches(second, 1), [(61_000, 3)]);
    let codes = |id: u32| -> Vec<&str> {
        let findings = snapshot.findings.iter();
        let own = findings.filter(|finding| {
            finding.subject.session == Some(id) && finding.severity == Severity::Error
        });
        own.map(|finding| finding.code.name()).collect()
    };
    let both = ["rtp-never-arrived", "nat-port-randomised"];
    assert_eq!([codes(1), codes(2)], [both, both]);
}

/// The reports of one who still watches are no use of another's, whoever else comes to the server's ports by the same address.
#[test]
fn who_still_watches_keeps_what_leaves_the_router_by_another_port() {
    let mut wire = Wire::new(engine(2));
    let open = |wire: &mut Wire, number: u32, host: &str, ports: &str| {
        let isn = (1000 + 10_000 * number, 2000 + 10_000 * number);
        let began = wire.now_ms;
        for (tap, client) in [(LAN, host), (WAN, "203.0.113.1")] {
            wire.now_ms = began;
            let client = format!("{client}:{}", 40_000 + number);
            let mut talk = Talk::open_with(wire, tap, &client, SERVER, isn);
            talk.play_udp(wire, ports, ports);
        }
    };
    let watch = |wire: &mut Wire, numbers: std::ops::Range<u16>| {
        for (tap, host, port) in [(LAN, "192.168.1.100", 5000), (WAN, "203.0.113.1", 61_000)] {
            let (rtp, rtcp) = (format!("{host}:{port}"), format!("{host}:{}", port + 1));
            wire.udp(tap, &rtp, "203.0.113.10:6970", b"hole");
            wire.udp(tap, &rtcp, "203.0.113.10:6971", &RECEIVER_REPORT);
            wire.udp(tap, "203.0.113.10:6971", &rtcp, &sender_report(7));
            wire.rtp(tap, "203.0.113.10:6970", &rtp, 7, numbers.clone());
        }
    };
    open(&mut wire, 0, "192.168.1.100", "5000-5001");
    watch(&mut wire, 0..100);
    open(&mut wire, 1, "192.168.1.101", "7000-7001");
    watch(&mut wire, 100..200);
    let snapshot = wire.engine.snapshot();
    let sent = |session: usize, leg: usize| -> Vec<(u16, u64)> {
        let sent = arrival(&snapshot.sessions[session], 0, leg)
            .from_client
            .iter();
        sent.map(|sent| (sent.from.port(), sent.packets)).collect()
    };
    assert_eq!(sent(0, 1), [(61_000, 2), (61_001, 2)]);
    assert_eq!(sent(1, 1), []);
}
