//! What another tap tells of a reset in place of an answer, where it has nothing of the connection.
//!
//! A request that a router passes on comes by on its other side, and so does a reset of the server. A tap there that recorded
//! meanwhile and has neither shows that the request went no farther than the router, which made the reset itself.

use rtspscope_wire::Span;

use crate::model::{Close, Leg, Tap};
use crate::rules::View;

/// How long a packet may take from one side of a router to the other.
const LAG: Span = Span::from_millis(200);

/// The name of a tap on the other side that must have seen the reset of a connection which only one tap saw, and did not.
pub(super) fn lacks_it<'a>(view: &View<'a>, close: Close) -> Option<&'a str> {
    let [leg] = &view.session.legs[..] else {
        return None;
    };
    if view.facts.capture.may_lack_segments() || !is_inside(view, leg) {
        return None;
    }
    let others = || {
        view.facts
            .capture
            .taps
            .iter()
            .filter(|tap| tap.id != leg.tap)
    };
    let may_be_there = view
        .others()
        .flat_map(|session| &session.legs)
        .any(|other| other.tap != leg.tap && passed_then(other, leg, close));
    let mut recorded = others().filter(|tap| recorded(tap, close));
    let first = recorded.next()?;
    (close.reset && !may_be_there).then_some(first.name.as_str())
}

/// Whether the tap of the only leg is the one next to the client: addresses as the other side knows them are not there.
fn is_inside(view: &View<'_>, leg: &Leg) -> bool {
    let role = view.tap(leg.tap).map(|tap| tap.role);
    role.is_some_and(|role| role != rtspscope_wire::TapRole::Wan)
}

/// Whether a tap saw packets of its interface both before and after, or all that came by.
fn recorded(tap: &Tap, close: Close) -> bool {
    let after = close.at.at + LAG;
    let went_on =
        tap.watched_until.is_some_and(|until| until >= after) && !tap.was_blind(close.at.at, after);
    let began = tap.first_at.is_some_and(|first| first <= close.at.at);
    went_on && (began || (tap.unfiltered && tap.udp_datagrams > 0))
}

/// Whether a connection to that server, which may be the same one, came by at another tap at that time.
fn passed_then(other: &Leg, leg: &Leg, close: Close) -> bool {
    let at = close.at.at;
    let same_port = other.server.port() == leg.server.port();
    same_port && other.first.at <= at + LAG && other.last.at + LAG >= at
}

#[cfg(test)]
mod tests {
    use crate::model::{Close, Side};
    use crate::testkit::{LAN, Scene, at};

    /// A request at 4 s in a connection that began before, and a reset right behind it.
    fn reset_at_one_tap() -> Scene {
        let talk = "4.0 > GET_PARAMETER rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 6 | Session: 7";
        let mut scene = Scene::at_one_tap("192.168.1.100:40000", "203.0.113.10:554", talk);
        let leg = &mut scene.legs[0];
        (leg.client_isn, leg.server_isn) = (None, None);
        leg.last = at(LAN, 4.001, 2);
        leg.closed = Some(Close {
            by: Side::Server,
            reset: true,
            at: leg.last,
        });
        scene
    }

    fn told(scene: Scene) -> (String, String) {
        let mut findings = scene.checked().findings;
        findings.retain(|finding| finding.code.name() == "request-unanswered");
        let finding = findings.remove(0);
        (finding.cause, finding.remedy.concat())
    }

    #[test]
    fn a_reset_that_the_other_side_has_not_is_the_routers() {
        let (cause, remedy) = told(reset_at_one_tap());
        assert_eq!(
            cause,
            "the connection was reset 0.0 s after it in the server's name; wan recorded meanwhile and has neither the request nor the reset: \
             the router made it"
        );
        assert!(remedy.starts_with("Look what the router did at that moment"));
    }

    #[test]
    fn is_not_said_where_the_other_tap_may_have_had_it() {
        let mut ended = reset_at_one_tap();
        ended.watched_until[1] = 4.1;
        let mut late = reset_at_one_tap();
        late.first_at[1] = 4.2;
        let mut lossy = reset_at_one_tap();
        lossy.losses = vec![(crate::LossKind::DroppedByCapture, 1)];
        let mut orderly = reset_at_one_tap();
        orderly.legs[0].closed = orderly.legs[0].closed.map(|close| Close {
            reset: false,
            ..close
        });
        for scene in [ended, late, lossy, orderly] {
            let (cause, _) = told(scene);
            assert!(!cause.contains("the router made it"), "{cause}");
        }
    }
}
