//! `authentication-failed`: the server refuses the credentials.

use super::View;
use crate::facts::server_side_exchanges;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::Exchange;
use crate::reading;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The client sent user name and password, the server answered 401 again, and it never let the client in.",
    proof: "A request with an Authorization field, its answer 401, and no later request of that method that succeeded.",
    not_this: "The first 401 of every session that needs a password is normal: it carries the challenge. A stale nonce gives one more 401 and \
        then success.",
    remedies: &[
        "Check user name and password; some cameras have an account of their own for RTSP or ONVIF",
        "Characters such as @ : / # in a password must be written as %40 %3A %2F %23 in the URL",
        "Check whether the camera wants Digest where the player sends Basic, or has locked the account after too many attempts",
        "Where the router changes the request's URI (alg-rewrote-message): a digest covers that URI, so switch the ALG off",
    ],
};

/// Fires once for a session that was never let in.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let exchanges = server_side_exchanges(view.session);
    let refused = exchanges
        .iter()
        .rfind(|exchange| exchange.status() == Some(401) && credentials(exchange).is_some());
    let Some(refused) = refused else {
        return Vec::new();
    };
    if exchanges
        .iter()
        .any(|exchange| exchange.method == refused.method && exchange.succeeded())
    {
        return Vec::new();
    }
    finding(view, refused).into_iter().collect()
}

/// The scheme of the credentials that a request carries.
fn credentials(exchange: &Exchange) -> Option<String> {
    let fields = reading::fields(exchange.request.as_ref()?);
    let value = fields.header("Authorization")?.value.text();
    value.split_whitespace().next().map(str::to_owned)
}

fn finding(view: &View<'_>, refused: &Exchange) -> Option<Finding> {
    let (request, response) = (refused.request.as_ref()?, refused.response.as_ref()?);
    let scheme = credentials(refused)?;
    let uri_changed = view
        .session
        .nat
        .iter()
        .flat_map(|nat| &nat.rewrites)
        .any(|diff| diff.field == "request.uri");
    let why = if uri_changed {
        ", and the router changed the URI that a digest covers"
    } else {
        ""
    };
    let finding = Finding::new(
        Code::AuthenticationFailed,
        Severity::Error,
        view.subject(),
        "the server refuses the credentials",
    )
    .cause(format!(
        "{} with {scheme} credentials was answered with 401{why}",
        refused.method
    ))
    .proof(
        request.at,
        format!("{} with {scheme} credentials", refused.method),
    )
    .proof(response.at, "401 again");
    Some(finding.remedies(EXPLANATION.remedies.iter().copied()))
}

#[cfg(test)]
mod tests {
    use crate::testkit::{Scene, UDP_TALK};

    const REFUSED: &str = "
        0.0 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 0 | Authorization: Digest username=\"u\"
        0.0 < RTSP/1.0 401 Unauthorized | CSeq: 0";

    #[test]
    fn fires_when_credentials_were_refused_for_good() {
        assert_eq!(
            Scene::behind_nat(REFUSED).troubles(),
            ["authentication-failed"]
        );
    }

    #[test]
    fn is_silent_when_a_stale_nonce_was_renewed() {
        let talk = format!("{REFUSED}{UDP_TALK}");
        assert_eq!(
            Scene::behind_nat(&talk)
                .punch(0.035, 5000)
                .rtp(9, 9)
                .troubles(),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn is_silent_for_the_challenge_itself() {
        let talk = REFUSED.replace(" | Authorization: Digest username=\"u\"", "");
        assert!(
            !Scene::behind_nat(&talk)
                .troubles()
                .contains(&"authentication-failed")
        );
    }
}
