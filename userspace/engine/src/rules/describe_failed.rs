//! `describe-failed`: the client got no usable description of the stream.

use rtspscope_wire::sdp;

use super::View;
use crate::facts::server_side_exchanges;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::Exchange;
use crate::reading;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "DESCRIBE was answered with an error, or with a description that names no medium, so the player does not know what to set up.",
    proof: "The answer to DESCRIBE on the server's side: an error status, no body, or SDP without an m= line; and no later DESCRIBE that \
        succeeded.",
    not_this: "401 with credentials sent is authentication-failed; 453 and 503 are server-busy. A description that the router cut is \
        alg-corrupted-message.",
    remedies: &[
        "Check the path of the URL: each make of camera has its own; 404 means that this one has no such stream",
        "Give user name and password where the answer was 401 and none were sent",
        "Check that the stream is switched on in the camera, and its codec",
    ],
};

/// Fires once for a session whose last DESCRIBE gave nothing to set up.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let exchanges = server_side_exchanges(view.session);
    let mut described = exchanges
        .iter()
        .filter(|exchange| exchange.is("DESCRIBE") && exchange.response.is_some());
    let failures: Vec<Option<String>> = described.clone().map(failure).collect();
    if failures.iter().any(Option::is_none)
        || view.session.legs.iter().any(|leg| leg.missing_bytes > 0)
    {
        return Vec::new();
    }
    let last = described
        .next_back()
        .zip(failures.into_iter().flatten().next_back());
    last.and_then(|(exchange, why)| finding(view, exchange, &why))
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
        _ if fields.body.is_empty() => Some("the answer has no body".to_owned()),
        _ => sdp::parse(fields.body)
            .value
            .media
            .is_empty()
            .then(|| "the description names no medium".to_owned()),
    }
}

fn sent_credentials(exchange: &Exchange) -> bool {
    exchange
        .request
        .as_ref()
        .is_some_and(|request| reading::fields(request).header("Authorization").is_some())
}

fn finding(view: &View<'_>, exchange: &Exchange, why: &str) -> Option<Finding> {
    let response = exchange.response.as_ref()?;
    let finding = Finding::new(
        Code::DescribeFailed,
        Severity::Error,
        view.subject(),
        format!("no usable description: {why}"),
    )
    .cause(format!("{why} to the last DESCRIBE"))
    .proof_if(
        exchange.request.as_ref().map(|request| request.at),
        "DESCRIBE",
    )
    .proof(response.at, format!("its answer: {why}"));
    Some(finding.remedies(EXPLANATION.remedies.iter().copied()))
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
}
