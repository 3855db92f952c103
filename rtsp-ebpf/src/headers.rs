//! From the link layer to the transport: addresses, ports and where the payload lies.

use core::mem::offset_of;

use rtsp_ebpf_common::abi::{Address, Facts, FlowKey};

use crate::head::{Head, Short};

/// What a frame begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Ethernet, with or without VLAN tags.
    Ethernet,
    /// IP at once.
    Raw,
}

/// VLAN tags that are stepped over inside the frame (802.1Q in 802.1ad).
const MAX_TAGS: u32 = 2;

/// IPv6 extension headers that are stepped over.
const MAX_EXTENSIONS: u32 = 6;

pub(crate) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(crate) const ETHERTYPE_IPV6: u16 = 0x86dd;
pub(crate) const PPPOE_SESSION: u16 = 0x8864;

/// PPP protocol numbers of IP (RFC 1332, RFC 5072).
pub(crate) const PPP_IPV4: u16 = 0x0021;
pub(crate) const PPP_IPV6: u16 = 0x0057;

/// Bytes of a PPPoE header and of the PPP protocol number behind it.
pub(crate) const PPPOE_LEN: u32 = 8;

pub(crate) const ICMP: u8 = 1;
pub(crate) const IGMP: u8 = 2;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMPV6: u8 = 58;

/// Bytes of a UDP header.
pub(crate) const UDP_LEN: u32 = 8;

/// Why headers could not be followed.
pub(crate) enum Stop {
    /// Not IP, or a later fragment without ports: nothing to follow.
    NotOurs,
    /// Cut or odd headers.
    Unreadable,
}

impl From<Short> for Stop {
    #[inline(always)]
    fn from(_: Short) -> Self {
        Self::Unreadable
    }
}

/// Reads the headers of a frame of `frame_len` bytes up to the transport, and writes down what they say.
#[inline(always)]
pub(crate) fn read(
    head: &Head<'_>,
    link: Link,
    frame_len: u32,
    facts: &mut Facts,
) -> Result<(), Stop> {
    let (at, ethertype) = match link {
        Link::Ethernet => ethernet(head)?,
        Link::Raw => (0, raw_ethertype(head)?),
    };
    match ethertype {
        ETHERTYPE_IPV4 => ipv4(head, at, facts)?,
        ETHERTYPE_IPV6 => ipv6(head, at, facts)?,
        _ => return Err(Stop::NotOurs),
    }
    // The kernel writes a length of 0 for super-packets beyond 64 KiB; no packet is longer than its frame.
    if facts.end <= facts.transport_at || facts.end > frame_len {
        facts.end = frame_len;
    }
    Ok(())
}

/// Reads the IP packet that an ICMP error quotes from `at` on.
#[inline(always)]
pub(crate) fn read_quoted(head: &Head<'_>, at: u32, facts: &mut Facts) -> Result<(), Stop> {
    head.need(at, 1)?;
    match head.u8(at) >> 4 {
        4 => ipv4(head, at, facts),
        6 => ipv6(head, at, facts),
        _ => Err(Stop::Unreadable),
    }
}

/// Offset and EtherType of what an Ethernet frame carries.
#[inline(always)]
fn ethernet(head: &Head<'_>) -> Result<(u32, u16), Stop> {
    head.need(0, 14)?;
    let mut at = 14;
    let mut ethertype = head.u16(12);
    for _ in 0..MAX_TAGS {
        if !matches!(ethertype, 0x8100 | 0x88a8 | 0x9100) {
            break;
        }
        head.need(at, 4)?;
        ethertype = head.u16(at + 2);
        at += 4;
    }
    if ethertype == PPPOE_SESSION {
        return pppoe(head, at);
    }
    Ok((at, ethertype))
}

/// The same behind a PPPoE session header (RFC 2516 §4) and its two bytes of PPP protocol number.
#[inline(always)]
fn pppoe(head: &Head<'_>, at: u32) -> Result<(u32, u16), Stop> {
    head.need(at, PPPOE_LEN)?;
    match head.u16(at + PPPOE_LEN - 2) {
        PPP_IPV4 => Ok((at + PPPOE_LEN, ETHERTYPE_IPV4)),
        PPP_IPV6 => Ok((at + PPPOE_LEN, ETHERTYPE_IPV6)),
        _ => Err(Stop::NotOurs),
    }
}

