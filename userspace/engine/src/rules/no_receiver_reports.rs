//! `no-receiver-reports`: the client sends no RTCP receiver reports to a server that stopped.

use super::rtp_stalled::stall;
use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Some servers take RTCP receiver reports as the sign that someone still watches, and stop after 10 to 60 seconds without. This \
        server sent reports of its own, got none back, and stopped.",
    proof: "Sender reports next to the client, no receiver report from it, and media that ended early on every tap that saw it.",
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
    let arrivals = &media.media.arrivals;
    let reported = arrivals
        .iter()
        .any(|arrival| arrival.rtcp.receiver_reports > 0);
    let arrival = media.arrival(view.session.legs.first()?.tap)?;
    if reported || arrival.rtcp.sender_reports == 0 || stall.ended_in_the_router().is_some() {
        return None;
    }
    Some(
        Finding::new(
            Code::NoReceiverReports,
            Severity::Warning,
            view.medium(media.index),
            "the client sent no receiver reports, and the server stopped",
        )
        .cause(format!(
            "{} sender reports came to the client, no receiver report went back, and media ended {:.1} s before the session",
            arrival.rtcp.sender_reports,
            stall.silence.as_secs_f64()
        ))
        .proof_if(arrival.rtcp.first, "first RTCP packet of the server")
        .proof(stall.last, "last RTP packet")
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
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
    fn is_silent_when_the_client_reported() {
        assert_eq!(stopped(1).troubles(), ["rtp-stalled"]);
    }
}
