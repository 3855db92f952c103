//! `client-dependent`: one camera, two players, and only one of them has a picture.

use super::View;
use super::comparison::compared;
use crate::facts::Fate;
use crate::finding::{Code, Explanation, Finding};
use crate::model::Session;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The same camera plays with one player and not with another, through the same router. Then camera and network can do it, and what the \
        players do differently decides: the transport, whether they open the way for UDP, how they write SETUP.",
    proof: "Two sessions with the same server address, one of which got its media next to the client while the other lost it in the router, \
        both seen on both sides.",
    not_this: "A session that could not be judged is not compared.",
    remedies: &[
        "Set the player that fails to what the working one does, first of all to its transport",
        "Or use the player that works",
    ],
};

/// Fires once for a session that fails while another one with the same server works.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    if view.facts.fate() != Fate::Fails {
        return Vec::new();
    }
    let same_camera = |other: &&Session| {
        other.server == view.session.server && is_another_player(view.session, other)
    };
    let works = view
        .others()
        .filter(same_camera)
        .find(|other| view.facts_of(other).fate() == Fate::Works);
    let summary = "another player gets its picture from this camera through the same router";
    works
        .and_then(|works| compared(view, works, Code::ClientDependent, summary))
        .into_iter()
        .collect()
}

/// Two runs of one player are no two players.
fn is_another_player(session: &Session, other: &Session) -> bool {
    session.client.ip() != other.client.ip() || session.user_agent != other.user_agent
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

    #[test]
    fn fires_and_names_the_difference_that_matters() {
        let works = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(80, 80);
        let snapshot = Scene::together(vec![works, second(UDP_TALK).rtp(0, 80)]);
        let found = snapshot
            .findings
            .iter()
            .find(|finding| finding.code.name() == "client-dependent")
            .unwrap();
        assert_eq!(found.subject.session, Some(2));
        assert_eq!(
            found.cause,
            "opening: a player that sends from its media port works, one that waits in silence does not (this explains it)"
        );
    }

    #[test]
    fn is_silent_when_both_fail_or_the_cameras_differ() {
        let codes = |works: Scene, mut fails: Scene, server: &str| {
            for leg in &mut fails.legs {
                leg.server = addr(server);
            }
            let findings = Scene::together(vec![works, fails]).findings;
            findings
                .iter()
                .any(|finding| finding.code.name() == "client-dependent")
        };
        let plays = || Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(80, 80);
        let fails = || second(UDP_TALK).rtp(0, 80);
        assert!(codes(plays(), fails(), "203.0.113.10:554"));
        assert!(!codes(plays(), fails(), "203.0.113.77:554"));
        assert!(!codes(
            Scene::behind_nat(UDP_TALK).rtp(0, 80),
            fails(),
            "203.0.113.10:554"
        ));
    }

    #[test]
    fn a_player_that_turned_to_another_transport_has_its_picture() {
        let mut turned = Scene::behind_nat(UDP_TALK).rtp(0, 80);
        let mut later = turned.media[0].clone();
        turned.media[0].superseded = true;
        turned.user_agent = Some("Lavf60.16.100".to_owned());
        for agreed in &mut later.per_leg {
            agreed.channels = Some((0, 1));
        }
        for arrival in &mut later.arrivals {
            arrival.rtp.packets = 80;
        }
        turned.media.push(later);
        let snapshot = Scene::together(vec![turned, second(UDP_TALK).rtp(0, 80)]);
        let dependent = snapshot
            .findings
            .iter()
            .filter(|finding| finding.code.name() == "client-dependent");
        let sessions: Vec<_> = dependent.map(|finding| finding.subject.session).collect();
        assert_eq!(sessions, [Some(2)]);
    }
}
