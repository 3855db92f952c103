//! `request-refused`: the server refused a request without which nothing plays.

use super::{View, advice, refused_stream};
use crate::facts::{last_attempt, play_among};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Exchange, Side};
use crate::reading;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "SETUP, PLAY, ANNOUNCE or RECORD was answered with an error, and the client came no further: there is no media because the server \
        would not. Where it refused the picture or the sound alone, that is missing. Or, with Miracast, the display refused the trigger with \
        which the sender asks it to set up.",
    proof: "The last request on the way to media, its answer with a status of 400 or more, and no PLAY or RECORD that was accepted since the \
        client last ended what it had played. Or the SETUP of a picture or a sound that was refused, where the client played the rest and \
        nothing else of that kind.",
    not_this: "An error that a later request made good. Other findings tell of a refused DESCRIBE (describe-failed), of refused credentials \
        (authentication-failed), of a server without room (server-busy) and of a transport that it does not want (transport-refused).",
    remedies: &[PATH, PASSWORD, NO_RECORDING, LOG, OTHER_PLAYER, SINK],
};

const PATH: &str =
    "Check the path of the URL and of its tracks: 404 means that the server has no such stream";
const PASSWORD: &str = "Give user name and password: the answer was 401, and none were sent";
const NO_RECORDING: &str = "For a recording: check that the server takes streams at this path, which many cameras and servers do not";

const LOG: &str = "Look into the camera's log, restart it, and look for newer firmware: it says that the request itself is at fault, or that it failed";
const OTHER_PLAYER: &str = "Try another player: some ask for what a camera cannot do";
const SINK: &str = "Where a display refuses (Miracast): end what else it shows, restart it, forget the pairing on both and connect anew; look for newer \
    firmware";

/// What to do where the rest plays.
const IN_PART: &[&str] = &[
    "Look into the camera's log and settings: whether that picture or sound is switched on, and in a format that it can send",
    OTHER_PLAYER,
];

/// Statuses of which another finding tells.
const TOLD_ELSEWHERE: [u16; 3] = [453, 461, 503];

/// Fires once for a session that was refused on its way to media and did not play since, and for each picture or sound that was
/// refused while the rest played.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let is_own = |status| !TOLD_ELSEWHERE.contains(&status);
    let in_part = || refused_stream::findings(view, Code::RequestRefused, is_own, IN_PART);
    whole(view).map_or_else(in_part, |finding| vec![finding])
}

fn whole(view: &View<'_>) -> Option<Finding> {
    let mut legs = view.session.legs.iter();
    if legs.any(|leg| play_among(last_attempt(leg)).is_some()) {
        return None;
    }
    if let Some(finding) = trigger_refused(view) {
        return Some(finding);
    }
    let refused = view.session.refused();
    let refused = refused.filter(|refused| !TOLD_ELSEWHERE.contains(&refused.status))?;
    let is_it = |exchange: &&Exchange| {
        exchange.by == Side::Client
            && exchange.is(refused.method)
            && exchange.status() == Some(refused.status)
    };
    let exchanges = view.session.legs.first()?.exchanges.iter();
    let exchange = exchanges.rev().find(is_it)?;
    let is_own = !is_told_elsewhere(exchange);
    is_own.then(|| finding_of(view, exchange, refused.status))?
}

/// The sender's word with which it asks a display to set up (Wi-Fi Display Technical Specification, `wfd-trigger-method` in `SET_PARAMETER`), where
/// the display refused it and set up nothing.
fn trigger_refused(view: &View<'_>) -> Option<Finding> {
    let leg = view.session.legs.first()?;
    if leg.exchanges.iter().any(|exchange| exchange.is("SETUP")) {
        return None;
    }
    let is_trigger = |exchange: &&Exchange| {
        let request = exchange.request.as_deref();
        exchange.by == Side::Server
            && exchange.is("SET_PARAMETER")
            && request.is_some_and(|request| asks_for_setup(reading::fields(request).body))
    };
    let exchange = leg.exchanges.iter().rfind(is_trigger)?;
    let status = exchange.status().filter(|status| *status >= 400)?;
    let (request, response) = (exchange.request.as_ref()?, exchange.response.as_ref()?);
    let finding = Finding::new(
        Code::RequestRefused,
        Severity::Error,
        view.subject(),
        format!("the display refuses to set up: {status}"),
    )
    .cause(format!(
        "the sender asked the display for SETUP (wfd_trigger_method), and it answered {status} and set up nothing"
    ))
    .proof(request.at, "SET_PARAMETER with the trigger")
    .proof(response.at, format!("the answer {status}"));
    Some(finding.remedies([SINK]))
}

fn asks_for_setup(body: &[u8]) -> bool {
    body.split(|&byte| byte == b'\n').any(|line| {
        let line = String::from_utf8_lossy(line).to_ascii_lowercase();
        let value = line.trim().strip_prefix("wfd_trigger_method:");
        value.is_some_and(|value| value.trim() == "setup")
    })
}

fn is_told_elsewhere(exchange: &Exchange) -> bool {
    exchange.is("DESCRIBE") || (exchange.status() == Some(401) && gave_credentials(exchange))
}

