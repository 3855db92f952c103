//! `nat-source-port-changed`: media reaches the client from another port than the server announced.

use std::net::SocketAddr;

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The server sends from the port that it announced, and the router changes that source port on the way. Players that \
        accept media from server_port only (retina and what is built on it) throw such packets away and may answer with ICMP port \
        unreachable; ffmpeg and VLC play.",
    proof: "RTP next to the server comes from server_port, and next to the client from another port. With one side only: it comes from another \
        port there, and client and server are not in one network, so that a NAT before the server may have done it.",
    not_this: "A server that itself sends from another port than it announced is rtp-wrong-port.",
    remedies: &[
        advice::USE_TCP,
        "Where the router's RTSP ALG rewrites ports for a player that opens its own way: switch the ALG off",
    ],
};

/// Fires for a UDP medium whose source port is right next to the server and wrong next to the client.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    view.facts
        .media()
        .filter(|media| media.is_udp())
        .filter_map(|media| finding(view, media).or_else(|| from_one_side(view, media)))
        .collect()
}

/// Without its cause: media comes from another port than the announced one.
fn changed(view: &View<'_>, media: MediaFacts<'_>, from: SocketAddr, announced: u16) -> Finding {
    Finding::new(
        Code::NatSourcePortChanged,
        Severity::Warning,
        view.medium(media.index),
        format!(
            "media comes to the client from port {}, not from {announced}",
            from.port()
        ),
    )
}

/// The same from one side: a NAT between the tap and the server, or the server itself.
fn from_one_side(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let seen = media.nearest_to_server()?;
    if !seen.one_sided || seen.in_one_network() {
        return None;
    }
    let (announced, from) = (seen.announced_elsewhere()?, seen.rtp().from?);
    if view.may_be_anothers(&seen) {
        return None;
    }
    Some(
        changed(view, media, from, announced)
        .cause(format!(
            "the answer announces server_port {announced} and RTP at {} comes from {from}; whether a NAT before the server changes the \
             port or the server itself sends from another one cannot be told from one side",
            view.place(seen.leg)
        ))
        .proof_if(seen.rtp().first, format!("first RTP packet, from {from}"))
        .proof_if(
            media.setup_response(seen.leg_index),
            format!("the answer announces server_port {announced}"),
        )
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let sides = view.facts.sides()?;
    let (client, server) = (&media.at_client()?.rtp, &media.at_server()?.rtp);
    let announced = media.negotiated_at(sides.client_index).server_rtp_port?;
    let sent_from = media.negotiated_at(sides.server_index).server_rtp_port?;
    let (from, sent) = (client.from?, server.from?);
    if from.port() == announced || sent.port() != sent_from {
        return None;
    }
    let netfilter = view.facts.netfilter();
    let mut mappings = netfilter.into_iter().flat_map(|told| &told.mappings);
    let mapping = mappings.find(|mapping| mapping.touches(sent) && mapping.touches(from));
    let cause = if from.port() == sent.port() {
        format!(
            "the server announced port {sent_from} and sends from it; the router changed its announcement to {announced}, and not \
             its packets"
        )
    } else {
        format!("the server sends from {sent}; the router makes that {from}")
    };
    Some(
        changed(view, media, from, announced)
            .cause(cause)
            .proof_if(
                client.first,
                format!("RTP next to the client comes from {from}"),
            )
            .proof_if(
                server.first,
                format!("RTP next to the server comes from {sent}"),
            )
            .proof_if(
                media.setup_response(sides.client_index),
                format!("the answer announces server_port {announced}"),
            )
            .proof_if(
                mapping.map(|mapping| mapping.first),
                format!("netfilter's own table: {sent} comes in as {from}"),
            )
            .proof_if(
                media.refused(),
                "the client's host refuses the packets (ICMP port unreachable)",
            )
            .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

#[cfg(test)]
mod tests {
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, addr};

    #[test]
    fn fires_when_the_router_changed_the_source_port() {
        let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(9, 9);
        scene.arrival(LAN).rtp.from = Some(addr("203.0.113.10:53473"));
        assert_eq!(scene.troubles(), ["nat-source-port-changed"]);
    }

    #[test]
    fn says_so_when_the_router_changed_the_announced_port_only() {
        let lan = UDP_TALK.replace("server_port=6970", "server_port=5970");
        let mut scene = Scene::heard(&lan, UDP_TALK).punch(0.035, 5000).rtp(9, 9);
        scene.arrival(LAN).rtp.from = Some(addr("203.0.113.10:6970"));
        let findings = scene.checked().findings;
        let own = findings
            .iter()
            .find(|finding| finding.code.name() == "nat-source-port-changed");
        assert_eq!(
            own.expect("the finding").cause,
            "the server announced port 6970 and sends from it; the router changed its announcement to 5970, and not its packets"
        );
    }

    #[test]
    fn is_silent_when_the_server_itself_sends_from_there() {
        let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(9, 9);
        for tap in [LAN, WAN] {
            scene.arrival(tap).rtp.from = Some(addr("203.0.113.10:53473"));
        }
        assert_eq!(scene.troubles(), ["rtp-wrong-port"]);
    }

    /// Media from another port than the announced one, at one tap only.
    fn at_one_tap(client: &str, server: &str) -> Scene {
        let mut scene = Scene::at_one_tap(client, server, UDP_TALK).rtp_at(LAN, 9);
        let from = format!("{}:53473", addr(server).ip());
        scene.arrival(LAN).rtp.from = Some(addr(&from));
        scene
    }

    #[test]
    fn one_side_alone_does_not_tell_who_changed_the_port() {
        let snapshot = at_one_tap("192.168.1.100:40000", "203.0.113.10:554").checked();
        let finding = &snapshot.findings[0];
        assert_eq!(finding.code.name(), "nat-source-port-changed");
        assert_eq!(
            finding.cause,
            "the answer announces server_port 6970 and RTP at lan comes from 203.0.113.10:53473; whether a NAT before the server changes \
             the port or the server itself sends from another one cannot be told from one side"
        );
    }

    #[test]
    fn within_one_network_it_is_the_server_itself() {
        assert_eq!(
            at_one_tap("192.168.1.100:40000", "192.168.1.90:554").troubles(),
            ["rtp-wrong-port"]
        );
    }

    #[test]
    fn one_side_is_silent_where_another_answer_of_the_medium_named_the_port() {
        let again = UDP_TALK.replace(
            "0.04 >",
            "0.033 > SETUP rtsp://203.0.113.10/a/track1 RTSP/1.0 | CSeq: 8 | Transport: RTP/AVP;unicast;client_port=5000-5001
    0.035 < RTSP/1.0 200 OK | CSeq: 8 | Session: 66334873 | Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=53473-53474
    0.04 >",
        );
        let mut scene =
            Scene::at_one_tap("192.168.1.100:40000", "203.0.113.10:554", &again).rtp_at(LAN, 9);
        scene.arrival(LAN).rtp.from = Some(addr("203.0.113.10:53473"));
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }
}
