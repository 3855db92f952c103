//! `authentication-failed`: the server refuses the credentials.

use super::View;
use crate::facts::server_side_exchanges;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::Exchange;
use crate::reading;
use rtspscope_wire::rtsp::challenge::Challenge;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The client sent user name and password, the server answered 401 again, and it never let the client in.",
    proof: "A request with an Authorization field, its answer 401, and no later request of that method that succeeded.",
    not_this: "The first 401 of every session that needs a password is normal: it carries the challenge. A stale nonce gives one more 401 and \
        then success.",
    remedies: &[PASSWORD, ESCAPES, SCHEME, SIGNED_URI, ALGORITHM, QUALITY],
};

const PASSWORD: &str =
    "Check user name and password; some cameras have an account of their own for RTSP or ONVIF";
const ESCAPES: &str =
    "Characters such as @ : / # in a password must be written as %40 %3A %2F %23 in the URL";
const SCHEME: &str = "Check whether the camera wants Digest where the player sends Basic, or has locked the account after too many attempts";
const SIGNED_URI: &str = "Where the router changes the request's URI (alg-rewrote-message): a digest covers that URI, so switch the ALG off";
const ALGORITHM: &str = "Where the camera asks for a digest that the player does not make: set the camera's RTSP authentication to the one that \
    the player knows (mostly MD5, called digest or digest_md5 in its settings), or take a player that knows the other";
const QUALITY: &str = "Where the camera asks for qop and the player leaves it out: another player or a newer version of it (RFC 7616 wants it), or Basic \
    in the camera's settings";
const OTHER_SCHEME: &str = "Set the camera's RTSP authentication to the scheme that the player sends, or take a player that knows the camera's";

/// What to do where nothing shows that more than the password is wrong.
const USUAL: &[&str] = &[PASSWORD, ESCAPES, SCHEME, SIGNED_URI];

/// Fires once for a session that was never let in.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let exchanges = readable_exchanges(view);
    let Some(refused) = exchanges.iter().rfind(|exchange| is_refused(exchange)) else {
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

/// What was said next to the server, or next to the client where the capture lacks that part of it.
fn readable_exchanges<'a>(view: &View<'a>) -> &'a [Exchange] {
    let far = server_side_exchanges(view.session);
    let legs = &view.session.legs;
    let is_cut = legs
        .last()
        .is_some_and(|leg| leg.missing_bytes > 0 || leg.cut_short);
    match legs.first() {
        Some(near) if is_cut && !far.iter().any(is_refused) => &near.exchanges,
        Some(_) | None => far,
    }
}

