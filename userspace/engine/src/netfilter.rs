//! What the router's own connection tracking said, and which session it concerns.
//!
//! A source may hand over events of flows that no session has (a capture of all of netlink), and an entry begins before
//! anyone knows that its connection speaks RTSP. So all that is told is kept for a while, within caps, and sessions are
//! joined with it when a snapshot is taken.

mod join;
mod table;

use std::net::SocketAddr;

use rtspscope_wire::netfilter::{Change, Entry, Event, Expectation, Status, Subject};
use rtspscope_wire::{TapId, Timestamp};

use crate::input::Conntrack;
use crate::limits::Limits;
use crate::locator::Locator;
use crate::model::{Expected, Mapping};
use table::{End, Table, Tracked};

/// Everything that connection tracking said, as far as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Netfilter {
    entries: Table<Mapping>,
    expectations: Table<Expected>,
    /// Anything was said at all.
    heard: bool,
}

impl Netfilter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            entries: Table::new(limits.tracked_connections),
            expectations: Table::new(limits.tracked_expectations),
            heard: false,
        }
    }

    /// Takes in what was said; tells how much was given up for it.
    pub(crate) fn note(&mut self, told: &Conntrack<'_>) -> u64 {
        self.heard = true;
        let at = Locator {
            tap: TapId::NETFILTER,
            frame: Some(told.number),
            at: told.at,
            stream_offset: None,
        };
        let Event { change, subject } = told.event;
        match subject {
            Subject::Entry(entry) => self.note_entry(*change, entry, at),
            Subject::Expectation(expectation) => self.note_expectation(*change, expectation, at),
        }
    }

    /// Forgets what ended before `settled`, and either before `oldest`, when the first session that is kept began, or
    /// concerning none of these ends.
    pub(crate) fn forget(
        &mut self,
        settled: Timestamp,
        oldest: Timestamp,
        is_named: impl Fn(SocketAddr) -> bool,
    ) {
        let is_wanted = |ended: Option<Locator>, ends: Vec<End>| {
            let Some(ended) = ended else { return true };
            let is_of_kept = || ended.at >= oldest && ends.iter().any(|(_, end)| is_named(*end));
            ended.at > settled || is_of_kept()
        };
        self.entries
            .forget(|entry| is_wanted(entry.ended, entry.ends()));
        self.expectations
            .forget(|expected| is_wanted(expected.ended, expected.ends()));
    }

    fn note_entry(&mut self, change: Change, entry: &Entry, at: Locator) -> u64 {
        let key = (entry.zone, entry.original);
        let is_same = |known: &Mapping| known.ended.is_none() && known.reply == entry.reply;
        let known = self.entries.current(&key).filter(|known| is_same(known));
        if let Some(known) = known.filter(|_| change != Change::New) {
            known.update(entry, at);
            if change == Change::Destroyed {
                known.ended = Some(ended(entry.stopped_at, at));
                self.entries.end(&key);
            }
            return 0;
        }
        let mut mapping = mapping(change, entry, at);
        mapping.update(entry, at);
        let over = mapping.ended.is_some();
        let fallen = self.entries.begin(mapping);
        if over {
            self.entries.end(&key);
        }
        fallen
    }

    fn note_expectation(&mut self, change: Change, told: &Expectation, at: Locator) -> u64 {
        let key = (told.zone, told.expected);
        let current = self.expectations.current(&key);
        let known = current.filter(|known| known.ended.is_none() && known.master == told.master);
        if let Some(known) = known {
            if change == Change::Destroyed {
                known.ended = Some(at);
                self.expectations.end(&key);
            }
            return 0;
        }
        let over = change == Change::Destroyed;
        let fallen = self.expectations.begin(Expected {
            master: told.master,
            expected: told.expected,
            forwarded_to: told.forwarded_to,
            zone: told.zone,
            helper: told.helper.clone(),
            timeout_secs: told.timeout_secs,
            first: at,
            ended: over.then_some(at),
        });
        if over {
            self.expectations.end(&key);
        }
        fallen
    }
}

/// When an entry ended: by the kernel's own watch where it has one.
fn ended(stopped_at: Option<Timestamp>, told: Locator) -> Locator {
    Locator {
        at: stopped_at.map_or(told.at, |stopped| stopped.min(told.at)),
        ..told
    }
}

fn mapping(change: Change, entry: &Entry, at: Locator) -> Mapping {
    Mapping {
        original: entry.original,
        reply: entry.reply,
        zone: entry.zone,
        status: Status::default(),
        status_at: at,
        timeout_secs: None,
        helper: None,
        master: entry.master,
        sequence_offsets: None,
        began: change == Change::New,
        first: at,
        ended: (change == Change::Destroyed).then(|| ended(entry.stopped_at, at)),
    }
}

impl Mapping {
    /// Adds what a message says; what it leaves out stays.
    fn update(&mut self, entry: &Entry, at: Locator) {
        let status = entry.status.unwrap_or_default();
        if !self.status.has(status) {
            self.status = Status(self.status.0 | status.0);
            self.status_at = at;
        }
        self.timeout_secs = self.timeout_secs.max(entry.timeout_secs);
        if self.helper.is_none() {
            self.helper.clone_from(&entry.helper);
        }
        self.master = self.master.or(entry.master);
        self.sequence_offsets = entry.sequence_offsets.or(self.sequence_offsets);
    }
}

impl Tracked for Mapping {
    fn key(&self) -> table::Key {
        (self.zone, self.original)
    }

    fn ends(&self) -> Vec<table::End> {
        let tuples = [self.original, self.reply];
        let ends = tuples.map(|tuple| [(tuple.protocol, tuple.from), (tuple.protocol, tuple.to)]);
        ends.concat()
    }
}

impl Tracked for Expected {
    fn key(&self) -> table::Key {
        (self.zone, self.expected)
    }

    fn ends(&self) -> Vec<table::End> {
        let master = self.master;
        vec![(master.protocol, master.from), (master.protocol, master.to)]
    }
}

#[cfg(test)]
mod tests;
