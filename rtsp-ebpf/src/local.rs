//! What each processor has to itself: counters and scratch room.

use rtsp_ebpf_common::abi::Local;

use crate::maps::LOCAL;

/// The room of the processor that runs this. Programs at network hooks do not interrupt each other on a processor.
#[inline(always)]
pub(crate) fn get<'a>() -> Option<&'a mut Local> {
    // SAFETY: the map's only slot of this processor; no other program uses it until this one is done.
    LOCAL.get_ptr_mut(0).map(|local| unsafe { &mut *local })
}
