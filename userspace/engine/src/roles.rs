//! Works out which side of the router a tap is on, and how far its clock is from the first tap's.

use rtspscope_wire::{Span, TapRole};

use crate::model::{Leg, Session, Tap};

/// Distance between two taps' times of one message that a router's delay does not explain.
const PLAUSIBLE_DELAY: Span = Span::from_millis(200);

/// Names the side of each tap that the user did not name, by the sessions that cross two of them.
pub(crate) fn assign_roles(taps: &mut [Tap], sessions: &[Session]) {
    let mut votes = vec![(0_usize, 0_usize); taps.len()];
    for session in sessions {
        let Some(nat) = &session.nat else { continue };
        let tap_of = |leg: usize| session.legs.get(leg).map(|leg| usize::from(leg.tap.0));
        if tap_of(nat.pre) == tap_of(nat.post) {
            continue;
        }
        if let Some(vote) = tap_of(nat.pre).and_then(|tap| votes.get_mut(tap)) {
            vote.0 += 1;
        }
        if let Some(vote) = tap_of(nat.post).and_then(|tap| votes.get_mut(tap)) {
            vote.1 += 1;
        }
    }
    for (tap, (lan, wan)) in taps.iter_mut().zip(votes) {
        if tap.role == TapRole::Unknown && lan != wan {
            tap.role = if lan > wan {
                TapRole::Lan
            } else {
                TapRole::Wan
            };
        }
    }
}

/// Estimates each tap's clock offset from the messages that it shares with a tap whose offset is known.
pub(crate) fn assign_clock_offsets(taps: &mut [Tap], sessions: &[Session]) {
    if let Some(first) = taps.first_mut() {
        first.clock_offset = Some(Span(0));
    }
    for _ in 1..taps.len().max(1) {
        let known: Vec<Option<Span>> = taps.iter().map(|tap| tap.clock_offset).collect();
        for (index, tap) in taps
            .iter_mut()
            .enumerate()
            .filter(|(_, tap)| tap.clock_offset.is_none())
        {
            let mut distances = distances(sessions, index, &known);
            distances.sort_unstable();
            if let Some(&median) = distances.get(distances.len() / 2) {
                tap.clock_offset = Some(if Span(median).abs() > PLAUSIBLE_DELAY {
                    Span(median)
                } else {
                    Span(0)
                });
            }
        }
    }
}

/// Of each message that both this tap and a tap of known offset saw: by how many ns this tap's time is later.
fn distances(sessions: &[Session], tap: usize, known: &[Option<Span>]) -> Vec<i64> {
    let mut distances = Vec::new();
    for session in sessions {
        let own = session
            .legs
            .iter()
            .filter(|leg| usize::from(leg.tap.0) == tap);
        for leg in own {
            for other in &session.legs {
                let offset = known.get(usize::from(other.tap.0)).copied().flatten();
                if let Some(offset) = offset.filter(|_| other.tap != leg.tap) {
                    distances.extend(
                        between(leg, other).map(|distance| distance.saturating_add(offset.0)),
                    );
                }
            }
        }
    }
    distances
}

/// Requests go one way and responses the other, so that the median of both cancels the delay.
fn between<'l>(leg: &'l Leg, other: &'l Leg) -> impl Iterator<Item = i64> + 'l {
    leg.exchanges
        .iter()
        .filter(|exchange| exchange.cseq.is_some())
        .flat_map(move |exchange| {
            let same = |twin: &&crate::model::Exchange| {
                (twin.by, twin.cseq, &twin.method) == (exchange.by, exchange.cseq, &exchange.method)
            };
            let twin = other.exchanges.iter().find(same);
            let requests =
                twin.and_then(|twin| Some((exchange.request.as_ref()?, twin.request.as_ref()?)));
            let responses =
                twin.and_then(|twin| Some((exchange.response.as_ref()?, twin.response.as_ref()?)));
            requests
                .into_iter()
                .chain(responses)
                .map(|(own, twin)| (own.at.at - twin.at.at).0)
        })
}
