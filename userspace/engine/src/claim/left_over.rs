//! What an earlier session left running to the port of a new one.
//!
//! A player that crashed and comes again with the same port gets the old stream as well until the camera gives up. That
//! stream has come since before the SETUP, and another one begins after it; where none does, the old one may be what the
//! SETUP is answered with, and counts.

use std::collections::BTreeSet;

use rtsp_ebpf_common::rtp::RtpCounters;
use rtspscope_wire::{Span, Timestamp};

use super::Unit;
use super::seat::Seat;
use crate::counting::MediaCount;
use crate::flow::Epoch;
use crate::locator::Locator;
use crate::model::Session;

/// The new stream has at least this part of the packets of the one that is left over: a source with fewer is one beside it,
/// of parity or parameter sets.
const LEAST_PART: u64 = 4;

/// A camera that begins anew with another source is done with the one before in less.
const AT_ONE_TIME: Span = Span::from_secs(1);

/// Notes with each seat the sources that are not its own. What is seen at one leg tells for all legs of a medium.
pub(super) fn settle(sessions: &[Session], seats: &mut [Seat], units: &[Unit<'_>]) {
    let is_of_one = |a: &Seat, b: &Seat| (a.session, a.media) == (b.session, b.media);
    for seats in seats.chunk_by_mut(is_of_one) {
        let mut left_over = BTreeSet::new();
        for seat in seats.iter().filter(|seat| may_tell(sessions, seat)) {
            left_over.extend(left_over_at(seat, units));
        }
        for seat in seats {
            seat.left_over = left_over.iter().copied().collect();
        }
    }
}

/// Where the connection was there before the capture, its SETUP may be one of several, and what came before it its own.
fn may_tell(sessions: &[Session], seat: &Seat) -> bool {
    let leg = sessions
        .get(seat.session)
        .and_then(|session| session.legs.get(seat.leg));
    seat.by_udp && leg.is_some_and(|leg| !leg.began_before())
}

/// Sources that came from before the SETUP and stopped before PLAY, or go on beside another one.
fn left_over_at(seat: &Seat, units: &[Unit<'_>]) -> Vec<u32> {
    let own = || {
        let own = seat.own().iter().filter_map(|index| units.get(*index));
        own.filter(|unit| !unit.flow.to.ip().is_multicast())
    };
    let all = own().flat_map(|unit| unit.flow.epochs());
    let earlier = all.flat_map(Epoch::counters);
    let old: BTreeSet<u32> = earlier
        .filter(|source| source.first_ns < seat.since.as_nanos())
        .map(|source| source.ssrc)
        .filter(|ssrc| seat.negotiated.ssrc != Some(*ssrc))
        .collect();
    if old.is_empty() {
        return Vec::new();
    }
    let sources: Vec<&RtpCounters> = own().flat_map(|unit| unit.epoch.counters()).collect();
    let is_left_over = |source: &RtpCounters| {
        let played = seat.playing_since.map(|at| at + AT_ONE_TIME);
        let is_over = played.is_some_and(|at| source.last_ns < at.as_nanos());
        let others = sources.iter().filter(|other| !old.contains(&other.ssrc));
        others
            .filter(|other| other.packets.saturating_mul(LEAST_PART) >= source.packets)
            .any(|other| is_over || source.last_ns - other.first_ns >= AT_ONE_TIME.0)
    };
    let from_before = sources.iter().filter(|source| old.contains(&source.ssrc));
    from_before
        .filter(|source| is_left_over(source))
        .map(|source| source.ssrc)
        .collect()
}

/// The first and the last packet of a flow's RTP but for what is left over. Of a source among others no frame is known.
pub(super) fn ends_without(left_over: &[u32], media: &MediaCount) -> [Option<Locator>; 2] {
    let ends = [media.first_rtp, media.last_rtp];
    let counters = || media.sources().map(|source| source.counters);
    if !counters().any(|source| left_over.contains(&source.ssrc)) {
        return ends;
    }
    let own = || counters().filter(|source| !left_over.contains(&source.ssrc));
    let times = [
        own().map(|source| source.first_ns).min(),
        own().map(|source| source.last_ns).max(),
    ];
    let place = |time: Option<i64>, end: Option<Locator>| {
        let (at, end) = (Timestamp(time?), end?);
        let frame = end.frame.filter(|_| end.at == at);
        Some(Locator { frame, at, ..end })
    };
    [place(times[0], ends[0]), place(times[1], ends[1])]
}
