//! Judges what an ALG did to a session, and apart from that what it did it for: harm, help or nothing.
//!
//! The judgement compares what happened with what plain NAT would have done. Plain NAT passes text unchanged and lets a
//! datagram in only where the client sent one out first from the same port (RFC 4787 §5). Where the router's own connection
//! tracking was listened to, its word is the least that an ALG did: a helper's expectation is a way in, adjusted sequence
//! numbers are a changed text.

use crate::facts::{Capture, MediaFacts, SessionFacts, ShutOff, Sides, play};
use crate::input::LossKind;
use crate::model::{AlgAction, AlgEffect, AlgJudgement, Arrival, Exchange, Leg, Session, Tap};

/// Judges sessions that were captured by these taps with these losses.
pub(crate) fn judge_all(sessions: &mut [Session], taps: &[Tap], losses: &[(LossKind, u64)]) {
    let all = sessions.iter();
    let judgements: Vec<_> = all
        .map(|session| judge(session, sessions, taps, losses))
        .collect();
    for (session, judgement) in sessions.iter_mut().zip(judgements) {
        session.alg = judgement;
    }
}

/// Judges one of these sessions, which were captured by these taps with these losses. Unknown where one side only was seen, or where the
/// text is encrypted, unless the router's own connection tracking tells.
pub fn judge(
    session: &Session,
    sessions: &[Session],
    taps: &[Tap],
    losses: &[(LossKind, u64)],
) -> AlgJudgement {
    // What a router is set up to do is no sign that it did it.
    let capture = Capture {
        taps,
        losses,
        setup: None,
        unclaimed: &[],
        sessions,
        ticked_at: None,
    };
    let facts = SessionFacts::new(session, capture);
    let (Some(sides), false) = (facts.sides(), facts.encrypted()) else {
        return AlgJudgement {
            action: facts.told_action().unwrap_or_default(),
            effect: AlgEffect::default(),
        };
    };
    let action = action(facts, &sides);
    AlgJudgement {
        action,
        effect: effect(facts, &sides, action),
    }
}

fn action(facts: SessionFacts<'_>, sides: &Sides<'_>) -> AlgAction {
    if sides.nat.proxied {
        AlgAction::Proxy
    } else if !sides.nat.rewrites.is_empty() || sides.nat.lengthened() || dropped(facts) {
        // A message that is gone differs as much as one can.
        AlgAction::Rewrite
    } else if facts.hidden_text().is_some() {
        facts.told_action().unwrap_or_default()
    } else if let Some(is_sure) = let_in(facts, sides) {
        if is_sure {
            AlgAction::Pinhole
        } else {
            facts.told_action().unwrap_or_default()
        }
    } else if began_before(sides) || may_have_dropped(facts) {
        // What an ALG rewrites most was said before, or whoever held a message back is not known.
        AlgAction::Unknown
    } else {
        facts.told_action().unwrap_or(AlgAction::None)
    }
}

/// Whether a tap began after the session was set up.
fn began_before(sides: &Sides<'_>) -> bool {
    [sides.client, sides.server].into_iter().any(|leg| {
        let is_setup = |exchange: &Exchange| exchange.is("SETUP");
        leg.began_before() && !leg.exchanges.iter().any(is_setup)
    })
}

/// Whether media was let in that nothing inside had opened the way for, and whether surely no rewrite did it: both taps have the
/// SETUP, or media comes outside to the very port that the client inside had asked for.
fn let_in(facts: SessionFacts<'_>, sides: &Sides<'_>) -> Option<bool> {
    let is_let_in = |media: &MediaFacts<'_>| media.let_in_rtp().or(media.let_in_rtcp()).is_some();
    let is_sure = |media: MediaFacts<'_>| {
        let legs = [sides.client_index, sides.server_index];
        let asked = media.negotiated_at(sides.client_index).client_rtp_port;
        let outside = media.at_server().and_then(|arrival| arrival.rtp.to);
        let is_kept = || asked.is_some() && asked == outside.map(|to| to.port());
        legs.iter().all(|leg| media.setup_request(*leg).is_some()) || is_kept()
    };
    let found = facts.media().filter(is_let_in).map(is_sure);
    found.reduce(|any, sure| any || sure)
}

/// The worst that holds: one lost medium is what the viewer notices, whatever became of the others.
fn effect(facts: SessionFacts<'_>, sides: &Sides<'_>, action: AlgAction) -> AlgEffect {
    let dropped = dropped(facts).then_some(AlgEffect::Damaged);
    let by_text = effect_on_text(facts, sides).or(dropped);
    let by_media = facts
        .media()
        .filter(|media| media.media.set_up)
        .map(|media| effect_on_media(action, outcome(media, sides)));
    let by_media_of_client = facts
        .media_of_client()
        .filter(|media| media.media.set_up)
        .map(|media| effect_on_media(action, outcome_of_sending(media)));
    let by_media = by_media.chain(by_media_of_client);
    let mut effects: Vec<AlgEffect> = by_text.into_iter().chain(by_media).collect();
    if effects.is_empty() {
        effects.extend(effect_without_media(sides, action));
    }
    let effect = effects.into_iter().max_by_key(|effect| weight(*effect));
    let harmless = effect == Some(AlgEffect::Harmless);
    effect
        .filter(|_| !(harmless && may_have_dropped(facts)))
        .unwrap_or_default()
}

/// Whether the router swallowed a message that any link would have carried, and nothing else with it.
fn dropped(facts: SessionFacts<'_>) -> bool {
    facts
        .swallowed()
        .is_some_and(|swallowed| swallowed.is_by_alg())
}

