//! Which entries and expectations are a session's, and which legs an entry says to be one connection.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use rtspscope_wire::netfilter::Tuple;
use rtspscope_wire::{Span, Timestamp};

use super::Netfilter;
use crate::locator::Locator;
use crate::model::{self, Expected, Leg, Mapping, Session};

/// What is told by netlink and what is seen by a tap may come in another order than it happened.
const SLACK: Span = Span::from_secs(1);

/// Legs of one entry that are compared: a connection has one at each tap.
const MAX_LEGS: usize = 16;

impl Netfilter {
    /// Pairs of legs that are one connection by an entry's two tuples, each pair once.
    pub(crate) fn pairs(&self, legs: &[Leg]) -> Vec<(usize, usize)> {
        let mut by_entry: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (index, leg) in legs.iter().enumerate() {
            if let Some((number, _)) = self.entry_of(leg) {
                by_entry.entry(number).or_default().push(index);
            }
        }
        let mut pairs = Vec::new();
        for same in by_entry.values() {
            let same = same.get(..MAX_LEGS).unwrap_or(same);
            for (place, &a) in same.iter().enumerate() {
                for &b in same.iter().skip(place + 1) {
                    if meet(legs, a, b) {
                        pairs.push((a, b));
                    }
                }
            }
        }
        pairs
    }

    /// What was said of a session; `None` where nothing was said of anyone.
    pub(crate) fn of_session(&self, session: &Session) -> Option<model::Netfilter> {
        if !self.heard {
            return None;
        }
        let entries = session.legs.iter().filter_map(|leg| self.entry_of(leg));
        Some(model::Netfilter {
            connection: entries.map(|(_, entry)| entry.clone()).next(),
            mappings: self.mappings(session),
            expectations: self.expectations(session),
        })
    }

    /// The entry of a connection: the last one that lived while the leg did.
    fn entry_of(&self, leg: &Leg) -> Option<(u64, &Mapping)> {
        let is_its = |entry: &Mapping| {
            let (asked, answered) = (entry.original, entry.reply);
            let ends = [(asked.from, asked.to), (answered.to, answered.from)];
            ends.contains(&(leg.client, leg.server))
        };
        let lived =
            |entry: &Mapping| overlaps(entry.first, entry.ended, leg.first.at, Some(leg.last.at));
        let entries = self.entries.at((Tuple::TCP, leg.client));
        entries
            .filter(|(_, entry)| is_its(entry) && lived(entry))
            .last()
    }

    /// Entries of UDP flows of the client's media ports, in the order in which they were told.
    fn mappings(&self, session: &Session) -> Vec<Mapping> {
        let mut found = BTreeMap::new();
        for end in client_ends(session) {
            let entries = self.entries.at((Tuple::UDP, end));
            let lived = entries.filter(|(_, entry)| {
                overlaps(
                    entry.first,
                    entry.ended,
                    session.started_at,
                    session.ended_at,
                )
            });
            found.extend(lived);
        }
        found.into_values().cloned().collect()
    }

    fn expectations(&self, session: &Session) -> Vec<Expected> {
        let mut found = BTreeMap::new();
        for leg in &session.legs {
            let of_client = self.expectations.at((Tuple::TCP, leg.client));
            let is_its = |expected: &Expected| {
                let master = expected.master;
                (master.from, master.to) == (leg.client, leg.server)
                    && overlaps(
                        expected.first,
                        expected.ended,
                        leg.first.at,
                        Some(leg.last.at),
                    )
            };
            found.extend(of_client.filter(|(_, expected)| is_its(expected)));
        }
        found.into_values().cloned().collect()
    }
}

/// Whether two legs were there at one time; clocks that are apart say that they were not.
fn meet(legs: &[Leg], a: usize, b: usize) -> bool {
    let (Some(a), Some(b)) = (legs.get(a), legs.get(b)) else {
        return false;
    };
    a.first.at <= b.last.at + SLACK && b.first.at <= a.last.at + SLACK
}

/// Whether what was told from `first` to `ended` lived at some time between two others.
fn overlaps(
    first: Locator,
    ended: Option<Locator>,
    from: Timestamp,
    until: Option<Timestamp>,
) -> bool {
    until.is_none_or(|until| first.at <= until + SLACK)
        && ended.is_none_or(|ended| ended.at + SLACK >= from)
}

/// The client's media ends as the leg next to it shows them: on the outside of a NAT the same port may be another
/// client's.
fn client_ends(session: &Session) -> BTreeSet<SocketAddr> {
    let Some(leg) = session.legs.first() else {
        return BTreeSet::new();
    };
    let mut ends = BTreeSet::new();
    for media in &session.media {
        let negotiated = media.per_leg.first().unwrap_or(&media.negotiated);
        let destination = negotiated.destination.as_deref();
        let destination = destination.and_then(|text| text.parse::<IpAddr>().ok());
        let ports = [
            negotiated.client_rtp_port,
            negotiated.client_rtcp_port,
            negotiated.answered_rtp_port,
            negotiated.answered_rtcp_port,
        ];
        for host in [leg.client.ip()].into_iter().chain(destination) {
            let known = ports.into_iter().flatten().filter(|port| *port != 0);
            ends.extend(known.map(|port| SocketAddr::new(host, port)));
        }
    }
    ends
}
