//! The first bytes of a packet in memory, read at offsets that the verifier can follow on every kernel.
//!
//! Old verifiers lose a bound that the compiler has proved and then dropped. Offsets are therefore masked right before
//! each read, out of the compiler's sight, so that the mask stays in the program.

use rtsp_ebpf_common::abi::{HEADERS_MAX, HEADERS_SLACK};
use rtsp_ebpf_common::verifier::hide;

use crate::packet::Packet;

/// The loaded bytes and how many of them are the packet's.
pub(crate) struct Head<'a> {
    bytes: &'a [u8; HEADERS_MAX + HEADERS_SLACK],
    len: u32,
}

/// The bytes that were asked for are not in the packet, or not among its first.
pub(crate) struct Short;

impl<'a> Head<'a> {
    /// Loads the first bytes of a packet.
    #[inline(always)]
    pub(crate) fn load(
        packet: &impl Packet,
        bytes: &'a mut [u8; HEADERS_MAX + HEADERS_SLACK],
    ) -> Option<Self> {
        let len = clamp::<{ HEADERS_MAX as u32 }>(packet.len());
        // SAFETY: `len` is at most HEADERS_MAX.
        unsafe { packet.load(0, bytes.as_mut_ptr(), len) }.then_some(Self { bytes, len })
    }

    /// The bytes that an earlier stage loaded.
    #[inline(always)]
    pub(crate) fn loaded_before(bytes: &'a [u8; HEADERS_MAX + HEADERS_SLACK], len: u32) -> Self {
        Self { bytes, len }
    }

    /// How many bytes were loaded.
    #[inline(always)]
    pub(crate) fn loaded(&self) -> u32 {
        self.len
    }

    /// Checks that `count` bytes (at most [`HEADERS_SLACK`]) from `at` on were loaded.
    #[inline(always)]
    pub(crate) fn need(&self, at: u32, count: u32) -> Result<(), Short> {
        if at + count <= self.len {
            Ok(())
        } else {
            Err(Short)
        }
    }

    #[inline(always)]
    pub(crate) fn u8(&self, at: u32) -> u8 {
        // SAFETY: the masked offset is below HEADERS_MAX.
        unsafe { *self.pointer(at) }
    }

    #[inline(always)]
    pub(crate) fn u16(&self, at: u32) -> u16 {
        u16::from_be_bytes(self.array(at))
    }

    /// Eight bytes as they stand.
    #[inline(always)]
    pub(crate) fn word(&self, at: u32) -> u64 {
        u64::from_ne_bytes(self.array(at))
    }

    /// Copies `N` bytes, at most [`HEADERS_SLACK`].
    #[inline(always)]
    pub(crate) fn array<const N: usize>(&self, at: u32) -> [u8; N] {
        const { assert!(N <= HEADERS_SLACK) };
        // SAFETY: the masked offset is below HEADERS_MAX, and HEADERS_SLACK bytes follow.
        unsafe { self.pointer(at).cast::<[u8; N]>().read() }
    }

    /// The bytes from `at` on, loaded or not.
    #[inline(always)]
    pub(crate) fn window(&self, at: u32) -> &[u8; HEADERS_SLACK] {
        // SAFETY: the masked offset is below HEADERS_MAX, and HEADERS_SLACK bytes follow.
        unsafe { &*self.pointer(at).cast() }
    }

    #[inline(always)]
    fn pointer(&self, at: u32) -> *const u8 {
        const { assert!(HEADERS_MAX.is_power_of_two()) };
        let offset = hide(u64::from(at)) & (HEADERS_MAX as u64 - 1);
        // SAFETY: inside `bytes`.
        unsafe { self.bytes.as_ptr().add(offset as usize) }
    }
}

/// A length between 1 and `MAX`, and not more than `len`, in a way that verifiers before 6.12 can follow too.
#[inline(always)]
pub(crate) fn clamp<const MAX: u32>(len: u32) -> u32 {
    let mut less_one = hide(u64::from(len.wrapping_sub(1)));
    if less_one > u64::from(MAX - 1) {
        less_one = u64::from(MAX - 1);
    }
    (hide(less_one) + 1) as u32
}
