//! Whose packet it was that an ICMP error speaks of: players take the same ports again for their next session.

use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::FixedState;
use rtspscope_wire::{Span, TapId, Timestamp};

use super::Unit;
use super::seat::Seat;
use crate::flow::Epoch;

/// So long after a packet an error may speak of it: a router asks three times in as many seconds for the hardware address of
/// the next host (`ucast_solicit`, `retrans_time_ms` of Linux's neighbour tables) before it gives up.
const LATE: Span = Span::from_secs(3);

/// A sender and a receiver at a tap.
type Ends = (TapId, SocketAddr, SocketAddr);

/// Which session a packet from the server to a client's port was of, by the time at which it passed.
#[derive(Debug)]
pub(super) struct Owners<'a> {
    /// Uses of each flow from a server, each with the session that has it.
    uses: HashMap<Ends, Vec<(&'a Epoch, usize)>, FixedState>,
    /// Seats by where their media was asked for.
    asked: HashMap<(TapId, SocketAddr), Vec<&'a Seat>, FixedState>,
}

impl<'a> Owners<'a> {
    pub(super) fn new(seats: &'a [Seat], units: &'a [Unit<'a>]) -> Self {
        let mut owners = Self {
            uses: HashMap::default(),
            asked: HashMap::default(),
        };
        for seat in seats {
            for unit in seat
                .from_server
                .iter()
                .filter_map(|index| units.get(*index))
            {
                let flow = (unit.flow.tap, unit.flow.from, unit.flow.to);
                let uses = owners.uses.entry(flow).or_default();
                uses.push((unit.epoch, seat.session));
            }
            for end in seat.asked() {
                owners.asked.entry((seat.tap, end)).or_default().push(seat);
            }
        }
        owners
    }

    /// Whether it may be this session of whose packet, from the first end to the second, an error at this time speaks: of several
    /// that had the port it is the last before. What was seen of the packets tells it, else who asked for them.
    pub(super) fn may_be_of(
        &self,
        session: usize,
        tap: TapId,
        (from, to): (SocketAddr, SocketAddr),
        at: Timestamp,
    ) -> bool {
        let uses = self.uses.get(&(tap, from, to)).into_iter().flatten();
        let uses = uses.filter(|(epoch, _)| at - epoch.last.at <= LATE);
        let asked = self.asked.get(&(tap, to)).into_iter().flatten();
        let asked = asked.filter(|seat| seat.is_server(from.ip()));
        is_last(
            uses.map(|(epoch, owner)| (epoch.first.at, *owner)),
            session,
            at,
        )
        .or_else(|| is_last(asked.map(|seat| (seat.since, seat.session)), session, at))
        .unwrap_or(true)
    }
}

/// Whether a session is the last that began by this time, or one of them; `None` where none had.
fn is_last(
    begun: impl Iterator<Item = (Timestamp, usize)> + Clone,
    session: usize,
    at: Timestamp,
) -> Option<bool> {
    let begun = begun.filter(|(since, _)| *since <= at);
    let last = begun.clone().map(|(since, _)| since).max()?;
    let mut of_last = begun.filter(|(since, _)| *since == last);
    Some(of_last.any(|(_, owner)| owner == session))
}
