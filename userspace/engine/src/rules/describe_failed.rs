//! `describe-failed`: the client got no usable description of the stream.

use rtspscope_wire::rtsp::message::MessageSlice;
use rtspscope_wire::sdp;

use super::View;
use crate::facts::last_attempt;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Exchange, Leg};
use crate::reading;

mod redirect;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "DESCRIBE was answered with an error, or with a description that names no medium, so the player does not know what to set up.",
    proof: "The answer to DESCRIBE on the server's side: an error status, no body, SDP without an m= line, or fewer bytes than Content-Length \
        promises, or 401 and no credentials, until the connection ended or for two seconds; and no later DESCRIBE that succeeded. Of an answer that sends the player \
        elsewhere (3xx): that its Location names what was asked for, or that no RTSP connection to there follows within two seconds.",
    not_this: "401 with credentials sent is authentication-failed; 453 and 503 are server-busy. A description that the router cut, or whose \
        Content-Length it broke, is alg-corrupted-message where both sides were seen. A player that goes on to SETUP did not mind.",
    remedies: &[PATH, PASSWORD, SWITCHED_ON, FOLLOW, CIRCLE],
};

const PATH: &str = "Check the path of the URL: each make of camera has its own; 404 means that this one has no such stream";
const PASSWORD: &str = "Give user name and password where the answer was 401 and none were sent";
const SWITCHED_ON: &str = "Check that the stream is switched on in the camera, and its codec";

const FOLLOW: &str = "Where the server sends the player elsewhere and it does not go there: give it the URL that the answer names as Location, or take a \
    player that follows redirections; where it did go, capture the traffic of that server too (tcpdump -s 0 host PLAYER)";
const CIRCLE: &str = "Where the server sends the player in circles: ask its provider or maker, restart it, or look for newer firmware";

const BOTH_SIDES: &str = "Capture on both sides of the router at once, and give both: analyze --lan FILE --wan FILE: its ALG may have changed the answer";

/// What to do where a part of the description never came.
const CUT_REMEDIES: &[&str] = &[BOTH_SIDES, "Restart the camera, or look for newer firmware"];

/// Fires once for a session whose last DESCRIBE gave nothing to set up.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let Some(leg) = view.session.legs.last() else {
        return Vec::new();
    };
    let attempt = last_attempt(leg).iter();
    let mut described =
        attempt.filter(|exchange| exchange.is("DESCRIBE") && exchange.response.is_some());
    let failures: Vec<Option<String>> = described
        .clone()
        .map(|exchange| {
            let failure = || {
                failure(exchange).filter(|_| {
                    !goes_on_after(leg, exchange) && !may_bring_credentials(view, leg, exchange)
                })
            };
            cut_body(view, leg, exchange)
                .or_else(failure)
                .or_else(|| redirect::in_vain(view, leg, exchange))
        })
        .collect();
    if failures.iter().any(Option::is_none)
        || view.session.legs.iter().any(|leg| leg.missing_bytes > 0)
    {
        return Vec::new();
    }
    let last = described
        .next_back()
        .zip(failures.into_iter().flatten().next_back());
    last.filter(|(exchange, _)| !is_answered_with_credentials(leg, exchange))
        .and_then(|(exchange, why)| finding(view, exchange, &why))
        .into_iter()
        .collect()
}

/// Why the answer is of no use; `None` if it is, or if the failure is another finding's business.
fn failure(exchange: &Exchange) -> Option<String> {
    let fields = reading::fields(exchange.response.as_ref()?);
    match exchange.status() {
        Some(401) if sent_credentials(exchange) => None,
        Some(401) => {
            Some("the server wants user name and password, and the client sent none".to_owned())
        }
        Some(300..=399 | 407 | 453 | 503) => None,
        Some(status @ 400..) => Some(format!("the server answers {status}")),
        // Whether the rest still comes is asked of a part.
        _ if is_part(&fields) => None,
        _ if fields.body.is_empty() => Some("the answer has no body".to_owned()),
        _ => sdp::parse(fields.body)
            .value
            .media
            .is_empty()
            .then(|| "the description names no medium".to_owned()),
    }
}

