//! Finds the SETUPs that count for each medium, at each leg.
//!
//! A stream may be asked for more than once. What comes before PLAY, a refusal or another pair of ports, is one and the same
//! attempt. What was played and then gave way to another SETUP was an attempt of its own: a player that gets nothing over UDP
//! and turns to TCP on the same connection, or a second use of the connection. It stays, so that what became of it is told.
//! A SETUP that repeats what holds, as some clients do to keep the session alive, changes nothing.

use std::ops::Range;

use super::negotiated::negotiated;
use crate::model::{Exchange, Leg, Negotiated, Side};
use crate::reading;

/// Streams of one session that are told apart; a camera has a handful.
const MAX_MEDIA: usize = 64;

/// SETUPs of one session that were played and gave way to others and are kept; beyond, the new one takes the old one's place.
const MAX_SUPERSEDED: usize = 8;

/// A SETUP of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SetUp {
    /// Request URI at the leg where it was found first.
    pub(super) uri: String,
    /// Index of the exchange at each leg.
    pub(super) at: Vec<Option<usize>>,
    /// The first of the SETUPs at each leg that agreed on the same one after the other, of which this is the last.
    pub(super) first: Vec<Option<usize>>,
    /// The exchanges at each leg while it was in force: all of them unless the stream was set up anew after PLAY.
    pub(super) in_force: Vec<Range<usize>>,
    /// Another SETUP took its place after it had been played.
    pub(super) superseded: bool,
}

/// What is compared of one SETUP.
#[derive(Clone, Debug)]
struct Asked {
    index: usize,
    cseq: Option<u32>,
    uri: String,
    path: String,
    accepted: bool,
}

/// The SETUPs of each control URI, in the order in which they were asked for. Of those that no PLAY parts, the last accepted
/// one counts, else the last. Taken from the first leg that shows any, and looked up at the others.
pub(super) fn find(legs: &[&Leg]) -> Vec<SetUp> {
    let asked: Vec<Vec<Asked>> = legs
        .iter()
        .map(|leg| leg.exchanges.iter().enumerate().filter_map(read).collect())
        .collect();
    let Some(main) = asked.iter().position(|at_leg| !at_leg.is_empty()) else {
        return Vec::new();
    };
    let mut found: Vec<SetUp> = Vec::new();
    let superseded = |found: &[SetUp]| found.iter().filter(|setup| setup.superseded).count();
    for setup in asked.get(main).into_iter().flatten() {
        let mut candidate = at_each_leg(setup, main, &asked);
        let Some(at) = found.iter().rposition(|known| known.uri == setup.uri) else {
            if found.len() < MAX_MEDIA + superseded(&found) {
                found.push(candidate);
            }
            continue;
        };
        let has_room = superseded(&found) < MAX_SUPERSEDED;
        let known = &mut found[at];
        if !is_accepted(&candidate, &asked) && is_accepted(known, &asked) {
            continue;
        }
        if has_room && is_anew(legs, known, &candidate) {
            known.superseded = true;
            let ends = known.in_force.iter_mut().zip(&mut candidate.in_force);
            for ((before, after), at) in ends.zip(&candidate.at) {
                before.end = at.unwrap_or(before.end);
                after.start = at.unwrap_or(after.start);
            }
            found.push(candidate);
        } else {
            if is_repeated(legs, known, &candidate) {
                let firsts = known.first.iter().zip(&candidate.first);
                candidate.first = firsts.map(|(known, own)| known.or(*own)).collect();
            }
            candidate.in_force = std::mem::take(&mut known.in_force);
            found[at] = candidate;
        }
    }
    if superseded(&found) > 0 {
        drop_shared_channels(legs, &mut found);
    }
    found
}

/// How many streams were set up.
pub(super) fn streams(setups: &[SetUp]) -> usize {
    let is_first = |(at, setup): &(usize, &SetUp)| {
        let mut before = setups.iter().take(*at);
        !before.any(|earlier| earlier.uri == setup.uri)
    };
    setups.iter().enumerate().filter(is_first).count()
}

/// Drops what was superseded and had a channel that another SETUP has too: what was counted of a channel is one sum for the
/// whole connection.
fn drop_shared_channels(legs: &[&Leg], found: &mut Vec<SetUp>) {
    let channels: Vec<Vec<u8>> = found.iter().map(|setup| channels(legs, setup)).collect();
    let mut places = 0..;
    found.retain(|setup| {
        let place = places.next().unwrap_or_default();
        let own = channels.get(place).map_or(&[][..], Vec::as_slice);
        let mut others = channels.iter().enumerate().filter(|(at, _)| *at != place);
        let is_shared = |other: &[u8]| other.iter().any(|channel| own.contains(channel));
        !setup.superseded || !others.any(|(_, other)| is_shared(other))
    });
}

