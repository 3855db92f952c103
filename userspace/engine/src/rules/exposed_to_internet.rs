//! `exposed-to-internet`: a camera answers the whole internet, or its password crosses it in clear.

use super::View;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Exchange, Leg, Side};
use crate::nat::address::{Privacy, privacy};
use crate::reading;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "A port forward lets anyone on the internet talk to the camera, and cameras are scanned for all day long. With Basic authentication the \
        password travels readable besides (RFC 7617 §4).",
    proof: "An answer of a camera inside to a client with a public address; or a request with Basic credentials at a tap where the camera has a \
        public address, on a connection without TLS.",
    not_this: "A camera that only hosts of its own network reach. Digest credentials do not show the password.",
    remedies: &[NO_FORWARD, KNOWN_ONLY, NOT_IN_CLEAR],
};

const NO_FORWARD: &str =
    "Take the port forward away and reach the camera through a VPN (WireGuard, Tailscale)";
const KNOWN_ONLY: &str = "Else let the router pass only known addresses to that port, and use rtsps:// with Digest authentication and a password of its own";
const NOT_IN_CLEAR: &str = "Where the password crosses in clear: let camera and player use Digest authentication or rtsps://, or reach the camera through a VPN, and \
    give it a password of its own";

/// Fires once for a session.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let found = forwarded(view).or_else(|| password_in_clear(view));
    found.into_iter().collect()
}

/// A camera behind a port forward answers a public address.
fn forwarded(view: &View<'_>) -> Option<Finding> {
    let sides = view.facts.sides()?;
    let (inside, outside) = (sides.server, sides.client);
    let is_forward = privacy(inside.server.ip()) > Privacy::Public
        && privacy(outside.server.ip()) == Privacy::Public
        && privacy(outside.client.ip()) == Privacy::Public;
    let answer = outside
        .exchanges
        .iter()
        .filter(|exchange| exchange.by == Side::Client)
        .find_map(|exchange| exchange.response.as_ref())
        .filter(|_| is_forward)?;
    let password = match basic(outside) {
        Some(_) => ", with the password in clear",
        None if outside
            .exchanges
            .iter()
            .any(|exchange| exchange.status() == Some(401)) =>
        {
            ""
        }
        None => ", without asking for a password",
    };
    Some(
        finding(
            view,
            format!(
                "the camera answers the internet at {}{password}",
                outside.server
            ),
            &[NO_FORWARD, KNOWN_ONLY],
        )
        .cause(format!(
            "{} forwards to the camera at {}, which answered {}",
            outside.server,
            inside.server,
            outside.client.ip()
        ))
        .proof(answer.at, "the camera's first answer to a public address")
        .proof_if(basic(outside), "Basic credentials"),
    )
}

fn password_in_clear(view: &View<'_>) -> Option<Finding> {
    let public = |leg: &&Leg| privacy(leg.server.ip()) == Privacy::Public && !leg.encrypted;
    let leg = view.session.legs.iter().rev().find(public)?;
    let at = basic(leg)?;
    Some(
        finding(
            view,
            "the camera's password crosses the internet in clear".to_owned(),
            &[NOT_IN_CLEAR],
        )
        .cause(format!(
            "a request to {} carries Basic credentials, which anyone on the way can read",
            leg.server
        ))
        .proof(at, "Basic credentials"),
    )
}

fn finding(view: &View<'_>, summary: String, remedies: &[&'static str]) -> Finding {
    Finding::new(
        Code::ExposedToInternet,
        Severity::Warning,
        view.subject(),
        summary,
    )
    .remedies(remedies.iter().copied())
}

/// The first request with Basic credentials.
fn basic(leg: &Leg) -> Option<Locator> {
    let is_basic = |exchange: &&Exchange| {
        exchange.request.as_ref().is_some_and(|request| {
            let message = reading::fields(request);
            let value = message
                .header("Authorization")
                .map(|field| field.value.text().into_owned());
            let scheme = value
                .as_deref()
                .and_then(|value| value.trim_start().get(..6));
            scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "))
        })
    };
    Some(leg.exchanges.iter().find(is_basic)?.request.as_ref()?.at)
}

#[cfg(test)]
mod tests {
    use crate::testkit::{LAN, Scene, UDP_TALK, leg};

    fn with_password(scheme: &str) -> String {
        UDP_TALK.replace(
            "CSeq: 2\n",
            &format!("CSeq: 2 | Authorization: {scheme} YTpi\n"),
        )
    }

    #[test]
    fn fires_for_a_camera_behind_a_port_forward() {
        let snapshot = Scene::camera_inside(UDP_TALK, UDP_TALK).rtp(9, 9).checked();
        let finding = &snapshot.findings[0];
        assert_eq!(finding.code.name(), "exposed-to-internet");
        assert_eq!(
            finding.summary,
            "the camera answers the internet at 203.0.113.1:554, without asking for a password"
        );
    }

    #[test]
    fn fires_for_a_password_on_the_way_to_a_public_address() {
        let codes = Scene::behind_nat(&with_password("Basic"))
            .punch(0.03, 5000)
            .rtp(9, 9)
            .codes();
        assert_eq!(codes, ["exposed-to-internet"]);
    }

    #[test]
    fn is_silent_for_digest() {
        let codes = Scene::behind_nat(&with_password("Digest"))
            .punch(0.03, 5000)
            .rtp(9, 9)
            .codes();
        assert_eq!(codes, Vec::<&str>::new());
    }

    #[test]
    fn is_silent_within_a_network() {
        let talk = with_password("Basic");
        let codes = Scene::of(vec![leg(LAN, "192.168.1.2:4000", "192.168.1.3:554", &talk)]).codes();
        assert!(!codes.contains(&"exposed-to-internet"));
    }
}
