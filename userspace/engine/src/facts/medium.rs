//! One medium of a session: what each tap saw of it, what opened its way, and where it was lost.

use std::net::{IpAddr, SocketAddr};

use rtspscope_wire::sdp::StreamDirection;
use rtspscope_wire::{Span, Timestamp};

use super::clock_step::shared_step;
use super::reported::is_received;
use super::{LAG, SessionFacts, Sides, play_accepted, play_among};
use crate::locator::Locator;
use crate::media::Streams;
use crate::model::{
    Arrival, ClientDatagrams, Exchange, Leg, MediaDirection, MediaStream, Message, Negotiated,
    Side, UnclaimedRtp,
};

/// One medium and what each tap saw of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MediaFacts<'a> {
    pub(crate) facts: SessionFacts<'a>,
    /// The medium.
    pub(crate) media: &'a MediaStream,
    /// Its index in the session.
    pub(crate) index: usize,
}

impl<'a> MediaFacts<'a> {
    /// What was seen beside a leg.
    pub(crate) fn arrival(self, leg_index: usize) -> Option<&'a Arrival> {
        self.media
            .arrivals
            .iter()
            .find(|arrival| arrival.leg == Some(leg_index))
    }

    /// What was seen next to the client, with both sides visible.
    pub(crate) fn at_client(self) -> Option<&'a Arrival> {
        self.arrival(self.facts.sides()?.client_index)
    }

    /// What was seen next to the server, with both sides visible.
    pub(crate) fn at_server(self) -> Option<&'a Arrival> {
        self.arrival(self.facts.sides()?.server_index)
    }

    /// Whether the medium comes in the RTSP connection itself.
    pub(crate) fn in_band(self) -> bool {
        self.media.set_up && self.media.negotiated.channels.is_some()
    }

    /// Whether the medium comes as unicast UDP: the ports of SETUP say so, or, where a capture cut them off, its packets do.
    pub(crate) fn is_udp(self) -> bool {
        let negotiated = &self.media.negotiated;
        let ports = negotiated.client_rtp_port.is_some() || negotiated.server_rtp_port.is_some();
        let mut arrivals = self.media.arrivals.iter();
        let mut came = || arrivals.any(|arrival| arrival.leg.is_some() && arrival.rtp.packets > 0);
        self.media.set_up
            && (ports || came())
            && negotiated.channels.is_none()
            && negotiated.multicast.is_none()
    }

    /// The multicast group to which the medium goes.
    pub(crate) fn group(self) -> Option<Group<'a>> {
        let (address, _, _) = self.media.negotiated.multicast?;
        let is_group = self.media.set_up && self.media.negotiated.channels.is_none();
        is_group.then_some(Group {
            media: self,
            address,
        })
    }

    /// Ports and addresses as a leg's messages show them.
    pub(crate) fn negotiated_at(self, leg_index: usize) -> &'a Negotiated {
        self.media
            .per_leg
            .get(leg_index)
            .unwrap_or(&self.media.negotiated)
    }

    /// When PLAY or RECORD was accepted for this medium at a leg.
    pub(crate) fn play_accepted(self, leg_index: usize) -> Option<Locator> {
        let leg = self.facts.session.legs.get(leg_index)?;
        let in_force = self.media.exchanges_in_force(leg_index, leg);
        Some(play_among(in_force)?.response.as_ref()?.at)
    }

    /// When the client asked for that at a leg, or the server accepted it where the request is not in the capture. Many servers
    /// send before they answer.
    pub(crate) fn play_asked(self, leg_index: usize) -> Option<Locator> {
        let leg = self.facts.session.legs.get(leg_index)?;
        let play = play_among(self.media.exchanges_in_force(leg_index, leg))?;
        let said = play.request.as_ref().or(play.response.as_ref());
        said.map(|message| message.at)
    }

    /// When the client began to end this medium at a leg: its TEARDOWN or PAUSE, or the SETUP that took its place, else the
    /// end of the connection.
    pub(crate) fn ending(self, leg_index: usize) -> Option<Timestamp> {
        let leg = self.facts.session.legs.get(leg_index)?;
        let superseding = self.media.superseding(leg_index, leg);
        let superseded = superseding.and_then(|setup| Some(setup.request.as_ref()?.at.at));
        let asked = self.asked_to_end(leg_index, &["TEARDOWN", "PAUSE"]);
        let closed = leg.closed.map(|close| close.at.at);
        asked.into_iter().chain(superseded).chain(closed).min()
    }

    /// When the client first asked at a leg to end this medium, by one of these methods, and was not refused. A PAUSE after which
    /// it was played on ended nothing.
    pub(crate) fn asked_to_end(self, leg_index: usize, methods: &[&str]) -> Option<Timestamp> {
        let leg = self.facts.session.legs.get(leg_index)?;
        let resumed = self.resumed_by(leg_index, leg);
        let is_end = |exchange: &Exchange| methods.iter().any(|method| exchange.is(method));
        let mut in_force = self.media.range_in_force(leg_index, leg);
        in_force.start = in_force.start.max(resumed.unwrap_or(0));
        let mut ends = in_force.filter(|index| leg.exchanges.get(*index).is_some_and(is_end));
        let first = ends.next()?;
        let setup = self.media.setup.get(leg_index).copied().flatten();
        let streams = Streams::of(&leg.exchanges);
        let mut ends = std::iter::once(first).chain(ends);
        let end = ends.find(|end| streams.is_ended_by(setup, *end))?;
        Some(leg.exchanges.get(end)?.request.as_ref()?.at.at)
    }

    /// When PLAY was accepted that let it go on after a PAUSE, the last time.
    pub(crate) fn resumed(self, leg_index: usize) -> Option<Timestamp> {
        let leg = self.facts.session.legs.get(leg_index)?;
        let play = leg.exchanges.get(self.resumed_by(leg_index, leg)?)?;
        Some(play.response.as_ref()?.at.at)
    }

    /// The exchange with that PLAY.
    fn resumed_by(self, leg_index: usize, leg: &Leg) -> Option<usize> {
        let in_force = self.media.range_in_force(leg_index, leg);
        let exchange = |index: usize| leg.exchanges.get(index);
        let mut paused = in_force.clone();
        let first = paused.find(|index| exchange(*index).is_some_and(|own| own.is("PAUSE")))?;
        let setup = self.media.setup.get(leg_index).copied().flatten();
        let streams = Streams::of(&leg.exchanges);
        let is_resumed = |index: &usize| {
            exchange(*index).is_some_and(|own| own.starts_media() && own.succeeded())
                && setup.is_none_or(|setup| streams.names(setup, *index))
        };
        (first..in_force.end).rfind(is_resumed)
    }

    /// The medium that took this one's place, where it did and came out next to the end that receives it.
    pub(crate) fn recovery(self) -> Option<&'a MediaStream> {
        if !self.media.superseded {
            return None;
        }
        let receiving = match self.media.direction {
            MediaDirection::FromServer => 0,
            MediaDirection::FromClient => self.facts.session.legs.len().checked_sub(1)?,
        };
        let mut later = self.facts.session.media.iter().skip(self.index + 1);
        let last = later.rfind(|later| later.control == self.media.control)?;
        let mut arrivals = last.arrivals.iter();
        let arrival = arrivals.find(|arrival| arrival.leg == Some(receiving))?;
        (arrival.rtp.packets >= SURE_PACKETS).then_some(last)
    }

    /// Whether there is one.
    pub(crate) fn is_recovered(self) -> bool {
        self.recovery().is_some()
    }

    /// The SETUP request for this medium at a leg.
    pub(crate) fn setup_request(self, leg_index: usize) -> Option<Locator> {
        let leg = self.facts.session.legs.get(leg_index)?;
        let index = (*self.media.setup.get(leg_index)?)?;
        Some(leg.exchanges.get(index)?.request.as_ref()?.at)
    }

    /// Where the answer to that SETUP is.
    pub(crate) fn setup_response(self, leg_index: usize) -> Option<Locator> {
        Some(self.setup_answer(leg_index)?.at)
    }

    /// The answer to that SETUP.
    pub(crate) fn setup_answer(self, leg_index: usize) -> Option<&'a Message> {
        let leg = self.facts.session.legs.get(leg_index)?;
        let index = (*self.media.setup.get(leg_index)?)?;
        leg.exchanges.get(index)?.response.as_deref()
    }

    /// Whether what arrived did so in the time of this medium at a leg, as far as its begin and end are known.
    pub(crate) fn is_meanwhile(self, leg_index: usize, arrival: &Arrival) -> bool {
        let (first, last) = (arrival.rtp.first, arrival.rtp.last);
        let ended_before = last
            .zip(self.setup_request(leg_index))
            .is_some_and(|(last, setup)| last.at < setup.at);
        let began_after = first
            .zip(self.ending(leg_index))
            .is_some_and(|(first, end)| first.at > end);
        !ended_before && !began_after
    }

    /// Whether the description may mean that the client sends this medium, though no packet of the client shows it.
    pub(crate) fn may_go_to_server(self) -> bool {
        self.media.sdp_direction == Some(StreamDirection::SendOnly)
    }

    /// What the client sent from its negotiated RTP (or RTCP) port to the server, as its own side shows it; where its ports
    /// are not known, whatever it sent for the medium.
    pub(crate) fn opened(self, rtcp: bool) -> impl Iterator<Item = &'a ClientDatagrams> {
        let negotiated = self
            .facts
            .sides()
            .map(|sides| self.negotiated_at(sides.client_index));
        let ports = negotiated.map(|own| [own.client_rtp_port, own.client_rtcp_port]);
        let [rtp_port, rtcp_port] = ports.unwrap_or_default();
        let port = if rtcp { rtcp_port } else { rtp_port };
        let is_unknown = ports == Some([None; 2]);
        let sent = self
            .at_client()
            .map_or(&[][..], |arrival| &arrival.from_client);
        sent.iter()
            .filter(move |sent| is_unknown || Some(sent.from.port()) == port)
    }

    /// Whether the client had sent from that port before `at`, a time at its own tap: for this medium, or a short while
    /// ago for whatever else.
    fn opened_before(self, port: u16, at: Locator) -> bool {
        let Some(arrival) = self.at_client() else {
            return false;
        };
        // Where the directions are out of step, which of two packets came first is not known.
        let sides = self.facts.sides();
        let until = at.at + sides.map_or(Span(0), |sides| sides.client.order_uncertain_for());
        let mut sent = arrival.from_client.iter();
        let mut earlier = arrival.earlier_uses.iter();
        sent.any(|sent| sent.from.port() == port && sent.first.at <= until)
            || earlier.any(|used| {
                (used.end.port(), used.at) == (port, at.at) && at.at - used.last <= MAPPING_TIME
            })
    }

    /// The first RTP packet that came out for the client though nothing inside had opened the way, and where it went. What
    /// counts is the port that it came to: it may be another than the negotiated one, or the SETUP may be cut. Where the
    /// SETUP passed before the client's tap began, so may have what opened the way; and so it may where nothing of the client
    /// was captured.
    pub(crate) fn let_in_rtp(self) -> Option<LetIn> {
        let rtp = &self.at_client()?.rtp;
        self.let_in(rtp.first, rtp.to)
    }

    /// The same for RTCP.
    pub(crate) fn let_in_rtcp(self) -> Option<LetIn> {
        let rtcp = &self.at_client()?.rtcp;
        self.let_in(rtcp.first, rtcp.to)
    }

    fn let_in(self, first: Option<Locator>, to: Option<SocketAddr>) -> Option<LetIn> {
        let (first, port) = (first?, to?.port());
        let Sides {
            client,
            client_index,
            ..
        } = self.facts.sides()?;
        let is_told = !client.began_before() || self.setup_request(client_index).is_some();
        if !is_told || client.lacks_all_of(Side::Client) {
            return None;
        }
        let unopened = self.needs_opening()
            && !self.opened_before(port, first)
            && self.misdelivered().is_none();
        unopened.then_some(LetIn { first, port })
    }

    /// Whether plain NAT would hold this medium back until the client sends: the server knows the client by an address of
    /// the router's.
    pub(crate) fn needs_opening(self) -> bool {
        self.media.direction == MediaDirection::FromServer
            && self.is_udp()
            && self
                .facts
                .sides()
                .is_some_and(|sides| sides.nat.client_translated)
    }

    /// The first refusal of RTP by the client's side while the client still wanted it.
    pub(crate) fn refused(self) -> Option<Locator> {
        let sides = self.facts.sides()?;
        let end = self.ending(sides.client_index);
        let wanted = |at: Timestamp| end.is_none_or(|end| at + CLOSING_TIME < end);
        let refusals = self
            .at_client()?
            .refused
            .iter()
            .filter(|refusal| !refusal.rtcp_port);
        refusals.map(|refusal| refusal.at).find(|at| wanted(at.at))
    }

    /// Whether RTP was seen next to the end that sends it and none next to the other, though that tap was watching. One that
    /// captured nothing of that end, or did not see where the media was to go, may have overlooked it.
    pub(crate) fn lost_between(self) -> Option<Lost<'a>> {
        let sides = self.facts.sides()?;
        self.lost_on_the_way([sides.server_index, sides.client_index])
    }

    /// The same of two neighbours among more than two taps, wherever on the path: all that are nearer to the receiver saw none.
    pub(crate) fn lost_beside_the_router(self) -> Option<Lost<'a>> {
        let legs = self.facts.session.legs.len();
        if legs < 3 {
            return None;
        }
        let came = |leg: &usize| self.came_by(*leg);
        let [server, client] = match self.media.direction {
            MediaDirection::FromServer => {
                let nearest = (0..legs).find(came)?;
                [nearest, nearest.checked_sub(1)?]
            }
            MediaDirection::FromClient => {
                let farthest = (0..legs).rfind(came)?;
                [farthest + 1, farthest]
            }
        };
        self.lost_on_the_way([server, client])
    }

    /// Media that the server sent and that got lost where a router translates the client's address: between both sides, or
    /// between two other taps on the path.
    pub(crate) fn lost_at_nat(self) -> Option<Lost<'a>> {
        let lost = self
            .lost_between()
            .or_else(|| self.lost_beside_the_router())?;
        let [server, client] = lost.legs.map(|leg| self.facts.session.legs.get(leg));
        (self.needs_opening() && server?.client != client?.client).then_some(lost)
    }

    /// Whether a tap captured no UDP at all, although the client's own datagrams, which passed it, came to the next tap.
    pub(crate) fn is_overlooked_at(self, arrival: &Arrival) -> bool {
        let mut taps = self.facts.capture.taps.iter();
        let is_blind = taps.any(|tap| tap.id == arrival.tap && !tap.shows_udp());
        let mut others = self.media.arrivals.iter();
        let came_by = |other: &Arrival| other.leg > arrival.leg && !other.from_client.is_empty();
        is_blind && self.is_udp() && others.any(came_by)
    }

    /// Whether any of it was seen beside a leg.
    fn came_by(self, leg_index: usize) -> bool {
        let arrival = self.arrival(leg_index);
        arrival.is_some_and(|arrival| arrival.rtp.packets > 0)
    }

    /// Whether RTP was lost between two legs, of which the first is nearer to the server; what a tap behind them saw was not.
    fn lost_on_the_way(self, indices: [usize; 2]) -> Option<Lost<'a>> {
        let [server, client] = indices;
        let mut behind = match self.media.direction {
            MediaDirection::FromServer => 0..client,
            MediaDirection::FromClient => server + 1..self.facts.session.legs.len(),
        };
        if behind.any(|leg| self.came_by(leg)) {
            return None;
        }
        let at = |index| Some((self.facts.session.legs.get(index)?, self.arrival(index)?));
        let [server, client] = [at(server)?, at(client)?];
        let [(sending, sender), (receiving, receiver)] = match self.media.direction {
            MediaDirection::FromServer => [server, client],
            MediaDirection::FromClient => [client, server],
        };
        let first = sender.rtp.first?;
        if sender.rtp.packets == 0 || receiver.rtp.packets > 0 || is_received(sender, receiver) {
            return None;
        }
        if receiving.lacks_all_of(self.sender()) || self.is_overlooked_at(receiver) {
            return None;
        }
        let knows_ports = self
            .leg_index(receiving)
            .is_some_and(|index| self.setup_request(index).is_some());
        let saw_play = play_accepted(sending).is_some() && play_accepted(receiving).is_some();
        if !saw_play || !(knows_ports || self.in_band()) {
            let is_lost = self.surely_lost(sender, [sending, receiving]);
            return is_lost.then(|| Lost {
                legs: indices,
                receiver,
                sender,
                first,
                watched: self.last_seen(receiving),
            });
        }
        let last = sender.rtp.last.unwrap_or(first);
        let is_stream = sender.rtp.packets >= SURE_PACKETS || last.at - first.at >= SURE_TIME;
        let patience = if is_stream { LAG } else { SURE_TIME };
        let watched_after = self.watched_after(first, [sending, receiving])?;
        (watched_after >= patience).then_some(Lost {
            legs: indices,
            receiver,
            sender,
            first,
            watched: self.last_seen(receiving),
        })
    }

    /// Whether media that the receiving tap did not see went into the path for long while that tap watched, where one of the
    /// two taps began too late to see PLAY's answer.
    ///
    /// A receiving tap that began after SETUP too does not know the ports: there none of its RTP may be unaccounted for.
    fn surely_lost(self, sender: &Arrival, [sending, receiving]: [&'a Leg; 2]) -> bool {
        let session = self.facts.session;
        let capture = self.facts.capture;
        let Some(index) = self.leg_index(receiving) else {
            return false;
        };
        let plays = session.legs.iter().any(|leg| play_accepted(leg).is_some());
        if !plays || !self.is_udp() || self.media.is_raw() {
            return false;
        }
        if self.media.setup.get(index).copied().flatten().is_none() {
            let host = receiving.client.ip();
            let is_strange = |rtp: &UnclaimedRtp| {
                rtp.first.tap == receiving.tap && [rtp.from.ip(), rtp.to.ip()].contains(&host)
            };
            let mut inferred = session.media.iter().filter(|media| media.is_inferred());
            let has_rtp = |media: &MediaStream| {
                let mut arrivals = media.arrivals.iter();
                arrivals.any(|arrival| arrival.leg == Some(index) && arrival.rtp.packets > 0)
            };
            if capture.unclaimed.iter().any(is_strange) || inferred.any(has_rtp) {
                return false;
            }
        }
        let (Some(first), Some(last), Some(gap)) =
            (sender.rtp.first, sender.rtp.last, sender.rtp.usual_gap())
        else {
            return false;
        };
        let Some(step) = self.clock_step([sending, receiving]) else {
            return false;
        };
        let tap_began = capture.tap(receiving.tap).and_then(|tap| tap.first_at);
        let since = tap_began.map_or(receiving.first.at, |at| at.min(receiving.first.at));
        let since = since.max(first.at + step);
        let wanted = self.ending(index);
        let until = self.surely_watched_until(receiving).min(last.at + step);
        let time = wanted.map_or(until, |wanted| until.min(wanted)) - since;
        let packets = time.0 / gap.0.max(1);
        time >= SURE_TIME && packets >= SURE_PACKETS.cast_signed()
    }

    fn sender(self) -> Side {
        match self.media.direction {
            MediaDirection::FromServer => Side::Server,
            MediaDirection::FromClient => Side::Client,
        }
    }

    fn leg_index(self, leg: &Leg) -> Option<usize> {
        let mut legs = self.facts.session.legs.iter();
        legs.position(|own| std::ptr::eq(own, leg))
    }

    /// Until when what the other tap saw is surely known at a leg's tap too.
    pub(crate) fn surely_watched_until(self, leg: &Leg) -> Timestamp {
        self.facts.capture.watched_until(leg) + Span(-LAG.0)
    }

    /// What to add to a time of one leg's tap to get that of the other's: by the last messages that both show, else by the
    /// answer to PLAY or RECORD. Behind a proxy the two connections have numbers of their own.
    pub(crate) fn clock_step(self, [from, to]: [&Leg; 2]) -> Option<Span> {
        let proxied = self.facts.session.nat.as_ref()?.proxied;
        let shared = if proxied { None } else { shared_step(from, to) };
        shared.or_else(|| Some(play_accepted(to)?.at - play_accepted(from)?.at))
    }

    /// Whether the taps watched from SETUP on, so that what the client sent to open the way would have been seen at both.
    pub(crate) fn opening_would_show(self) -> bool {
        let Some(sides) = self.facts.sides() else {
            return false;
        };
        let silent = || self.opened(false).next().is_none();
        self.setup_request(sides.client_index).is_some()
            && !sides.client.lacks_all_of(Side::Client)
            && (silent() || self.setup_request(sides.server_index).is_some())
    }

    /// Until when a leg was watched for this medium: up to the SETUP that took its place, else as long as its tap watched.
    pub(crate) fn last_seen(self, leg: &Leg) -> Locator {
        let superseding = self
            .leg_index(leg)
            .and_then(|index| self.media.superseding(index, leg));
        let request = superseding.and_then(|setup| setup.request.as_ref());
        request.map_or_else(|| self.facts.capture.last_seen(leg), |request| request.at)
    }

    /// How long one leg's tap went on watching after what another's saw at `seen` should have come by; negative where it had
    /// stopped before.
    ///
    /// Times are counted from the answer to PLAY or RECORD on either side, so that the clocks of the taps do not matter.
    fn watched_after(self, seen: Locator, [from, to]: [&Leg; 2]) -> Option<Span> {
        let (at_from, at_to) = (play_accepted(from)?, play_accepted(to)?);
        let watched = self.facts.capture.watched_until(to) - at_to.at;
        Some(watched - (seen.at - at_from.at))
    }

    /// Whether that was long enough for the packet to be known there too, from the first of two legs to the second.
    pub(crate) fn surely_watched_after(self, seen: Locator, [from, to]: [usize; 2]) -> bool {
        let leg = |index: usize| self.facts.session.legs.get(index);
        let both = leg(from).zip(leg(to));
        let after = both.and_then(|(from, to)| self.watched_after(seen, [from, to]));
        after.is_some_and(|after| after >= LAG)
    }
}

