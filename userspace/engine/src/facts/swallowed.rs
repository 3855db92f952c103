//! Messages that entered the router and never left it.
//!
//! A message may be absent at the other tap for harmless reasons: that tap had stopped, its capture has holes, or a packet
//! was lost and the next copy of it came through. So a message counts as swallowed only where its sender repeated it,
//! unheard up to the end, and the other tap watched all the while and has no copy of it.

use rtspscope_wire::{Span, Timestamp};

use super::cut::ahead_of_lost;
use super::shut_off::ShutOff;
use super::{MediaFacts, SessionFacts, Sides, played_out};
use crate::locator::Locator;
use crate::model::{Exchange, Leg, Message, Side};
use crate::nat::align::{AlignedPair, align};

/// A message that only its sender's side has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Swallowed<'a> {
    /// The exchange at the sender's side.
    pub(crate) exchange: &'a Exchange,
    /// The message there.
    pub(crate) message: &'a Message,
    /// The last segment with which its sender repeated it; `None` where a proxy took it in and acknowledged it, and the session
    /// went on.
    pub(crate) repeated: Option<Locator>,
    /// Whether the other tap is known to have watched by a later packet of the same sender alone.
    pub(crate) passed_by: bool,
    /// What shows that not the message alone was held back: then it tells of no ALG.
    pub(crate) shut_off: Option<ShutOff>,
    /// The leg that has it.
    pub(crate) sender: &'a Leg,
    /// The leg that does not have it.
    pub(crate) other: &'a Leg,
}

/// A message longer than this may fill a packet of a path with a small MTU (1280 bytes is the least that IPv6 allows).
const SURELY_SMALL: usize = 1200;
/// How long the other tap must have gone on without seeing the message.
const PATIENCE: Span = Span::from_secs(1);
/// A copy that comes sooner is the same packet seen twice: no sender repeats within half the usual least time-out of 200 ms.
const SOONEST_REPEAT: Span = Span::from_millis(100);

impl Swallowed<'_> {
    /// Whether its length alone may have stopped it.
    pub(crate) fn may_be_too_large(&self) -> bool {
        self.message.raw.len() > SURELY_SMALL
    }

    /// Whether it shows that something in the router reads the messages and held back this one.
    pub(crate) fn is_by_alg(&self) -> bool {
        !self.may_be_too_large() && self.shut_off.is_none()
    }
}

impl<'a> SessionFacts<'a> {
    /// The first message that the router swallowed, with both sides visible and nothing missing at its sender's. Where the
    /// sender repeats it unheard, what is missing at the other side never came there.
    pub(crate) fn swallowed(self) -> Option<Swallowed<'a>> {
        let sides = self.sides()?;
        let legs = [sides.client, sides.server];
        let in_vain = |leg: &&Leg| leg.client_unheard.is_some() || leg.server_unheard.is_some();
        if !sides.nat.proxied && !legs.iter().any(in_vain) {
            return None;
        }
        // Where nothing of an end was captured, nobody was heard.
        let is_partial = |leg: &&Leg| leg.dropped_messages > 0 || leg.unseen.is_some();
        if self.capture.may_lack_segments() || legs.iter().any(is_partial) {
            return None;
        }
        let pairs = align(sides.client, sides.server);
        // What came before a tap began is not missing there.
        let is_late = legs.iter().any(|leg| leg.began_before());
        let first_of_both = pairs
            .iter()
            .position(|pair| pair.a.is_some() && pair.b.is_some());
        let begin = if is_late { first_of_both? } else { 0 };
        let shared = first_of_both.and_then(|place| pairs.get(place)).copied();
        pairs
            .into_iter()
            .skip(begin)
            .find_map(|pair| self.swallowed_of(&sides, pair, shared))
    }

    /// `shared` is the first exchange of which both legs have something.
    fn swallowed_of(
        self,
        sides: &Sides<'a>,
        pair: AlignedPair,
        shared: Option<AlignedPair>,
    ) -> Option<Swallowed<'a>> {
        let (exchange, message, sender, other) = one_sided(sides, pair)?;
        // Half a message may be none that the other leg could tell.
        if sender.missing_bytes > 0 || other.cut_short {
            return None;
        }
        if self.elsewhere(message, other).is_some() {
            return None;
        }
        let unheard = match message.from {
            Side::Client => sender.client_unheard,
            Side::Server => sender.server_unheard,
        };
        let repeated = unheard.filter(|again| again.at - message.at.at >= SOONEST_REPEAT);
        let moment = |leg| shared_moment(sides, leg, shared);
        let since = message.at.at - moment(sender);
        let sent = moment(other) + since;
        let went_on = self.capture.watched_until(other) - sent;
        // Where all falls silent with the message, the router, or a line, may have stopped and not swallowed it.
        let goes_on =
            sender.last.at - message.at.at >= PATIENCE || other.last.at - sent >= PATIENCE;
        let taken_in = sides.nat.proxied && other.missing_bytes == 0 && goes_on;
        let proved = repeated.is_some() || taken_in;
        let watched = went_on >= PATIENCE
            || (!sides.nat.proxied && passed_by(message, repeated, [sender, other]));
        (proved && watched && !self.is_deserted(sides, message, sent)).then(|| Swallowed {
            exchange,
            message,
            repeated,
            passed_by: went_on < PATIENCE,
            shut_off: self.shut_off(sides, message, [sender, other]),
            sender,
            other,
        })
    }
}

