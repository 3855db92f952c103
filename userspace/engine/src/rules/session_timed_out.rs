//! `session-timed-out`: the client sent no request within the session timeout, and the server ended the session.

use rtspscope_wire::Span;

use super::View;
use crate::clocks::clocks;
use crate::facts::{play_accepted, played_out, said_goodbye, torn_down};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Arrival, Close, Exchange, Leg, Session, Side};
use crate::reading;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "A server forgets a session in which it hears nothing for the session timeout (60 seconds if it names none, RFC 2326 §12.37). This \
        client sent no keepalive, or none that counted, so the server closed the connection and the picture froze.",
    proof: "The server's FIN or RST after a silence of the client of at least the timeout, with no TEARDOWN before it. A keepalive that was \
        refused, not answered or sent without the Session field is named where the server closed one timeout after the last request that \
        surely counted.",
    not_this: "A server that closes earlier has another reason, and so has one that had played the Range to its end, or that bore \
        the silence for far longer than the timeout and heard receiver reports or said goodbye (RTCP BYE). Some servers count such reports \
        as signs of life, or any request on the connection.",
    remedies: &[
        "Let the player send a keepalive within the timeout: OPTIONS or GET_PARAMETER with the Session field (an update of the player often does)",
        "Raise the session timeout in the camera, where it has such a setting",
    ],
};

/// A server may look for idle sessions a little before or only some time after the timeout.
const EARLY: Span = Span::from_secs(2);

/// How long after the timeout the end still is its doing, where the client was not silent: a server looks for idle sessions
/// every few seconds.
const LATE: Span = Span::from_secs(10);

/// Requests that did not count and are named.
const NAMED: usize = 4;

/// Fires for a session that its server closed after the timeout without a request.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let (Some(leg), Some(timeout)) = (telling_leg(view.session), view.session.timeout_secs) else {
        return Vec::new();
    };
    finding(view, leg, timeout).into_iter().collect()
}

/// The leg next to the server; where its tap began after PLAY and shows the server's end alone, the nearest that has both.
fn telling_leg(session: &Session) -> Option<&Leg> {
    let plays = |leg: &Leg| play_accepted(leg).is_some();
    let nearest = session.legs.iter().rposition(plays)?;
    let mut farther = session.legs.iter().skip(nearest + 1);
    let by_server = |leg: &Leg| leg.closed.is_some_and(|close| close.by == Side::Server);
    farther.all(by_server).then(|| session.legs.get(nearest))?
}

/// Whether it fires.
pub(super) fn is_so(view: &View<'_>) -> bool {
    !check(view).is_empty()
}

/// A time in which the server heard nothing that counted.
struct Idle {
    /// Since when.
    since: Locator,
    time: Span,
    /// Requests in it that did not count, with the reason, in order.
    uncounted: Vec<(Locator, String)>,
}

fn finding(view: &View<'_>, leg: &Leg, timeout: u32) -> Option<Finding> {
    let close: Close = leg.closed.filter(|close| close.by == Side::Server)?;
    play_accepted(leg)?;
    if played_out(leg, close.at.at) {
        return None;
    }
    let idle = idle(view, leg, close, Span::from_secs(i64::from(timeout)))?;
    let secs = idle.time.as_secs_f64();
    let (counted, why) = match idle.uncounted.last() {
        None => ("", format!("the client sent no request for {secs:.1} s")),
        Some((_, why)) => (
            " that surely counted",
            format!("the client sent no request that surely counted for {secs:.1} s: {why}"),
        ),
    };
    let finding = Finding::new(
        Code::SessionTimedOut,
        Severity::Error,
        view.subject(),
        format!("the server ended the session {secs:.0} s after the last request{counted}"),
    )
    .cause(format!(
        "the session timeout is {timeout} s, and {why}{}{}",
        keepalive(leg).map_or_else(String::new, |method| format!(
            "; the server takes {method} as a keepalive"
        )),
        clocks(view.session).map_or_else(String::new, |clocks| format!("; {clocks}"))
    ))
    .proof(idle.since, format!("last request of the client{counted}"));
    let shown = idle.uncounted.iter().take(NAMED);
    let finding = shown.fold(finding, |finding, (at, why)| {
        finding.proof(*at, why.clone())
    });
    let finding = finding.proof(close.at, "the server closes the connection");
    Some(finding.remedies(EXPLANATION.remedies.iter().copied()))
}

