//! Text that an ALG would have changed and that a capture does not show, so that nothing can be said of it.
//!
//! It is SETUP that an ALG reads and changes to let media in, and the answer to it. Other messages may be missing without harm
//! to the judgement, unless it came to no SETUP.

use super::{SessionFacts, Sides};
use crate::locator::Locator;
use crate::model::{Exchange, Leg, Message};
use crate::nat::align::align;
use crate::reading;

/// What cannot be compared, and where it is missing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HiddenText<'a> {
    /// The leg that does not show it.
    pub(crate) leg: &'a Leg,
    /// The nearest that it shows.
    pub(crate) at: Locator,
    /// The reason.
    pub(crate) why: Why,
}

/// Why a text cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its beginning alone was captured.
    Cut,
    /// It was not captured.
    Missing,
    /// Nothing of its sender was.
    OneDirection,
}

impl<'a> SessionFacts<'a> {
    /// The first text of SETUP that a leg does not show, with both sides visible.
    pub(crate) fn hidden_text(self) -> Option<HiddenText<'a>> {
        let sides = self.sides()?;
        let legs = [sides.client, sides.server];
        let unseen = |leg: &'a Leg| {
            let at = leg.unseen?.at;
            let why = Why::OneDirection;
            Some(HiddenText { leg, at, why })
        };
        if let Some(unseen) = legs.into_iter().find_map(unseen) {
            return Some(unseen);
        }
        if legs.iter().all(|leg| leg.missing_bytes == 0) {
            return None;
        }
        let is_setup = |exchange: &Exchange| exchange.is("SETUP");
        let exchanges = || legs.iter().flat_map(|leg| leg.exchanges.iter());
        let was_set_up = exchanges().any(is_setup);
        let shows: fn(&Message) -> bool = if was_set_up {
            shows_transport
        } else {
            |message| !message.is_cut()
        };
        for pair in align(sides.client, sides.server) {
            let of = |leg: &'a Leg, index: Option<usize>| leg.exchanges.get(index?);
            let pair = [of(sides.client, pair.a), of(sides.server, pair.b)];
            let counts = !was_set_up || pair.into_iter().flatten().any(is_setup);
            if let Some(hidden) = hidden_of(&sides, pair, shows).filter(|_| counts) {
                return Some(hidden);
            }
        }
        let tells_of_more =
            |exchange: &Exchange| exchange.starts_media() || exchange.request.is_none();
        let says_nothing = legs.iter().any(|leg| leg.exchanges.is_empty());
        let leg = legs.into_iter().find(|leg| leg.missing_bytes > 0)?;
        let is_hidden = says_nothing || exchanges().any(tells_of_more);
        (is_hidden && !was_set_up).then(|| missing(leg))
    }
}

/// What a leg does not show of an exchange that the other may.
fn hidden_of<'a>(
    sides: &Sides<'a>,
    pair: [Option<&'a Exchange>; 2],
    shows: fn(&Message) -> bool,
) -> Option<HiddenText<'a>> {
    let legs = [sides.client, sides.server];
    let requests = pair.map(|exchange| exchange?.request.as_deref());
    let responses = pair.map(|exchange| exchange?.response.as_deref());
    [requests, responses].into_iter().find_map(|copies| {
        let is_anywhere = copies.iter().any(Option::is_some);
        let lacking = legs.into_iter().filter(|leg| leg.missing_bytes > 0);
        let mut lacking = lacking.filter_map(|leg| {
            let copy = if std::ptr::eq(leg, sides.client) {
                copies[0]
            } else {
                copies[1]
            };
            match copy {
                None => is_anywhere.then(|| missing(leg)),
                Some(message) => (!shows(message)).then_some(HiddenText {
                    leg,
                    at: message.at,
                    why: Why::Cut,
                }),
            }
        });
        lacking.next()
    })
}

fn missing(leg: &Leg) -> HiddenText<'_> {
    HiddenText {
        leg,
        at: leg.first_gap.unwrap_or(leg.first),
        why: Why::Missing,
    }
}

/// Whether all of the line is there that an ALG changes.
fn shows_transport(message: &Message) -> bool {
    !message.is_cut() || reading::fields(message).header("Transport").is_some()
}
