//! Which connections make one leg: an RTSP connection by itself, those of a session that has one for each request
//! ([`chains`]), and a tunnel's all together.
//!
//! A tunnel has one GET that was let be and as many POSTs as its client likes: some players end a POST and open another when it
//! has more to ask, and a POST may be refused for want of a password before. GETs that were refused are earlier attempts of the
//! one that was not. A cookie joins them; where a client takes another one for the attempt with its password, its next GET at
//! the same server is that attempt. A cookie may come again in a later session, so a POST belongs to the GET beside which it
//! stood.

mod chains;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rtspscope_wire::{Span, Timestamp};

use crate::exchange::{Exchanges, Facts, Standing};
use crate::limits::Limits;
use crate::model::{Exchange, Leg, Message, Side};
use crate::reading;
use crate::record::{Record, Speech};

pub(crate) use chains::may_be_link;

/// Within this time a client that has the password asks again after a refusal; one that has to ask its user takes longer, and
/// most keep their cookie.
const ASKED_AGAIN_WITHIN: Span = Span::from_secs(10);

/// A connection of a session, or those of an HTTP tunnel.
#[derive(Clone, Debug)]
pub(crate) struct Source<'a> {
    /// Slot of the connection that the leg stands for.
    pub(crate) slot: usize,
    pub(crate) record: &'a Record,
    /// Connections that carry requests of the tunnel, in order of the first packet.
    posts: Vec<&'a Record>,
    /// All connections of a session that has one for each request, in order of the first packet.
    chain: Vec<&'a Record>,
    /// Slots of those and of refused attempts.
    other_slots: Vec<usize>,
}

/// One source for each leg: tunnels' connections are put together, the rest stand alone.
pub(crate) fn sources<'a>(records: &[(usize, &'a Record)]) -> Vec<Source<'a>> {
    let mut bearers = bearers(records);
    let chains = chains::chains(records);
    for (&bearer, chain) in &chains {
        let others = chain.iter().filter(|at| **at != bearer);
        bearers.extend(others.map(|&at| (at, bearer)));
    }
    let mut sources: Vec<Source<'a>> = Vec::new();
    let mut place_of = BTreeMap::new();
    for (at, (slot, record)) in records.iter().enumerate() {
        if !bearers.contains_key(&at) {
            place_of.insert(at, sources.len());
            sources.push(Source {
                slot: *slot,
                record,
                posts: Vec::new(),
                chain: Vec::new(),
                other_slots: Vec::new(),
            });
        }
    }
    for (at, bearer) in bearers {
        let place = place_of.get(&bearer).copied();
        let source = place.and_then(|place| sources.get_mut(place));
        if let (Some(source), Some((slot, record))) = (source, records.get(at)) {
            source.other_slots.push(*slot);
            if record.speech == Speech::TunnelPost {
                source.posts.push(record);
            }
        }
    }
    for (bearer, chain) in chains {
        let place = place_of.get(&bearer);
        if let Some(source) = place.and_then(|place| sources.get_mut(*place)) {
            let members = chain.iter().filter_map(|at| Some(records.get(*at)?.1));
            source.chain = members.collect();
        }
    }
    sources
}

/// Which connections of tunnels belong to which other, by their places in `records`.
fn bearers(records: &[(usize, &Record)]) -> BTreeMap<usize, usize> {
    let mut by_cookie: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, (_, record)) in records.iter().enumerate() {
        if is_of_tunnel(record) {
            let cookie = (record.tap, record.cookie.as_deref());
            by_cookie.entry(cookie).or_default().push(at);
        }
    }
    let all: Vec<usize> = by_cookie.values().flatten().copied().collect();
    let mut bearers = BTreeMap::new();
    for alike in by_cookie.values() {
        for &at in alike {
            let bearer = match records.get(at) {
                Some((_, post)) if post.speech == Speech::TunnelPost => {
                    get_of(post, alike, records).or_else(|| first_post(at, alike, records))
                }
                Some((_, get)) if get.http_refusal.is_some() => {
                    next_attempt(get, alike, records, true)
                        .or_else(|| next_attempt(get, &all, records, false))
                }
                Some(_) | None => None,
            };
            bearers.extend(bearer.map(|bearer| (at, bearer)));
        }
    }
    settle(&bearers)
}

