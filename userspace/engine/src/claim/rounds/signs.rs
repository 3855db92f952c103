//! The signs by which a unit is told to be of one medium and of no other.

use std::net::SocketAddr;

use super::super::Unit;
use super::super::seat::Seat;
use super::Table;

/// What the packets of a unit say, by their source and payload type, of a medium among those of its session. A server that sends
/// all media of a session through one port leaves no other sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    /// They are of another medium of the session.
    Anothers,
    /// They tell nothing.
    Untold,
    /// They are of this one and of no other.
    Own,
}

impl Content {
    fn of(own: bool, anothers: bool) -> Self {
        match (own, anothers) {
            (true, false) => Self::Own,
            (false, true) => Self::Anothers,
            (true, true) | (false, false) => Self::Untold,
        }
    }

    fn or(self, weaker: impl FnOnce() -> Self) -> Self {
        if self == Self::Untold { weaker() } else { self }
    }
}

impl Table<'_, '_> {
    /// What the packets of a unit say of a medium: by the source that the answers to SETUP announce, else by the payload types
    /// of the description, and of reports by the source whose media came.
    pub(super) fn content(&self, at: usize, unit: &Unit<'_>) -> Content {
        let main = unit.epoch.media.as_deref();
        let main = main.and_then(|media| media.stats.main_source());
        let main = main.filter(|_| unit.epoch.is_media());
        let Some(ssrc) = main.map_or_else(|| unit.epoch.reporter(), |main| Some(main.ssrc)) else {
            return Content::Untold;
        };
        let among = |is_its: &dyn Fn(usize) -> bool| {
            let mut beside = self.beside(at, unit);
            Content::of(is_its(at), beside.any(is_its))
        };
        let announced = among(&|seat| self.seats[seat].negotiated.ssrc == Some(ssrc));
        announced.or(|| match main {
            Some(main) => {
                let payload_type = main.payload_type;
                among(&|seat| self.seats[seat].payload_types.contains(&payload_type))
            }
            None => among(&|seat| self.sources_of(seat).contains(&ssrc)),
        })
    }

    /// The other media of a seat's session at its leg that are sent the same way and that a unit may be of by its time.
    fn beside(&self, at: usize, unit: &Unit<'_>) -> impl Iterator<Item = usize> {
        let seat = &self.seats[at];
        let (first, last) = (unit.epoch.first.at, unit.epoch.last.at);
        let session = |seat: &Seat| seat.session;
        let start = self
            .seats
            .partition_point(|other| session(other) < seat.session);
        let end = self
            .seats
            .partition_point(|other| session(other) <= seat.session);
        (start..end).filter(move |index| {
            let other = &self.seats[*index];
            *index != at
                && other.by_udp
                && (other.leg, other.direction) == (seat.leg, seat.direction)
                && other.since <= last
                && other.may_begin_at(first)
        })
    }

    /// The one medium at a server's port of whose media a unit from or to that port is, where it is not of the one at `at`.
    pub(super) fn rightful(&self, at: usize, unit: &Unit<'_>) -> Option<usize> {
        if self.content(at, unit) != Content::Anothers {
            return None;
        }
        let ends = [unit.flow.from, unit.flow.to];
        let mut others = self.beside(at, unit).filter(|other| {
            let at_port = self.seats[*other].server_ends();
            at_port.iter().any(|end| ends.contains(end))
                && self.content(*other, unit) == Content::Own
        });
        others.next().filter(|_| others.next().is_none())
    }

    /// The one seat of these that a unit can be of: the only one, or of one session the only one whose media its packets are.
    pub(super) fn only(&self, mut fitting: Vec<usize>, unit: &Unit<'_>) -> Option<usize> {
        fitting.retain(|seat| self.content(*seat, unit) != Content::Anothers);
        let session = |seat: &usize| self.seats[*seat].session;
        if fitting
            .iter()
            .all(|seat| Some(session(seat)) == fitting.first().map(session))
            && fitting.len() > 1
        {
            fitting.retain(|seat| self.content(*seat, unit) == Content::Own);
        }
        match fitting[..] {
            [seat] => Some(seat),
            _ => None,
        }
    }

