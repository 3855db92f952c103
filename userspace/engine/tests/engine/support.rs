//! What the engine's tests share: captures read from files, and traffic written by hand.

pub(crate) mod capture;
pub(crate) mod traffic;

use rtspscope_engine::model::{Arrival, Leg, Session};
use rtspscope_engine::{Engine, EngineOptions, Snapshot, TapInfo};
use rtspscope_wire::TapRole;

/// An engine with default limits and this many taps, the first on the LAN side, the second on the WAN side.
pub(crate) fn engine(taps: usize) -> Engine {
    let mut engine = Engine::new(EngineOptions::default());
    for role in [TapRole::Lan, TapRole::Wan].into_iter().take(taps) {
        engine.add_tap(tap_info(role));
    }
    engine
}

pub(crate) fn tap_info(role: TapRole) -> TapInfo {
    let name = format!("{role:?}").to_lowercase();
    TapInfo {
        source: format!("{name}.pcap"),
        name,
        role,
        link_type: None,
        unfiltered: false,
    }
}

/// The one session of a snapshot.
pub(crate) fn only_session(snapshot: &Snapshot) -> &Session {
    match &snapshot.sessions[..] {
        [session] => session,
        sessions => panic!("one session was expected: {sessions:#?}"),
    }
}

/// What was seen of a medium beside a leg.
pub(crate) fn arrival(session: &Session, media: usize, leg: usize) -> &Arrival {
    session.media[media]
        .arrivals
        .iter()
        .find(|arrival| arrival.leg == Some(leg))
        .expect("an arrival for each leg")
}

/// Methods and status codes of a leg, in order.
pub(crate) fn conversation(leg: &Leg) -> Vec<(String, Option<u16>)> {
    leg.exchanges
        .iter()
        .map(|exchange| (exchange.method.clone(), exchange.status()))
        .collect()
}