/// What was seen of the media next to the server.
fn arrivals<'a>(view: &View<'a>) -> impl Iterator<Item = &'a Arrival> {
    let session = view.session;
    let own = session.legs.len().checked_sub(1);
    let arrivals = session.media.iter().flat_map(|media| &media.arrivals);
    arrivals.filter(move |arrival| arrival.leg == own)
}

/// The time before the server's end in which it heard nothing, or nothing that surely counted; `None` where that is no
/// timeout, or where the client itself ended the session.
fn idle(view: &View<'_>, leg: &Leg, close: Close, timeout: Span) -> Option<Idle> {
    // What the client says after the end, a TEARDOWN mostly, comes too late.
    let in_time: Vec<(&Exchange, Locator)> = leg
        .exchanges
        .iter()
        .filter_map(|exchange| Some((exchange, exchange.request.as_ref()?.at)))
        .filter(|(_, at)| at.at <= close.at.at)
        .collect();
    if torn_down(leg, close.at.at) || leg.missing_bytes > 0 {
        return None;
    }
    let mut requests: Vec<(&Exchange, Locator)> = in_time
        .into_iter()
        .filter(|(exchange, _)| exchange.by == Side::Client)
        .collect();
    requests.sort_by_key(|(_, at)| at.at);
    let (_, last) = requests.last()?;
    let time = close.at.at - last.at;
    if time + EARLY >= timeout {
        // A server that bore the silence so long looks for idle sessions rarely, counts the reports, or had no more to send.
        // One that ends an idle session may say goodbye too.
        let has_reason =
            |arrival: &Arrival| arrival.rtcp.receiver_reports > 0 || said_goodbye(arrival);
        let may_be_other = || arrivals(view).any(has_reason);
        return (time <= timeout + LATE || !may_be_other()).then(|| Idle {
            since: *last,
            time,
            uncounted: Vec::new(),
        });
    }
    let counted = requests
        .iter()
        .rposition(|(exchange, _)| doubt(exchange).is_none())?;
    let (_, since) = requests[counted];
    let time = close.at.at - since.at;
    let of_the_timeout = time + EARLY >= timeout && time <= timeout + LATE;
    let after = requests.into_iter().skip(counted + 1);
    of_the_timeout.then(|| Idle {
        since,
        time,
        uncounted: after
            .filter_map(|(exchange, at)| Some((at, doubt(exchange)?)))
            .collect(),
    })
}

