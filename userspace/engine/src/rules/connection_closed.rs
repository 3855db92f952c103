//! `connection-closed`: the server, or something on the way, ended the connection while the session played.
//!
//! Both ends of a TCP connection know of its end by the same segments, unless somebody else made them. So an end that only one
//! side of the router has, while the other side was watched and goes on, was made between the two.

mod in_the_clients_name;

use rtspscope_wire::Span;

use super::{View, advice, session_timed_out};
use crate::facts::{play_accepted, played_out, said_goodbye, torn_down};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Close, Leg, Side};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The session played, nobody had asked for its end, and the connection was closed or reset from the server's side. Either the server \
        itself did so (it restarted, crashed, lost its source, or has a limit), or a router, a firewall or the provider between made the \
        reset.",
    proof: "The server's FIN or RST after PLAY was accepted, with no TEARDOWN of the client before it. A reset that was seen on one side of the \
        router only, while the other side was watched, was made between the two: in the server's name next to the client, or in the \
        client's name next to the server, where the player waits on for good.",
    not_this: "A server that ends the session after its timeout is session-timed-out. The end of the Range that PLAY named, and a server that says \
        goodbye (RTCP BYE), end media as they should. Where media over UDP goes on all the same, the viewer loses nothing.",
    remedies: &[
        advice::LOOK_AT_ROUTER,
        LOOK_AT_SERVER,
        "Try the same from the camera's own network: if the connection lasts there, something on the way ends it",
    ],
};

const LOOK_AT_SERVER: &str = "Where the server ends the session: look into its log for the reason (a restart, a source that is gone, a limit of viewers \
    or of time)";

/// By how much later than the end something may still come.
const LAG: Span = Span::from_millis(500);

/// Media that goes on for so long over UDP does without the connection.
const GOES_ON: Span = Span::from_secs(5);

/// Who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maker {
    /// Both sides of the router show the same end.
    Server,
    /// One side shows it, the other goes on.
    Between,
    /// One side was seen.
    Unknown,
}

/// Fires once for a session that played and was ended from the server's side.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let ended = view.session.legs.first().and_then(|leg| end(view, leg));
    ended
        .filter(|_| !session_timed_out::is_so(view))
        .map(|close| finding(view, close))
        .or_else(|| in_the_clients_name::finding(view))
        .into_iter()
        .collect()
}

/// The end of a leg that came from the server's side without being asked for.
fn end(view: &View<'_>, leg: &Leg) -> Option<Close> {
    let close = leg.closed.filter(|close| close.by == Side::Server)?;
    play_accepted(leg).filter(|play| play.at <= close.at.at)?;
    let is_whole = leg.missing_bytes == 0 && !leg.lacks_messages();
    let is_asked = torn_down(leg, close.at.at + leg.order_uncertain_for());
    // A reset that its receiver does not heed ends nothing (RFC 5961 §3).
    let heard_on = leg
        .from_server
        .since
        .is_some_and(|since| since.at > close.at.at + LAG);
    let media = || view.session.media.iter().flat_map(|media| &media.arrivals);
    let goodbye = media().any(said_goodbye);
    let goes_on = media().any(|arrival| {
        let last = arrival.rtp.last.filter(|_| arrival.leg == Some(0));
        last.is_some_and(|last| last.at >= close.at.at + GOES_ON)
    });
    let is_end = is_whole && !is_asked && !heard_on && !goodbye && !goes_on;
    (is_end && !played_out(leg, close.at.at)).then_some(close)
}

/// Who made the end that the leg next to the client shows.
fn maker(view: &View<'_>) -> Maker {
    let Some(sides) = view.facts.sides() else {
        return Maker::Unknown;
    };
    let by_server = sides.server.closed.filter(|close| close.by == Side::Server);
    let played = play_accepted(sides.client).zip(play_accepted(sides.server));
    let closed = sides.client.closed.zip(played);
    let watched = closed.is_some_and(|(close, (near, far))| {
        let after_play = close.at.at - near.at;
        view.facts.capture.watched_until(sides.server) - far.at >= after_play + LAG
    });
    match by_server {
        Some(_) => Maker::Server,
        None if watched && !sides.nat.proxied => Maker::Between,
        None => Maker::Unknown,
    }
}

