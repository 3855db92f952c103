//! Sessions whose client opens a connection for each request, or a few of them (RFC 2326 §9: one connection per transaction).
//!
//! What joins such connections is the session: a later one names the id that an answer of an earlier one gave. A client whose
//! connection broke may come back with the same id too, and that is another matter: so only a connection that its ends closed as
//! soon as all was said goes on in the next.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rtspscope_wire::{Span, TapId, Timestamp};

use crate::locator::Locator;
use crate::model::{Exchange, Leg, Side};
use crate::reading;
use crate::record::{Record, Speech};

/// A connection for one request is closed so soon behind its last message.
const CLOSED_WITHIN: Span = Span::from_secs(1);

/// The next request comes so soon behind one that opens no session.
const GOES_ON_WITHIN: Span = Span::from_secs(5);

/// The connections of a session in order of the first packet, by the place of the one that its leg stands for: that which
/// carries its media, else the one with its SETUP.
pub(super) fn chains(records: &[(usize, &Record)]) -> BTreeMap<usize, Vec<usize>> {
    let mut by_ends: BTreeMap<(TapId, IpAddr, SocketAddr), Vec<usize>> = BTreeMap::new();
    for (at, (_, record)) in records.iter().enumerate() {
        if record.speech == Speech::Rtsp {
            let ends = (
                record.tap,
                record.client_address().ip(),
                record.server_address(),
            );
            by_ends.entry(ends).or_default().push(at);
        }
    }
    let of = |at: &usize| records.get(*at).map(|(_, record)| *record);
    let mut chains = BTreeMap::new();
    for mut alike in by_ends.into_values() {
        if alike.len() > 1 {
            alike.sort_by_key(|at| of(at).map(|record| record.first.at));
            chains.extend(chains_among(&alike, of));
        }
    }
    chains
}

/// The same among connections of one client to one server, in order.
fn chains_among<'a>(
    alike: &[usize],
    of: impl Fn(&usize) -> Option<&'a Record>,
) -> BTreeMap<usize, Vec<usize>> {
    let ordered: Vec<_> = alike.iter().filter_map(|at| Some((*at, of(at)?))).collect();
    let mut heads: BTreeMap<&str, usize> = BTreeMap::new();
    let mut chains: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let closes = |last: Option<&usize>, record| {
        let last = last.and_then(|place| ordered.get(*place));
        last.is_some_and(|(_, last)| is_closed_before(last, record))
    };
    for (place, (_, record)) in ordered.iter().enumerate() {
        let named = asked_for(record).and_then(|id| heads.get(id));
        let chain = named.and_then(|head| chains.get_mut(head));
        if let Some(chain) = chain.filter(|chain| closes(chain.last(), record)) {
            chain.push(place);
        } else if let Some(id) = opened(record) {
            heads.insert(id, place);
            chains.insert(place, vec![place]);
        }
    }
    chains.retain(|_, chain| chain.len() > 1);
    let joined = chains.into_iter().map(|(head, chain)| {
        let leads = |place: &usize| match ordered.get(*place..=*place + 1) {
            Some([(_, record), (_, next)]) => leads_to(record, next),
            Some(_) | None => false,
        };
        let first = (0..head).rev().take_while(leads).last().unwrap_or(head);
        let places = (first..head).chain(chain);
        let members: Vec<_> = places.filter_map(|place| ordered.get(place)).collect();
        let carries = |(_, record): &&&(usize, &Record)| {
            let server = 1 - record.client();
            !record.channels.with_media(server).is_empty()
        };
        let bearer = members.iter().find(carries).copied().or(ordered.get(head));
        let members = members.iter().map(|(at, _)| *at).collect();
        bearer.map(|(at, _)| (*at, members))
    });
    joined.flatten().collect()
}

/// The session that a connection's first request names.
fn asked_for(record: &Record) -> Option<&str> {
    let first = record.exchanges.list().first()?;
    let request = first
        .request
        .as_deref()
        .filter(|_| first.by == Side::Client);
    reading::session_id(request?)
}

/// The session that an accepted SETUP of a connection opened.
fn opened(record: &Record) -> Option<&str> {
    let mut exchanges = record.exchanges.list().iter();
    exchanges.find_map(|exchange| {
        let accepted = exchange.is("SETUP") && exchange.succeeded();
        reading::session_id(exchange.response.as_deref().filter(|_| accepted)?)
    })
}

