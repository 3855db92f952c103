//! Finds the SETUPs that count for each medium, at each leg.
//!
//! A stream may be asked for more than once. What comes before PLAY, a refusal or another pair of ports, is one and the same
//! attempt. What was played and then gave way to another SETUP was an attempt of its own: a player that gets nothing over UDP
//! and turns to TCP on the same connection, or a second use of the connection, of the same stream or of another that takes its
//! place. It stays, so that what became of it is told.
//! A SETUP that repeats what holds, as some clients do to keep the session alive, changes nothing.

use std::ops::Range;

use super::uses;
use crate::model::{Exchange, Leg, Side};
use crate::reading;

/// Streams of one session that are told apart; a camera has a handful.
const MAX_MEDIA: usize = 64;

/// SETUPs of one session that were played and gave way to others and are kept; beyond, the new one takes the old one's place,
/// and of those that gave way to another stream the first is let go.
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
    /// The exchanges at each leg while it was in force: all of them unless a stream was set up anew after PLAY.
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
    for setup in asked.get(main).into_iter().flatten() {
        let mut candidate = at_each_leg(setup, main, &asked);
        if is_accepted(&candidate, &asked) {
            end_other_streams(legs, &mut found, &candidate, &asked);
        }
        let own = |known: &SetUp| known.uri == setup.uri && !known.superseded;
        let Some(at) = found.iter().rposition(own) else {
            let superseded = count_superseded(&found);
            if found.len() < MAX_MEDIA + superseded {
                if superseded > 0 {
                    candidate.begin();
                }
                found.push(candidate);
            }
            continue;
        };
        let has_room = count_superseded(&found) < MAX_SUPERSEDED;
        let known = &mut found[at];
        if !is_accepted(&candidate, &asked) && is_accepted(known, &asked) {
            continue;
        }
        if has_room && is_anew(legs, known, &candidate) {
            known.end_with(&candidate);
            candidate.begin();
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
    found
}

impl SetUp {
    /// Another SETUP takes its place.
    fn end_with(&mut self, next: &Self) {
        self.superseded = true;
        for (own, at) in self.in_force.iter_mut().zip(&next.at) {
            own.end = at.unwrap_or(own.end);
        }
    }

    /// What was exchanged before it is of others.
    fn begin(&mut self) {
        for (own, at) in self.in_force.iter_mut().zip(&self.at) {
            own.start = at.unwrap_or(own.start);
        }
    }
}

/// Ends the streams that were played and gave way to `new`, which is another one. Where too many have, the first is let go.
fn end_other_streams(legs: &[&Leg], found: &mut Vec<SetUp>, new: &SetUp, asked: &[Vec<Asked>]) {
    let mut at = 0;
    while let Some(known) = found.get_mut(at) {
        at += 1;
        let gives_way = !known.superseded
            && known.uri != new.uri
            && is_accepted(known, asked)
            && is_replaced(legs, known, new);
        if !gives_way {
            continue;
        }
        known.end_with(new);
        if count_superseded(found) > MAX_SUPERSEDED
            && let Some(first) = found.iter().position(|setup| setup.superseded)
        {
            found.remove(first);
            at -= 1;
        }
    }
}

fn count_superseded(found: &[SetUp]) -> usize {
    found.iter().filter(|setup| setup.superseded).count()
}

/// How many streams were set up, without those that gave way to others.
pub(super) fn streams(setups: &[SetUp]) -> usize {
    let mut uris: Vec<&str> = setups
        .iter()
        .filter(|setup| !setup.superseded)
        .map(|setup| setup.uri.as_str())
        .collect();
    uris.sort_unstable();
    uris.dedup();
    uris.len()
}

/// Whether another stream took the place of this one: no later SETUP is of the same.
pub(super) fn gave_way_to_others(setups: &[SetUp], at: usize) -> bool {
    let Some((own, later)) = setups.get(at..).and_then(<[SetUp]>::split_first) else {
        return false;
    };
    own.superseded && !later.iter().any(|later| later.uri == own.uri)
}

/// Whether `new` is a use of its own: the old one was played, and then another way was agreed on, or it was torn down.
fn is_anew(legs: &[&Leg], old: &SetUp, new: &SetUp) -> bool {
    at_both(legs, old, new).any(|(leg, first, old, new)| {
        let all = &leg.exchanges;
        uses::is_played(all, first, new)
            && (uses::goes_another_way(all, old, new) || uses::is_torn_down(all, old, new))
    })
}

/// Whether `new` is of another stream, for which the old one was given up after it had been played.
fn is_replaced(legs: &[&Leg], old: &SetUp, new: &SetUp) -> bool {
    at_both(legs, old, new).any(|(leg, first, old, new)| {
        let all = &leg.exchanges;
        uses::is_played(all, first, new)
            && (uses::is_ended(all, old, new) || uses::is_displaced(all, old, new))
    })
}

/// Whether `new` only says again what `old` agreed on.
fn is_repeated(legs: &[&Leg], old: &SetUp, new: &SetUp) -> bool {
    !at_both(legs, old, new).any(|(leg, _, old, new)| {
        let all = &leg.exchanges;
        uses::goes_another_way(all, old, new) || uses::is_torn_down(all, old, new)
    })
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
