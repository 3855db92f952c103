//! `alg-corrupted-message`: a message left the router broken.

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{AlgEffect, DiffClass, FieldDiff, Leg, Side};
use crate::reading::without_userinfo;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The router changed a message so that its receiver can no longer read it as it was meant: a line end eaten, a \
        Content-Length that does not fit the body, a body cut short, a header gone, text garbled. Servers often do not answer \
        such a request at all, and the player waits until it gives up.",
    proof: "The same message at both taps: whole on the sender's side, broken on the receiver's.",
    not_this: "A changed port or address that can still be read is alg-rewrote-message. A sender's own odd spelling is the same on \
        both sides. What a gap in the capture cut off is not compared.",
    remedies: &[advice::DISABLE_ALG, KEEP_FROM_ALG, advice::USE_TCP],
};

/// Fires once for a session with any damaged message.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let rewrites = view
        .session
        .nat
        .as_ref()
        .map_or(&[][..], |nat| &nat.rewrites);
    let damaged: Vec<&FieldDiff> = rewrites
        .iter()
        .filter(|diff| diff.class == DiffClass::Corruption)
        .collect();
    let Some(first) = damaged.first() else {
        return unadjusted(view)
            .or_else(|| unreadable(view))
            .into_iter()
            .collect();
    };
    let message = if first.in_response {
        format!("the answer to {}", first.method)
    } else {
        first.method.clone()
    };
    let finding = Finding::new(
        Code::AlgCorruptedMessage,
        Severity::Error,
        view.subject(),
        format!("the router broke {message}: {}", first.field),
    );
    let finding = finding.cause(format!(
        "{} was {} inside and {} outside{}",
        first.field,
        value(first.pre.as_deref()),
        value(first.post.as_deref()),
        in_spite(view)
    ));
    let finding = damaged.iter().fold(finding, |finding, diff| {
        finding
            .proof(
                diff.pre_at,
                format!("inside, {}: {}", diff.field, value(diff.pre.as_deref())),
            )
            .proof(
                diff.post_at,
                format!("outside, {}: {}", diff.field, value(diff.post.as_deref())),
            )
    });
    vec![finding.remedies(remedies(view))]
}

