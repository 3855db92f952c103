//! One medium at one leg: where its packets should be, and which flows it got.

use std::net::{IpAddr, SocketAddr};

use rtspscope_wire::{TapId, Timestamp};

use crate::counting::MediaCount;
use crate::model::{Exchange, Leg, MediaDirection, MediaStream, Negotiated, Session};
use crate::record::Record;

/// Before any capture.
const BEFORE: Timestamp = Timestamp(i64::MIN);

/// One medium at one leg.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    /// Index into the sessions.
    pub(super) session: usize,
    /// Index into the session's media.
    pub(super) media: usize,
    /// Index into the session's legs.
    pub(super) leg: usize,
    pub(super) tap: TapId,
    pub(super) client: IpAddr,
    pub(super) server: IpAddr,
    /// Which end sends the medium.
    pub(super) direction: MediaDirection,
    /// Media comes by UDP, as far as the SETUP says.
    pub(super) by_udp: bool,
    /// When the SETUP was seen at this leg, the first where it was repeated: each begins a new use of its flows, because the
    /// sequence numbers may begin anew, but all those uses are of one medium.
    pub(super) since: Timestamp,
    /// When another SETUP of the stream took its place at this leg.
    pub(super) until: Option<Timestamp>,
    /// When its session ended at this leg.
    pub(super) ended: Option<Timestamp>,
    /// What came before the SETUP is its own too: it took the place of no other.
    pub(super) is_first_use: bool,
    /// When PLAY or RECORD was accepted at this leg.
    pub(super) playing_since: Option<Timestamp>,
    pub(super) negotiated: Negotiated,
    /// Payload types that the description gives it, with those of what repairs it.
    pub(super) payload_types: Vec<u8>,
    /// Units with packets from the server.
    pub(super) from_server: Vec<usize>,
    /// Units with packets from the client.
    pub(super) from_client: Vec<usize>,
    /// Sources among them that an earlier session left running.
    pub(super) left_over: Vec<u32>,
    /// Its own sources that went on in units of a later session.
    pub(super) goes_on: Vec<(usize, u32)>,
}

impl Seat {
    /// Units of the end that sends the medium.
    pub(super) fn own(&self) -> &[usize] {
        match self.direction {
            MediaDirection::FromServer => &self.from_server,
            MediaDirection::FromClient => &self.from_client,
        }
    }

    /// Units of the end that receives it.
    pub(super) fn answers(&self) -> &[usize] {
        match self.direction {
            MediaDirection::FromServer => &self.from_client,
            MediaDirection::FromClient => &self.from_server,
        }
    }

    /// Whether `from` is the host that sends the medium, and `to` the one that receives it.
    pub(super) fn goes_right(&self, from: IpAddr, to: IpAddr) -> [bool; 2] {
        match self.direction {
            MediaDirection::FromServer => [self.is_server(from), self.is_client(to)],
            MediaDirection::FromClient => [self.is_client(from), self.is_server(to)],
        }
    }

    /// Whether what happened at this time may be the medium's: nothing new is once another SETUP took its place.
    pub(super) fn may_begin_at(&self, at: Timestamp) -> bool {
        self.until.is_none_or(|until| at < until)
    }

    /// What an end sent on a channel while it was this medium's.
    pub(super) fn on_channel<'r>(
        &self,
        record: &'r Record,
        sender: usize,
        number: u8,
    ) -> impl Iterator<Item = &'r MediaCount> {
        let uses = record.channels.uses(sender, number);
        uses.filter(|count| {
            let began = count.began_at();
            let is_later = began.is_some_and(|began| !self.may_begin_at(began));
            let is_earlier = began.is_some_and(|began| began < self.since);
            !is_later && (self.is_first_use || !is_earlier)
        })
    }

    /// Where RTP and RTCP should arrive by the request; RTP first.
    pub(super) fn asked(&self) -> Vec<SocketAddr> {
        if let Some((group, rtp, rtcp)) = self.negotiated.multicast {
            return vec![SocketAddr::new(group, rtp), SocketAddr::new(group, rtcp)];
        }
        let ports = [
            self.negotiated.client_rtp_port,
            self.negotiated.client_rtcp_port,
        ];
        ends([Some(self.client), self.destination()], ports)
    }

    /// Where they should arrive by the response.
    pub(super) fn answered(&self) -> Vec<SocketAddr> {
        let ports = [
            self.negotiated.answered_rtp_port,
            self.negotiated.answered_rtcp_port,
        ];
        ends([Some(self.client), self.destination()], ports)
    }

    /// Where the client's packets come from.
    pub(super) fn client_ends(&self) -> Vec<SocketAddr> {
        let ports = [
            self.negotiated.client_rtp_port,
            self.negotiated.client_rtcp_port,
        ];
        ends([Some(self.client), None], ports)
    }

    /// Where the server's packets come from, and the client's go to.
    pub(super) fn server_ends(&self) -> Vec<SocketAddr> {
        let ports = [
            self.negotiated.server_rtp_port,
            self.negotiated.server_rtcp_port,
        ];
        ends([Some(self.server), self.source()], ports)
    }

    /// The receiver that the SETUP names, if it is not the client's address anyway.
    fn destination(&self) -> Option<IpAddr> {
        address(self.negotiated.destination.as_ref()).filter(|ip| *ip != self.client)
    }

    /// The sender that the response names, if it is not the server's address anyway.
    fn source(&self) -> Option<IpAddr> {
        address(self.negotiated.source.as_ref()).filter(|ip| *ip != self.server)
    }

    /// Whether what goes to this end is RTCP, by the SETUP.
    pub(super) fn is_for_reports(&self, to: SocketAddr) -> bool {
        let agreed = &self.negotiated;
        if let Some((group, rtp, rtcp)) = agreed.multicast {
            return rtp != rtcp && to == SocketAddr::new(group, rtcp);
        }
        let (rtp, rtcp) = match self.direction {
            MediaDirection::FromServer => (agreed.client_rtp_port, agreed.client_rtcp_port),
            MediaDirection::FromClient => (agreed.server_rtp_port, agreed.server_rtcp_port),
        };
        rtp != rtcp && rtcp == Some(to.port())
    }

    /// Whether `ip` is the server or the sender that it named.
    pub(super) fn is_server(&self, ip: IpAddr) -> bool {
        ip == self.server || self.source() == Some(ip)
    }

    /// Whether `ip` is the client or the receiver that was named for it.
    pub(super) fn is_client(&self, ip: IpAddr) -> bool {
        ip == self.client || self.destination() == Some(ip)
    }
}