    /// Whether the client's end of a unit has the port that the client asked for at another leg: an ALG changed the text, and the
    /// NAT kept the port.
    fn keeps_port(&self, at: usize, unit: &Unit<'_>) -> bool {
        let seat = &self.seats[at];
        let others = self.of_medium(seat.session, seat.media).iter();
        others.filter(|other| other.leg != seat.leg).any(|other| {
            let asked = [
                other.negotiated.client_rtp_port,
                other.negotiated.client_rtcp_port,
            ];
            [unit.flow.from, unit.flow.to]
                .into_iter()
                .any(|end| seat.is_client(end.ip()) && asked.contains(&Some(end.port())))
        })
    }

    /// Whether RTP of the unit's source came to the same medium at another leg at that time.
    fn seen_at_other_legs(&self, at: usize, unit: &Unit<'_>) -> bool {
        let seat = &self.seats[at];
        self.of_medium(seat.session, seat.media)
            .iter()
            .filter(|other| other.leg != seat.leg)
            .flat_map(Seat::own)
            .map(|own| self.units[*own].epoch)
            .any(|own| {
                let is_shared = own
                    .sources()
                    .any(|ssrc| unit.epoch.sources().any(|other| other == ssrc));
                is_shared && own.overlaps(unit.epoch)
            })
    }

    /// Whether half of the unit's RTP or more is of the source that the answer to SETUP names: a part of it may be left over from
    /// before.
    fn is_announced(&self, at: usize, unit: &Unit<'_>) -> bool {
        let media = unit.epoch.media.as_deref();
        let announced = self.seats[at].negotiated.ssrc.zip(media);
        let source = announced.and_then(|(ssrc, media)| media.stats.source(ssrc));
        source.is_some_and(|source| source.packets.saturating_mul(2) >= unit.rtp_packets())
    }

    /// Whether media of the seat went, then or later, to the client's end of the unit or to the port beside it: RTCP goes
    /// beside its RTP (RFC 3550 §11), and a hole is made from where the media arrives.
    fn has_pair_of(&self, at: usize, unit: &Unit<'_>) -> bool {
        let is_pair = |to: SocketAddr, end: SocketAddr| {
            to.ip() == end.ip() && to.port() | 1 == end.port() | 1
        };
        self.seats[at].from_server.iter().any(|own| {
            let own = &self.units[*own];
            let to = own.flow.to;
            (is_pair(to, unit.flow.to) || is_pair(to, unit.flow.from))
                && own.epoch.last.at >= unit.epoch.first.at
        })
    }

    /// The seats of one medium, one for each leg.
    pub(super) fn of_medium(&self, session: usize, media: usize) -> &[Seat] {
        let medium = |seat: &Seat| (seat.session, seat.media);
        let own = (session, media);
        let start = self.seats.partition_point(|seat| medium(seat) < own);
        let end = self.seats.partition_point(|seat| medium(seat) <= own);
        &self.seats[start..end]
    }

    /// Of the seats that the same sign points to, the one whose hosts, SETUP, source and server fit best. A port pair that a later
    /// SETUP names again belongs to the later session from then on.
    pub(super) fn best(&self, candidates: &[usize], unit: &Unit<'_>) -> Option<usize> {
        let (first, last) = (unit.epoch.first.at, unit.epoch.last.at);
        let mut in_time = candidates.to_vec();
        in_time.retain(|seat| self.seats[*seat].since <= last);
        if let [only] = in_time[..] {
            return Some(only);
        }
        in_time.into_iter().max_by_key(|at| {
            let seat = &self.seats[*at];
            let ends = [unit.flow.from, unit.flow.to];
            let exact = seat.server_ends().iter().any(|end| ends.contains(end));
            let server = ends.iter().any(|end| seat.is_server(end.ip()));
            let hosts = ends.map(|end| end.ip());
            let own = hosts == [seat.server, seat.client] || hosts == [seat.client, seat.server];
            (
                seat.since <= first,
                seat.may_begin_at(first),
                own,
                self.seen_at_other_legs(*at, unit),
                self.is_announced(*at, unit),
                self.content(*at, unit),
                self.keeps_port(*at, unit),
                exact,
                self.has_pair_of(*at, unit),
                server,
                seat.since,
                std::cmp::Reverse(*at),
            )
        })
    }
}
