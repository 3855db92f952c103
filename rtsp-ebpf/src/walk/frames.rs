//! Steps over the frames of a segment, and counts those that end in it.

use rtsp_ebpf_common::abi::{ChannelKey, ChannelValue, FlowKey, HalfValue, Local};
use rtsp_ebpf_common::interleaved::stride::{FRAME_HEAD_LEN, Stride, is_next};
use rtsp_ebpf_common::verifier::hide;

use super::Segment;
use crate::head::clamp;
use crate::local;
use crate::maps::CHANNELS;
use crate::media::record_in_channel;
use crate::packet::Packet;

/// Most frames, and parts of frames, of one segment that are stepped over.
const MAX_FRAMES: u32 = 128;

/// Offset up to which a report is found again in a copy, whatever took it.
const MAX_REPORT_END: u32 = 0xffff;

/// Steps over the frames of a segment; how many bytes of it were in step. Where they are not all, the direction stands
/// where the rest begins.
#[inline(always)]
pub(super) fn walk(
    packet: &impl Packet,
    segment: &Segment,
    connection: &FlowKey,
    sender: usize,
    own: &mut HalfValue,
    counts: bool,
) -> u32 {
    let Some(Local {
        stride,
        channel,
        report_at,
        ..
    }) = local::get()
    else {
        return 0;
    };
    *report_at = 0;
    *stride = own.stride;
    channel.connection = *connection;
    channel.sender = sender as u32;
    let mut at = segment.payload_at;
    for _ in 0..MAX_FRAMES {
        if at >= segment.end {
            break;
        }
        let stepped = packet.step(at, segment.end, counts);
        if stepped == 0 || stepped > segment.end - at {
            break;
        }
        at += stepped;
    }
    own.stride = *stride;
    at - segment.payload_at
}

/// Steps over one frame, or over what of it lies before `end`, and counts it where it ends. Returns how many bytes that
/// were; 0 where it is out of step, and then nothing has changed.
#[inline(always)]
pub(crate) fn step(packet: &impl Packet, at: u32, end: u32, counts: bool) -> u32 {
    let Some(Local {
        stride,
        channel,
        report_at,
        ..
    }) = local::get()
    else {
        return 0;
    };
    if at >= end {
        return 0;
    }
    let available = end - at;
    let (head_len, left) = (stride.head_len, stride.left);
    let mut taken = 0;
    let wanted = stride.wanted_len();
    if wanted != 0 {
        taken = clamp::<{ FRAME_HEAD_LEN as u32 }>(if wanted < available {
            wanted
        } else {
            available
        });
        let place = hide(u64::from(head_len)) as usize & (FRAME_HEAD_LEN - 1);
        // SAFETY: the head has twice as much room as the place and the length are at most.
        let loaded = unsafe { packet.load(at, stride.head.as_mut_ptr().add(place), taken) };
        if !loaded {
            return 0;
        }
        if !stride.take_head(taken) {
            // Another thing than RTP. A report is user space's to read, where all of it is here.
            if head_len != 0 || end > MAX_REPORT_END {
                return 0;
            }
            let report_len = stride.whole_report(available);
            if report_len != 0 && *report_at == 0 {
                *report_at = at;
            }
            return report_len;
        }
        if stride.head_len != FRAME_HEAD_LEN as u32 {
            return taken;
        }
    }
    taken += stride.take_payload(available - taken);
    if stride.is_whole() {
        channel.channel = u32::from(stride.channel());
        if counts && !count(channel, stride) {
            stride.head_len = head_len;
            stride.left = left;
            return 0;
        }
        stride.turn();
    }
    taken
}

/// Counts the frame that has passed; tells whether it is one of a source that user space knows.
#[inline(always)]
fn count(channel: &ChannelKey, stride: &Stride) -> bool {
    let Some(value) = CHANNELS.get_ptr_mut(channel) else {
        return false;
    };
    let payload = stride.payload();
    // SAFETY: a slot of the map, at the parts of which that user space gives and nobody changes.
    let (ssrc, number, payload_type) = unsafe {
        let value: *const ChannelValue = value;
        ((*value).ssrc, (*value).number, (*value).payload_type)
    };
    let is_known = ssrc == payload.ssrc
        && payload_type == payload.payload_type
        && (stride.is_first == 0 || is_next(number, payload.sequence));
    if is_known {
        record_in_channel(value, &payload);
    }
    is_known
}
