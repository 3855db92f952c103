//! `connection-refused`: the RTSP port refused the connection, or never answered.

use rtspscope_wire::Span;

use super::{View, advice};
use crate::facts::Sides;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Leg, Side};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The client tried to open the RTSP connection, and the other end refused it or was silent. Nothing of RTSP was said, so neither \
        ALG nor transport matter yet. A camera inside that a host inside asks at the router's public address may answer past the router, \
        and the client does not know that answer for its own.",
    proof: "A SYN that was answered by RST, or by nothing that came to the client for three seconds or more.",
    not_this: "A connection that was opened and then closed is not this. A capture that began after the handshake shows none either, and \
        nothing is concluded.",
    remedies: &[
        "Check address and port: 554 is usual, many cameras use 8554 or one of their own",
        "Check that RTSP is switched on in the camera, and that its firewall and the router let TCP to that port through",
        "For a camera behind a router: check the port forward, and ask the camera from its own network",
        OWN_NETWORK,
    ],
};

/// What [`advice::ASK_INSIDE`] says where the captures do not show that it is so.
const OWN_NETWORK: &str = "For a camera of your own network that you ask at the router's public address: ask it at its own address";

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
    let Some((leg, farther)) = view.session.legs.split_first() else {
        return Vec::new();
    };
    let is_silent = |leg: &Leg| leg.exchanges.is_empty() && leg.missing_bytes == 0;
    if !never_up(leg) || !farther.iter().all(is_silent) {
        return Vec::new();
    }
    let refused = leg
        .closed
        .filter(|close| close.by == Side::Server && close.reset);
    if refused.is_none() && leg.last.at - leg.first.at < PATIENCE {
        return Vec::new();
    }
    let around = view
        .facts
        .sides()
        .filter(|sides| sides.turns_around() && !sides.nat.client_translated);
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
        "the client at {} asked for a connection, and {} {told}{}",
        leg.client,
        leg.server,
        passed_on(around, farther)
    ))
    .proof(leg.first, "the client asks for a connection (SYN)");
    let finding = match refused {
        Some(close) => finding.proof(close.at, "it is refused (RST)"),
        None => finding.proof(leg.last, "last packet; no answer up to here"),
    };
    let finding = farther.iter().fold(finding, |finding, leg| {
        finding.proof(leg.first, "the same SYN on the other side of the router")
    });
    let around = around.map(|_| [advice::ASK_INSIDE, advice::TURN_AROUND]);
    let general = EXPLANATION.remedies.iter().copied();
    let general = general.filter(|remedy| around.is_none() || *remedy != OWN_NETWORK);
    vec![finding.remedies(around.into_iter().flatten().chain(general))]
}

/// What the other side of the router shows of an answer that the client never got.
fn passed_on(around: Option<Sides<'_>>, farther: &[Leg]) -> String {
    if let Some(Sides { server, .. }) = around {
        let (camera, client) = (server.server, server.client.ip());
        return format!(
            "; the router sent the request on to {camera} with the client's own address, out of the interface by which it had \
             come, so what {} answers goes to {client} directly, which expects no answer from there",
            camera.ip()
        );
    }
    let answered = farther.iter().find(|leg| leg.server_isn.is_some());
    answered.map_or_else(String::new, |leg| {
        format!(
            "; {} did answer {} on its side of the router, and that never came to the client",
            leg.server, leg.client
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::finding::Code;
    use crate::model::{Close, Side};
    use crate::testkit::{LAN, Scene, at, leg};

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

    fn cause(scene: Scene) -> String {
        let findings = scene.checked().findings;
        let own = findings
            .iter()
            .find(|finding| finding.code == Code::ConnectionRefused);
        own.map_or_else(String::new, |finding| finding.cause.clone())
    }

    #[test]
    fn an_answer_that_did_not_come_through_the_router_is_told() {
        let mut scene = silent(7.0, None);
        scene.legs[1].server_isn = Some(2000);
        assert_eq!(
            cause(scene),
            "the client at 192.168.1.100:40000 asked for a connection, and 203.0.113.10:554 never answered; 203.0.113.10:554 did \
             answer 203.0.113.1:40000 on its side of the router, and that never came to the client"
        );
    }

    /// A client and a camera inside; the router sends the client's SYN on to the camera with this source address.
    fn turned_around(source: &str) -> Scene {
        let mut legs = vec![
            leg(LAN, "192.168.1.101:40000", "203.0.113.1:554", ""),
            leg(LAN, source, "192.168.1.100:554", ""),
        ];
        for leg in &mut legs {
            (leg.server_isn, leg.closed, leg.last) = (None, None, at(LAN, 7.0, 9));
        }
        Scene::of(legs)
    }

    #[test]
    fn a_camera_inside_that_answers_past_the_router_is_told_so() {
        assert_eq!(
            cause(turned_around("192.168.1.101:40000")),
            "the client at 192.168.1.101:40000 asked for a connection, and 203.0.113.1:554 never answered; the router sent the \
             request on to 192.168.1.100:554 with the client's own address, out of the interface by which it had come, so what \
             192.168.1.100 answers goes to 192.168.1.101 directly, which expects no answer from there"
        );
    }

    #[test]
    fn a_camera_inside_that_knows_the_router_only_is_merely_silent() {
        assert_eq!(
            cause(turned_around("192.168.1.1:40000")),
            "the client at 192.168.1.101:40000 asked for a connection, and 203.0.113.1:554 never answered"
        );
    }
}
