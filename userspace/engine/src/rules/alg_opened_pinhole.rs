//! `alg-opened-pinhole`: the router let media in that nothing inside had asked for by sending first.

use super::View;
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::AlgAction;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The messages are the same on both sides, and yet the router let UDP media in to a client that had sent nothing first. \
        An ALG read the SETUP and opened the ports without changing the text.",
    proof: "Media at the tap next to the client, from outside a NAT that translates the client's address, before any datagram from \
        the negotiated port of the client. RTP and RTCP are looked at apart. Or the router's own table: its helper expects media at the \
        client's port.",
    not_this: "A client that sent first opened the way itself. A fixed port forward or a DMZ host for the client looks the same and \
        cannot be told from it. With a rewritten message it is alg-rewrote-message.",
    remedies: &["Leave the router's ALG on: this session needs it over UDP"],
};

/// Fires for each medium that was let in without a rewrite, or that the router's helper expected.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    if view.session.alg.action != AlgAction::Pinhole {
        return Vec::new();
    }
    view.facts
        .media()
        .filter_map(|media| finding(view, media))
        .collect()
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let (media_in, reports_in) = (media.let_in_rtp(), media.let_in_rtcp());
    let Some(let_in) = media_in.or(reports_in) else {
        return expected(view, media);
    };
    let what = match (media_in, reports_in) {
        (Some(_), Some(_)) => "RTP and RTCP",
        (Some(_), None) => "RTP",
        (None, _) => "RTCP",
    };
    let sides = view.facts.sides()?;
    Some(
        Finding::new(
            Code::AlgOpenedPinhole,
            Severity::Info,
            view.medium(media.index),
            format!("the router let {what} in without a packet from the client"),
        )
        .cause(format!("{what} came in to {} though nothing had left from port {} before; the text is unchanged", sides.client.client.ip(), let_in.port))
        .proof(let_in.first, format!("first {what} packet inside"))
        .proof_if(media.setup_request(sides.client_index), "the SETUP that the router must have read")
        .proof_if(media.expected().map(|told| told.first), told_of(media))
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

/// A medium of which nothing else shows that a way was opened.
fn expected(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let told = media.expected()?;
    let helper = told.helper.as_deref().unwrap_or("unnamed");
    Some(
        Finding::new(
            Code::AlgOpenedPinhole,
            Severity::Info,
            view.medium(media.index),
            format!(
                "the router's helper {helper} opened port {}",
                told.expected.to.port()
            ),
        )
        .cause(format!("{}; the text is unchanged", told_of(media)))
        .proof(told.first, told_of(media))
        .proof_if(media.setup_request(0), "the SETUP that the helper read")
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

/// What the router's own table says of the way in.
fn told_of(media: MediaFacts<'_>) -> String {
    let Some(told) = media.expected() else {
        return String::new();
    };
    let helper = told.helper.as_deref().unwrap_or("unnamed");
    let from = told.expected.from.ip();
    format!(
        "netfilter's own table: helper {helper} expects media from {from} at {}",
        told.expected.to
    )
}

#[cfg(test)]
mod tests {
    use crate::model::Netfilter;
    use crate::testkit::{LAN, Scene, UDP_TALK, addr, expected, tcp_talk};

    fn with_expectation(scene: Scene, port: u16) -> Scene {
        let netfilter = Netfilter {
            expectations: vec![expected(port)],
            ..Netfilter::default()
        };
        Scene {
            netfilter: Some(netfilter),
            ..scene
        }
    }

    #[test]
    fn fires_when_a_helper_expected_the_medium_though_the_client_sent_first() {
        let healthy = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(80, 80);
        let snapshot = with_expectation(healthy, 5000).checked();
        assert_eq!(snapshot.findings[0].code.name(), "alg-opened-pinhole");
        assert_eq!(
            snapshot.findings[0].cause,
            "netfilter's own table: helper rtsp expects media from 203.0.113.10 at 203.0.113.1:5000; the text is unchanged"
        );
    }

    #[test]
    fn is_silent_when_a_helper_expected_another_port() {
        let healthy = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(80, 80);
        assert_eq!(with_expectation(healthy, 6000).codes(), Vec::<&str>::new());
    }

    #[test]
    fn fires_when_unasked_media_came_in_with_unchanged_text() {
        let snapshot = Scene::behind_nat(UDP_TALK).rtp(80, 82).rtcp(1, 1).checked();
        assert_eq!(snapshot.findings[0].code.name(), "alg-opened-pinhole");
        assert_eq!(
            snapshot.findings[0].summary,
            "the router let RTP and RTCP in without a packet from the client"
        );
    }

    #[test]
    fn is_silent_when_the_client_had_sent_first() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .punch(0.035, 5000)
                .rtp(80, 82)
                .rtcp(1, 1)
                .codes(),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn is_silent_when_the_client_had_sent_from_where_the_media_really_comes_to() {
        let mut scene = Scene::behind_nat(UDP_TALK)
            .punch(0.035, 5000)
            .rtp(80, 82)
            .rtcp(1, 1);
        let inside = scene.arrival(LAN);
        inside.from_client.retain(|sent| sent.from.port() == 5000);
        inside.rtcp.to = Some(addr("192.168.1.100:5000"));
        assert_eq!(scene.codes(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_for_media_inside_the_connection_and_for_a_camera_inside() {
        assert_eq!(
            Scene::behind_nat(&tcp_talk()).rtp(80, 80).codes(),
            Vec::<&str>::new()
        );
        assert_eq!(
            Scene::camera_inside(UDP_TALK, UDP_TALK).rtp(80, 80).codes(),
            ["exposed-to-internet"]
        );
    }
}
