//! One processor at a time works on a direction; one that finds another at it leaves word.

use aya_ebpf::helpers::{bpf_spin_lock, bpf_spin_unlock};
use rtsp_ebpf_common::abi::{HalfValue, WalkValue};

/// Begins work on a direction; tells whether no other processor is at it.
#[inline(always)]
pub(super) fn begin(value: *mut WalkValue, own: &mut HalfValue) -> bool {
    // SAFETY: a slot of the map; nothing is called while the lock is held.
    unsafe {
        let lock = (&raw mut (*value).lock).cast();
        bpf_spin_lock(lock);
        let is_free = own.busy == 0;
        if is_free {
            own.busy = 1;
        } else {
            own.collided = 1;
        }
        bpf_spin_unlock(lock);
        is_free
    }
}

/// Ends it, unless another processor came meanwhile; tells whether none did.
#[inline(always)]
pub(super) fn finish(value: *mut WalkValue, own: &mut HalfValue) -> bool {
    // SAFETY: as in `begin`.
    unsafe {
        let lock = (&raw mut (*value).lock).cast();
        bpf_spin_lock(lock);
        let is_alone = own.collided == 0;
        own.collided = 0;
        if is_alone {
            own.busy = 0;
        }
        bpf_spin_unlock(lock);
        is_alone
    }
}
