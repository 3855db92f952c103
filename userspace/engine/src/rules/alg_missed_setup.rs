//! `alg-missed-setup`: the router has an ALG, but it did not act on this SETUP.

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{AlgAction, AlgEffect, Session, TransportKind};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "An ALG looks for SETUP in a narrow way: whole in one segment, first in it, spelled `Transport:` and `;client_port=`, IPv4, on the port \
        that it watches. A SETUP that is written or cut otherwise passes unseen, no way is opened, and this player has no picture while others have, or has a \
        picture and no sound.",
    proof: "Another session through the same router that an ALG helped, and this one, whose media died at the NAT with its text unchanged, \
        and whose SETUP differs in a way that ALGs are known to miss. Or two media of one session, one of them helped, the other not, with its text unchanged. \
        Or the router's own table: a helper is attached to the connection, and expects nothing for the medium that died.",
    not_this: "A router without an ALG treats all sessions alike: nat-no-pinhole alone. A player that opens the way itself needs no ALG.",
    remedies: &[
        advice::USE_TCP,
        "Let the ALG watch this port too (Linux: options nf_conntrack_rtsp ports=554,8554 and a rule that assigns the helper), or use port 554",
        "Use another player: one that sends SETUP in one piece, or one that opens the way itself",
    ],
};

/// Fires once for a session, for a medium that got no help where another medium or another session did, or where a helper
/// is attached.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let found = beside_helped_medium(view)
        .or_else(|| beside_helped_session(view))
        .or_else(|| under_a_helper(view));
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
    let mut lost = view.facts.media().filter(|media| {
        lost_unopened(*media) && !rewritten(view, *media) && media.expected().is_none()
    });
    let missed = lost.next()?;
    let setup = missed.setup_request(view.facts.sides()?.client_index)?;
    let oddities = missed.setup_oddities();
    let differs = if oddities.is_empty() {
        "nothing in its text says why".to_owned()
    } else {
        format!("its SETUP has {}", oddities.join(" and "))
    };
    Some(
        Finding::new(
            Code::AlgMissedSetup,
            Severity::Error,
            view.medium(missed.index),
            "the router has an ALG, and it did not act on this SETUP",
        )
        .cause(format!(
            "netfilter's own table: helper {helper} is attached to this connection, and expected no media for it; {differs}"
        ))
        .proof(entry.first, format!("netfilter's own table: helper {helper}"))
        .proof(setup, "this SETUP")
        .proof_if(
            missed.lost_between().map(|lost| lost.first),
            "its first RTP packet outside",
        )
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
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
    media.needs_opening() && media.lost_between().is_some() && media.opened(false).next().is_none()
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
    Some(
        Finding::new(
            Code::AlgMissedSetup,
            Severity::Error,
            view.medium(media.index),
            "the router has an ALG, and it did not act on this SETUP",
        )
        .cause(format!("{cause}; this one differs by {missed}"))
        .proof(setup, format!("this SETUP: {missed}"))
        .proof_if(
            media.lost_between().map(|lost| lost.first),
            "its first RTP packet outside",
        )
        .proof_if(
            helped.at_client().and_then(|arrival| arrival.rtp.first),
            "media that the ALG let in for the other one",
        )
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

#[cfg(test)]
mod tests {
    use crate::model::Netfilter;
    use crate::testkit::{Scene, UDP_TALK, WAN, addr, at, connection, expected};

    /// A session whose media died at the NAT, under a helper (or none) that expected a port (or nothing).
    fn under(helper: Option<&str>, port: Option<u16>) -> Scene {
        let netfilter = Netfilter {
            connection: Some(connection(helper)),
            expectations: port.map(expected).into_iter().collect(),
            ..Netfilter::default()
        };
        Scene {
            netfilter: Some(netfilter),
            ..Scene::behind_nat(&spaced()).rtp(0, 80)
        }
    }

    #[test]
    fn fires_when_the_attached_helper_expected_nothing() {
        let snapshot = under(Some("rtsp"), None).checked();
        let mut findings = snapshot.findings.iter();
        let finding = findings
            .find(|finding| finding.code.name() == "alg-missed-setup")
            .unwrap();
        assert!(
            finding.cause.starts_with(
                "netfilter's own table: helper rtsp is attached to this connection, and expected no media for it; its SETUP has "
            ),
            "{}",
            finding.cause
        );
    }

    #[test]
    fn is_silent_without_a_helper_and_when_the_helper_expected_the_medium() {
        for scene in [under(None, None), under(Some("rtsp"), Some(5000))] {
            assert!(!scene.troubles().contains(&"alg-missed-setup"));
        }
    }

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

    /// The talk with a second medium on ports 5002-5003, at the LAN and, with the first one's ports rewritten, at the WAN.
    fn two_media(second_outside: &str) -> Scene {
        let setup = "
    0.032 > SETUP rtsp://203.0.113.10/a/track2 RTSP/1.0 | CSeq: 30 | Transport: RTP/AVP;unicast;client_port=5002-5003
    0.034 < RTSP/1.0 200 OK | CSeq: 30 | Session: 66334873 | Transport: RTP/AVP;unicast;client_port=5002-5003;server_port=6972-6973
    0.04 > PLAY";
        let inside = UDP_TALK.replace("\n    0.04 > PLAY", setup);
        let outside = inside
            .replace("5000-5001", "10000-10001")
            .replace("5002-5003", second_outside);
        let mut scene = Scene::heard(&inside, &outside).rtp(80, 80);
        let rtp = &mut scene.media[1].arrivals[1].rtp;
        rtp.packets = 80;
        (rtp.first, rtp.last) = (Some(at(WAN, 0.06, 22)), Some(at(WAN, 9.9, 201)));
        scene
    }

    #[test]
    fn fires_when_only_the_first_setup_of_a_session_was_handled() {
        let snapshot = two_media("5002-5003").checked();
        let finding = snapshot
            .findings
            .iter()
            .find(|finding| finding.code.name() == "alg-missed-setup")
            .unwrap();
        assert_eq!(finding.subject.media, Some(1));
        assert_eq!(
            finding.cause,
            "another medium of this session was helped by the ALG; this one differs by nothing but its place in the conversation"
        );
    }

    #[test]
    fn is_silent_when_the_second_setup_was_rewritten_too() {
        let scene = two_media("10002-10003");
        assert!(!scene.troubles().contains(&"alg-missed-setup"));
    }
}
