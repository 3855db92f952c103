//! Which of the last sequence numbers came: one bit each, in a ring that is indexed by the number itself.

/// Words of 64 bits in the window.
pub const WINDOW_WORDS: usize = 8;

/// Numbers that the window holds: the highest and those behind it. RFC 3550 §A.1 asks for 100 (`MAX_MISORDER`).
pub const WINDOW: u64 = 64 * WINDOW_WORDS as u64;

#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    words: [u64; WINDOW_WORDS],
}

impl Window {
    pub(super) const EMPTY: Self = Self {
        words: [0; WINDOW_WORDS],
    };

    #[inline(always)]
    pub(super) fn clear(&mut self) {
        *self = Self::EMPTY;
    }

    /// The bits, to save them or to put saved ones back.
    pub(super) const fn words_mut(&mut self) -> &mut [u64; WINDOW_WORDS] {
        &mut self.words
    }

    #[inline(always)]
    pub(super) fn mark(&mut self, number: u64) {
        self.words[word_of(number)] |= bit_of(number);
    }

    #[inline(always)]
    pub(super) fn has(&self, number: u64) -> bool {
        self.words[word_of(number)] & bit_of(number) != 0
    }

    /// Clears the bits of `count` numbers from `first` on, which until now stood for numbers [`WINDOW`] lower.
    #[inline(always)]
    pub(super) fn forget(&mut self, first: u64, count: u64) {
        if count >= WINDOW {
            self.clear();
            return;
        }
        let start = first & (WINDOW - 1);
        let mut base = 0;
        for word in &mut self.words {
            *word &= !covered(base, start, count);
            base += 64;
        }
    }
}

/// Bits of the word that begins at `base` in the ring and that lie within `count` (less than a ring) from `start`.
#[inline(always)]
fn covered(base: u64, start: u64, count: u64) -> u64 {
    let distance = base.wrapping_sub(start) & (WINDOW - 1);
    let mut mask = if count > distance {
        low_bits(count - distance)
    } else {
        0
    };
    if distance > WINDOW - 64 {
        // The range starts inside this word.
        mask |= low_bits(count) << (WINDOW - distance);
    }
    mask
}

#[inline(always)]
fn low_bits(count: u64) -> u64 {
    if count >= 64 {
        u64::MAX
    } else {
        (1 << count) - 1
    }
}

#[inline(always)]
fn word_of(number: u64) -> usize {
    ((number >> 6) & (WINDOW_WORDS as u64 - 1)) as usize
}

#[inline(always)]
fn bit_of(number: u64) -> u64 {
    1 << (number & 63)
}
