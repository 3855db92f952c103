//! `request-unanswered`: a request never got its answer.

mod elsewhere;

use rtspscope_wire::Span;

use super::{View, advice};
use crate::facts::{play_accepted, unanswered};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Close, Exchange, Leg, OtherAnswer, OtherProtocol, Side};
use crate::reading;

mod other_number;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The client asked and the server never said anything to it. Either the server does not understand the request, \
        perhaps because something on the way damaged it, or it hangs. Or what answers at that port speaks another protocol: HTTP at a \
        port for web pages, TLS at one for rtsps.",
    proof: "The request at the tap, no response with its CSeq, or one only after the client had waited for two seconds or more and hung up, and two seconds or more of recording after it, without gaps. Before anything \
        played, the server's FIN or RST after the request is proof at once. Or the last answer before anything played has another CSeq than its \
        request, and the client asked no more and waited for two seconds or more: it did not know the answer.",
    not_this: "A TEARDOWN, or any request just before the client hangs up or after a server said Connection: close, needs no answer. A message that entered the router \
        and never left it is alg-dropped-message. With gaps in the capture nothing is concluded.",
    remedies: &[
        "Where alg-corrupted-message is reported as well: switch off the router's RTSP ALG",
        OTHER_TRANSPORT,
        RESTART,
        WAIT,
        HTTP_PORT,
        TLS_PORT,
        other_number::LENIENT_PLAYER,
    ],
};

const OTHER_TRANSPORT: &str =
    "Try another player or TCP: some servers are silent to a Transport that they do not know";
const OTHER_PLAYER: &str =
    "Try another player: some servers are silent to a request that they do not know";
const RESTART: &str = "Restart the camera, or look for newer firmware";
const WAIT: &str = "Where the answer came only after the client had given up: let the player wait longer (ffmpeg and ffplay: -timeout in microseconds), and \
    look for what keeps the camera busy (other viewers, a recorder)";

const HTTP_PORT: &str = "Where the answer is HTTP: give the camera's RTSP port in the URL (554 mostly; its settings tell) in the place of the one for web \
    pages, or a player that speaks RTSP over HTTP where the camera offers that";
const TLS_PORT: &str = "Where the answer is TLS: write rtsps:// in the place of rtsp:// for this port (the player must know it), or give the camera's \
    port for RTSP without TLS";

/// A server may take this long: describing a stream can mean waiting for a keyframe.
const PATIENCE: Span = Span::from_secs(2);

/// Fires once for a session, for the first request that no tap saw answered.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let Some(leg) = view.session.legs.first() else {
        return Vec::new();
    };
    if view
        .session
        .legs
        .iter()
        .any(|leg| leg.missing_bytes > 0 || leg.dropped_messages > 0)
    {
        return Vec::new();
    }
    if may_be_in_the_junk(view) {
        return Vec::new();
    }
    if let Some(missed) = too_late(view, leg).or_else(|| other_number::check(view, leg)) {
        return vec![missed];
    }
    let mut waited_for = unanswered(leg).filter(|exchange| {
        let is_over = waited(view, leg, exchange) >= PATIENCE
            || hung_up(view, exchange).is_some()
            || other_answer(leg, exchange).is_some();
        is_over && everywhere(view, exchange)
    });
    let Some(first) = waited_for.next() else {
        return Vec::new();
    };
    let more = waited_for.count();
    finding(view, leg, first, more).into_iter().collect()
}

/// Whether an answer may lie among bytes next to the server that are neither message nor frame, nor known as something else.
fn may_be_in_the_junk(view: &View<'_>) -> bool {
    let legs = &view.session.legs;
    let is_known = legs.iter().any(|leg| leg.other_answer.is_some());
    let desync = legs.last().and_then(|leg| leg.desync);
    !is_known && desync.is_some_and(|desync| desync.from == Side::Server)
}

/// An answer that came only after the client had waited for long and hung up, where nothing ever played.
fn too_late(view: &View<'_>, leg: &Leg) -> Option<Finding> {
    let close = leg.closed.filter(|close| close.by == Side::Client)?;
    if play_accepted(leg).is_some() {
        return None;
    }
    let came_after = |exchange: &&Exchange| {
        let answer = exchange.response.as_ref();
        let asked = exchange.request.as_ref();
        exchange.by == Side::Client
            && !exchange.is("TEARDOWN")
            && answer.is_some_and(|answer| answer.at.at > close.at.at)
            && asked.is_some_and(|asked| close.at.at - asked.at.at >= PATIENCE)
    };
    let exchange = leg.exchanges.iter().find(came_after)?;
    let (asked, answer) = (
        exchange.request.as_ref()?.at,
        exchange.response.as_ref()?.at,
    );
    let method = &exchange.method;
    let (took, patience) = (answer.at - asked.at, close.at.at - asked.at);
    Some(
        Finding::new(
            Code::RequestUnanswered,
            Severity::Error,
            view.subject(),
            format!(
                "the answer to {method} came {:.1} s late",
                (took.0 - patience.0) as f64 / 1e9
            ),
        )
        .cause(format!(
            "the server took {:.1} s to answer {method}; the client had hung up after {:.1} s",
            took.as_secs_f64(),
            patience.as_secs_f64()
        ))
        .proof(asked, format!("{method} is sent"))
        .proof(close.at, "the client hangs up")
        .proof(answer, "only now the answer comes")
        .remedies([WAIT, RESTART]),
    )
}

