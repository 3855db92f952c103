//! How alike two legs are by what was said on them.

use std::collections::BTreeMap;

use rtspscope_wire::{Span, Timestamp};

use crate::model::{Exchange, Leg, Message, Side};
use crate::nat::align::{AlignedPair, align};
use crate::reading;

/// Relative times of equal messages at two taps may differ this much: queues, retransmissions.
const RHYTHM_TOLERANCE: Span = Span::from_millis(1500);

/// Two legs whose clocks agree this well are preferred over a pair that does not, all else being equal.
const SAME_CLOCK: Span = Span::from_secs(1);

/// What two legs have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Likeness {
    /// Exchanges that both legs have.
    pub(super) matches: usize,
    /// Exchanges of the shorter leg that the other lacks, inside the time that both cover.
    misses: usize,
    /// Both carry the same session id.
    same_session: bool,
    /// Both have session ids and none in common, or the same place holds different requests: two sessions.
    pub(super) contradicts: bool,
    /// One end's address and port, or the client's port, is the same at both.
    same_end: bool,
    /// Both count the bytes of both directions from about the same numbers.
    same_numbers: bool,
    /// How much the relative times differ.
    jitter: Span,
    /// Clock difference between the taps, if this is one connection.
    offset: Span,
}

impl Likeness {
    /// Whether what was said is enough to call two legs one connection: always more than one hint.
    pub(super) fn convinces(&self) -> bool {
        let rhythm = self.jitter <= RHYTHM_TOLERANCE && self.misses <= self.matches / 2;
        rhythm
            && (self.same_session && self.matches >= 1
                || self.matches >= 3
                || self.same_end && self.matches >= 2)
    }

    /// Whether they are one session in streams that go on with each other's numbers. Of captures that did not begin and end
    /// together there may be no message that both have.
    pub(super) fn is_one_stream(&self) -> bool {
        self.same_numbers && self.same_session && self.same_end
    }

    /// Sorts the best first.
    pub(super) fn rank(&self) -> (bool, std::cmp::Reverse<usize>, i64) {
        (
            !self.same_session,
            std::cmp::Reverse(self.matches),
            self.offset.abs().0,
        )
    }

    /// Whether nothing speaks for `other` that does not speak for this more.
    pub(super) fn clearly_better_than(&self, other: &Self) -> bool {
        let closer = self.offset.abs() <= SAME_CLOCK && other.offset.abs() > SAME_CLOCK;
        (self.same_session && !other.same_session)
            || (self.same_session == other.same_session && closer)
    }
}

/// Pairs of legs that ask for the same presentation or share a session id, at most `neighbours` for each leg. Two of one
/// tap ask with the same words for two servers.
pub(super) fn candidates(legs: &[Leg], neighbours: usize) -> Vec<(usize, usize)> {
    let mut buckets: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, leg) in legs.iter().enumerate() {
        for id in session_ids(leg) {
            buckets.entry(format!("id {id}")).or_default().push(index);
        }
        if let Some(path) = first_path(leg) {
            buckets
                .entry(format!("path {path}"))
                .or_default()
                .push(index);
        }
    }
    let mut asked: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, leg) in legs.iter().enumerate() {
        if let Some(uri) = first_of_requests(leg, reading::uri) {
            asked.entry(uri).or_default().push(index);
        }
    }
    let elsewhere = neighbours_of(legs, buckets, neighbours, |a, b| a.tap != b.tap);
    let passed_on = neighbours_of(legs, asked, neighbours, |a, b| {
        a.tap == b.tap && a.server.ip() != b.server.ip()
    });
    let mut pairs: Vec<(usize, usize)> = elsewhere.into_iter().chain(passed_on).collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Pairs within each bucket of which `fits` is true, each leg with those that began next after it.
fn neighbours_of(
    legs: &[Leg],
    mut buckets: BTreeMap<String, Vec<usize>>,
    neighbours: usize,
    fits: impl Fn(&Leg, &Leg) -> bool,
) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for bucket in buckets.values_mut() {
        bucket.sort_by_key(|&index| (legs.get(index).map(|leg| leg.first.at), index));
        for (position, &a) in bucket.iter().enumerate() {
            let fitting = bucket.iter().skip(position + 1).filter(|&&b| {
                let both = legs.get(a).zip(legs.get(b));
                both.is_some_and(|(a, b)| fits(a, b))
            });
            pairs.extend(fitting.take(neighbours).map(|&b| (a.min(b), a.max(b))));
        }
    }
    pairs
}

/// A message is no longer on its way through a router.
const PASSAGE: Span = Span::from_secs(1);

/// Exchanges that must have been passed on before the order of their messages is more than chance.
const ENOUGH_PASSED_ON: usize = 2;

