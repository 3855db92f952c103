//! `alg-dropped-message`: a message entered the router and never left it.

use super::{View, advice};
use crate::facts::Swallowed;
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "A request or an answer reached the router, and nothing of it came out on the other side, although its sender sent it again \
        and again. Usually an ALG swallows what it cannot read; the sender repeats it in vain until one side gives up.",
    proof: "The message and its repetitions at the tap on its sender's side; not one copy of it at the other tap, which went on recording \
        for a second or more. Where the router is a proxy and acknowledges by itself, the message at one tap only.",
    not_this: "A packet that was lost once and came through when it was sent again. A message of nearly a full packet's size, which may have \
        met a small MTU: large-packets-lost. Where the other tap stopped, has gaps, or the capture lost packets, nothing is concluded.",
    remedies: &[
        "Switch off the router's RTSP ALG and compare",
        "Or keep the conversation out of its reach: another RTSP port than 554, TLS (rtsps://), or a VPN",
        advice::USE_TCP,
    ],
};

/// Fires once for a session, for the first message that was swallowed.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let swallowed = view.facts.swallowed();
    let small = swallowed.filter(|swallowed| !swallowed.may_be_too_large());
    small.map(|lost| finding(view, &lost)).into_iter().collect()
}

fn finding(view: &View<'_>, lost: &Swallowed<'_>) -> Finding {
    let method = &lost.exchange.method;
    let what = match lost.message.status {
        Some(status) => format!("the answer {status} to {method}"),
        None => method.clone(),
    };
    let sender = view.place(lost.sender);
    let other = view.place(lost.other);
    let repeated = lost.repeated.map_or_else(String::new, |again| {
        let secs = (again.at - lost.message.at.at).as_secs_f64();
        format!(" and again for {secs:.1} s")
    });
    let watched = if lost.passed_by {
        "where a later packet of its sender did come"
    } else {
        "which went on recording"
    };
    Finding::new(
        Code::AlgDroppedMessage,
        Severity::Error,
        view.subject(),
        format!("{what} entered the router and never left it"),
    )
    .cause(format!(
        "{what} was seen at {sender}{repeated}, and never at {other}, {watched}"
    ))
    .proof(lost.message.at, format!("{what} on its sender's side"))
    .proof_if(lost.repeated, "its sender repeats it for the last time")
    .proof(
        lost.other.last,
        "last packet of the connection on the other side; the message did not come by",
    )
    .remedies(EXPLANATION.remedies.iter().copied())
}

#[cfg(test)]
mod tests {
    use crate::model::Delivery;
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at};

    const OPTIONS: &str = "
        0.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 1
        0.1 < RTSP/1.0 200 OK | CSeq: 1";
    const SETUP: &str = "
        0.2 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 2 | Transport: RTP/AVP;client_port=5000-5001";
    const ANSWER: &str = "
        0.3 < RTSP/1.0 200 OK | CSeq: 2 | Transport: RTP/AVP;client_port=5000-5001;server_port=6000-6001";

    /// The client repeats its last request until 3.2 s.
    fn repeated(lan: &str, wan: &str) -> Scene {
        let mut scene = Scene::heard(lan, wan);
        scene.legs[0].client_unheard = Some(at(LAN, 3.2, 90));
        scene
    }

    fn setup_swallowed() -> Scene {
        repeated(&format!("{OPTIONS}{SETUP}"), OPTIONS)
    }

    #[test]
    fn fires_for_a_request_that_only_the_client_side_has() {
        let snapshot = setup_swallowed().checked();
        let finding = &snapshot.findings[0];
        assert_eq!(finding.code.name(), "alg-dropped-message");
        assert_eq!(
            finding.cause,
            "SETUP was seen at lan and again for 3.0 s, and never at wan, which went on recording"
        );
        assert_eq!(setup_swallowed().judged(), "rewrite/damaged");
    }

    #[test]
    fn fires_for_an_answer_that_only_the_server_side_has() {
        let lan = format!("{OPTIONS}{SETUP}");
        let mut scene = Scene::heard(&lan, &format!("{lan}{ANSWER}"));
        scene.legs[1].server_unheard = Some(at(WAN, 3.3, 90));
        assert_eq!(
            scene.checked().findings[0].summary,
            "the answer 200 to SETUP entered the router and never left it"
        );
    }

    #[test]
    fn fires_without_repetitions_where_the_router_is_a_proxy() {
        let upto = |end| UDP_TALK.split(end).next().unwrap();
        let scene = Scene::heard(upto("0.05 <"), upto("0.04 >")).proxied();
        assert_eq!(scene.troubles(), ["alg-dropped-message"]);
    }

    #[test]
    fn is_silent_when_its_sender_never_had_to_repeat_it() {
        let scene = || Scene::heard(&format!("{OPTIONS}{SETUP}"), OPTIONS);
        assert_eq!(scene().troubles(), Vec::<&str>::new());
        let mut copied = scene();
        copied.legs[0].client_unheard = Some(at(LAN, 0.2, 7));
        assert_eq!(copied.judged(), "none/unknown");
    }

    #[test]
    fn is_silent_when_the_other_tap_stopped_at_once() {
        let mut scene = setup_swallowed();
        scene.legs[1].last = at(WAN, 0.3, 6);
        scene.watched_until[1] = 0.3;
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn a_later_segment_of_the_sender_shows_that_the_other_tap_watched() {
        let codes = |reached: u32| {
            let mut scene = setup_swallowed();
            scene.legs[1].last = at(WAN, 0.3, 6);
            scene.watched_until[1] = 0.3;
            let sent = Delivery {
                isn: Some(1000),
                acknowledged: Some(1100),
                ..Delivery::default()
            };
            scene.legs[0].from_client = sent;
            scene.legs[1].from_client = Delivery {
                seen: Some(1100),
                reached: Some(reached),
                ..sent
            };
            scene.troubles()
        };
        assert_eq!(codes(1200), ["alg-dropped-message"]);
        assert_eq!(codes(1100), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_when_the_capture_lost_packets() {
        let mut scene = setup_swallowed();
        scene.losses = vec![(crate::LossKind::DroppedByCapture, 3)];
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_when_a_repetition_came_through() {
        let both = format!("{OPTIONS}{SETUP}");
        let wan = both.replace("0.2 >", "0.6 >");
        assert_eq!(repeated(&both, &wan).judged(), "none/unknown");
    }

    #[test]
    fn leaves_a_message_that_fills_a_packet_to_another_rule() {
        let long = format!("{OPTIONS}{} | X: {}", SETUP, "x".repeat(1300));
        let codes = repeated(&long, OPTIONS).codes();
        assert!(!codes.contains(&"alg-dropped-message"), "{codes:?}");
    }
}
