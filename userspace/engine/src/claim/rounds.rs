//! The rounds in which flows are claimed, from the strongest sign to the weakest.

mod signs;

use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::FixedState;
use rtspscope_wire::{Span, TapId};

use super::Unit;
use super::seat::Seat;
use crate::model::MediaDirection;
use signs::Content;

/// Packets without which a flow is not taken for media on the weakest sign.
const LONE_FLOW_PACKETS: u64 = 2;

/// A source that moves to another port is late at the old one by less.
const AT_ONE_TIME: Span = Span::from_secs(1);

/// Media seen at a tap that has no leg of the session: found by SSRC.
#[derive(Clone, Debug)]
pub(super) struct Stray {
    pub(super) session: usize,
    pub(super) media: usize,
    pub(super) tap: TapId,
    pub(super) units: Vec<usize>,
}

type Ends = HashMap<(TapId, SocketAddr), Vec<usize>, FixedState>;

/// Gives each unit to at most one seat, a group's to all who watch it, and names the media found at taps where their session
/// has no leg. Also says of each unit whether somebody has it.
pub(super) fn assign<'u>(seats: &mut [Seat], units: &'u [Unit<'u>]) -> (Vec<Stray>, Vec<bool>) {
    let mut table = Table {
        seats,
        units,
        taken: vec![false; units.len()],
    };
    table.by_receiver(Seat::asked, false);
    table.by_client();
    table.by_receiver(Seat::answered, true);
    table.by_punched_hole();
    table.by_source();
    table.by_sender();
    table.by_pair();
    table.by_lack_of_others();
    // What a weak sign found at one leg is known by its source at another, whose messages may tell less.
    table.by_source();
    table.by_pair();
    table.by_return();
    let (strays, mut taken) = (table.strays(), table.taken);
    for index in strays.iter().flat_map(|stray| &stray.units) {
        taken[*index] = true;
    }
    (strays, taken)
}

struct Table<'t, 'u> {
    seats: &'t mut [Seat],
    units: &'u [Unit<'u>],
    taken: Vec<bool>,
}

