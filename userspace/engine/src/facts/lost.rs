//! Media that entered the path and did not come out, by what two taps saw of it.
//!
//! A tap tells of what came past while it watched. One that began while media was under way knows nothing of what came before, be
//! it that its first messages, too, are others than the first of the tap that it is held against.

use rtspscope_wire::Span;

use super::reported::is_received;
use super::{LAG, MediaFacts, play_accepted, play_among};
use crate::locator::Locator;
use crate::model::{Arrival, Exchange, Leg, MediaDirection, MediaStream, UnclaimedRtp};

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
    /// Where that tap began while media was under way already.
    pub(crate) late: Option<Late>,
}

/// The time of a tap that began late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Late {
    /// Its begin.
    pub(crate) since: Locator,
    /// How long media had been under way by then.
    pub(crate) before: Span,
    /// How long it was sent and wanted from then on.
    pub(crate) time: Span,
}

/// So many packets, or so long a time, are media under way and no first packets that the next tap shows a moment later.
pub(super) const SURE_PACKETS: u64 = 10;
/// See [`SURE_PACKETS`].
const SURE_TIME: Span = Span::from_secs(2);

impl<'a> MediaFacts<'a> {
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
        let lost = |late| Lost {
            legs: indices,
            receiver,
            sender,
            first,
            watched: self.last_seen(receiving),
            late,
        };
        let saw_play = self.shared_play([sending, receiving]).is_some();
        if !saw_play || !(knows_ports || self.in_band()) {
            let late = self.surely_lost(sender, [sending, receiving])?;
            return Some(lost(Some(late).filter(|late| late.before > Span(0))));
        }
        let last = sender.rtp.last.unwrap_or(first);
        let is_stream = sender.rtp.packets >= SURE_PACKETS || last.at - first.at >= SURE_TIME;
        let patience = if is_stream { LAG } else { SURE_TIME };
        let watched_after = self.watched_after(first, [sending, receiving])?;
        (watched_after >= patience).then(|| lost(None))
    }

    /// The time in which media that the receiving tap did not see went into the path while that tap watched, where that was long
    /// and one of the two taps began too late to see PLAY's answer.
    ///
    /// A receiving tap that began after SETUP too does not know the ports: there none of its RTP may be unaccounted for.
    fn surely_lost(self, sender: &Arrival, [sending, receiving]: [&'a Leg; 2]) -> Option<Late> {
        let index = self.leg_index(receiving)?;
        let mut legs = self.facts.session.legs.iter();
        let plays = legs.any(|leg| play_accepted(leg).is_some());
        if !plays || !self.is_udp() || self.media.is_raw() {
            return None;
        }
        let knows_setup = self.media.setup.get(index).copied().flatten().is_some();
        if !knows_setup && self.may_be_unaccounted_for(index, receiving) {
            return None;
        }
        let (first, last) = (sender.rtp.first?, sender.rtp.last?);
        let gap = sender.rtp.usual_gap()?;
        let step = self.clock_step([sending, receiving])?;
        let began = self.watched_since(receiving);
        let since = began.at.max(first.at + step);
        let wanted = self.ending(index);
        let until = self.surely_watched_until(receiving).min(last.at + step);
        let time = wanted.map_or(until, |wanted| until.min(wanted)) - since;
        let packets = time.0 / gap.0.max(1);
        let is_sure = time >= SURE_TIME && packets >= SURE_PACKETS.cast_signed();
        is_sure.then_some(Late {
            since: began,
            before: since - (first.at + step),
            time,
        })
    }

    /// Whether RTP at a leg's tap, of a flow or a channel that no SETUP there names, may be the medium.
    fn may_be_unaccounted_for(self, index: usize, leg: &Leg) -> bool {
        let session = self.facts.session;
        let host = leg.client.ip();
        let is_strange = |rtp: &UnclaimedRtp| {
            rtp.first.tap == leg.tap && [rtp.from.ip(), rtp.to.ip()].contains(&host)
        };
        let mut inferred = session.media.iter().filter(|media| media.is_inferred());
        let has_rtp = |media: &MediaStream| {
            let mut arrivals = media.arrivals.iter();
            arrivals.any(|arrival| arrival.leg == Some(index) && arrival.rtp.packets > 0)
        };
        self.facts.capture.unclaimed.iter().any(is_strange) || inferred.any(has_rtp)
    }

    /// Since when a leg's tap was watching: its first packet of any kind, or that of the leg.
    fn watched_since(self, leg: &Leg) -> Locator {
        let tap_began = self.facts.capture.tap(leg.tap).and_then(|tap| tap.first_at);
        let earlier = tap_began.filter(|at| *at < leg.first.at);
        earlier.map_or(leg.first, |at| Locator {
            frame: None,
            stream_offset: None,
            at,
            ..leg.first
        })
    }

    /// How long one leg's tap went on watching after what another's saw at `seen` should have come by; negative where it had
    /// stopped before.
    ///
    /// Times are counted from the answer to PLAY or RECORD on either side, so that the clocks of the taps do not matter.
    fn watched_after(self, seen: Locator, [from, to]: [&'a Leg; 2]) -> Option<Span> {
        let [at_from, at_to] = self.shared_play([from, to])?;
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

    /// When the PLAY or RECORD that began the medium was accepted at either of two legs; `None` where one of them shows only a
    /// later one, after a pause.
    fn shared_play(self, legs: [&'a Leg; 2]) -> Option<[Locator; 2]> {
        let play =
            |leg: &'a Leg| play_among(self.media.exchanges_in_force(self.leg_index(leg)?, leg));
        accepted_at_both(legs, legs.map(play))
    }
}

/// When an exchange that two legs show was answered at either; `None` where these are two exchanges, or may be.
pub(super) fn accepted_at_both(
    legs: [&Leg; 2],
    [from, to]: [Option<&Exchange>; 2],
) -> Option<[Locator; 2]> {
    let (from, to) = (from?, to?);
    // Behind a proxy the two connections have numbers of their own.
    let from_the_begin = legs.iter().all(|leg| !leg.began_before());
    let is_one = from_the_begin || (from.cseq.is_some() && from.cseq == to.cseq);
    let (from, to) = (from.response.as_ref()?, to.response.as_ref()?);
    is_one.then_some([from.at, to.at])
}
