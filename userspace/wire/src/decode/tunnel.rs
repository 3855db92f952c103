//! Packets inside of packets: GRE (RFC 2784, RFC 2890) with IP, Ethernet or ERSPAN in it, VXLAN (RFC 7348), Geneve (RFC 8926),
//! TZSP (what `RouterOS` streams from its sniffer and firewall), and IP in IP (RFC 2003, RFC 4213; DS-Lite, RFC 6333).
//!
//! What a mirror port sends over a network, or a router to its provider, counts as the packet inside, and only as that. An
//! outer packet in which nothing can be read stays what it is.

use super::ip::{IpPacket, packet};
use super::{Stop, link};

/// Wrappers that are opened, one in another; a hostile frame could nest hundreds.
const MAX_DEPTH: usize = 3;

const IPV4_IN_IP: u8 = 4;
const UDP: u8 = 17;
const IPV6_IN_IP: u8 = 41;
const GRE: u8 = 47;

const UDP_LEN: usize = 8;
/// UDP port of VXLAN (RFC 7348 §5).
const VXLAN_PORT: [u8; 2] = 4789_u16.to_be_bytes();
const VXLAN_LEN: usize = 8;
/// UDP port of Geneve (RFC 8926 §3.3).
const GENEVE_PORT: [u8; 2] = 6081_u16.to_be_bytes();
const GENEVE_LEN: usize = 8;
/// UDP port of TZSP, which has no registered one (Wireshark's packet-tzsp.c; `RouterOS`, `streaming-server`).
const TZSP_PORT: [u8; 2] = 37_008_u16.to_be_bytes();
const TZSP_LEN: usize = 4;
/// Tags of TZSP that have no length: padding, and the last before the frame.
const TZSP_PADDING: u8 = 0;
const TZSP_END: u8 = 1;
/// Tags of one packet; `RouterOS` sends one or two.
const MAX_TZSP_TAGS: usize = 32;

/// GRE flags: checksum, routing, key, sequence number, and the version, which is 0.
const GRE_CHECKSUM: u16 = 0x8000;
const GRE_ROUTING: u16 = 0x4000;
const GRE_KEY: u16 = 0x2000;
const GRE_SEQUENCE: u16 = 0x1000;
const GRE_VERSION: u16 = 0x0007;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// Ethernet in GRE (RFC 7637 §3.2).
const ETHERTYPE_BRIDGED: u16 = 0x6558;
/// Mirrored frames, types I and II, and III (draft-foschiano-erspan §4).
const ETHERTYPE_ERSPAN: u16 = 0x88be;
const ETHERTYPE_ERSPAN_III: u16 = 0x22eb;
const ERSPAN_II_LEN: usize = 8;
const ERSPAN_III_LEN: usize = 12;
/// What the last bit of a type III header announces.
const ERSPAN_SUBHEADER_LEN: usize = 8;

/// What a wrapper holds, and where it begins in the payload.
enum Content {
    Ip(usize),
    Ethernet(usize),
}

/// Whether a packet may hold another one: what is asked of each packet, so that others cost no more.
#[inline]
pub(super) fn may_hold_another(packet: &IpPacket<'_>) -> bool {
    match packet.protocol {
        UDP => matches!(packet.payload, &[_, _, high, low, ..] if is_wrapper_port([high, low])),
        IPV4_IN_IP | IPV6_IN_IP | GRE => true,
        _ => false,
    }
}

/// Whether a datagram to this port, as the header has it, may hold another packet.
#[inline]
pub(super) const fn is_wrapper_port(port: [u8; 2]) -> bool {
    matches!(port, VXLAN_PORT | GENEVE_PORT | TZSP_PORT)
}

/// The innermost packet that can be reached, `outer` itself where it holds none. `frame` are the bytes of the whole frame.
#[cold]
pub(super) fn innermost<'a>(
    frame: &'a [u8],
    outer: IpPacket<'a>,
) -> Result<IpPacket<'a>, Option<Stop>> {
    let mut packet = outer;
    for _ in 0..MAX_DEPTH {
        match inner(frame, &packet) {
            Ok(Some(held)) => packet = held,
            Ok(None) => break,
            Err(stop) => return Err(Some(stop)),
        }
        if !may_hold_another(&packet) {
            break;
        }
    }
    Ok(packet)
}

