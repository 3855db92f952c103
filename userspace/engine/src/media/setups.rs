//! Finds the SETUP that counts for each medium, at each leg.

use crate::model::{Exchange, Leg, Side};
use crate::reading;

/// Media of one session that are told apart; a camera has a handful.
const MAX_MEDIA: usize = 64;

/// The SETUP of one medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SetUp {
    /// Request URI at the leg where it was found first.
    pub(super) uri: String,
    /// Index of the exchange at each leg.
    pub(super) at: Vec<Option<usize>>,
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

/// One SETUP for each control URI, in the order in which the URIs were first asked for: the last accepted one, else the
/// last. Taken from the first leg that shows any, and looked up at the others.
pub(super) fn find(legs: &[&Leg]) -> Vec<SetUp> {
    let asked: Vec<Vec<Asked>> = legs
        .iter()
        .map(|leg| leg.exchanges.iter().enumerate().filter_map(read).collect())
        .collect();
    let Some(main) = asked.iter().position(|at_leg| !at_leg.is_empty()) else {
        return Vec::new();
    };
    let mut found: Vec<(&Asked, SetUp)> = Vec::new();
    for setup in asked.get(main).into_iter().flatten() {
        let candidate = (setup, at_each_leg(setup, main, &asked));
        let known = found.iter().position(|(known, _)| known.uri == setup.uri);
        let Some(at) = known else {
            if found.len() < MAX_MEDIA {
                found.push(candidate);
            }
            continue;
        };
        if is_accepted(&candidate.1, &asked) || !is_accepted(&found[at].1, &asked) {
            found[at] = candidate;
        }
    }
    found.into_iter().map(|(_, setup)| setup).collect()
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
    let places = asked.iter().enumerate();
    let at = places
        .map(|(leg, others)| {
            if leg == main {
                Some(setup.index)
            } else {
                twin(setup, others)
            }
        })
        .collect();
    SetUp {
        uri: setup.uri.clone(),
        at,
    }
}

/// The same SETUP at another leg: same number and path, else same number, else same path.
fn twin(setup: &Asked, others: &[Asked]) -> Option<usize> {
    let same_number = |other: &&Asked| setup.cseq.is_some() && other.cseq == setup.cseq;
    let same_path = |other: &&Asked| other.path == setup.path;
    let both = others
        .iter()
        .rfind(|other| same_number(other) && same_path(other));
    let twin = both
        .or_else(|| others.iter().rfind(same_number))
        .or_else(|| others.iter().rfind(same_path));
    twin.map(|other| other.index)
}

fn is_accepted(setup: &SetUp, asked: &[Vec<Asked>]) -> bool {
    setup.at.iter().zip(asked).any(|(at, others)| {
        others
            .iter()
            .any(|other| Some(other.index) == *at && other.accepted)
    })
}
