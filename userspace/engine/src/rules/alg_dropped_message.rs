//! `alg-dropped-message`: a message entered the router and never left it.

use super::{View, advice};
use crate::facts::{ShutOff, Swallowed};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "A request or an answer reached the router, and nothing of it came out on the other side, although its sender sent it again \
        and again. Usually an ALG swallows what it cannot read; the sender repeats it in vain until one side gives up.",
    proof: "The message and its repetitions at the tap on its sender's side; not one copy of it at the other tap, which went on recording \
        for a second or more. Where the router is a proxy and acknowledges by itself, the message at one tap only. Where more than the \
        message was held back, or the router's own table had ended the connection's entry, no ALG is blamed.",
    not_this: "A packet that was lost once and came through when it was sent again. A message of nearly a full packet's size, which may have \
        met a small MTU: large-packets-lost. Where the other tap stopped, has gaps, or the \
        capture lost packets, nothing is concluded; nor where the message left the router from another address than before, as after the \
        router got a new public one.",
    remedies: &[
        SWITCH_OFF,
        "Or keep the conversation out of its reach: another RTSP port than 554, TLS (rtsps://), or a VPN",
        advice::USE_TCP,
    ],
};

const SWITCH_OFF: &str = "Switch off the router's RTSP ALG and compare";
/// Where the router forgets a connection that is quiet.
const KEEP_ENTRY: &str = "Let the player send a keepalive (OPTIONS or GET_PARAMETER with the session) before the router forgets the quiet connection, or \
    raise the router's time-out of TCP connections (Linux: sysctl net.netfilter.nf_conntrack_tcp_timeout_established, in seconds)";

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
    let besides = besides(lost);
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
        "{what} was seen at {sender}{repeated}, and never at {other}, {watched}{}",
        told_besides(lost)
    ))
    .proof(lost.message.at, format!("{what} on its sender's side"))
    .proof_if(lost.repeated, "its sender repeats it for the last time")
    .proof(
        lost.other.last,
        "last packet of the connection on the other side; the message did not come by",
    )
    .proof_if(
        besides.map(|(at, _)| at),
        besides.map_or("", |(_, note)| note),
    )
    .remedies(remedies(view, lost))
}

/// What else was held back: its place, and a note on it.
fn besides(lost: &Swallowed<'_>) -> Option<(Locator, &'static str)> {
    Some(match lost.shut_off? {
        ShutOff::Forgotten { ended, .. } => {
            (ended, "netfilter's own table: the connection's entry ends")
        }
        ShutOff::EndToo(at) => (
            at,
            "its sender ends the connection, which never left the router either",
        ),
        ShutOff::Quiet(at) => (at, "what was said last before it"),
        ShutOff::MediaToo(at) => (
            at,
            "last RTP packet that came out of the router; outside media went on",
        ),
        ShutOff::OtherWayToo(at) => (
            at,
            "last RTP packet that came out of the router; the server repeats in vain what follows",
        ),
    })
}

/// The same as the end of the sentence that tells the cause.
fn told_besides(lost: &Swallowed<'_>) -> String {
    let or_else =
        "a firewall or a table of connections that was emptied does that as well as an ALG";
    match lost.shut_off {
        Some(ShutOff::Forgotten { ended, .. }) => format!(
            "; the router's own table had ended the connection's entry {:.1} s before, so that this is no ALG's doing",
            (lost.message.at.at - ended.at).as_secs_f64().max(0.0)
        ),
        Some(ShutOff::EndToo(_)) => format!(
            "; what its sender sent to end the connection did not come out either: {or_else}"
        ),
        Some(ShutOff::MediaToo(_)) => {
            format!("; media over UDP had ended in the router before: {or_else}")
        }
        Some(ShutOff::OtherWayToo(_)) => {
            format!(
                "; nothing of the server's had come out of the router any more either: {or_else}"
            )
        }
        Some(ShutOff::Quiet(last)) => format!(
            "; nothing had been said for {:.0} s before: a router that forgets a quiet connection sooner does that as well as an ALG",
            (lost.message.at.at - last.at).as_secs_f64()
        ),
        None => String::new(),
    }
}

