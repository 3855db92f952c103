//! Cheap signs that a packet may matter, in front of the maps.
//!
//! Each pair of hosts that speaks RTSP leaves a mark at a place that its addresses hash to, and user space marks the
//! places of ports: those that are listed, and those that media was negotiated for. No mark means that no map need be
//! asked; a mark may be someone else's, then the maps say no. The tables are global variables, which the kernel's
//! compiler reads without a call, and small enough to stay in a processor's nearest cache. Marks are bytes, not bits: two
//! processors may set neighbours at the same time, and old kernels have no atomic "or".

use core::ptr::{read_volatile, write_volatile};

use rtsp_ebpf_common::abi::{
    FlowKey, PAIR_PLACES, PORT_PLACES, PORT_WORDS, PeerKey, fold, pair_place,
};
use rtsp_ebpf_common::verifier::hide;

/// Marks of pairs of hosts, in a section of its own: user space writes those of connections that were there before, as a
/// whole and before any program is attached, because from then on the programs write too.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data.pairs")]
static mut PAIR_MARKS: [u8; PAIR_PLACES] = [0; PAIR_PLACES];

/// Marks of ports, in a section of its own: user space replaces it as a whole.
#[unsafe(no_mangle)]
#[unsafe(link_section = ".data.ports")]
static PORT_MARKS: [u8; PORT_PLACES] = [0; PORT_PLACES];

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

/// Whether a packet between these ends may matter for what is known of them; 0 if not.
#[inline(always)]
pub(crate) fn of_flow(flow: &FlowKey) -> u64 {
    of_pair(fold(&flow.source) + fold(&flow.destination))
        | of_port(u16::from_ne_bytes(flow.source_port))
        | of_port(u16::from_ne_bytes(flow.destination_port))
}

/// The mark of a port, as it lies in memory.
#[inline(always)]
pub(crate) fn of_port(port: u16) -> u64 {
    // `port_place`, without a mask that would be followed by another.
    let place = hide(u64::from(port)) as usize & (PORT_PLACES - 1);
    // SAFETY: masked to the length of the array. Volatile, because user space changes it.
    u64::from(unsafe { read_volatile((&raw const PORT_MARKS).cast::<u8>().add(place)) })
}

/// The mark of a pair of hosts, by the sum of their folded addresses: the same in both directions.
#[inline(always)]
pub(crate) fn of_pair(sum: u64) -> u64 {
    // SAFETY: `pair_place` is below the length of the array.
    u64::from(unsafe { read_volatile((&raw const PAIR_MARKS).cast::<u8>().add(pair_place(sum))) })
}

/// Marks a pair of hosts.
#[inline(always)]
pub(crate) fn mark_peers(key: &PeerKey) {
    let place = pair_place(fold(&key.low) + fold(&key.high));
    // SAFETY: `pair_place` is below the length of the array.
    unsafe { write_volatile((&raw mut PAIR_MARKS).cast::<u8>().add(place), 1) };
}
