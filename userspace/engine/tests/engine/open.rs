//! Sessions that are not over are the same whether all are looked at or only they.

use rtspscope_engine::model::SessionState;
use rtspscope_engine::{Engine, EngineOptions, Session};
use rtspscope_wire::TapRole;

use crate::support::capture::{Order, golden, replay_watched};
use crate::support::engine;
use crate::support::traffic::{LAN, Talk, WAN, Wire};

/// Frames between two looks: negotiations are looked at often.
const STEP: usize = 7;

fn is_open(session: &Session) -> bool {
    let over = matches!(session.state, SessionState::Ended | SessionState::Failed);
    !over && session.legs.iter().all(|leg| leg.closed.is_none())
}

/// What the kernel is told of.
fn agreed(session: &Session) -> String {
    let media = session.media.iter().map(|media| {
        let encoding = media.encoding_in_clear();
        (media.clock_rate, encoding, &media.per_leg, &media.setup)
    });
    let legs = session
        .legs
        .iter()
        .map(|leg| (leg.tap, leg.client, leg.server));
    let (legs, media): (Vec<_>, Vec<_>) = (legs.collect(), media.collect());
    format!("{legs:?} {media:#?}")
}

/// Holds both looks against each other; how many sessions there were.
fn compare(engine: &mut Engine) -> usize {
    let open = engine.open_sessions();
    let whole = engine.snapshot();
    let mut compared = 0;
    for session in whole.sessions.iter().filter(|session| is_open(session)) {
        let open: Vec<String> = open.iter().map(agreed).collect();
        assert!(open.contains(&agreed(session)), "{open:#?}");
        compared += 1;
    }
    compared
}

#[test]
fn captures_show_the_same_open_sessions_at_any_time() {
    for name in [
        "A-gst-ffmpeg-udp",
        "A-live555-retina-tcp",
        "A-live555-openRTSP-http",
        "B-live555-ffmpeg-udp",
        "K-alg-owrt-conflict",
        "N-nfqraw-live555-retina",
        "P-proxy-live555-rtspc",
    ] {
        let taps = [(TapRole::Lan, "lan"), (TapRole::Wan, "wan")]
            .map(|(role, side)| (role, golden(&format!("{name}.{side}"))));
        let (mut frames, mut compared) = (0, 0);
        let mut engine = Engine::new(EngineOptions::default());
        replay_watched(&mut engine, &taps, Order::ByTime, |engine| {
            frames += 1;
            if frames < 100 || frames % STEP == 0 {
                compared += compare(engine);
            }
        });
        assert!(compared > 20, "{name}: {compared} of {frames}");
    }
}

#[test]
fn what_has_ended_is_left_out() {
    let mut wire = Wire::new(engine(2));
    let servers = ["203.0.113.10:554", "203.0.113.11:554"];
    for (number, server) in servers.into_iter().enumerate() {
        for (tap, client) in [(LAN, "192.168.1.100"), (WAN, "203.0.113.1")] {
            let client = format!("{client}:4000{number}");
            let isn = 10_000 * (number as u32 + 1);
            let mut talk = Talk::open_with(&mut wire, tap, &client, server, (isn, isn + 7));
            talk.play_udp(&mut wire, "5000-5001", "5000-5001");
            if number == 0 {
                talk.tear_down(&mut wire);
                talk.client_closes(&mut wire);
            }
        }
    }
    let open = wire.engine.open_sessions();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].legs[0].server.to_string(), servers[1]);
    assert_eq!(compare(&mut wire.engine), 1);
    assert_eq!(wire.engine.snapshot().sessions.len(), 2);
}