/// The packet that `outer` holds; `None` where it holds none, or may not be read as holding one.
fn inner<'a>(frame: &'a [u8], outer: &IpPacket<'a>) -> Result<Option<IpPacket<'a>>, Stop> {
    // Of a fragment only the first has the wrapper's header, and it lacks the end.
    if outer.fragment.is_some() {
        return Ok(None);
    }
    let content = match outer.protocol {
        IPV4_IN_IP | IPV6_IN_IP => Some(Content::Ip(0)),
        GRE => gre(outer.payload),
        UDP => in_datagram(outer.payload),
        _ => None,
    };
    let captured = frame
        .get(..outer.offset + outer.payload.len())
        .unwrap_or(frame);
    let at = match content {
        None => return Ok(None),
        Some(Content::Ip(at)) => outer.offset + at,
        Some(Content::Ethernet(at)) => match link::behind_ethernet(captured, outer.offset + at) {
            Ok(at) => at,
            Err(None) => return Ok(None),
            Err(Some(stop)) => return Err(stop),
        },
    };
    let before = at - outer.offset;
    let wire_len = (outer.payload_len as usize).saturating_sub(before);
    match packet(captured.get(at..).unwrap_or_default(), wire_len, at) {
        Ok(held) => Ok(Some(held)),
        Err(None) => Ok(None),
        Err(Some(stop)) => Err(stop),
    }
}

fn gre(payload: &[u8]) -> Option<Content> {
    let &[f0, f1, p0, p1, ..] = payload else {
        return None;
    };
    let (flags, protocol) = (u16::from_be_bytes([f0, f1]), u16::from_be_bytes([p0, p1]));
    if flags & (GRE_ROUTING | GRE_VERSION) != 0 {
        return None;
    }
    let options = [GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE].into_iter();
    let len = 4 + options.filter(|option| flags & option != 0).count() * 4;
    match protocol {
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Some(Content::Ip(len)),
        ETHERTYPE_BRIDGED => Some(Content::Ethernet(len)),
        // Type I has no header of its own and no sequence number.
        ETHERTYPE_ERSPAN if flags & GRE_SEQUENCE == 0 => Some(Content::Ethernet(len)),
        ETHERTYPE_ERSPAN => Some(Content::Ethernet(len + ERSPAN_II_LEN)),
        ETHERTYPE_ERSPAN_III => {
            let last = payload.get(len + ERSPAN_III_LEN - 1)?;
            let more = usize::from(last & 1) * ERSPAN_SUBHEADER_LEN;
            Some(Content::Ethernet(len + ERSPAN_III_LEN + more))
        }
        _ => None,
    }
}

fn in_datagram(payload: &[u8]) -> Option<Content> {
    match payload.get(2..4)?.try_into().ok()? {
        VXLAN_PORT => vxlan(payload),
        GENEVE_PORT => geneve(payload),
        TZSP_PORT => tzsp(payload),
        _ => None,
    }
}

/// Only the flag that says that a network is named is set, and all that is reserved is 0: media is not taken for it.
fn vxlan(payload: &[u8]) -> Option<Content> {
    match payload.get(UDP_LEN..UDP_LEN + VXLAN_LEN)? {
        [0x08, 0, 0, 0, _, _, _, 0] => Some(Content::Ethernet(UDP_LEN + VXLAN_LEN)),
        _ => None,
    }
}

/// Version 0 with data, not a message of its own kind, and 0 in all that is reserved.
fn geneve(payload: &[u8]) -> Option<Content> {
    let &[first, 0 | 0x40, p0, p1, _, _, _, 0] =
        payload.get(UDP_LEN..)?.first_chunk::<GENEVE_LEN>()?
    else {
        return None;
    };
    let (version, options) = (first >> 6, usize::from(first & 0x3f) * 4);
    let at = UDP_LEN + GENEVE_LEN + options;
    match u16::from_be_bytes([p0, p1]) {
        _ if version != 0 => None,
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Some(Content::Ip(at)),
        ETHERTYPE_BRIDGED => Some(Content::Ethernet(at)),
        _ => None,
    }
}

/// Version 1, a packet that was received or is to be sent, Ethernet; then tags up to the last.
fn tzsp(payload: &[u8]) -> Option<Content> {
    let [1, 0 | 1, 0, 1] = payload.get(UDP_LEN..)?.first_chunk::<TZSP_LEN>()? else {
        return None;
    };
    let mut at = UDP_LEN + TZSP_LEN;
    for _ in 0..MAX_TZSP_TAGS {
        at += match *payload.get(at)? {
            TZSP_END => return Some(Content::Ethernet(at + 1)),
            TZSP_PADDING => 1,
            _ => 2 + usize::from(*payload.get(at + 1)?),
        };
    }
    None
}
