//! `rtp-wrong-port`: the server sends to or from a port other than the negotiated one.

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The server sends media to a port that the client did not name, or from a port that it did not announce. The client does not \
        listen there, or its packets open the wrong way through the NAT.",
    proof: "RTP next to the server, before any router, whose ports differ from those of SETUP and its answer on the same side.",
    not_this: "A server that sends back to where the client's own packet came from does right behind a NAT. A port that the router changed \
        is nat-source-port-changed.",
    remedies: &[
        advice::USE_TCP,
        "Look for newer firmware of the camera, or another port range in its settings",
    ],
};

/// Fires for a UDP medium whose ports next to the server are not the negotiated ones.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    view.facts
        .media()
        .filter(|media| media.is_udp())
        .filter_map(|media| finding(view, media))
        .collect()
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let sides = view.facts.sides()?;
    let server = media.at_server()?;
    let (from, to, first) = (server.rtp.from?, server.rtp.to?, server.rtp.first?);
    let agreed = media.negotiated_at(sides.server_index);
    let from_elsewhere = agreed.server_rtp_port.filter(|port| *port != from.port());
    let answers_a_packet = server
        .from_client
        .iter()
        .any(|sent| sent.from.port() == to.port());
    let named = [agreed.client_rtp_port, agreed.answered_rtp_port];
    let to_elsewhere = agreed
        .client_rtp_port
        .filter(|_| !named.contains(&Some(to.port())) && !answers_a_packet);
    let (way, agreed_port, used) = match (to_elsewhere, from_elsewhere) {
        (Some(port), _) => ("to", port, to.port()),
        (None, Some(port)) => ("from", port, from.port()),
        (None, None) => return None,
    };
    Some(
        Finding::new(
            Code::RtpWrongPort,
            Severity::Error,
            view.medium(media.index),
            format!("the server sends {way} port {used}, negotiated was {agreed_port}"),
        )
        .cause(format!("RTP goes from {from} to {to} on the server's side, where SETUP agreed on {way} port {agreed_port}"))
        .proof(first, format!("first RTP packet, {from} to {to}"))
        .proof_if(media.setup_response(sides.server_index), "the answer to SETUP with the negotiated ports")
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Scene, UDP_TALK, WAN, addr};

    fn sent(from: &str, to: &str) -> Scene {
        let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 61000).rtp(0, 9);
        let rtp = &mut scene.arrival(WAN).rtp;
        (rtp.from, rtp.to) = (Some(addr(from)), Some(addr(to)));
        scene
    }

    #[test]
    fn fires_when_the_server_sends_to_or_from_another_port() {
        let to_other = sent("203.0.113.10:6970", "203.0.113.1:7777").troubles();
        assert!(to_other.contains(&"rtp-wrong-port"));
        let from_other = sent("203.0.113.10:7000", "203.0.113.1:5000").troubles();
        assert!(from_other.contains(&"rtp-wrong-port"));
    }

    #[test]
    fn is_silent_when_the_server_answers_to_where_the_punch_came_from() {
        assert!(
            !sent("203.0.113.10:6970", "203.0.113.1:61000")
                .troubles()
                .contains(&"rtp-wrong-port")
        );
    }
}