/// Whether the player knew what to set up all the same, and the server let it.
fn goes_on_after(leg: &Leg, describe: &Exchange) -> bool {
    let answered = describe.response.as_ref().map(|response| response.at.at);
    leg.exchanges.iter().any(|exchange| {
        let asked = exchange.request.as_ref().map(|request| request.at.at);
        exchange.is("SETUP") && exchange.succeeded() && asked >= answered
    })
}

/// How much of the description came, where the rest never will.
fn cut_body(view: &View<'_>, leg: &Leg, exchange: &Exchange) -> Option<String> {
    let response = exchange
        .response
        .as_ref()
        .filter(|_| exchange.succeeded())?;
    let fields = reading::fields(response);
    let (came, promised) = (fields.body.len() as u64, fields.content_length()?);
    let goes_on = leg.exchanges.iter().any(|exchange| exchange.is("SETUP"));
    (is_part(&fields) && view.facts.capture.is_over_after(leg, response.at.at) && !goes_on)
        .then(|| format!("the answer has {came} of the {promised} bytes that it promises"))
}

/// Whether a message has less body than it promises.
fn is_part(fields: &MessageSlice<'_>) -> bool {
    let promised = fields.content_length();
    promised.is_some_and(|promised| (fields.body.len() as u64) < promised)
}

/// Whether an answer wants credentials, as the first one does of many cameras, and the player may not have come to bring them.
fn may_bring_credentials(view: &View<'_>, leg: &Leg, exchange: &Exchange) -> bool {
    let answer = exchange.response.as_ref();
    exchange.status() == Some(401)
        && answer.is_some_and(|answer| !view.facts.capture.is_over_after(leg, answer.at.at))
}

/// Whether the last answer that came asks for credentials, and a later DESCRIBE brought them.
fn is_answered_with_credentials(leg: &Leg, last: &Exchange) -> bool {
    let after = leg
        .exchanges
        .iter()
        .skip_while(|exchange| !std::ptr::eq(*exchange, last));
    let mut described = after.filter(|exchange| exchange.is("DESCRIBE"));
    last.status() == Some(401) && described.any(sent_credentials)
}

fn sent_credentials(exchange: &Exchange) -> bool {
    exchange
        .request
        .as_ref()
        .is_some_and(|request| reading::fields(request).header("Authorization").is_some())
}

