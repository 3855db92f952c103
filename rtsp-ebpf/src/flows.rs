//! The table of followed UDP flows: a map from flows to places, the places with their counts, and a shorter way there.
//!
//! The kernel's hash map is exact and slow: to hash a flow and to compare it costs more than to count a packet of it. So
//! the map holds only the number of a place, and beside it hints say which place a flow that hashes here was found at
//! last. A hint may be wrong, because two flows share it or because user space has given the place to another flow; the
//! flow's name at the place, read under its lock, decides. What has no right hint goes through the map, which sets one.

use core::ptr::{read_volatile, write_volatile};

use aya_ebpf::bindings::BPF_NOEXIST;
use aya_ebpf::helpers::{bpf_spin_lock, bpf_spin_unlock};
use rtsp_ebpf_common::abi::{FLOW_PLACES, FlowKey, FlowValue, GOLDEN};
use rtsp_ebpf_common::verifier::hide;

use crate::maps::{FLOWS, FLOWS_FREE, FLOWS_INDEX};

/// Hints, as a power of two.
const HINT_BITS: u32 = 14;

const HINTS_LEN: usize = 1 << HINT_BITS;

/// Places by the hash of their flow.
#[unsafe(no_mangle)]
static mut HINTS: [u16; HINTS_LEN] = [0; HINTS_LEN];

/// Which places have ever been given away, in a section of its own for user space to read; never taken back.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data.flows")]
static mut FLOWS_USED: [u8; FLOW_PLACES] = [0; FLOW_PLACES];

/// Where the hint says that a flow is: often right.
#[inline(always)]
pub(crate) fn hinted(flow: &FlowKey) -> Option<*mut FlowValue> {
    // SAFETY: `hint_of` is below the length of the array. Volatile, because other processors change it.
    let place = unsafe { read_volatile((&raw const HINTS).cast::<u16>().add(hint_of(flow))) };
    FLOWS.get_ptr_mut(u32::from(place))
}

/// Where a flow is, if it is followed.
#[inline(always)]
pub(crate) fn find(flow: &FlowKey) -> Option<*mut FlowValue> {
    // SAFETY: a slot of the map, which holds a number.
    let place = unsafe { FLOWS_INDEX.get_ptr(flow)?.read_volatile() };
    // SAFETY: as in `hinted`.
    unsafe {
        write_volatile(
            (&raw mut HINTS).cast::<u16>().add(hint_of(flow)),
            place as u16,
        )
    };
    FLOWS.get_ptr_mut(place)
}

/// Begins to follow a flow. `None` where no place is left.
#[inline(always)]
pub(crate) fn begin(flow: &FlowKey, clock_rate: u32) -> Option<*mut FlowValue> {
    let place = FLOWS_FREE.pop().ok()??;
    let value = FLOWS.get_ptr_mut(place)?;
    rename(value, flow, clock_rate);
    let used = hide(u64::from(place)) as usize & (FLOW_PLACES - 1);
    // SAFETY: masked to the length of the array. Volatile, because user space reads it.
    unsafe { write_volatile((&raw mut FLOWS_USED).cast::<u8>().add(used), 1) };
    if FLOWS_INDEX
        .insert(flow, &place, u64::from(BPF_NOEXIST))
        .is_err()
    {
        // Another processor saw the second datagram, or user space is about to make room.
        rename(value, &NOBODY, 0);
        let _ = FLOWS_FREE.push(&place, 0);
    }
    find(flow)
}

/// The name of a place that is free.
static NOBODY: FlowKey = FlowKey::NOBODY;

/// Gives a place to a flow. The counts there are zero already: user space has left them so.
#[inline(always)]
fn rename(value: *mut FlowValue, flow: &FlowKey, clock_rate: u32) {
    // SAFETY: `value` is a slot of the map: it stays readable and writable until the program ends. Word for word, because
    // the compiler would make a call of them, which old kernels refuse under a lock.
    unsafe {
        let lock = (&raw mut (*value).lock).cast();
        bpf_spin_lock(lock);
        let (to, from) = (words_mut(&raw mut (*value).flow), words(flow));
        for word in 0..KEY_WORDS {
            to.add(word).write_volatile(from.add(word).read());
        }
        (*value).clock_rate = clock_rate;
        bpf_spin_unlock(lock);
    }
}

const KEY_WORDS: usize = size_of::<FlowKey>() / 8;

fn words(flow: *const FlowKey) -> *const u64 {
    flow.cast()
}

fn words_mut(flow: *mut FlowKey) -> *mut u64 {
    flow.cast()
}

/// Whether a place is this flow's. To be asked under its lock, so without a call.
#[inline(always)]
pub(crate) unsafe fn is_of(value: *const FlowValue, flow: &FlowKey) -> bool {
    let mut different = 0;
    // SAFETY: the caller's promise that `value` is a slot of the map; keys are made of words.
    unsafe {
        let (one, two) = (words(&raw const (*value).flow), words(flow));
        for word in 0..KEY_WORDS {
            different |= one.add(word).read() ^ two.add(word).read();
        }
    }
    different == 0
}

/// The hint of a flow: another for each direction, and for each tap.
#[inline(always)]
fn hint_of(flow: &FlowKey) -> usize {
    // SAFETY: keys are made of words.
    let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|word| unsafe { words(flow).add(word).read() });
    let sum = a
        .wrapping_add(b)
        .wrapping_add(c.wrapping_add(d) << 1)
        .wrapping_add(e);
    let folded = sum ^ sum >> 32;
    (hide(folded.wrapping_mul(GOLDEN) >> (32 - HINT_BITS)) as usize) & (HINTS_LEN - 1)
}
