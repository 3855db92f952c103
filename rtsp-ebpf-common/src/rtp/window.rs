//! Which of the last sequence numbers came: one bit each, in a ring that is indexed by the number itself.

use crate::verifier::hide;

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

    /// Clears all bits, word by word: the compiler would make a call of a plain assignment, and the kernel allows none
    /// where this runs.
    #[inline(always)]
    pub(super) fn clear(&mut self) {
        let zero = hide(0);
        for word in &mut self.words {
            *word = zero;
        }
    }

    /// The bits, to save them or to put saved ones back.
    pub(super) const fn words_mut(&mut self) -> &mut [u64; WINDOW_WORDS] {
        &mut self.words
    }

    /// Adds the bits of a window over the same numbers.
    pub(super) fn add(&mut self, other: &Self) {
        for (word, bits) in self.words.iter_mut().zip(other.words) {
            *word |= bits;
        }
    }

    /// The bits of `count` numbers from `first` on, at most a window; those of other numbers are clear.
    pub(super) fn of(&self, first: u64, count: u64) -> [u64; WINDOW_WORDS] {
        let start = first & (WINDOW - 1);
        let mut words = self.words;
        for (base, word) in (0..WINDOW).step_by(64).zip(&mut words) {
            *word &= covered(base, start, count);
        }
        words
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
        let count = if count < WINDOW { count } else { WINDOW };
        let start = first & (WINDOW - 1);
        // Not unrolled, because the compiler does not know where it starts: unrolled it needs more of the kernel's
        // small stack than there is.
        let mut base = hide(0);
        while base < WINDOW {
            self.words[word_of(base)] &= !covered(base, start, count);
            base += 64;
        }
    }
}

/// Bits of the word that begins at `base` in the ring and that lie within `count` (at most a ring) from `start`.
///
/// Without branches: each would double what the kernel's verifier has to follow, eight times over.
#[inline(always)]
fn covered(base: u64, start: u64, count: u64) -> u64 {
    // How far behind `start` the word begins, and how far behind its own beginning `start` lies.
    let distance = base.wrapping_sub(start) & (WINDOW - 1);
    let skipped = start.wrapping_sub(base) & (WINDOW - 1);
    let from_before = low_bits(positive(count.wrapping_sub(distance)));
    let from_inside = !low_bits(skipped) & low_bits(skipped.wrapping_add(count));
    from_before | from_inside
}

/// The lowest `count` bits; all from 64 on.
#[inline(always)]
fn low_bits(count: u64) -> u64 {
    let beyond = count.wrapping_sub(64);
    // All ones where `count` is below 64: the kernel's arithmetic shift is cheap, its comparison is a branch.
    let below = (beyond.cast_signed() >> 63).cast_unsigned();
    !below | (below & !(u64::MAX << (count & 63)))
}

/// The value, or 0 where it stands for a negative number.
#[inline(always)]
fn positive(value: u64) -> u64 {
    value & !(value.cast_signed() >> 63).cast_unsigned()
}

#[inline(always)]
fn word_of(number: u64) -> usize {
    ((number >> 6) & (WINDOW_WORDS as u64 - 1)) as usize
}

#[inline(always)]
fn bit_of(number: u64) -> u64 {
    1 << (number & 63)
}