fn finding(view: &View<'_>, close: Close) -> Finding {
    let did = if close.reset { "reset" } else { "closed" };
    let legs = &view.session.legs;
    let near = legs.first().map_or_else(String::new, |leg| view.place(leg));
    let far = view
        .facts
        .sides()
        .map_or_else(String::new, |sides| view.place(sides.server));
    let play = legs.first().and_then(play_accepted);
    let after = play
        .map_or(Span::default(), |play| close.at.at - play.at)
        .as_secs_f64();
    let maker = maker(view);
    let is_orderly = !close.reset && maker != Maker::Between;
    let (severity, recording) = if is_orderly {
        (
            Severity::Warning,
            "; where it plays a recording, that may have been its end",
        )
    } else {
        (Severity::Error, "")
    };
    let (who, cause, remedies) = match maker {
        Maker::Server => (
            "the server",
            format!(
                "the server {did} the connection by itself, on both sides of the router; the client had not asked for it{recording}"
            ),
            vec![LOOK_AT_SERVER],
        ),
        Maker::Between => (
            "something between client and server",
            format!(
                "{near} shows that the connection is {did} in the server's name, and {far} does not, where it goes on: the router, or what is \
                 between the two taps, made that end"
            ),
            vec![advice::LOOK_AT_ROUTER],
        ),
        Maker::Unknown => (
            "the server, or something on the way,",
            format!(
                "the connection was {did} in the server's name, and the client had not asked for it; whether the server did so or something on \
                 the way cannot be told from this capture{recording}"
            ),
            EXPLANATION.remedies.to_vec(),
        ),
    };
    let far_close = view.facts.sides().and_then(|sides| sides.server.closed);
    let server_close = far_close.filter(|far| far.by == Side::Server && far.at != close.at);
    Finding::new(
        Code::ConnectionClosed,
        severity,
        view.subject(),
        format!("{who} {did} the connection {after:.1} s after PLAY"),
    )
    .cause(cause)
    .proof_if(play, "PLAY is accepted")
    .proof(
        close.at,
        format!("the connection is {did} in the server's name"),
    )
    .proof_if(
        server_close.map(|far| far.at),
        "the same next to the server",
    )
    .proof_if(
        view.facts
            .sides()
            .filter(|_| server_close.is_none())
            .map(|sides| view.facts.capture.last_seen(sides.server)),
        "the server's side up to here",
    )
    .remedies(remedies)
}

#[cfg(test)]
mod tests {
    use crate::model::{Close, Side};
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at, tcp_talk};

    /// The client's side shows the server's end at 3 s, and so does the server's side where it should.
    fn ended(talk: &str, on_both: bool) -> Scene {
        let talk = talk.split("10.0 >").next().unwrap();
        let mut scene = Scene::behind_nat(talk).rtp(139, 139);
        for arrival in &mut scene.media[0].arrivals {
            arrival.rtp.last = Some(at(arrival.tap, 2.9, 200));
        }
        for leg in &mut scene.legs {
            let is_there = leg.tap == LAN || on_both;
            leg.last = at(leg.tap, 3.0, 245);
            leg.closed = is_there.then_some(Close {
                by: Side::Server,
                reset: true,
                at: leg.last,
            });
        }
        scene
    }

    fn told(scene: Scene) -> (String, String) {
        let finding = scene.checked().findings.remove(0);
        assert_eq!(finding.code.name(), "connection-closed");
        (finding.summary, finding.cause)
    }

    #[test]
    fn an_end_that_both_sides_show_is_the_servers() {
        let (summary, _) = told(ended(UDP_TALK, true));
        assert_eq!(summary, "the server reset the connection 3.0 s after PLAY");
    }

    #[test]
    fn an_orderly_end_may_be_that_of_a_recording() {
        let mut scene = ended(UDP_TALK, true);
        for leg in &mut scene.legs {
            leg.closed = leg.closed.map(|close| Close {
                reset: false,
                ..close
            });
        }
        let finding = scene.checked().findings.remove(0);
        assert_eq!(finding.severity, crate::Severity::Warning);
        assert_eq!(
            finding.cause,
            "the server closed the connection by itself, on both sides of the router; the client had not asked for it; where it plays a \
             recording, that may have been its end"
        );
    }

    #[test]
    fn an_end_that_one_side_alone_shows_was_made_between() {
        let (summary, cause) = told(ended(&tcp_talk(), false));
        assert_eq!(
            summary,
            "something between client and server reset the connection 3.0 s after PLAY"
        );
        assert!(cause.starts_with(
            "lan shows that the connection is reset in the server's name, and wan does not"
        ));
    }

    #[test]
    fn who_made_it_is_not_known_where_the_other_tap_had_stopped() {
        let mut scene = ended(&tcp_talk(), false);
        scene.watched_until[1] = 3.1;
        let (summary, _) = told(scene);
        assert!(summary.starts_with("the server, or something on the way, reset"));
    }

    #[test]
    fn is_silent_when_the_client_asked_for_the_end_or_media_goes_on() {
        let asked = format!(
            "{}2.9 > TEARDOWN rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 5 | Session: 66334873\n10.0 >",
            UDP_TALK.split("10.0 >").next().unwrap()
        );
        assert_eq!(ended(&asked, true).troubles(), Vec::<&str>::new());
        let mut scene = ended(UDP_TALK, true);
        scene.arrival(LAN).rtp.last = Some(at(LAN, 9.0, 300));
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn the_end_of_one_stream_is_not_that_of_the_session() {
        let of_sound = "
    0.05 > SETUP rtsp://203.0.113.10/a/track2 RTSP/1.0 | CSeq: 5 | Session: 66334873
    0.05 < RTSP/1.0 200 OK | CSeq: 5 | Session: 66334873
    2.9 > TEARDOWN rtsp://203.0.113.10/a/track2 RTSP/1.0 | CSeq: 6 | Session: 66334873
    10.0 >";
        let mut scene = ended(&UDP_TALK.replace("10.0 >", of_sound), true);
        scene.media.truncate(1);
        assert_eq!(scene.troubles(), ["connection-closed"]);
    }

    #[test]
    fn is_silent_for_a_reset_that_nobody_heeds_and_for_a_goodbye() {
        let mut scene = ended(&tcp_talk(), true);
        scene.legs[0].from_server.since = Some(at(LAN, 8.0, 400));
        assert_eq!(scene.troubles(), Vec::<&str>::new());
        let mut scene = ended(&tcp_talk(), true);
        scene.arrival(WAN).rtcp.goodbye = Some(at(WAN, 2.9, 201));
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }
}
