//! Works out which side of the router a tap is on.

use rtspscope_wire::TapRole;

use crate::model::{Session, Tap};

/// Names the side of each tap that the user did not name, by the sessions that cross two of them.
pub(crate) fn assign_roles(taps: &mut [Tap], sessions: &[Session]) {
    let mut votes = vec![(0_usize, 0_usize); taps.len()];
    for session in sessions {
        let Some(nat) = &session.nat else { continue };
        let tap_of = |leg: usize| session.legs.get(leg).map(|leg| usize::from(leg.tap.0));
        if tap_of(nat.pre) == tap_of(nat.post) {
            continue;
        }
        if let Some(vote) = tap_of(nat.pre).and_then(|tap| votes.get_mut(tap)) {
            vote.0 += 1;
        }
        if let Some(vote) = tap_of(nat.post).and_then(|tap| votes.get_mut(tap)) {
            vote.1 += 1;
        }
    }
    for (tap, (lan, wan)) in taps.iter_mut().zip(votes) {
        if tap.role == TapRole::Unknown && lan != wan {
            tap.role = if lan > wan {
                TapRole::Lan
            } else {
                TapRole::Wan
            };
        }
    }
}
