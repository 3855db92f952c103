//! A SETUP that says again what holds, as some clients do to keep a session alive.

use std::ops::Range;

use super::*;

impl Path {
    /// Packets from the camera that the router sends on from one of its ports to another of the player, but for every
    /// third where it is lossy.
    fn media_through(&mut self, ports: [u16; 2], numbers: Range<u16>, lossy: bool) {
        let from = "203.0.113.10:6970";
        let [outside, inside] = ports;
        for number in numbers {
            let packet = rtp_packet(number, 0xabc);
            self.wire
                .udp(WAN, from, &format!("{OUTSIDE}:{outside}"), &packet);
            if !lossy || number % 3 != 0 {
                self.wire
                    .udp(LAN, from, &format!("{INSIDE}:{inside}"), &packet);
            }
            self.wire.wait_ms(18);
        }
    }
}

/// Media to a port that the router had mapped to another, and then the same SETUP again in the midst of it.
fn kept_alive(lossy: bool) -> Path {
    let mut path = Path::open();
    path.set_up(1, &udp(5000));
    path.ask("PLAY");
    path.punch(5000, 61_000);
    path.media_through([61_000, 5000], 0..150, lossy);
    path.set_up(1, &udp(5000));
    path
}

#[test]
fn a_setup_that_only_keeps_alive_parts_no_medium() {
    let mut path = kept_alive(false);
    path.media_through([61_000, 5000], 150..200, false);
    path.ask("TEARDOWN");
    let snapshot = path.seen();
    assert_eq!(told(&snapshot), [row("5000", false, [200, 200])]);
    assert_eq!(only_session(&snapshot).alg.action, AlgAction::None);
    assert_eq!(snapshot.findings, []);
}

#[test]
fn a_setup_that_only_keeps_alive_hides_no_loss() {
    let mut path = kept_alive(true);
    path.media_through([61_000, 5000], 150..200, false);
    path.ask("TEARDOWN");
    let snapshot = path.seen();
    assert_eq!(told(&snapshot), [row("5000", false, [150, 200])]);
    let codes = snapshot.findings.iter().map(|found| found.code.name());
    assert_eq!(codes.collect::<Vec<_>>(), ["rtp-loss"]);
}

#[test]
fn a_setup_that_only_keeps_alive_hides_no_loss_around_it() {
    let mut path = kept_alive(false);
    path.media_through([61_000, 5000], 195..250, false);
    path.ask("TEARDOWN");
    let snapshot = path.seen();
    assert_eq!(told(&snapshot), [row("5000", false, [205, 205])]);
    let mut arrivals = only_session(&snapshot).media[0].arrivals.iter();
    assert!(arrivals.all(|arrival| arrival.rtp.lost == Some(45)));
    let codes = snapshot.findings.iter().map(|found| found.code.name());
    assert_eq!(codes.collect::<Vec<_>>(), ["rtp-loss"]);
}

#[test]
fn numbers_that_begin_anew_with_such_a_setup_are_no_loss() {
    let mut path = kept_alive(false);
    path.media_through([61_000, 5000], 800..850, false);
    path.ask("TEARDOWN");
    let snapshot = path.seen();
    assert_eq!(told(&snapshot), [row("5000", false, [200, 200])]);
    assert_eq!(snapshot.findings, []);
}

#[test]
fn what_comes_only_before_such_a_setup_is_the_mediums() {
    let snapshot = kept_alive(false).seen();
    assert_eq!(told(&snapshot), [row("5000", false, [150, 150])]);
    assert_eq!(only_session(&snapshot).alg.action, AlgAction::None);
}

#[test]
fn an_attempt_that_was_kept_alive_is_an_attempt_of_its_own() {
    let mut path = kept_alive(false);
    path.set_up(1, TCP);
    path.ask("PLAY");
    path.media_inside(0xdef);
    assert_eq!(
        told(&path.seen()),
        [
            row("5000", true, [150, 150]),
            row("Some((0, 1))", false, [20, 20])
        ]
    );
}

#[test]
fn an_attempt_that_was_kept_alive_and_torn_down_is_over() {
    let mut path = kept_alive(false);
    path.ask("TEARDOWN");
    path.set_up(1, &udp(5000));
    path.ask("PLAY");
    path.media(5000, 0xdef, true);
    assert_eq!(
        told(&path.seen()),
        [row("5000", true, [150, 150]), row("5000", false, [20, 20])]
    );
}
