//! The first look at a packet: whether it can matter at all, told from its headers where they lie.
//!
//! Nearly every packet that crosses a router ends here, so nothing is copied, called or counted: three reads of small
//! tables of marks ([`crate::interest`]) decide, and for TCP the first letter of its payload. What follows a known flow or
//! connection is handled at once; whatever is unusual (options, extension headers, fragments, bytes outside the linear
//! part, the first packets of anything) is [`Glance::Closer`] and goes through the stages, which read any packet.

use core::mem::MaybeUninit;

use rtsp_ebpf_common::abi::{FlowKey, WALKED};
use rtsp_ebpf_common::flow::Payload;
use rtsp_ebpf_common::verifier::hide;

use crate::headers::{self, ICMP, ICMPV6, IGMP, Link, PPPOE_LEN, TCP, UDP, mapped, write_address};
use crate::packet::Packet;
use crate::{control, errors, interest, local, media};

/// What a packet is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glance {
    /// Of no interest, or counted already.
    Done,
    /// To be put in the ring whole: a segment of a known connection.
    Copy,
    /// To be walked through: a segment of a connection whose media the kernel may read. Which end sent it, and where its
    /// header and its end are.
    Walk(u32, u32, u32),
    /// To be read by the stages.
    Closer,
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

/// Looks at a packet.
#[inline(always)]
pub(crate) fn at(packet: &impl Packet, link: Link) -> Glance {
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
            4 => ipv4::<0>(packet, bytes, keys),
            6 => ipv6::<0>(packet, bytes, keys),
            _ => Glance::Done,
        };
    }
    if !bytes.has(ETHERNET_LEN + IPV4_LEN + UDP_LEN) {
        return Glance::Closer;
    }
    match bytes.u16(12) {
        IPV4 => ipv4::<ETHERNET_LEN>(packet, bytes, keys),
        IPV6 => ipv6::<ETHERNET_LEN>(packet, bytes, keys),
        TAG => match bytes.u16(16) {
            IPV4 => ipv4::<TAGGED_LEN>(packet, bytes, keys),
            IPV6 => ipv6::<TAGGED_LEN>(packet, bytes, keys),
            _ => Glance::Closer,
        },
        PPPOE => match bytes.u16(ETHERNET_LEN + PPPOE_LEN as usize - 2) {
            PPP_IPV4 => ipv4::<{ ETHERNET_LEN + PPPOE_LEN as usize }>(packet, bytes, keys),
            PPP_IPV6 => ipv6::<{ ETHERNET_LEN + PPPOE_LEN as usize }>(packet, bytes, keys),
            _ => Glance::Done,
        },
        // QinQ.
        0xa888 | 0x0091 => Glance::Closer,
        _ => Glance::Done,
    }
}

#[inline(always)]
fn ipv4<const AT: usize>(packet: &impl Packet, bytes: Bytes, keys: &mut Keys) -> Glance {
    if AT > ETHERNET_LEN && !bytes.has(AT + IPV4_LEN + UDP_LEN) {
        return Glance::Closer;
    }
    if bytes.u8(AT) != 0x45 || bytes.u16(AT + 6) & FRAGMENT != 0 {
        return Glance::Closer;
    }
    let (source, destination) = (bytes.u32(AT + 12), bytes.u32(AT + 16));
    let marks = interest::of_pair(source.wrapping_add(destination))
        | interest::of_port(bytes.u16(AT + IPV4_LEN))
        | interest::of_port(bytes.u16(AT + IPV4_LEN + 2));
    let write = |flow: &mut FlowKey| {
        write_address(&mut flow.source, 0, mapped(source));
        write_address(&mut flow.destination, 0, mapped(destination));
        write_rest(packet, bytes, AT + IPV4_LEN, flow);
    };
    match bytes.u8(AT + 9) {
        UDP if marks == 0 => Glance::Done,
        UDP => udp(packet, bytes, AT + IPV4_LEN, keys, write),
        TCP if !bytes.has(AT + IPV4_LEN + TCP_LEN) => Glance::Closer,
        TCP if marks == 0 => unknown_tcp(packet, bytes, AT + IPV4_LEN),
        TCP => {
            let end = AT as u32 + u32::from(u16::from_be(bytes.u16(AT + 2)));
            known_tcp(packet, bytes, AT + IPV4_LEN, end, keys, write)
        }
        ICMP if !errors::may_matter(ICMP, bytes.u8(AT + IPV4_LEN)) => Glance::Done,
        ICMP | IGMP => Glance::Closer,
        _ => Glance::Done,
    }
}

