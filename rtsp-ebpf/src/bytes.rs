//! The linear part of a packet, read where it lies.
//!
//! The kernel knows an offset only by the very register that was compared with the end: constants are compared once for
//! all, an offset that the packet says ([`Bytes::u8_behind`]) where it is used.

use rtsp_ebpf_common::verifier::hide;

/// The linear part of a packet.
#[derive(Clone, Copy)]
pub(crate) struct Bytes {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Bytes {
    /// Whether the first `len` bytes are there.
    #[inline(always)]
    pub(crate) fn has(self, len: usize) -> bool {
        self.start + len <= self.end
    }

    #[inline(always)]
    pub(crate) fn u8(self, at: usize) -> u8 {
        self.read(at)
    }

    #[inline(always)]
    pub(crate) fn u16(self, at: usize) -> u16 {
        self.read(at)
    }

    #[inline(always)]
    pub(crate) fn u32(self, at: usize) -> u32 {
        if is_aligned(at, 4) {
            return self.read(at);
        }
        let [[a, b], [c, d]] = [at, at + 2].map(|at| self.u16(at).to_ne_bytes());
        u32::from_ne_bytes([a, b, c, d])
    }

    #[inline(always)]
    pub(crate) fn u64(self, at: usize) -> u64 {
        if is_aligned(at, 8) {
            return self.read(at);
        }
        let [[a, b, c, d], [e, f, g, h]] = [at, at + 4].map(|at| self.u32(at).to_ne_bytes());
        u64::from_ne_bytes([a, b, c, d, e, f, g, h])
    }

    /// The byte `distance` behind `at`, if it is there.
    #[allow(
        clippy::int_plus_one,
        reason = "the verifier learns of a byte from a comparison with its end"
    )]
    #[inline(always)]
    pub(crate) fn u8_behind(self, at: usize, distance: usize) -> Option<u8> {
        let place = hide((self.start + distance) as u64) as usize;
        // SAFETY: the verifier holds the comparison against the read.
        (place + at + 1 <= self.end).then(|| unsafe { *((place + at) as *const u8) })
    }

    /// Reads what [`Self::has`] has found to be there, as it lies in memory.
    #[inline(always)]
    fn read<T: Copy>(self, at: usize) -> T {
        // SAFETY: the verifier refuses a read that no comparison with the end covers, and one that its rules call
        // unaligned. Where a frame lies otherwise in truth, the processor or its kernel reads it all the same. Told that
        // it may be unaligned, the compiler would read byte by byte.
        unsafe { ((self.start + at) as *const T).read() }
    }
}

/// Whether `len` bytes at an offset are aligned where the kernel places frames: so that what lies behind an Ethernet header
/// is (`NET_IP_ALIGN`, which verifiers presume too).
#[inline(always)]
fn is_aligned(at: usize, len: usize) -> bool {
    const NET_IP_ALIGN: usize = 2;
    (at + NET_IP_ALIGN).is_multiple_of(len)
}