fn gave_credentials(exchange: &Exchange) -> bool {
    let request = exchange.request.as_deref();
    request.is_some_and(|request| reading::fields(request).header("Authorization").is_some())
}

fn finding_of(view: &View<'_>, exchange: &Exchange, status: u16) -> Option<Finding> {
    let (request, response) = (exchange.request.as_ref()?, exchange.response.as_ref()?);
    let method = &exchange.method;
    let records = exchange.is("ANNOUNCE") || exchange.is("RECORD");
    let damaged = view.facts.corrupted(exchange, false);
    let why = match status {
        _ if damaged => "; the request was damaged on its way",
        401 => "; it wants user name and password, and the client sent none",
        _ => "",
    };
    let remedies = [
        damaged.then_some(advice::DISABLE_ALG),
        (status == 401).then_some(PASSWORD),
        (status == 404).then_some(PATH),
        records.then_some(NO_RECORDING),
    ];
    let general = [LOG, OTHER_PLAYER];
    Some(
        Finding::new(
            Code::RequestRefused,
            Severity::Error,
            view.subject(),
            format!("the server refuses {method}: {status}"),
        )
        .cause(format!(
            "{method} was answered with {status}, and the client came no further{why}"
        ))
        .proof(request.at, method.clone())
        .proof(response.at, format!("the answer {status}"))
        .remedies(remedies.into_iter().flatten().chain(general)),
    )
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Scene, UDP_TALK};

    fn answered(before: &str, after: &str) -> Scene {
        let talk = UDP_TALK.split("10.0 >").next().unwrap();
        Scene::behind_nat(&talk.replace(before, after))
    }

    #[test]
    fn fires_for_a_refused_play_and_a_refused_setup() {
        let scene = answered(
            "0.05 < RTSP/1.0 200 OK",
            "0.05 < RTSP/1.0 455 Method Not Valid",
        );
        let snapshot = scene.checked();
        let finding = &snapshot.findings[0];
        assert_eq!(finding.code.name(), "request-refused");
        assert_eq!(finding.summary, "the server refuses PLAY: 455");
        let talk = UDP_TALK.split("0.03 <").next().unwrap();
        let scene = Scene::behind_nat(&format!("{talk}0.03 < RTSP/1.0 404 Not Found | CSeq: 3"));
        assert_eq!(scene.troubles(), ["request-refused"]);
    }

    fn announced(status: &str) -> Scene {
        Scene::behind_nat(&format!(
            "0.0 > ANNOUNCE rtsp://h/a RTSP/1.0 | CSeq: 2\n0.1 < RTSP/1.0 {status} | CSeq: 2"
        ))
    }

    #[test]
    fn tells_a_recorder_what_it_lacks() {
        let snapshot = announced("401 Unauthorized").checked();
        let finding = &snapshot.findings[0];
        assert_eq!(finding.code.name(), "request-refused");
        assert_eq!(
            finding.cause,
            "ANNOUNCE was answered with 401, and the client came no further; it wants user name and password, and the client \
             sent none"
        );
        assert_eq!(finding.remedy[0], super::PASSWORD);
        let snapshot = announced("405 Method Not Allowed").checked();
        assert_eq!(snapshot.findings[0].remedy[0], super::NO_RECORDING);
    }

    #[test]
    fn fires_for_a_display_that_refuses_the_trigger() {
        let codes = |trigger: &str, status: &str, then: &str| {
            Scene::behind_nat(&format!(
                "
    0.0 < OPTIONS * RTSP/1.0 | CSeq: 1
    0.1 > RTSP/1.0 200 OK | CSeq: 1
    0.2 < SET_PARAMETER rtsp://localhost/wfd1.0 RTSP/1.0 | CSeq: 5 | Content-Length: 27 || wfd_trigger_method: {trigger}
    0.3 > RTSP/1.0 {status} | CSeq: 5{then}"
            ))
            .troubles()
        };
        let setup = "
    0.4 > SETUP rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 2 | Transport: RTP/AVP;unicast;client_port=5000-5001
    0.5 < RTSP/1.0 200 OK | CSeq: 2 | Transport: RTP/AVP;unicast;client_port=5000-5001";
        assert_eq!(codes("SETUP", "403 Forbidden", ""), ["request-refused"]);
        assert_eq!(codes("SETUP", "200 OK", ""), Vec::<&str>::new());
        assert_eq!(codes("PAUSE", "403 Forbidden", ""), Vec::<&str>::new());
        assert_eq!(codes("SETUP", "403 Forbidden", setup), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_where_another_finding_tells_or_it_was_made_good() {
        let codes = |status: &str| announced(status).troubles();
        assert_eq!(codes("503 Service Unavailable"), ["server-busy"]);
        let again = "
    0.00 > SETUP rtsp://203.0.113.10/a/track1 RTSP/1.0 | CSeq: 1 | Transport: RTP/AVP;unicast;client_port=4000-4001
    0.00 < RTSP/1.0 500 Internal Server Error | CSeq: 1";
        let mut scene = Scene::behind_nat(&format!("{again}{UDP_TALK}"));
        scene.media.remove(0);
        assert_eq!(
            scene.punch(0.035, 5000).rtp(9, 9).troubles(),
            Vec::<&str>::new()
        );
    }
}
