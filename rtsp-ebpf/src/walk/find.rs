//! Looks in a segment for a place where an interleaved frame may begin. Whether one does, user space decides.

use rtsp_ebpf_common::abi::Local;
use rtsp_ebpf_common::flow::HEAD_LEN;
use rtsp_ebpf_common::interleaved::stride::Stride;
use rtsp_ebpf_common::verifier::hide;

use super::Segment;
use crate::head::clamp;
use crate::local;
use crate::packet::Packet;

/// Bytes by which a frame is found.
const BEGIN_LEN: usize = 6;

/// Places at which one call looks for a frame, and most calls for one segment: an MTU of 1500.
const LOOK_LEN: u32 = 112;
const MAX_LOOKS: u32 = 14;

/// Where in the frame the first interleaved frame of a segment may begin.
#[inline(always)]
pub(super) fn find(packet: &impl Packet, segment: &Segment) -> Option<u32> {
    let mut at = segment.payload_at;
    for _ in 0..MAX_LOOKS {
        if at >= segment.end {
            break;
        }
        let found = packet.find(at, segment.end);
        if found != 0 {
            return Some(found);
        }
        at += LOOK_LEN;
    }
    None
}

/// Looks for a frame at [`LOOK_LEN`] places from `at` on; 0 where there is none.
#[inline(always)]
pub(crate) fn find_from(packet: &impl Packet, at: u32, end: u32) -> u32 {
    let Some(Local { payload, .. }) = local::get() else {
        return 0;
    };
    if at >= end {
        return 0;
    }
    let seen = clamp::<{ HEAD_LEN as u32 }>(end - at);
    // SAFETY: the scratch room is longer.
    if !unsafe { packet.load(at, payload.as_mut_ptr(), seen) } {
        return 0;
    }
    for place in 0..LOOK_LEN {
        let index = hide(u64::from(place)) as usize & (HEAD_LEN - 1);
        // SAFETY: the places end a frame's head before the room does.
        let begin: [u8; BEGIN_LEN] =
            unsafe { payload.as_ptr().add(index).cast::<[u8; BEGIN_LEN]>().read() };
        if place + BEGIN_LEN as u32 > seen {
            break;
        }
        if Stride::may_begin(begin) {
            return at + place;
        }
    }
    0
}
