//! `connection-refused`: the RTSP port refused the connection, or never answered.

use rtspscope_wire::{Span, TapRole};

use super::{View, advice};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Leg, Side, Tap};
use crate::nat::address;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The client tried to open the RTSP connection, and the other end refused it or was silent. Nothing of RTSP was said, so neither \
        ALG nor transport matter yet. A camera inside that a host inside asks at the router's public address may answer past the router, \
        and the client does not know that answer for its own.",
    proof: "A SYN that was answered by RST, by an ICMP error, or by nothing that came to the client for three seconds or more. Where the tap on \
        the other side recorded meanwhile and shows nothing of it, the router itself refused or dropped it.",
    not_this: "A connection that was opened and then closed is not this. A capture that began after the handshake shows none either, and \
        nothing is concluded.",
    remedies: &[
        "Check address and port: 554 is usual, many cameras use 8554 or one of their own",
        "Check that RTSP is switched on in the camera, and that its firewall and the router let TCP to that port through",
        FORWARD,
        OWN_NETWORK,
        OPEN_ROUTER,
    ],
};

const FORWARD: &str =
    "For a camera behind a router: check the port forward, and ask the camera from its own network";

/// For a router that lets the client's own request not out.
const OPEN_ROUTER: &str = "Where the router or a firewall refuses it: look for a rule of its firewall, a parental control or a list of allowed ports that forbids \
    the client to go to that port";

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
    let forbidden = leg.unreachable.filter(|_| refused.is_none());
    if refused.is_none() && forbidden.is_none() && leg.last.at - leg.first.at < PATIENCE {
        return Vec::new();
    }
    let around = farther.iter().find(|other| goes_around(leg, other));
    let nowhere = seen_nowhere_else(view);
    let is_told = refused.is_some() || forbidden.is_some();
    let told = if is_told {
        "refused the connection"
    } else {
        "never answered"
    };
    let by_router = forbidden.filter(|told| told.from != leg.server.ip());
    let summary = match (by_router, nowhere.as_ref()) {
        (Some(told), _) => format!("{} refuses the connection to {}", told.from, leg.server),
        (None, Some(nowhere)) if nowhere.is_sure && is_told => {
            format!("the router itself refuses the connection to {}", leg.server)
        }
        (None, Some(nowhere)) if nowhere.is_sure => {
            format!("the router lets no connection to {} out", leg.server)
        }
        _ => format!("{} {told}", leg.server),
    };
    let says = forbidden.map_or_else(String::new, |told| {
        format!("; {} answered that {} (ICMP)", told.from, told.why)
    });
    let told = if by_router.is_some() {
        "never answered"
    } else {
        told
    };
    let finding = Finding::new(
        Code::ConnectionRefused,
        Severity::Error,
        view.subject(),
        summary,
    )
    .cause(format!(
        "the client at {} asked for a connection, and {} {told}{says}{}{}",
        leg.client,
        leg.server,
        passed_on(around, farther),
        nowhere.as_ref().map_or("", |nowhere| nowhere.told.as_str())
    ))
    .proof(leg.first, "the client asks for a connection (SYN)");
    let finding = match (refused, forbidden) {
        (Some(close), _) => finding.proof(close.at, "it is refused (RST)"),
        (None, Some(told)) => finding.proof(told.at, format!("{} refuses it (ICMP)", told.from)),
        (None, None) => finding.proof(leg.last, "last packet; no answer up to here"),
    };
    let finding = farther.iter().fold(finding, |finding, other| {
        let is_answer = other.from_client.reached.is_none() || other.tap == leg.tap;
        match around.and(other.from_server.last).filter(|_| is_answer) {
            Some(last) => finding.proof(
                last,
                "the camera's own address answers, which the client had not asked",
            ),
            None => finding.proof(other.first, "the same SYN on the other side of the router"),
        }
    });
    let is_routers = by_router.is_some() || nowhere.is_some();
    let around_first = around.map(|_| [advice::ASK_INSIDE, advice::TURN_AROUND]);
    let router_first = is_routers.then_some(OPEN_ROUTER);
    let client_is_inside = address::is_private(leg.client.ip());
    let general = EXPLANATION.remedies.iter().copied().filter(|remedy| {
        let needless = [
            (*remedy == OWN_NETWORK, around.is_some() || is_routers),
            (*remedy == OPEN_ROUTER, true),
            (*remedy == FORWARD, is_routers && client_is_inside),
        ];
        !needless.contains(&(true, true))
    });
    let first = around_first.into_iter().flatten().chain(router_first);
    vec![finding.remedies(first.chain(general))]
}

