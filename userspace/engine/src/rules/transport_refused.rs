//! `transport-refused`: the server does not offer the transport that the client asked for.

use super::{View, refused_stream};
use crate::facts::last_attempt;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::Exchange;
use crate::reading;
use rtspscope_wire::rtsp::transport::Lower;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "SETUP was answered with 461 Unsupported Transport, or the answer names another transport than was asked for: UDP where the \
        client wanted TCP, or the other way round. The player must ask again with another transport, and not every player does.",
    proof: "SETUP and its answer, and no other SETUP that was accepted with what was asked for. Or 461 to the SETUP of a picture or a sound, \
        where the client played the rest and nothing else of that kind.",
    not_this: "A player that asks for one transport, gets 461 and then succeeds with another plays well, and nothing is said.",
    remedies: &[
        "Set the player to the transport that the server offers: over TCP with -rtsp_transport tcp or rtspt://, over UDP with -rtsp_transport udp",
        "Switch the wanted transport on in the camera's streaming settings",
    ],
};

/// The status of RFC 2326 §11.3.10.
const UNSUPPORTED_TRANSPORT: u16 = 461;

/// Fires once for a session, for the first SETUP that did not get what it asked for, and for each picture or sound that was
/// refused while the rest played.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let is_own = |status| status == UNSUPPORTED_TRANSPORT;
    let in_part = || {
        let remedies = EXPLANATION.remedies;
        refused_stream::findings(view, Code::TransportRefused, is_own, remedies)
    };
    whole(view).map_or_else(in_part, |finding| vec![finding])
}

fn whole(view: &View<'_>) -> Option<Finding> {
    let exchanges = last_attempt(view.session.legs.last()?);
    let mut setups = exchanges.iter().filter(|exchange| exchange.is("SETUP"));
    let got = |exchange: &Exchange| exchange.succeeded() && other_transport(exchange).is_none();
    if setups.clone().any(got) {
        return None;
    }
    setups.find_map(|setup| finding(view, setup))
}

fn finding(view: &View<'_>, setup: &Exchange) -> Option<Finding> {
    let (request, response) = (setup.request.as_ref()?, setup.response.as_ref()?);
    let told = if setup.status() == Some(UNSUPPORTED_TRANSPORT) {
        "the server refuses the transport with 461".to_owned()
    } else {
        let (asked, answered) = other_transport(setup)?;
        format!("the client asked for {asked} and the server answers {answered}")
    };
    let wanted = reading::fields(request)
        .header("Transport")
        .map_or_else(String::new, |field| field.value.text().into_owned());
    let finding = Finding::new(
        Code::TransportRefused,
        Severity::Warning,
        view.subject(),
        told,
    )
    .cause(format!(
        "SETUP asked for {wanted}, and no SETUP after it was accepted as asked"
    ))
    .proof(request.at, "SETUP")
    .proof(response.at, "its answer");
    Some(finding.remedies(EXPLANATION.remedies.iter().copied()))
}

/// What was asked for and what was answered, where an accepted answer is none of the alternatives asked for.
fn other_transport(setup: &Exchange) -> Option<(&'static str, &'static str)> {
    if !setup.succeeded() {
        return None;
    }
    let request = reading::fields(setup.request.as_ref()?);
    let response = reading::fields(setup.response.as_ref()?);
    let asked = reading::transports(&request);
    let answered = reading::transports(&response).into_iter().next()?.lower;
    let first = asked.first()?.lower;
    (!asked.iter().any(|spec| spec.lower == answered)).then_some((name(first), name(answered)))
}

fn name(lower: Lower) -> &'static str {
    match lower {
        Lower::Udp => "UDP",
        Lower::Tcp => "TCP",
        Lower::Other => "another transport",
    }
}

#[cfg(test)]
mod tests {
    use crate::testkit::Scene;

    const REFUSED: &str = "
        0.0 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 2 | Transport: RTP/AVP/TCP;interleaved=0-1
        0.1 < RTSP/1.0 461 Unsupported Transport | CSeq: 2";
    const ACCEPTED: &str = "
        0.2 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP;unicast;client_port=5000-5001
        0.3 < RTSP/1.0 200 OK | CSeq: 3 | Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001";

    #[test]
    fn fires_when_the_player_gave_up() {
        assert_eq!(Scene::behind_nat(REFUSED).troubles(), ["transport-refused"]);
    }

    #[test]
    fn fires_when_the_answer_names_another_transport() {
        let talk = ACCEPTED.replace("SETUP rtsp://h/a RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP;unicast;client_port=5000-5001", "SETUP rtsp://h/a RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP/TCP;interleaved=0-1");
        assert_eq!(Scene::behind_nat(&talk).troubles(), ["transport-refused"]);
    }

    #[test]
    fn is_silent_when_the_player_then_succeeded() {
        assert_eq!(
            Scene::behind_nat(&format!("{REFUSED}{ACCEPTED}")).troubles(),
            Vec::<&str>::new()
        );
    }
}
