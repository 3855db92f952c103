//! UDP: media between RTSP peers or at negotiated ports is counted where it is; samples of it go to the ring.

use aya_ebpf::helpers::{bpf_ktime_get_ns, bpf_spin_lock, bpf_spin_unlock};
use rtsp_ebpf_common::abi::{
    ChannelValue, EndpointKey, FlowKey, FlowValue, Local, PeerKey, Reason,
};
use rtsp_ebpf_common::flow::{Class, HEAD_LEN, Payload};

use crate::control::write_peers;
use crate::flows;
use crate::head::{Head, clamp};
use crate::headers::UDP_LEN;
use crate::interest;
use crate::local;
use crate::maps::{ENDPOINTS, PEERS};
use crate::packet::Packet;
use crate::ring;
use crate::tap::Outcome;

/// First datagrams of a flow that are copied, so that a report can name their frames.
const SAMPLES: u64 = 4;

/// Datagrams after which a flow without a clock rate asks for one again.
const RATE_INTERVAL: u64 = 16;

/// Most datagrams in one super-packet (the kernel's `UDP_MAX_SEGMENTS`).
const MAX_SEGMENTS: u32 = 128;

/// Handles a UDP packet.
#[inline(always)]
pub(crate) fn handle(packet: &impl Packet) -> Outcome {
    let Some(local) = local::get() else {
        return Outcome::LoadFailed;
    };
    let Local { facts, peers, .. } = &mut *local;
    if facts.transport_at + UDP_LEN > facts.loaded {
        return Outcome::Unreadable;
    }
    if interest::of_flow(&facts.flow) == 0 {
        return Outcome::Ignored;
    }
    let value = match find(&facts.flow, peers) {
        Ok(value) => value,
        Err(outcome) => return outcome,
    };
    let gso_size = packet.gso_size();
    if gso_size != 0 {
        return count_all(packet, facts.transport_at + UDP_LEN, facts.end, gso_size);
    }
    match count(packet, value, local) {
        Ok(Recorded::AsOthers) => Outcome::Counted,
        Ok(Recorded::Noteworthy) => ring::copy(packet, Reason::Sample),
        Ok(Recorded::Rtcp) => ring::copy(packet, Reason::Rtcp),
        Ok(Recorded::Not) => Outcome::MapFull,
        Err(outcome) => outcome,
    }
}

/// The place of a followed flow; begins to follow it where it has to be.
#[inline(always)]
fn find(flow: &FlowKey, peers: &mut PeerKey) -> Result<*mut FlowValue, Outcome> {
    if let Some(value) = flows::find(flow) {
        refresh_rate(flow, value);
        return Ok(value);
    }
    let rate = clock_rate(flow);
    if rate.is_none() {
        write_peers(flow, peers);
        if PEERS.get_ptr(&*peers).is_none() {
            return Err(Outcome::Ignored);
        }
    }
    flows::begin(flow, rate.unwrap_or(0)).ok_or(Outcome::MapFull)
}

/// Counts the next packet of RTP in a flow that is well under way; tells whether it could. The first packets, those of a
/// new source, and those that ask for a clock rate are for [`handle`].
#[inline(always)]
pub(crate) fn count_next(flow: &FlowKey, payload: &Payload) -> bool {
    flows::hinted(flow).is_some_and(|value| record_next(value, flow, payload) != 0)
}

/// Counts a packet of RTP at a place, if that is its flow's and has counted such packets before; 1 if so.
#[inline(never)]
fn record_next(value: *mut FlowValue, flow: &FlowKey, payload: &Payload) -> u32 {
    // SAFETY: as in `record`.
    unsafe {
        let at_ns = bpf_ktime_get_ns() as i64;
        let lock = (&raw mut (*value).lock).cast();
        bpf_spin_lock(lock);
        let (rate, packets) = ((*value).clock_rate, (*value).stats.rtp.packets);
        let may_count = flows::is_of(value, flow)
            && packets >= SAMPLES
            && (*value).stats.rtp.ssrc == payload.ssrc
            && (rate != 0 || packets % RATE_INTERVAL != 0);
        if may_count {
            (*value).stats.record(payload, at_ns, rate);
        }
        bpf_spin_unlock(lock);
        u32::from(may_count)
    }
}

/// Counts a packet of RTP in a channel.
#[inline(never)]
pub(crate) fn record_in_channel(channel: *mut ChannelValue, payload: &Payload) {
    // SAFETY: as in `record`.
    unsafe {
        let at_ns = bpf_ktime_get_ns() as i64;
        let rate = (*channel).clock_rate;
        let lock = (&raw mut (*channel).lock).cast();
        bpf_spin_lock(lock);
        (*channel).stats.record(payload, at_ns, rate);
        bpf_spin_unlock(lock);
    }
}

/// Media may begin before user space has read the answer to SETUP: asks now and then for a rate that is lacking.
#[inline(always)]
fn refresh_rate(key: &FlowKey, flow: *mut FlowValue) {
    // SAFETY: a slot of the map; a count read in the middle of an update only asks once too often or too late.
    let (rate, packets) = unsafe { ((*flow).clock_rate, (*flow).stats.packets) };
    if rate == 0
        && packets % RATE_INTERVAL == 0
        && let Some(rate) = clock_rate(key)
    {
        // SAFETY: a slot of the map; all who write here write the same.
        unsafe { (*flow).clock_rate = rate };
    }
}