/// Whether `new` is a use of its own: the old one was played, and then another way was agreed on, or it was torn down.
fn is_anew(legs: &[&Leg], old: &SetUp, new: &SetUp) -> bool {
    at_both(legs, old, new).any(|(leg, first, old, new)| {
        let between = leg.exchanges.get(first + 1..new).unwrap_or_default();
        let mut played = between.iter();
        let played = played.any(|exchange| exchange.starts_media() && exchange.succeeded());
        played
            && (goes_another_way(leg, old, new) || is_torn_down(leg, old, new))
            && !share_channels(leg, old, new)
    })
}

/// Whether `new` only says again what `old` agreed on.
fn is_repeated(legs: &[&Leg], old: &SetUp, new: &SetUp) -> bool {
    !at_both(legs, old, new)
        .any(|(leg, _, old, new)| goes_another_way(leg, old, new) || is_torn_down(leg, old, new))
}

/// Each leg that shows both, with the first SETUP of the old one, the old and the new.
fn at_both<'l>(
    legs: &'l [&'l Leg],
    old: &'l SetUp,
    new: &'l SetUp,
) -> impl Iterator<Item = (&'l Leg, usize, usize, usize)> {
    let at_legs = legs.iter().zip(&old.first).zip(old.at.iter().zip(&new.at));
    at_legs.filter_map(|((leg, first), (old, new))| {
        let (old, new) = ((*old)?, (*new)?);
        Some((*leg, first.unwrap_or(old), old, new))
    })
}

fn is_torn_down(leg: &Leg, old: usize, new: usize) -> bool {
    let between = leg.exchanges.get(old + 1..new).unwrap_or_default();
    between.iter().any(|exchange| exchange.is("TEARDOWN"))
}

fn goes_another_way(leg: &Leg, old: usize, new: usize) -> bool {
    let [old, new] = [old, new].map(|index| agreed(leg, index));
    let way = |agreed: &Negotiated| (agreed.client_rtp_port, agreed.channels, agreed.multicast);
    let servers = old.server_rtp_port.zip(new.server_rtp_port);
    way(&old) != way(&new) || servers.is_some_and(|(old, new)| old != new)
}

fn share_channels(leg: &Leg, old: usize, new: usize) -> bool {
    let [old, new] = [old, new].map(|index| agreed(leg, index).channels);
    old.zip(new).is_some_and(|(old, new)| {
        let new = [new.0, new.1];
        new.contains(&old.0) || new.contains(&old.1)
    })
}

fn agreed(leg: &Leg, index: usize) -> Negotiated {
    let exchange = leg.exchanges.get(index);
    exchange.map_or_else(Negotiated::default, |exchange| negotiated(exchange, None))
}

/// The channels of a SETUP at all legs.
fn channels(legs: &[&Leg], setup: &SetUp) -> Vec<u8> {
    let at_legs = legs.iter().zip(&setup.at);
    let agreed = at_legs.filter_map(|(leg, at)| agreed(leg, (*at)?).channels);
    agreed.flat_map(|(rtp, rtcp)| [rtp, rtcp]).collect()
}

fn read((index, exchange): (usize, &Exchange)) -> Option<Asked> {
    if exchange.by != Side::Client || !exchange.is("SETUP") {
        return None;
    }
    let request = exchange.request.as_deref()?;
    let uri = reading::fields(request).uri()?.text().into_owned();
    let path = reading::uri_path(&request.raw)?;
    Some(Asked {
        index,
        cseq: exchange.cseq,
        uri,
        path,
        accepted: exchange.succeeded(),
    })
}

fn at_each_leg(setup: &Asked, main: usize, asked: &[Vec<Asked>]) -> SetUp {
    let later = || {
        let all = asked.get(main).into_iter().flatten();
        all.filter(|later| later.index > setup.index && later.path == setup.path)
            .count()
    };
    let places = asked.iter().enumerate();
    let at: Vec<Option<usize>> = places
        .map(|(leg, others)| {
            if leg == main {
                Some(setup.index)
            } else {
                twin(setup, &later, others)
            }
        })
        .collect();
    SetUp {
        uri: setup.uri.clone(),
        in_force: vec![0..usize::MAX; at.len()],
        first: at.clone(),
        at,
        superseded: false,
    }
}

/// The same SETUP at another leg: same number and path, else same number, else same path with as many `later` ones.
fn twin(setup: &Asked, later: &dyn Fn() -> usize, others: &[Asked]) -> Option<usize> {
    let same_number = |other: &&Asked| setup.cseq.is_some() && other.cseq == setup.cseq;
    let same_path = |other: &&Asked| other.path == setup.path;
    let both = others
        .iter()
        .rfind(|other| same_number(other) && same_path(other));
    let twin = both
        .or_else(|| others.iter().rfind(same_number))
        .or_else(|| others.iter().rev().filter(same_path).nth(later()));
    twin.map(|other| other.index)
}

fn is_accepted(setup: &SetUp, asked: &[Vec<Asked>]) -> bool {
    setup.at.iter().zip(asked).any(|(at, others)| {
        others
            .iter()
            .any(|other| Some(other.index) == *at && other.accepted)
    })
}
