//! `interleaved-desync`: the framing of media inside the RTSP connection was lost.

use super::View;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Desync, Leg, Side};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Media inside the RTSP connection is cut into frames of `$`, channel and length (RFC 2326 §10.12). Here a length does not lead to the \
        next frame or message, so a player reads picture data as commands, or gives up. Servers do this when they drop part of a frame \
        for a slow reader; an ALG does it when it changes text without minding the frames around it.",
    proof: "Bytes in the server's stream that are neither frame nor message, with no byte missing before them, after an interleaved transport was agreed.",
    not_this: "Bytes that the capture lost: then the report says that the capture is incomplete, and nothing is concluded.",
    remedies: &[
        "Where only the client's side shows it: switch off the router's RTSP ALG",
        "Where the server's side shows it: look for newer firmware, lower the bit rate, or use UDP",
    ],
};

/// Fires once for a session whose server's stream lost its framing, at the leg next to the server that shows it.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    if !view.facts.media().any(crate::facts::MediaFacts::in_band) {
        return Vec::new();
    }
    let legs = &view.session.legs;
    if legs.iter().any(|leg| leg.missing_bytes > 0) {
        return Vec::new();
    }
    let broken = |leg: &Leg| leg.desync.filter(|desync| desync.from == Side::Server);
    let Some((leg, desync)) = legs.iter().rev().find_map(|leg| Some((leg, broken(leg)?))) else {
        return Vec::new();
    };
    let whole_at_server = legs.last().is_some_and(|last| broken(last).is_none());
    vec![finding(view, leg, desync, whole_at_server)]
}

fn finding(view: &View<'_>, leg: &Leg, desync: Desync, whole_at_server: bool) -> Finding {
    let tap = view.place(leg);
    let culprit = if whole_at_server {
        "; on the server's side of the router the stream is whole, so the router broke it"
    } else {
        "; it came from the server like that"
    };
    Finding::new(
        Code::InterleavedDesync,
        Severity::Error,
        view.subject(),
        "the framing of the media in the RTSP connection was lost",
    )
    .cause(format!(
        "{} bytes at {tap} are neither an interleaved frame nor a message{culprit}",
        desync.bytes
    ))
    .proof(desync.first, "the segment in which it showed")
    .remedies(EXPLANATION.remedies.iter().copied())
}

#[cfg(test)]
mod tests {
    use crate::model::{Desync, Side};
    use crate::testkit::{Scene, UDP_TALK, at, tcp_talk};

    fn broken(talk: &str, legs: &[usize]) -> Scene {
        let mut scene = Scene::behind_nat(talk).punch(0.03, 5000).rtp(100, 100);
        for &leg in legs {
            let first = at(scene.legs[leg].tap, 1.0, 50);
            scene.legs[leg].desync = Some(Desync {
                from: Side::Server,
                bytes: 700,
                first,
            });
        }
        scene
    }

    #[test]
    fn fires_and_says_whether_the_router_did_it() {
        let from_server = broken(&tcp_talk(), &[0, 1]).checked();
        assert_eq!(from_server.findings[0].code.name(), "interleaved-desync");
        assert!(
            from_server.findings[0]
                .cause
                .ends_with("it came from the server like that")
        );
        let in_router = broken(&tcp_talk(), &[0]).checked();
        assert!(
            in_router.findings[0]
                .cause
                .ends_with("so the router broke it")
        );
    }

    #[test]
    fn is_silent_where_bytes_are_missing_or_media_goes_another_way() {
        let mut scene = broken(&tcp_talk(), &[0, 1]);
        scene.legs[0].missing_bytes = 9;
        assert_eq!(scene.troubles(), Vec::<&str>::new());
        assert_eq!(broken(UDP_TALK, &[0, 1]).troubles(), Vec::<&str>::new());
    }
}
