//! The first look at a packet: whether it can matter at all, told from its headers where they lie.
//!
//! Nearly every packet that crosses a router ends here, so nothing is copied, called or counted: three reads of small
//! tables of marks ([`crate::interest`]) decide, and for TCP the first letter of its payload. What follows a known flow or
//! connection is handled at once; whatever is unusual (options, extension headers, fragments, bytes outside the linear
//! part, the first packets of anything) is [`Glance::Closer`] and goes through the stages, which read any packet.

use core::mem::MaybeUninit;

use rtsp_ebpf_common::abi::{FlowKey, WALKED, fold_words};
use rtsp_ebpf_common::flow::Payload;
use rtsp_ebpf_common::verifier::hide;

use crate::bytes::Bytes;
use crate::headers::{
    self, ICMP, ICMPV6, IGMP, Link, PPPOE_LEN, TCP, UDP, mapped, write_address, write_last_word,
};
use crate::packet::Packet;
use crate::{control, errors, interest, local, media};

/// What a packet is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Glance {
    /// Of no interest, or counted already.
    Done = 0,
    /// To be put in the ring whole: a segment of a known connection.
    Copy = 1,
    /// To be walked through: a segment of a connection whose media the kernel may read; [`Local`](rtsp_ebpf_common::abi::Local) holds which, and where
    /// it lies.
    Walk = 2,
    /// To be read by the stages.
    Closer = 3,
}

impl Glance {
    /// The same from its number.
    #[inline(always)]
    pub(crate) fn of_number(number: u32) -> Self {
        match number {
            0 => Self::Done,
            1 => Self::Copy,
            2 => Self::Walk,
            _ => Self::Closer,
        }
    }
}

/// Length of an Ethernet header, and of one with a VLAN tag.
const ETHERNET_LEN: usize = 14;
const TAGGED_LEN: usize = ETHERNET_LEN + 4;

/// EtherTypes and PPP protocol numbers as they are read from memory.
const IPV4: u16 = headers::ETHERTYPE_IPV4.to_be();
const IPV6: u16 = headers::ETHERTYPE_IPV6.to_be();
const TAG: u16 = 0x8100_u16.to_be();
const PPPOE: u16 = headers::PPPOE_SESSION.to_be();
const PPP_IPV4: u16 = headers::PPP_IPV4.to_be();
const PPP_IPV6: u16 = headers::PPP_IPV6.to_be();

/// More-fragments flag and fragment offset (RFC 791 §3.1).
const FRAGMENT: u16 = 0x3fff_u16.to_be();

/// Header lengths; nothing here has options.
const IPV4_LEN: usize = 20;
const IPV6_LEN: usize = 40;
const TCP_LEN: usize = 20;
const UDP_LEN: usize = 8;
const RTP_LEN: usize = 12;

const SYN: u8 = 0x02;

/// Length of a super-packet, in bytes, beyond which no conversation begins with it: the first message of one is a request without
/// a body, or the answer to one that was not seen. A download comes in longer ones, and its payload is far from any cache.
const LONG: u32 = 16 << 10;

/// Whether a packet is of no interest for certain. In its program are no more registers to save and no deeper a stack than
/// that takes.
#[inline(always)]
pub(crate) fn is_idle(packet: &impl Packet, link: Link) -> bool {
    look::<false>(packet, link) == Glance::Done
}

/// Looks at a packet.
#[inline(always)]
pub(crate) fn at(packet: &impl Packet, link: Link) -> Glance {
    look::<true>(packet, link)
}

/// Looks at a packet; what is marked is read on if `ON`.
#[inline(always)]
fn look<const ON: bool>(packet: &impl Packet, link: Link) -> Glance {
    let bytes = Bytes {
        start: packet.start(),
        end: packet.end(),
    };
    let mut keys = Keys {
        flow: MaybeUninit::uninit(),
        connection: MaybeUninit::uninit(),
    };
    let keys = &mut keys;
    if link == Link::Raw {
        if !bytes.has(IPV4_LEN + UDP_LEN) {
            return Glance::Closer;
        }
        return match bytes.u8(0) >> 4 {
            4 => ipv4::<ON, 0>(packet, bytes, keys),
            6 => ipv6::<ON, 0>(packet, bytes, keys),
            _ => Glance::Done,
        };
    }
    if !bytes.has(ETHERNET_LEN + IPV4_LEN + UDP_LEN) {
        return Glance::Closer;
    }
    let ethertype = bytes.u16(12);
    if ethertype == IPV4 {
        return ipv4::<ON, ETHERNET_LEN>(packet, bytes, keys);
    }
    match hide(u64::from(ethertype)) as u16 {
        IPV6 => ipv6::<ON, ETHERNET_LEN>(packet, bytes, keys),
        TAG => match bytes.u16(16) {
            IPV4 => ipv4::<ON, TAGGED_LEN>(packet, bytes, keys),
            IPV6 => ipv6::<ON, TAGGED_LEN>(packet, bytes, keys),
            _ => Glance::Closer,
        },
        PPPOE => match bytes.u16(ETHERNET_LEN + PPPOE_LEN as usize - 2) {
            PPP_IPV4 => ipv4::<ON, { ETHERNET_LEN + PPPOE_LEN as usize }>(packet, bytes, keys),
            PPP_IPV6 => ipv6::<ON, { ETHERNET_LEN + PPPOE_LEN as usize }>(packet, bytes, keys),
            _ => Glance::Done,
        },
        // QinQ.
        0xa888 | 0x0091 => Glance::Closer,
        _ => Glance::Done,
    }
}

