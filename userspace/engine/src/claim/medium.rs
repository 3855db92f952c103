//! A medium put together from its packets alone: the flows of each leg, joined across the legs, with what speaks for it.

use std::net::SocketAddr;

use rtspscope_wire::payload_types::{self, StaticKind};
use rtspscope_wire::rtsp::rtp_info;

use super::Unit;
use super::seat::Seat;
use crate::model::{Leg, MediaDirection, MediaHint, MediaStream, Negotiated, Session};
use crate::reading;

/// Flows of such media in one snapshot.
pub(super) const MAX_FOUND: usize = 256;

/// By how much the first packet that was seen may be later than the one that RTP-Info names.
const MISSED_PACKETS: u16 = 64;

/// The flows of one medium at one leg.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) session: usize,
    pub(super) leg: usize,
    pub(super) direction: MediaDirection,
    pub(super) client_end: SocketAddr,
    pub(super) server_end: SocketAddr,
    /// Units of the end that sends the medium.
    pub(super) own: Vec<usize>,
    /// Units of the other end.
    pub(super) answers: Vec<usize>,
}

impl Found {
    pub(super) fn is_same_way(&self, other: &Self) -> bool {
        let way = |found: &Self| {
            let ends = (found.client_end, found.server_end);
            (found.session, found.leg, found.direction, ends)
        };
        way(self) == way(other)
    }

    fn sources<'u>(&self, units: &'u [Unit<'u>]) -> impl Iterator<Item = u32> {
        let own = self.own.iter().filter_map(|index| units.get(*index));
        own.flat_map(|unit| unit.epoch.sources())
    }
}

/// The one medium of a leg beside which a flow between these ends goes: RTCP has the next port (RFC 3550 §11), at the
/// server's end at least, since a NAT may have changed the client's.
pub(super) fn beside(
    found: &[Found],
    (session, leg): (usize, usize),
    client_end: SocketAddr,
    server_end: SocketAddr,
) -> Option<usize> {
    let is_beside = |rtp: SocketAddr, end: SocketAddr| {
        rtp.ip() == end.ip() && [rtp.port(), rtp.port().wrapping_add(1)].contains(&end.port())
    };
    let own = || {
        let own = found.iter().enumerate();
        own.filter(|(_, found)| (found.session, found.leg) == (session, leg))
            .filter(|(_, found)| is_beside(found.server_end, server_end))
    };
    let both: Vec<usize> = own()
        .filter(|(_, found)| is_beside(found.client_end, client_end))
        .map(|(place, _)| place)
        .collect();
    let one = |places: &[usize]| match places {
        [place] => Some(*place),
        _ => None,
    };
    let by_server: Vec<usize> = own().map(|(place, _)| place).collect();
    one(&both).or_else(|| one(&by_server))
}

/// One medium for each way of the legs, with what belongs to it at each leg: the same source, sent by the same end.
pub(super) fn across_legs<'f>(
    found: &[&'f Found],
    legs: usize,
    units: &[Unit<'_>],
) -> Vec<Vec<Option<&'f Found>>> {
    let mut media: Vec<Vec<Option<&Found>>> = Vec::new();
    for &new in found {
        let is_it = |at_legs: &[Option<&Found>]| {
            let known = at_legs.iter().flatten().next();
            at_legs.get(new.leg).is_some_and(Option::is_none)
                && known.is_some_and(|known| {
                    let mut sources = known.sources(units);
                    known.direction == new.direction
                        && sources.any(|ssrc| new.sources(units).any(|other| other == ssrc))
                })
        };
        let place = media.iter().position(|at_legs| is_it(at_legs));
        let place = place.unwrap_or_else(|| {
            media.push(vec![None; legs]);
            media.len() - 1
        });
        if let Some(at_leg) = media
            .get_mut(place)
            .and_then(|at_legs| at_legs.get_mut(new.leg))
        {
            *at_leg = Some(new);
        }
    }
    media
}

