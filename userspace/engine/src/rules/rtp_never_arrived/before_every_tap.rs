//! Media that the server reports to send and of which no tap sees a packet: it is lost between the server and the taps.

use super::super::rtp_never_sent::goes_to_another_session;
use super::super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Arrival, Growth, MediaDirection};

/// Fewer packets than these may still be on their way.
const MANY: u32 = 10;

/// What tells that media was sent.
struct Reported<'a> {
    /// What the tap nearest to the server saw.
    arrival: &'a Arrival,
    /// Packets that were sent in all.
    sent: u32,
    /// Two reports between which some were.
    growth: Growth,
    /// When PLAY was accepted there.
    accepted: Locator,
}

/// The finding, where the reports prove it and nothing says that the media went past the taps.
pub(super) fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let reported = reported(media)?;
    if may_be_elsewhere(view, media, reported.arrival) {
        return None;
    }
    let leg = view.session.legs.get(reported.arrival.leg?)?;
    let place = view.place_of(reported.arrival);
    let sent = reported.sent;
    let outer = view.facts.outer_nat().map(|address| {
        format!("; the router's own address there, {address}, is not public, so another NAT is before the server")
    });
    let finding = Finding::new(
        Code::RtpNeverArrived,
        Severity::Error,
        view.medium(media.index),
        format!("the server reports {sent} RTP packets sent, and none reached {place}"),
    )
    .cause(format!(
        "the server's sender reports that came to {place} count {sent} RTP packets, and not one was seen there: they were lost before {place}, \
         on the server's side{}",
        outer.unwrap_or_default()
    ))
    .proof(reported.accepted, "the server accepts PLAY")
    .proof(reported.growth.since, "a sender report")
    .proof(reported.growth.shown, format!("a later one: {sent} packets sent by now"))
    .proof(media.last_seen(leg), "no RTP up to here");
    Some(finding.remedies([advice::USE_TCP, PASS_BEFORE, advice::USE_VPN]))
}

const PASS_BEFORE: &str = "Look at what is between the server and this tap: a router or firewall there has to pass UDP from the server's media port as it passes the \
    reports from the next one";

fn reported(media: MediaFacts<'_>) -> Option<Reported<'_>> {
    let all = &media.media.arrivals;
    let none_came = all.iter().all(|arrival| arrival.rtp.packets == 0);
    if media.media.direction != MediaDirection::FromServer || !media.is_udp() || !none_came {
        return None;
    }
    let arrival = all.iter().rfind(|arrival| arrival.rtcp.sending.is_some())?;
    let sent = arrival.rtcp.sent_packets.filter(|sent| *sent >= MANY)?;
    let growth = arrival.rtcp.sending?;
    let accepted = media.play_accepted(arrival.leg?)?;
    (growth.shown.at > accepted.at).then_some(Reported {
        arrival,
        sent,
        growth,
        accepted,
    })
}

/// Whether the media may have come all the same: where the capture lost it, by a way that no tap sees, as the client's own
/// reports would tell, or as RTP that was taken for something else.
fn may_be_elsewhere(view: &View<'_>, media: MediaFacts<'_>, arrival: &Arrival) -> bool {
    let capture = view.facts.capture;
    let is_received = |arrival: &Arrival| arrival.rtcp.far_end.lost.is_some();
    let client = arrival.rtcp.to.map(|to| to.ip());
    let is_strange = |rtp: &crate::model::UnclaimedRtp| Some(rtp.to.ip()) == client;
    let others = view.session.media.iter().enumerate();
    let mut others = others.filter(|(index, _)| *index != media.index);
    let shares_reports = others.any(|(_, other)| {
        let mut arrivals = other.arrivals.iter();
        arrivals.any(|own| own.tap == arrival.tap && own.rtcp.to == arrival.rtcp.to)
    });
    capture.may_lack_segments()
        || media.may_be_offloaded()
        || media.media.is_raw()
        || media.media.arrivals.iter().any(is_received)
        || capture.unclaimed.iter().any(is_strange)
        || shares_reports
        || goes_to_another_session(view, media)
}

#[cfg(test)]
mod tests {
    use crate::model::{FarEnd, Growth};
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at};

    /// A server whose reports count packets, of which no tap saw one.
    fn reported(sent: u32) -> Scene {
        let mut scene = Scene::behind_nat(UDP_TALK)
            .punch(0.035, 5000)
            .rtp(0, 0)
            .rtcp(2, 2);
        for tap in [LAN, WAN] {
            let rtcp = &mut scene.arrival(tap).rtcp;
            rtcp.sent_packets = Some(sent);
            rtcp.sending = Some(Growth {
                since: at(tap, 1.0, 22),
                shown: at(tap, 6.0, 23),
                more: 125,
            });
        }
        scene
    }

    #[test]
    fn fires_where_sender_reports_count_what_no_tap_saw() {
        let snapshot = reported(300).checked();
        let [finding] = &snapshot.findings[..] else {
            panic!("{:?}", snapshot.findings)
        };
        assert_eq!(finding.code.name(), "rtp-never-arrived");
        assert_eq!(
            finding.summary,
            "the server reports 300 RTP packets sent, and none reached wan"
        );
        let frames = finding.evidence.iter().map(|proof| proof.at.frame);
        assert_eq!(
            frames.collect::<Vec<_>>(),
            [Some(9), Some(22), Some(23), Some(11)]
        );
    }

    #[test]
    fn is_silent_for_few_packets_or_where_the_count_never_grew() {
        assert_eq!(reported(9).troubles(), Vec::<&str>::new());
        let mut scene = reported(300);
        scene.arrival(LAN).rtcp.sending = None;
        scene.arrival(WAN).rtcp.sending = None;
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_where_the_client_reports_on_the_media_or_the_capture_lost_packets() {
        let mut scene = reported(300);
        scene.arrival(LAN).rtcp.far_end = FarEnd {
            lost: Some(0),
            ..FarEnd::default()
        };
        assert_eq!(scene.troubles(), Vec::<&str>::new());
        let mut scene = reported(300);
        scene.losses = vec![(crate::input::LossKind::DroppedByCapture, 1)];
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }
}
