//! Interleaved media, counted where it is: who reads a direction, and the steps from frame to frame.
//!
//! The rules are in [`WalkValue`]'s module. A segment is either read by the kernel, which then copies nothing, or copied
//! whole; what the kernel cannot read it gives back before, with all that is known of the frame that had begun. So each
//! frame is counted once, by whoever reads its last byte. Two processors never work on one connection at a time: who
//! finds another at work copies its segment, and the other gives the direction back.

mod alone;
mod find;
mod frames;

use aya_ebpf::helpers::bpf_ktime_get_ns;
use rtsp_ebpf_common::abi::{
    FlowKey, HalfValue, Local, Reader, TakeValue, WALK_CLAIM, WALK_PASSED, WALK_RETURNED,
    WALK_TAKEN,
};
use rtsp_ebpf_common::flow::HEAD_LEN;
use rtsp_ebpf_common::verifier::hide;

use crate::local;
use crate::maps::{TAKES, WALKS};
use crate::packet::Packet;
use crate::ring;
use crate::tap::Outcome;
use alone::{begin, finish};
use find::find;
use frames::walk;

pub(crate) use find::find_from;
pub(crate) use frames::step;

/// Time after which a claim that nobody has confirmed gives way to a new one.
const CLAIM_NS: u64 = 50_000_000;

/// Length of a TCP header without options.
const TCP_LEN: u32 = 20;

/// Control bits (RFC 9293 §3.1).
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// What a segment's header says.
struct Segment {
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
    payload_at: u32,
    end: u32,
}

impl Segment {
    #[inline(always)]
    fn read(head: &[u8; HEAD_LEN], at: u32, end: u32) -> Self {
        let [_, _, _, _, a, b, c, d, e, f, g, h, offset, flags, i, j, ..] = *head;
        let payload_at = at + u32::from(offset >> 4) * 4;
        Self {
            seq: u32::from_be_bytes([a, b, c, d]),
            ack: u32::from_be_bytes([e, f, g, h]),
            flags,
            window: u16::from_be_bytes([i, j]),
            payload_at,
            end: if end < payload_at { payload_at } else { end },
        }
    }

    #[inline(always)]
    fn len(&self) -> u32 {
        self.end - self.payload_at
    }

    /// Data or acknowledgment and nothing else.
    #[inline(always)]
    fn is_plain(&self) -> bool {
        self.flags & !PSH == ACK && self.window != 0
    }
}

/// What becomes of a segment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing is to be done with it any more.
    Read,
    /// It is copied, and this is said with it.
    Copy(u8),
    /// The kernel has read it, and it is copied for the reports in it.
    Pass,
    /// The kernel has read a part of it, maybe with reports, and gives the direction back.
    Leave,
}

/// Handles the TCP segment of which [`Local`] holds the connection, which end of it sent it, and where it lies.
#[inline(always)]
pub(crate) fn handle(packet: &impl Packet) -> Outcome {
    let Some(Local {
        payload: scratch,
        connection,
        channel,
        facts,
        ..
    }) = local::get()
    else {
        return Outcome::LoadFailed;
    };
    let (sender, at, end) = (channel.sender, facts.transport_at, facts.end);
    // SAFETY: the scratch room is longer than the header.
    if !unsafe { packet.load(at, scratch.as_mut_ptr(), TCP_LEN) } {
        return ring::copy_walked(packet, 0);
    }
    // The kernel writes a length of 0 for super-packets beyond 64 KiB; no packet is longer than its frame.
    let end = if end <= at || end > packet.len() {
        packet.len()
    } else {
        end
    };
    let segment = Segment::read(scratch, at, end);
    let Some(value) = WALKS.get_ptr_mut(&*connection) else {
        return ring::copy_walked(packet, 0);
    };
    let sender = (hide(u64::from(sender)) & 1) as usize;
    // SAFETY: a slot of the map.
    let halves = unsafe { (&raw mut (*value).halves).cast::<HalfValue>() };
    // SAFETY: both are below the length of the array, and they are not the same. Another processor may be at work on the
    // other direction: it reads who reads this one, and raises `acked`.
    let (own, peer) = unsafe { (&mut *halves.add(sender), &mut *halves.add(sender ^ 1)) };
    if !begin(value, own) {
        return ring::copy_walked(packet, 0);
    }
    let verdict = if segment.len() == 0 {
        judge_empty(&segment, own, peer)
    } else {
        judge(packet, &segment, connection, sender, own)
    };
    let outcome = match verdict {
        Verdict::Read => Outcome::Counted,
        Verdict::Copy(walk) => copy(packet, walk.into(), &segment, own),
        Verdict::Leave => copy(packet, reports(&segment), &segment, own),
        Verdict::Pass => ring::copy_walked(packet, reports(&segment)),
    };
    if !finish(value, own) {
        leave(own);
        own.busy = 0;
    }
    outcome
}

/// What is to be said of a segment that was just walked through, if there are reports in it; else 0.
#[inline(always)]
fn reports(segment: &Segment) -> u32 {
    match local::get() {
        Some(Local { report_at, .. }) if *report_at != 0 => {
            u32::from(WALK_PASSED) | (*report_at - segment.payload_at) << 8
        }
        _ => 0,
    }
}

