//! One medium of a session: what each tap saw of it, what opened its way, and where it was lost.

use std::net::{IpAddr, SocketAddr};

use rtspscope_wire::sdp::StreamDirection;
use rtspscope_wire::{Span, Timestamp};

use super::clock_step::shared_step;
use super::lost::{SURE_PACKETS, accepted_at_both};
use super::{LAG, SessionFacts, Sides, play, play_among};
use crate::locator::Locator;
use crate::media::Streams;
use crate::model::{
    Arrival, ClientDatagrams, Exchange, Leg, MediaDirection, MediaStream, Message, Negotiated, Side,
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
        let receiving = self.receiving_leg()?;
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

    /// Whether a tap captured no UDP at all, although the client's own datagrams, which passed it, came to the next tap.
    pub(crate) fn is_overlooked_at(self, arrival: &Arrival) -> bool {
        let mut taps = self.facts.capture.taps.iter();
        let is_blind = taps.any(|tap| tap.id == arrival.tap && !tap.shows_udp());
        let mut others = self.media.arrivals.iter();
        let came_by = |other: &Arrival| other.leg > arrival.leg && !other.from_client.is_empty();
        is_blind && self.is_udp() && others.any(came_by)
    }

    /// Which end sends it.
    pub(crate) fn sender(self) -> Side {
        match self.media.direction {
            MediaDirection::FromServer => Side::Server,
            MediaDirection::FromClient => Side::Client,
        }
    }

    /// Positions of the legs on its way, the one next to the end that receives it first.
    pub(crate) fn legs_from_receiver(self) -> Vec<usize> {
        let legs = 0..self.facts.session.legs.len();
        match self.media.direction {
            MediaDirection::FromServer => legs.collect(),
            MediaDirection::FromClient => legs.rev().collect(),
        }
    }

    /// Position of the leg next to the end that receives it.
    pub(crate) fn receiving_leg(self) -> Option<usize> {
        self.legs_from_receiver().first().copied()
    }

    /// Whether the client records it to the server, so that it is to come without a break; who speaks through a back channel does so
    /// now and then.
    pub(crate) fn is_recorded(self) -> bool {
        let legs = self.facts.session.legs.iter().enumerate();
        let mut plays =
            legs.filter_map(|(index, leg)| play_among(self.media.exchanges_in_force(index, leg)));
        self.sender() == Side::Client && plays.any(|play| play.is("RECORD"))
    }

    /// The position of a leg in the session.
    pub(super) fn leg_index(self, leg: &Leg) -> Option<usize> {
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
        shared.or_else(|| {
            let [at_from, at_to] = accepted_at_both([from, to], [play(from), play(to)])?;
            Some(at_to.at - at_from.at)
        })
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

/// How long a NAT keeps the mapping of a UDP port that was used in both directions: netfilter's
/// `nf_conntrack_udp_timeout_stream` was 180 s for long (120 s since Linux 5.0), and few routers wait longer.
const MAPPING_TIME: Span = Span::from_secs(180);

/// A player closes its sockets a moment before it says TEARDOWN: refusals in that moment say nothing.
const CLOSING_TIME: Span = Span::from_millis(300);