#[inline(always)]
fn ipv4<const ON: bool, const AT: usize>(
    packet: &impl Packet,
    bytes: Bytes,
    keys: &mut Keys,
) -> Glance {
    if AT > ETHERNET_LEN && !bytes.has(AT + IPV4_LEN + UDP_LEN) {
        return Glance::Closer;
    }
    if bytes.u8(AT) != 0x45 || bytes.u16(AT + 6) & FRAGMENT != 0 {
        return Glance::Closer;
    }
    let (source, destination) = (bytes.u32(AT + 12), bytes.u32(AT + 16));
    let marks = interest::of_pair(u64::from(source) + u64::from(destination))
        | interest::of_port(bytes.u16(AT + IPV4_LEN))
        | interest::of_port(bytes.u16(AT + IPV4_LEN + 2));
    let protocol = bytes.u8(AT + 9);
    if protocol == UDP {
        return match marks {
            0 => Glance::Done,
            _ if !ON => Glance::Closer,
            _ => udp::<AT, IPV4_LEN>(packet, bytes, keys),
        };
    }
    match hide(u64::from(protocol)) as u8 {
        TCP if !bytes.has(AT + IPV4_LEN + TCP_LEN) => Glance::Closer,
        TCP if marks == 0 => unknown_tcp::<ON>(packet, bytes, AT + IPV4_LEN),
        TCP if !ON => Glance::Closer,
        TCP => {
            let end = AT as u32 + u32::from(u16::from_be(bytes.u16(AT + 2)));
            known_tcp::<AT, IPV4_LEN>(packet, bytes, end, keys)
        }
        ICMP if !errors::may_matter(ICMP, bytes.u8(AT + IPV4_LEN)) => Glance::Done,
        ICMP | IGMP => Glance::Closer,
        _ => Glance::Done,
    }
}

#[inline(always)]
fn ipv6<const ON: bool, const AT: usize>(
    packet: &impl Packet,
    bytes: Bytes,
    keys: &mut Keys,
) -> Glance {
    if !bytes.has(AT + IPV6_LEN + UDP_LEN) {
        return Glance::Closer;
    }
    let (source, destination) = (AT + 8, AT + 24);
    let fold = |at| fold_words([at, at + 4, at + 12].map(|at| bytes.u32(at)));
    let marks = interest::of_pair(fold(source) + fold(destination))
        | interest::of_port(bytes.u16(AT + IPV6_LEN))
        | interest::of_port(bytes.u16(AT + IPV6_LEN + 2));
    let protocol = bytes.u8(AT + 6);
    if protocol == UDP {
        return match marks {
            0 => Glance::Done,
            _ if !ON => Glance::Closer,
            _ => udp::<AT, IPV6_LEN>(packet, bytes, keys),
        };
    }
    match hide(u64::from(protocol)) as u8 {
        TCP if !bytes.has(AT + IPV6_LEN + TCP_LEN) => Glance::Closer,
        TCP if marks == 0 => unknown_tcp::<ON>(packet, bytes, AT + IPV6_LEN),
        TCP if !ON => Glance::Closer,
        TCP => {
            let payload_len = u32::from(u16::from_be(bytes.u16(AT + 4)));
            let end = (AT + IPV6_LEN) as u32 + payload_len;
            known_tcp::<AT, IPV6_LEN>(packet, bytes, end, keys)
        }
        ICMPV6 if !errors::may_matter(ICMPV6, bytes.u8(AT + IPV6_LEN)) => Glance::Done,
        _ => Glance::Closer,
    }
}