impl SessionFacts<'_> {
    /// Whether the server had fallen silent next to it for no reason before the client's message was sent, at `sent` there: a
    /// line that is down, or a camera that is gone, takes no message either.
    fn is_deserted(self, sides: &Sides<'_>, message: &Message, sent: Timestamp) -> bool {
        let leg = sides.server;
        let paused = leg.exchanges.iter().any(|exchange| exchange.is("PAUSE"));
        if message.from != Side::Client || paused || played_out(leg, sent) {
            return false;
        }
        let arrivals = self.media().filter_map(MediaFacts::at_server);
        let heard = arrivals
            .filter_map(|arrival| arrival.rtp.last)
            .map(|last| last.at);
        let by_segment = leg.from_server.last.map(|last| last.at);
        let last = heard
            .max()
            .map(|heard| by_segment.map_or(heard, |at| at.max(heard)));
        last.is_some_and(|last| sent - last >= PATIENCE)
    }
}

/// Whether a later segment of the same sender came to the other tap, so that it was watching, while the message was repeated for long:
/// after that the connection may be so silent there that no packet tells of the tap.
fn passed_by(message: &Message, repeated: Option<Locator>, [sender, other]: [&Leg; 2]) -> bool {
    let (sent, came) = (sender.delivery(message.from), other.delivery(message.from));
    let for_long = repeated.is_some_and(|again| again.at - message.at.at >= PATIENCE);
    for_long && ahead_of_lost(sent, came).is_some_and(|ahead| ahead.reached > 0 && ahead.seen <= 0)
}

type OneSided<'a> = (&'a Exchange, &'a Message, &'a Leg, &'a Leg);

/// A message of this pair that the sender's leg has and the other leg lacks.
fn one_sided<'a>(sides: &Sides<'a>, pair: AlignedPair) -> Option<OneSided<'a>> {
    let client = pair.a.and_then(|index| sides.client.exchanges.get(index));
    let server = pair.b.and_then(|index| sides.server.exchanges.get(index));
    let (sent, sender, received, other) = match (client, server) {
        (Some(sent), None) if sent.by == Side::Client => (sent, sides.client, None, sides.server),
        (None, Some(sent)) if sent.by == Side::Server => (sent, sides.server, None, sides.client),
        (Some(asked), Some(answered)) if asked.by == Side::Client => {
            (answered, sides.server, Some(asked), sides.client)
        }
        (Some(answered), Some(asked)) => (answered, sides.client, Some(asked), sides.server),
        _ => return None,
    };
    let message = match received {
        None => sent.request.as_deref()?,
        Some(asked) if asked.response.is_none() && asked.request.is_some() => {
            sent.response.as_deref()?
        }
        Some(_) => return None,
    };
    Some((sent, message, sender, other))
}

/// A moment of a leg that the other leg has as well: its first packet where both saw the handshake, else its first message of
/// those that both have.
fn shared_moment(sides: &Sides<'_>, leg: &Leg, shared: Option<AlignedPair>) -> Timestamp {
    let legs = [sides.client, sides.server];
    if legs.iter().all(|leg| leg.client_isn.is_some()) {
        return leg.first.at;
    }
    let index = shared.and_then(|shared| {
        let is_clients = std::ptr::eq(leg, sides.client);
        if is_clients { shared.a } else { shared.b }
    });
    let first = leg.exchanges.get(index.unwrap_or(0));
    let request = first.and_then(|exchange| exchange.request.as_ref());
    request.map_or(leg.first.at, |request| request.at.at)
}