/// RTP clock of the negotiated end that a flow comes from or goes to; `None` where neither was negotiated.
#[inline(always)]
fn clock_rate(key: &FlowKey) -> Option<u32> {
    let to = EndpointKey {
        address: key.destination,
        port: key.destination_port,
        pad: [0; 2],
    };
    let from = EndpointKey {
        address: key.source,
        port: key.source_port,
        pad: [0; 2],
    };
    let endpoint = ENDPOINTS
        .get_ptr(&to)
        .or_else(|| ENDPOINTS.get_ptr(&from))?;
    // SAFETY: a slot of the map.
    Some(unsafe { (*endpoint).clock_rate })
}

/// Counts the only datagram of a packet.
#[inline(always)]
fn count(
    packet: &impl Packet,
    value: *mut FlowValue,
    local: &mut Local,
) -> Result<Recorded, Outcome> {
    let Local {
        headers,
        payload: scratch,
        facts,
        ..
    } = local;
    let head = Head::loaded_before(headers, facts.loaded);
    let at = facts.transport_at + UDP_LEN;
    // A fragmented datagram is longer than the packet that holds its first piece: its own header counts.
    let udp_len = u32::from(head.u16(facts.transport_at + 4));
    let len = if udp_len >= UDP_LEN {
        udp_len - UDP_LEN
    } else {
        facts.end.saturating_sub(at)
    };
    let wanted = if len < HEAD_LEN as u32 {
        len
    } else {
        HEAD_LEN as u32
    };
    let payload = if head.need(at, wanted).is_ok() {
        Payload::read_padded(head.window(at), wanted, len)
    } else {
        let seen = load(packet, at, wanted, scratch)?;
        Payload::read_padded(scratch, seen, len)
    };
    Ok(record(value, &facts.flow, &payload))
}

/// Some datagram of a super-packet is worth a copy.
pub(crate) const SAMPLE: u32 = 1;

/// Some datagram of a super-packet could not be counted.
pub(crate) const FAILED: u32 = 2;

/// Counts every datagram of a super-packet.
#[inline(always)]
fn count_all(packet: &impl Packet, first_at: u32, end: u32, gso_size: u32) -> Outcome {
    let mut worth = 0;
    let mut at = first_at;
    for _ in 0..MAX_SEGMENTS {
        if at >= end {
            break;
        }
        let left = end - at;
        worth |= packet.segment(at, if left < gso_size { left } else { gso_size });
        at += gso_size;
    }
    if at < end || worth & FAILED != 0 {
        Outcome::LoadFailed
    } else if worth & SAMPLE != 0 {
        ring::copy_first(packet, Reason::Sample, first_at + gso_size)
    } else {
        Outcome::Counted
    }
}

/// Counts one datagram of a super-packet, in the flow that the headers name. Returns [`SAMPLE`] and [`FAILED`] as bits.
#[inline(always)]
pub(crate) fn count_segment(packet: &impl Packet, at: u32, len: u32) -> u32 {
    let Some(Local {
        facts,
        payload: scratch,
        ..
    }) = local::get()
    else {
        return FAILED;
    };
    let Some(value) = flows::find(&facts.flow) else {
        return FAILED;
    };
    match load(packet, at, len, scratch) {
        Ok(seen) => {
            let payload = Payload::read_padded(scratch, seen, len);
            match record(value, &facts.flow, &payload) {
                Recorded::AsOthers => 0,
                Recorded::Noteworthy | Recorded::Rtcp => SAMPLE,
                Recorded::Not => FAILED,
            }
        }
        Err(_) => FAILED,
    }
}

/// Loads the first bytes of a payload, as far as the packet holds them.
#[inline(always)]
fn load(
    packet: &impl Packet,
    at: u32,
    len: u32,
    scratch: &mut [u8; HEAD_LEN],
) -> Result<u32, Outcome> {
    let held = packet.len().wrapping_sub(at);
    let len = if len < held { len } else { held };
    if len == 0 {
        return Ok(0);
    }
    let seen = clamp::<{ HEAD_LEN as u32 }>(len);
    // SAFETY: the clamped length is at most that of the scratch room.
    let loaded = unsafe { packet.load(at, scratch.as_mut_ptr(), seen) };
    if loaded {
        Ok(seen)
    } else {
        Err(Outcome::LoadFailed)
    }
}

/// What became of a payload, and whether its frame is worth a copy.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
enum Recorded {
    /// It was counted, as many are.
    AsOthers,
    /// It was counted, among the first of its flow or of its source.
    Noteworthy,
    /// It was counted, and is RTCP.
    Rtcp,
    /// Its place had just been given away.
    Not,
}

/// Counts one payload under the lock of its flow. Not inlined: the stack of its callers would grow beyond the limit.
#[inline(never)]
fn record(value: *mut FlowValue, flow: &FlowKey, payload: &Payload) -> Recorded {
    // SAFETY: `value` is a slot of the map: it stays readable and writable until the program ends. Between lock and
    // unlock no one else touches the counts, and nothing is called.
    let (is_its, packets, new_source) = unsafe {
        let at_ns = bpf_ktime_get_ns() as i64;
        let lock = (&raw mut (*value).lock).cast();
        bpf_spin_lock(lock);
        let rate = (*value).clock_rate;
        let is_its = flows::is_of(value, flow);
        let sources = (*value).stats.sources();
        if is_its {
            (*value).stats.record(payload, at_ns, rate);
        }
        let packets = (*value).stats.packets;
        let new_source = (*value).stats.sources() != sources;
        bpf_spin_unlock(lock);
        (is_its, packets, new_source)
    };
    match payload.class {
        _ if !is_its => Recorded::Not,
        Class::Rtcp => Recorded::Rtcp,
        _ if packets <= SAMPLES || new_source => Recorded::Noteworthy,
        _ => Recorded::AsOthers,
    }
}
