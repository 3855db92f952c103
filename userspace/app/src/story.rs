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
use rtspscope_engine::model::{Arrival, Session, Side, Tap};
use rtspscope_wire::{TapId, TapRole, Timestamp};

/// Where something of a session was seen: at a tap, beside one of its legs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) tap: TapId,
    /// Position in [`Session::legs`]; `None` at a tap where the session has no leg.
    pub(crate) leg: Option<usize>,
}

impl Place {
    pub(crate) const fn of(arrival: &Arrival) -> Self {
        Self {
            tap: arrival.tap,
            leg: arrival.leg,
        }
    }

    /// What stands above its column: the tap's title, and the end that it is next to where the tap has two legs.
    pub(crate) fn title(self, snapshot: &Snapshot, session: &Session) -> String {
        let tap = tap_of(snapshot, self.tap);
        let title = tap.map_or_else(|| format!("tap {}", self.tap.0), tap_title);
        match self.leg.and_then(|leg| session.side_at_one_tap(leg)) {
            Some(Side::Client) => format!("{title}/client"),
            Some(Side::Server) => format!("{title}/server"),
            None => title,
        }
    }
}

/// The places of a session: its legs in the order of the way from the client, then taps that saw media only.
pub(crate) fn places(session: &Session) -> Vec<Place> {
    let legs = session.legs.iter().enumerate();
    let legs = legs.map(|(index, leg)| Place {
        tap: leg.tap,
        leg: Some(index),
    });
    let mut places: Vec<Place> = legs.collect();
    for arrival in session.media.iter().flat_map(|media| &media.arrivals) {
        let place = Place::of(arrival);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::privacy::Privacy;
    use crate::output::sample;

    #[test]
    fn both_legs_of_one_tap_have_columns_of_their_own() {
        let mut snapshot = sample::snapshot();
        let session = &mut snapshot.sessions[0];
        session.legs[1].tap = TapId(0);
        session.media[0].arrivals[1].tap = TapId(0);
        let session = &snapshot.sessions[0];
        let ladder = ladder::of(&snapshot, session, Privacy::Redact);
        let lanes: Vec<&str> = ladder.lanes.iter().map(|lane| &*lane.title).collect();
        assert_eq!(lanes, ["client", "LAN/client", "LAN/server", "server"]);
        let matrix = matrix::of(&snapshot, session, Privacy::Redact);
        let stations: Vec<&str> = matrix.stations.iter().map(|place| &*place.title).collect();
        assert_eq!(stations, ["LAN/server", "LAN/client"]);
        assert_eq!(matrix.rows[0].break_at, Some(1));
    }
}
