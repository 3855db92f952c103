//! Link layers: finds where the IP header begins.

use super::{Layer, Stop};
use crate::{FrameRef, LinkType};

/// Numbers of raw IP on platforms that do not follow the registry: OpenBSD's and BSD/OS's.
const RAW_OF_OTHER_PLATFORMS: [u16; 2] = [12, 14];

/// Length of an Ethernet header without tags.
pub(super) const ETHERNET_LEN: usize = 14;
/// Length of a Linux cooked header, version 1.
const SLL_LEN: usize = 16;
/// Length of a Linux cooked header, version 2.
const SLL2_LEN: usize = 20;
/// Length of the address family in front of BSD loopback packets.
const LOOPBACK_LEN: usize = 4;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and the numbers that older switches use for the outer tag.
const ETHERTYPES_VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
/// `PPPoE` session stage (RFC 2516 §4).
const ETHERTYPE_PPPOE: u16 = 0x8864;
/// MPLS, unicast and multicast (RFC 5332 §3).
const ETHERTYPES_MPLS: [u16; 2] = [0x8847, 0x8848];
/// A label with what stands beside it, and the bit of its third byte that marks the last (RFC 3032 §2.1).
const LABEL_LEN: usize = 4;
const LAST_LABEL: u8 = 1;
/// Labels that one frame may carry; networks use up to four or so.
const MAX_LABELS: usize = 16;
/// A word before Ethernet in MPLS, whose first four bits are 0 and so no version of IP (RFC 4385 §3).
const CONTROL_WORD_LEN: usize = 4;
/// PPP protocol numbers of IPv4 and IPv6 (RFC 1332, RFC 5072).
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;
/// Largest value of the type field that is an 802.3 length.
const MAX_802_3_LEN: u16 = 1500;
/// LLC and SNAP in front of an Ethernet type (RFC 1042).
const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];
/// Tags that one frame may carry; real ones have two at most.
const MAX_TAGS: usize = 4;
/// `AF_INET`, the same number everywhere.
const FAMILY_IPV4: u32 = 2;
/// `AF_INET6` of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS.
const FAMILIES_IPV6: [u32; 5] = [10, 23, 24, 28, 30];

/// Offset of the IP header in the frame; `Err(None)` where the frame carries something else.
#[inline]
pub(super) fn ip_offset(frame: &FrameRef<'_>) -> Result<usize, Option<Stop>> {
    match frame.link_type {
        LinkType::ETHERNET => by_ethertype(frame.bytes, ETHERNET_LEN - 2),
        LinkType::LINUX_SLL => by_ethertype(frame.bytes, SLL_LEN - 2),
        LinkType::LINUX_SLL2 => match frame.bytes.get(..SLL2_LEN) {
            Some(header) => after_ethertype(frame.bytes, be16(header, 0)?, SLL2_LEN),
            None => Err(Some(cut(frame.bytes, 0, SLL2_LEN))),
        },
        LinkType::NULL | LinkType::LOOP => loopback(frame.bytes),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => Ok(0),
        LinkType(number) if RAW_OF_OTHER_PLATFORMS.contains(&number) => Ok(0),
        LinkType(_) => Err(None),
    }
}

/// Offset of the IP header behind an Ethernet header that begins at `at`.
pub(super) fn behind_ethernet(bytes: &[u8], at: usize) -> Result<usize, Option<Stop>> {
    by_ethertype(bytes, at + ETHERNET_LEN - 2)
}

/// Goes on after a header whose last two bytes, at `at`, are the type of what follows.
fn by_ethertype(bytes: &[u8], at: usize) -> Result<usize, Option<Stop>> {
    after_ethertype(bytes, be16(bytes, at)?, at + 2)
}

/// Steps over tags, labels and `PPPoE`, of which there are none as a rule; `at` is where the payload of type `ethertype` begins.
#[inline]
fn after_ethertype(bytes: &[u8], mut ethertype: u16, mut at: usize) -> Result<usize, Option<Stop>> {
    if matches!(ethertype, ETHERTYPE_IPV4 | ETHERTYPE_IPV6) {
        return Ok(at);
    }
    for _ in 0..=MAX_TAGS {
        match ethertype {
            ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => return Ok(at),
            ETHERTYPE_PPPOE => return pppoe(bytes, at),
            mpls if ETHERTYPES_MPLS.contains(&mpls) => {
                at = behind_labels(bytes, at)?;
                if bytes.get(at).is_none_or(|first| first >> 4 != 0) {
                    return Ok(at);
                }
                at += CONTROL_WORD_LEN + ETHERNET_LEN;
                ethertype = be16(bytes, at - 2)?;
            }
            tag if ETHERTYPES_VLAN.contains(&tag) => {
                ethertype = be16(bytes, at + 2)?;
                at += 4;
            }
            len if len <= MAX_802_3_LEN && bytes.get(at..at + SNAP.len()) == Some(&SNAP) => {
                ethertype = be16(bytes, at + SNAP.len())?;
                at += SNAP.len() + 2;
            }
            _ => return Err(None),
        }
    }
    Err(None)
}

/// Steps over labels of MPLS. What follows them nothing says: IP by its version, or a control word.
fn behind_labels(bytes: &[u8], at: usize) -> Result<usize, Option<Stop>> {
    for end in (at + LABEL_LEN..).step_by(LABEL_LEN).take(MAX_LABELS) {
        if be16(bytes, end - 2)?.to_be_bytes()[0] & LAST_LABEL != 0 {
            return Ok(end);
        }
    }
    Err(None)
}

/// Session data: version, type, code 0, session id, length, then a PPP protocol number.
fn pppoe(bytes: &[u8], at: usize) -> Result<usize, Option<Stop>> {
    match be16(bytes, at + 6)? {
        PPP_IPV4 | PPP_IPV6 => Ok(at + 8),
        _ => Err(None),
    }
}

/// The family's byte order is the capturing host's for NULL; no family has the same number in both orders.
fn loopback(bytes: &[u8]) -> Result<usize, Option<Stop>> {
    let Some(family) = bytes.first_chunk::<LOOPBACK_LEN>() else {
        return Err(Some(cut(bytes, 0, LOOPBACK_LEN)));
    };
    let is_ip = |number: u32| number == FAMILY_IPV4 || FAMILIES_IPV6.contains(&number);
    if is_ip(u32::from_be_bytes(*family)) || is_ip(u32::from_le_bytes(*family)) {
        Ok(LOOPBACK_LEN)
    } else {
        Err(None)
    }
}

fn be16(bytes: &[u8], at: usize) -> Result<u16, Option<Stop>> {
    match bytes.get(at..at + 2) {
        Some(&[high, low]) => Ok(u16::from_be_bytes([high, low])),
        _ => Err(Some(cut(bytes, 0, at + 2))),
    }
}

fn cut(bytes: &[u8], offset: usize, needed: usize) -> Stop {
    Stop {
        layer: Layer::Link,
        offset,
        needed,
        present: bytes.len().saturating_sub(offset).min(needed),
    }
}
