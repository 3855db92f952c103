//! What left a client's port before its medium came, whoever it was for.
//!
//! A NAT knows nothing of sessions. A datagram of an earlier session, of an attempt before this one or of another medium
//! opened the way as well as one of the medium itself, for as long as the mapping lives: each packet renews it, one that
//! came in too with most routers (RFC 4787 §4.3).

use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::FixedState;
use rtspscope_wire::{TapId, Timestamp};

use super::Unit;
use super::seat::Seat;
use crate::model::{Arrival, EarlierUse};

/// What passed at a port of the client before a given moment.
#[derive(Clone, Copy, Debug, Default)]
struct Before {
    /// The client had sent from it.
    sent: bool,
    /// The end of what passed, in either direction.
    last: Option<Timestamp>,
}

/// Fills in, for each medium that came to a port of the client, the earlier use of that port.
pub(super) fn fill_earlier_uses(seats: &[Seat], arrivals: &mut [Arrival], units: &[Unit<'_>]) {
    let mut asked: HashMap<(TapId, SocketAddr), Vec<(Timestamp, Before)>, FixedState> =
        HashMap::default();
    for (seat, arrival) in seats.iter().zip(arrivals.iter()) {
        for (end, at) in ends(seat, arrival) {
            let moments = asked.entry((seat.tap, end)).or_default();
            moments.push((at, Before::default()));
        }
    }
    if asked.is_empty() {
        return;
    }
    for unit in units {
        for (end, is_sent) in [(unit.flow.from, true), (unit.flow.to, false)] {
            let moments = asked.get_mut(&(unit.flow.tap, end));
            for (at, before) in moments.into_iter().flatten() {
                if unit.epoch.first.at < *at {
                    before.sent |= is_sent;
                    before.last = before.last.max(Some(unit.epoch.last.at.min(*at)));
                }
            }
        }
    }
    for (seat, arrival) in seats.iter().zip(arrivals) {
        let uses = ends(seat, arrival).into_iter().filter_map(|(end, at)| {
            let moments = asked.get(&(seat.tap, end))?;
            let (_, before) = moments.iter().find(|(moment, _)| *moment == at)?;
            let last = before.last.filter(|_| before.sent)?;
            Some(EarlierUse { end, at, last })
        });
        arrival.earlier_uses = uses.collect();
    }
}

/// Where a seat's RTP and RTCP came to by UDP, and when first.
fn ends(seat: &Seat, arrival: &Arrival) -> Vec<(SocketAddr, Timestamp)> {
    let (rtp, rtcp) = (&arrival.rtp, &arrival.rtcp);
    let ends = [(rtp.to, rtp.first), (rtcp.to, rtcp.first)];
    let known = ends.into_iter().filter(|_| seat.by_udp);
    known
        .filter_map(|(to, first)| Some((to?, first?.at)))
        .filter(|(to, _)| seat.is_client(to.ip()))
        .collect()
}
