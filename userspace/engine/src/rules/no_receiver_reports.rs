//! `no-receiver-reports`: the client sends no RTCP receiver reports to a server that stopped.

use super::rtp_stalled::stall;
use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::ClientDatagrams;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Some servers take RTCP receiver reports as the sign that someone still watches, and stop after 10 to 60 seconds without. This \
        server sent reports of its own, got none back, and stopped.",
    proof: "Sender reports next to the client, no receiver report from it or none to a port that the server named, and media that ended early on every tap that saw it.",
    not_this: "A session that plays to its end without receiver reports is well. Media that ended at the router is mapping-expired.",
    remedies: &[
        "Use a player that sends receiver reports, or update it",
        advice::USE_TCP,
        "Check that the player's host may send UDP to the camera's RTCP port",
    ],
};

/// Fires for a UDP medium whose server stopped, having heard nothing.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let over_udp = view.facts.media().filter(|media| media.is_udp());
    over_udp.filter_map(|media| finding(view, media)).collect()
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let stall = stall(view, media)?;
    let astray = match reports(media) {
        Reports::None => None,
        Reports::Astray(sent, port) => Some((sent, port)),
        Reports::Heard => return None,
    };
    let arrival = media.arrival(0)?;
    let has_reason =
        stall.may_have_ended_in_the_router() || stall.goodbye.is_some() || stall.by_clock;
    if arrival.rtcp.sender_reports == 0 || has_reason {
        return None;
    }
    Some(
        Finding::new(
            Code::NoReceiverReports,
            Severity::Warning,
            view.medium(media.index),
            match astray {
                Some(_) => {
                    "the client's receiver reports went to a wrong port, and the server stopped"
                }
                None => "the client sent no receiver reports, and the server stopped",
            },
        )
        .cause(format!(
            "{} sender reports came to the client, {}, and media ended {:.1} s before the session",
            arrival.rtcp.sender_reports,
            astray.map_or_else(
                || "no receiver report went back".to_owned(),
                |(sent, port)| format!(
                    "{} went back to {}, where SETUP agreed on port {port}",
                    sent.kinds.rtcp, sent.to
                )
            ),
            stall.silence.as_secs_f64()
        ))
        .proof_if(
            astray.map(|(sent, _)| sent.first),
            "first of the client's reports, to another port than the server's",
        )
        .proof_if(arrival.rtcp.first, "first RTCP packet of the server")
        .proof(stall.last, "last RTP packet")
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

/// What became of the client's reports.
enum Reports<'a> {
    /// There were none.
    None,
    /// All went to other ports of the server than the one that it named.
    Astray(&'a ClientDatagrams, u16),
    /// Some went where they should, or where they went cannot be told.
    Heard,
}

fn reports(media: MediaFacts<'_>) -> Reports<'_> {
    let mut found = Reports::None;
    for (leg, arrival) in media.media.arrivals.iter().enumerate() {
        if arrival.rtcp.receiver_reports == 0 {
            continue;
        }
        let agreed = media.negotiated_at(leg);
        // A server that shares one port for both hears them at its RTP port (RFC 5761).
        let named = [agreed.server_rtcp_port, agreed.server_rtp_port];
        let sent = || {
            arrival
                .from_client
                .iter()
                .filter(|sent| sent.kinds.rtcp > 0)
        };
        let is_named = |sent: &ClientDatagrams| named.contains(&Some(sent.to.port()));
        match (agreed.server_rtcp_port, sent().next()) {
            (Some(port), Some(first)) if !sent().any(is_named) => {
                found = Reports::Astray(first, port);
            }
            _ => return Reports::Heard,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at};

    fn stopped(receiver_reports: u64) -> Scene {
        let talk = UDP_TALK
            .replace("10.0 >", "60.0 >")
            .replace("10.1 <", "60.1 <");
        let mut scene = Scene::behind_nat(&talk)
            .punch(0.035, 5000)
            .rtp(900, 900)
            .rtcp(5, 5);
        for tap in [LAN, WAN] {
            let arrival = scene.arrival(tap);
            arrival.rtp.last = Some(at(tap, 30.0, 200));
            arrival.rtcp.sender_reports = 5;
            arrival.rtcp.receiver_reports = receiver_reports;
        }
        scene
    }

    #[test]
    fn fires_when_the_server_stopped_unheard() {
        assert_eq!(
            stopped(0).troubles(),
            ["rtp-stalled", "no-receiver-reports"]
        );
    }

    #[test]
    fn is_silent_where_the_tap_outside_stopped_while_media_came_there() {
        let mut scene = stopped(0);
        scene.arrival(WAN).rtp.last = Some(at(WAN, 31.4, 230));
        scene.watched_until[1] = 31.5;
        assert_eq!(scene.troubles(), ["rtp-stalled"]);
    }

    #[test]
    fn is_silent_when_the_client_reported() {
        assert_eq!(stopped(1).troubles(), ["rtp-stalled"]);
    }

    fn reported_to(port: u16) -> Scene {
        let mut scene = stopped(3);
        for tap in [LAN, WAN] {
            for sent in &mut scene.arrival(tap).from_client {
                sent.kinds.rtcp = 3;
                sent.to.set_port(port);
            }
        }
        scene
    }

    #[test]
    fn fires_when_all_reports_went_to_a_port_that_nobody_named() {
        let snapshot = reported_to(9999).checked();
        let finding = &snapshot.findings[1];
        assert_eq!(
            finding.summary,
            "the client's receiver reports went to a wrong port, and the server stopped"
        );
        assert!(finding.cause.starts_with(
            "5 sender reports came to the client, 3 went back to 203.0.113.10:9999, where SETUP agreed on port 6971"
        ));
    }

    #[test]
    fn is_silent_when_the_reports_went_to_a_port_that_the_server_named() {
        for port in [6970, 6971] {
            assert_eq!(reported_to(port).troubles(), ["rtp-stalled"]);
        }
    }
}
