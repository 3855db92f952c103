//! `alg-reply-not-restored`: the answer shows the client ports that it never asked for.

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The ALG replaced the client's ports in the SETUP request and let the answer pass unchanged, so that the client reads ports \
        that it never asked for. Many players ignore that; strict ones break off or wait at the wrong ports.",
    proof: "SETUP leaves the client with one client_port and its answer comes to the client with another one, while on the server's side \
        both are the same.",
    not_this: "A server that answers with ports of its own choice shows them on its own side as well. With one side of the router only \
        the two cannot be told apart: then it is said that either may be so.",
    remedies: &[advice::USE_TCP, advice::DISABLE_ALG],
};

/// Fires for a medium whose answer was right next to the server and wrong next to the client.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    view.facts
        .media()
        .filter_map(|media| finding(view, media).or_else(|| suspicion(view, media)))
        .collect()
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let sides = view.facts.sides()?;
    let (client, server) = (
        media.negotiated_at(sides.client_index),
        media.negotiated_at(sides.server_index),
    );
    let (asked, answered) = (client.client_rtp_port?, client.answered_rtp_port?);
    if asked == answered || server.client_rtp_port? != server.answered_rtp_port? {
        return None;
    }
    let finding = Finding::new(
        Code::AlgReplyNotRestored,
        Severity::Warning,
        view.medium(media.index),
        format!("the client asked for port {asked} and reads {answered} in the answer"),
    )
    .cause(if server.client_rtp_port == Some(asked) {
        format!("the server answered with {asked}, and the router made {answered} of it")
    } else {
        format!(
            "the router changed {asked} to {answered} in SETUP and did not change it back in the answer"
        )
    })
    .proof_if(
        media.setup_request(sides.client_index),
        format!("the client asks for port {asked}"),
    )
    .proof_if(
        media.setup_response(sides.client_index),
        format!("the answer that it gets names port {answered}"),
    )
    .proof_if(
        media.setup_response(sides.server_index),
        "the same answer as the server sent it",
    );
    let disable = (view.session.alg.effect == crate::model::AlgEffect::Damaged)
        .then_some(advice::DISABLE_ALG);
    Some(finding.remedies(disable.into_iter().chain([advice::USE_TCP])))
}

/// The same from one side: an ALG on the way, or a server that answers with ports of its own choice.
fn suspicion(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    if view.session.legs.len() != 1 {
        return None;
    }
    let agreed = media.negotiated_at(0);
    let (asked, answered) = (agreed.client_rtp_port?, agreed.answered_rtp_port?);
    // A range that is written backwards is no other one.
    if asked == answered || agreed.answered_rtcp_port == Some(asked) {
        return None;
    }
    let arrival = media.arrival(0);
    let rtp = arrival.map(|arrival| &arrival.rtp);
    let as_asked = rtp.filter(|rtp| rtp.to.is_some_and(|to| to.port() == asked));
    let why = if as_asked.is_some() {
        "and media come to the port that it asked for, so a router on the way may have changed the request and let the answer pass"
    } else {
        "so a router on the way may have changed the request, or the server answers with ports of its own choice"
    };
    Some(
        Finding::new(
            Code::AlgReplyNotRestored,
            Severity::Warning,
            view.medium(media.index),
            format!("the client asked for port {asked} and reads {answered} in the answer; one side alone does not tell why"),
        )
        .cause(format!("the answer names a port that the client never asked for, {why}"))
        .proof_if(media.setup_request(0), format!("the client asks for port {asked}"))
        .proof_if(
            media.setup_response(0),
            format!("the answer that it gets names port {answered}"),
        )
        .proof_if(as_asked.and_then(|rtp| rtp.first), format!("media to port {asked}"))
        .remedies(["Capture on both sides of the router at once, and give both: analyze --lan FILE --wan FILE"]),
    )
}

#[cfg(test)]
mod tests {
    use crate::finding::Severity;
    use crate::testkit::{Scene, UDP_TALK};

    #[test]
    fn one_side_alone_is_a_suspicion() {
        let odd = UDP_TALK.replace(
            "client_port=5000-5001;server",
            "client_port=10000-10001;server",
        );
        let one_sided = |talk: &str| {
            let mut scene = Scene::behind_nat(talk).rtp(82, 82);
            scene.legs.pop();
            for media in &mut scene.media {
                media.per_leg.pop();
                media.setup.pop();
                media.arrivals.pop();
            }
            let findings = scene.checked().findings;
            let ours = findings
                .into_iter()
                .find(|finding| finding.code.name() == "alg-reply-not-restored");
            ours.map(|finding| (finding.severity, finding.evidence.len()))
        };
        assert_eq!(one_sided(&odd), Some((Severity::Warning, 3)));
        assert_eq!(one_sided(UDP_TALK), None);
    }

    #[test]
    fn fires_when_only_the_request_was_rewritten() {
        let request = UDP_TALK.replace(
            "unicast;client_port=5000-5001;server",
            "unicast;client_port=10000-10001;server",
        );
        let wan = UDP_TALK.replace("5000-5001", "10000-10001");
        assert_eq!(
            Scene::heard(&request, &wan).rtp(82, 82).troubles(),
            ["alg-reply-not-restored"]
        );
    }

    #[test]
    fn is_silent_when_the_answer_was_restored() {
        let wan = UDP_TALK.replace("5000-5001", "10000-10001");
        assert_eq!(
            Scene::heard(UDP_TALK, &wan).rtp(82, 82).troubles(),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn is_silent_when_the_server_itself_answers_with_other_ports() {
        let talk = UDP_TALK.replace(
            "unicast;client_port=5000-5001;server",
            "unicast;client_port=7000-7001;server",
        );
        assert_eq!(
            Scene::behind_nat(&talk).rtp(82, 82).troubles(),
            Vec::<&str>::new()
        );
    }
}
