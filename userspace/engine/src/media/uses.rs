//! When a SETUP begins a use of its own: what an earlier one agreed on was ended or gave way to it.
//!
//! A connection may be used for one stream after the other, each with the port or channel of the one before: a viewer that
//! switches between channels. That is told from several media that share a port or channel at one time by what lies between:
//! a TEARDOWN, or another session at the same place.

use super::ends::Streams;
use super::negotiated::negotiated;
use crate::model::{Exchange, Negotiated, Side};
use crate::reading;

/// Whether what comes on the channels of the last SETUP is another use of them than what an earlier one agreed on.
pub(crate) fn begins_channels_anew(exchanges: &[Exchange]) -> bool {
    last_setup_and(exchanges, |old, new| share_channel(exchanges, old, new))
        .is_some_and(|(old, new)| takes_channel(exchanges, old, new))
}

/// Whether the last SETUP only says again what an earlier one of the stream agreed on.
pub(crate) fn repeats_setup(exchanges: &[Exchange]) -> bool {
    last_setup_and(exchanges, |old, new| {
        uri(exchanges, old) == uri(exchanges, new)
    })
    .is_some_and(|(old, new)| {
        !is_torn_down(exchanges, old, new) && !goes_another_way(exchanges, old, new)
    })
}

/// The last granted SETUP, behind the last one before it of this kind.
fn last_setup_and(
    exchanges: &[Exchange],
    is_it: impl Fn(usize, usize) -> bool,
) -> Option<(usize, usize)> {
    let is_granted = |exchange: &Exchange| {
        exchange.is("SETUP") && exchange.by == Side::Client && exchange.succeeded()
    };
    let new = exchanges.iter().rposition(is_granted)?;
    let before = exchanges.iter().enumerate().take(new);
    let mut earlier = before.rev().filter(|(_, exchange)| is_granted(exchange));
    let (old, _) = earlier.find(|(old, _)| is_it(*old, new))?;
    Some((old, new))
}

/// Whether the SETUP at `new` takes the place of the one at `old` in what a channel of the connection carries.
fn takes_channel(exchanges: &[Exchange], old: usize, new: usize) -> bool {
    if uri(exchanges, old) == uri(exchanges, new) {
        is_torn_down(exchanges, old, new) || goes_another_way(exchanges, old, new)
    } else {
        is_ended(exchanges, old, new) || is_displaced(exchanges, old, new)
    }
}

fn share_channel(exchanges: &[Exchange], old: usize, new: usize) -> bool {
    let [before, after] = [old, new].map(|index| agreed(exchanges, index).channels);
    before.zip(after).is_some_and(|(before, after)| {
        let after = [after.0, after.1];
        after.contains(&before.0) || after.contains(&before.1)
    })
}

/// Whether any TEARDOWN lies between two SETUPs of one stream.
pub(super) fn is_torn_down(exchanges: &[Exchange], old: usize, new: usize) -> bool {
    let mut between = between(exchanges, old, new);
    between.any(|exchange| exchange.is("TEARDOWN"))
}

/// Whether a TEARDOWN before `new` ended what was set up at `old`: none of another session or of another stream alone.
pub(super) fn is_ended(exchanges: &[Exchange], old: usize, new: usize) -> bool {
    let is_end = |exchange: &Exchange| exchange.is("TEARDOWN") && exchange.by == Side::Client;
    if !between(exchanges, old, new).any(is_end) {
        return false;
    }
    let streams = Streams::of(exchanges);
    let mut ends = (old + 1..new).filter(|index| exchanges.get(*index).is_some_and(is_end));
    ends.any(|end| streams.names(old, end))
}

/// Whether the SETUP at `new` took the port or channel of the one at `old` for another session.
pub(super) fn is_displaced(exchanges: &[Exchange], old: usize, new: usize) -> bool {
    let sessions = session(exchanges, old).zip(session(exchanges, new));
    let [before, after] = [old, new].map(|index| agreed(exchanges, index));
    let is_same_place = match (before.channels, after.channels) {
        (Some(before), Some(after)) => before.0 == after.0,
        (None, None) => {
            before.client_rtp_port.is_some()
                && before.client_rtp_port == after.client_rtp_port
                && before.multicast.is_none()
                && after.multicast.is_none()
        }
        (Some(_), None) | (None, Some(_)) => false,
    };
    is_same_place && sessions.is_some_and(|(before, after)| before != after)
}

/// Whether media was started between two SETUPs.
pub(super) fn is_played(exchanges: &[Exchange], old: usize, new: usize) -> bool {
    let mut between = between(exchanges, old, new);
    between.any(|exchange| exchange.starts_media() && exchange.succeeded())
}

/// Whether two SETUPs agreed on different ports or channels.
pub(super) fn goes_another_way(exchanges: &[Exchange], old: usize, new: usize) -> bool {
    let [old, new] = [old, new].map(|index| agreed(exchanges, index));
    let way = |agreed: &Negotiated| (agreed.client_rtp_port, agreed.channels, agreed.multicast);
    let servers = old.server_rtp_port.zip(new.server_rtp_port);
    way(&old) != way(&new) || servers.is_some_and(|(old, new)| old != new)
}

fn between(exchanges: &[Exchange], old: usize, new: usize) -> impl Iterator<Item = &Exchange> {
    exchanges.get(old + 1..new).unwrap_or_default().iter()
}

fn agreed(exchanges: &[Exchange], index: usize) -> Negotiated {
    let exchange = exchanges.get(index);
    exchange.map_or_else(Negotiated::default, |exchange| negotiated(exchange, None))
}

/// The session that a SETUP opened or belongs to.
fn session(exchanges: &[Exchange], index: usize) -> Option<&str> {
    let exchange = exchanges.get(index)?;
    let said = exchange.response.as_deref().and_then(reading::session_id);
    said.or_else(|| reading::session_id(exchange.request.as_deref()?))
}

fn uri(exchanges: &[Exchange], index: usize) -> Option<String> {
    let fields = reading::fields(exchanges.get(index)?.request.as_deref()?);
    Some(fields.uri()?.text().into_owned())
}
