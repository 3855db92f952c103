//! Media inside the RTSP connection whose segments get through no more, and a server that is gone.

use rtspscope_wire::Span;

use super::{LOOK_AT_SERVER, name, stopped};
use crate::facts::{Cut, CutPlace, MediaFacts};
use crate::finding::Finding;
use crate::model::Side;
use crate::rules::View;
use crate::rules::advice::{LOOK_AT_PLAYER, LOOK_AT_ROUTER};

/// Shorter waiting is a loss that the next repetition mends.
const WAITED: Span = Span::from_secs(3);

/// The last media goes so little before the TEARDOWN of a client that is done.
const ENDS: Span = Span::from_millis(500);

/// What the end that sends the medium sends gets through no more. A client that records and is done waits for the answer to its
/// TEARDOWN alone.
fn cut<'a>(view: &View<'a>, media: MediaFacts<'_>) -> Option<Cut<'a>> {
    let from = media.sender();
    let is_expected = from == Side::Server || media.is_recorded();
    let cut = view
        .facts
        .cut(from)
        .filter(|_| media.in_band() && is_expected)?;
    let since = cut
        .sender
        .delivery(from)
        .since
        .unwrap_or(cut.repeated.first);
    let done = media.ending(0).filter(|_| from == Side::Client);
    let is_underway = done.is_none_or(|done| since.at + ENDS < done);
    (cut.waited >= WAITED && is_underway).then_some(cut)
}

/// Whether a medium ended because the segments of its connection get through no more.
pub(super) fn is_so(view: &View<'_>, media: MediaFacts<'_>) -> bool {
    cut(view, media).is_some()
}

/// Fires for a medium that came to the client before its connection was cut. What only the size of the segments stops is
/// `large-packets-lost`.
pub(super) fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let cut = cut(view, media).filter(|cut| !cut.by_size())?;
    let (cause, remedy) = cause(view, &cut);
    let [sender, receiver] = [cut.from, cut.from.other()].map(name);
    Some(
        stopped(view, media, "while the session went on", cause)?
            .proof(
                cut.repeated.first,
                format!("the {sender} repeats what was not acknowledged"),
            )
            .proof(cut.repeated.last, "it does so for the last time")
            .proof_if(
                cut.receiver.map(|leg| view.facts.capture.last_seen(leg)),
                format!("the {receiver}'s side up to here"),
            )
            .remedies(remedy),
    )
}

/// Why, and what to do.
fn cause(view: &View<'_>, cut: &Cut<'_>) -> (String, Vec<&'static str>) {
    let (secs, times) = (cut.waited.as_secs_f64(), cut.repeated.times);
    let sender = view.place(cut.sender);
    let receiver = cut.receiver.map_or_else(String::new, |leg| view.place(leg));
    let [from, to] = [cut.from, cut.from.other()].map(name);
    let told = format!(
        "at {sender} the {from} waited {secs:.1} s for an acknowledgement and repeated its segments {times} times"
    );
    let (end, host, look_at_host) = match cut.from {
        Side::Server => ("player", "the player's computer", LOOK_AT_PLAYER),
        Side::Client => ("server", "the server", LOOK_AT_SERVER),
    };
    let moved = view.facts.moved();
    let moved = moved.map_or_else(String::new, |moved| format!("; {}", moved.told()));
    match cut.place {
        CutPlace::Router => (
            format!(
                "{told}; none of them came to {receiver}: the router stopped letting them through{moved}"
            ),
            vec![LOOK_AT_ROUTER],
        ),
        CutPlace::RouterOnTheWayBack => (
            format!(
                "{told}; at {receiver} the {to} did acknowledge them: the router stopped letting that through"
            ),
            vec![LOOK_AT_ROUTER],
        ),
        CutPlace::Receiver => (
            format!("{told}; they came to {receiver}, and {host} acknowledged them no more"),
            vec![look_at_host],
        ),
        CutPlace::Unknown => (
            format!(
                "{told}; whether they, or the answer to them, were lost in the router, on the way or at the {end} cannot be told from this capture"
            ),
            vec![LOOK_AT_ROUTER, look_at_host],
        ),
    }
}

/// What the client repeats to a server from which nothing more comes.
pub(super) fn server_is_gone<'a>(view: &View<'a>) -> Option<Cut<'a>> {
    let cut = view.facts.cut(Side::Client)?;
    let nearest = cut.receiver.unwrap_or(cut.sender);
    let since = cut.sender.delivery(Side::Client).since?;
    let silent = nearest
        .delivery(Side::Server)
        .last
        .is_some_and(|last| cut.receiver.is_some() || last.at <= since.at);
    let is_there = match cut.place {
        CutPlace::Receiver => true,
        CutPlace::Unknown => cut.receiver.is_none(),
        CutPlace::Router | CutPlace::RouterOnTheWayBack => false,
    };
    (silent && is_there).then_some(cut)
}

