//! `server-busy`: the camera has no room for another viewer.

use super::{View, refused_stream};
use crate::facts::{last_attempt, play_among};
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The server answered 453 Not Enough Bandwidth or 503 Service Unavailable: it serves as many viewers as it can, or has not \
        noticed yet that earlier ones are gone.",
    proof: "The answer with that status, and no PLAY accepted since the client last ended what it had played. Or that answer to the SETUP of a \
        picture or a sound, where the client played the rest and nothing else of that kind.",
    not_this: "A server that was busy and then let the client play is well. A refused connection is connection-refused.",
    remedies: &[
        "Close other viewers of the camera, a recorder's too, or let one relay (go2rtc, MediaMTX) fetch the stream for all",
        "Wait for a minute until the camera forgets viewers that are gone, or restart it",
        "Use the camera's second stream with a lower rate",
    ],
};

/// Statuses of RFC 2326 §11.3.4 and RFC 7826 §17.5.4.
const BUSY: [u16; 2] = [453, 503];

/// Fires once for a session that was turned away and did not play since, and for each picture or sound that was refused while
/// the rest played.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let is_busy = |status| BUSY.contains(&status);
    let in_part = || {
        let remedies = EXPLANATION.remedies;
        refused_stream::findings(view, Code::ServerBusy, is_busy, remedies)
    };
    whole(view).map_or_else(in_part, |finding| vec![finding])
}

fn whole(view: &View<'_>) -> Option<Finding> {
    let mut legs = view.session.legs.iter();
    if legs.any(|leg| play_among(last_attempt(leg)).is_some()) {
        return None;
    }
    let exchanges = last_attempt(view.session.legs.last()?);
    // An answer without its request may belong to a connection that was given up before.
    let turned_away = exchanges.iter().find(|exchange| {
        exchange.request.is_some()
            && exchange
                .status()
                .is_some_and(|status| BUSY.contains(&status))
    });
    let exchange = turned_away?;
    let response = exchange.response.as_ref()?;
    let status = exchange.status().unwrap_or_default();
    let finding = Finding::new(
        Code::ServerBusy,
        Severity::Error,
        view.subject(),
        format!("the server is busy: {status} to {}", exchange.method),
    )
    .cause(format!(
        "{} was answered with {status}, and no PLAY was accepted after it",
        exchange.method
    ))
    .proof(response.at, format!("the answer {status}"));
    Some(finding.remedies(EXPLANATION.remedies.iter().copied()))
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Scene, UDP_TALK};

    #[test]
    fn fires_when_the_server_turned_the_client_away() {
        let talk = "0.0 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 2\n0.1 < RTSP/1.0 453 Not Enough Bandwidth | CSeq: 2";
        assert_eq!(Scene::behind_nat(talk).troubles(), ["server-busy"]);
    }

    #[test]
    fn is_silent_for_a_stray_answer() {
        let talk = "0.1 < RTSP/1.0 503 Service Unavailable | CSeq: 2";
        assert_eq!(Scene::behind_nat(talk).troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_when_the_client_then_played() {
        let talk = format!(
            "0.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 1\n0.0 < RTSP/1.0 503 Service Unavailable | CSeq: 1\n{UDP_TALK}"
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
