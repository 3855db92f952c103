//! `rtcp-never-arrived`: RTP comes out at the client, and the server's RTCP does not.

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Picture or sound arrive, but the server's RTCP reports, which go to a port of their own, end at the router. Players then \
        cannot keep sound and picture together, and some servers stop after 10 to 60 seconds without the answering reports.",
    proof: "RTCP from the server at the tap next to the server, none next to the client, while RTP of the same medium arrives there.",
    not_this: "A server that sends no RTCP at all is no fault of the path. First reports that came before the client had opened \
        its port, which it does with a report of its own, are not counted alone.",
    remedies: &[
        advice::USE_TCP,
        "Let the player use an even RTP port with the RTCP port above it (client_port=5000-5001): some ALGs open only such pairs",
    ],
};

/// RTCP for which a client opens the way itself is judged only after as many packets.
const ENOUGH_AFTER_OPENING: u64 = 3;

/// And after as many where it had opened the way before the first: one alone may be lost as any packet.
const ENOUGH_WHERE_OPEN: u64 = 2;

/// Fires for a UDP medium whose RTP arrives and whose RTCP was seen next to the server only.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    view.facts
        .media()
        .filter(|media| media.is_udp())
        .filter_map(|media| media.ways().find_map(|way| finding(view, media, way)))
        .collect()
}

fn finding(view: &View<'_>, media: MediaFacts<'_>, way: [usize; 2]) -> Option<Finding> {
    let [server, client] = way;
    let came_further = |leg| {
        let arrival = media.arrival(leg);
        arrival.is_some_and(|arrival| arrival.rtcp.packets > 0)
    };
    if (0..client).any(came_further) {
        return None;
    }
    let seen = |first| media.surely_watched_after(first, way);
    let (client, server) = (media.arrival(client)?, media.arrival(server)?);
    let first = server.rtcp.first?;
    if client.rtp.packets == 0
        || client.rtcp.packets > 0
        || server.rtcp.packets == 0
        || !seen(first)
    {
        return None;
    }
    // What came only after RTP had ended inside ended with it.
    let (began, ended) = (
        first.at - server.rtp.first?.at,
        client.rtp.last?.at - client.rtp.first?.at,
    );
    if began > ended {
        return None;
    }
    // A player that opened the way for RTP itself opens that for RTCP with its first report, seconds later (RFC 3550 §6.2).
    let opens_itself = [true, false].map(|rtcp| media.opened(rtcp).next().is_some());
    let mut went_out = server.from_client.iter();
    let enough = if went_out.any(|sent| sent.rtcp_port && sent.first.at < first.at) {
        ENOUGH_WHERE_OPEN
    } else {
        ENOUGH_AFTER_OPENING
    };
    if opens_itself != [false; 2] && server.rtcp.packets < enough {
        return None;
    }
    // Where the client's tap does not show the ports, RTCP that came may not be known as such.
    let asked = media.negotiated_at(view.facts.sides()?.client_index);
    let odd = asked.client_rtp_port? % 2 == 1;
    let why = if odd {
        "; the client's RTP port is odd, which some ALGs take for the only port"
    } else {
        ""
    };
    let to = server
        .rtcp
        .to
        .map_or_else(|| "the client".to_owned(), |to| to.to_string());
    Some(
        Finding::new(
            Code::RtcpNeverArrived,
            Severity::Warning,
            view.medium(media.index),
            "RTP arrives at the client, the server's RTCP does not".to_owned(),
        )
        .cause(format!(
            "{} RTCP packets for {to} at {}, none at {}{why}",
            server.rtcp.packets,
            view.place_of(server),
            view.place_of(client)
        ))
        .proof(
            first,
            format!("first RTCP packet for {to}, on the server's side of the router"),
        )
        .proof_if(
            client.rtp.first,
            "RTP of the same medium does reach the client's side",
        )
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

#[cfg(test)]
mod tests {
    use crate::testkit::{BETWEEN, LAN, Scene, UDP_TALK, WAN, at};

    #[test]
    fn fires_when_rtp_came_in_and_rtcp_did_not() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .rtp(78, 78)
                .rtcp(0, 1)
                .troubles(),
            ["rtcp-never-arrived"]
        );
    }

    #[test]
    fn of_several_routers_any_may_hold_it_back_that_no_tap_behind_disproves() {
        let told = |reports: [u64; 3]| {
            let mut scene = Scene::behind_two_nats(UDP_TALK).punch(0.035, 5000);
            for (tap, packets) in [LAN, BETWEEN, WAN].into_iter().zip(reports) {
                scene = scene.rtp_at(tap, 78);
                let rtcp = &mut scene.arrival(tap).rtcp;
                rtcp.packets = packets;
                rtcp.first = (packets > 0).then(|| at(tap, 0.06, 21));
            }
            scene.troubles()
        };
        assert_eq!(told([0, 0, 3]), ["rtcp-never-arrived"]);
        assert_eq!(told([0, 3, 3]), ["rtcp-never-arrived"]);
        assert_eq!(told([3, 0, 3]), Vec::<&str>::new());
    }

    #[test]
    fn names_an_odd_port_as_the_reason() {
        let odd = UDP_TALK.replace("5000-5001", "5121-5122");
        let findings = Scene::behind_nat(&odd)
            .rtp(78, 78)
            .rtcp(0, 1)
            .checked()
            .findings;
        assert!(findings[0].cause.contains("the client's RTP port is odd"));
    }

    #[test]
    fn is_silent_when_the_server_sends_none_or_one_report_came() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .rtp(78, 78)
                .rtcp(0, 0)
                .troubles(),
            Vec::<&str>::new()
        );
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .rtp(78, 78)
                .rtcp(1, 5)
                .troubles(),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn is_silent_when_a_client_that_opened_for_rtp_has_not_reported_yet() {
        let scene = |reports| {
            let scene = Scene::behind_nat(UDP_TALK).punch(0.1, 5000).rtp(78, 78);
            let mut scene = scene.rtcp(0, reports);
            scene
                .arrival(LAN)
                .from_client
                .retain(|sent| !sent.rtcp_port);
            scene.troubles()
        };
        assert_eq!(scene(1), Vec::<&str>::new());
        assert_eq!(scene(3), ["rtcp-never-arrived"]);
    }

    #[test]
    fn is_silent_when_the_only_report_came_before_the_client_had_opened() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .punch(0.1, 5000)
                .rtp(78, 78)
                .rtcp(0, 1)
                .troubles(),
            Vec::<&str>::new()
        );
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .punch(0.1, 5000)
                .rtp(78, 78)
                .rtcp(0, 4)
                .troubles(),
            ["rtcp-never-arrived"]
        );
    }

    #[test]
    fn two_reports_are_enough_where_the_way_was_open_before() {
        let lost = |opened, reports| {
            let scene = Scene::behind_nat(UDP_TALK).punch(opened, 5000).rtp(78, 78);
            scene.rtcp(0, reports).troubles()
        };
        assert_eq!(lost(0.035, 2), ["rtcp-never-arrived"]);
        assert_eq!(lost(0.035, 1), Vec::<&str>::new());
        assert_eq!(lost(0.1, 2), Vec::<&str>::new());
    }
}
