//! A reset in the client's name that the client never sent: the server's side of the router has it, the client's has not.
//!
//! A router that no longer knows a connection answers the server's next segment itself. The server hangs up, and the player
//! waits for good: nothing tells it of the end.

use rtspscope_wire::Span;

use super::{GOES_ON, LAG};
use crate::facts::{Sides, play_accepted, played_out};
use crate::finding::{Code, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Close, Leg, Side};
use crate::rules::View;
use crate::rules::advice::TABLE_EMPTIED;

/// Fires once for a session that played up to such a reset.
pub(super) fn finding(view: &View<'_>) -> Option<Finding> {
    let sides = view.facts.sides()?;
    let close = reset(view, &sides)?;
    let played = play_accepted(sides.server)?;
    let after = (close.at.at - played.at).as_secs_f64();
    let (near, far) = (view.place(sides.client), view.place(sides.server));
    let forgotten = forgotten(view, close);
    let told = forgotten.map_or(
        "",
        |_| "; the router's own table had ended the connection's entry",
    );
    Some(
        Finding::new(
            Code::ConnectionClosed,
            Severity::Error,
            view.subject(),
            format!("something between client and server reset the connection {after:.1} s after PLAY"),
        )
        .cause(format!(
            "{far} shows that the connection is reset in the client's name, and {near} shows no such reset: the router, or what is between the \
             two taps, made that end, and the player was not told of it{told}"
        ))
        .proof(played, "PLAY is accepted")
        .proof_if(forgotten, "netfilter's own table: the connection's entry ends")
        .proof(close.at, "the connection is reset in the client's name")
        .proof(
            view.facts.capture.last_seen(sides.client),
            "the client's side up to here",
        )
        .remedies([TABLE_EMPTIED]),
    )
}

/// The reset next to the server, where the client's side was seen whole, watched on and shows none.
fn reset(view: &View<'_>, sides: &Sides<'_>) -> Option<Close> {
    let (near, far) = (sides.client, sides.server);
    let made = |close: &Close| close.by == Side::Client && close.reset;
    let close = far.closed.filter(made)?;
    let (near_played, far_played) = (play_accepted(near)?, play_accepted(far)?);
    let into = |at: Locator| at.at - near_played.at;
    let end = close.at.at - far_played.at;
    let is_whole = |leg: &Leg| leg.missing_bytes == 0 && !leg.lacks_messages();
    let comparable = !sides.nat.proxied && !view.facts.capture.may_lack_segments();
    let watched = view.facts.capture.watched_until(near) - near_played.at >= end + LAG;
    let is_known = near.closed.is_some_and(|own| into(own.at) <= end + LAG);
    let asked = near.exchanges.iter().any(|exchange| {
        let request = exchange.request.as_ref();
        exchange.is("TEARDOWN") && request.is_some_and(|request| into(request.at) <= end)
    });
    let heeded = far
        .from_server
        .last
        .is_none_or(|last| last.at <= close.at.at + LAG);
    let is_end = end >= Span(0) && comparable && [near, far].into_iter().all(is_whole);
    let is_unasked = watched && !is_known && !asked && heeded && !plays_on(view, sides, end);
    (is_end && is_unasked && !played_out(far, close.at.at)).then_some(close)
}

/// Whether media still came to the client's side long after `end`, a time since PLAY: then the reset ended nothing.
fn plays_on(view: &View<'_>, sides: &Sides<'_>, end: Span) -> bool {
    let Some(played) = play_accepted(sides.client) else {
        return false;
    };
    let media = view.session.media.iter().flat_map(|media| &media.arrivals);
    let mut near = media.filter(|arrival| arrival.leg == Some(sides.client_index));
    near.any(|arrival| {
        let last = arrival.rtp.last;
        last.is_some_and(|last| last.at - played.at >= end + GOES_ON)
    })
}

/// Where the router's own table ended the connection's entry, before the reset or at the same time.
fn forgotten(view: &View<'_>, close: Close) -> Option<Locator> {
    let entry = view.facts.netfilter()?.connection.as_ref()?;
    entry.ended.filter(|ended| ended.at <= close.at.at + LAG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Netfilter;
    use crate::testkit::{LAN, Scene, WAN, at, connection, tcp_talk, told_at};

    /// The server's side shows a reset by the client at 3 s; the client's tap watched until 9 s.
    fn reset_outside() -> Scene {
        let talk = tcp_talk();
        let mut scene = Scene::behind_nat(talk.split("10.0 >").next().unwrap()).rtp(139, 140);
        for arrival in &mut scene.media[0].arrivals {
            arrival.rtp.last = Some(at(arrival.tap, 2.9, 200));
        }
        for leg in &mut scene.legs {
            leg.last = at(leg.tap, 3.0, 245);
            leg.closed = None;
        }
        scene.legs[1].closed = Some(Close {
            by: Side::Client,
            reset: true,
            at: at(WAN, 3.0, 245),
        });
        scene.watched_until = [9.0, 9.0];
        scene
    }

    #[test]
    fn fires_for_a_reset_that_the_clients_side_has_not() {
        let findings = reset_outside().checked().findings;
        assert_eq!(findings[0].code.name(), "connection-closed");
        assert_eq!(
            findings[0].summary,
            "something between client and server reset the connection 3.0 s after PLAY"
        );
        assert!(findings[0].cause.starts_with(
            "wan shows that the connection is reset in the client's name, and lan shows no such reset"
        ));
    }

    #[test]
    fn tells_what_the_routers_own_table_says_of_it() {
        let mut scene = reset_outside();
        let mut entry = connection(None);
        entry.ended = Some(told_at(2.9, 9));
        scene.netfilter = Some(Netfilter {
            connection: Some(entry),
            ..Netfilter::default()
        });
        let cause = scene.checked().findings.remove(0).cause;
        assert!(cause.ends_with("the router's own table had ended the connection's entry"));
    }

    #[test]
    fn is_silent_where_the_client_made_it_or_may_have() {
        let by_client = |secs: f64| {
            let mut scene = reset_outside();
            scene.legs[0].closed = Some(Close {
                by: Side::Client,
                reset: true,
                at: at(LAN, secs, 244),
            });
            scene.troubles()
        };
        assert_eq!(by_client(2.999), Vec::<&str>::new());
        let mut stopped = reset_outside();
        stopped.watched_until[0] = 3.1;
        assert_eq!(stopped.troubles(), Vec::<&str>::new());
        let mut lossy = reset_outside();
        lossy.losses = vec![(crate::LossKind::DroppedByCapture, 1)];
        assert_eq!(lossy.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_where_nothing_ended() {
        let mut heard_on = reset_outside();
        heard_on.legs[1].from_server.last = Some(at(WAN, 8.0, 400));
        assert_eq!(heard_on.troubles(), Vec::<&str>::new());
        let mut plays_on = reset_outside();
        plays_on.arrival(LAN).rtp.last = Some(at(LAN, 8.5, 400));
        assert_eq!(plays_on.troubles(), Vec::<&str>::new());
    }
}
