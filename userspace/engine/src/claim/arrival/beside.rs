//! What was heard of a medium besides its packets: refusals, sizes, fragments, group membership.

use std::net::SocketAddr;

use rtspscope_wire::Timestamp;

use super::super::owners::Owners;
use super::super::seat::Seat;
use super::super::{Heard, Unit};
use crate::icmp::{IcmpErrors, RefusedPacket};
use crate::model::{Fragmented, GroupMembership, Refusal, TooBig};

/// Who listens to the medium's group.
fn membership(seat: &Seat, heard: Heard<'_>) -> Option<GroupMembership> {
    let (group, _, _) = seat.negotiated.multicast?;
    Some(GroupMembership {
        joins: heard.groups.joins(seat.tap, group),
        heard: heard.groups.heard(seat.tap, seat.client),
    })
}

/// What else was heard of a medium besides its packets.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) refused: Vec<Refusal>,
    pub(super) too_big: Vec<TooBig>,
    pub(super) fragmented: Fragmented,
    pub(super) membership: Option<GroupMembership>,
}

/// What was heard of packets that the server sent to where this medium was expected or went.
pub(super) fn beside(
    seat: &Seat,
    units: &[Unit<'_>],
    heard: Heard<'_>,
    owners: &Owners<'_>,
) -> Beside {
    let own: Vec<Unit<'_>> = seat
        .from_server
        .iter()
        .filter_map(|index| units.get(*index).copied())
        .collect();
    let asked = seat.asked();
    let is_own = |from: SocketAddr, to: SocketAddr| {
        let claimed = own
            .iter()
            .any(|unit| (unit.flow.from, unit.flow.to) == (from, to));
        claimed || (seat.is_server(from.ip()) && asked.contains(&to))
    };
    // Another session may have had the same ports before or after.
    let is_meant = |(from, to): (SocketAddr, SocketAddr), at: Timestamp| {
        at >= seat.since
            && seat.may_begin_at(at)
            && is_own(from, to)
            && owners.may_be_of(seat.session, seat.tap, (from, to), at)
    };
    Beside {
        refused: refused(seat, &own, heard.icmp, is_meant),
        too_big: heard.icmp.oversized_datagrams(seat.tap, is_meant),
        fragmented: heard.fragmented.sum(seat.tap, is_own),
        membership: membership(seat, heard),
    }
}

/// Refusals of the medium's packets.
fn refused(
    seat: &Seat,
    own: &[Unit<'_>],
    icmp: &IcmpErrors,
    is_meant: impl Fn((SocketAddr, SocketAddr), Timestamp) -> bool,
) -> Vec<Refusal> {
    let speaks_of_it = |packet: &&RefusedPacket| {
        packet.at.tap == seat.tap && is_meant((packet.source, packet.destination), packet.at.at)
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
            from: packet.from,
            rtcp_port: by_rtcp(packet),
        })
        .collect()
}
