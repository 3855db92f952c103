//! What the programs say about themselves, through aya-log: what they could not read or copy, and which connections
//! they took for RTSP.
//!
//! Silent unless user space asks for it before it loads the programs: the verifier knows the switch as a constant and
//! drops what it guards. Each kind is told at its first, second, fourth, eighth … time on a processor, so that a flood
//! of packets is no flood of lines. The texts are global functions, because what they put together fills most of the
//! kernel's stack.

use core::ptr::read_volatile;

use aya_log_ebpf::{info, warn};
use rtsp_ebpf_common::abi::Counter;

use crate::local;

/// Whether to speak; user space writes it before the programs are loaded.
#[unsafe(no_mangle)]
static TELL: u8 = 0;

/// Recognised connections that are told one by one.
const EACH: u64 = 64;

/// Tells how the `count`th packet of an outcome ended, if it is time to.
#[inline(always)]
pub(crate) fn outcome(counter: u32, count: u64) {
    if !is_on() || !is_power_of_two(count) {
        return;
    }
    if counter == Counter::NotParsed as u32 {
        rtsp_tell_unreadable(count);
    } else if counter == Counter::LoadFailed as u32 {
        rtsp_tell_unloaded(count);
    } else if counter == Counter::RingFull as u32 {
        rtsp_tell_ring_full(count);
    } else if counter == Counter::MapFull as u32 {
        rtsp_tell_map_full(count);
    }
}

/// Tells of the `count`th connection that speaks RTSP: of the first ones each.
#[inline(always)]
pub(crate) fn recognised(count: u64) {
    if is_on() && (count <= EACH || is_power_of_two(count)) {
        rtsp_tell_recognised(count);
    }
}

#[inline(always)]
fn is_on() -> bool {
    // SAFETY: a byte of ours. Volatile, because the loader changes it behind the compiler's back.
    unsafe { read_volatile(&raw const TELL) != 0 }
}

#[inline(always)]
fn is_power_of_two(count: u64) -> bool {
    count & count.wrapping_sub(1) == 0
}

/// Says that the headers of a packet could not be followed.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rtsp_tell_unreadable(count: u64) -> u32 {
    if let Some(local) = local::get() {
        warn!(
            (),
            "unreadable headers on interface {}, {} so far", local.facts.flow.ifindex, count
        );
    }
    0
}

/// Says that bytes of a packet could not be loaded.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rtsp_tell_unloaded(count: u64) -> u32 {
    if let Some(local) = local::get() {
        warn!(
            (),
            "bytes of a packet could not be loaded on interface {}, {} so far",
            local.facts.flow.ifindex,
            count
        );
    }
    0
}

macro_rules! tell_ends {
    ($(#[$doc:meta])* $name:ident, $level:ident, $text:literal) => {
        $(#[$doc])*
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $name(count: u64) -> u32 {
            if let Some(local) = local::get() {
                let flow = &local.facts.flow;
                $level!(
                    (),
                    $text,
                    flow.source,
                    u16::from_be_bytes(flow.source_port),
                    flow.destination,
                    u16::from_be_bytes(flow.destination_port),
                    flow.ifindex,
                    count
                );
            }
            0
        }
    };
}

tell_ends!(
    /// Says that a packet of interest found no room in the ring.
    rtsp_tell_ring_full,
    warn,
    "ring full: a packet from {:i} port {} to {:i} port {} on interface {} is lost, {} so far"
);
tell_ends!(
    /// Says that a flow found no room in the flow map.
    rtsp_tell_map_full,
    warn,
    "flow map full: a packet from {:i} port {} to {:i} port {} on interface {} is not counted, {} so far"
);
tell_ends!(
    /// Says that a connection speaks RTSP.
    rtsp_tell_recognised,
    info,
    "RTSP from {:i} port {} to {:i} port {} on interface {}, connection {}"
);