fn remedies(view: &View<'_>, lost: &Swallowed<'_>) -> Vec<&'static str> {
    match lost.shut_off {
        // What is never quiet is not forgotten for that.
        Some(ShutOff::Forgotten { with_media, .. }) if with_media || view.facts.goes_over_tcp() => {
            vec![advice::TABLE_EMPTIED]
        }
        Some(ShutOff::Forgotten { .. }) => vec![KEEP_ENTRY, advice::TABLE_EMPTIED],
        Some(ShutOff::Quiet(_)) => vec![KEEP_ENTRY, SWITCH_OFF],
        Some(ShutOff::EndToo(_) | ShutOff::MediaToo(_) | ShutOff::OtherWayToo(_)) => {
            vec![advice::TABLE_EMPTIED, SWITCH_OFF]
        }
        None => EXPLANATION.remedies.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Close, Delivery, Netfilter, Side};
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at, connection, leg, tcp_talk, told_at};

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

    /// A session of which the client's TEARDOWN, repeated until 12 s, never comes out.
    fn teardown_swallowed() -> Scene {
        let wan = UDP_TALK.split("10.0 >").next().unwrap();
        let lan = format!(
            "{wan}10.0 > TEARDOWN rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 5 | Session: 66334873"
        );
        let mut scene = Scene::heard(&lan, wan).punch(0.035, 5000).rtp(100, 120);
        scene.legs[0].client_unheard = Some(at(LAN, 12.0, 90));
        for leg in &mut scene.legs {
            leg.closed = None;
        }
        scene.arrival(WAN).rtp.last = Some(at(WAN, 14.0, 300));
        scene.arrival(LAN).rtp.last = Some(at(LAN, 14.0, 300));
        scene
    }

    #[test]
    fn is_silent_where_the_message_left_the_router_from_another_address() {
        let codes = |text: &str| -> Vec<&str> {
            let mut stray = leg(WAN, "203.0.113.99:40000", "203.0.113.10:554", text);
            (stray.client_isn, stray.server_isn) = (None, None);
            let snapshot = Scene::together(vec![setup_swallowed(), Scene::of(vec![stray])]);
            let findings = snapshot.findings.iter();
            findings.map(|finding| finding.code.name()).collect()
        };
        assert!(!codes(SETUP).contains(&"alg-dropped-message"));
        let another = SETUP.replace("CSeq: 2", "CSeq: 3");
        assert!(codes(&another).contains(&"alg-dropped-message"));
    }

    #[test]
    fn no_alg_is_blamed_where_the_servers_segments_did_not_come_out_either() {
        let swallowed = |last: f64| {
            let talk = tcp_talk();
            let wan = talk.split("10.0 >").next().unwrap();
            let lan = format!(
                "{wan}10.0 > TEARDOWN rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 5 | Session: 66334873"
            );
            let mut scene = Scene::heard(&lan, wan).rtp(100, 120);
            scene.legs[0].client_unheard = Some(at(LAN, 12.0, 90));
            scene.legs[1].server_unheard = Some(at(WAN, 13.0, 290));
            for leg in &mut scene.legs {
                leg.closed = None;
            }
            scene.arrival(WAN).rtp.last = Some(at(WAN, 14.0, 300));
            scene.arrival(LAN).rtp.last = Some(at(LAN, last, 80));
            scene
        };
        let told = "nothing of the server's had come out of the router any more either: a firewall or a table of connections that was \
                    emptied does that as well as an ALG";
        assert!(cause(swallowed(5.0)).ends_with(told));
        assert_eq!(swallowed(5.0).judged(), "unknown/unknown");
        assert!(!cause(swallowed(9.9)).contains("came out"));
        assert_eq!(swallowed(9.9).judged(), "rewrite/damaged");
    }

    fn cause(scene: Scene) -> String {
        let findings = scene.checked().findings;
        let mut own = findings
            .iter()
            .filter(|finding| finding.code.name() == "alg-dropped-message");
        own.next().expect("the finding").cause.clone()
    }

    #[test]
    fn no_alg_is_blamed_where_the_senders_end_did_not_come_out_either() {
        assert_eq!(teardown_swallowed().judged(), "rewrite/damaged");
        let ended = |frame: u64| {
            let mut scene = teardown_swallowed();
            scene.legs[0].closed = Some(Close {
                by: Side::Client,
                reset: false,
                at: at(LAN, 10.001, frame),
            });
            scene
        };
        assert_eq!(ended(1000).judged(), "unknown/unknown");
        assert!(cause(ended(1000)).ends_with(
            "what its sender sent to end the connection did not come out either: a firewall or a table of connections that was emptied does \
             that as well as an ALG"
        ));
    }

    #[test]
    fn no_alg_is_blamed_where_media_had_ended_in_the_router_before() {
        let mut scene = teardown_swallowed();
        scene.arrival(LAN).rtp.last = Some(at(LAN, 5.0, 150));
        assert!(cause(scene).contains("media over UDP had ended in the router before"));
    }

    #[test]
    fn no_alg_is_blamed_alone_where_the_connection_had_been_quiet_for_long() {
        let after = |secs: u32| {
            let asked = format!(
                "{secs}.0 > GET_PARAMETER rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 5 | Session: 66334873"
            );
            let wan = UDP_TALK.split("10.0 >").next().unwrap();
            let mut scene = Scene::heard(&format!("{wan}{asked}"), wan);
            let end = f64::from(secs) + 9.0;
            scene = scene.punch(0.035, 5000).rtp(100, 100);
            for (leg, tap) in [LAN, WAN].into_iter().enumerate() {
                scene.legs[leg].closed = None;
                scene.arrival(tap).rtp.last = Some(at(tap, end, 900));
            }
            scene.legs[0].client_unheard = Some(at(LAN, end, 901));
            scene.watched_until = [end; 2];
            scene
        };
        assert_eq!(after(59).judged(), "rewrite/damaged");
        assert_eq!(after(61).judged(), "unknown/unknown");
        assert!(cause(after(61)).contains("nothing had been said for 61 s before"));
    }

    #[test]
    fn what_came_before_the_other_tap_began_is_not_missing_there() {
        let asked =
            "9.0 > GET_PARAMETER rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 5 | Session: 66334873
    9.1 < RTSP/1.0 200 OK | CSeq: 5 | Session: 66334873";
        let lan = format!("{}{asked}", UDP_TALK.split("10.0 >").next().unwrap());
        let mut scene = Scene::heard(&lan, asked).rtp(100, 100);
        for leg in &mut scene.legs {
            leg.closed = None;
        }
        scene.legs[0].client_unheard = Some(at(LAN, 15.0, 901));
        scene.legs[0].last = at(LAN, 15.0, 901);
        (scene.legs[1].client_isn, scene.legs[1].server_isn) = (None, None);
        let codes = scene.codes();
        assert!(!codes.contains(&"alg-dropped-message"), "{codes:?}");
    }

    #[test]
    fn no_alg_is_blamed_where_the_routers_own_table_had_ended_the_entry() {
        let ended = |secs: f64| {
            let mut scene = teardown_swallowed();
            let mut entry = connection(None);
            entry.ended = Some(told_at(secs, 9));
            scene.netfilter = Some(Netfilter {
                connection: Some(entry),
                ..Netfilter::default()
            });
            scene
        };
        assert_eq!(ended(5.0).judged(), "none/harmless");
        assert!(cause(ended(5.0)).ends_with(
            "had ended the connection's entry 5.0 s before, so that this is no ALG's doing"
        ));
        assert_eq!(ended(11.0).judged(), "rewrite/damaged");
    }

    #[test]
    fn is_silent_where_the_server_was_not_heard_any_more_before_the_message() {
        let codes = |until: f64| {
            let mut scene = teardown_swallowed();
            for tap in [LAN, WAN] {
                scene.arrival(tap).rtp.last = Some(at(tap, until, 150));
            }
            scene.codes()
        };
        assert!(codes(9.5).contains(&"alg-dropped-message"));
        assert!(!codes(5.0).contains(&"alg-dropped-message"));
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
    fn a_player_that_asks_for_tcp_is_not_told_to_use_it() {
        let tells_of_tcp = |setup: &str| {
            let snapshot = repeated(&format!("{OPTIONS}{setup}"), OPTIONS).checked();
            let remedies = &snapshot.findings[0].remedy;
            remedies
                .iter()
                .any(|remedy| crate::advice::concerns_player(remedy))
        };
        assert!(tells_of_tcp(SETUP));
        let inside = SETUP.replace(
            "RTP/AVP;client_port=5000-5001",
            "RTP/AVP/TCP;interleaved=0-1",
        );
        assert!(!tells_of_tcp(&inside));
    }

    #[test]
    fn fires_without_repetitions_where_the_router_is_a_proxy() {
        let upto = |end| UDP_TALK.split(end).next().unwrap();
        let scene = Scene::heard(upto("0.05 <"), upto("0.04 >")).proxied();
        assert_eq!(scene.troubles(), ["alg-dropped-message"]);
    }

    #[test]
    fn a_proxy_is_not_blamed_where_all_falls_silent_with_the_message() {
        let upto = |end| UDP_TALK.split(end).next().unwrap();
        let mut scene = Scene::heard(upto("0.05 <"), upto("0.04 >")).proxied();
        for leg in &mut scene.legs {
            leg.closed = None;
            leg.last = at(leg.tap, 0.041, 30);
        }
        assert_eq!(scene.troubles(), ["request-unanswered"; 0]);
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
