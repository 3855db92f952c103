//! What a run without an end forgets, and what it must not.

use crate::support::engine;
use crate::support::traffic::{LAN, Talk, WAN, Wire};
use rtspscope_engine::{Retention, Snapshot};
use rtspscope_wire::{Span, TapId};

const SERVER: &str = "203.0.113.10:554";
const HOUR_MS: i64 = 3_600_000;

fn keep(over: usize) -> Retention {
    Retention {
        over,
        silent: Span::from_secs(3_600),
        settled: Span::from_secs(10),
        keepalives: 256,
    }
}

/// A client plays five packets of its own medium and leaves; each has its own port.
fn play(wire: &mut Wire, tap: TapId, number: u16) -> Talk {
    let client = format!("192.168.1.100:{}", 20_000 + number);
    let port = 30_000 + 2 * number;
    // Legs with the same initial sequence numbers are one connection.
    let isn = 10_000 * (u32::from(number) + 1);
    let mut talk = Talk::open_with(wire, tap, &client, SERVER, (isn, isn + 5_000));
    let ports = format!("{port}-{}", port + 1);
    talk.play_udp(wire, &ports, &ports);
    let to = format!("192.168.1.100:{port}");
    wire.rtp(tap, "203.0.113.10:6970", &to, u32::from(number), 0..5);
    talk
}

fn play_and_leave(wire: &mut Wire, tap: TapId, number: u16) {
    let mut talk = play(wire, tap, number);
    talk.tear_down(wire);
    talk.client_closes(wire);
}

fn retire(wire: &mut Wire, retention: Retention) -> Snapshot {
    let snapshot = wire.engine.snapshot();
    wire.engine.retire(&snapshot, retention);
    wire.engine.snapshot()
}

fn ids(snapshot: &Snapshot) -> Vec<u32> {
    snapshot.sessions.iter().map(|session| session.id).collect()
}

#[test]
fn of_many_ended_sessions_the_latest_stay_and_the_rest_are_counted() {
    let mut wire = Wire::new(engine(1));
    for number in 0..10 {
        play_and_leave(&mut wire, LAN, number);
        wire.wait_ms(20_000);
    }
    // Time passes with the next session.
    let _open = play(&mut wire, LAN, 10);
    let snapshot = retire(&mut wire, keep(3));
    assert_eq!(ids(&snapshot), [8, 9, 10, 11]);
    assert_eq!(snapshot.retired, 7);
    for session in &snapshot.sessions {
        assert_eq!(
            session.media[0].arrivals[0].rtp.packets, 5,
            "{}",
            session.id
        );
    }
    play_and_leave(&mut wire, LAN, 11);
    assert_eq!(ids(&wire.engine.snapshot()), [8, 9, 10, 11, 12]);
}

#[test]
fn a_session_that_ended_just_now_is_not_settled() {
    let mut wire = Wire::new(engine(1));
    play_and_leave(&mut wire, LAN, 0);
    play_and_leave(&mut wire, LAN, 1);
    assert_eq!(ids(&retire(&mut wire, keep(0))), [1, 2]);
    wire.wait_ms(11_000);
    let _open = play(&mut wire, LAN, 2);
    assert_eq!(ids(&retire(&mut wire, keep(0))), [3]);
}

#[test]
fn media_without_a_word_of_rtsp_keeps_its_session() {
    let mut wire = Wire::new(engine(1));
    let _open = play(&mut wire, LAN, 0);
    for minute in 0..180_u16 {
        wire.wait_ms(60_000);
        let to = "192.168.1.100:30000";
        wire.rtp(LAN, "203.0.113.10:6970", to, 0, [5 + minute]);
    }
    let snapshot = retire(&mut wire, keep(0));
    assert_eq!(ids(&snapshot), [1]);
    assert_eq!(snapshot.sessions[0].media[0].arrivals[0].rtp.packets, 185);
}

#[test]
fn one_that_fell_silent_without_an_end_is_forgotten_after_an_hour() {
    let mut wire = Wire::new(engine(1));
    let _silent = play(&mut wire, LAN, 0);
    wire.wait_ms(HOUR_MS - 60_000);
    let _other = play(&mut wire, LAN, 1);
    assert_eq!(ids(&retire(&mut wire, keep(9))), [1, 2]);
    wire.wait_ms(61_000);
    let _other = play(&mut wire, LAN, 2);
    let snapshot = retire(&mut wire, keep(9));
    assert_eq!((ids(&snapshot), snapshot.retired), (vec![2, 3], 1));
}

