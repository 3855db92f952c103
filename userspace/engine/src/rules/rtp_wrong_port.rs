//! `rtp-wrong-port`: media goes to or from a port other than the negotiated one, by the server or by the router.

use super::{View, advice};
use crate::facts::{MediaFacts, Misdelivered};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::AlgEffect;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The server sends media to a port that the client did not name, or from a port that it did not announce. The client does not \
        listen there, or its packets open the wrong way through the NAT. Or the server sends where it should, and the router hands the \
        media to another port or another host inside.",
    proof: "RTP next to the server, before any router, whose ports differ from those of SETUP and its answer on the same side. Of the router: \
        RTP that goes right there and comes out next to the client at a host or port that no SETUP and no answer names and from which the \
        client sent nothing. With one side only: RTP to a port that no message names and from which the client sent nothing, or from another port within one network.",
    not_this: "A server that sends back to where the client's own packet came from does right behind a NAT. A port that the router changed, \
        or may have changed where one side was seen and another network is behind it, is nat-source-port-changed. With one side only and \
        without the beginning of the session nothing is concluded.",
    remedies: &[advice::USE_TCP, NEWER_FIRMWARE, CHECK_FORWARDS],
};

/// Fires for a UDP medium whose ports next to the server are not the negotiated ones.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    view.facts
        .media()
        .filter(|media| media.is_udp())
        .filter_map(|media| {
            finding(view, media).or_else(|| Some(by_router(view, media, media.misdelivered()?)))
        })
        .collect()
}

/// Media that the server sent where it should, and that the router handed to somebody else.
fn by_router(view: &View<'_>, media: MediaFacts<'_>, lost: Misdelivered) -> Finding {
    let Misdelivered {
        sent_to,
        to,
        asked,
        first,
    } = lost;
    let is_rewritten = view.session.alg.effect == AlgEffect::Damaged;
    let disable = is_rewritten.then_some(advice::DISABLE_ALG);
    Finding::new(
        Code::RtpWrongPort,
        Severity::Error,
        view.medium(media.index),
        format!("the router hands media to {to}, the client waits at {asked}"),
    )
    .cause(format!(
        "RTP for {sent_to} comes out at {to} on the client's side, where SETUP agreed on {asked}"
    ))
    .proof(first, format!("first RTP packet that came out, to {to}"))
    .proof_if(
        view.facts
            .sides()
            .and_then(|sides| media.setup_request(sides.client_index)),
        "the client asks for this medium at its own port",
    )
    .remedies(
        [Some(advice::USE_TCP), disable, Some(CHECK_FORWARDS)]
            .into_iter()
            .flatten(),
    )
}

const NEWER_FIRMWARE: &str =
    "Look for newer firmware of the camera, or another port range in its settings";

const CHECK_FORWARDS: &str = "Look in the router for port forwards, a DMZ host or UPnP mappings that take these ports for another host or port";

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let seen = media.nearest_to_server()?;
    let rtp = seen.rtp();
    let (from, to, first) = (rtp.from?, rtp.to?, rtp.first?);
    let agreed = seen.agreed();
    let to_elsewhere = agreed
        .client_rtp_port
        .filter(|port| *port != 0 && *port != to.port())
        .filter(|_| !seen.may_go_to(to.port()));
    let (way, agreed_port, used) = match (to_elsewhere, seen.announced_elsewhere()) {
        (Some(port), _) => ("to", port, to.port()),
        (None, Some(port)) if !seen.one_sided || seen.in_one_network() => {
            ("from", port, from.port())
        }
        (None, _) => return None,
    };
    if view.may_be_anothers(&seen) {
        return None;
    }
    let place = if seen.one_sided {
        format!("at {}", view.place(seen.leg))
    } else {
        "on the server's side".to_owned()
    };
    Some(
        Finding::new(
            Code::RtpWrongPort,
            Severity::Error,
            view.medium(media.index),
            format!("the server sends {way} port {used}, negotiated was {agreed_port}"),
        )
        .cause(format!(
            "RTP goes from {from} to {to} {place}, where SETUP agreed on {way} port {agreed_port}"
        ))
        .proof(first, format!("first RTP packet, {from} to {to}"))
        .proof_if(
            media.setup_response(seen.leg_index),
            "the answer to SETUP with the negotiated ports",
        )
        .remedies([advice::USE_TCP, NEWER_FIRMWARE]),
    )
}

