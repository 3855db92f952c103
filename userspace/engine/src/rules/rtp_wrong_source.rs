//! `rtp-wrong-source`: media comes from an address that is neither the RTSP peer nor its `source=`.

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Media is sent by another host than the one that the client speaks RTSP with, and the answer to SETUP did not announce it. \
        NATs, helpers and strict players let media in from the announced address only.",
    proof: "The source address of RTP next to the server differs from the server's RTSP address and from source= in its answer.",
    not_this: "A server that names the other address in source= does right. A NAT that translates the server's address does so on the \
        client's side only.",
    remedies: &[
        advice::USE_TCP,
        "Make the server send from the address that it is asked at (one network interface, or its bind address)",
        "On OpenWrt the RTSP helper accepts media from any address; elsewhere it may be bound to the RTSP peer",
    ],
};

/// Fires for a UDP medium whose sender next to the server is a stranger.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    view.facts
        .media()
        .filter(|media| media.is_udp())
        .filter_map(|media| finding(view, media))
        .collect()
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let sides = view.facts.sides()?;
    let rtp = &media.at_server()?.rtp;
    let (from, first) = (rtp.from?, rtp.first?);
    let peer = sides.server.server.ip();
    let announced = media.negotiated_at(sides.server_index).source.as_deref();
    if from.ip() == peer || announced.is_some_and(|source| source.contains(&from.ip().to_string()))
    {
        return None;
    }
    Some(
        Finding::new(
            Code::RtpWrongSource,
            Severity::Error,
            view.medium(media.index),
            format!(
                "media comes from {}, the client speaks with {peer}",
                from.ip()
            ),
        )
        .cause(format!(
            "RTP is sent by {from}, while the RTSP server is {peer} and its answer names {}",
            announced.unwrap_or("no source")
        ))
        .proof(first, format!("first RTP packet, from {from}"))
        .proof_if(
            media.setup_response(sides.server_index),
            "the answer to SETUP",
        )
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

#[cfg(test)]
mod tests {
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, addr};

    fn sent_by_another(talk: &str) -> Scene {
        let mut scene = Scene::behind_nat(talk).punch(0.035, 5000).rtp(9, 9);
        for tap in [LAN, WAN] {
            scene.arrival(tap).rtp.from = Some(addr("203.0.113.77:6970"));
        }
        scene
    }

    #[test]
    fn fires_when_an_unannounced_host_sends() {
        assert_eq!(sent_by_another(UDP_TALK).troubles(), ["rtp-wrong-source"]);
    }

    #[test]
    fn is_silent_when_the_answer_names_that_host() {
        let talk = UDP_TALK.replace(
            "server_port=6970-6971",
            "server_port=6970-6971;source=203.0.113.77",
        );
        assert_eq!(sent_by_another(&talk).troubles(), Vec::<&str>::new());
    }
}