/// What the other taps show of a connection that only one of them saw.
pub(super) struct Nowhere {
    /// As the end of a sentence.
    told: String,
    /// Whether they show other packets of that time, so that they were recording.
    is_sure: bool,
}

/// Whether a connection that never came up went no farther than the only tap that saw it; `None` where no other tap could show it.
pub(super) fn seen_nowhere_else(view: &View<'_>) -> Option<Nowhere> {
    let [leg] = &view.session.legs[..] else {
        return None;
    };
    let never_up = leg.client_isn.is_some() && leg.server_isn.is_none() && leg.exchanges.is_empty();
    let others = view
        .facts
        .capture
        .taps
        .iter()
        .filter(|tap| tap.id != leg.tap);
    let recorded = |tap: &&Tap| {
        let times = tap.first_at.zip(tap.watched_until);
        let after = leg.first.at + LAG;
        times.is_some_and(|(first, until)| first <= leg.first.at && until >= after)
            && !tap.was_blind(leg.first.at, after)
    };
    let mut others = others
        .filter(|tap| tap.frames == 0 || recorded(tap))
        .peekable();
    if !never_up || view.tap(leg.tap)?.role == TapRole::Wan {
        return None;
    }
    let tap = others.peek()?;
    let (name, is_sure) = (&tap.name, tap.frames > 0);
    let told = if is_sure {
        format!("; {name} recorded meanwhile and shows nothing of it: the router itself did that")
    } else {
        format!(
            "; {name} holds no frame at all: if it was recording, nothing of it left the router"
        )
    };
    Some(Nowhere { told, is_sure })
}

/// How long a packet may take from one side of a router to the other.
const LAG: Span = Span::from_millis(200);

/// Whether a router sends the client's request on into the client's own network with the client's own address, so that the
/// answer needs no router.
fn goes_around(near: &Leg, other: &Leg) -> bool {
    other.client == near.client
        && other.server.ip() != near.server.ip()
        && address::are_neighbours(other.client.ip(), other.server.ip())
}

/// What the other side of the router shows of an answer that the client never got.
fn passed_on(around: Option<&Leg>, farther: &[Leg]) -> String {
    if let Some(other) = around {
        let (camera, client) = (other.server, other.client.ip());
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
    use crate::model::{Close, Side, Unreachable};
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

    #[test]
    fn a_router_that_forbids_it_is_named() {
        let mut scene = silent(0.1, None);
        scene.legs[0].unreachable = Some(Unreachable {
            at: at(LAN, 0.05, 2),
            from: "192.168.1.1".parse().unwrap(),
            why: "a filter forbids it",
        });
        let finding = scene.checked().findings.remove(0);
        assert_eq!(
            finding.summary,
            "192.168.1.1 refuses the connection to 203.0.113.10:554"
        );
        assert!(
            finding
                .cause
                .ends_with("never answered; 192.168.1.1 answered that a filter forbids it (ICMP)"),
            "{}",
            finding.cause
        );
        assert_eq!(finding.evidence[1].at, at(LAN, 0.05, 2));
    }

    /// Only the client's side saw the SYN, from 1 s on; the other tap recorded from these seconds on.
    fn seen_inside(closed_by: Option<Side>, other_began: f64) -> Scene {
        let mut scene = silent(if closed_by.is_some() { 1.1 } else { 7.0 }, closed_by);
        scene.legs.pop();
        scene.legs[0].first = at(LAN, 1.0, 1);
        scene.first_at = [1.0, other_began];
        scene
    }

    #[test]
    fn a_connection_that_never_left_a_router_is_the_routers_to_answer_for() {
        let told = |scene: Scene| {
            let findings = scene.checked().findings;
            let codes: Vec<_> = findings.iter().map(|finding| finding.code.name()).collect();
            (findings[0].summary.clone(), codes)
        };
        let refused = vec!["connection-refused"];
        assert_eq!(
            told(seen_inside(Some(Side::Server), 0.0)),
            (
                "the router itself refuses the connection to 203.0.113.10:554".to_owned(),
                refused.clone()
            )
        );
        assert_eq!(
            told(seen_inside(None, 0.0)),
            (
                "the router lets no connection to 203.0.113.10:554 out".to_owned(),
                refused
            )
        );
        let (summary, codes) = told(seen_inside(None, 5.0));
        assert_eq!(summary, "203.0.113.10:554 never answered");
        assert_eq!(codes, ["connection-refused", "capture-incomplete"]);
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