/// The same as a part of a sentence.
pub(super) fn told(view: &View<'_>, gone: &Cut<'_>) -> String {
    let secs = gone.waited.as_secs_f64();
    match gone.receiver {
        Some(leg) => format!(
            "the server is gone: what the client says comes to {}, and for {secs:.1} s nothing acknowledges it, not even the server's TCP",
            view.place(leg)
        ),
        None => format!(
            "the server, or the way to it, is gone: for {secs:.1} s nothing acknowledges what the client says, not even the server's TCP"
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{Delivery, Repeated};
    use crate::testkit::{LAN, Scene, WAN, at, tcp_talk};

    /// What the server sends is not acknowledged from 2 s on; inside is seen and acknowledged up to these numbers.
    fn held_up(seen: u32, acknowledged: u32) -> Scene {
        let mut scene = Scene::behind_nat(&tcp_talk()).rtp(124, 134);
        scene.held_up(seen, acknowledged);
        scene
    }

    fn cause(scene: Scene) -> String {
        let findings = scene.checked().findings;
        let own = findings
            .iter()
            .find(|finding| finding.code.name() == "rtp-stalled");
        own.map_or_else(String::new, |finding| finding.cause.clone())
    }

    #[test]
    fn segments_that_never_come_out_are_the_routers_doing() {
        assert_eq!(
            cause(held_up(5000, 5000)),
            "at wan the server waited 9.1 s for an acknowledgement and repeated its segments 6 times; none of them came to lan: \
             the router stopped letting them through"
        );
        let finding = &held_up(5000, 5000).checked().findings[0];
        assert!(
            finding.remedy.iter().all(|remedy| !remedy.contains("TCP")),
            "{:?}",
            finding.remedy
        );
    }

    #[test]
    fn an_acknowledgement_that_does_not_come_back_is_the_routers_doing_too() {
        assert!(cause(held_up(5400, 5400)).ends_with(
            "at lan the client did acknowledge them: the router stopped letting that through"
        ));
    }

    #[test]
    fn segments_that_come_to_a_silent_player_are_not_the_routers_doing() {
        let mut scene = held_up(9000, 5000);
        scene.legs[0].from_client.last = Some(at(LAN, 2.0, 81));
        assert!(
            cause(scene)
                .ends_with("they came to lan, and the player's computer acknowledged them no more")
        );
    }

    #[test]
    fn a_tap_that_had_stopped_proves_nothing() {
        let mut scene = held_up(5000, 5000);
        scene.legs[0] = {
            let mut leg = scene.legs[0].clone();
            leg.exchanges_mut().pop();
            leg.last = at(LAN, 2.0, 81);
            leg.closed = None;
            leg
        };
        scene.watched_until = [2.0, 20.0];
        assert!(cause(scene).ends_with("cannot be told from this capture"));
    }

    #[test]
    fn is_silent_where_little_was_repeated_or_the_capture_lost_packets() {
        let repeated = |change: fn(&mut Scene)| {
            let mut scene = held_up(5000, 5000);
            change(&mut scene);
            cause(scene)
        };
        let none = String::new();
        assert_eq!(
            repeated(|scene| scene.legs[1].from_server.acknowledged = None),
            none
        );
        assert_eq!(
            repeated(|scene| scene.losses = vec![(crate::LossKind::DroppedByCapture, 1)]),
            none
        );
        assert_eq!(
            repeated(|scene| {
                let sent = &mut scene.legs[1].from_server;
                sent.since = Some(at(WAN, 9.0, 90));
                sent.repeated.as_mut().unwrap().first = at(WAN, 9.2, 91);
            }),
            none
        );
    }

    /// Media stops at 2 s, and the client's TEARDOWN at 40 s is repeated in vain at both taps.
    fn gone(last_of_server: f64) -> Scene {
        let talk = tcp_talk().replace("10.0 >", "40.0 >");
        let talk = talk.split("10.1 <").next().unwrap();
        let mut scene = Scene::behind_nat(talk).rtp(124, 124);
        scene.watched_until = [42.0; 2];
        for leg in &mut scene.legs {
            leg.from_client = Delivery {
                isn: Some(1000),
                seen: Some(1500),
                reached: Some(1500),
                acknowledged: Some(1400),
                since: Some(at(leg.tap, 40.0, 90)),
                repeated: Some(Repeated {
                    first: at(leg.tap, 40.2, 91),
                    last: at(leg.tap, 40.6, 92),
                    times: 2,
                    len: 100,
                }),
                ..Delivery::default()
            };
            leg.from_server.last = Some(at(leg.tap, last_of_server, 80));
        }
        for arrival in &mut scene.media[0].arrivals {
            arrival.rtp.last = Some(at(arrival.tap, 2.0, 79));
        }
        scene
    }

    #[test]
    fn a_server_that_acknowledges_nothing_is_gone() {
        let findings = gone(2.0).checked().findings;
        let stalled = findings
            .iter()
            .find(|finding| finding.code.name() == "rtp-stalled");
        let finding = stalled.expect("media stopped");
        assert!(
            finding.cause.contains(
                "the server is gone: what the client says comes to wan, and for 2.0 s nothing acknowledges it, not even the server's TCP"
            ),
            "{}",
            finding.cause
        );
        assert_eq!(finding.remedy, [crate::rules::advice::LOOK_AT_CAMERA]);
    }

    #[test]
    fn a_server_that_speaks_on_has_stopped_sending() {
        assert!(cause(gone(41.5)).contains("the server stopped sending"));
    }
}
