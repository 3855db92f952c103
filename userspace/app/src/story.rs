//! What a picture of a session is made of, whatever draws it: the rows of its ladder, how far its media came, its rates
//! over time, and its messages with what is odd or changed about them.
//!
//! All of it is worked out of the snapshot alone. Texts that came from the network have been made safe here, so that
//! the screen and the HTML report add only lines and colours.

pub(crate) mod diff;
pub(crate) mod ladder;
pub(crate) mod matrix;
pub(crate) mod message;
pub(crate) mod rates;

use rtspscope_engine::Snapshot;
use rtspscope_engine::model::Tap;
use rtspscope_wire::{TapId, TapRole, Timestamp};

/// The tap's side of the router as it stands above a column; its name where the side is not known.
pub(crate) fn tap_title(tap: &Tap) -> String {
    match tap.role {
        TapRole::Lan => "LAN".to_owned(),
        TapRole::Wan => "WAN".to_owned(),
        TapRole::Mirror => "mirror".to_owned(),
        TapRole::Unknown => crate::output::privacy::own(&tap.name),
    }
}

/// A time of a tap on the clock of the first tap.
fn on_first_clock(snapshot: &Snapshot, tap: TapId, at: Timestamp) -> Timestamp {
    let offset = tap_of(snapshot, tap).and_then(|tap| tap.clock_offset);
    at - offset.unwrap_or_default()
}

fn tap_of(snapshot: &Snapshot, tap: TapId) -> Option<&Tap> {
    snapshot.taps.get(usize::from(tap.0))
}
