//! Connections in which one direction gets through no more: its sender repeats the same bytes, and nobody acknowledges them.
//!
//! TCP loses nothing by itself. Bytes that are repeated for seconds up to the end are held back for good, and where both sides
//! were seen it is plain between which two places: the far tap never has them, or has them and sees no acknowledgement, or sees
//! one that does not come back. What a receiver does not acknowledge after it hung up says nothing.

use rtspscope_wire::{Span, Timestamp};

use super::clock_step::shared_step;
use super::{LAG, SessionFacts};
use crate::model::{Delivery, Leg, Repeated, Side};

/// A direction of the connection in which nothing more gets through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut<'a> {
    /// Who repeats.
    pub(crate) from: Side,
    /// What it repeats, at the tap next to it.
    pub(crate) repeated: Repeated,
    /// For how long it has waited there in vain.
    pub(crate) waited: Span,
    /// Where its bytes, or their acknowledgement, end.
    pub(crate) place: CutPlace,
    /// The leg next to the sender.
    pub(crate) sender: &'a Leg,
    /// The leg next to the receiver, where both sides were seen.
    pub(crate) receiver: Option<&'a Leg>,
}

/// Between which places a direction is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CutPlace {
    /// The bytes came to the sender's side of the router and never to the receiver's.
    Router,
    /// The acknowledgement came to the receiver's side of the router and never to the sender's.
    RouterOnTheWayBack,
    /// The bytes came to the receiver's side, and nothing acknowledges them there.
    Receiver,
    /// It cannot be told from what was seen.
    Unknown,
}

/// Repetitions of the same bytes that are no accident.
const TIMES: u32 = 2;
/// Time in which a peer that lives acknowledges (RFC 1122 §4.2.3.2). On a longer way the repetitions come later too, since they
/// wait for more than the time there and back (RFC 6298 §2).
const PATIENCE: Span = Span::from_millis(500);
/// Payload that may be too large for a link on the way.
const LARGE: u64 = 1200;

impl Cut<'_> {
    /// Whether it is the size of the segments that stops them: no segment as large came out of the router, and smaller ones of
    /// the same sender still do.
    pub(crate) fn by_size(&self) -> bool {
        let came_out = self.receiver.map(|leg| leg.delivery(self.from));
        let Some(came_out) = came_out.filter(|_| self.place == CutPlace::Router) else {
            return false;
        };
        let larger = came_out
            .largest
            .is_some_and(|largest| u64::from(largest) < self.repeated.len);
        let others = ahead_of_lost(self.sender.delivery(self.from), came_out);
        larger && self.repeated.len >= LARGE && others.is_some_and(|others| others.reached > 0)
    }
}

impl<'a> SessionFacts<'a> {
    /// Whether what an end sends gets through no more, as the tap next to that end shows.
    pub(crate) fn cut(self, from: Side) -> Option<Cut<'a>> {
        let (sender, receiver) = match (self.sides(), from) {
            (Some(sides), Side::Client) => (sides.client, Some(sides.server)),
            (Some(sides), Side::Server) => (sides.server, Some(sides.client)),
            (None, _) => (self.session.legs.first()?, None),
        };
        let sent = sender.delivery(from);
        let repeated = sent
            .repeated
            .filter(|again| again.times >= TIMES && again.len > 1)?;
        // Of a direction of which no acknowledgement is in the capture at all, nothing is known.
        sent.acknowledged?;
        // Where the receiver takes the connection for ended by its sender, that is what went wrong.
        let is_ended = receiver.is_some_and(|leg| leg.closed.is_some_and(|close| close.by == from));
        let said_so = sender.closed.is_some_and(|close| close.by == from);
        if self.capture.may_lack_segments() || (is_ended && !said_so) {
            return None;
        }
        let hung_up = sender.closed.filter(|close| close.by != from);
        let end = hung_up.map_or_else(|| self.capture.watched_until(sender), |close| close.at.at);
        let again = repeated.first.at;
        let since = sent.since.map_or(again, |since| since.at.min(again));
        let waited = end - since;
        (waited >= PATIENCE).then(|| Cut {
            from,
            repeated,
            waited,
            place: self.place(from, sender, receiver, since),
            sender,
            receiver,
        })
    }

    /// Where the bytes end that `sender` has sent since a time of its own tap.
    fn place(self, from: Side, sender: &Leg, receiver: Option<&Leg>, since: Timestamp) -> CutPlace {
        let nat = self.session.nat.as_ref().filter(|nat| !nat.proxied);
        let (Some(nat), Some(receiver)) = (nat, receiver) else {
            return CutPlace::Unknown;
        };
        let (sent, came) = (sender.delivery(from), receiver.delivery(from));
        // A helper that changed the client's text counts otherwise on either side.
        let is_shifted = from == Side::Client && !nat.rewrites.is_empty();
        let known = (!is_shifted).then(|| ahead_of_lost(sent, came)).flatten();
        let Some(came) = known else {
            return CutPlace::Unknown;
        };
        if came.acknowledged > 0 {
            return CutPlace::RouterOnTheWayBack;
        }
        let step = shared_step(sender, receiver);
        let since = step.map(|step| since + step);
        let watched = since.map(|since| self.capture.watched_until(receiver) - since);
        let watched = watched.is_some_and(|span| span >= LAG);
        let lacks = came.seen <= 0 || receiver.delivery(from).missing > 0;
        // What came later shows that the tap was watching, whatever its last packet is.
        if lacks && (watched || came.reached > 0) {
            return CutPlace::Router;
        }
        let answer = receiver.delivery(from.other()).last;
        let is_silent = |since: Timestamp| answer.is_none_or(|last| last.at <= since + LAG);
        if !lacks && watched && since.is_some_and(is_silent) {
            CutPlace::Receiver
        } else {
            CutPlace::Unknown
        }
    }
}

/// How far the receiver's tap is ahead of the first byte that the sender repeats in vain, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    /// Of what it has.
    pub(super) seen: i32,
    /// Of what was acknowledged there.
    acknowledged: i32,
    /// Of what any segment shows that came there.
    pub(super) reached: i32,
}

/// A window of TCP without scaling, a few times: numbers farther apart are not counted from the same begin.
const FAR: u32 = 1 << 24;

/// The same numbers of either tap: a router may begin to count anew, which the handshake shows.
pub(super) fn ahead_of_lost(sent: &Delivery, came: &Delivery) -> Option<Ahead> {
    let shift = match (sent.isn, came.isn) {
        (Some(sent), Some(came)) => came.wrapping_sub(sent),
        _ => 0,
    };
    let lost_from = sent.acknowledged?.wrapping_add(shift);
    let ahead = |seq: Option<u32>| Some(seq?.wrapping_sub(lost_from).cast_signed());
    let seen = ahead(came.seen)?;
    let known = Ahead {
        seen,
        acknowledged: ahead(came.acknowledged).unwrap_or(0),
        reached: ahead(came.reached).unwrap_or(seen),
    };
    (seen.unsigned_abs() < FAR).then_some(known)
}
