//! `alg-rewrote-message`: fields of a message differ between the two sides of the router.

use super::{View, advice};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::fingerprint::fingerprint;
use crate::model::{AlgEffect, FieldDiff};
use crate::reading::without_userinfo;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Something in the router read the RTSP messages and changed them: usually its RTSP ALG, which replaces the client's ports \
        and addresses so that media finds its way through NAT. That is its purpose, and it may help, do nothing, or do harm.",
    proof: "The same message at both taps with a field that differs; both values and both frames are shown. Where a capture has not \
        all of a message: sequence numbers by which the client's text is longer or shorter outside than inside, over one connection.",
    not_this: "Translated addresses in the IP header are plain NAT, not a rewrite. Unchanged text does not prove that there is no ALG: \
        see alg-opened-pinhole.",
    remedies: &[
        "Where media arrives that plain NAT would have lost: leave the ALG on",
        advice::DISABLE_ALG,
        advice::USE_TCP,
    ],
};

/// How many differing fields are shown as evidence.
const SHOWN: usize = 8;

/// Fires once for a session with any difference; a warning unless the session does well with it.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let rewrites = view
        .session
        .nat
        .as_ref()
        .map_or(&[][..], |nat| &nat.rewrites);
    let well = matches!(
        view.session.alg.effect,
        AlgEffect::Harmless | AlgEffect::Helped
    );
    let severity = if well {
        Severity::Info
    } else {
        Severity::Warning
    };
    let Some(first) = rewrites.first() else {
        return lengthened(view, severity).into_iter().collect();
    };
    let finding = Finding::new(
        Code::AlgRewroteMessage,
        severity,
        view.subject(),
        format!("the router changed {}", told(first)),
    );
    let like = fingerprint(view.session).map_or_else(String::new, |found| format!("; it {found}"));
    let finding = finding.cause(cause(rewrites, view.session.alg.effect) + &like);
    let with_proof = rewrites.iter().take(SHOWN).fold(finding, |finding, diff| {
        finding
            .proof(
                diff.pre_at,
                format!("{}: {}", diff.field, value(diff.pre.as_deref())),
            )
            .proof(
                diff.post_at,
                format!("{}: {}", diff.field, value(diff.post.as_deref())),
            )
    });
    let with_proof = with_proof.proof_if(
        view.facts.adjusted().map(|(at, _)| at),
        told_by_netfilter(view),
    );
    vec![with_proof.remedies(remedies(view.session.alg.effect).iter().copied())]
}

/// A change of which the captures show only by how much the text grew.
fn lengthened(view: &View<'_>, severity: Severity) -> Option<Finding> {
    let sides = view.facts.sides()?;
    let nat = Some(sides.nat).filter(|nat| nat.lengthened())?;
    let grown = nat.sequence_delta?;
    let more = if grown > 0 { "longer" } else { "shorter" };
    let bytes = match grown.unsigned_abs() {
        1 => "1 byte".to_owned(),
        several => format!("{several} bytes"),
    };
    let finding = Finding::new(
        Code::AlgRewroteMessage,
        severity,
        view.subject(),
        format!("the router made what the client sends {bytes} {more}"),
    );
    let finding = finding.cause(format!(
        "the client's stream is {bytes} {more} outside the router than inside, and the message that was changed is not whole in \
         the captures; {}",
        what_came_of_it(view.session.alg.effect)
    ));
    let told = "what the client sends, by its sequence numbers";
    let legs = [nat.pre, nat.post].map(|index| view.session.legs.get(index));
    let finding = legs
        .into_iter()
        .flatten()
        .fold(finding, |finding, leg| finding.proof(leg.last, told));
    Some(finding.remedies(remedies(view.session.alg.effect).iter().copied()))
}

/// What the router's own table says of who changed the text.
fn told_by_netfilter(view: &View<'_>) -> String {
    let helper = view.facts.helper().unwrap_or("unnamed");
    let by = view.facts.adjusted().and_then(|(_, offsets)| offsets);
    let by = by.map_or_else(String::new, |[original, reply]| {
        format!(" by {original} bytes towards the server and {reply} towards the client")
    });
    format!("netfilter's own table: helper {helper}, sequence numbers adjusted{by}")
}

fn told(diff: &FieldDiff) -> String {
    let message = if diff.in_response {
        format!("the answer to {}", diff.method)
    } else {
        diff.method.clone()
    };
    format!(
        "{} of {message} from {} to {}",
        diff.field,
        value(diff.pre.as_deref()),
        value(diff.post.as_deref())
    )
}

fn value(value: Option<&str>) -> String {
    value.map_or_else(|| "nothing".to_owned(), without_userinfo)
}

fn what_came_of_it(effect: AlgEffect) -> &'static str {
    match effect {
        AlgEffect::Harmless => "the session works, and would without it",
        AlgEffect::Helped => "media arrives that plain NAT would not have let in",
        AlgEffect::Damaged => "it broke the session or part of it",
        AlgEffect::Missing => "media was lost all the same, because nothing opened the way in",
        AlgEffect::Unknown => "what that did to the session cannot be told",
    }
}

fn cause(rewrites: &[FieldDiff], effect: AlgEffect) -> String {
    let did = what_came_of_it(effect);
    let fields = if rewrites.len() == 1 {
        "1 field differs".to_owned()
    } else {
        format!("{} fields differ", rewrites.len())
    };
    format!(
        "{fields} between the inside and the outside of the router (shown as inside, then outside); {did}"
    )
}

fn remedies(effect: AlgEffect) -> &'static [&'static str] {
    match effect {
        AlgEffect::Harmless => &[advice::NOTHING],
        AlgEffect::Helped => &["Leave the router's ALG on: this session needs it over UDP"],
        AlgEffect::Damaged => &[advice::DISABLE_ALG, advice::USE_TCP],
        AlgEffect::Missing | AlgEffect::Unknown => &[
            advice::USE_TCP,
            "Compare with the router's RTSP ALG switched off",
        ],
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::Severity;
    use crate::testkit::{Scene, UDP_TALK};

    fn rewritten() -> Scene {
        let wan = UDP_TALK.replace(
            "unicast;client_port=5000-5001",
            "unicast;client_port=10000-10001",
        );
        Scene::heard(UDP_TALK, &wan)
    }

    #[test]
    fn is_information_when_the_session_does_well() {
        let snapshot = rewritten().rtp(82, 82).checked();
        let finding = &snapshot.findings[0];
        assert_eq!(
            (finding.code.name(), finding.severity),
            ("alg-rewrote-message", Severity::Info)
        );
        assert_eq!(
            finding.summary,
            "the router changed Transport.client_port of SETUP from 5000-5001 to 10000-10001"
        );
        assert_eq!(finding.evidence[0].note, "Transport.client_port: 5000-5001");
        assert_eq!(
            finding.evidence[1].note,
            "Transport.client_port: 10000-10001"
        );
    }

    #[test]
    fn is_a_warning_when_it_did_harm() {
        let snapshot = rewritten()
            .punch(0.035, 5000)
            .rtp(114, 114)
            .refuse(0.07, false)
            .checked();
        let finding = &snapshot.findings[0];
        assert_eq!(
            (finding.code.name(), finding.severity),
            ("alg-rewrote-message", Severity::Warning)
        );
        assert!(finding.remedy[0].starts_with("Switch off the router's RTSP ALG"));
    }

    #[test]
    fn is_silent_when_only_the_ip_header_was_translated() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK).rtp(82, 82).codes(),
            ["alg-opened-pinhole"]
        );
    }
}