/// Whether a connection was closed, when all was said, before another began.
fn is_closed_before(record: &Record, next: &Record) -> bool {
    closed_when_all_was_said(record).is_some_and(|closed| closed <= next.first.at)
}

/// When both ends closed a connection, as soon as all was said.
fn closed_when_all_was_said(record: &Record) -> Option<Timestamp> {
    let Some((_, false, closed)) = record.closed else {
        return None;
    };
    let said = last_message_at(record)?;
    (closed.at - said <= CLOSED_WITHIN).then_some(closed.at)
}

/// Whether a connection that is closed may be one of several of a session that is not over: it describes media, sets it up or goes
/// on with a session, and does not end the one that it opened.
pub(crate) fn may_be_link(record: &Record) -> bool {
    let has = |method: &str| {
        let mut exchanges = record.exchanges.list().iter();
        exchanges.any(|exchange| exchange.is(method))
    };
    let opens = has("SETUP");
    let is_whole = opens && has("TEARDOWN");
    record.speech == Speech::Rtsp
        && !is_whole
        && (opens || has("DESCRIBE") || asked_for(record).is_some())
        && closed_when_all_was_said(record).is_some()
}

fn last_message_at(record: &Record) -> Option<Timestamp> {
    let messages = record.exchanges.list().iter().flat_map(Exchange::messages);
    messages.map(|message| message.at.at).max()
}

/// Whether a connection asked only what is asked before a session is set up, and the next goes on from there.
fn leads_to(record: &Record, next: &Record) -> bool {
    let exchanges = record.exchanges.list();
    let is_before_setup = |exchange: &Exchange| exchange.is("OPTIONS") || exchange.is("DESCRIBE");
    !exchanges.is_empty()
        && exchanges.iter().all(is_before_setup)
        && is_closed_before(record, next)
        && next.first.at - record.last.at <= GOES_ON_WITHIN
}

/// The leg of the connection that `leg` is of, with what the others of its session show.
pub(super) fn joined(mut leg: Leg, chain: &[&Record]) -> Leg {
    let legs: Vec<Leg> = chain.iter().map(|record| record.leg()).collect();
    let Some(last) = legs.last() else {
        return leg;
    };
    let exchanges = legs.iter().flat_map(|leg| leg.exchanges.iter().cloned());
    leg.exchanges = Arc::new(exchanges.collect());
    let by_time = |at: &Locator| at.at;
    leg.first = legs
        .iter()
        .map(|leg| leg.first)
        .min_by_key(by_time)
        .unwrap_or(leg.first);
    leg.last = legs
        .iter()
        .map(|leg| leg.last)
        .max_by_key(by_time)
        .unwrap_or(leg.last);
    // The end of such a connection is not the session's.
    let is_over = last
        .exchanges
        .iter()
        .any(|exchange| exchange.is("TEARDOWN"));
    leg.closed = last.closed.filter(|_| is_over);
    (leg.from_client, leg.from_server) = (last.from_client, last.from_server);
    (leg.client_unheard, leg.server_unheard) = (last.client_unheard, last.server_unheard);
    (leg.client_shut, leg.server_shut) = (last.client_shut, last.server_shut);
    // What was sent in all is of each connection alone.
    leg.client_sent = None;
    leg.encrypted = legs.iter().any(|leg| leg.encrypted);
    leg.cut_short = legs.iter().any(|leg| leg.cut_short);
    leg.missing_bytes = legs.iter().map(|leg| leg.missing_bytes).sum();
    leg.dropped_messages = legs.iter().map(|leg| leg.dropped_messages).sum();
    leg.forgotten_keepalives = legs.iter().map(|leg| leg.forgotten_keepalives).sum();
    leg.first_gap = legs.iter().find_map(|leg| leg.first_gap);
    leg.holes = legs
        .iter()
        .flat_map(|leg| leg.holes.iter().copied())
        .collect();
    leg.unseen = legs.iter().find_map(|leg| leg.unseen);
    leg.out_of_step = legs.iter().filter_map(|leg| leg.out_of_step).max();
    leg.desync = legs.iter().find_map(|leg| leg.desync);
    leg.by_request = true;
    leg.other_answer = legs.iter().find_map(|leg| leg.other_answer);
    leg
}
