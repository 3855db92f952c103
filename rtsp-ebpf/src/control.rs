//! TCP: which connections speak RTSP, and all their segments to the ring.
//!
//! A connection is copied from the start on a listed port, and on any port from its first text that begins as an RTSP
//! message does. Until then its SYNs are remembered, so that user space has the initial sequence numbers of a
//! connection whose port nobody listed.

use rtsp_ebpf_common::abi::{
    Address, COPIED, Counter, FlowKey, Local, PeerKey, Reason, SynValue, WALKED,
};
use rtsp_ebpf_common::flow::HEAD_LEN;
use rtsp_ebpf_common::verifier::hide;

use crate::head::Head;
use crate::interest;
use crate::local;
use crate::maps::{CONNECTIONS, PEERS, SYNS, WALKS};
use crate::packet::Packet;
use crate::ring;
use crate::tap::{self, Outcome};
use crate::tell;

/// Bytes of a text that tell whether it is RTSP.
const SIGN_LEN: u32 = 16;

const SYN: u8 = 0x02;

/// Handles a TCP segment.
#[inline(always)]
pub(crate) fn handle(packet: &impl Packet) -> Outcome {
    let Some(Local {
        counters,
        headers,
        payload,
        facts,
        connection,
        peers,
        syn,
        channel,
        ..
    }) = local::get()
    else {
        return Outcome::LoadFailed;
    };
    let head = Head::loaded_before(headers, facts.loaded);
    let at = facts.transport_at;
    if head.need(at, 20).is_err() {
        return Outcome::Unreadable;
    }
    let sender = write_connection(&facts.flow, connection);
    let known = known(connection);
    if known == WALKED {
        channel.sender = sender;
        return Outcome::WantedWalk;
    }
    if known == 0 {
        let listed = is_listed(&facts.flow);
        let payload_at = at + u32::from(head.u8(at + 12) >> 4) * 4;
        if payload_at + SIGN_LEN <= facts.end && begins_as_rtsp(packet, &head, payload_at, payload)
        {
            write_peers(&facts.flow, peers);
            learn(connection, peers);
            tell::recognised(tap::bump(counters, Counter::Recognised as u32));
            if !listed && !send_handshake(&facts.flow, connection) {
                return Outcome::RingFull;
            }
        } else if !listed {
            return if head.u8(at + 13) & SYN != 0 {
                remember(packet, &facts.flow, syn)
            } else {
                Outcome::Ignored
            };
        }
    }
    ring::copy(packet, Reason::Control)
}

/// Whether one of the ports is listed.
#[inline(always)]
pub(crate) fn is_listed(flow: &FlowKey) -> bool {
    interest::is_rtsp_port(flow.source_port) || interest::is_rtsp_port(flow.destination_port)
}

/// Keeps a SYN until its connection speaks.
#[inline(always)]
fn remember(packet: &impl Packet, flow: &FlowKey, syn: &mut SynValue) -> Outcome {
    if !ring::write_syn(packet, syn) {
        return Outcome::LoadFailed;
    }
    // A full LRU map makes room by itself.
    let _ = SYNS.insert(flow, &*syn, 0);
    Outcome::Ignored
}

/// Writes down the direction of a connection that stands for both. Returns 0 if it is this one, else 1.
#[inline(always)]
pub(crate) fn write_connection(flow: &FlowKey, connection: &mut FlowKey) -> u32 {
    let source = (number(&flow.source), u16::from_be_bytes(flow.source_port));
    let destination = (
        number(&flow.destination),
        u16::from_be_bytes(flow.destination_port),
    );
    if source <= destination {
        *connection = *flow;
        0
    } else {
        write_reversed(flow, connection);
        1
    }
}

#[inline(always)]
fn write_reversed(flow: &FlowKey, reversed: &mut FlowKey) {
    reversed.source = flow.destination;
    reversed.destination = flow.source;
    reversed.source_port = flow.destination_port;
    reversed.destination_port = flow.source_port;
    reversed.ifindex = flow.ifindex;
}

/// Writes down the key of a pair of hosts.
#[inline(always)]
pub(crate) fn write_peers(flow: &FlowKey, peers: &mut PeerKey) {
    if number(&flow.source) <= number(&flow.destination) {
        peers.low = flow.source;
        peers.high = flow.destination;
    } else {
        peers.low = flow.destination;
        peers.high = flow.source;
    }
    peers.ifindex = flow.ifindex;
}

