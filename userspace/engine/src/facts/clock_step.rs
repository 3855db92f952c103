//! How far the clocks of two taps are apart, by what both saw last of one connection.

use std::sync::Arc;

use rtspscope_wire::Span;

use crate::model::{Exchange, Leg, Message};

/// Messages that two taps are compared by.
const SHARED: usize = 6;

/// Exchanges among which they are looked for: a peer may number thousands alike.
const LOOKED_AT: usize = 64;

/// The distance of the times of two legs of one connection, the middle one of the last messages that both show: one of them
/// may have been seen at its second try only.
pub(super) fn shared_step(from: &Leg, to: &Leg) -> Option<Span> {
    let mut steps: Vec<Span> = Vec::new();
    for own in from.exchanges.iter().rev().take(LOOKED_AT) {
        if steps.len() >= SHARED {
            break;
        }
        // A peer that numbers all its requests alike does not tell them apart.
        let is_same = |other: &&Exchange| (other.by, other.cseq) == (own.by, own.cseq);
        let only = |leg: &'_ Leg| leg.exchanges.iter().filter(is_same).count() == 1;
        if own.cseq.is_none() || !only(from) || !only(to) {
            continue;
        }
        let Some(twin) = to.exchanges.iter().rev().find(is_same) else {
            continue;
        };
        let is_told = |exchange: &Exchange| !exchange.method.is_empty();
        if is_told(own) && is_told(twin) && own.method != twin.method {
            continue;
        }
        let step = |[own, twin]: [&Option<Arc<Message>>; 2]| {
            Some(twin.as_ref()?.at.at - own.as_ref()?.at.at)
        };
        let response = (own.status() == twin.status())
            .then(|| step([&own.response, &twin.response]))
            .flatten();
        steps.extend(response);
        steps.extend(step([&own.request, &twin.request]));
    }
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied()
}