/// Whether each leg that should have the request has it, and none has the answer. After a server's farewell the client's
/// next request comes too late.
fn everywhere(view: &View<'_>, exchange: &Exchange) -> bool {
    let legs = view.session.legs.iter();
    let said_farewell = legs
        .flat_map(|leg| leg.exchanges.iter())
        .any(announces_the_end);
    !exchange.is("TEARDOWN")
        && !said_farewell
        && view
            .session
            .legs
            .iter()
            .all(|leg| same(leg, exchange).is_some_and(|other| other.response.is_none()))
}

fn same<'a>(leg: &'a Leg, exchange: &Exchange) -> Option<&'a Exchange> {
    leg.exchanges.iter().find(|other| {
        other.by == Side::Client && other.cseq == exchange.cseq && other.method == exchange.method
    })
}

/// How long the client kept the connection and the tap watched after the request. A session that played may end while a
/// request is on its way.
fn waited(view: &View<'_>, leg: &Leg, exchange: &Exchange) -> Span {
    let Some(request) = &exchange.request else {
        return Span::default();
    };
    let end = leg
        .closed
        .filter(|close| close.by == Side::Client || play_accepted(leg).is_some())
        .map_or_else(
            || view.facts.capture.watched_until(leg),
            |close| close.at.at,
        );
    end - request.at.at
}

/// The server's end of the connection in place of an answer, next to the client, in a session that never played.
fn hung_up(view: &View<'_>, exchange: &Exchange) -> Option<Close> {
    let ends_it = |leg: &Leg| {
        let asked = same(leg, exchange)?.request.as_ref()?.at.at;
        let close = leg.closed.filter(|close| close.by == Side::Server);
        close.filter(|close| play_accepted(leg).is_none() && close.at.at >= asked)
    };
    let mut ends = view.session.legs.iter().map(ends_it);
    let first = ends.next()??;
    ends.all(|end| end.is_some()).then_some(first)
}

/// What came back to a request and is no RTSP, where nothing else did.
fn other_answer(leg: &Leg, exchange: &Exchange) -> Option<OtherAnswer> {
    let asked = exchange.request.as_ref()?.at.at;
    leg.other_answer.filter(|answer| answer.at.at >= asked)
}

fn announces_the_end(exchange: &Exchange) -> bool {
    exchange.response.as_ref().is_some_and(|response| {
        let fields = reading::fields(response);
        let connection = fields.header("Connection");
        connection.is_some_and(|field| field.value.text().trim().eq_ignore_ascii_case("close"))
    })
}

fn finding(view: &View<'_>, leg: &Leg, exchange: &Exchange, more: usize) -> Option<Finding> {
    if let Some(answer) = other_answer(leg, exchange) {
        return answered_otherwise(view, leg, exchange, answer);
    }
    let asked: Locator = exchange.request.as_ref()?.at;
    let damaged = view.facts.corrupted(exchange, false);
    let why = if damaged {
        "; the request was damaged on its way"
    } else {
        ""
    };
    let more = if more > 0 {
        format!(", and {more} more")
    } else {
        String::new()
    };
    let cseq = cseq_of(exchange);
    let hung_up = hung_up(view, exchange);
    let by_router = hung_up.and_then(|close| elsewhere::lacks_it(view, close));
    let (waited, end, told) = if let Some(close) = hung_up {
        let [did, does] = if close.reset {
            ["reset", "resets"]
        } else {
            ["closed", "closes"]
        };
        let after = (close.at.at - asked.at).as_secs_f64();
        let (told, proof) = match by_router {
            Some(tap) => (
                format!(
                    "the connection was {did} {after:.1} s after it in the server's name; {tap} recorded meanwhile and has neither the \
                     request nor the reset: the router made it"
                ),
                format!("the connection is {did} in the server's name"),
            ),
            None if close.reset && view.facts.sides().is_none() => (
                format!(
                    "the connection was reset {after:.1} s after it, by the server or by something on the way"
                ),
                "the connection is reset in the server's name".to_owned(),
            ),
            None => (
                format!("the server {did} the connection {after:.1} s after it"),
                format!("the server {does} the connection"),
            ),
        };
        (told, close.at, proof)
    } else {
        let waited = waited(view, leg, exchange).as_secs_f64();
        (
            format!("no response in {waited:.1} s"),
            view.facts.capture.last_seen(leg),
            "no response up to here".to_owned(),
        )
    };
    let finding = Finding::new(
        Code::RequestUnanswered,
        Severity::Error,
        view.subject(),
        format!("{}{cseq} was never answered{more}", exchange.method),
    )
    .cause(format!("{waited}{why}"))
    .proof(asked, format!("{} is sent", exchange.method))
    .proof(end, told);
    let others = view.session.legs.iter().skip(1).filter_map(|other| {
        same(other, exchange)?
            .request
            .as_ref()
            .map(|request| request.at)
    });
    let finding = others.fold(finding, |finding, at| {
        finding.proof(at, "the same request on the other side of the router")
    });
    let cure = if by_router.is_some() {
        vec![advice::TABLE_EMPTIED]
    } else if damaged {
        vec![advice::DISABLE_ALG, advice::USE_TCP]
    } else if exchange.is("SETUP") {
        vec![OTHER_TRANSPORT, RESTART]
    } else {
        vec![RESTART, OTHER_PLAYER]
    };
    Some(finding.remedies(cure))
}

