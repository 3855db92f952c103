//! The answer came under another CSeq than was asked with, and the client did not take it for one.
//!
//! Many players go by order and only grumble; such a session plays. That this client did not shows in what it does: it asks
//! nothing more and waits.

use super::{PATIENCE, RESTART, View, waited};
use crate::facts::play_accepted;
use crate::finding::{Code, Finding, Severity};
use crate::model::{Exchange, Leg, Side};

pub(super) const LENIENT_PLAYER: &str = "Where the answer's CSeq is not the request's: use a player that goes by the order of the answers (ffmpeg, ffplay and what \
    is built on them), or look for newer firmware of the camera";

/// The client's last request, where its answer has another number and nothing ever played.
pub(super) fn check(view: &View<'_>, leg: &Leg) -> Option<Finding> {
    if play_accepted(leg).is_some() {
        return None;
    }
    let by_client = |exchange: &&Exchange| exchange.by == Side::Client;
    let exchange = leg.exchanges.iter().rfind(by_client)?;
    let (own, number) = (exchange.cseq?, exchange.other_number()?);
    let (asked, answer) = (exchange.request.as_ref()?, exchange.response.as_ref()?);
    let took = answer.at.at - asked.at.at;
    let in_vain = waited(view, leg, exchange) - took;
    if exchange.is("TEARDOWN") || in_vain < PATIENCE {
        return None;
    }
    let method = &exchange.method;
    Some(
        Finding::new(
            Code::RequestUnanswered,
            Severity::Error,
            view.subject(),
            format!("the answer to {method} (CSeq {own}) says CSeq {number}"),
        )
        .cause(format!(
            "the server numbers its answers wrongly, and this client takes them for no answer: it asked no more in {:.1} s",
            in_vain.as_secs_f64()
        ))
        .proof(asked.at, format!("{method} is sent with CSeq {own}"))
        .proof(answer.at, format!("the answer to it says CSeq {number}"))
        .proof(
            view.facts.capture.last_seen(leg),
            "the client asks nothing more up to here",
        )
        .remedies([LENIENT_PLAYER, RESTART]),
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::kept_open;

    const MISNUMBERED: &str = "
        0.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 1
        0.1 < RTSP/1.0 200 OK | CSeq: 0";

    #[test]
    fn fires_when_the_client_waits_beside_an_answer_with_another_number() {
        let snapshot = kept_open(MISNUMBERED, 10).checked();
        let finding = &snapshot.findings[0];
        assert_eq!(finding.code.name(), "request-unanswered");
        assert_eq!(
            finding.summary,
            "the answer to OPTIONS (CSeq 1) says CSeq 0"
        );
        assert_eq!(
            finding.cause,
            "the server numbers its answers wrongly, and this client takes them for no answer: it asked no more in 10.0 s"
        );
    }

    #[test]
    fn is_silent_when_the_client_asked_on_or_left_at_once() {
        let goes_on = format!(
            "{MISNUMBERED}
            0.2 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 2
            0.3 < RTSP/1.0 404 Not Found | CSeq: 2"
        );
        assert_eq!(kept_open(&goes_on, 10).troubles(), ["describe-failed"]);
        assert_eq!(kept_open(MISNUMBERED, 1).codes(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_when_it_plays_by_order() {
        let lines = crate::testkit::UDP_TALK.lines().take(7);
        let misnumbered = lines.map(|line| {
            let is_answer = line.contains(" < ");
            let line = if is_answer {
                line.replace("CSeq: ", "CSeq: 1")
            } else {
                line.to_owned()
            };
            format!("{line}\n")
        });
        let talk: String = misnumbered.collect();
        let scene = kept_open(&talk, 20).punch(0.035, 5000).rtp(900, 900);
        let told = scene.legs[0].exchanges.iter();
        let numbers: Vec<_> = told.map(super::Exchange::other_number).collect();
        assert_eq!(numbers, [Some(12), Some(13), Some(14)]);
        assert!(!scene.troubles().contains(&"request-unanswered"));
    }
}
