//! What was told of connections, by its tuple while it lives and by each of its ends for good, within a cap.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use rtspscope_wire::netfilter::Tuple;

/// What is known by its zone and tuple, as long as it lives.
pub(super) type Key = (u16, Tuple);

/// One end: protocol, address and port.
pub(super) type End = (u8, SocketAddr);

/// What a table keeps.
pub(super) trait Tracked {
    /// What no two living ones have in common.
    fn key(&self) -> Key;
    /// Where it is looked for.
    fn ends(&self) -> Vec<End>;
}

/// Records by the order in which they were first told; one that has ended falls first, the oldest one first.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    records: BTreeMap<u64, T>,
    living: BTreeMap<Key, u64>,
    ended: BTreeSet<u64>,
    by_end: BTreeMap<End, BTreeSet<u64>>,
    next: u64,
    max: usize,
}

impl<T: Tracked> Table<T> {
    pub(super) const fn new(max: usize) -> Self {
        Self {
            records: BTreeMap::new(),
            living: BTreeMap::new(),
            ended: BTreeSet::new(),
            by_end: BTreeMap::new(),
            next: 0,
            max,
        }
    }

    /// The living record of a tuple.
    pub(super) fn current(&mut self, key: &Key) -> Option<&mut T> {
        self.records.get_mut(self.living.get(key)?)
    }

    /// Takes in a new record, in the place of the living one of its tuple; tells how many fell for it.
    pub(super) fn begin(&mut self, record: T) -> u64 {
        let number = self.next;
        self.next += 1;
        let key = record.key();
        self.end(&key);
        for end in record.ends() {
            self.by_end.entry(end).or_default().insert(number);
        }
        self.living.insert(key, number);
        self.records.insert(number, record);
        let mut fallen = 0;
        while self.records.len() > self.max {
            self.remove_one();
            fallen += 1;
        }
        fallen
    }

    /// The living record of a tuple lives no longer.
    pub(super) fn end(&mut self, key: &Key) {
        self.ended.extend(self.living.remove(key));
    }

    /// The records with an end, by number, in the order in which they were first told.
    pub(super) fn at(&self, end: End) -> impl Iterator<Item = (u64, &T)> {
        let numbers = self.by_end.get(&end).into_iter().flatten();
        numbers.filter_map(|number| Some((*number, self.records.get(number)?)))
    }

    /// Lets go of those that have ended and are not wanted any more.
    pub(super) fn forget(&mut self, is_wanted: impl Fn(&T) -> bool) {
        let records = &self.records;
        let is_wanted = |number: &u64| records.get(number).is_some_and(&is_wanted);
        let going = self.ended.iter().copied();
        let going: Vec<u64> = going.filter(|number| !is_wanted(number)).collect();
        for number in going {
            self.ended.remove(&number);
            self.remove(number);
        }
    }

    fn remove_one(&mut self) {
        let oldest = self.records.keys().next().copied();
        if let Some(number) = self.ended.pop_first().or(oldest) {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(record) = self.records.remove(&number) else {
            return;
        };
        let key = record.key();
        if self.living.get(&key) == Some(&number) {
            self.living.remove(&key);
        }
        for end in record.ends() {
            if let Some(numbers) = self.by_end.get_mut(&end) {
                numbers.remove(&number);
                if numbers.is_empty() {
                    self.by_end.remove(&end);
                }
            }
        }
    }
}
