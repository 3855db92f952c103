//! `session-timed-out`: the client sent no request within the session timeout, and the server ended the session.

use super::View;
use crate::clocks::clocks;
use crate::facts::play_accepted;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Close, Leg, Side};
use crate::reading;
use rtspscope_wire::{Span, Timestamp};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "A server forgets a session in which it hears nothing for the session timeout (60 seconds if it names none, RFC 2326 §12.37). This \
        client sent no keepalive, so the server closed the connection and the picture froze.",
    proof: "The server's FIN or RST after a silence of the client of at least the timeout, with no TEARDOWN before it.",
    not_this: "A server that closes earlier has another reason. Some servers count receiver reports as signs of life: then they do not close.",
    remedies: &[
        "Let the player send a keepalive within the timeout: OPTIONS or GET_PARAMETER with the Session field (an update of the player often does)",
        "Raise the session timeout in the camera, where it has such a setting",
    ],
};

/// A server may look for idle sessions a little before or only some time after the timeout.
const EARLY: Span = Span::from_secs(2);

/// Fires for a session that its server closed after the timeout without a request.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let (Some(leg), Some(timeout)) = (view.session.legs.last(), view.session.timeout_secs) else {
        return Vec::new();
    };
    finding(view, leg, timeout).into_iter().collect()
}

fn finding(view: &View<'_>, leg: &Leg, timeout: u32) -> Option<Finding> {
    let close: Close = leg.closed.filter(|close| close.by == Side::Server)?;
    play_accepted(leg)?;
    // What the client says after the end, a TEARDOWN mostly, comes too late.
    let in_time = leg.exchanges.iter().filter(|exchange| {
        let request = exchange.request.as_ref();
        request.is_some_and(|request| request.at.at <= close.at.at)
    });
    let over = in_time.clone().any(|exchange| exchange.is("TEARDOWN"));
    let requests = in_time
        .filter(|exchange| exchange.by == Side::Client)
        .filter_map(|exchange| exchange.request.as_ref());
    let last = requests.max_by_key(|request| request.at.at)?;
    let idle = idle(last.at.at, close);
    if over || leg.missing_bytes > 0 || idle + EARLY < Span::from_secs(i64::from(timeout)) {
        return None;
    }
    let finding = Finding::new(
        Code::SessionTimedOut,
        Severity::Error,
        view.subject(),
        format!(
            "the server ended the session {:.0} s after the last request",
            idle.as_secs_f64()
        ),
    )
    .cause(format!(
        "the session timeout is {timeout} s, and the client sent no request for {:.1} s{}{}",
        idle.as_secs_f64(),
        keepalive(leg).map_or_else(String::new, |method| format!(
            "; the server takes {method} as a keepalive"
        )),
        clocks(view.session).map_or_else(String::new, |clocks| format!("; {clocks}"))
    ))
    .proof(last.at, "last request of the client")
    .proof(close.at, "the server closes the connection");
    Some(finding.remedies(EXPLANATION.remedies.iter().copied()))
}

/// The keepalive that the server takes by its own word: what its Public fields list.
fn keepalive(leg: &Leg) -> Option<&'static str> {
    let responses = leg.exchanges.iter().filter(|exchange| exchange.succeeded());
    let listed = |method: &str| {
        let mut fields = responses
            .clone()
            .filter_map(|exchange| exchange.response.as_ref());
        fields.any(|response| {
            let methods = reading::methods(&reading::fields(response), "Public");
            methods.iter().any(|known| known.is(method))
        })
    };
    // Without a body GET_PARAMETER does nothing else; the RFC names it first (RFC 2326 §10.8).
    ["GET_PARAMETER", "OPTIONS"]
        .into_iter()
        .find(|method| listed(method))
}

fn idle(last: Timestamp, close: Close) -> Span {
    close.at.at - last
}

#[cfg(test)]
mod tests {
    use crate::model::{Close, Side};
    use crate::testkit::{LAN, Scene, UDP_TALK, at};

    fn closed_by_server(secs: f64) -> Scene {
        closed_by_server_after(UDP_TALK.split("10.0 >").next().unwrap(), secs)
    }

    fn closed_by_server_after(talk: &str, secs: f64) -> Scene {
        let mut scene = Scene::behind_nat(talk).punch(0.035, 5000).rtp(900, 900);
        for leg in &mut scene.legs {
            leg.last = at(leg.tap, secs, 400);
            leg.closed = Some(Close {
                by: Side::Server,
                reset: false,
                at: leg.last,
            });
        }
        for media in &mut scene.media {
            for arrival in &mut media.arrivals {
                arrival.rtp.last = Some(at(LAN, secs, 399));
            }
        }
        scene
    }

    #[test]
    fn fires_when_the_server_closed_after_the_timeout() {
        assert_eq!(closed_by_server(60.2).troubles(), ["session-timed-out"]);
    }

    #[test]
    fn a_teardown_after_the_servers_end_changes_nothing() {
        let late = UDP_TALK.replace("10.0 >", "61.0 >");
        let late = late.split("10.1 <").next().unwrap();
        assert_eq!(
            closed_by_server_after(late, 60.2).troubles(),
            ["session-timed-out"]
        );
    }

    #[test]
    fn is_silent_when_the_server_closed_earlier() {
        assert_eq!(closed_by_server(41.0).troubles(), Vec::<&str>::new());
    }

    #[test]
    fn names_the_keepalive_that_the_server_takes() {
        let cause = |public: &str| {
            let talk = UDP_TALK.split("10.0 >").next().unwrap();
            let options = format!(
                "
    0.00 > OPTIONS rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 1
    0.00 < RTSP/1.0 200 OK | CSeq: 1 | {public}"
            );
            let snapshot = closed_by_server_after(&format!("{options}{talk}"), 60.2).checked();
            snapshot.findings[0].cause.clone()
        };
        let taken = |method| format!("; the server takes {method} as a keepalive");
        assert!(cause("Public: OPTIONS, PLAY, GET_PARAMETER").contains(&taken("GET_PARAMETER")));
        assert!(cause("Public: OPTIONS PLAY").contains(&taken("OPTIONS")));
        assert!(!cause("Public: PLAY").contains("as a keepalive"));
    }
}