fn finding(view: &View<'_>, exchange: &Exchange, why: &str) -> Option<Finding> {
    let response = exchange.response.as_ref()?;
    // A capture of one camera's traffic does not show whether the player went to another host.
    let severity = if redirect::names_another_host(view.session.legs.last()?, exchange) {
        Severity::Warning
    } else {
        Severity::Error
    };
    let finding = Finding::new(
        Code::DescribeFailed,
        severity,
        view.subject(),
        format!("no usable description: {why}"),
    )
    .cause(format!("the last DESCRIBE failed: {why}"))
    .proof_if(
        exchange.request.as_ref().map(|request| request.at),
        "DESCRIBE",
    )
    .proof(response.at, format!("its answer: {why}"));
    let remedies: &[&str] = if cut_body(view, view.session.legs.last()?, exchange).is_some() {
        CUT_REMEDIES
    } else if exchange.status() == Some(401) {
        &[PASSWORD]
    } else if redirect::goes_in_circles(view.session.legs.last()?, exchange) {
        &[CIRCLE]
    } else if matches!(exchange.status(), Some(300..=399)) {
        &[FOLLOW]
    } else {
        &[PATH, SWITCHED_ON]
    };
    let one_sided = view.facts.sides().is_none();
    let remedies = remedies.iter().copied();
    Some(finding.remedies(remedies.filter(|remedy| one_sided || *remedy != BOTH_SIDES)))
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Scene, UDP_TALK};

    fn answered(answer: &str) -> Scene {
        Scene::behind_nat(&format!(
            "0.0 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 2\n0.1 < RTSP/1.0 {answer}"
        ))
    }

    #[test]
    fn fires_for_an_error_and_for_a_description_of_nothing() {
        assert_eq!(
            answered("404 Not Found | CSeq: 2").troubles(),
            ["describe-failed"]
        );
        assert_eq!(answered("200 OK | CSeq: 2").troubles(), ["describe-failed"]);
        assert_eq!(
            answered("200 OK | CSeq: 2 | Content-Length: 5 || v=0").troubles(),
            ["describe-failed"]
        );
        assert_eq!(
            answered("401 Unauthorized | CSeq: 2").troubles(),
            ["describe-failed"]
        );
    }

    #[test]
    fn asks_for_a_password_where_none_was_given() {
        let remedy = |answer: &str| answered(answer).checked().findings[0].remedy.clone();
        assert_eq!(remedy("401 Unauthorized | CSeq: 2"), [super::PASSWORD]);
        assert_eq!(
            remedy("404 Not Found | CSeq: 2"),
            [super::PATH, super::SWITCHED_ON]
        );
    }

    #[test]
    fn is_silent_when_credentials_followed_and_nothing_was_said_to_them() {
        let asked_again = |credentials: &str| {
            let mut scene = Scene::behind_nat(&format!(
                "0.0 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 2
                 0.1 < RTSP/1.0 401 Unauthorized | CSeq: 2
                 0.2 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 3{credentials}"
            ));
            for leg in &mut scene.legs {
                leg.closed = None;
            }
            scene.troubles()
        };
        assert_eq!(
            asked_again(" | Authorization: Digest response=\"1\""),
            ["request-unanswered"]
        );
        let told = format!(
            "401 Unauthorized | CSeq: 2\n0.2 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 3 | Authorization: Digest response=\"1\"\n{}",
            "0.3 < RTSP/1.0 404 Not Found | CSeq: 3"
        );
        assert_eq!(answered(&told).troubles(), ["describe-failed"]);
        assert_eq!(asked_again(""), ["request-unanswered", "describe-failed"]);
    }

    #[test]
    fn is_silent_when_a_later_attempt_succeeded() {
        let talk = format!(
            "0.0 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 1\n0.0 < RTSP/1.0 401 Unauthorized | CSeq: 1\n{UDP_TALK}"
        );
        assert_eq!(
            Scene::behind_nat(&talk)
                .punch(0.035, 5000)
                .rtp(9, 9)
                .troubles(),
            Vec::<&str>::new()
        );
    }

    /// A description of 45 bytes.
    fn promising(bytes: u64) -> Scene {
        answered(&format!(
            "200 OK | CSeq: 2 | Content-Length: {bytes} || v=0 | m=video 0 RTP/AVP 96 | a=control:track1"
        ))
    }

    #[test]
    fn fires_for_a_description_that_never_came_whole() {
        let snapshot = promising(146).checked();
        assert_eq!(
            snapshot.findings[0].summary,
            "no usable description: the answer has 45 of the 146 bytes that it promises"
        );
        assert_eq!(promising(45).codes(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_while_the_rest_or_credentials_may_still_come() {
        let open = |mut scene: Scene, watched_until: f64| {
            for leg in &mut scene.legs {
                leg.last = leg.exchanges[0].response.as_ref().unwrap().at;
                leg.closed = None;
            }
            scene.watched_until = [watched_until; 2];
            scene.troubles()
        };
        for answer in [
            "200 OK | CSeq: 2 | Content-Length: 146 || v=0 | m=video 0 RTP/AVP 96",
            "200 OK | CSeq: 2 | Content-Length: 146 || v=0",
            "200 OK | CSeq: 2 | Content-Length: 146",
            "401 Unauthorized | CSeq: 2",
        ] {
            assert_eq!(open(answered(answer), 2.0), Vec::<&str>::new(), "{answer}");
            assert_eq!(open(answered(answer), 2.1), ["describe-failed"], "{answer}");
        }
    }

    /// An answer that sends the player on, and how long the taps watch.
    fn sent_to(location: &str, watched_until: f64) -> Scene {
        let answer = format!("302 Moved Temporarily | CSeq: 2 | Location: {location}");
        let mut scene = answered(&answer);
        scene.watched_until = [watched_until; 2];
        scene
    }

    #[test]
    fn fires_for_a_redirection_that_nobody_follows() {
        let snapshot = sent_to("rtsp://203.0.113.20:1554/b", 3.0).checked();
        let [finding] = &snapshot.findings[..] else {
            panic!("{:?}", snapshot.findings)
        };
        assert_eq!(
            finding.cause,
            "the last DESCRIBE failed: the server sends the player to 203.0.113.20:1554 (302), and no RTSP connection to there follows"
        );
        assert_eq!(finding.remedy, [super::FOLLOW]);
        assert_eq!(finding.severity, crate::Severity::Warning);
        let same_host = sent_to("rtsp://203.0.113.10:1554/b", 3.0).checked();
        assert_eq!(same_host.findings[0].severity, crate::Severity::Error);
        assert_eq!(
            sent_to("rtsp://203.0.113.20/b", 2.0).codes(),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn is_silent_where_the_player_goes_where_it_is_sent() {
        let codes = |server: &str, location: &str| {
            let mut next = Scene::of(vec![crate::testkit::leg(
                crate::testkit::WAN,
                "203.0.113.1:40002",
                server,
                crate::testkit::UDP_TALK,
            )]);
            for leg in &mut next.legs {
                leg.first.at = leg.first.at + rtspscope_wire::Span::from_secs(1);
            }
            let snapshot = Scene::together(vec![sent_to(location, 9.0), next]);
            let codes = snapshot.findings.iter().map(|finding| finding.code.name());
            codes
                .filter(|code| *code == "describe-failed")
                .collect::<Vec<_>>()
        };
        let none = Vec::<&str>::new();
        assert_eq!(codes("203.0.113.20:554", "rtsp://203.0.113.20/b"), none);
        assert_eq!(codes("203.0.113.20:554", "rtsp://a.example/b"), none);
        assert_eq!(
            codes("203.0.113.30:554", "rtsp://203.0.113.20/b"),
            ["describe-failed"]
        );
    }

    #[test]
    fn fires_for_a_server_that_sends_the_player_in_circles() {
        let snapshot = sent_to("rtsp://h:554/a", 0.2).checked();
        assert_eq!(
            snapshot.findings[0].summary,
            "no usable description: the server sends the player to the URL that it asked for (302)"
        );
        assert_eq!(snapshot.findings[0].remedy, [super::CIRCLE]);
    }

    #[test]
    fn is_silent_when_the_player_goes_on_all_the_same() {
        let answer = UDP_TALK.lines().nth(2).unwrap().trim();
        let none = "0.01 < RTSP/1.0 404 Not Found | CSeq: 2".to_owned();
        let empty = "0.01 < RTSP/1.0 200 OK | CSeq: 2 | Content-Length: 0".to_owned();
        let cut = answer.replace("Content-Length: 46", "Content-Length: 146");
        for other in [none, empty, cut] {
            let scene = Scene::behind_nat(&UDP_TALK.replace(answer, &other));
            let codes = scene.punch(0.035, 5000).rtp(9, 9).troubles();
            assert_eq!(codes, Vec::<&str>::new(), "{other}");
        }
    }

    #[test]
    fn fires_when_the_server_lets_it_set_up_nothing() {
        let talk = format!(
            "{}
            0.2 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP;unicast;client_port=5000-5001
            0.3 < RTSP/1.0 404 Not Found | CSeq: 3",
            "0.0 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 2\n0.1 < RTSP/1.0 404 Not Found | CSeq: 2"
        );
        let codes = Scene::behind_nat(&talk).troubles();
        assert!(codes.contains(&"describe-failed"), "{codes:?}");
    }
}