#[test]
fn both_legs_go_together() {
    let mut wire = Wire::new(engine(2));
    for tap in [WAN, LAN] {
        play_and_leave(&mut wire, tap, 0);
    }
    let before = wire.engine.snapshot();
    assert_eq!(before.sessions[0].legs.len(), 2);
    wire.wait_ms(20_000);
    let _open = play(&mut wire, LAN, 1);
    let after = retire(&mut wire, keep(0));
    assert_eq!((ids(&after), after.retired), (vec![2], 1));
    assert_eq!(after.sessions[0].legs.len(), 1);
}

/// A day of a camera that a recorder asks every half minute, and that plays for a second each time.
#[test]
fn a_day_of_sessions_is_held_in_the_room_of_a_few() {
    let mut wire = Wire::new(engine(1));
    let retention = keep(20);
    for number in 0..2_880_u16 {
        play_and_leave(&mut wire, LAN, number % 2_000);
        wire.wait_ms(29_000);
        while wire.engine.poll_output().is_some() {}
        if number % 10 == 9 {
            let snapshot = retire(&mut wire, retention);
            assert!(snapshot.sessions.len() <= 21, "{}", snapshot.sessions.len());
            let flows = wire.engine.flow_counters().count();
            // Those of an hour, of which each session had one.
            assert!(flows <= 120 + 21, "{flows}");
        }
    }
    let snapshot = wire.engine.snapshot();
    assert_eq!(snapshot.retired + snapshot.sessions.len() as u64, 2_880);
}

#[test]
fn a_week_of_keepalives_is_forgotten_but_for_its_ends_and_nobody_is_blamed_for_it() {
    let mut wire = Wire::new(engine(2));
    let isn = (7_000, 9_000);
    let mut lan = Talk::open_with(&mut wire, LAN, "192.168.1.100:20000", SERVER, isn);
    let mut wan = Talk::open_with(&mut wire, WAN, "198.51.100.7:20000", SERVER, isn);
    for talk in [&mut lan, &mut wan] {
        talk.play_udp(&mut wire, "30000-30001", "30000-30001");
    }
    // Other UDP passes, so that no filter can have left the media out.
    wire.udp(WAN, "198.51.100.7:40000", "203.0.113.53:53", b"a question");
    for number in 0..20_160 {
        wire.wait_ms(30_000);
        let cseq = 10 + number;
        let request = format!("GET_PARAMETER rtsp://203.0.113.10/cam RTSP/1.0|CSeq: {cseq}");
        let answer = format!("RTSP/1.0 200 OK|CSeq: {cseq}");
        lan.exchange(&mut wire, &request, &answer);
        // The run looks after itself between the two taps: one of them then knows of keepalives that the other forgot.
        if number % 300 == 299 {
            retire(&mut wire, keep(3));
        }
        wan.exchange(&mut wire, &request, &answer);
    }
    let snapshot = wire.engine.snapshot();
    let session = &snapshot.sessions[0];
    assert_eq!(session.legs.len(), 2, "one connection at two taps");
    for leg in &session.legs {
        let kept = leg.exchanges.len() as u64;
        assert!(kept < 600, "{kept} exchanges kept");
        assert_eq!(leg.dropped_messages, 0);
        assert_eq!(
            kept + leg.forgotten_keepalives,
            20_160 + setup_exchanges(session),
            "all are told of"
        );
    }
    let codes: Vec<&str> = snapshot
        .findings
        .iter()
        .map(|found| found.code.name())
        .collect();
    assert_eq!(codes, ["rtp-never-sent"], "the media alone is missing");
}

/// Exchanges before PLAY was accepted, and PLAY.
fn setup_exchanges(session: &rtspscope_engine::Session) -> u64 {
    let first = session.legs.first().expect("a leg");
    let keeps = |method: &str| method == "GET_PARAMETER";
    let others = first
        .exchanges
        .iter()
        .filter(|exchange| !keeps(&exchange.method));
    others.count() as u64
}
