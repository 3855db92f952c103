//! Streams that a server went on sending after their session had ended, at ports that the next session took up again.
//!
//! A use of a flow begins with a SETUP, so that what was left over is counted with what the new session got. Where the answers to
//! both SETUPs announce a source, each source is of the session that it was announced for.

use super::Unit;
use super::seat::Seat;

/// A source in a unit of one seat that is another's.
#[derive(Clone, Copy, Debug)]
struct Leftover {
    holder: usize,
    owner: usize,
    unit: usize,
    ssrc: u32,
}

/// Takes such sources from the seats that have them and gives them to those of the sessions that they are of.
pub(super) fn part(seats: &mut [Seat], units: &[Unit<'_>]) {
    let all = (0..seats.len()).flat_map(|holder| of_others(holder, seats, units));
    for leftover in all.collect::<Vec<_>>() {
        let Leftover {
            holder,
            owner,
            unit,
            ssrc,
        } = leftover;
        seats[holder].left_over.push(ssrc);
        seats[owner].goes_on.push((unit, ssrc));
    }
}

/// The sources in a seat's units that were announced for earlier sessions.
fn of_others(holder: usize, seats: &[Seat], units: &[Unit<'_>]) -> Vec<Leftover> {
    let seat = &seats[holder];
    let Some(announced) = seat.negotiated.ssrc else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for &index in seat.own() {
        let unit = &units[index];
        // A server may announce a source that it does not use.
        if unit.epoch.sources().all(|ssrc| ssrc != announced) {
            continue;
        }
        for ssrc in unit.epoch.sources().filter(|ssrc| *ssrc != announced) {
            let owner = seats.iter().position(|other| {
                other.session != seat.session
                    && other.tap == seat.tap
                    && other.since < seat.since
                    && other.negotiated.ssrc == Some(ssrc)
                    && came_the_same_way(other, unit, ssrc, units)
            });
            if let Some(owner) = owner {
                found.push(Leftover {
                    holder,
                    owner,
                    unit: index,
                    ssrc,
                });
            }
        }
    }
    found
}

/// Whether a seat has got this source through the flow of the unit before.
fn came_the_same_way(seat: &Seat, unit: &Unit<'_>, ssrc: u32, units: &[Unit<'_>]) -> bool {
    let mut own = seat.own().iter().map(|index| &units[*index]);
    own.any(|own| {
        (own.flow.from, own.flow.to) == (unit.flow.from, unit.flow.to)
            && own.epoch.sources().any(|other| other == ssrc)
    })
}
