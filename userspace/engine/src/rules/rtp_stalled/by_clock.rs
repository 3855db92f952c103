//! Media that stopped while a live run watches on.
//!
//! A saved capture ends with its last packet, and nobody knows what a silence at its end would have come to. The clock of a live
//! run goes on: where media of a steady pace comes no more at any tap, the picture stands still, though no packet tells yet who
//! stopped. What passes next tells it, or that media goes on.

use rtspscope_wire::{Span, Timestamp};

use crate::facts::MediaFacts;
use crate::input::LossKind;
use crate::model::{Arrival, Exchange, Leg, Side};
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
    /// The server, whatever else.
    Server,
    /// The client alone.
    Client,
    /// Nobody.
    Nobody,
}

/// How long it has been quiet by the clock; `None` where there is none, where packets tell of the session's end, or where media
/// may go on unseen.
pub(super) fn quiet(view: &View<'_>, media: MediaFacts<'_>) -> Option<Quiet> {
    let now = view.facts.capture.ticked_at?;
    let legs = &view.session.legs;
    let is_over = media.ending(0).is_some() || legs.iter().any(|leg| leg.closed.is_some());
    let rtp = &media.arrival(0)?.rtp;
    let last = rtp.last?.at;
    if is_over || rtp.packets < STEADY || may_go_on(view) || reads_no_more(media, legs, last) {
        return None;
    }
    let arrivals = media.media.arrivals.iter();
    let last_anywhere = arrivals
        .filter_map(|arrival| arrival.rtp.last)
        .max_by_key(|last| last.at)?;
    let since = |last: Timestamp| media.resumed(0).map_or(last, |resumed| last.max(resumed));
    Some(Quiet {
        at_client: now - since(last),
        everywhere: now - since(last_anywhere.at),
    })
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

/// Who was heard after the last packet of a medium next to the client, at whichever tap.
pub(super) fn heard_after(view: &View<'_>, last: Timestamp) -> Heard {
    let is_heard = |side: Side| {
        let on_connection = view.session.legs.iter().filter_map(|leg| spoke(leg, side));
        let all = view.session.media.iter().flat_map(|media| &media.arrivals);
        let beside = all.filter_map(|arrival| sent(arrival, side));
        let heard = on_connection.chain(beside).max();
        heard.is_some_and(|heard| heard - last >= ON_ITS_WAY)
    };
    if is_heard(Side::Server) {
        Heard::Server
    } else if is_heard(Side::Client) {
        Heard::Client
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

/// When an end was last seen to send beside it.
fn sent(arrival: &Arrival, side: Side) -> Option<Timestamp> {
    match side {
        Side::Server => {
            let reported = arrival.rtcp.sending.map(|growth| growth.shown.at);
            let said = arrival.rtcp.goodbye.map(|said| said.at);
            let media = arrival.rtp.last.map(|last| last.at);
            reported.into_iter().chain(said).chain(media).max()
        }
        Side::Client => {
            let sent = arrival.from_client.iter();
            sent.map(|sent| sent.last.at).max()
        }
    }
}