/// What came in from outside without a packet from inside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LetIn {
    /// The first packet.
    pub(crate) first: Locator,
    /// The client's port to which it went.
    pub(crate) port: u16,
}

/// A medium that goes to a multicast group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'a> {
    /// The medium.
    pub(crate) media: MediaFacts<'a>,
    /// The group's address.
    pub(crate) address: IpAddr,
}

/// Media that entered the path and did not come out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lost<'a> {
    /// Positions of the two legs in [`Session::legs`](crate::model::Session::legs), the one nearer to the server first.
    pub(crate) legs: [usize; 2],
    /// What the tap next to the receiving end saw.
    pub(crate) receiver: &'a Arrival,
    /// What the tap next to the sending end saw.
    pub(crate) sender: &'a Arrival,
    /// The first packet there.
    pub(crate) first: Locator,
    /// Until when the receiver's tap saw nothing of it.
    pub(crate) watched: Locator,
}

/// So many packets, or so long a time, are media under way and no first packets that the next tap shows a moment later.
const SURE_PACKETS: u64 = 10;
/// See [`SURE_PACKETS`].
const SURE_TIME: Span = Span::from_secs(2);

/// How long a NAT keeps the mapping of a UDP port that was used in both directions: netfilter's
/// `nf_conntrack_udp_timeout_stream` was 180 s for long (120 s since Linux 5.0), and few routers wait longer.
const MAPPING_TIME: Span = Span::from_secs(180);

/// A player closes its sockets a moment before it says TEARDOWN: refusals in that moment say nothing.
const CLOSING_TIME: Span = Span::from_millis(300);