/// A seat for the medium at each leg, with the ports at which it was seen there.
pub(super) fn seats(session: &Session, index: usize, at_legs: &[Option<&Found>]) -> Vec<Seat> {
    let legs = session.legs.iter().zip(at_legs).enumerate();
    legs.map(|(leg_index, (leg, found))| {
        let port = |end: fn(&Found) -> SocketAddr| found.map(|found| end(found).port());
        let (client, server) = (
            port(|found| found.client_end),
            port(|found| found.server_end),
        );
        let next = |port: Option<u16>| port.map(|port| port.wrapping_add(1));
        Seat {
            session: index,
            media: session.media.len(),
            leg: leg_index,
            tap: leg.tap,
            client: leg.client.ip(),
            server: leg.server.ip(),
            direction: direction(at_legs),
            by_udp: true,
            since: leg.first.at,
            until: None,
            ended: None,
            is_first_use: true,
            playing_since: None,
            negotiated: Negotiated {
                client_rtp_port: client,
                client_rtcp_port: next(client),
                server_rtp_port: server,
                server_rtcp_port: next(server),
                ..Negotiated::default()
            },
            payload_types: Vec::new(),
            from_server: units_of(*found, MediaDirection::FromServer),
            from_client: units_of(*found, MediaDirection::FromClient),
            left_over: Vec::new(),
            goes_on: Vec::new(),
        }
    })
    .collect()
}

fn units_of(found: Option<&Found>, sender: MediaDirection) -> Vec<usize> {
    found.map_or_else(Vec::new, |found| {
        if found.direction == sender {
            found.own.clone()
        } else {
            found.answers.clone()
        }
    })
}

fn direction(at_legs: &[Option<&Found>]) -> MediaDirection {
    let first = at_legs.iter().flatten().next();
    first.map_or(MediaDirection::default(), |found| found.direction)
}

/// The medium as far as its packets tell. What two ends agreed on stays unknown.
pub(super) fn stream(
    session: &Session,
    at_legs: &[Option<&Found>],
    units: &[Unit<'_>],
) -> MediaStream {
    let seen = || at_legs.iter().flatten();
    let mut hints = vec![MediaHint::RtpSequence, MediaHint::SameHosts];
    if seen().count() > 1 {
        hints.push(MediaHint::SameSource);
    }
    if seen().any(|found| has_reports(found, units)) {
        hints.push(MediaHint::Reports);
    }
    let control = seen().find_map(|found| named(session.legs.get(found.leg)?, found, units));
    if control.is_some() {
        hints.push(MediaHint::RtpInfo);
    }
    let types = seen().flat_map(|found| &found.own);
    let mut types = types.filter_map(|index| {
        let media = units.get(*index)?.epoch.media.as_deref()?;
        Some(media.stats.main_source()?.payload_type)
    });
    let known = types.next().and_then(payload_types::lookup);
    let kind = known.and_then(|known| match known.kind {
        StaticKind::Audio => Some("audio"),
        StaticKind::Video => Some("video"),
        StaticKind::AudioVideo => None,
    });
    MediaStream {
        control,
        kind: kind.map(str::to_owned),
        encoding: known.map(|known| known.encoding.to_owned()),
        clock_rate: known.map(|known| known.clock_rate),
        direction: direction(at_legs),
        hints,
        per_leg: vec![Negotiated::default(); session.legs.len()],
        setup: vec![None; session.legs.len()],
        ..MediaStream::default()
    }
}

fn has_reports(found: &Found, units: &[Unit<'_>]) -> bool {
    let all = found.own.iter().chain(&found.answers);
    all.filter_map(|index| units.get(*index))
        .any(|unit| unit.rtcp_packets() > 0)
}

/// The URL of the RTP-Info entry of an accepted PLAY that names the medium's source or its first packet.
fn named(leg: &Leg, found: &Found, units: &[Unit<'_>]) -> Option<String> {
    let unit = found.own.first().and_then(|index| units.get(*index))?;
    let main = unit.epoch.media.as_deref()?.stats.main_source()?;
    let first = u64::from(main.extended_highest()).wrapping_sub(main.expected());
    let first = (first as u16).wrapping_add(1);
    let plays = leg.exchanges.iter().rev();
    let plays = plays.filter(|exchange| exchange.is("PLAY") && exchange.succeeded());
    let responses = plays.filter_map(|exchange| exchange.response.as_deref());
    responses.into_iter().find_map(|response| {
        let fields = reading::fields(response);
        let entries = rtp_info::parse(fields.header("RTP-Info")?.value.clone()).value;
        let is_it = |entry: &&rtp_info::RtpInfo<'_>| {
            let by_number = |seq: u16| first.wrapping_sub(seq) <= MISSED_PACKETS;
            let begins_then = unit.epoch.first.at >= response.at.at;
            entry.ssrc == Some(main.ssrc)
                || (begins_then && entry.ssrc.is_none() && entry.seq.is_some_and(by_number))
        };
        let mut fitting = entries.iter().filter(is_it);
        let entry = fitting.next().filter(|_| fitting.next().is_none())?;
        Some(entry.url.as_ref()?.text().into_owned())
    })
}