#[cfg(test)]
mod tests {
    use crate::model::{AlgAction, AlgEffect, ClientDatagrams, DatagramKinds};
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, addr, at};

    fn sent_from(client: &str) -> ClientDatagrams {
        ClientDatagrams {
            from: addr(client),
            to: addr("203.0.113.10:6970"),
            packets: 1,
            kinds: DatagramKinds::default(),
            first: at(LAN, 0.055, 15),
            last: at(LAN, 0.055, 15),
            rtcp_port: false,
        }
    }

    fn sent(from: &str, to: &str) -> Scene {
        let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 61000).rtp(0, 9);
        let rtp = &mut scene.arrival(WAN).rtp;
        (rtp.from, rtp.to) = (Some(addr(from)), Some(addr(to)));
        scene
    }

    #[test]
    fn fires_when_the_server_sends_to_or_from_another_port() {
        let to_other = sent("203.0.113.10:6970", "203.0.113.1:7777").troubles();
        assert!(to_other.contains(&"rtp-wrong-port"));
        let from_other = sent("203.0.113.10:7000", "203.0.113.1:5000").troubles();
        assert!(from_other.contains(&"rtp-wrong-port"));
    }

    /// RTP that goes right on the server's side and comes out inside at another end.
    fn handed_to(end: &str, wan: &str) -> Scene {
        let mut scene = Scene::heard(UDP_TALK, wan).punch(0.035, 5000).rtp(9, 9);
        scene.arrival(LAN).rtp.to = Some(addr(end));
        scene
    }

    #[test]
    fn fires_when_the_router_hands_media_to_another_port_or_host() {
        for end in ["192.168.1.100:5010", "192.168.1.77:5000"] {
            let snapshot = handed_to(end, UDP_TALK).checked();
            let codes: Vec<_> = snapshot
                .findings
                .iter()
                .map(|found| found.code.name())
                .collect();
            assert_eq!(codes, ["rtp-wrong-port"]);
            assert_eq!(
                snapshot.findings[0].summary,
                format!("the router hands media to {end}, the client waits at 192.168.1.100:5000")
            );
            let judged = snapshot.sessions[0].alg;
            assert_eq!(
                (judged.action, judged.effect),
                (AlgAction::None, AlgEffect::Unknown)
            );
        }
    }

    #[test]
    fn is_damage_where_an_alg_had_changed_the_port() {
        let wan = UDP_TALK.replace("client_port=5000-5001", "client_port=5200-5201");
        let snapshot = handed_to("192.168.1.77:5000", &wan).checked();
        let judged = snapshot.sessions[0].alg;
        assert_eq!(
            (judged.action, judged.effect),
            (AlgAction::Rewrite, AlgEffect::Damaged)
        );
        assert!(
            snapshot
                .findings
                .iter()
                .any(|found| found.code.name() == "rtp-wrong-port")
        );
    }

    #[test]
    fn is_silent_when_media_comes_out_where_the_client_or_a_message_named_it() {
        let mut sent_from_there = handed_to("192.168.1.100:5010", UDP_TALK);
        sent_from_there
            .arrival(LAN)
            .from_client
            .push(sent_from("192.168.1.100:5010"));
        assert_eq!(sent_from_there.troubles(), Vec::<&str>::new());
        let talk = UDP_TALK.replace(
            "unicast;client_port=5000-5001;server",
            "unicast;destination=192.168.1.77;client_port=5000-5001;server",
        );
        let mut scene = Scene::behind_nat(&talk).punch(0.035, 5000).rtp(9, 9);
        scene.arrival(LAN).rtp.to = Some(addr("192.168.1.77:5000"));
        assert!(!scene.troubles().contains(&"rtp-wrong-port"));
    }

    #[test]
    fn is_silent_when_the_server_answers_to_where_the_punch_came_from() {
        assert!(
            !sent("203.0.113.10:6970", "203.0.113.1:61000")
                .troubles()
                .contains(&"rtp-wrong-port")
        );
    }

    /// RTP at one tap, between hosts of one network or of two.
    fn at_one_tap(hosts: [&str; 2], from: u16, to: u16) -> Scene {
        let ends = [format!("{}:40000", hosts[0]), format!("{}:554", hosts[1])];
        let mut scene = Scene::at_one_tap(&ends[0], &ends[1], UDP_TALK).rtp_at(LAN, 9);
        let rtp = &mut scene.arrival(LAN).rtp;
        rtp.from = Some(addr(&format!("{}:{from}", hosts[1])));
        rtp.to = Some(addr(&format!("{}:{to}", hosts[0])));
        let own = format!("{}:5000", hosts[0]);
        scene.arrival(LAN).from_client = vec![sent_from(&own)];
        scene
    }

    const ONE_NETWORK: [&str; 2] = ["192.168.1.100", "192.168.1.90"];
    const THROUGH_A_NAT: [&str; 2] = ["203.0.113.1", "203.0.113.10"];

    #[test]
    fn fires_at_one_tap_for_a_port_that_nobody_named() {
        let snapshot = at_one_tap(ONE_NETWORK, 6970, 5002).checked();
        assert_eq!(snapshot.findings[0].code.name(), "rtp-wrong-port");
        assert_eq!(
            snapshot.findings[0].cause,
            "RTP goes from 192.168.1.90:6970 to 192.168.1.100:5002 at lan, where SETUP agreed on to port 5000"
        );
        assert_eq!(
            at_one_tap(THROUGH_A_NAT, 6970, 5002).troubles(),
            ["rtp-wrong-port"]
        );
    }

    #[test]
    fn is_silent_at_one_tap_where_the_clients_own_packet_came_from_that_port() {
        let mut scene = at_one_tap(THROUGH_A_NAT, 6970, 61000);
        scene.arrival(LAN).from_client = vec![sent_from("203.0.113.1:61000")];
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_at_one_tap_where_the_answer_names_the_port() {
        let talk = |named: &str| {
            UDP_TALK.replace(
                "unicast;client_port=5000-5001;server",
                &format!("unicast;{named};server"),
            )
        };
        for named in [
            "client_port=7000-7001",
            "client_port=5000-5001;destination=203.0.113.1:7000",
        ] {
            let mut scene =
                Scene::at_one_tap("203.0.113.1:40000", "203.0.113.10:554", &talk(named))
                    .rtp_at(LAN, 9);
            scene.arrival(LAN).rtp.to = Some(addr("203.0.113.1:7000"));
            assert!(!scene.troubles().contains(&"rtp-wrong-port"), "{named}");
        }
    }

    #[test]
    fn is_silent_at_one_tap_where_the_clients_packets_cannot_be_told() {
        for hosts in [ONE_NETWORK, THROUGH_A_NAT] {
            let seen = |sent: Vec<ClientDatagrams>| {
                let mut scene = at_one_tap(hosts, 6970, 61000);
                scene.arrival(LAN).from_client = sent;
                scene.troubles()
            };
            let own = |port: u16| sent_from(&format!("{}:{port}", hosts[0]));
            assert_eq!(seen(Vec::new()), Vec::<&str>::new());
            // Its reports come from a port that it never named: a NAT is before the tap.
            assert_eq!(seen(vec![own(61001)]), Vec::<&str>::new());
            assert_eq!(seen(vec![own(5001)]), ["rtp-wrong-port"]);
        }
    }

    #[test]
    fn is_silent_for_a_server_port_of_zero_and_for_a_range_that_is_written_backwards() {
        for announced in ["0-0", "6971-6970"] {
            let talk = UDP_TALK.replace("6970-6971", announced);
            let mut scene = Scene::behind_nat(&talk).punch(0.035, 5000).rtp(9, 9);
            for tap in [LAN, WAN] {
                scene.arrival(tap).rtp.from = Some(addr("203.0.113.10:6970"));
            }
            assert!(!scene.troubles().contains(&"rtp-wrong-port"), "{announced}");
        }
    }

    #[test]
    fn is_silent_at_one_tap_for_ports_of_zero() {
        let asked = UDP_TALK.replace("5000-5001", "0-0");
        let announced = UDP_TALK.replace("6970-6971", "0-1");
        for talk in [asked, announced] {
            let mut scene =
                Scene::at_one_tap("192.168.1.100:40000", "192.168.1.90:554", &talk).rtp_at(LAN, 9);
            let rtp = &mut scene.arrival(LAN).rtp;
            (rtp.from, rtp.to) = (
                Some(addr("192.168.1.90:6970")),
                Some(addr("192.168.1.100:5000")),
            );
            assert_eq!(scene.troubles(), Vec::<&str>::new(), "{talk}");
        }
    }

    #[test]
    fn is_silent_at_one_tap_without_the_whole_session() {
        let mut begun_before = at_one_tap(ONE_NETWORK, 6970, 5002);
        (
            begun_before.legs[0].client_isn,
            begun_before.legs[0].server_isn,
        ) = (None, None);
        assert_eq!(begun_before.troubles(), Vec::<&str>::new());
        let mut with_a_gap = at_one_tap(ONE_NETWORK, 6970, 5002);
        with_a_gap.legs[0].missing_bytes = 200;
        assert_eq!(with_a_gap.troubles(), Vec::<&str>::new());
        let mut there_before = at_one_tap(ONE_NETWORK, 6970, 5002);
        there_before.arrival(LAN).rtp.first = Some(at(LAN, 0.01, 5));
        assert_eq!(there_before.troubles(), Vec::<&str>::new());
    }
}
