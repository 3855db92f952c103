//! `no-keyframe`: pictures flow, and for many seconds none of them is one from which a decoder can start.

use rtspscope_wire::Span;

use super::View;
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Arrival, VideoArrival};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Most pictures of H.264 and H.265 only say what changed since the one before. A player shows nothing until a whole picture (a \
        keyframe) comes, and after a loss the picture stays broken until the next. This camera sends keyframes too seldom, or does not send \
        one to a player that joins. The network does its work: the packets arrive.",
    proof: "Video of H.264 or H.265 in clear, pictures without a pause and nearly without loss next to the server, and no keyframe (IDR, IRAP, a \
        recovery point, or a picture of I slices behind parameter sets) among them: for more than 10 seconds from the first picture after PLAY, for more than 3 seconds after the player asked \
        for one (RTCP PLI or FIR), or for more than 60 seconds at any time.",
    not_this: "Keyframes that the server sent and the network lost are rtp-loss or large-packets-lost. Of every picture of JPEG decoding can start. \
        Encrypted media, and live runs in which the kernel counts the packets and shows only some, tell nothing of pictures.",
    remedies: &[
        "On the camera: set the keyframe (I-frame) interval to one or two seconds, and switch off \"smart\" codecs (H.264+, Zipstream, Smart Codec)",
        "Try the camera's other stream, or MJPEG: there every picture is whole",
        "Where a relay (go2rtc, MediaMTX, a recorder) stands between: let it ask for a keyframe when a player joins, or keep the last one",
    ],
};

/// The usual encoder makes a keyframe every 250 pictures at the latest (x264): ten seconds of usual video.
const PATIENCE_AT_START: Span = Span::from_secs(10);
/// Encoders for cameras stretch the interval to a minute while nothing moves.
const PATIENCE_LATER: Span = Span::from_secs(60);
/// An encoder that was asked can make one at once.
const PATIENCE_WHEN_ASKED: Span = Span::from_secs(3);
/// A capture takes the two directions of a wire from two queues, and what was sent at one moment may be in it in any order.
const OUT_OF_TURN: Span = Span::from_millis(10);
/// Pictures without which one cannot say that video flows.
const FEW: u64 = 10;

/// Fires for each video that flows without a keyframe.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let media = view.facts.media();
    media.filter_map(|media| about(view, media)).collect()
}

fn about(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let farthest = view.session.legs.len().checked_sub(1)?;
    let leg = view.session.legs.get(farthest)?;
    let arrival = media.arrival(farthest)?;
    let video = arrival.rtp.video.as_ref()?;
    let first = arrival.rtp.first?;
    let from_start = media
        .play_asked(farthest)
        .is_some_and(|play| first.at + OUT_OF_TURN >= play.at);
    let wait = lack(arrival, video, from_start)?;
    let flows = video.pictures >= FEW
        && arrival
            .rtp
            .usual_gap()
            .is_some_and(|gap| Span(gap.0.saturating_mul(2)) < wait);
    (flows && is_whole(arrival) && leg.missing_bytes == 0)
        .then(|| finding(view, media, (arrival, video), wait))
}

/// How long there was no keyframe, if that is too long.
fn lack(arrival: &Arrival, video: &VideoArrival, from_start: bool) -> Option<Span> {
    let is_asked = video.keyframes == 0 && arrival.rtcp.keyframe_requests > 0;
    let patience = match (from_start, is_asked) {
        (true, true) => PATIENCE_WHEN_ASKED,
        (true, false) => PATIENCE_AT_START,
        (false, _) => PATIENCE_LATER,
    };
    let at_start = Some(video.wait_for_keyframe).filter(|wait| *wait > patience);
    at_start.or(Some(video.longest_without_keyframe).filter(|wait| *wait > PATIENCE_LATER))
}

/// Whether hardly anything was lost before the tap: a keyframe is many packets, of which not all fall to a small loss.
fn is_whole(arrival: &Arrival) -> bool {
    let (lost, expected) = (
        arrival.rtp.lost.unwrap_or(0),
        arrival.rtp.expected.unwrap_or(0),
    );
    lost.saturating_mul(50) <= expected
}

