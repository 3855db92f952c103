//! Media that had stopped next to the end that receives it before that side was recorded: the reports of that end tell that it came,
//! and what the tap on the other side saw meanwhile that it went on.

use crate::facts::{Lost, MediaFacts};
use crate::finding::{Code, Finding, Severity};
use crate::model::{Arrival, Growth, Side};
use crate::rules::{View, advice};

use super::{KEEP_OPEN, name};

/// Fires where nothing of the medium came out since the receiver's tap began, late, and the receiver reports that some had come.
pub(super) fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let [from, to] = [media.sender(), media.sender().other()].map(name);
    let lost = media
        .lost_between()
        .or_else(|| media.lost_beside_the_router())?;
    let late = lost.late?;
    if !media.is_reported_received() || media.may_be_offloaded() || goes_on(view, media, &lost) {
        return None;
    }
    let secs = late.time.as_secs_f64();
    let [sender, receiver] = [lost.sender, lost.receiver].map(|arrival| view.place_of(arrival));
    let between = if view.session.legs.len() > 2 {
        "what is between them"
    } else {
        "the router"
    };
    Some(
        Finding::new(
            Code::RtpStalled,
            Severity::Error,
            view.medium(media.index),
            format!("media stopped while the session went on, before the {to}'s side was recorded"),
        )
        .cause(format!(
            "the {to}'s receiver reports tell that media had come to it; in the {secs:.1} s from the begin of the recording at {receiver} \
             on none came there, while it went on at {sender}: {between} stopped letting it through"
        ))
        .proof_if(
            reports(media).next().map(|(_, growth)| growth.shown),
            format!("the {to} reports that more of the medium had come"),
        )
        .proof(late.since, format!("recording begins on the {to}'s side"))
        .proof_if(lost.sender.rtp.last, format!("last RTP packet on the {from}'s side"))
        .proof(lost.watched, format!("still recording on the {to}'s side, without any RTP"))
        .remedies(match media.sender() {
            Side::Server => [advice::USE_TCP, KEEP_OPEN],
            Side::Client => [advice::LOOK_AT_THE_MOMENT, advice::USE_TCP],
        }),
    )
}

/// Whether more came to the receiver since that tap began, by its reports: it passes there unseen.
fn goes_on(view: &View<'_>, media: MediaFacts<'_>, lost: &Lost<'_>) -> bool {
    let legs = &view.session.legs;
    let receiving = lost.receiver.leg.and_then(|leg| legs.get(leg));
    let began = lost.late.map(|late| late.since.at);
    let is_later = |(arrival, growth): (&Arrival, Growth)| {
        let seen = arrival.leg.and_then(|leg| legs.get(leg));
        let step = seen.zip(receiving).and_then(|(seen, receiving)| {
            if arrival.leg == lost.receiver.leg {
                return Some(rtspscope_wire::Span(0));
            }
            media.clock_step([seen, receiving])
        });
        step.is_none_or(|step| Some(growth.since.at + step) >= began)
    };
    reports(media).any(is_later)
}

/// What the receiver reported of the medium's growth, at each tap.
fn reports(media: MediaFacts<'_>) -> impl Iterator<Item = (&Arrival, Growth)> {
    let arrivals = media.media.arrivals.iter();
    arrivals.filter_map(|arrival| Some((arrival, arrival.rtcp.far_end.receiving?)))
}

#[cfg(test)]
mod tests {
    use crate::model::Growth;
    use crate::testkit::{LAN, Scene, WAN, at};

    /// A minute of media outside, of which the tap inside, which begins after 35 s, sees nothing; the client reported until `reported`.
    fn begun_late(reported: Option<f64>) -> Scene {
        let mut scene = Scene::stopped(30.0, 59.9);
        scene = scene.rtp_at(LAN, 0);
        let inside = scene.arrival(LAN);
        (inside.rtp, inside.from_client) = (crate::model::RtpArrival::default(), Vec::new());
        let outside = scene.arrival(WAN);
        outside.rtp.max_gap = Some(rtspscope_wire::Span::from_millis(40));
        outside.rtcp.far_end.lost = reported.map(|_| 0);
        outside.rtcp.far_end.receiving = reported.map(|until| Growth {
            since: at(WAN, until - 5.0, 250),
            shown: at(WAN, until, 251),
            more: 100,
        });
        let leg = &mut scene.legs[0];
        let kept = leg.exchanges_mut().split_off(3);
        *leg.exchanges_mut() = kept;
        leg.first = at(LAN, 35.0, 1);
        (leg.client_isn, leg.server_isn) = (None, None);
        scene.media[0].setup[0] = None;
        scene.first_at[0] = 35.0;
        scene.watched_until = [61.0; 2];
        scene
    }

    #[test]
    fn what_the_client_reported_before_tells_that_media_stopped() {
        let snapshot = begun_late(Some(30.0)).checked();
        let codes: Vec<&str> = snapshot
            .findings
            .iter()
            .map(|finding| finding.code.name())
            .collect();
        assert_eq!(codes, ["rtp-stalled"]);
        assert_eq!(
            snapshot.findings[0].cause,
            "the client's receiver reports tell that media had come to it; in the 24.9 s from the begin of the recording at lan on none \
             came there, while it went on at wan: the router stopped letting it through"
        );
    }

    #[test]
    fn without_a_report_it_is_not_known_whether_any_came_before() {
        let snapshot = begun_late(None).checked();
        let [finding] = &snapshot.findings[..] else {
            panic!("{:?}", snapshot.findings)
        };
        assert_eq!(finding.code.name(), "rtp-never-arrived");
        assert_eq!(
            finding.summary,
            "RTP packets were sent for 24.9 s and none of them reached the client's side"
        );
        assert_eq!(
            finding.cause,
            "in the 24.9 s from the begin of the recording at lan on, wan saw RTP packets for 203.0.113.1:5000, lan saw none; whether any \
             reached the client in the 34.9 s before, nobody recorded"
        );
        assert_eq!(begun_late(None).judged(), "unknown/unknown");
    }

    #[test]
    fn is_silent_where_media_ended_outside_too_before_that_tap_began_or_goes_on_by_the_reports() {
        let mut scene = begun_late(Some(30.0));
        scene.arrival(WAN).rtp.last = Some(at(WAN, 34.0, 300));
        assert_eq!(scene.troubles(), Vec::<&str>::new());
        assert_eq!(begun_late(Some(50.0)).troubles(), Vec::<&str>::new());
    }
}