/// ` (CSeq 3)`, where it is known.
fn cseq_of(exchange: &Exchange) -> String {
    exchange
        .cseq
        .map_or_else(String::new, |cseq| format!(" (CSeq {cseq})"))
}

/// What answers is no RTSP server, or wants TLS.
fn answered_otherwise(
    view: &View<'_>,
    leg: &Leg,
    exchange: &Exchange,
    answer: OtherAnswer,
) -> Option<Finding> {
    let (protocol, remedy) = match answer.protocol {
        OtherProtocol::Http => ("HTTP", HTTP_PORT),
        OtherProtocol::Tls => ("TLS", TLS_PORT),
    };
    let port = leg.server.port();
    let (method, cseq) = (&exchange.method, cseq_of(exchange));
    let finding = Finding::new(
        Code::RequestUnanswered,
        Severity::Error,
        view.subject(),
        format!("{method}{cseq} was answered in {protocol}, not in RTSP"),
    )
    .cause(format!(
        "what answers at port {port} speaks {protocol} there"
    ))
    .proof(
        exchange.request.as_ref()?.at,
        format!("{method} is sent in RTSP"),
    )
    .proof(answer.at, format!("the answer is {protocol}"));
    Some(finding.remedies([remedy]))
}

#[cfg(test)]
mod tests {
    use crate::model::{Desync, OtherAnswer, OtherProtocol, Side};
    use crate::testkit::{LAN, Scene, WAN, at};

    const TALK: &str = "
        0.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 1
        0.1 < RTSP/1.0 200 OK | CSeq: 1
        0.2 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 2";

    /// The connection goes on for that many seconds after the last message.
    pub(super) fn kept_open(talk: &str, secs: i64) -> Scene {
        let mut scene = Scene::behind_nat(talk);
        for leg in &mut scene.legs {
            leg.last.at = leg.last.at + rtspscope_wire::Span::from_secs(secs - 1);
            leg.closed = leg.closed.map(|close| crate::model::Close {
                at: leg.last,
                ..close
            });
        }
        scene
    }

    #[test]
    fn fires_when_the_client_waited_in_vain() {
        let snapshot = kept_open(TALK, 5).checked();
        assert_eq!(snapshot.findings[0].code.name(), "request-unanswered");
        assert_eq!(
            snapshot.findings[0].summary,
            "DESCRIBE (CSeq 2) was never answered"
        );
        assert_eq!(snapshot.findings[0].cause, "no response in 5.0 s");
    }

    #[test]
    fn is_silent_where_the_answer_may_lie_in_bytes_that_are_no_message() {
        let codes = |leg: usize| {
            let mut scene = kept_open(TALK, 5);
            let tap = [LAN, WAN][leg];
            scene.legs[leg].desync = Some(Desync {
                from: Side::Server,
                bytes: 400,
                first: at(tap, 0.3, 9),
            });
            scene.codes()
        };
        assert!(!codes(1).contains(&"request-unanswered"));
        assert!(codes(0).contains(&"request-unanswered"));
    }