fn finding(
    view: &View<'_>,
    media: MediaFacts<'_>,
    (arrival, video): (&Arrival, &VideoArrival),
    wait: Span,
) -> Finding {
    let secs = wait.as_secs_f64();
    let encoding = media.media.encoding.as_deref().unwrap_or("video");
    let rate = video.frame_rate.unwrap_or_default();
    let asked = match arrival.rtcp.keyframe_requests {
        0 => String::new(),
        1 => "; the player asked for one".to_owned(),
        count => format!("; the player asked for one {count} times"),
    };
    let end: Option<Locator> = arrival.rtp.last;
    Finding::new(
        Code::NoKeyframe,
        Severity::Warning,
        view.medium(media.index),
        format!("{encoding} flows, but no keyframe came for {secs:.1} s"),
    )
    .cause(format!(
        "{} pictures ({rate:.1} a second) at {}, {} of them keyframes, the longest wait {secs:.1} s{asked}",
        video.pictures,
        view.place_of(arrival),
        video.keyframes
    ))
    .proof_if(arrival.rtp.first, "first RTP packet")
    .proof_if(video.last_keyframe, "a packet of the last keyframe")
    .proof_if(end, "last RTP packet")
    .remedies(EXPLANATION.remedies.iter().copied())
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::Span;

    use crate::model::VideoArrival;
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at};

    /// A player that gets 300 pictures, with these seconds before the first keyframe and behind any.
    fn video(keyframes: u64, before: i64, behind: i64) -> Scene {
        let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(900, 900);
        for tap in [LAN, WAN] {
            let rtp = &mut scene.arrival(tap).rtp;
            (rtp.expected, rtp.lost) = (Some(900), Some(0));
            rtp.max_gap = Some(Span::from_millis(60));
            rtp.video = Some(VideoArrival {
                keyframes,
                keyframe_interval: None,
                last_keyframe: (keyframes > 0).then(|| at(tap, 0.1, 22)),
                wait_for_keyframe: Span::from_secs(before),
                longest_without_keyframe: Span::from_secs(behind),
                pictures: 300,
                frame_rate: Some(25.0),
                parameter_sets: None,
            });
        }
        scene
    }

    #[test]
    fn fires_when_no_keyframe_comes_after_play() {
        let snapshot = video(0, 12, 0).checked();
        assert_eq!(snapshot.findings[0].code.name(), "no-keyframe");
        assert_eq!(
            snapshot.findings[0].cause,
            "300 pictures (25.0 a second) at wan, 0 of them keyframes, the longest wait 12.0 s"
        );
    }

    #[test]
    fn fires_where_the_server_sends_before_it_answers_play() {
        let begun = |secs: f64| {
            let mut scene = video(0, 12, 0);
            for tap in [LAN, WAN] {
                scene.arrival(tap).rtp.first = Some(at(tap, secs, 12));
            }
            scene.troubles()
        };
        for secs in [0.045, 0.035] {
            assert_eq!(begun(secs), ["no-keyframe"]);
        }
        assert_eq!(begun(0.025), Vec::<&str>::new());
    }

    #[test]
    fn fires_when_keyframes_end() {
        assert_eq!(video(3, 0, 61).troubles(), ["no-keyframe"]);
    }

    #[test]
    fn is_silent_for_the_interval_of_a_usual_encoder() {
        assert_eq!(video(1, 10, 0).troubles(), Vec::<&str>::new());
        assert_eq!(video(2, 0, 60).troubles(), Vec::<&str>::new());
    }

    #[test]
    fn fires_soon_where_the_player_asked_in_vain() {
        let asked = |before, keyframes| {
            let mut scene = video(keyframes, before, 0);
            for tap in [LAN, WAN] {
                scene.arrival(tap).rtcp.keyframe_requests = 2;
            }
            scene.troubles()
        };
        assert_eq!(asked(4, 0), ["no-keyframe"]);
        assert_eq!(asked(3, 0), Vec::<&str>::new());
        assert_eq!(asked(4, 1), Vec::<&str>::new(), "it came at last");
    }

    #[test]
    fn is_silent_when_the_keyframes_may_have_been_lost() {
        let mut scene = video(0, 12, 0);
        for tap in [LAN, WAN] {
            scene.arrival(tap).rtp.lost = Some(19);
        }
        assert!(!scene.codes().contains(&"no-keyframe"));
    }

    #[test]
    fn is_silent_when_the_camera_sent_them_and_the_way_lost_them() {
        let mut scene = video(0, 12, 0);
        if let Some(video) = &mut scene.arrival(WAN).rtp.video {
            (video.keyframes, video.wait_for_keyframe) = (9, Span(0));
        }
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_when_the_pictures_paused() {
        let mut scene = video(0, 12, 0);
        for tap in [LAN, WAN] {
            scene.arrival(tap).rtp.max_gap = Some(Span::from_secs(7));
        }
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_when_the_capture_began_in_the_middle() {
        let mut scene = video(0, 12, 0);
        for leg in &mut scene.legs {
            leg.exchanges_mut().retain(|exchange| !exchange.is("PLAY"));
        }
        assert!(!scene.codes().contains(&"no-keyframe"));
    }
}
