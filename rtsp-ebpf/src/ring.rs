//! Puts frames in the ring.
//!
//! A reservation has one size that is fixed in the program. Four sizes serve, so that little of the ring is wasted: pure
//! acknowledgements and small datagrams, messages, full Ethernet frames, and super-packets, which go through a room of
//! their own because only an output from there may have any length.

use core::ffi::c_void;
use core::mem::MaybeUninit;

use aya_ebpf::helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns, bpf_ringbuf_output};
use aya_ebpf::maps::ring_buf::RingBufEntry;
use rtsp_ebpf_common::abi::{CONTROL_MAX, Reason, RecordHeader, SYN_MAX, SynValue};

use crate::head::clamp;
use crate::maps::{LARGE, OVERFLOW, RING};
use crate::packet::Packet;
use crate::tap::Outcome;

/// User space is woken by the first record that it finds in an empty ring, and then gathers others for some milliseconds:
/// the kernel sends the processor an interrupt only while the ring is read up to the record.
const ADAPTIVELY: u64 = 0;

/// Frame bytes of a small record.
const SMALL: usize = 256 - RecordHeader::LEN;

/// Frame bytes of a middle record: most messages.
const MIDDLE: usize = 768 - RecordHeader::LEN;

/// Frame bytes of a full record: an MTU of 1500 with tags and to spare.
const FULL: usize = 1664 - RecordHeader::LEN;

#[repr(C)]
struct Record<const N: usize> {
    header: RecordHeader,
    bytes: [u8; N],
}

/// Copies a whole frame.
#[inline(always)]
pub(crate) fn copy(packet: &impl Packet, reason: Reason) -> Outcome {
    outcome(packet.copy(reason as u32, packet.len()))
}

/// Copies the first `len` bytes of a frame.
#[inline(always)]
pub(crate) fn copy_first(packet: &impl Packet, reason: Reason, len: u32) -> Outcome {
    outcome(packet.copy(reason as u32, len))
}

/// What [`copy_frame`] answered.
#[inline(always)]
fn outcome(number: u32) -> Outcome {
    if number == Outcome::Copied as u32 {
        Outcome::Copied
    } else if number == Outcome::RingFull as u32 {
        Outcome::RingFull
    } else {
        Outcome::LoadFailed
    }
}

/// Copies a whole segment, and says something of the media in its direction: `WALK_*` as bits, and above those where in it
/// reports are.
#[inline(always)]
pub(crate) fn copy_walked(packet: &impl Packet, walk: u32) -> Outcome {
    outcome(packet.copy(Reason::Control as u32 | walk << 8, packet.len()))
}

/// The stage that copies the first `len` bytes of a frame. What is `told` of it is a [`Reason`], above that what is said of
/// the media in its direction, and above that where in it a report is.
#[inline(always)]
pub(crate) fn copy_frame(packet: &impl Packet, told: u32, len: u32) -> Outcome {
    let header = header(packet, told);
    if len <= SMALL as u32 {
        reserve::<SMALL>(packet, header, clamp::<{ SMALL as u32 }>(len))
    } else if len <= MIDDLE as u32 {
        reserve::<MIDDLE>(packet, header, clamp::<{ MIDDLE as u32 }>(len))
    } else if len <= FULL as u32 {
        reserve::<FULL>(packet, header, clamp::<{ FULL as u32 }>(len))
    } else {
        output(packet, header, clamp::<{ CONTROL_MAX as u32 }>(len))
    }
}

/// Sends a remembered SYN; tells whether there was room.
#[inline(always)]
pub(crate) fn send_syn(syn: &SynValue, ifindex: u32) -> bool {
    let Some(mut entry) = room() else {
        return false;
    };
    let record: *mut Record<SYN_MAX> = MaybeUninit::as_mut_ptr(&mut entry);
    let header = RecordHeader {
        at_ns: syn.at_ns,
        ifindex,
        original_len: u32::from(syn.original_len),
        captured_len: u32::from(syn.len),
        gso_size: 0,
        report_at: 0,
        vlan_protocol: syn.vlan_protocol,
        vlan_tci: syn.vlan_tci,
        direction: syn.direction,
        reason: Reason::Control as u8,
        walk: 0,
        pad: 0,
    };
    // SAFETY: the reservation has the size of the record.
    unsafe {
        (&raw mut (*record).header).write(header);
        (&raw mut (*record).bytes).write(syn.bytes);
    }
    entry.submit(ADAPTIVELY);
    true
}