/// Why a request may be no sign of life for the server; `None` for one that surely is.
fn doubt(exchange: &Exchange) -> Option<String> {
    let method = &exchange.method;
    let request = exchange.request.as_ref()?;
    let Some(status) = exchange.status() else {
        return Some(format!("{method} was not answered"));
    };
    if !exchange.succeeded() {
        return Some(format!("{method} was answered {status}"));
    }
    let tells_the_session = exchange.is("SETUP") || reading::session_id(request).is_some();
    (!tells_the_session).then(|| format!("{method} does not name the session"))
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
    // A server that refuses one does not keep its word.
    let refused = |method: &&str| {
        let mut asked = leg.exchanges.iter();
        asked.any(|exchange| exchange.is(method) && !exchange.succeeded())
    };
    // Without a body GET_PARAMETER does nothing else; the RFC names it first (RFC 2326 §10.8).
    let methods = ["GET_PARAMETER", "OPTIONS"];
    if methods.iter().any(refused) {
        return None;
    }
    methods.into_iter().find(|method| listed(method))
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::TapId;

    use crate::model::{Close, Side};
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at};

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
    fn a_tap_next_to_the_server_that_began_late_needs_to_show_the_end_alone() {
        let troubles = |by| {
            let mut scene = closed_by_server(60.2);
            let leg = &mut scene.legs[1];
            leg.exchanges_mut().clear();
            let closed = leg.closed.as_mut().expect("an end");
            closed.by = by;
            scene.troubles()
        };
        assert_eq!(troubles(Side::Server), ["session-timed-out"]);
        assert!(!troubles(Side::Client).contains(&"session-timed-out"));
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
        assert_eq!(closed_by_server(41.0).troubles(), ["connection-closed"]);
    }

    #[test]
    fn is_silent_when_the_server_bore_a_long_silence_and_heard_receiver_reports() {
        let codes = |secs: f64, heard_by: &[TapId]| {
            let mut scene = closed_by_server(secs);
            for tap in heard_by {
                scene.arrival(*tap).rtcp.receiver_reports = 59;
            }
            scene.troubles()
        };
        let timed_out = ["session-timed-out"];
        assert_eq!(codes(299.0, &[LAN, WAN]), ["connection-closed"]);
        assert_eq!(codes(299.0, &[]), timed_out);
        // The router did not let them through.
        assert_eq!(codes(299.0, &[LAN]), timed_out);
        assert_eq!(codes(65.0, &[LAN, WAN]), timed_out);
    }

    #[test]
    fn is_silent_when_the_server_had_played_the_range_to_its_end_or_said_goodbye_after_long() {
        let goodbye = |secs: f64| {
            let mut scene = closed_by_server(secs);
            scene.arrival(WAN).rtcp.unread_byes = 1;
            scene.troubles()
        };
        assert_eq!(goodbye(299.0), Vec::<&str>::new());
        assert_eq!(goodbye(60.2), ["session-timed-out"]);
        let codes = |range: &str, end: f64| {
            let talk = UDP_TALK.split("10.0 >").next().unwrap();
            let talk = format!("{} | Range: npt={range}\n", talk.trim_end());
            closed_by_server_after(&talk, end).troubles()
        };
        assert_eq!(codes("0-65", 65.1), Vec::<&str>::new());
        assert_eq!(codes("0-600", 600.0), Vec::<&str>::new());
        assert_eq!(codes("0-600", 65.1), ["session-timed-out"]);
        assert_eq!(codes("0-", 65.1), ["session-timed-out"]);
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

    /// The server's end after keepalives at 25 s and 50 s.
    fn after_keepalives(request: &str, answer: &str, end: f64) -> Scene {
        let talk = UDP_TALK.split("10.0 >").next().unwrap();
        let keepalive = |secs: f64, cseq: u32| {
            let answer = if answer.is_empty() {
                String::new()
            } else {
                format!("{:.1} < RTSP/1.0 {answer} | CSeq: {cseq}\n", secs + 0.1)
            };
            format!("{secs:.1} > {request} | CSeq: {cseq}\n{answer}")
        };
        let talk = format!("{talk}{}{}", keepalive(25.0, 7), keepalive(50.0, 8));
        closed_by_server_after(&talk, end)
    }

    const WITH_SESSION: &str = "GET_PARAMETER rtsp://203.0.113.10/a RTSP/1.0 | Session: 66334873";
    const WITHOUT: &str = "OPTIONS rtsp://203.0.113.10/a RTSP/1.0";

    #[test]
    fn a_keepalive_that_did_not_count_is_named() {
        let refused = after_keepalives(WITH_SESSION, "501 Not Implemented", 60.2).checked();
        let finding = &refused.findings[0];
        assert_eq!(finding.code.name(), "session-timed-out");
        assert_eq!(
            finding.summary,
            "the server ended the session 60 s after the last request that surely counted"
        );
        assert!(finding.cause.starts_with(
            "the session timeout is 60 s, and the client sent no request that surely counted for 60.2 s: GET_PARAMETER was answered 501;"
        ));
        let notes: Vec<&str> = finding
            .evidence
            .iter()
            .map(|proof| proof.note.as_str())
            .collect();
        assert_eq!(
            notes,
            [
                "last request of the client that surely counted",
                "GET_PARAMETER was answered 501",
                "GET_PARAMETER was answered 501",
                "the server closes the connection"
            ]
        );
        let nameless = after_keepalives(WITHOUT, "200 OK", 60.2).checked();
        assert!(
            nameless.findings[0]
                .cause
                .contains(": OPTIONS does not name the session;")
        );
        let unanswered = after_keepalives(WITH_SESSION, "", 60.2).checked();
        let finding = unanswered
            .findings
            .iter()
            .find(|finding| finding.code.name() == "session-timed-out");
        assert!(
            finding
                .unwrap()
                .cause
                .contains(": GET_PARAMETER was not answered;")
        );
    }

    #[test]
    fn is_silent_where_a_keepalive_in_the_time_counted() {
        assert_eq!(
            after_keepalives(WITH_SESSION, "200 OK", 60.2).troubles(),
            ["connection-closed"]
        );
    }

    #[test]
    fn is_silent_where_the_end_is_not_one_timeout_after_what_counted() {
        for end in [55.0, 75.0, 85.0] {
            let scene = after_keepalives(WITHOUT, "200 OK", end);
            assert_eq!(scene.troubles(), ["connection-closed"], "{end}");
        }
    }
}
