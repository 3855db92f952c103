//! Lines up the exchanges of two legs of one connection, so that each message is compared with itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::model::{Exchange, Leg, Side};

mod likely;

use likely::Likely;

/// The same exchange at two legs; one side is `None` where only one tap has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlignedPair {
    /// Index into the first leg's exchanges.
    pub a: Option<usize>,
    /// Index into the second leg's exchanges.
    pub b: Option<usize>,
}

/// Pairs exchanges by who asked, CSeq, method and order.
///
/// What keeps no such identity between two that do (a garbled request line, a proxy's own CSeq) is paired by its place
/// if the place allows one answer only and nothing speaks against it. The result is in order of the first leg; every exchange occurs once, but for
/// keepalives of which the other leg no longer knows ([`Leg::forgotten_keepalives`]).
pub fn align(a: &Leg, b: &Leg) -> Vec<AlignedPair> {
    let anchors = anchors(&a.exchanges, &b.exchanges);
    let mut pairs = Vec::with_capacity(a.exchanges.len().max(b.exchanges.len()));
    let (mut next_a, mut next_b) = (0, 0);
    let first = anchors.first().map(|&(a, b)| AlignedPair {
        a: Some(a),
        b: Some(b),
    });
    let mut likely = Likely::new([a, b], first);
    let ends = (a.exchanges.len(), b.exchanges.len());
    for (at_a, at_b) in anchors
        .into_iter()
        .map(Some)
        .chain([None])
        .map(|anchor| anchor.unwrap_or(ends))
    {
        pair_between(a, b, next_a..at_a, next_b..at_b, &mut likely, &mut pairs);
        if (at_a, at_b) != ends {
            let pair = AlignedPair {
                a: Some(at_a),
                b: Some(at_b),
            };
            likely.note(pair);
            pairs.push(pair);
        }
        (next_a, next_b) = (at_a + 1, at_b + 1);
    }
    let mut pairs = join_out_of_turn(a, b, pairs);
    if a.forgotten_keepalives > 0 || b.forgotten_keepalives > 0 {
        pairs.retain(|pair| !is_lone_keepalive(a, b, *pair));
    }
    pairs
}

/// Whether a keepalive is known of one leg only.
fn is_lone_keepalive(a: &Leg, b: &Leg, pair: AlignedPair) -> bool {
    let alone = match (pair.a, pair.b) {
        (Some(index), None) => a.exchanges.get(index),
        (None, Some(index)) => b.exchanges.get(index),
        _ => None,
    };
    alone.is_some_and(Exchange::is_keepalive)
}

/// Joins what has one identity and a partner on the other side of an anchor: messages that changed places.
fn join_out_of_turn(a: &Leg, b: &Leg, pairs: Vec<AlignedPair>) -> Vec<AlignedPair> {
    let mut waiting: BTreeMap<Identity<'_>, VecDeque<usize>> = BTreeMap::new();
    for index in pairs
        .iter()
        .filter(|pair| pair.a.is_none())
        .filter_map(|pair| pair.b)
    {
        let numbered = b
            .exchanges
            .get(index)
            .filter(|exchange| exchange.cseq.is_some());
        if let Some(exchange) = numbered {
            waiting
                .entry(identity(exchange))
                .or_default()
                .push_back(index);
        }
    }
    let mut taken = BTreeSet::new();
    let mut joined = pairs;
    for pair in joined.iter_mut().filter(|pair| pair.b.is_none()) {
        let exchange = pair.a.and_then(|index| a.exchanges.get(index));
        let queue = exchange.and_then(|exchange| waiting.get_mut(&identity(exchange)));
        pair.b = queue.and_then(VecDeque::pop_front);
        taken.extend(pair.b);
    }
    joined.retain(|pair| pair.a.is_some() || pair.b.is_none_or(|index| !taken.contains(&index)));
    joined
}

/// Whether the client asked, CSeq, method.
type Identity<'a> = (bool, Option<u32>, &'a str);

fn identity(exchange: &Exchange) -> Identity<'_> {
    (
        exchange.by == Side::Client,
        exchange.cseq,
        exchange.method.as_str(),
    )
}

/// Exchanges of one identity in both legs, in an order that both legs keep.
fn anchors(a: &[Exchange], b: &[Exchange]) -> Vec<(usize, usize)> {
    let mut places: BTreeMap<Identity<'_>, VecDeque<usize>> = BTreeMap::new();
    for (index, exchange) in b.iter().enumerate() {
        places
            .entry(identity(exchange))
            .or_default()
            .push_back(index);
    }
    let mut next_b = 0;
    let mut anchors = Vec::new();
    for (index, exchange) in a.iter().enumerate() {
        let Some(queue) = places.get_mut(&identity(exchange)) else {
            continue;
        };
        while queue.front().is_some_and(|&place| place < next_b) {
            queue.pop_front();
        }
        if let Some(place) = queue.pop_front() {
            anchors.push((index, place));
            next_b = place + 1;
        }
    }
    anchors
}

/// Pairs what lies between two anchors: as many on each side go together one by one, else equal methods do.
fn pair_between(
    a: &Leg,
    b: &Leg,
    range_a: std::ops::Range<usize>,
    range_b: std::ops::Range<usize>,
    likely: &mut Likely<'_>,
    pairs: &mut Vec<AlignedPair>,
) {
    let same_count = range_a.len() == range_b.len();
    let mut left_b: VecDeque<usize> = range_b.collect();
    for index in range_a {
        let Some(exchange) = a.exchanges.get(index) else {
            continue;
        };
        let partner = left_b.iter().position(|&place| {
            b.exchanges.get(place).is_some_and(|other| {
                exchange.by == other.by
                    && (same_count || exchange.method == other.method)
                    && likely.may_be_one(exchange, other)
            })
        });
        let pair = AlignedPair {
            a: Some(index),
            b: partner.and_then(|position| left_b.remove(position)),
        };
        likely.note(pair);
        pairs.push(pair);
    }
    pairs.extend(left_b.into_iter().map(|index| AlignedPair {
        a: None,
        b: Some(index),
    }));
}

#[cfg(test)]
mod tests;