/// Whether credentials were sent in vain.
fn is_refused(exchange: &Exchange) -> bool {
    exchange.status() == Some(401) && credentials(exchange).is_some()
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
    let (why, remedies) = if uri_changed {
        let why = ", and the router changed the URI that a digest covers";
        (why.to_owned(), USUAL)
    } else {
        misfit(refused).unwrap_or((String::new(), USUAL))
    };
    let asked = asked(refused);
    let again = if asked.is_empty() {
        "401 again".to_owned()
    } else {
        format!("401 again, asking for {asked}")
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
    .proof(response.at, again);
    Some(finding.remedies(remedies.iter().copied()))
}

/// What the server asks for: `Digest (SHA-256) or Basic`.
fn asked(refused: &Exchange) -> String {
    let mut asked: Vec<String> = Vec::new();
    let response = refused
        .response
        .as_ref()
        .map(|response| reading::fields(response));
    let challenges = response.map_or_else(Vec::new, |response| {
        reading::challenges(&response, "WWW-Authenticate")
    });
    for challenge in challenges {
        let scheme = challenge.scheme.text();
        let told = match challenge.algorithm() {
            Some(algorithm) => format!("{scheme} ({algorithm})"),
            None => scheme.into_owned(),
        };
        if !asked.contains(&told) {
            asked.push(told);
        }
    }
    asked.join(" or ")
}

/// Why the credentials cannot fit what the server asks for, or may not, where that is not the password; and what to do then.
fn misfit(refused: &Exchange) -> Option<(String, &'static [&'static str])> {
    let request = reading::fields(refused.request.as_ref()?);
    let given = reading::challenges(&request, "Authorization")
        .into_iter()
        .next()?;
    let response = reading::fields(refused.response.as_ref()?);
    let challenges = reading::challenges(&response, "WWW-Authenticate");
    let of_scheme = |challenge: &&Challenge<'_>| {
        let scheme = challenge.scheme.bytes;
        scheme.eq_ignore_ascii_case(given.scheme.bytes)
    };
    let fitting: Vec<&Challenge<'_>> = challenges.iter().filter(of_scheme).collect();
    if challenges.is_empty() {
        return None;
    }
    if fitting.is_empty() {
        let why = format!(", which asks for {} instead", asked(refused));
        return Some((why, &[OTHER_SCHEME]));
    }
    if fitting.iter().any(|challenge| challenge.is_stale()) {
        let why = ", which says that the nonce was too old and not the password wrong";
        return Some((why.to_owned(), USUAL));
    }
    let made_with = given.algorithm()?;
    let offers = |challenge: &&&Challenge<'_>| challenge.algorithm().as_ref() == Some(&made_with);
    let alike: Vec<_> = fitting.iter().filter(offers).collect();
    if alike.is_empty() {
        let why = format!(
            ", which asks for {}; the digest is made with {made_with}",
            asked(refused)
        );
        return Some((why, &[ALGORITHM]));
    }
    let wants_quality = alike
        .iter()
        .all(|challenge| challenge.param("qop").is_some());
    (wants_quality && given.param("qop").is_none()).then(|| {
        let why = ", which asks for qop (quality of protection); the digest is made without it";
        (why.to_owned(), &[PASSWORD, ESCAPES, QUALITY][..])
    })
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

    fn cause(request: &str, response: &str) -> (String, String) {
        let talk = format!(
            "
        0.0 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 0 | Authorization: {request}
        0.0 < RTSP/1.0 401 Unauthorized | CSeq: 0{response}"
        );
        let snapshot = Scene::behind_nat(&talk).checked();
        let finding = snapshot
            .findings
            .iter()
            .find(|finding| finding.code.name() == "authentication-failed")
            .expect("the credentials were refused");
        let last = finding.evidence.last().expect("a finding has evidence");
        (finding.cause.clone(), last.note.clone())
    }

    #[test]
    fn tells_what_the_server_asks_for_where_the_credentials_cannot_fit_it() {
        let both = " | WWW-Authenticate: Digest realm=\"a\", nonce=\"n\", algorithm=SHA-256, Basic realm=\"a\"";
        assert_eq!(
            cause("Digest username=\"u\", nonce=\"n\"", both),
            (
                "DESCRIBE with Digest credentials was answered with 401, which asks for Digest (SHA-256) or Basic; \
                 the digest is made with MD5"
                    .to_owned(),
                "401 again, asking for Digest (SHA-256) or Basic".to_owned()
            )
        );
        let separate = " | WWW-Authenticate: Digest realm=a | WWW-Authenticate: Digest realm=a,algorithm=SHA-256";
        assert_eq!(
            cause("Basic dTpw", separate).0,
            "DESCRIBE with Basic credentials was answered with 401, which asks for Digest (MD5) or Digest (SHA-256) instead"
        );
        assert_eq!(
            cause(
                "Digest username=u",
                " | WWW-Authenticate: Digest realm=a, stale=TRUE"
            )
            .0,
            "DESCRIBE with Digest credentials was answered with 401, which says that the nonce was too old and not the \
             password wrong"
        );
        assert_eq!(
            cause("Digest username=u", " | WWW-Authenticate: Digest realm=a"),
            (
                "DESCRIBE with Digest credentials was answered with 401".to_owned(),
                "401 again, asking for Digest (MD5)".to_owned()
            )
        );
    }

    #[test]
    fn advises_what_helps_where_the_digest_is_of_the_wrong_kind() {
        let told = |request: &str, challenge: &str| {
            let talk = format!(
                "
        0.0 > DESCRIBE rtsp://h/a RTSP/1.0 | CSeq: 0 | Authorization: {request}
        0.0 < RTSP/1.0 401 Unauthorized | CSeq: 0 | WWW-Authenticate: {challenge}"
            );
            let findings = Scene::behind_nat(&talk).checked().findings;
            (findings[0].cause.clone(), findings[0].remedy.clone())
        };
        let (_, other_algorithm) = told(
            "Digest username=u, nonce=n",
            "Digest realm=a, nonce=n, algorithm=SHA-256",
        );
        assert_eq!(other_algorithm, [super::ALGORITHM]);
        let wants_quality = "Digest realm=a, nonce=n, qop=auth";
        let (cause, without_quality) = told("Digest username=u, nonce=n", wants_quality);
        assert_eq!(
            cause,
            "DESCRIBE with Digest credentials was answered with 401, which asks for qop (quality of protection); the digest is \
             made without it"
        );
        assert_eq!(
            without_quality,
            [super::PASSWORD, super::ESCAPES, super::QUALITY]
        );
        let (_, with_quality) = told("Digest username=u, nonce=n, qop=auth", wants_quality);
        assert_eq!(with_quality, super::USUAL);
        let (_, other_scheme) = told("Basic dTpw", wants_quality);
        assert_eq!(other_scheme, [super::OTHER_SCHEME]);
    }
}