/// Whether one of two legs of one tap is what the router makes of the other: it leads to another server, and each request
/// passes the outer one first and each answer the inner one, a moment apart.
pub(super) fn is_passed_on(x: &Leg, y: &Leg) -> bool {
    let other_ends =
        x.server.ip() != y.server.ip() && (x.client == y.client || x.client.ip() != y.client.ip());
    let delays: Vec<[Span; 2]> = align(x, y)
        .into_iter()
        .filter_map(|pair| both(x, y, pair))
        .filter(|(at_x, _)| at_x.by == Side::Client)
        .filter_map(|(at_x, at_y)| {
            let asked = at_y.request.as_ref()?.at.at - at_x.request.as_ref()?.at.at;
            let answered = at_x.response.as_ref()?.at.at - at_y.response.as_ref()?.at.at;
            Some([asked, answered])
        })
        .collect();
    let all = delays.iter().flatten();
    let (Some(low), Some(high)) = (all.clone().min(), all.max()) else {
        return false;
    };
    let one_is_outer = (*low >= Span(0) || *high <= Span(0)) && (*low, *high) != (Span(0), Span(0));
    let soon = low.abs().max(high.abs()) <= PASSAGE;
    other_ends && delays.len() >= ENOUGH_PASSED_ON && one_is_outer && soon
}

/// Compares two legs.
pub(super) fn likeness(x: &Leg, y: &Leg) -> Likeness {
    let pairs = align(x, y);
    let mut offsets = Vec::new();
    let mut different_places = 0;
    for (a, b) in pairs.iter().filter_map(|pair| both(x, y, *pair)) {
        match same_exchange(a, b) {
            Some(true) => offsets.extend(moment(a).zip(moment(b)).map(|(at_x, at_y)| at_y - at_x)),
            Some(false) => different_places += 1,
            None => {}
        }
    }
    let (ids_x, ids_y) = (session_ids(x), session_ids(y));
    let same_session = ids_x.iter().any(|id| ids_y.contains(id));
    let different_session = !same_session && !ids_x.is_empty() && !ids_y.is_empty();
    let (low, high) = (offsets.iter().min().copied(), offsets.iter().max().copied());
    Likeness {
        matches: offsets.len(),
        misses: x
            .exchanges
            .len()
            .min(y.exchanges.len())
            .saturating_sub(offsets.len()),
        same_session,
        contradicts: different_session || different_places > offsets.len(),
        same_end: x.server == y.server
            || x.client == y.client
            || x.client.port() == y.client.port(),
        same_numbers: [Side::Client, Side::Server]
            .into_iter()
            .all(|side| has_near_numbers(x, y, side)),
        jitter: low.zip(high).map_or(Span::default(), |(low, high)| {
            Span(high.0.saturating_sub(low.0))
        }),
        offset: low.unwrap_or(Span(y.first.at.0.saturating_sub(x.first.at.0))),
    }
}

/// Sequence numbers that are nearer to each other than chance would put them, in both directions.
const NEAR: u32 = 1 << 24;

/// Whether two legs have come about as far with what one end sends. A connection may end at one tap long after the other.
fn has_near_numbers(x: &Leg, y: &Leg, side: Side) -> bool {
    let came = [x, y].map(|leg| leg.delivery(side).reached);
    let apart = |[x, y]: [Option<u32>; 2]| Some(y?.wrapping_sub(x?).cast_signed().unsigned_abs());
    apart(came).is_some_and(|apart| apart < NEAR)
}

fn both<'a>(x: &'a Leg, y: &'a Leg, pair: AlignedPair) -> Option<(&'a Exchange, &'a Exchange)> {
    Some((x.exchanges.get(pair.a?)?, y.exchanges.get(pair.b?)?))
}

/// Whether two exchanges at the same place are the same: method and path. `None` where one lacks its request, or a capture cut
/// what it asks for.
fn same_exchange(a: &Exchange, b: &Exchange) -> Option<bool> {
    let (request_a, request_b) = (a.request.as_ref(), b.request.as_ref());
    match (request_a, request_b) {
        (Some(a), Some(b))
            if [a, b]
                .into_iter()
                .any(|asked| reading::lacks_its_line(asked)) =>
        {
            None
        }
        (Some(request_a), Some(request_b)) => Some(
            a.by == b.by
                && a.method == b.method
                && reading::uri_path(&request_a.raw) == reading::uri_path(&request_b.raw),
        ),
        _ => (a.response.is_some()
            && b.response.is_some()
            && a.status() == b.status()
            && a.cseq == b.cseq)
            .then_some(true),
    }
}

fn moment(exchange: &Exchange) -> Option<Timestamp> {
    let message: &Message = exchange
        .request
        .as_deref()
        .or(exchange.response.as_deref())?;
    Some(message.at.at)
}

fn session_ids(leg: &Leg) -> Vec<&str> {
    let mut ids: Vec<&str> = leg
        .exchanges
        .iter()
        .flat_map(|exchange| [exchange.response.as_ref(), exchange.request.as_ref()])
        .flatten()
        .filter_map(|message| reading::session_id(message))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn first_path(leg: &Leg) -> Option<String> {
    first_of_requests(leg, reading::uri_path)
}

/// What the client's first request says that says it.
fn first_of_requests(leg: &Leg, read: impl Fn(&[u8]) -> Option<String>) -> Option<String> {
    let asked = leg
        .exchanges
        .iter()
        .filter(|exchange| exchange.by == Side::Client);
    asked
        .filter_map(|exchange| exchange.request.as_ref())
        .find_map(|request| read(&request.raw))
}