/// Each of these ports of each of these hosts.
fn ends(hosts: [Option<IpAddr>; 2], ports: [Option<u16>; 2]) -> Vec<SocketAddr> {
    let of = |host| {
        ports
            .into_iter()
            .flatten()
            .map(move |port| SocketAddr::new(host, port))
    };
    hosts.into_iter().flatten().flat_map(of).collect()
}

fn address(text: Option<&String>) -> Option<IpAddr> {
    text?.parse().ok()
}

/// All media at all legs, session by session and medium by medium.
pub(super) fn seats(sessions: &[Session]) -> Vec<Seat> {
    let mut seats = Vec::new();
    for (session_index, session) in sessions.iter().enumerate() {
        for (media_index, media) in session.media.iter().enumerate() {
            for (leg_index, leg) in session.legs.iter().enumerate() {
                seats.push(seat((session_index, media_index, leg_index), media, leg));
            }
        }
    }
    seats
}

fn seat(
    (session, media_index, leg_index): (usize, usize, usize),
    media: &MediaStream,
    leg: &Leg,
) -> Seat {
    let setup = media
        .setup
        .get(leg_index)
        .copied()
        .flatten()
        .and_then(|index| leg.exchanges.get(index));
    let first_setup = media.first_setup(leg_index, leg);
    let asked = first_setup.and_then(|setup| setup.request.as_ref().or(setup.response.as_ref()));
    let superseding = media.superseding(leg_index, leg);
    let superseding = superseding.and_then(|setup| setup.request.as_ref());
    let plays = media
        .exchanges_in_force(leg_index, leg)
        .iter()
        .filter(|exchange| exchange.starts_media() && exchange.succeeded());
    let torn_down = media.exchanges_in_force(leg_index, leg).iter();
    let torn_down = torn_down.filter(|exchange| exchange.is("TEARDOWN") && exchange.succeeded());
    let torn_down = torn_down.filter_map(|exchange| Some(exchange.response.as_ref()?.at.at));
    let closed = leg.closed.map(|close| close.at.at);
    let is_refused = !media.set_up && setup.is_some_and(is_refused);
    let agreed = media.per_leg.get(leg_index).filter(|_| !is_refused);
    let negotiated = agreed.cloned().unwrap_or_default();
    // The connection may say nothing more before its end.
    let is_told_elsewhere = media.set_up && !media.superseded;
    let unheard = setup.is_none() && is_told_elsewhere && leg.may_hide_messages();
    let begun = if unheard && leg.began_before() {
        BEFORE
    } else {
        leg.first.at
    };
    Seat {
        session,
        media: media_index,
        leg: leg_index,
        tap: leg.tap,
        client: leg.client.ip(),
        server: leg.server.ip(),
        direction: media.direction,
        by_udp: (setup.is_some() || unheard) && !is_refused && negotiated.channels.is_none(),
        since: asked.map_or(begun, |message| message.at.at),
        until: superseding.map(|request| request.at.at),
        ended: torn_down.chain(closed).min(),
        is_first_use: media
            .in_force
            .get(leg_index)
            .is_none_or(|range| range.start == 0),
        playing_since: plays
            .filter_map(|play| play.response.as_ref())
            .map(|response| response.at.at)
            .min()
            .or(unheard.then_some(begun)),
        negotiated,
        payload_types: media
            .payload_type
            .into_iter()
            .chain(media.repair.payload_types.iter().copied())
            .collect(),
        from_server: Vec::new(),
        from_client: Vec::new(),
        left_over: Vec::new(),
        goes_on: Vec::new(),
    }
}

/// Whether the server would not have it: what the client asked for is not agreed on then, and may be another medium's.
fn is_refused(setup: &Exchange) -> bool {
    setup.status().is_some_and(|status| status >= 300)
}
