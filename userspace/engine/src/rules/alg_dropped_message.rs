//! `alg-dropped-message`: a message entered the router and never left it.

use rtspscope_wire::Span;

use super::{View, advice};
use crate::facts::Sides;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Exchange, Leg, Message, Side};
use crate::nat::align::{AlignedPair, align};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "A request or an answer reached the router, and nothing of it came out on the other side, although the connection stayed up. \
        Usually an ALG swallows what it cannot read; the sender repeats it in vain until one side gives up.",
    proof: "The message at the tap on its sender's side, not at the other tap, which went on recording this connection for a second or \
        more without a gap.",
    not_this: "A message of nearly a full packet's size may have met an MTU that is too small, and is not counted. Where the other tap \
        stopped or has gaps, nothing is concluded.",
    remedies: &[
        "Switch off the router's RTSP ALG and compare",
        "Or keep the conversation out of its reach: another RTSP port than 554, TLS (rtsps://), or a VPN",
        advice::USE_TCP,
    ],
};

/// A message longer than this may fill a packet of a path with a small MTU (1280 bytes is the least that IPv6 allows).
const SURELY_SMALL: usize = 1200;

/// How long the other tap must have gone on without seeing the message.
const PATIENCE: Span = Span::from_secs(1);

/// Fires once for a session, for the first message that was swallowed.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let Some(sides) = view.facts.sides() else {
        return Vec::new();
    };
    if [sides.client, sides.server]
        .iter()
        .any(|leg| leg.missing_bytes > 0 || leg.dropped_messages > 0)
    {
        return Vec::new();
    }
    let swallowed = align(sides.client, sides.server)
        .into_iter()
        .find_map(|pair| swallowed(&sides, pair));
    swallowed
        .map(|lost| finding(view, &lost))
        .into_iter()
        .collect()
}

struct Swallowed<'a> {
    method: &'a str,
    message: &'a Message,
    other: &'a Leg,
}

fn swallowed<'a>(sides: &Sides<'a>, pair: AlignedPair) -> Option<Swallowed<'a>> {
    let client = pair.a.and_then(|index| sides.client.exchanges.get(index));
    let server = pair.b.and_then(|index| sides.server.exchanges.get(index));
    let (sender, sender_leg, other, other_leg) = match (client, server) {
        // A request that only its sender's side has.
        (Some(exchange), None) if exchange.by == Side::Client => {
            (exchange, sides.client, None, sides.server)
        }
        (None, Some(exchange)) if exchange.by == Side::Server => {
            (exchange, sides.server, None, sides.client)
        }
        // An answer that only its sender's side has.
        (Some(asked), Some(answered)) if asked.by == Side::Client => {
            (answered, sides.server, Some(asked), sides.client)
        }
        (Some(answered), Some(asked)) => (answered, sides.client, Some(asked), sides.server),
        _ => return None,
    };
    let message = match other {
        None => sender.request.as_deref()?,
        Some(asked) if asked.response.is_none() && asked.request.is_some() => {
            sender.response.as_deref()?
        }
        Some(_) => return None,
    };
    let went_on = seen_after(sides, other_leg) - (message.at.at - seen_first(sides, sender_leg));
    (message.raw.len() <= SURELY_SMALL && went_on >= PATIENCE).then_some(Swallowed {
        method: &sender.method,
        message,
        other: other_leg,
    })
}

/// The first moment of a leg that the other leg has as well: its first message, else its first packet.
fn seen_first(sides: &Sides<'_>, leg: &Leg) -> rtspscope_wire::Timestamp {
    let both_began = [sides.client, sides.server]
        .iter()
        .all(|leg| leg.client_isn.is_some());
    let request = |exchange: &Exchange| exchange.request.as_ref().map(|request| request.at.at);
    let first = leg.exchanges.first().and_then(request);
    if both_began {
        leg.first.at
    } else {
        first.unwrap_or(leg.first.at)
    }
}

fn seen_after(sides: &Sides<'_>, leg: &Leg) -> Span {
    leg.last.at - seen_first(sides, leg)
}

fn finding(view: &View<'_>, lost: &Swallowed<'_>) -> Finding {
    let what = match lost.message.status {
        Some(status) => format!("the answer {status} to {}", lost.method),
        None => lost.method.to_owned(),
    };
    let (from, to) = (
        view.tap_name(lost.message.at.tap),
        view.tap_name(lost.other.tap),
    );
    Finding::new(
        Code::AlgDroppedMessage,
        Severity::Error,
        view.subject(),
        format!("{what} entered the router and never left it"),
    )
    .cause(format!(
        "{what} was seen at {from} and never at {to}, where the connection went on"
    ))
    .proof(lost.message.at, format!("{what} on its sender's side"))
    .proof(
        lost.other.last,
        "last packet of the connection on the other side; the message did not come by",
    )
    .remedies(EXPLANATION.remedies.iter().copied())
}

#[cfg(test)]
mod tests {
    use crate::testkit::Scene;

    const OPTIONS: &str = "
        0.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 1
        0.1 < RTSP/1.0 200 OK | CSeq: 1";
    const SETUP: &str = "
        0.2 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 2 | Transport: RTP/AVP;client_port=5000-5001";
    const ANSWER: &str = "
        0.3 < RTSP/1.0 200 OK | CSeq: 2 | Transport: RTP/AVP;client_port=5000-5001;server_port=6000-6001";

    fn last_for(secs: i64, lan: &str, wan: &str) -> Scene {
        let mut scene = Scene::heard(lan, wan);
        for leg in &mut scene.legs {
            leg.last.at = leg.first.at + rtspscope_wire::Span::from_secs(secs);
            leg.closed = leg.closed.map(|close| crate::model::Close {
                at: leg.last,
                ..close
            });
        }
        scene
    }

    #[test]
    fn fires_for_a_request_that_only_the_client_side_has() {
        let scene = last_for(9, &format!("{OPTIONS}{SETUP}"), OPTIONS);
        assert_eq!(scene.troubles(), ["alg-dropped-message"]);
    }

    #[test]
    fn fires_for_an_answer_that_only_the_server_side_has() {
        let lan = format!("{OPTIONS}{SETUP}");
        let snapshot = last_for(9, &lan, &format!("{lan}{ANSWER}")).checked();
        assert_eq!(
            snapshot.findings[0].summary,
            "the answer 200 to SETUP entered the router and never left it"
        );
    }

    #[test]
    fn is_silent_when_the_other_tap_stopped_at_once() {
        let mut scene = last_for(9, &format!("{OPTIONS}{SETUP}"), OPTIONS);
        scene.legs[1].last.at = rtspscope_wire::Timestamp(300_000_000);
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_for_a_message_that_fills_a_packet() {
        let long = format!("{OPTIONS}{} | X: {}", SETUP, "x".repeat(1300));
        assert_eq!(last_for(9, &long, OPTIONS).troubles(), Vec::<&str>::new());
    }
}