    #[test]
    fn fires_while_the_connection_is_quiet_because_the_tap_still_watches() {
        let waiting = |secs: f64| {
            let mut scene = Scene::behind_nat(TALK);
            for leg in &mut scene.legs {
                leg.last.at = rtspscope_wire::Timestamp(200_000_000);
                leg.closed = None;
            }
            scene.watched_until = [secs; 2];
            scene.troubles()
        };
        assert_eq!(waiting(2.2), ["request-unanswered"]);
        assert_eq!(waiting(2.1), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_when_the_client_hung_up_at_once() {
        assert_eq!(kept_open(TALK, 1).codes(), Vec::<&str>::new());
    }

    #[test]
    fn fires_for_an_answer_after_the_client_hung_up() {
        let late = |hung_up: f64| {
            let talk = format!("{TALK}\n8.2 < RTSP/1.0 200 OK | CSeq: 2");
            let mut scene = Scene::behind_nat(&talk);
            for leg in &mut scene.legs {
                let at = crate::testkit::at(leg.tap, hung_up, 6);
                leg.closed = leg.closed.map(|close| crate::model::Close { at, ..close });
            }
            scene.checked().findings
        };
        let findings = late(5.2);
        assert_eq!(findings[0].code.name(), "request-unanswered");
        assert_eq!(
            findings[0].cause,
            "the server took 8.0 s to answer DESCRIBE; the client had hung up after 5.0 s"
        );
        let codes = |findings: Vec<crate::Finding>| {
            findings
                .iter()
                .any(|finding| finding.code.name() == "request-unanswered")
        };
        assert!(!codes(late(1.0)), "it hung up at once");
        assert!(!codes(late(9.0)), "it waited");
    }

    #[test]
    fn fires_at_once_for_an_answer_that_is_no_rtsp() {
        let told = |protocol, secs: f64| {
            let mut scene = kept_open(TALK, 1);
            scene.legs[0].other_answer = Some(OtherAnswer {
                protocol,
                at: at(LAN, secs, 9),
            });
            let findings = scene.checked().findings;
            let told = findings.first();
            told.map(|finding| (finding.summary.clone(), finding.remedy.clone()))
        };
        let summary = "DESCRIBE (CSeq 2) was answered in HTTP, not in RTSP".to_owned();
        let remedy = vec![super::HTTP_PORT.to_owned()];
        assert_eq!(told(OtherProtocol::Http, 0.3), Some((summary, remedy)));
        let remedy = told(OtherProtocol::Tls, 0.3).map(|(_, remedy)| remedy);
        assert_eq!(remedy, Some(vec![super::TLS_PORT.to_owned()]));
        assert_eq!(told(OtherProtocol::Http, 0.1), None);
    }

    #[test]
    fn is_silent_for_a_teardown() {
        assert_eq!(
            kept_open(&TALK.replace("DESCRIBE", "TEARDOWN"), 5).codes(),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn is_silent_when_the_answer_may_be_in_a_gap() {
        let mut scene = kept_open(TALK, 5);
        scene.legs[0].missing_bytes = 400;
        assert_eq!(scene.codes(), ["capture-incomplete"]);
    }

    /// The server ends the connection 0.1 s after the last message.
    fn hung_up(talk: &str, reset: bool) -> Scene {
        let mut scene = Scene::behind_nat(talk);
        scene.watched_until = [0.3; 2];
        for leg in &mut scene.legs {
            leg.last.at = leg.last.at + rtspscope_wire::Span::from_millis(-900);
            leg.closed = Some(crate::model::Close {
                by: crate::model::Side::Server,
                reset,
                at: leg.last,
            });
        }
        scene
    }

    #[test]
    fn fires_at_once_when_the_server_hung_up_instead() {
        let cause = |reset| {
            let snapshot = hung_up(TALK, reset).checked();
            assert_eq!(snapshot.findings[0].code.name(), "request-unanswered");
            snapshot.findings[0].cause.clone()
        };
        assert_eq!(
            cause(true),
            "the server reset the connection 0.1 s after it"
        );
        assert_eq!(
            cause(false),
            "the server closed the connection 0.1 s after it"
        );
    }

    #[test]
    fn is_silent_when_the_server_had_said_that_it_would() {
        let talk = TALK.replace("200 OK | CSeq: 1", "200 OK | CSeq: 1 | Connection: close");
        assert_eq!(hung_up(&talk, false).codes(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_when_a_session_that_played_ended_while_a_request_was_under_way() {
        let talk = crate::testkit::UDP_TALK.split("10.0 >").next().unwrap();
        let talk = format!(
            "{talk}60.0 > GET_PARAMETER rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 9 | Session: 66334873"
        );
        let mut scene = hung_up(&talk, false).punch(0.035, 5000).rtp(9, 9);
        scene.watched_until = [70.0; 2];
        assert!(!scene.troubles().contains(&"request-unanswered"));
    }

    #[test]
    fn is_silent_when_the_end_came_from_both_sides_at_once() {
        let mut scene = hung_up(TALK, true);
        scene.legs[1].closed = scene.legs[1].closed.map(|close| crate::model::Close {
            by: crate::model::Side::Client,
            ..close
        });
        assert_eq!(scene.codes(), Vec::<&str>::new());
    }
}
