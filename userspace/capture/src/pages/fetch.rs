//! Bytes on their way from memory into the processor's cache while others are worked on.

/// Whether it can be done on this processor.
pub(super) const IS_POSSIBLE: bool = cfg!(target_arch = "x86_64");

/// Bytes that come together.
#[cfg(target_arch = "x86_64")]
const LINE_LEN: usize = 64;

/// Has bytes fetched, and does not wait for them.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn begin(bytes: &[u8]) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

    let bytes = bytes.as_ptr_range();
    let mut line = bytes.start;
    while line < bytes.end {
        // SAFETY: a hint, which reads nothing and cannot fail.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.cast()) };
        line = line.wrapping_add(LINE_LEN);
    }
}

/// Does nothing.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(super) fn begin(_: &[u8]) {}