/// What is known of a connection, in its standing direction: [`COPIED`], [`WALKED`], or 0 if it does not speak RTSP.
#[inline(always)]
pub(crate) fn known(connection: &FlowKey) -> u32 {
    let Some(known) = CONNECTIONS.get_ptr(connection) else {
        return 0;
    };
    // SAFETY: a slot of the map, which holds one of two words.
    unsafe { known.read_volatile() }
}

/// An address as a number; any order will do, as long as both directions agree on it. Hidden from the compiler, which
/// would make a call of each comparison.
#[inline(always)]
fn number(address: &Address) -> (u64, u64) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *address;
    (
        hide(u64::from_ne_bytes([a, b, c, d, e, f, g, h])),
        hide(u64::from_ne_bytes([i, j, k, l, m, n, o, p])),
    )
}

#[inline(always)]
fn learn(connection: &FlowKey, peers: &PeerKey) {
    // Full LRU maps make room by themselves.
    let known = if WALKS.get_ptr(connection).is_some() {
        &WALKED
    } else {
        &COPIED
    };
    let _ = CONNECTIONS.insert(connection, known, 0);
    let _ = PEERS.insert(peers, &COPIED, 0);
    interest::mark_peers(peers);
}

/// Sends what was remembered of the handshake: the SYN of who speaks now, and the other's.
#[inline(always)]
fn send_handshake(flow: &FlowKey, reversed: &mut FlowKey) -> bool {
    write_reversed(flow, reversed);
    send_syn(flow) && send_syn(reversed)
}

#[inline(always)]
fn send_syn(flow: &FlowKey) -> bool {
    let Some(syn) = SYNS.get_ptr(flow) else {
        return true;
    };
    // SAFETY: a slot of the map; reuse by another SYN meanwhile would only show that one.
    ring::send_syn(unsafe { &*syn }, flow.ifindex)
}

/// Whether a payload with this first byte can be what [`begins_as_rtsp`] looks for.
#[inline(always)]
pub(crate) fn may_begin(first: u8) -> bool {
    const FIRST: u64 = letters(b"RODAGSTP");
    let letter = u64::from(first).wrapping_sub(u64::from(b'A'));
    letter < 32 && FIRST >> letter & 1 != 0
}

/// One bit for each of these letters.
const fn letters(text: &[u8]) -> u64 {
    let mut bits = 0;
    let mut index = 0;
    while index < text.len() {
        bits |= 1 << (text[index] - b'A');
        index += 1;
    }
    bits
}

/// Whether the payload begins with an RTSP status line or with a request line for an RTSP URL or `*`.
///
/// OPTIONS is a method of HTTP and SIP too: what follows it decides.
#[inline(always)]
fn begins_as_rtsp(
    packet: &impl Packet,
    head: &Head<'_>,
    at: u32,
    scratch: &mut [u8; HEAD_LEN],
) -> bool {
    let sign: [u8; SIGN_LEN as usize] = if head.need(at, SIGN_LEN).is_ok() {
        head.array(at)
    } else {
        // SAFETY: the scratch room is longer than the sign.
        if !unsafe { packet.load(at, scratch.as_mut_ptr(), SIGN_LEN) } {
            return false;
        }
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *scratch;
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    };
    is_rtsp(&sign)
}

#[inline(always)]
fn is_rtsp(sign: &[u8; SIGN_LEN as usize]) -> bool {
    let (first, second) = number(sign);
    let (first, second) = (u64::from_be(first), u64::from_be(second));
    let word = |text: &[u8; 8]| u64::from_be_bytes(*text);
    if first >> 24 == word(b"\0\0\0RTSP/") {
        return true;
    }
    if first == word(b"OPTIONS ") {
        return second >> 32 == word(b"\0\0\0\0rtsp") || second >> 32 == word(b"\0\0\0\0* RT");
    }
    first == word(b"DESCRIBE")
        || first == word(b"ANNOUNCE")
        || first == word(b"GET_PARA")
        || first == word(b"SET_PARA")
        || first == word(b"TEARDOWN")
        || first == word(b"REDIRECT") && second >> 24 == word(b"\0\0\0 rtsp")
        || first == word(b"SETUP rt")
        || first == word(b"PLAY rts")
        || first == word(b"PAUSE rt")
        || first == word(b"RECORD r")
}
