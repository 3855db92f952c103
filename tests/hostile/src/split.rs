//! Cuts a run of bytes at places that follow from a number, so that the rest of a fuzz input is plain stream bytes.

/// Numbers that follow from a seed (xorshift64; Marsaglia 2003).
#[derive(Clone, Debug)]
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `end`, which is not 0.
    pub(crate) const fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }
}

/// The first eight bytes as a seed, and the bytes behind them.
pub(crate) fn seeded(data: &[u8]) -> Option<(Numbers, &[u8])> {
    let (seed, rest) = data.split_first_chunk()?;
    Some((Numbers::new(u64::from_le_bytes(*seed)), rest))
}

/// The same bytes in parts, small and large, none empty; in order.
pub(crate) fn parts<'a>(bytes: &'a [u8], numbers: &mut Numbers) -> Vec<&'a [u8]> {
    let longest = [1, 3, 16, 200, 1_460, 9_000][numbers.below(6)];
    let mut rest = bytes;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (part, behind) = rest.split_at((1 + numbers.below(longest)).min(rest.len()));
        parts.push(part);
        rest = behind;
    }
    parts
}
