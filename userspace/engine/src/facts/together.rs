//! Between which taps a medium may be lost, and whether they watched the same of it, so that what only one of them counted was
//! lost there.

use rtspscope_wire::Span;

use super::MediaFacts;
use crate::model::Arrival;

/// A tap that ended so little before another one lacks a packet or two of it.
const MOMENT: Span = Span::from_millis(100);

impl<'a> MediaFacts<'a> {
    /// What was seen nearest to the server, with both sides of a router visible.
    pub(crate) fn farthest(self) -> Option<&'a Arrival> {
        self.facts.sides()?;
        let legs = (0..self.facts.session.legs.len()).rev();
        let mut arrivals = legs.filter_map(|leg| self.arrival(leg));
        arrivals.find(|arrival| arrival.rtp.packets > 0)
    }

    /// Pairs of legs between which something may be lost, the one nearer to the server first: all neighbours on the path, the
    /// nearest to the client first, and both sides of the router where a tap is between them.
    pub(crate) fn ways(self) -> impl Iterator<Item = [usize; 2]> {
        let sides = self.facts.sides();
        let legs = sides.map_or(0, |_| self.facts.session.legs.len());
        let sides = sides.map(|sides| [sides.server_index, sides.client_index]);
        let apart = sides.filter(|[server, client]| server - client > 1);
        (1..legs).map(|outer| [outer, outer - 1]).chain(apart)
    }

    /// Whether so many packets more at one leg than at the other, which is nearer to the client, were lost between the two: both
    /// taps watched all that either saw of the medium, or the numbers of what came show most of them missing.
    pub(crate) fn were_lost_between(self, [server, client]: [usize; 2], more: u64) -> bool {
        let lost = self.arrival(client).and_then(|arrival| arrival.rtp.lost);
        let are_missing = lost.is_some_and(|lost| lost > 0 && lost.saturating_mul(2) >= more);
        are_missing || (self.watched_all(client, server) && self.watched_all(server, client))
    }

    /// Whether the tap of a leg watched for as long as that of another saw packets of the medium.
    fn watched_all(self, leg: usize, other: usize) -> bool {
        let legs = &self.facts.session.legs;
        let both = legs.get(leg).zip(legs.get(other));
        let passed = self.arrival(other).and_then(|arrival| {
            let rtp = &arrival.rtp;
            Some((rtp.first?.at, rtp.last?.at))
        });
        let (Some((own, other)), Some((first, last))) = (both, passed) else {
            return false;
        };
        let capture = self.facts.capture;
        let tap_began = capture.tap(own.tap).and_then(|tap| tap.first_at);
        let began = tap_began.map_or(own.first.at, |at| at.min(own.first.at));
        let until = capture.watched_until(own) + MOMENT;
        self.clock_step([other, own])
            .is_some_and(|step| began <= first + step && until >= last + step)
    }
}