/// TCP of a connection that is not known: it may begin to speak RTSP now.
#[inline(always)]
fn unknown_tcp<const ON: bool>(packet: &impl Packet, bytes: Bytes, at: usize) -> Glance {
    if bytes.u8(at + 13) & SYN != 0 {
        return Glance::Closer;
    }
    let header_len = usize::from(bytes.u8(at + 12) >> 2 & 0x3c);
    match bytes.u8_behind(at, header_len) {
        Some(first) if control::may_begin(first) => Glance::Closer,
        Some(_) => Glance::Done,
        // A bare acknowledgement.
        None if bytes.end - bytes.start == packet.len() as usize => Glance::Done,
        None if packet.len() > LONG => Glance::Done,
        None if !ON => Glance::Closer,
        None => outside(packet, (at + header_len) as u32),
    }
}

/// The same of a payload outside the linear part, where that of a super-packet lies.
#[inline(always)]
fn outside(packet: &impl Packet, at: u32) -> Glance {
    let mut first = [0];
    // SAFETY: room for one byte.
    if unsafe { packet.load(at, first.as_mut_ptr(), 1) } && !control::may_begin(first[0]) {
        Glance::Done
    } else {
        Glance::Closer
    }
}

/// TCP between hosts that speak RTSP with each other, or on a port of interest; the packet says that it ends at `end`.
#[inline(always)]
fn known_tcp<const AT: usize, const LEN: usize>(
    packet: &impl Packet,
    bytes: Bytes,
    end: u32,
    keys: &mut Keys,
) -> Glance {
    let at = AT + LEN;
    // SAFETY: integers, all of which are written before they are read.
    let (flow, connection) = unsafe {
        (
            &mut *keys.flow.as_mut_ptr(),
            &mut *keys.connection.as_mut_ptr(),
        )
    };
    write_flow::<AT, LEN>(packet, bytes, flow);
    let sender = control::write_connection(flow, connection);
    let known = control::known(connection);
    if known == WALKED
        && let Some(local) = local::get()
    {
        local.connection = *connection;
        local.channel.sender = sender;
        local.facts.transport_at = at as u32;
        local.facts.end = end;
        Glance::Walk
    } else if known != 0 {
        Glance::Copy
    } else if control::is_listed(flow) {
        Glance::Closer
    } else {
        unknown_tcp::<true>(packet, bytes, at)
    }
}

/// UDP between hosts that speak RTSP with each other, or at a port of interest.
#[inline(always)]
fn udp<const AT: usize, const LEN: usize>(
    packet: &impl Packet,
    bytes: Bytes,
    keys: &mut Keys,
) -> Glance {
    let at = AT + LEN;
    let rtp_at = at + UDP_LEN;
    if !bytes.has(rtp_at + RTP_LEN) || packet.gso_size() != 0 {
        return Glance::Closer;
    }
    let (first, second) = (bytes.u8(rtp_at), bytes.u8(rtp_at + 1));
    let len = u32::from(u16::from_be(bytes.u16(at + 4))).saturating_sub(UDP_LEN as u32);
    if !Payload::is_rtp(first, second, len) {
        return Glance::Closer;
    }
    // SAFETY: integers, all of which are written before they are read.
    let flow = unsafe { &mut *keys.flow.as_mut_ptr() };
    write_flow::<AT, LEN>(packet, bytes, flow);
    let sequence = u16::from_be(bytes.u16(rtp_at + 2));
    let timestamp = u32::from_be(bytes.u32(rtp_at + 4));
    let ssrc = u32::from_be(bytes.u32(rtp_at + 8));
    let payload = Payload::rtp(second, sequence, timestamp, ssrc, len);
    if media::count_next(flow, &payload) {
        Glance::Done
    } else {
        Glance::Closer
    }
}

/// Writes down the flow of a packet whose IP header of `LEN` bytes, which tells the version, is at `AT`.
#[inline(always)]
fn write_flow<const AT: usize, const LEN: usize>(
    packet: &impl Packet,
    bytes: Bytes,
    flow: &mut FlowKey,
) {
    let (source, destination) = if LEN == IPV4_LEN {
        let address = |at| (0, mapped(bytes.u32(at)));
        (address(AT + 12), address(AT + 16))
    } else {
        let address = |at| (bytes.u64(at), bytes.u64(at + 8));
        (address(AT + 8), address(AT + 24))
    };
    write_address(&mut flow.source, source.0, source.1);
    write_address(&mut flow.destination, destination.0, destination.1);
    // As one word, because it is read as one: a processor waits for what was written in smaller pieces.
    let [a, b, c, d] = bytes.u32(AT + LEN).to_ne_bytes();
    let [e, f, g, h] = packet.ifindex().to_ne_bytes();
    write_last_word(flow, u64::from_ne_bytes([a, b, c, d, e, f, g, h]));
}

/// Room for keys, the same for every shape of packet: the kernel's stack is small.
struct Keys {
    flow: MaybeUninit<FlowKey>,
    connection: MaybeUninit<FlowKey>,
}
