//! `connection-refused`: the RTSP port refused the connection, or never answered.

use rtspscope_wire::Span;

use super::View;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Leg, Side};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The client tried to open the RTSP connection, and the other end refused it or was silent. Nothing of RTSP was said, so neither \
        ALG nor transport matter yet.",
    proof: "A SYN that was answered by RST, or by nothing for three seconds or more.",
    not_this: "A connection that was opened and then closed is not this. A capture that began after the handshake shows none either, and \
        nothing is concluded.",
    remedies: &[
        "Check address and port: 554 is usual, many cameras use 8554 or one of their own",
        "Check that RTSP is switched on in the camera, and that its firewall and the router let TCP to that port through",
        "For a camera behind a router: check the port forward, and ask the camera from its own network",
    ],
};

/// Two retransmissions of a SYN (RFC 6298 §2: one second, then two).
const PATIENCE: Span = Span::from_secs(3);

/// Fires for a session whose connection never came up.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let never_up = |leg: &Leg| {
        leg.client_isn.is_some()
            && leg.server_isn.is_none()
            && leg.exchanges.is_empty()
            && leg.missing_bytes == 0
    };
    if view.session.legs.is_empty() || !view.session.legs.iter().all(never_up) {
        return Vec::new();
    }
    let Some(leg) = view.session.legs.first() else {
        return Vec::new();
    };
    let refused = leg
        .closed
        .filter(|close| close.by == Side::Server && close.reset);
    if refused.is_none() && leg.last.at - leg.first.at < PATIENCE {
        return Vec::new();
    }
    let told = if refused.is_some() {
        "refused the connection"
    } else {
        "never answered"
    };
    let finding = Finding::new(
        Code::ConnectionRefused,
        Severity::Error,
        view.subject(),
        format!("{} {told}", leg.server),
    )
    .cause(format!(
        "the client at {} asked for a connection, and {} {told}",
        leg.client, leg.server
    ))
    .proof(leg.first, "the client asks for a connection (SYN)");
    let finding = match refused {
        Some(close) => finding.proof(close.at, "it is refused (RST)"),
        None => finding.proof(leg.last, "last packet; no answer up to here"),
    };
    let others = view.session.legs.iter().skip(1);
    let finding = others.fold(finding, |finding, leg| {
        finding.proof(leg.first, "the same SYN on the other side of the router")
    });
    vec![finding.remedies(EXPLANATION.remedies.iter().copied())]
}

#[cfg(test)]
mod tests {
    use crate::model::{Close, Side};
    use crate::testkit::{LAN, Scene, at};

    fn silent(until: f64, closed_by: Option<Side>) -> Scene {
        let mut scene = Scene::behind_nat("");
        for leg in &mut scene.legs {
            leg.server_isn = None;
            leg.last = at(LAN, until, 9);
            leg.closed = closed_by.map(|by| Close {
                by,
                reset: true,
                at: leg.last,
            });
        }
        scene
    }

    #[test]
    fn fires_for_a_refused_and_for_an_unanswered_connection() {
        assert_eq!(
            silent(0.1, Some(Side::Server)).troubles(),
            ["connection-refused"]
        );
        assert_eq!(silent(7.0, None).troubles(), ["connection-refused"]);
    }

    #[test]
    fn is_silent_when_the_capture_ended_at_once_or_the_server_answered() {
        assert_eq!(silent(1.0, None).troubles(), Vec::<&str>::new());
        assert_eq!(Scene::behind_nat("").troubles(), Vec::<&str>::new());
    }
}