#[inline(always)]
fn ipv6<const AT: usize>(packet: &impl Packet, bytes: Bytes, keys: &mut Keys) -> Glance {
    if !bytes.has(AT + IPV6_LEN + UDP_LEN) {
        return Glance::Closer;
    }
    let (source, destination) = (AT + 8, AT + 24);
    let fold = |at| interest::fold_words([at, at + 4, at + 12].map(|at| bytes.u32(at)));
    let marks = interest::of_pair(fold(source).wrapping_add(fold(destination)))
        | interest::of_port(bytes.u16(AT + IPV6_LEN))
        | interest::of_port(bytes.u16(AT + IPV6_LEN + 2));
    let write = |flow: &mut FlowKey| {
        let word = |at| bytes.u64(at);
        write_address(&mut flow.source, word(source), word(source + 8));
        write_address(
            &mut flow.destination,
            word(destination),
            word(destination + 8),
        );
        write_rest(packet, bytes, AT + IPV6_LEN, flow);
    };
    match bytes.u8(AT + 6) {
        UDP if marks == 0 => Glance::Done,
        UDP => udp(packet, bytes, AT + IPV6_LEN, keys, write),
        TCP if !bytes.has(AT + IPV6_LEN + TCP_LEN) => Glance::Closer,
        TCP if marks == 0 => unknown_tcp(packet, bytes, AT + IPV6_LEN),
        TCP => {
            let payload_len = u32::from(u16::from_be(bytes.u16(AT + 4)));
            let end = (AT + IPV6_LEN) as u32 + payload_len;
            known_tcp(packet, bytes, AT + IPV6_LEN, end, keys, write)
        }
        ICMPV6 if !errors::may_matter(ICMPV6, bytes.u8(AT + IPV6_LEN)) => Glance::Done,
        _ => Glance::Closer,
    }
}

/// TCP of a connection that is not known: it may begin to speak RTSP now.
#[inline(always)]
fn unknown_tcp(packet: &impl Packet, bytes: Bytes, at: usize) -> Glance {
    if bytes.u8(at + 13) & SYN != 0 {
        return Glance::Closer;
    }
    let header_len = usize::from(bytes.u8(at + 12) >> 2 & 0x3c);
    match bytes.u8_behind(at, header_len) {
        Some(first) if control::may_begin(first) => Glance::Closer,
        Some(_) => Glance::Done,
        // A bare acknowledgement, or a payload outside the linear part.
        None if bytes.end - bytes.start == packet.len() as usize => Glance::Done,
        None => Glance::Closer,
    }
}

/// TCP between hosts that speak RTSP with each other, or on a port of interest; the packet says that it ends at `end`.
#[inline(always)]
fn known_tcp(
    packet: &impl Packet,
    bytes: Bytes,
    at: usize,
    end: u32,
    keys: &mut Keys,
    write: impl FnOnce(&mut FlowKey),
) -> Glance {
    // SAFETY: integers, all of which are written before they are read.
    let (flow, connection) = unsafe {
        (
            &mut *keys.flow.as_mut_ptr(),
            &mut *keys.connection.as_mut_ptr(),
        )
    };
    write(flow);
    let sender = control::write_connection(flow, connection);
    let known = control::known(connection);
    if known == WALKED
        && let Some(local) = local::get()
    {
        local.connection = *connection;
        Glance::Walk(sender, at as u32, end)
    } else if known != 0 {
        Glance::Copy
    } else if control::is_listed(flow) {
        Glance::Closer
    } else {
        unknown_tcp(packet, bytes, at)
    }
}

/// UDP between hosts that speak RTSP with each other, or at a port of interest.
#[inline(always)]
fn udp(
    packet: &impl Packet,
    bytes: Bytes,
    at: usize,
    keys: &mut Keys,
    write: impl FnOnce(&mut FlowKey),
) -> Glance {
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
    write(flow);
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

#[inline(always)]
fn write_rest(packet: &impl Packet, bytes: Bytes, at: usize, flow: &mut FlowKey) {
    flow.source_port = bytes.u16(at).to_ne_bytes();
    flow.destination_port = bytes.u16(at + 2).to_ne_bytes();
    flow.ifindex = packet.ifindex();
}

/// Room for keys, the same for every shape of packet: the kernel's stack is small.
struct Keys {
    flow: MaybeUninit<FlowKey>,
    connection: MaybeUninit<FlowKey>,
}

/// The linear part of a packet.
///
/// The kernel knows an offset only by the very register that was compared with the end: constants are compared once for
/// all, an offset that the packet says ([`Self::u8_behind`]) where it is used.
#[derive(Clone, Copy)]
struct Bytes {
    start: usize,
    end: usize,
}

impl Bytes {
    /// Whether the first `len` bytes are there.
    #[inline(always)]
    fn has(self, len: usize) -> bool {
        self.start + len <= self.end
    }

    #[inline(always)]
    fn u8(self, at: usize) -> u8 {
        self.read(at)
    }

    #[inline(always)]
    fn u16(self, at: usize) -> u16 {
        self.read(at)
    }

    #[inline(always)]
    fn u32(self, at: usize) -> u32 {
        self.read(at)
    }

    #[inline(always)]
    fn u64(self, at: usize) -> u64 {
        self.read(at)
    }

    /// The byte `distance` behind `at`, if it is there.
    #[allow(
        clippy::int_plus_one,
        reason = "the verifier learns of a byte from a comparison with its end"
    )]
    #[inline(always)]
    fn u8_behind(self, at: usize, distance: usize) -> Option<u8> {
        let place = hide((self.start + at + distance) as u64) as usize;
        // SAFETY: the verifier holds the comparison against the read.
        (place + 1 <= self.end).then(|| unsafe { *(place as *const u8) })
    }

    /// Reads what [`Self::has`] has found to be there, as it lies in memory.
    #[inline(always)]
    fn read<T: Copy>(self, at: usize) -> T {
        // SAFETY: the verifier refuses a read that no comparison with the end covers.
        unsafe { ((self.start + at) as *const T).read_unaligned() }
    }
}