/// Follows attempts to the last of them.
fn settle(bearers: &BTreeMap<usize, usize>) -> BTreeMap<usize, usize> {
    let last = |at: usize| {
        let mut passed = BTreeSet::from([at]);
        let mut last = at;
        while let Some(&next) = bearers.get(&last).filter(|next| passed.insert(**next)) {
            last = next;
        }
        last
    };
    let settled = bearers.keys().map(|&at| (at, last(at)));
    settled.filter(|(at, last)| at != last).collect()
}

fn is_of_tunnel(record: &Record) -> bool {
    matches!(record.speech, Speech::TunnelGet | Speech::TunnelPost)
}

/// The GET with its cookie beside which a POST stood.
fn get_of(post: &Record, alike: &[usize], records: &[(usize, &Record)]) -> Option<usize> {
    let gets = alike.iter().filter_map(|&at| {
        let (_, get) = records.get(at)?;
        (get.speech == Speech::TunnelGet).then_some((at, *get))
    });
    let fit = |get: &Record| {
        let lives_on = get.closed.is_none_or(|(.., at)| at.at >= post.first.at);
        let is_beside = lives_on && get.first.at <= post.last.at;
        let is_before = get.first.at <= post.first.at;
        let apart = (get.first.at - post.first.at).0.unsigned_abs();
        (
            is_beside,
            get.http_refusal.is_none(),
            get.client_address().ip() == post.client_address().ip(),
            is_before,
            Reverse(apart),
        )
    };
    gets.max_by_key(|(_, get)| fit(get)).map(|(at, _)| at)
}

/// The first of several POSTs whose GET was not captured.
fn first_post(at: usize, alike: &[usize], records: &[(usize, &Record)]) -> Option<usize> {
    let begin = |at: &usize| records.get(*at).map(|(_, record)| (record.first.at, *at));
    let first = alike.iter().copied().min_by_key(begin);
    first.filter(|first| *first != at)
}

/// The GET with which the same client asks the same server next, after it was refused; where it has another cookie, soon.
fn next_attempt(
    refused: &Record,
    among: &[usize],
    records: &[(usize, &Record)],
    same_cookie: bool,
) -> Option<usize> {
    let ends = |record: &Record| {
        let client = record.client_address().ip();
        (record.tap, client, record.server_address())
    };
    let refused_at = refused.http_refusal?.at;
    let later = among.iter().filter_map(|&at| {
        let (_, get) = records.get(at)?;
        let is_next = get.speech == Speech::TunnelGet
            && ends(get) == ends(refused)
            && get.first.at >= refused_at
            && (same_cookie || get.first.at - refused_at <= ASKED_AGAIN_WITHIN);
        is_next.then_some((get.first.at, at))
    });
    later.min().map(|(_, at)| at)
}

impl<'a> Source<'a> {
    /// Slots of all its connections.
    pub(crate) fn slots(&self) -> impl Iterator<Item = usize> {
        [self.slot]
            .into_iter()
            .chain(self.other_slots.iter().copied())
    }

