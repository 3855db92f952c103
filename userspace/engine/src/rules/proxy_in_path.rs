//! `proxy-in-path`: the router ends the connection and opens its own.

use super::View;
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "What looks like one RTSP connection is two: the router answers the client itself and speaks to the camera in a connection of \
        its own. Such a proxy may rewrite everything, and its limits are those of the session.",
    proof: "The same conversation on both sides of the router, with different initial sequence numbers in both directions.",
    not_this: "An ALG that edits messages in place keeps the initial sequence numbers, even where it makes messages longer. Captures that \
        began in the middle of the connection cannot tell the two apart.",
    remedies: &[
        "Nothing needs to be done where the session plays; else switch off the router's RTSP proxy or ALG and compare",
    ],
};

/// Fires for two legs with sequence numbers of their own.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let Some(sides) = view.facts.sides().filter(|sides| sides.nat.proxied) else {
        return Vec::new();
    };
    let isn = |isn: Option<u32>| isn.map_or_else(|| "unknown".to_owned(), |isn| isn.to_string());
    let finding = Finding::new(Code::ProxyInPath, Severity::Info, view.subject(), "the router ends the connection and opens its own")
        .cause(format!(
            "initial sequence numbers {} and {} on the client's side, {} and {} on the server's, with the same conversation",
            isn(sides.client.client_isn),
            isn(sides.client.server_isn),
            isn(sides.server.client_isn),
            isn(sides.server.server_isn)
        ))
        .proof(sides.client.first, "the connection of the client begins")
        .proof(sides.server.first, "the connection of the router begins");
    vec![finding.remedies(EXPLANATION.remedies.iter().copied())]
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Scene, UDP_TALK};

    #[test]
    fn fires_when_the_sequence_numbers_differ() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK).proxied().rtp(9, 9).codes(),
            ["proxy-in-path"]
        );
    }

    #[test]
    fn is_silent_for_an_edit_in_place() {
        let wan = UDP_TALK.replace("5000-5001", "10000-10001");
        assert_eq!(
            Scene::heard(UDP_TALK, &wan).rtp(9, 9).codes(),
            ["alg-rewrote-message"]
        );
    }
}
