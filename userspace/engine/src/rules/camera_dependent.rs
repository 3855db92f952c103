//! `camera-dependent`: one player, two cameras, and only one of them gives a picture.

use super::View;
use super::comparison::compared;
use crate::facts::Fate;
use crate::finding::{Code, Explanation, Finding};
use crate::model::Session;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The same player has a picture from one camera and not from another, through the same router. What the cameras do differently decides: \
        the transport that they accept, their RTSP port, the ports that they send from.",
    proof: "Two sessions of the same host with the same player's name and different servers, one of which got its media next to the client while \
        the other lost it in the router, both seen on both sides.",
    not_this: "A session that could not be judged, or that names another player, is not compared.",
    remedies: &[
        "Let the player use TCP with the camera that fails",
        "Set the camera that fails to what the working one does: RTSP port 554, newer firmware",
    ],
};

/// Fires once for a session that fails while the same player works with another camera.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    if view.facts.fate() != Fate::Fails || view.session.user_agent.is_none() {
        return Vec::new();
    }
    let same_player = |other: &&Session| {
        other.client.ip() == view.session.client.ip()
            && other.user_agent == view.session.user_agent
            && other.server != view.session.server
    };
    let works = view
        .others()
        .filter(same_player)
        .find(|other| view.facts_of(other).fate() == Fate::Works);
    let summary = "the same player gets its picture from another camera through the same router";
    works
        .and_then(|works| compared(view, works, Code::CameraDependent, summary))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Scene, UDP_TALK, addr, tcp_talk};

    fn found(second_host: &str) -> Option<String> {
        let mut works = Scene::behind_nat(&tcp_talk()).rtp(80, 80);
        works.user_agent = Some("player/1".to_owned());
        let mut fails = Scene::behind_nat(UDP_TALK);
        fails.user_agent = Some("player/1".to_owned());
        fails.legs[0].client = addr(second_host);
        fails.legs[1].client = addr("203.0.113.1:41000");
        for leg in &mut fails.legs {
            leg.server = addr("203.0.113.77:554");
        }
        let findings = Scene::together(vec![works, fails.rtp(0, 80)]).findings;
        let found = findings
            .into_iter()
            .find(|finding| finding.code.name() == "camera-dependent");
        found.map(|finding| finding.cause)
    }

    #[test]
    fn fires_and_names_the_difference_that_matters() {
        let cause = found("192.168.1.100:41000").unwrap();
        assert!(
            cause.starts_with("transport: TCP works, UDP does not (this explains it)"),
            "{cause}"
        );
    }

    #[test]
    fn is_silent_for_another_host() {
        assert_eq!(found("192.168.1.101:41000"), None);
    }
}