    /// The leg, with the requests of a tunnel among its exchanges.
    pub(crate) fn leg(&self) -> Leg {
        let mut leg = self.record.leg();
        if !self.chain.is_empty() {
            return chains::joined(leg, &self.chain);
        }
        if self.is_tunnel() {
            leg.from_server.begin = None;
        }
        let Some(last) = self.posts.last() else {
            return leg;
        };
        let mut messages = self.messages();
        messages.sort_by_key(|message| {
            (
                message.at.at,
                message.at.frame,
                message.from == Side::Server,
            )
        });
        let mut exchanges = Exchanges::default();
        let all = || self.posts.iter().chain([&self.record]);
        let is_whole = all().all(|record| record.missing_bytes == 0);
        leg.out_of_step = all().filter_map(|record| record.step.lead()).max();
        let standings = standings(&messages, leg.order_uncertain_for());
        for (message, standing) in messages.into_iter().zip(standings) {
            let facts = Facts::of(reading::known(message)).0;
            exchanges.add(message, &facts, standing, &Limits::default(), is_whole);
        }
        leg.dropped_messages += exchanges.dropped();
        leg.exchanges = exchanges.shared();
        for post in &self.posts {
            leg.dropped_messages += post.exchanges.dropped();
            leg.missing_bytes += post.missing_bytes;
            leg.first_gap = leg.first_gap.or(post.first_gap);
        }
        leg.client_unheard = last.unheard[last.client()];
        leg.from_client = last.delivery(last.client());
        leg.from_client.begin = None;
        leg
    }

    /// The messages of all its connections, without requests that the client had to make again because their POST was
    /// refused.
    fn messages(&self) -> Vec<&'a Arc<Message>> {
        let answers: BTreeSet<_> = of_record(self.record)
            .filter(|message| message.from == Side::Server)
            .map(|message| (Facts::of(reading::known(message)).0.cseq, message.at.at))
            .collect();
        let mut messages: Vec<_> = of_record(self.record).collect();
        for (index, post) in self.posts.iter().enumerate() {
            let later = self.posts.get(index..).unwrap_or_default();
            let asked_since = |refused| {
                let mut asked = later.iter().flat_map(|other| of_record(other));
                asked.any(|message| message.at.at > refused)
            };
            let refused = post.http_refusal.map(|at| at.at);
            let refused = refused.filter(|refused| asked_since(*refused));
            let was_in_vain = |exchange: &Exchange| {
                let request = exchange.request.as_ref().filter(|_| exchange.repeats == 0);
                let (Some(request), Some(until)) = (request, refused) else {
                    return false;
                };
                let at = request.at.at;
                let mut answered =
                    answers.range((exchange.cseq, at)..=(exchange.cseq, until.max(at)));
                at <= until && answered.next().is_none()
            };
            let exchanges = post.exchanges.list().iter();
            let kept = exchanges.filter(|exchange| !was_in_vain(exchange));
            messages.extend(kept.flat_map(both));
        }
        messages
    }

    pub(super) fn is_tunnel(&self) -> bool {
        is_of_tunnel(self.record)
    }
}

/// Where the messages of a tunnel stand, in the order of their times: its directions acknowledge nothing of each other, so where
/// they are out of step an answer may be to any request that comes as little later.
fn standings(messages: &[&Arc<Message>], uncertain_for: Span) -> Vec<Standing> {
    if uncertain_for == Span(0) {
        return vec![Standing::default(); messages.len()];
    }
    let is_asked = |message: &&&Arc<Message>| message.from == Side::Client;
    let asked: Vec<Timestamp> = messages
        .iter()
        .filter(is_asked)
        .map(|message| message.at.at)
        .collect();
    let mut seen = 0;
    let standing = |message: &&Arc<Message>| {
        if message.from == Side::Client {
            seen += 1;
            return Standing {
                ends: Some(seen),
                ..Standing::default()
            };
        }
        let until = message.at.at + uncertain_for;
        let known = asked.partition_point(|at| *at <= until) as u32;
        Standing {
            ends: None,
            acknowledges: Some(known),
            is_ahead: known > seen,
        }
    };
    messages.iter().map(standing).collect()
}

fn of_record(record: &Record) -> impl Iterator<Item = &Arc<Message>> {
    record.exchanges.list().iter().flat_map(both)
}

fn both(exchange: &Exchange) -> impl Iterator<Item = &Arc<Message>> {
    exchange.request.iter().chain(&exchange.response)
}
