//! `slow-receiver`: the player took no more bytes for a while.

use rtspscope_wire::Span;

use super::View;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Leg, ShutWindow};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Media inside the RTSP connection waits for the reader: when the player does not read, its TCP window closes, the server's buffers fill, \
        and the server throws pictures away or ends the session. The network is not to blame; the player's machine or its disk is too slow, or \
        the player stopped reading.",
    proof: "Segments of the client with a window of zero, for a second or more at a time; or again and again, so that it is shut for most of the time \
        and the media comes out of its pace (jitter).",
    not_this: "A window that closes for an instant is normal under load. A player that reads as it shows may keep its window nearly shut: then the media comes \
        evenly. Loss on the way shows as retransmission, not as a closed window.",
    remedies: &[
        "Relieve the player's machine: fewer streams, the camera's second (smaller) stream, hardware decoding",
        "Lower the bit rate of the camera",
    ],
};

/// A player that decodes as it reads may pause for some frames.
const PATIENCE: Span = Span::from_secs(1);
/// So long in many short times is no hiccup.
const IN_ALL: Span = Span::from_secs(3);
/// Half the time between two pictures of a usual camera (25 a second): a reader that keeps pace takes each as it comes.
const UNEVEN: Span = Span::from_millis(20);

/// Fires once for a session whose media comes in the connection and whose client shut its window for long.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    if !view.facts.media().any(crate::facts::MediaFacts::in_band) {
        return Vec::new();
    }
    let is_slow =
        |shut: &ShutWindow| shut.longest >= PATIENCE || (is_mostly_shut(shut) && is_uneven(view));
    let shut = |leg: &Leg| leg.client_shut.filter(is_slow);
    let shut = view.session.legs.iter().find_map(shut);
    shut.map(|shut| finding(view, shut)).into_iter().collect()
}

/// Whether the window was shut for most of the time since it shut first, for seconds in all.
fn is_mostly_shut(shut: &ShutWindow) -> bool {
    let since = shut.until - shut.first.at;
    shut.total >= IN_ALL && shut.total.0.saturating_mul(2) >= since.0
}

/// Whether media in the connection comes out of its own pace.
fn is_uneven(view: &View<'_>) -> bool {
    let media = view.facts.media().filter(|media| media.in_band());
    let mut arrivals = media.flat_map(|media| &media.media.arrivals);
    arrivals.any(|arrival| arrival.rtp.jitter.is_some_and(|jitter| jitter >= UNEVEN))
}

fn finding(view: &View<'_>, shut: ShutWindow) -> Finding {
    let (longest, total) = (shut.longest.as_secs_f64(), shut.total.as_secs_f64());
    let within = (shut.until - shut.first.at).as_secs_f64();
    let (summary, cause) = if shut.longest >= PATIENCE {
        (
            format!("the player took no bytes for {longest:.1} s"),
            format!(
                "the client's TCP window was zero {} times, for {longest:.1} s at the longest",
                shut.count
            ),
        )
    } else {
        (
            format!("the player took no bytes for {total:.1} of {within:.1} s"),
            format!(
                "the client's TCP window was zero {} times, for {total:.1} s in {within:.1} s, and the media comes unevenly: the player \
                 reads more slowly than the server sends, and its picture falls behind",
                shut.count
            ),
        )
    };
    Finding::new(
        Code::SlowReceiver,
        Severity::Warning,
        view.subject(),
        summary,
    )
    .cause(cause)
    .proof(shut.first, "the client's window closes for the first time")
    .remedies(EXPLANATION.remedies.iter().copied())
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::Span;

    use crate::model::ShutWindow;
    use crate::testkit::{LAN, Scene, at, tcp_talk};

    fn shut_for(millis: i64) -> Vec<&'static str> {
        let mut scene = Scene::behind_nat(&tcp_talk()).rtp(100, 100);
        scene.legs[0].client_shut = Some(ShutWindow {
            count: 3,
            longest: Span::from_millis(millis),
            total: Span::from_millis(millis),
            until: at(LAN, 9.0, 90).at,
            first: at(LAN, 2.0, 60),
        });
        scene.troubles()
    }

    /// Shut for so long in all within 7 s, with this jitter.
    fn shut_again_and_again(total: i64, jitter: i64) -> Scene {
        let mut scene = Scene::behind_nat(&tcp_talk()).rtp(100, 100);
        scene.legs[0].client_shut = Some(ShutWindow {
            count: 12,
            longest: Span::from_millis(600),
            total: Span::from_millis(total),
            until: at(LAN, 9.0, 90).at,
            first: at(LAN, 2.0, 60),
        });
        scene.arrival(LAN).rtp.jitter = Some(Span::from_millis(jitter));
        scene
    }

    #[test]
    fn fires_when_it_was_shut_for_most_of_the_time_and_the_media_came_unevenly() {
        let findings = shut_again_and_again(3500, 20).checked().findings;
        assert_eq!(
            findings[0].summary,
            "the player took no bytes for 3.5 of 7.0 s"
        );
        for (total, jitter) in [(3499, 20), (3500, 19)] {
            let scene = shut_again_and_again(total, jitter);
            assert_eq!(scene.troubles(), Vec::<&str>::new());
        }
    }

    #[test]
    fn fires_when_the_window_stayed_shut() {
        assert_eq!(shut_for(1000), ["slow-receiver"]);
    }

    #[test]
    fn is_silent_when_it_was_shut_for_an_instant() {
        assert_eq!(shut_for(999), Vec::<&str>::new());
    }
}
