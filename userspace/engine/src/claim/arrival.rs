//! Adds up what a seat's flows or channels counted.

use std::net::SocketAddr;

use rtspscope_wire::{Span, payload_types};

use super::Unit;
use super::rounds::Stray;
use super::seat::Seat;
use crate::counting::MediaCount;
use crate::icmp::{IcmpErrors, RefusedPacket};
use crate::locator::Locator;
use crate::model::{Arrival, ClientDatagrams, Refusal, RtcpArrival, RtpArrival, Session};
use crate::record::Record;

/// What one tap saw of one medium.
pub(super) fn at_seat(
    seat: &Seat,
    sessions: &[Session],
    records: &[Vec<&Record>],
    units: &[Unit<'_>],
    icmp: &IcmpErrors,
) -> Arrival {
    let clock_rate = clock_rate(seat.session, seat.media, sessions);
    let mut total = Total::new(clock_rate);
    let mut reports = 0;
    for unit in seat
        .from_server
        .iter()
        .filter_map(|index| units.get(*index))
    {
        total.add_unit(unit);
    }
    for unit in seat
        .from_client
        .iter()
        .filter_map(|index| units.get(*index))
    {
        reports += unit
            .epoch
            .media
            .as_ref()
            .map_or(0, |media| media.stats.rtcp.receiver_reports);
    }
    let record = records
        .get(seat.session)
        .and_then(|legs| legs.get(seat.leg));
    if let (Some(record), Some(channels)) = (record, seat.negotiated.channels) {
        reports += total.add_channels(record, channels);
    }
    total.rtcp.receiver_reports = reports;
    Arrival {
        tap: seat.tap,
        rtp: total.rtp,
        rtcp: total.rtcp,
        from_client: from_client(seat, units),
        refused: refused(seat, units, icmp),
    }
}

/// What a tap saw of a medium whose session has no leg there.
pub(super) fn elsewhere(stray: &Stray, sessions: &[Session], units: &[Unit<'_>]) -> Arrival {
    let mut total = Total::new(clock_rate(stray.session, stray.media, sessions));
    for unit in stray.units.iter().filter_map(|index| units.get(*index)) {
        total.add_unit(unit);
    }
    Arrival {
        tap: stray.tap,
        rtp: total.rtp,
        rtcp: total.rtcp,
        from_client: Vec::new(),
        refused: Vec::new(),
    }
}

fn clock_rate(session: usize, media: usize, sessions: &[Session]) -> Option<u32> {
    sessions.get(session)?.media.get(media)?.clock_rate
}

/// Sums over the flows of one medium at one tap. Addresses and jitter are those of the flow with most packets.
struct Total {
    clock_rate: Option<u32>,
    rtp: RtpArrival,
    rtcp: RtcpArrival,
    most_rtp: u64,
    most_rtcp: u64,
}

impl Total {
    fn new(clock_rate: Option<u32>) -> Self {
        Self {
            clock_rate,
            rtp: RtpArrival::default(),
            rtcp: RtcpArrival::default(),
            most_rtp: 0,
            most_rtcp: 0,
        }
    }

    fn add_unit(&mut self, unit: &Unit<'_>) {
        if let Some(media) = unit.epoch.media.as_deref() {
            self.add(media, unit.flow.from, unit.flow.to);
        }
    }

    /// Adds what the server sent on its channels. Returns the receiver reports that the client sent on them.
    fn add_channels(&mut self, record: &Record, (rtp, rtcp): (u8, u8)) -> u64 {
        let (client, server) = (record.client(), 1 - record.client());
        let (from, to) = (record.server_address(), record.client_address());
        let numbers = if rtp == rtcp {
            vec![rtp]
        } else {
            vec![rtp, rtcp]
        };
        let mut reports = 0;
        for number in numbers {
            if let Some(media) = record.channels.get(server, number) {
                self.add(media, from, to);
            }
            reports += record
                .channels
                .get(client, number)
                .map_or(0, |media| media.stats.rtcp.receiver_reports);
        }
        reports
    }

    fn add(&mut self, media: &MediaCount, from: SocketAddr, to: SocketAddr) {
        if media.stats.rtp.packets > 0 {
            self.add_rtp(media, from, to);
        }
        if media.stats.rtcp.packets > 0 {
            self.add_rtcp(media, from, to);
        }
    }

    fn add_rtp(&mut self, media: &MediaCount, from: SocketAddr, to: SocketAddr) {
        let counted = &media.stats.rtp;
        let rtp = &mut self.rtp;
        rtp.packets += counted.packets;
        rtp.bytes += counted.bytes;
        rtp.expected = Some(rtp.expected.unwrap_or(0) + counted.expected());
        rtp.lost = Some(rtp.lost.unwrap_or(0) + counted.lost());
        rtp.duplicates = Some(rtp.duplicates.unwrap_or(0) + counted.duplicates);
        rtp.reordered = Some(rtp.reordered.unwrap_or(0) + counted.reordered);
        if counted.packets > 1 {
            rtp.max_gap = rtp.max_gap.max(Some(span(counted.max_gap_ns)));
        }
        if rtp
            .last
            .is_none_or(|last| media.last_rtp.is_some_and(|own| own.at >= last.at))
        {
            rtp.ssrc = Some(counted.ssrc);
            rtp.last = media.last_rtp;
        }
        rtp.first = earlier(rtp.first, media.first_rtp);
        if counted.packets > self.most_rtp {
            self.most_rtp = counted.packets;
            let by_type =
                || payload_types::lookup(counted.payload_type).map(|kind| kind.clock_rate);
            let rate = self.clock_rate.or_else(by_type);
            rtp.jitter = rate.and_then(|rate| media.jitter_ns(rate)).map(span);
            (rtp.from, rtp.to) = (Some(from), Some(to));
        }
    }

    fn add_rtcp(&mut self, media: &MediaCount, from: SocketAddr, to: SocketAddr) {
        let counted = &media.stats.rtcp;
        let rtcp = &mut self.rtcp;
        rtcp.packets += counted.packets;
        rtcp.sender_reports += counted.sender_reports;
        rtcp.byes += counted.byes;
        rtcp.first = earlier(rtcp.first, media.first_rtcp);
        if counted.packets > self.most_rtcp {
            self.most_rtcp = counted.packets;
            (rtcp.from, rtcp.to) = (Some(from), Some(to));
        }
    }
}

fn span(nanos: u64) -> Span {
    Span(i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn earlier(a: Option<Locator>, b: Option<Locator>) -> Option<Locator> {
    a.into_iter().chain(b).min_by_key(|place| place.at)
}

/// The client's datagrams by pair of ends, in order of the first.
fn from_client(seat: &Seat, units: &[Unit<'_>]) -> Vec<ClientDatagrams> {
    let mut sent: Vec<ClientDatagrams> = Vec::new();
    for unit in seat
        .from_client
        .iter()
        .filter_map(|index| units.get(*index))
    {
        let (from, to) = (unit.flow.from, unit.flow.to);
        let epoch = unit.epoch;
        if let Some(same) = sent
            .iter_mut()
            .find(|same| (same.from, same.to) == (from, to))
        {
            same.packets += epoch.packets;
            same.last = epoch.last;
            continue;
        }
        let rtcp_port = is_rtcp_port(seat, from, to);
        sent.push(ClientDatagrams {
            from,
            to,
            packets: epoch.packets,
            first: epoch.first,
            last: epoch.last,
            rtcp_port,
        });
    }
    sent.sort_by_key(|sent| sent.first.at);
    sent
}

fn is_rtcp_port(seat: &Seat, from: SocketAddr, to: SocketAddr) -> bool {
    let agreed = &seat.negotiated;
    let at_server = agreed.server_rtcp_port == Some(to.port())
        && agreed.server_rtp_port != agreed.server_rtcp_port;
    let at_client = agreed.client_rtcp_port == Some(from.port())
        && agreed.client_rtp_port != agreed.client_rtcp_port;
    let to_group = agreed
        .multicast
        .is_some_and(|(group, _, rtcp)| to == SocketAddr::new(group, rtcp));
    at_server || at_client || to_group
}

/// Refusals of packets that the server sent to where this medium was expected or went.
fn refused(seat: &Seat, units: &[Unit<'_>], icmp: &IcmpErrors) -> Vec<Refusal> {
    let own: Vec<Unit<'_>> = seat
        .from_server
        .iter()
        .filter_map(|index| units.get(*index).copied())
        .collect();
    let asked = seat.asked();
    let speaks_of_it = |packet: &&RefusedPacket| {
        let claimed = own
            .iter()
            .any(|unit| (unit.flow.from, unit.flow.to) == (packet.source, packet.destination));
        let expected = seat.is_server(packet.source.ip()) && asked.contains(&packet.destination);
        packet.at.tap == seat.tap && packet.at.at >= seat.since && (claimed || expected)
    };
    let by_rtcp = |packet: &RefusedPacket| {
        let rtcp_only = own.iter().any(|unit| {
            unit.flow.to == packet.destination && unit.rtp_packets() == 0 && unit.rtcp_packets() > 0
        });
        rtcp_only || seat.negotiated.client_rtcp_port == Some(packet.destination.port())
    };
    let refused = icmp.refused().iter().filter(speaks_of_it);
    refused
        .map(|packet| Refusal {
            at: packet.at,
            rtcp_port: by_rtcp(packet),
        })
        .collect()
}