/// Whether the router held back a message with all else of its connection, and its own table does not tell why.
fn may_have_dropped(facts: SessionFacts<'_>) -> bool {
    let shut_off = facts.swallowed().and_then(|swallowed| swallowed.shut_off);
    shut_off.is_some_and(|shut_off| !matches!(shut_off, ShutOff::Forgotten { .. }))
}

fn weight(effect: AlgEffect) -> u8 {
    match effect {
        AlgEffect::Unknown => 0,
        AlgEffect::Harmless => 1,
        AlgEffect::Helped => 2,
        AlgEffect::Missing => 3,
        AlgEffect::Damaged => 4,
    }
}

/// What became of one medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It came out at the client, and plain NAT would have let it.
    Arrives,
    /// RTP or RTCP came out at the client, and plain NAT would have held it back.
    ArrivesUnopened,
    /// RTP came out at the client, which refused it.
    Refused,
    /// It came out at another host or port than the one that waits for it.
    Misdelivered,
    /// It ended at the NAT, where plain NAT without a rewrite would have let it pass.
    LostThoughOpened,
    /// It ended at the NAT, where plain NAT holds it back.
    LostUnopened,
    /// Nothing was sent, or it cannot be told.
    Unseen,
}

fn outcome(media: MediaFacts<'_>, sides: &Sides<'_>) -> Outcome {
    let Some(client) = media.at_client() else {
        return Outcome::Unseen;
    };
    if client.rtp.packets > 0 {
        if media.misdelivered().is_some() {
            return Outcome::Misdelivered;
        }
        if media.refused().is_some() {
            return Outcome::Refused;
        }
        let unopened = media.let_in_rtp().or(media.let_in_rtcp()).is_some();
        return if unopened {
            Outcome::ArrivesUnopened
        } else {
            Outcome::Arrives
        };
    }
    // What came out before the client's tap began nobody knows.
    let Some(lost) = media.lost_at_nat().filter(|lost| lost.late.is_none()) else {
        return Outcome::Unseen;
    };
    if left_unchanged(media, sides, lost.sender) {
        Outcome::LostThoughOpened
    } else if !media.opening_would_show() {
        Outcome::Unseen
    } else {
        Outcome::LostUnopened
    }
}

/// What became of a medium that the client sends: no NAT holds back what goes out.
fn outcome_of_sending(media: MediaFacts<'_>) -> Outcome {
    let came = media
        .at_server()
        .is_some_and(|arrival| arrival.rtp.packets > 0);
    if came {
        Outcome::Arrives
    } else if media.lost_between().is_some_and(|lost| lost.late.is_none()) {
        Outcome::LostThoughOpened
    } else {
        Outcome::Unseen
    }
}

/// Whether the client's own packet left the NAT from the very port that the client had told the server.
fn left_unchanged(media: MediaFacts<'_>, sides: &Sides<'_>, outside: &Arrival) -> bool {
    let asked = media.negotiated_at(sides.client_index).client_rtp_port;
    media.opened(false).next().is_some()
        && outside
            .from_client
            .iter()
            .any(|sent| Some(sent.from.port()) == asked)
}

fn effect_on_media(action: AlgAction, outcome: Outcome) -> AlgEffect {
    match (outcome, action) {
        // Where nothing was changed, a client that refuses has its own reason.
        (Outcome::Arrives, _) | (Outcome::Refused, AlgAction::None) => AlgEffect::Harmless,
        (Outcome::ArrivesUnopened, _) => AlgEffect::Helped,
        (
            Outcome::Refused | Outcome::LostThoughOpened | Outcome::Misdelivered,
            AlgAction::Rewrite | AlgAction::Proxy,
        ) => AlgEffect::Damaged,
        (Outcome::LostThoughOpened | Outcome::LostUnopened, _) => AlgEffect::Missing,
        // What took the media elsewhere without a word changed is a table of the router, of which nobody knows who made it.
        (Outcome::Unseen | Outcome::Refused | Outcome::Misdelivered, _) => AlgEffect::Unknown,
    }
}

/// Damage that shows in the conversation itself: a broken request that is not understood, a broken answer after which the client gives up.
fn effect_on_text(facts: SessionFacts<'_>, sides: &Sides<'_>) -> Option<AlgEffect> {
    let exchanges = &sides.client.exchanges;
    let damaged = exchanges.iter().enumerate().any(|(index, exchange)| {
        let refused = exchange
            .status()
            .is_some_and(|status| status >= 400 && status != 401);
        let request_lost =
            facts.corrupted(exchange, false) && (refused || in_vain(facts, sides.client, exchange));
        let gave_up = index + 1 == exchanges.len() && play(sides.client).is_none();
        let signed_in_vain = exchange.status() == Some(401) && facts.signed_other_uri(exchange);
        request_lost || signed_in_vain || (facts.corrupted(exchange, true) && gave_up)
    });
    damaged.then_some(AlgEffect::Damaged)
}

/// Whether nobody answered a request, though the client waited or gave up.
fn in_vain(facts: SessionFacts<'_>, leg: &Leg, exchange: &Exchange) -> bool {
    let mut asked = exchange.request.iter();
    exchange.response.is_none()
        && asked.any(|request| facts.capture.is_over_after(leg, request.at.at))
}

/// A session that got no medium set up: where both sides show the same text and the server answered everything, the
/// router had no part in it.
fn effect_without_media(sides: &Sides<'_>, action: AlgAction) -> Option<AlgEffect> {
    let all_answered = |leg: &Leg| {
        !leg.exchanges.is_empty()
            && leg.missing_bytes == 0
            && leg
                .exchanges
                .iter()
                .all(|exchange| exchange.response.is_some())
    };
    (action == AlgAction::None && all_answered(sides.client) && all_answered(sides.server))
        .then_some(AlgEffect::Harmless)
}

#[cfg(test)]
mod tests;
