//! `rtp-wrong-source`: media comes from an address that is neither the RTSP peer nor its `source=`.

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Media is sent by another host than the one that the client speaks RTSP with, and the answer to SETUP did not announce it. \
        NATs, helpers and strict players let media in from the announced address only.",
    proof: "The source address of RTP next to the server, or at the one side that was seen, differs from the server's RTSP address there and \
        from source= in its answer.",
    not_this: "A server that names the other address in source= does right. With both sides, a NAT that translates the server's address does \
        so on the client's side only. With one side only and without the beginning of the session nothing is concluded.",
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
    let seen = media.nearest_to_server()?;
    let (from, first) = (seen.rtp().from?, seen.rtp().first?);
    if seen.may_come_from_host(from.ip()) || view.may_be_anothers(&seen) {
        return None;
    }
    let peer = seen.leg.server.ip();
    let announced = seen.agreed().source.as_deref();
    let doubt = if seen.one_sided && !seen.in_one_network() {
        "; whether a router between them changes the address cannot be told from one side"
    } else {
        ""
    };
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
            "RTP is sent by {from}, while the RTSP server is {peer} and its answer names {}{doubt}",
            announced.unwrap_or("no source")
        ))
        .proof(first, format!("first RTP packet, from {from}"))
        .proof_if(media.setup_response(seen.leg_index), "the answer to SETUP")
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

#[cfg(test)]
mod tests {
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, addr, at};

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

    fn at_one_tap(talk: &str) -> Scene {
        let mut scene =
            Scene::at_one_tap("192.168.1.100:40000", "192.168.1.90:554", talk).rtp_at(LAN, 9);
        scene.arrival(LAN).rtp.from = Some(addr("192.168.1.91:6970"));
        scene
    }

    #[test]
    fn fires_at_one_tap_too() {
        let snapshot = at_one_tap(UDP_TALK).checked();
        assert_eq!(snapshot.findings[0].code.name(), "rtp-wrong-source");
        assert_eq!(
            snapshot.findings[0].cause,
            "RTP is sent by 192.168.1.91:6970, while the RTSP server is 192.168.1.90 and its answer names no source"
        );
    }

    #[test]
    fn is_silent_at_one_tap_where_the_answer_names_the_host_or_a_name() {
        for source in ["192.168.1.91", "camera.local"] {
            let named = format!("server_port=6970-6971;source={source}");
            let talk = UDP_TALK.replace("server_port=6970-6971", &named);
            assert_eq!(at_one_tap(&talk).troubles(), Vec::<&str>::new(), "{source}");
        }
    }

    #[test]
    fn is_silent_at_one_tap_for_media_that_was_there_before() {
        let mut scene = at_one_tap(UDP_TALK);
        scene.arrival(LAN).rtp.first = Some(at(LAN, 0.01, 5));
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }
}
