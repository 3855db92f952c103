//! `alg-missed-setup`: the router has an ALG, but it did not act on this SETUP.

use super::by_setup::{self, Told};
use super::{View, advice};
use crate::facts::MediaFacts;
use crate::facts::assigned::Assignment;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{AlgAction, AlgEffect, Session, TransportKind};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "An ALG looks for SETUP in a narrow way: whole in one segment, first in it, spelled `Transport:` and `;client_port=`, IPv4, on the port \
        that it watches. A SETUP that is written or cut otherwise passes unseen, no way is opened, and this player has no picture while others have, or has a \
        picture and no sound.",
    proof: "Another session through the same router that an ALG helped, and this one, whose media died at the NAT with its text unchanged, \
        and whose SETUP differs in a way that ALGs are known to miss. Or two media of one session, one of them helped, the other not, with its text unchanged. \
        Or the router's own table: a helper is attached to the connection, and expects nothing for the medium that died. Or the router's \
        own setup: an RTSP helper is assigned, to other ports than the one of this session, whose media died at the NAT.",
    not_this: "A router without an ALG treats all sessions alike: nat-no-pinhole alone. A player that opens the way itself needs no ALG.",
    remedies: &[
        advice::USE_TCP,
        "Let the ALG watch this port too (Linux: options nf_conntrack_rtsp ports=554,8554 and a rule that assigns the helper), or use port 554",
        "Use another player: one that sends SETUP in one piece, or one that opens the way itself",
    ],
};

/// Fires once for a session, for a medium that got no help where another medium or another session did, or where a helper
/// is attached or would be to another port.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let found = beside_helped_medium(view)
        .or_else(|| beside_helped_session(view))
        .or_else(|| under_a_helper(view))
        .or_else(|| at_another_port(view));
    found.into_iter().collect()
}

fn beside_helped_medium(view: &View<'_>) -> Option<Finding> {
    if !acts(view.session) {
        return None;
    }
    let mut missed = view
        .facts
        .media()
        .filter(|media| lost_unopened(*media) && !rewritten(view, *media));
    let mut helped = view
        .facts
        .media()
        .filter(|media| media.let_in_rtp().is_some());
    let (missed, helped) = (missed.next()?, helped.next()?);
    let mut differs = new_oddities(missed.setup_oddities(), &helped.setup_oddities());
    if differs.is_empty() && rewritten(view, helped) {
        differs.push("nothing but its place in the conversation".to_owned());
    }
    let cause = "another medium of this session was helped by the ALG";
    finding(view, missed, cause, &differs, helped)
}

fn beside_helped_session(view: &View<'_>) -> Option<Finding> {
    let session = view.session;
    let unhelped = session.transport == TransportKind::Udp
        && session.alg.action == AlgAction::None
        && session.alg.effect == AlgEffect::Missing;
    let lost = view.facts.media().find(|media| lost_unopened(*media));
    let missed = lost.filter(|_| unhelped)?;
    let other = view
        .others()
        .find(|other| is_helped(other) && same_path(session, other))?;
    let facts = view.facts_of(other);
    let helped = facts.media().find(|media| media.let_in_rtp().is_some())?;
    let differs = new_oddities(view.facts.setup_oddities(), &facts.setup_oddities());
    let cause = format!("session {} was helped by the ALG", other.id);
    finding(view, missed, &cause, &differs, helped)
}

/// A helper is attached to the connection by the router's own table, and it expected nothing for a lost medium.
fn under_a_helper(view: &View<'_>) -> Option<Finding> {
    let entry = view.facts.netfilter()?.connection.as_ref()?;
    let helper = entry.helper.as_deref()?;
    let missed = unexpected(view)?;
    let setup = missed.setup_request(view.facts.sides()?.client_index)?;
    let oddities = missed.setup_oddities();
    let differs = if oddities.is_empty() {
        "nothing in its text says why".to_owned()
    } else {
        format!("its SETUP has {}", oddities.join(" and "))
    };
    let told = Told::of_helper(view);
    let behind = Told::behind(told.as_ref());
    let finding = Finding::new(
            Code::AlgMissedSetup,
            Severity::Error,
            view.medium(missed.index),
            "the router has an ALG, and it did not act on this SETUP",
        )
        .cause(format!(
            "netfilter's own table: helper {helper} is attached to this connection, and expected no media for it; {differs}{behind}"
        ))
        .proof(entry.first, format!("netfilter's own table: helper {helper}"))
        .proof(setup, "this SETUP")
        .proof_if(
            missed.lost_between().map(|lost| lost.first),
            "its first RTP packet outside",
        )
;
    Some(Told::prove(told, finding).remedies(EXPLANATION.remedies.iter().copied()))
}

