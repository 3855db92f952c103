//! `rtp-loss`: loss that a viewer notices, and on which side of the router it began.

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::input::LossKind;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "RTP sequence numbers are missing: packets were sent and did not come by. From about one in a hundred on a viewer sees blocks, \
        smears or halts.",
    proof: "Distinct sequence numbers between the first and the last that never came at a tap: a duplicate hides none, and another order is \
        no loss. Where the tap next to the server misses them as well, they were lost before the router.",
    not_this: "Packets that the capture itself lost look the same: where any were, nothing is concluded.",
    remedies: &[
        "Where the loss began before the router: look at the camera's network, its Wi-Fi and its uplink",
        "Where it began in or behind the router: look at the viewer's Wi-Fi and the router's load",
        advice::USE_TCP,
        "Lower the camera's bit rate, or use its second stream",
    ],
};

/// One packet in this many: what error concealment no longer hides.
const NOTICED_ONE_IN: u64 = 100;

/// A few packets lost once are no pattern.
const FEW: u64 = 5;

/// Fires for a medium that misses one packet in a hundred or more next to the client.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    if view
        .facts
        .capture
        .losses
        .iter()
        .any(|(kind, count)| *count > 0 && *kind != LossKind::EventCap)
    {
        return Vec::new();
    }
    view.facts
        .media()
        .filter(|media| media.is_udp() || media.media.is_inferred())
        .filter_map(|media| finding(view, media))
        .collect()
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let arrival = media.arrival(0)?;
    let (lost, expected, first) = (arrival.rtp.lost?, arrival.rtp.expected?, arrival.rtp.first?);
    if lost < FEW || lost.saturating_mul(NOTICED_ONE_IN) < expected {
        return None;
    }
    let at_server = media.at_server().and_then(|arrival| arrival.rtp.lost);
    let began = match at_server {
        Some(before) if before.saturating_mul(2) >= lost => {
            "most of them were missing already on the server's side of the router"
        }
        Some(_) => "most of them were still there on the server's side of the router",
        None => "on which side of the router cannot be told from one side",
    };
    let percent = lost as f64 * 100.0 / expected.max(1) as f64;
    Some(
        Finding::new(
            Code::RtpLoss,
            Severity::Warning,
            view.medium(media.index),
            format!("{lost} of {expected} RTP packets are missing ({percent:.1} %)"),
        )
        .cause(format!(
            "{lost} sequence numbers never came at {}; {began}",
            view.place_of(arrival)
        ))
        .proof(first, "first RTP packet")
        .proof_if(
            arrival.rtp.last,
            "last RTP packet; the numbers between were counted",
        )
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

#[cfg(test)]
mod tests {
    use crate::input::LossKind;
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN};

    fn lossy(lan: u64, wan: u64) -> Scene {
        let mut scene = Scene::behind_nat(UDP_TALK)
            .punch(0.035, 5000)
            .rtp(1000 - lan, 1000 - wan);
        for (tap, lost) in [(LAN, lan), (WAN, wan)] {
            let rtp = &mut scene.arrival(tap).rtp;
            (rtp.lost, rtp.expected) = (Some(lost), Some(1000));
        }
        scene
    }

    #[test]
    fn fires_and_tells_where_the_loss_began() {
        assert!(
            lossy(20, 20).checked().findings[0]
                .cause
                .contains("missing already on the server's side")
        );
        assert!(
            lossy(20, 0).checked().findings[0]
                .cause
                .contains("still there on the server's side")
        );
    }

    #[test]
    fn is_silent_below_one_in_a_hundred() {
        assert_eq!(lossy(9, 0).troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_when_the_capture_itself_lost_packets() {
        let mut snapshot = lossy(20, 0).checked();
        snapshot.losses = vec![(LossKind::DroppedByCapture, 1)];
        crate::rules::check(&mut snapshot);
        let codes: Vec<&str> = snapshot
            .findings
            .iter()
            .map(|finding| finding.code.name())
            .collect();
        assert_eq!(codes, ["capture-incomplete"]);
    }
}