#[inline(always)]
fn raw_ethertype(head: &Head<'_>) -> Result<u16, Stop> {
    head.need(0, 1)?;
    match head.u8(0) >> 4 {
        4 => Ok(ETHERTYPE_IPV4),
        6 => Ok(ETHERTYPE_IPV6),
        _ => Err(Stop::NotOurs),
    }
}

#[inline(always)]
fn ipv4(head: &Head<'_>, at: u32, facts: &mut Facts) -> Result<(), Stop> {
    head.need(at, 20)?;
    let header_len = u32::from(head.u8(at) & 0x0f) * 4;
    if header_len < 20 {
        return Err(Stop::Unreadable);
    }
    if head.u16(at + 6) & 0x1fff != 0 {
        return Err(Stop::NotOurs);
    }
    let total_len = u32::from(head.u16(at + 2));
    write_address(
        &mut facts.flow.source,
        0,
        mapped(u32::from_ne_bytes(head.array(at + 12))),
    );
    write_address(
        &mut facts.flow.destination,
        0,
        mapped(u32::from_ne_bytes(head.array(at + 16))),
    );
    facts.protocol = u32::from(head.u8(at + 9));
    facts.end = if total_len == 0 { 0 } else { at + total_len };
    transport(head, at + header_len, facts);
    Ok(())
}

#[inline(always)]
fn ipv6(head: &Head<'_>, at: u32, facts: &mut Facts) -> Result<(), Stop> {
    head.need(at, 40)?;
    let payload_len = u32::from(head.u16(at + 4));
    let mut protocol = head.u8(at + 6);
    let mut transport_at = at + 40;
    for _ in 0..MAX_EXTENSIONS {
        let unit = match protocol {
            // Hop-by-hop options, routing, destination options, mobility (RFC 8200 §4, RFC 6275).
            0 | 43 | 60 | 135 => 8,
            // Authentication header (RFC 4302): counted in 4 bytes, less 2.
            51 => 4,
            44 => {
                head.need(transport_at, 8)?;
                if head.u16(transport_at + 2) & 0xfff8 != 0 {
                    return Err(Stop::NotOurs);
                }
                protocol = head.u8(transport_at);
                transport_at += 8;
                continue;
            }
            _ => break,
        };
        head.need(transport_at, 2)?;
        let count = u32::from(head.u8(transport_at + 1));
        protocol = head.u8(transport_at);
        transport_at += if unit == 4 {
            (count + 2) * 4
        } else {
            (count + 1) * 8
        };
    }
    write_address(
        &mut facts.flow.source,
        head.word(at + 8),
        head.word(at + 16),
    );
    write_address(
        &mut facts.flow.destination,
        head.word(at + 24),
        head.word(at + 32),
    );
    facts.protocol = u32::from(protocol);
    facts.end = if payload_len == 0 {
        0
    } else {
        at + 40 + payload_len
    };
    transport(head, transport_at, facts);
    Ok(())
}

#[inline(always)]
fn transport(head: &Head<'_>, at: u32, facts: &mut Facts) {
    facts.transport_at = at;
    facts.flow.source_port = head.array(at);
    facts.flow.destination_port = head.array(at + 2);
}

/// The lower half of an IPv4 address, as it lies in memory, mapped into IPv6.
#[inline(always)]
pub(crate) fn mapped(address: u32) -> u64 {
    let [a, b, c, d] = address.to_ne_bytes();
    u64::from_ne_bytes([0, 0, 0xff, 0xff, a, b, c, d])
}

/// Writes an address as two words, each in network order: of sixteen bytes the compiler would make calls.
#[inline(always)]
pub(crate) fn write_address(to: &mut Address, high: u64, low: u64) {
    // SAFETY: the addresses of a `FlowKey` are aligned to words.
    unsafe {
        let words = to.as_mut_ptr().cast::<u64>();
        words.write(high);
        words.add(1).write(low);
    }
}

/// Writes the ports and the interface of a flow, as they lie in memory.
#[inline(always)]
pub(crate) fn write_last_word(flow: &mut FlowKey, word: u64) {
    const { assert!(offset_of!(FlowKey, source_port) == 32 && size_of::<FlowKey>() == 40) };
    // SAFETY: a flow key is aligned to words, and ends with this one.
    unsafe { (&raw mut *flow).cast::<u64>().add(4).write(word) };
}
