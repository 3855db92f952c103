//! `alg-missed-setup`: the router has an ALG, but it did not act on this SETUP.

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{AlgAction, AlgEffect, Session, TransportKind};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "An ALG looks for SETUP in a narrow way: whole in one segment, first in it, spelled `Transport:` and `;client_port=`, IPv4, on the port \
        that it watches. A SETUP that is written or cut otherwise passes unseen, no way is opened, and this player has no picture while others have.",
    proof: "Another session through the same router that an ALG helped, and this one, whose media died at the NAT with its text unchanged, \
        and whose SETUP differs in a way that ALGs are known to miss.",
    not_this: "A router without an ALG treats all sessions alike: nat-no-pinhole alone. A player that opens the way itself needs no ALG.",
    remedies: &[
        advice::USE_TCP,
        "Let the ALG watch this port too (Linux: options nf_conntrack_rtsp ports=554,8554 and a rule that assigns the helper), or use port 554",
        "Use another player: one that sends SETUP in one piece, or one that opens the way itself",
    ],
};

/// Fires once for a session that got no help where another one did.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let session = view.session;
    let unhelped = session.transport == TransportKind::Udp
        && session.alg.action == AlgAction::None
        && session.alg.effect == AlgEffect::Missing;
    let lost = view.facts.media().find(|media| lost_unopened(*media));
    let Some(media) = lost.filter(|_| unhelped) else {
        return Vec::new();
    };
    let odd = view.facts.setup_oddities();
    let helped = view
        .others()
        .find(|other| is_helped(other) && same_path(session, other));
    let Some(helped) = helped else {
        return Vec::new();
    };
    let usual = view.facts_of(helped).setup_oddities();
    let missed: Vec<String> = odd.into_iter().filter(|odd| !usual.contains(odd)).collect();
    if missed.is_empty() {
        return Vec::new();
    }
    finding(view, media, helped, &missed.join(" and "))
        .into_iter()
        .collect()
}

fn lost_unopened(media: MediaFacts<'_>) -> bool {
    media.needs_opening() && media.lost_between().is_some() && media.opened(false).next().is_none()
}

fn is_helped(other: &Session) -> bool {
    let acted = matches!(other.alg.action, AlgAction::Pinhole | AlgAction::Rewrite);
    acted && other.alg.effect == AlgEffect::Helped
}

/// Whether two sessions cross the same two taps.
fn same_path(session: &Session, other: &Session) -> bool {
    let taps = |session: &Session| session.legs.iter().map(|leg| leg.tap).collect::<Vec<_>>();
    taps(session) == taps(other)
}

fn finding(
    view: &View<'_>,
    media: MediaFacts<'_>,
    helped: &Session,
    missed: &str,
) -> Option<Finding> {
    let index = view.facts.sides()?.client_index;
    let setup = media.setup_request(index)?;
    Some(
        Finding::new(
            Code::AlgMissedSetup,
            Severity::Error,
            view.medium(media.index),
            "the router has an ALG, and it did not act on this SETUP",
        )
        .cause(format!(
            "session {} was helped by the ALG; this one differs by {missed}",
            helped.id
        ))
        .proof(setup, format!("this SETUP: {missed}"))
        .proof_if(
            media.lost_between().map(|lost| lost.first),
            "its first RTP packet outside",
        )
        .proof_if(
            view.facts_of(helped)
                .media()
                .find_map(|media| media.at_client()?.rtp.first),
            "media that the ALG let in for the other session",
        )
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Scene, UDP_TALK, addr};

    fn second(talk: &str) -> Scene {
        let mut scene = Scene::behind_nat(talk);
        scene.legs[0].client = addr("192.168.1.101:41000");
        scene.legs[1].client = addr("203.0.113.1:41000");
        scene
    }

    fn codes(helped: Scene, missed: Scene) -> Vec<&'static str> {
        let findings = Scene::together(vec![helped, missed]).findings;
        let codes = findings.iter().map(|finding| finding.code.name());
        codes.filter(|code| *code == "alg-missed-setup").collect()
    }

    fn spaced() -> String {
        UDP_TALK.replace("unicast;client_port", "unicast; client_port")
    }

    #[test]
    fn fires_when_only_the_session_with_an_unusual_setup_got_no_help() {
        let helped = Scene::behind_nat(UDP_TALK).rtp(80, 80);
        assert_eq!(
            codes(helped, second(&spaced()).rtp(0, 80)),
            ["alg-missed-setup"]
        );
    }

    #[test]
    fn is_silent_when_no_session_was_helped() {
        let alike = Scene::behind_nat(UDP_TALK).rtp(0, 80);
        assert_eq!(
            codes(alike, second(&spaced()).rtp(0, 80)),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn is_silent_when_the_setup_is_like_the_other() {
        let helped = Scene::behind_nat(UDP_TALK).rtp(80, 80);
        assert_eq!(
            codes(helped, second(UDP_TALK).rtp(0, 80)),
            Vec::<&str>::new()
        );
    }
}
