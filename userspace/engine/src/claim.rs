//! Which flow is whose media.
//!
//! Ports say it where everything is right. Where it is not, and that is what people come for, the sender's port, the
//! SSRC or the lack of any other candidate says it. So flows are claimed in rounds from the strongest sign to the
//! weakest, each flow once, and a weaker sign never takes what a stronger one has.

mod announced;
mod arrival;
mod direction;
mod left_over;
mod medium;
mod opened;
mod owners;
mod plain;
mod rounds;
mod seat;
mod shared;
mod silence;
mod untold;

use crate::datagram_talk::DatagramTalks;
use crate::flow::{Epoch, Flow, FlowTable};
use crate::fragmented::FragmentedFlows;
use crate::groups::Groups;
use crate::icmp::IcmpErrors;
use crate::model::{Session, UnclaimedRtp};
use crate::netfilter::Netfilter;
use crate::record::Record;
use owners::Owners;
use seat::Seat;

/// What the taps heard besides the connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard<'a> {
    pub(crate) flows: &'a FlowTable,
    pub(crate) icmp: &'a IcmpErrors,
    pub(crate) groups: &'a Groups,
    pub(crate) fragmented: &'a FragmentedFlows,
    pub(crate) datagram_talks: &'a DatagramTalks,
    pub(crate) netfilter: &'a Netfilter,
}

/// One use of one flow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) epoch: &'a Epoch,
}

impl Unit<'_> {
    fn rtp_packets(&self) -> u64 {
        self.epoch
            .media
            .as_ref()
            .map_or(0, |media| media.stats.rtp_packets())
    }

    fn rtcp_packets(&self) -> u64 {
        self.epoch
            .media
            .as_ref()
            .map_or(0, |media| media.stats.rtcp.packets)
    }
}

/// Fills the arrivals of all media of all sessions, those among them of which only packets tell. `records` are the
/// connections of each session's legs. Returns the RTP that is nobody's, the largest first.
pub(crate) fn fill_arrivals(
    sessions: &mut [Session],
    records: &[Vec<&Record>],
    heard: Heard<'_>,
) -> Vec<UnclaimedRtp> {
    let flows = heard.flows.flows().iter();
    let units: Vec<Unit<'_>> = flows
        .flat_map(|flow| flow.epochs().map(move |epoch| Unit { flow, epoch }))
        .collect();
    let mut seats = seat::seats(sessions);
    let (strays, mut taken) = rounds::assign(&mut seats, &units);
    shared::share(sessions, &mut seats);
    left_over::settle(sessions, &mut seats, &units);
    direction::settle(sessions, records, &mut seats, &units);
    plain::settle(sessions, records, &seats, &units);
    untold::adopt(sessions, &mut seats, &units, &mut taken);
    announced::part(&mut seats, &units);
    let owners = Owners::new(&seats, &units);
    let mut arrivals: Vec<_> = seats
        .iter()
        .map(|seat| arrival::at_seat(seat, sessions, records, &units, (heard, &owners)))
        .collect();
    opened::fill_earlier_uses(&seats, &mut arrivals, &units);
    for leg in sessions.iter_mut().flat_map(|session| &mut session.legs) {
        let (server, client) = (leg.server, leg.client);
        leg.too_big = heard
            .icmp
            .oversized_segments(leg.tap, |ends, _| ends == (server, client));
        leg.unreachable = heard.icmp.unreachable(leg.tap, client, server);
    }
    for (seat, arrival) in seats.iter().zip(arrivals) {
        if let Some(media) = media_of(sessions, seat) {
            media.arrivals.push(arrival);
        }
    }
    for stray in strays {
        let arrival = arrival::elsewhere(&stray, sessions, &units);
        if let Some(media) = sessions
            .get_mut(stray.session)
            .and_then(|session| session.media.get_mut(stray.media))
        {
            media.arrivals.push(arrival);
        }
    }
    let unclaimed = untold::unclaimed(&units, &taken);
    let unclaimed = unclaimed.into_iter().filter_map(|index| units.get(index));
    unclaimed.take(MAX_UNCLAIMED).map(unclaimed_rtp).collect()
}

/// Flows of RTP without a session that are kept; a report tells of the first.
const MAX_UNCLAIMED: usize = 64;

fn unclaimed_rtp(unit: &Unit<'_>) -> UnclaimedRtp {
    UnclaimedRtp {
        first: unit.epoch.first,
        from: unit.flow.from,
        to: unit.flow.to,
        packets: unit.rtp_packets(),
        ssrc: unit.epoch.ssrc(),
    }
}

fn media_of<'s>(
    sessions: &'s mut [Session],
    seat: &Seat,
) -> Option<&'s mut crate::model::MediaStream> {
    sessions.get_mut(seat.session)?.media.get_mut(seat.media)
}