/// Room for a record: in the ring, and beside it if that is full.
#[inline(always)]
fn room<T: 'static>() -> Option<RingBufEntry<T>> {
    let entry = RING.reserve_untyped(0);
    entry.or_else(|| OVERFLOW.reserve_untyped(0))
}

#[inline(always)]
fn header(packet: &impl Packet, told: u32) -> RecordHeader {
    let (vlan_protocol, vlan_tci) = packet.vlan();
    RecordHeader {
        // SAFETY: a helper without arguments.
        at_ns: unsafe { bpf_ktime_get_ns() },
        ifindex: packet.ifindex(),
        original_len: packet.len(),
        captured_len: 0,
        gso_size: packet.gso_size() as u16,
        report_at: (told >> 16) as u16,
        vlan_protocol,
        vlan_tci,
        direction: packet.direction() as u8,
        reason: told as u8,
        walk: (told >> 8) as u8,
        pad: 0,
    }
}

#[inline(always)]
fn reserve<const N: usize>(packet: &impl Packet, mut header: RecordHeader, len: u32) -> Outcome {
    let Some(mut entry) = room() else {
        return Outcome::RingFull;
    };
    let record: *mut Record<N> = MaybeUninit::as_mut_ptr(&mut entry);
    header.captured_len = len;
    // SAFETY: the reservation has the size of the record, and `len` is at most N.
    let loaded = unsafe {
        (&raw mut (*record).header).write(header);
        packet.load(0, (&raw mut (*record).bytes).cast(), len)
    };
    if loaded {
        entry.submit(ADAPTIVELY);
        Outcome::Copied
    } else {
        entry.discard(ADAPTIVELY);
        Outcome::LoadFailed
    }
}

#[inline(always)]
fn output(packet: &impl Packet, mut header: RecordHeader, len: u32) -> Outcome {
    // SAFETY: a helper without arguments.
    let processor = unsafe { bpf_get_smp_processor_id() };
    let Some(record) = LARGE.get_ptr_mut(processor) else {
        return Outcome::LoadFailed;
    };
    header.captured_len = len;
    // SAFETY: one slot for each processor; `len` is at most CONTROL_MAX.
    let loaded = unsafe {
        (&raw mut (*record).header).write(header);
        packet.load(0, (&raw mut (*record).bytes).cast(), len)
    };
    if !loaded {
        return Outcome::LoadFailed;
    }
    let len = u64::from(len) + RecordHeader::LEN as u64;
    // SAFETY: the record holds a header and `len` bytes.
    let put = |ring: *mut c_void| unsafe {
        bpf_ringbuf_output(ring, record.cast(), len, ADAPTIVELY) == 0
    };
    if put((&raw const RING).cast_mut().cast()) || put((&raw const OVERFLOW).cast_mut().cast()) {
        Outcome::Copied
    } else {
        Outcome::RingFull
    }
}

/// Writes down a SYN; tells whether it could be loaded.
#[inline(always)]
pub(crate) fn write_syn(packet: &impl Packet, syn: &mut SynValue) -> bool {
    let len = clamp::<{ SYN_MAX as u32 }>(packet.len());
    let (vlan_protocol, vlan_tci) = packet.vlan();
    // SAFETY: a helper without arguments.
    syn.at_ns = unsafe { bpf_ktime_get_ns() };
    syn.original_len = packet.len() as u16;
    syn.vlan_protocol = vlan_protocol;
    syn.vlan_tci = vlan_tci;
    syn.len = len as u16;
    syn.direction = packet.direction() as u8;
    // SAFETY: `len` is at most SYN_MAX.
    unsafe { packet.load(0, syn.bytes.as_mut_ptr(), len) }
}
