//! `slow-receiver`: the player took no more bytes for a while.

use rtspscope_wire::Span;

use super::View;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Leg, ShutWindow};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Media inside the RTSP connection waits for the reader: when the player does not read, its TCP window closes, the server's buffers fill, \
        and the server throws pictures away or ends the session. The network is not to blame; the player's machine or its disk is too slow, or \
        the player stopped reading.",
    proof: "Segments of the client with a window of zero, for a second or more at a time.",
    not_this: "A window that closes for an instant is normal under load. Loss on the way shows as retransmission, not as a closed window.",
    remedies: &[
        "Relieve the player's machine: fewer streams, the camera's second (smaller) stream, hardware decoding",
        "Lower the bit rate of the camera",
    ],
};

/// A player that decodes as it reads may pause for some frames.
const PATIENCE: Span = Span::from_secs(1);

/// Fires once for a session whose media comes in the connection and whose client shut its window for long.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    if !view.facts.media().any(crate::facts::MediaFacts::in_band) {
        return Vec::new();
    }
    let shut = |leg: &Leg| leg.client_shut.filter(|shut| shut.longest >= PATIENCE);
    let shut = view.session.legs.iter().find_map(shut);
    shut.map(|shut| finding(view, shut)).into_iter().collect()
}

fn finding(view: &View<'_>, shut: ShutWindow) -> Finding {
    let longest = shut.longest.as_secs_f64();
    Finding::new(
        Code::SlowReceiver,
        Severity::Warning,
        view.subject(),
        format!("the player took no bytes for {longest:.1} s"),
    )
    .cause(format!(
        "the client's TCP window was zero {} times, for {longest:.1} s at the longest",
        shut.count
    ))
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
            first: at(LAN, 2.0, 60),
        });
        scene.troubles()
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
