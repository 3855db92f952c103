//! Cheap signs that a packet may matter, in front of the maps.
//!
//! Each known connection and pair of peers leaves a mark at a place that its addresses hash to. No mark means that the
//! maps need not be asked; a mark may be someone else's, then the maps say no. Marks are bytes, not bits: two processors
//! may set neighbours at the same time, and old kernels have no atomic "or".

use core::ptr::{read_volatile, write_volatile};

use aya_ebpf::btf_maps::Array;
use aya_ebpf::macros::btf_map;
use rtsp_ebpf_common::abi::{Address, FlowKey, PORT_WORDS, PeerKey};
use rtsp_ebpf_common::verifier::hide;

use crate::maps::MEDIA_PORTS;

/// Places for marks; a power of two.
const PLACES: usize = 1 << 14;

/// Marks of one kind.
#[repr(C)]
pub(crate) struct Marks {
    places: [u8; PLACES],
}

#[btf_map]
static CONNECTION_MARKS: Array<Marks, 1> = Array::new();

#[btf_map]
static PEER_MARKS: Array<Marks, 1> = Array::new();

/// One bit for each listed RTSP port; user space fills it in before the programs are loaded.
#[unsafe(no_mangle)]
static RTSP_PORTS: [u64; PORT_WORDS] = [0; PORT_WORDS];

/// Whether a TCP port is listed.
#[inline(always)]
pub(crate) fn is_rtsp_port(port: [u8; 2]) -> bool {
    let port = u16::from_be_bytes(port);
    let word = (hide(u64::from(port >> 6)) & (PORT_WORDS as u64 - 1)) as usize;
    // SAFETY: masked to the length of the array. Volatile, because the loader changes it behind the compiler's back.
    let bits = unsafe { read_volatile((&raw const RTSP_PORTS).cast::<u64>().add(word)) };
    bits & (1 << (port & 63)) != 0
}

/// Whether a UDP port was negotiated by anyone.
#[inline(always)]
pub(crate) fn is_media_port(port: [u8; 2]) -> bool {
    let port = u16::from_be_bytes(port);
    MEDIA_PORTS
        .get(u32::from(port >> 6))
        .is_some_and(|bits| bits & (1 << (port & 63)) != 0)
}

/// Marks a connection.
#[inline(always)]
pub(crate) fn mark_connection(key: &FlowKey) {
    mark(&CONNECTION_MARKS, hash_connection(key));
}

/// Whether a connection may be known.
#[inline(always)]
pub(crate) fn may_know_connection(key: &FlowKey) -> bool {
    is_marked(&CONNECTION_MARKS, hash_connection(key))
}

/// Marks a pair of hosts.
#[inline(always)]
pub(crate) fn mark_peers(key: &PeerKey) {
    mark(&PEER_MARKS, hash_addresses(&key.low, &key.high));
}

/// Whether a pair of hosts, in either order, may be known.
#[inline(always)]
pub(crate) fn may_know_peers(one: &Address, other: &Address) -> bool {
    is_marked(&PEER_MARKS, hash_addresses(one, other))
}

#[inline(always)]
fn hash_connection(key: &FlowKey) -> u32 {
    let ports = u32::from(u16::from_ne_bytes(key.source_port))
        + u32::from(u16::from_ne_bytes(key.destination_port));
    hash_addresses(&key.source, &key.destination).wrapping_add(ports.wrapping_mul(0x9e37_79b1))
}

/// The same for both orders.
#[inline(always)]
fn hash_addresses(one: &Address, other: &Address) -> u32 {
    let sum = fold(one).wrapping_add(fold(other));
    sum.wrapping_mul(0x9e37_79b1)
}

#[inline(always)]
fn fold(address: &Address) -> u32 {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *address;
    let words = [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]].map(u32::from_ne_bytes);
    words[0] ^ words[1].rotate_left(7) ^ words[2].rotate_left(13) ^ words[3].rotate_left(19)
}

#[inline(always)]
fn place(hash: u32) -> usize {
    (hide(u64::from(hash >> 16)) & (PLACES as u64 - 1)) as usize
}

#[inline(always)]
fn mark(marks: &Array<Marks, 1>, hash: u32) {
    if let Some(marks) = marks.get_ptr_mut(0) {
        // SAFETY: masked to the length of the array.
        unsafe { write_volatile(marks.cast::<u8>().add(place(hash)), 1) };
    }
}

#[inline(always)]
fn is_marked(marks: &Array<Marks, 1>, hash: u32) -> bool {
    // SAFETY: masked to the length of the array.
    marks
        .get_ptr(0)
        .is_some_and(|marks| unsafe { read_volatile(marks.cast::<u8>().add(place(hash))) } != 0)
}