/// What to do about an ALG that broke a message; where it brought the media in all the same, it must not be switched off
/// before the player does without UDP.
fn remedies(view: &View<'_>) -> impl Iterator<Item = &'static str> {
    let helped = view.session.alg.effect == AlgEffect::Helped;
    let first = if helped {
        [advice::USE_TCP, advice::MEND_ALG]
    } else {
        [advice::DISABLE_ALG, KEEP_FROM_ALG]
    };
    let last = (!helped).then_some(advice::USE_TCP);
    first.into_iter().chain(last)
}

const KEEP_FROM_ALG: &str = "Or keep the message out of the ALG's reach: another RTSP port than 554, TLS (rtsps://), or a VPN";

/// The text is as meant, but the sequence numbers no longer fit it.
fn unadjusted(view: &View<'_>) -> Option<Finding> {
    let found = view.facts.unadjusted()?;
    let method = &found.exchange.method;
    let (bytes, how) = (
        found.grown.unsigned_abs(),
        if found.grown > 0 { "longer" } else { "shorter" },
    );
    let finding = Finding::new(
        Code::AlgCorruptedMessage,
        Severity::Error,
        view.subject(),
        format!("the router made {method} {bytes} bytes {how} and did not adjust the sequence numbers behind it"),
    )
    .cause(format!(
        "from there on client and server count differently by {bytes} bytes, and neither takes what the other sends"
    ))
    .proof_if(
        found.exchange.request.as_ref().map(|request| request.at),
        format!("{method} as the client sent it"),
    )
    .proof(found.at, format!("the numbers speak of {bytes} bytes that nobody sent"));
    Some(finding.remedies(EXPLANATION.remedies.iter().copied()))
}

/// What left the router is no message any more, though a message entered it.
fn unreadable(view: &View<'_>) -> Option<Finding> {
    let sides = view.facts.sides().filter(|sides| !sides.nat.proxied)?;
    let legs = [sides.client, sides.server];
    if legs.iter().any(|leg| leg.missing_bytes > 0) || view.facts.media().any(MediaFacts::in_band) {
        return None;
    }
    let junk = |leg: &Leg, from: Side| leg.desync.filter(|desync| desync.from == from);
    let ways = [
        (Side::Client, sides.client, sides.server),
        (Side::Server, sides.server, sides.client),
    ];
    let (receiver, desync) = ways.into_iter().find_map(|(from, sender, receiver)| {
        let junk = junk(receiver, from).filter(|_| junk(sender, from).is_none());
        Some((receiver, junk?))
    })?;
    let sender = match desync.from {
        Side::Client => "client",
        Side::Server => "server",
    };
    let finding = Finding::new(
        Code::AlgCorruptedMessage,
        Severity::Error,
        view.subject(),
        format!("the router made something of a message of the {sender} that is none any more"),
    )
    .cause(format!(
        "{} bytes at {} are no message; on the {sender}'s side of the router every byte belongs to one{}",
        desync.bytes,
        view.place(receiver),
        in_spite(view)
    ))
    .proof(desync.first, "the segment with bytes that are no message");
    Some(finding.remedies(EXPLANATION.remedies.iter().copied()))
}

/// The end of a cause: a peer that reads what others would not.
fn in_spite(view: &View<'_>) -> &'static str {
    match view.session.alg.effect {
        AlgEffect::Harmless | AlgEffect::Helped => "; the session did well in spite of it",
        AlgEffect::Damaged | AlgEffect::Missing | AlgEffect::Unknown => "",
    }
}

fn value(value: Option<&str>) -> String {
    value.map_or_else(
        || "not there".to_owned(),
        |value| format!("\"{}\"", without_userinfo(value)),
    )
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::TapId;

    use crate::finding::Severity;
    use crate::model::{Desync, Side};
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at};

    #[test]
    fn fires_when_what_leaves_the_router_is_no_message() {
        let codes = |tap: TapId| {
            let talk = "
        0.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 1
        0.1 < RTSP/1.0 200 OK | CSeq: 1";
            let mut scene = Scene::behind_nat(talk);
            let leg = scene.legs.iter_mut().find(|leg| leg.tap == tap);
            leg.expect("a leg").desync = Some(Desync {
                from: Side::Client,
                bytes: 90,
                first: at(tap, 0.2, 9),
            });
            scene.codes()
        };
        assert_eq!(codes(WAN), ["alg-corrupted-message"]);
        assert_eq!(codes(LAN), Vec::<&str>::new(), "the client itself wrote it");
    }

    #[test]
    fn fires_when_the_numbers_lack_just_what_the_text_gained() {
        let talk = "
        0.0 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP;client_port=5000-5001";
        let codes = |missing| {
            let mut scene = Scene::heard(talk, &talk.replace("5000-5001", "10000-10001"));
            scene.legs[0].missing_bytes = missing;
            scene.legs[0].first_gap = Some(at(LAN, 0.2, 9));
            scene.codes()
        };
        assert_eq!(codes(2), ["alg-corrupted-message", "alg-rewrote-message"]);
        assert_eq!(codes(3), ["alg-rewrote-message", "capture-incomplete"]);
    }

    const TALK: &str = "
        0.0 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP;client_port=5000-5001;destination=192.168.1.100
        9.0 > SETUP rtsp://h/a RTSP/1.0 | CSeq: 3 | Transport: RTP/AVP;client_port=5000-5001;destination=192.168.1.100";

    #[test]
    fn fires_when_a_line_end_was_eaten() {
        let wan = TALK.replace("192.168.1.100", "203.0.113.1\\n");
        assert_eq!(
            Scene::heard(TALK, &wan).troubles(),
            [
                "alg-corrupted-message",
                "request-unanswered",
                "alg-rewrote-message"
            ]
        );
    }

    #[test]
    fn is_silent_when_only_an_address_was_replaced() {
        let wan = TALK.replace("192.168.1.100", "203.0.113.1");
        assert_eq!(
            Scene::heard(TALK, &wan).troubles(),
            ["request-unanswered", "alg-rewrote-message"]
        );
    }

    #[test]
    fn is_an_error_also_where_the_server_took_the_broken_message() {
        let talk = UDP_TALK.replacen(
            "client_port=5000-5001",
            "client_port=5000-5001;destination=192.168.1.100",
            1,
        );
        let wan = talk.replace("192.168.1.100", "203.0.113.1\\n");
        let snapshot = Scene::heard(&talk, &wan)
            .punch(0.035, 5000)
            .rtp(9, 9)
            .checked();
        let finding = &snapshot.findings[0];
        assert_eq!(
            (finding.code.name(), finding.severity),
            ("alg-corrupted-message", Severity::Error)
        );
        assert!(
            finding
                .cause
                .ends_with("; the session did well in spite of it")
        );
    }
}