/// An RTSP helper is assigned by the router's setup, to other ports than this session's.
fn at_another_port(view: &View<'_>) -> Option<Finding> {
    let Assignment::ToOthers(port, _) = view.facts.assignment()? else {
        return None;
    };
    if view.facts.helper().is_some() {
        return None;
    }
    let missed = unexpected(view)?;
    let setup = missed.setup_request(view.facts.sides()?.client_index)?;
    let told = Told::of_helper(view)?;
    Some(
        Finding::new(
            Code::AlgMissedSetup,
            Severity::Error,
            view.medium(missed.index),
            format!("the router has an ALG, and it does not watch port {port}"),
        )
        .cause(told.text.clone())
        .proof(told.at, told.text)
        .proof(setup, format!("this SETUP, sent to port {port}"))
        .proof_if(
            missed.lost_between().map(|lost| lost.first),
            "its first RTP packet outside",
        )
        .remedies([advice::USE_TCP, &by_setup::assign(port)])
        .remedies(EXPLANATION.remedies.get(1).copied()),
    )
}

/// A medium that died at the NAT with its text unchanged, and that no helper is known to have expected.
fn unexpected<'a>(view: &View<'a>) -> Option<MediaFacts<'a>> {
    view.facts.media().find(|media| {
        lost_unopened(*media) && !rewritten(view, *media) && media.expected().is_none()
    })
}

fn new_oddities(odd: Vec<String>, usual: &[String]) -> Vec<String> {
    odd.into_iter().filter(|odd| !usual.contains(odd)).collect()
}

/// Whether the server was told another port than the client named.
fn rewritten(view: &View<'_>, media: MediaFacts<'_>) -> bool {
    view.facts.sides().is_some_and(|sides| {
        let told = |index| media.negotiated_at(index).client_rtp_port;
        told(sides.client_index) != told(sides.server_index)
    })
}

fn lost_unopened(media: MediaFacts<'_>) -> bool {
    media.needs_opening()
        && media.lost_between().is_some()
        && media.opened(false).next().is_none()
        && media.opening_would_show()
}

fn is_helped(other: &Session) -> bool {
    acts(other) && other.alg.effect == AlgEffect::Helped
}

fn acts(session: &Session) -> bool {
    matches!(session.alg.action, AlgAction::Pinhole | AlgAction::Rewrite)
}

/// Whether two sessions cross the same two taps.
fn same_path(session: &Session, other: &Session) -> bool {
    let taps = |session: &Session| session.legs.iter().map(|leg| leg.tap).collect::<Vec<_>>();
    taps(session) == taps(other)
}

/// The finding; none where the SETUP does not differ from the one of the medium that was helped.
fn finding(
    view: &View<'_>,
    media: MediaFacts<'_>,
    cause: &str,
    differs: &[String],
    helped: MediaFacts<'_>,
) -> Option<Finding> {
    let index = view.facts.sides()?.client_index;
    let setup = media.setup_request(index)?;
    let missed = Some(differs.join(" and ")).filter(|missed| !missed.is_empty())?;
    let told = Told::of_helper(view);
    let behind = Told::behind(told.as_ref());
    let finding = Finding::new(
        Code::AlgMissedSetup,
        Severity::Error,
        view.medium(media.index),
        "the router has an ALG, and it did not act on this SETUP",
    )
    .cause(format!("{cause}; this one differs by {missed}{behind}"))
    .proof(setup, format!("this SETUP: {missed}"))
    .proof_if(
        media.lost_between().map(|lost| lost.first),
        "its first RTP packet outside",
    )
    .proof_if(
        helped.at_client().and_then(|arrival| arrival.rtp.first),
        "media that the ALG let in for the other one",
    );
    Some(Told::prove(told, finding).remedies(EXPLANATION.remedies.iter().copied()))
}

#[cfg(test)]
mod tests;
