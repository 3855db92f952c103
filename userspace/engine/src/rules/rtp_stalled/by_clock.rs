//! Media that stopped while a live run watches on.
//!
//! A saved capture ends with its last packet, and nobody knows what a silence at its end would have come to. The clock of a live
//! run goes on: where media of a steady pace comes no more at any tap, the picture stands still, though no packet tells yet who
//! stopped. What passes next tells it, or that media goes on.

use rtspscope_wire::{Span, Timestamp};

use crate::facts::MediaFacts;
use crate::input::{Blind, LossKind};
use crate::model::{Arrival, Exchange, Leg, MediaDirection, Side};
use crate::rules::View;

/// Players wait for five seconds and more before they give up.
pub(super) const WAITED: Span = Span::from_secs(5);

/// With fewer packets nothing is known of a pace.
const STEADY: u64 = 10;

/// What comes so little after the last packet of media may have been on its way with it.
const ON_ITS_WAY: Span = Span::from_secs(1);

/// How long nothing of a medium came while its session was open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quiet {
    /// Next to the client.
    pub(super) at_client: Span,
    /// At any tap.
    pub(super) everywhere: Span,
}

/// What was heard of a session after its media had stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// The end that sends the medium, whatever else.
    Sender,
    /// The other end alone.
    Receiver,
    /// Nobody.
    Nobody,
}

/// How long it has been quiet by the clock; `None` where there is none, where packets tell of the session's end, or where media
/// may go on unseen. Whoever records may stop and say so later.
pub(super) fn quiet(view: &View<'_>, media: MediaFacts<'_>) -> Option<Quiet> {
    let is_played = media.sender() == Side::Server;
    let now = view.facts.capture.ticked_at.filter(|_| is_played)?;
    let legs = &view.session.legs;
    let is_over = media.ending(0).is_some() || legs.iter().any(|leg| leg.closed.is_some());
    let rtp = &media.arrival(0)?.rtp;
    let last = rtp.last?.at;
    let is_unseen = breaks(view).any(|blind| blind.until.is_none());
    if is_over
        || is_unseen
        || rtp.packets < STEADY
        || may_go_on(view)
        || reads_no_more(media, legs, last)
    {
        return None;
    }
    let arrivals = media.media.arrivals.iter();
    let last_anywhere = arrivals
        .filter_map(|arrival| arrival.rtp.last)
        .max_by_key(|last| last.at)?;
    // What passed while a tap was blind is not known: the wait begins anew.
    let seen_again = breaks(view).filter_map(|blind| blind.until).max();
    let begins = media.resumed(0).max(seen_again);
    let since = |last: Timestamp| begins.map_or(last, |begins| last.max(begins));
    Some(Quiet {
        at_client: now - since(last),
        everywhere: now - since(last_anywhere.at),
    })
}

/// The times in which a tap of the session was blind.
fn breaks<'v>(view: &'v View<'_>) -> impl Iterator<Item = &'v Blind> {
    let taps = view.session.legs.iter().filter_map(|leg| view.tap(leg.tap));
    taps.flat_map(|tap| &tap.blind)
}

/// Whether flows were no longer counted for want of room, or are forwarded where no tap sees them.
fn may_go_on(view: &View<'_>) -> bool {
    let is_uncounted = |kind: &LossKind| matches!(kind, LossKind::MapFull | LossKind::FlowCap);
    let mut losses = view.facts.capture.losses.iter();
    losses.any(|(kind, count)| *count > 0 && is_uncounted(kind))
        || view.facts.may_be_forwarded_unseen().is_some()
}

/// Whether the client had shut its window when media in the connection ended: that is `slow-receiver`.
fn reads_no_more(media: MediaFacts<'_>, legs: &[Leg], last: Timestamp) -> bool {
    let mut shut = legs.iter().filter_map(|leg| leg.client_shut);
    media.in_band() && shut.any(|shut| shut.until >= last)
}

/// Who was heard after the last packet of a medium next to the end that receives it, at whichever tap.
pub(super) fn heard_after(view: &View<'_>, media: MediaFacts<'_>, last: Timestamp) -> Heard {
    let sender = media.sender();
    let is_heard = |side: Side| {
        let on_connection = view.session.legs.iter().filter_map(|leg| spoke(leg, side));
        let beside = view.session.media.iter().flat_map(|media| {
            let is_sender =
                (side == Side::Client) == (media.direction == MediaDirection::FromClient);
            let arrivals = media.arrivals.iter();
            arrivals.filter_map(move |arrival| sent(arrival, side, is_sender))
        });
        let heard = on_connection.chain(beside).max();
        heard.is_some_and(|heard| heard - last >= ON_ITS_WAY)
    };
    if is_heard(sender) {
        Heard::Sender
    } else if is_heard(sender.other()) {
        Heard::Receiver
    } else {
        Heard::Nobody
    }
}

/// When an end was last heard on its connection.
fn spoke(leg: &Leg, side: Side) -> Option<Timestamp> {
    let segment = leg.delivery(side).last.map(|last| last.at);
    let messages = leg.exchanges.iter().flat_map(Exchange::messages);
    let own = messages.filter(|message| message.from == side);
    let closed = leg.closed.filter(|close| close.by == side);
    let said = own.map(|message| message.at.at);
    said.chain(segment)
        .chain(closed.map(|close| close.at.at))
        .max()
}

/// When an end was last seen to send beside it, be it that it sends the medium or that it receives it.
fn sent(arrival: &Arrival, side: Side, is_sender: bool) -> Option<Timestamp> {
    let of_sender = || {
        let reported = arrival.rtcp.sending.map(|growth| growth.shown.at);
        let said = arrival.rtcp.goodbye.map(|said| said.at);
        let media = arrival.rtp.last.map(|last| last.at);
        reported.into_iter().chain(said).chain(media).max()
    };
    let of_client = || {
        let sent = arrival.from_client.iter();
        sent.map(|sent| sent.last.at).max()
    };
    let as_sender = is_sender.then(of_sender).flatten();
    let as_client = (side == Side::Client).then(of_client).flatten();
    as_sender.max(as_client)
}