/// Copies a segment, with what is to be said; what found no room is said with the next one.
#[inline(always)]
fn copy(packet: &impl Packet, walk: u32, segment: &Segment, own: &mut HalfValue) -> Outcome {
    let owes = own.owes != 0;
    let told = if owes {
        walk | u32::from(WALK_RETURNED)
    } else {
        walk
    };
    let outcome = ring::copy_walked(packet, told);
    if outcome != Outcome::Copied {
        // User space lacks this segment now.
        own.reader = Reader::User as u32;
        return outcome;
    }
    if owes {
        own.owes = 0;
    }
    if walk & u32::from(WALK_TAKEN) != 0 {
        own.reader = Reader::Kernel as u32;
        own.bytes = 0;
        own.acked = segment.seq;
    }
    outcome
}

/// A segment without payload: pure acknowledgments of media that the kernel reads tell nothing new.
#[inline(always)]
fn judge_empty(segment: &Segment, own: &mut HalfValue, peer: &mut HalfValue) -> Verdict {
    let is_plain = segment.is_plain();
    if is_plain && own.is_shut == 0 && peer.reader == Reader::Kernel as u32 {
        let ahead = segment.ack.wrapping_sub(peer.acked) as i32;
        if ahead > 0 {
            peer.acked = segment.ack;
        }
        return Verdict::Read;
    }
    if segment.flags & ACK != 0 && segment.flags & RST == 0 {
        own.is_shut = u32::from(segment.window == 0);
    }
    if !is_plain {
        leave(own);
    }
    Verdict::Copy(0)
}

/// Gives the direction back, or the claim up.
#[inline(always)]
fn leave(own: &mut HalfValue) {
    if own.reader == Reader::Kernel as u32 {
        own.give_back(own.next_seq, own.next_seq);
    }
    own.reader = Reader::User as u32;
}

/// A segment with payload.
#[inline(always)]
fn judge(
    packet: &impl Packet,
    segment: &Segment,
    connection: &FlowKey,
    sender: usize,
    own: &mut HalfValue,
) -> Verdict {
    // SAFETY: a helper without arguments.
    let now_ns = unsafe { bpf_ktime_get_ns() };
    let in_order = segment.is_plain() && own.is_shut == 0;
    let is_new = note_passed(segment, own);
    if segment.flags & ACK != 0 {
        own.is_shut = u32::from(segment.window == 0);
    }
    if own.reader != Reader::User as u32 && (!in_order || segment.seq != own.next_seq) {
        leave(own);
    }
    if own.reader == Reader::Kernel as u32 {
        let read = walk(packet, segment, connection, sender, own, true);
        if read == segment.len() {
            own.next_seq = own.next_seq.wrapping_add(read);
            own.bytes = own.bytes.wrapping_add(u64::from(read));
            own.last_ns = now_ns;
            return if reports(segment) == 0 {
                Verdict::Read
            } else {
                Verdict::Pass
            };
        }
        own.give_back(segment.seq, segment.seq.wrapping_add(read));
        return Verdict::Leave;
    }
    if !in_order || !is_new {
        return Verdict::Copy(0);
    }
    if own.reader == Reader::Both as u32 && now_ns.wrapping_sub(own.claimed_ns) < CLAIM_NS {
        return go_along(packet, segment, connection, sender, own);
    }
    own.reader = Reader::User as u32;
    let Some(begin) = find(packet, segment) else {
        return Verdict::Copy(0);
    };
    own.stride.start();
    let found = Segment {
        payload_at: begin,
        ..*segment
    };
    if walk(packet, &found, connection, sender, own, false) != found.len() {
        return Verdict::Copy(0);
    }
    own.reader = Reader::Both as u32;
    own.next_seq = segment.seq.wrapping_add(segment.len());
    own.claim = own.next_seq.wrapping_sub(own.stride.passed_len());
    own.claimed_ns = now_ns;
    Verdict::Copy(WALK_CLAIM)
}

/// Takes note of how far the direction has come; tells whether all of a segment is new.
#[inline(always)]
fn note_passed(segment: &Segment, own: &mut HalfValue) -> bool {
    let is_new = own.has_passed == 0 || segment.seq.wrapping_sub(own.highest_seq) as i32 >= 0;
    let end = segment.seq.wrapping_add(segment.len());
    if own.has_passed == 0 || end.wrapping_sub(own.highest_seq) as i32 > 0 {
        own.has_passed = 1;
        own.highest_seq = end;
    }
    is_new
}

/// A segment behind a claim.
#[inline(always)]
fn go_along(
    packet: &impl Packet,
    segment: &Segment,
    connection: &FlowKey,
    sender: usize,
    own: &mut HalfValue,
) -> Verdict {
    let read = walk(packet, segment, connection, sender, own, false);
    if read != segment.len() {
        own.reader = Reader::User as u32;
        return Verdict::Copy(0);
    }
    own.next_seq = segment.seq.wrapping_add(read);
    if is_confirmed(connection, sender, own.claim) {
        Verdict::Copy(WALK_TAKEN)
    } else {
        Verdict::Copy(0)
    }
}

/// Whether user space has confirmed this claim.
#[inline(always)]
fn is_confirmed(connection: &FlowKey, sender: usize, claim: u32) -> bool {
    let Some(take) = TAKES.get_ptr(connection) else {
        return false;
    };
    // SAFETY: a slot of the map; user space replaces it as a whole, and a claim that is read too early is asked for again.
    let TakeValue { claims, given } = unsafe { *take };
    let (claimed, given) = if sender == 0 {
        (claims[0], given[0])
    } else {
        (claims[1], given[1])
    };
    given != 0 && claimed == claim
}
