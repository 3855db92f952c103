//! A table by [`FlowKey`].

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::FlowKey;

/// Keys whose place is remembered, as bits of a number: most packets of a capture are of fewer flows than that.
const REMEMBERED_BITS: u32 = 7;

/// 2^64 divided by the golden ratio: spreads neighbouring numbers (Knuth, The Art of Computer Programming, vol. 3, §6.4).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What is known by key. It is found again without hashing and searching where it was found lately.
#[derive(Clone, Debug)]
pub(crate) struct Index<V> {
    all: HashMap<FlowKey, V, FixedState>,
    /// What was found last, by a few bits of the key.
    remembered: Box<[Option<(FlowKey, V)>; 1 << REMEMBERED_BITS]>,
}

impl<V: Copy> Default for Index<V> {
    fn default() -> Self {
        Self {
            all: HashMap::default(),
            remembered: Box::new([None; 1 << REMEMBERED_BITS]),
        }
    }
}

impl<V: Copy> Index<V> {
    /// What is known of a packet's key.
    #[inline]
    pub(crate) fn find(&mut self, key: &FlowKey) -> Option<V> {
        if let Some((known, value)) = &self.remembered[place(key)]
            && known == key
        {
            return Some(*value);
        }
        let value = *self.all.get(key)?;
        self.remembered[place(key)] = Some((*key, value));
        Some(value)
    }

    /// The same for one that will not come again soon.
    pub(crate) fn get(&self, key: &FlowKey) -> Option<V> {
        self.all.get(key).copied()
    }

    pub(crate) fn insert(&mut self, key: FlowKey, value: V) {
        self.forget(&key);
        self.all.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &FlowKey) {
        self.forget(key);
        self.all.remove(key);
    }

    /// Keeps only what is worth it.
    pub(crate) fn retain(&mut self, is_worth: impl Fn(V) -> bool) {
        self.all.retain(|_, value| is_worth(*value));
        self.remembered.fill(None);
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    fn forget(&mut self, key: &FlowKey) {
        self.remembered[place(key)] = None;
    }
}

/// Where a key is remembered.
#[inline]
const fn place(key: &FlowKey) -> usize {
    (key.mark().wrapping_mul(SPREAD) >> (u64::BITS - REMEMBERED_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::SocketAddr;

    use rtspscope_wire::TapId;

    use super::*;

    fn key(number: u16) -> FlowKey {
        let from = SocketAddr::from(([192, 0, 2, 1], 40_000 + number * 2));
        FlowKey::new(TapId(0), from, SocketAddr::from(([10, 0, 0, 2], 554)))
    }

    #[test]
    fn what_is_remembered_is_what_is_known() {
        // Many more than are remembered, so that they push each other out.
        let mut index = Index::default();
        for number in 0..1_000_u16 {
            index.insert(key(number), number);
            assert_eq!(index.find(&key(number)), Some(number));
            assert_eq!(index.find(&key(number / 2)), Some(number / 2));
        }
        index.insert(key(5), 7);
        assert_eq!(index.find(&key(5)), Some(7));
        index.remove(&key(5));
        assert_eq!(index.find(&key(5)), None);
        assert_eq!(index.find(&key(6)), Some(6));
        index.retain(|number| number % 2 == 1);
        assert_eq!((index.find(&key(6)), index.find(&key(9))), (None, Some(9)));
        assert_eq!((index.get(&key(9)), index.len()), (Some(9), 499));
    }

    #[test]
    fn ports_of_one_host_are_remembered_beside_each_other() {
        let places: BTreeSet<_> = (0..64).map(|number| place(&key(number))).collect();
        assert!(places.len() > 40, "{}", places.len());
    }
}