impl<'u> Table<'_, 'u> {
    /// Media that goes where the SETUP says.
    fn by_receiver(&mut self, receivers: impl Fn(&Seat) -> Vec<SocketAddr>, only_missing: bool) {
        let has_rtp: Vec<bool> = (0..self.seats.len())
            .map(|seat| self.has_rtp(seat))
            .collect();
        let wanting =
            |at: usize, _: &Seat| !only_missing || !has_rtp.get(at).copied().unwrap_or(true);
        let ends = self.ends(&receivers, wanting);
        let senders = self.ends(&Seat::server_ends, |_, _| true);
        let candidates_of = |unit: &Unit<'_>| ends.get(&(unit.flow.tap, unit.flow.to));
        // Where several seats wait at the same place (two hosts behind one public address asked for the same port),
        // what other taps saw tells, and of RTCP where its RTP went; so those units come last.
        let mut free = self.free();
        free.sort_by_key(|(_, unit)| {
            let disputed = candidates_of(unit).is_some_and(|seats| seats.len() > 1);
            (disputed, disputed && unit.rtp_packets() == 0)
        });
        for (index, unit) in free {
            let Some(candidates) = candidates_of(&unit) else {
                continue;
            };
            if unit.flow.to.ip().is_multicast() {
                self.share(candidates, index, &unit);
                continue;
            }
            let announced = senders.get(&(unit.flow.tap, unit.flow.from));
            let mut fitting = candidates.clone();
            if let Some(announced) = announced {
                fitting.retain(|seat| !self.is_anothers(*seat, announced, &unit));
            }
            if let Some(seat) = self.best(&fitting, &unit) {
                self.hand(seat, index, &unit);
            }
        }
    }

    /// Whether a unit that came to where a medium is expected is another's, which a NAT took there: it comes from a port that
    /// the server announced to others alone (`announced`), and what comes from the medium's own port is there beside it.
    fn is_anothers(&self, at: usize, announced: &[usize], unit: &Unit<'_>) -> bool {
        let seat = &self.seats[at];
        let others = |other: &&usize| {
            let other = &self.seats[**other];
            other.session != seat.session
                && other.since <= unit.epoch.last.at
                && other.may_begin_at(unit.epoch.first.at)
        };
        if announced.contains(&at) || announced.iter().find(others).is_none() {
            return false;
        }
        let own_ends = seat.server_ends();
        self.units.iter().any(|own| {
            (own.flow.tap, own.flow.to) == (unit.flow.tap, unit.flow.to)
                && own_ends.contains(&own.flow.from)
                && own.rtp_packets() > 0
                && own.epoch.overlaps(unit.epoch)
        })
    }

    /// A group's packets are for everyone who was told of the group before they ended, and was still there when they began.
    fn share(&mut self, candidates: &[usize], index: usize, unit: &Unit<'_>) {
        for &seat in candidates {
            let Seat { since, ended, .. } = self.seats[seat];
            let was_over = ended.is_some_and(|ended| unit.epoch.first.at > ended);
            if since <= unit.epoch.last.at && !was_over {
                self.hand(seat, index, unit);
            }
        }
    }

    /// Gives a unit to a seat, on the side of who sent it.
    fn hand(&mut self, seat: usize, index: usize, unit: &Unit<'_>) {
        let from = unit.flow.from.ip();
        let own = &mut self.seats[seat];
        if own.is_client(from) && !own.is_server(from) {
            own.from_client.push(index);
        } else {
            own.from_server.push(index);
        }
        self.taken[index] = true;
    }

    /// What leaves the client's ports, or goes from the client to the server's.
    fn by_client(&mut self) {
        let own = self.ends(&Seat::client_ends, |_, _| true);
        let servers = self.ends(&Seat::server_ends, |_, _| true);
        let mut free = self.free();
        // Of what goes where several media wait and comes from no port that was agreed on, RTP tells by its content.
        free.sort_by_key(|(_, unit)| {
            let ends = (unit.flow.tap, unit.flow.from);
            !own.contains_key(&ends) && !unit.epoch.is_media()
        });
        for (index, unit) in free {
            let tap = unit.flow.tap;
            let by_port = own
                .get(&(tap, unit.flow.from))
                .and_then(|candidates| self.best(candidates, &unit));
            let seat = by_port.or_else(|| {
                let to_server = servers.get(&(tap, unit.flow.to))?;
                let from_client = |seat: &&usize| self.seats[**seat].is_client(unit.flow.from.ip());
                let candidates: Vec<usize> =
                    to_server.iter().filter(from_client).copied().collect();
                self.best(&candidates, &unit)
            });
            if let Some(seat) = seat {
                self.seats[seat].from_client.push(index);
                self.taken[index] = true;
            }
        }
    }

    /// Media that comes back through the very hole that the client made.
    fn by_punched_hole(&mut self) {
        let mut holes: HashMap<(TapId, SocketAddr, SocketAddr), (usize, usize), FixedState> =
            HashMap::default();
        for (at, seat) in self.seats.iter().enumerate() {
            for punch in &seat.from_client {
                let flow = self.units[*punch].flow;
                holes.insert((flow.tap, flow.to, flow.from), (at, *punch));
            }
        }
        for (index, unit) in self.free() {
            let hole = holes.get(&(unit.flow.tap, unit.flow.from, unit.flow.to));
            let hole = hole.filter(|(owner, _)| self.seats[*owner].since <= unit.epoch.last.at);
            let Some(&(owner, punch)) =
                hole.filter(|_| unit.rtp_packets() + unit.rtcp_packets() > 0)
            else {
                continue;
            };
            let Some(rightful) = self.rightful(owner, &unit) else {
                self.give(owner, index);
                continue;
            };
            // What made the hole told nothing of its medium.
            self.seats[owner].from_client.retain(|own| *own != punch);
            self.seats[rightful].from_client.push(punch);
            self.give(rightful, index);
        }
    }

    /// Media of the SSRC that the response names, or that another leg saw.
    fn by_source(&mut self) {
        let mut sources: HashMap<(TapId, u32), Vec<usize>, FixedState> = HashMap::default();
        for at in 0..self.seats.len() {
            if self.seats[at].by_udp {
                for ssrc in self.sources_of(at) {
                    sources
                        .entry((self.seats[at].tap, ssrc))
                        .or_default()
                        .push(at);
                }
            }
        }
        for (index, unit) in self.free() {
            // No two numbers need follow each other: where every large packet is lost, none may.
            let is_stream = unit.rtp_packets() >= LONE_FLOW_PACKETS;
            let ssrc = unit.epoch.ssrc().filter(|_| is_stream);
            let Some(candidates) = ssrc.and_then(|ssrc| sources.get(&(unit.flow.tap, ssrc))) else {
                continue;
            };
            let (from, to) = (unit.flow.from.ip(), unit.flow.to.ip());
            let mut fitting = candidates.clone();
            fitting.retain(|seat| {
                let [from_sender, to_receiver] = self.seats[*seat].goes_right(from, to);
                (to_receiver || (from_sender && !self.has_rtp(*seat)))
                    && !self.has_rtp_beside(*seat, &unit)
            });
            if let Some(seat) = self.best(&fitting, &unit) {
                self.give_own(seat, index);
            }
        }
    }

    /// Media from the server's announced port to the client at whatever port, where only one medium can be meant.
    fn by_sender(&mut self) {
        let senders = self.ends(&Seat::server_ends, |_, _| true);
        let mut free = self.free();
        // Reports tell by their source whose they are, once its media is there.
        free.sort_by_key(|(_, unit)| !unit.epoch.is_media());
        for (index, unit) in free {
            let Some(candidates) = senders.get(&(unit.flow.tap, unit.flow.from)) else {
                continue;
            };
            let (rtp, rtcp) = (unit.epoch.is_media(), unit.rtcp_packets() > 0);
            // Many viewers of one camera share its port: who it goes to tells most of them apart.
            let fits = |seat: &usize| {
                let candidate = &self.seats[*seat];
                let rtp = rtp && candidate.direction == MediaDirection::FromServer;
                candidate.is_client(unit.flow.to.ip())
                    && candidate.since <= unit.epoch.last.at
                    && candidate.may_begin_at(unit.epoch.first.at)
                    && ((rtp && !self.has_rtp(*seat)) || (!rtp && rtcp && !self.has_rtcp(*seat)))
            };
            let mut fitting = candidates.clone();
            fitting.retain(fits);
            if let Some(seat) = self.only(fitting, &unit) {
                self.give(seat, index);
            }
        }
    }

    /// RTCP beside the RTP of a medium, at both ends (RFC 3550 §11), where no message tells its port.
    fn by_pair(&mut self) {
        let mut beside: HashMap<(TapId, SocketAddr, SocketAddr), usize, FixedState> =
            HashMap::default();
        let next = |end: SocketAddr| Some(SocketAddr::new(end.ip(), end.port().checked_add(1)?));
        for (at, seat) in self.seats.iter().enumerate() {
            if !seat.by_udp || seat.negotiated.client_rtp_port.is_some() || self.has_rtcp(at) {
                continue;
            }
            for unit in &seat.from_server {
                let flow = self.units[*unit].flow;
                if let (Some(from), Some(to)) = (next(flow.from), next(flow.to)) {
                    beside.insert((flow.tap, from, to), at);
                }
            }
        }
        for (index, unit) in self.free() {
            let seat = beside.get(&(unit.flow.tap, unit.flow.from, unit.flow.to));
            let seat = seat.filter(|seat| self.seats[**seat].since <= unit.epoch.last.at);
            if let Some(&seat) = seat.filter(|_| unit.rtcp_packets() > 0) {
                self.give(seat, index);
            }
        }
    }

    /// The one flow of RTP that passed between the two after PLAY or RECORD and that is of no other medium by its content, for the
    /// one medium that lacks any.
    fn by_lack_of_others(&mut self) {
        for at in 0..self.seats.len() {
            let seat = &self.seats[at];
            let Some(playing_since) = seat
                .playing_since
                .filter(|_| seat.by_udp && !self.has_rtp(at))
            else {
                continue;
            };
            let between = |unit: &Unit<'_>| {
                unit.flow.tap == seat.tap
                    && seat.goes_right(unit.flow.from.ip(), unit.flow.to.ip()) == [true; 2]
                    && unit.epoch.is_media()
                    && unit.rtp_packets() >= LONE_FLOW_PACKETS
                    && unit.epoch.last.at >= playing_since
                    && seat.may_begin_at(unit.epoch.first.at)
                    && self.content(at, unit) != Content::Anothers
            };
            let flows: Vec<usize> = self
                .free()
                .into_iter()
                .filter(|(_, unit)| between(unit))
                .map(|(at, _)| at)
                .collect();
            let [flow] = flows[..] else { continue };
            let unit = self.units[flow];
            let has_rival = self.seats.iter().enumerate().any(|(other, rival)| {
                other != at
                    && rival.by_udp
                    && (rival.tap, rival.client, rival.server, rival.direction)
                        == (seat.tap, seat.client, seat.server, seat.direction)
                    && rival.may_begin_at(unit.epoch.first.at)
                    && !self.has_rtp(other)
                    && self.content(other, &unit) != Content::Anothers
            });
            if !has_rival {
                self.give_own(at, flow);
            }
        }
    }

    /// What goes back where media came from: the client's own, whatever port a NAT gave it.
    fn by_return(&mut self) {
        let mut media: HashMap<(TapId, SocketAddr, SocketAddr), usize, FixedState> =
            HashMap::default();
        for (at, seat) in self.seats.iter().enumerate() {
            let flows = seat.from_server.iter().map(|index| self.units[*index].flow);
            media.extend(flows.map(|flow| ((flow.tap, flow.to, flow.from), at)));
        }
        for (index, unit) in self.free() {
            let (tap, from, to) = (unit.flow.tap, unit.flow.from, unit.flow.to);
            if let Some(&seat) = media.get(&(tap, from, to)) {
                self.seats[seat].from_client.push(index);
                self.taken[index] = true;
            }
        }
    }

    /// Media at taps where its session has no leg.
    fn strays(&self) -> Vec<Stray> {
        let mut owners: HashMap<u32, Vec<(usize, usize)>, FixedState> = HashMap::default();
        for (at, seat) in self.seats.iter().enumerate() {
            for ssrc in self.sources_of(at) {
                let owners = owners.entry(ssrc).or_default();
                if !owners.contains(&(seat.session, seat.media)) {
                    owners.push((seat.session, seat.media));
                }
            }
        }
        let mut strays: Vec<Stray> = Vec::new();
        for (index, unit) in self.free() {
            let ssrc = unit.epoch.ssrc().filter(|_| unit.epoch.is_media());
            let Some(&[(session, media)]) =
                ssrc.and_then(|ssrc| owners.get(&ssrc)).map(Vec::as_slice)
            else {
                continue;
            };
            let tap = unit.flow.tap;
            if self
                .seats
                .iter()
                .any(|seat| seat.session == session && seat.tap == tap)
            {
                continue;
            }
            match strays
                .iter_mut()
                .find(|stray| (stray.session, stray.media, stray.tap) == (session, media, tap))
            {
                Some(stray) => stray.units.push(index),
                None => strays.push(Stray {
                    session,
                    media,
                    tap,
                    units: vec![index],
                }),
            }
        }
        strays.sort_by_key(|stray| (stray.session, stray.media, stray.tap));
        strays
    }

    /// Gives a unit to a seat on the side of who sends the medium.
    fn give_own(&mut self, seat: usize, unit: usize) {
        let own = &mut self.seats[seat];
        match own.direction {
            MediaDirection::FromServer => own.from_server.push(unit),
            MediaDirection::FromClient => own.from_client.push(unit),
        }
        self.taken[unit] = true;
    }

    fn give(&mut self, seat: usize, unit: usize) {
        self.seats[seat].from_server.push(unit);
        self.taken[unit] = true;
    }

    /// Units that nobody has, in order.
    fn free(&self) -> Vec<(usize, Unit<'u>)> {
        let units: &'u [Unit<'u>] = self.units;
        units
            .iter()
            .copied()
            .enumerate()
            .filter(|(index, _)| !self.taken[*index])
            .collect()
    }

    /// Whether a medium has RTP of the end that sends it.
    fn has_rtp(&self, seat: usize) -> bool {
        self.seats[seat]
            .own()
            .iter()
            .any(|unit| self.units[*unit].rtp_packets() > 0)
    }

    /// Whether a medium has RTP of its own that came to another place at the same time: a server that has one source for all who
    /// watch sends the rest to somebody else behind the same address.
    fn has_rtp_beside(&self, seat: usize, unit: &Unit<'_>) -> bool {
        let (begin, end) = (unit.epoch.first.at, unit.epoch.last.at);
        self.seats[seat].own().iter().any(|own| {
            let own = &self.units[*own];
            let together = own.epoch.last.at.min(end) - own.epoch.first.at.max(begin);
            own.rtp_packets() > 0 && own.flow.to != unit.flow.to && together >= AT_ONE_TIME
        })
    }

    fn has_rtcp(&self, seat: usize) -> bool {
        self.seats[seat]
            .from_server
            .iter()
            .any(|unit| self.units[*unit].rtcp_packets() > 0)
    }

    /// The SSRC that the response names and those of the medium's RTP at any leg.
    fn sources_of(&self, at: usize) -> Vec<u32> {
        let seat = &self.seats[at];
        let mut sources: Vec<u32> = self
            .of_medium(seat.session, seat.media)
            .iter()
            .flat_map(|seat| {
                let seen = seat
                    .own()
                    .iter()
                    .flat_map(|unit| self.units[*unit].epoch.sources());
                seat.negotiated.ssrc.into_iter().chain(seen)
            })
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    fn ends(
        &self,
        of: &impl Fn(&Seat) -> Vec<SocketAddr>,
        wanting: impl Fn(usize, &Seat) -> bool,
    ) -> Ends {
        let mut ends = Ends::default();
        for (at, seat) in self
            .seats
            .iter()
            .enumerate()
            .filter(|(at, seat)| seat.by_udp && wanting(*at, seat))
        {
            for end in of(seat) {
                let seats = ends.entry((seat.tap, end)).or_default();
                if seats.last() != Some(&at) {
                    seats.push(at);
                }
            }
        }
        ends
    }
}
