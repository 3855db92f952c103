//! Who listens to which group: reports of IGMP (RFC 1112, RFC 2236, RFC 3376) and MLD (RFC 2710, RFC 3810).
//!
//! A host that wants a group says so on its own link, once when it begins and again when a router asks. Both protocols
//! say the same in two shapes each: one group to a message, or a list of records that also name the wanted sources.

use std::net::{IpAddr, Ipv6Addr};

use super::ip::IpPacket;
use super::{Body, Decoded, Layer, Stop};

/// IGMP message of one group, and the head of a message of version 3.
const IGMP_LEN: usize = 8;
/// MLD message of one group.
const MLD_LEN: usize = 24;
/// Head of a report of `MLDv2`, before its records.
const MLD2_HEAD_LEN: usize = 8;
/// A group record without its addresses.
const RECORD_HEAD_LEN: usize = 4;

/// One message about group membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership<'a> {
    /// Who speaks.
    pub from: IpAddr,
    /// What it says.
    pub says: MembershipKind<'a>,
}

/// What a message about group membership says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipKind<'a> {
    /// A router asks who listens.
    Query,
    /// A host listens to one group (`IGMPv1`, `IGMPv2`, `MLDv1`).
    Listens(IpAddr),
    /// A host no longer listens to one group (`IGMPv2` leave, `MLDv1` done).
    Leaves(IpAddr),
    /// A host's list of groups (`IGMPv3`, `MLDv2`).
    Records(GroupRecords<'a>),
}

/// The records of a report of `IGMPv3` or `MLDv2`, as far as they were captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRecords<'a> {
    bytes: &'a [u8],
    count: u16,
    is_ipv4: bool,
}

/// What one record or message means for one group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupChange {
    /// The group.
    pub group: IpAddr,
    /// Whether the host listens to the group from now on, to some of its sources at least.
    pub listens: bool,
}

impl Membership<'_> {
    /// What the message says of each group that it names.
    pub fn changes(&self) -> impl Iterator<Item = GroupChange> {
        let (single, records) = match self.says {
            MembershipKind::Query => (None, None),
            MembershipKind::Listens(group) => (
                Some(GroupChange {
                    group,
                    listens: true,
                }),
                None,
            ),
            MembershipKind::Leaves(group) => (
                Some(GroupChange {
                    group,
                    listens: false,
                }),
                None,
            ),
            MembershipKind::Records(records) => (None, Some(records)),
        };
        single.into_iter().chain(records.into_iter().flatten())
    }
}

impl<'a> IntoIterator for GroupRecords<'a> {
    type Item = GroupChange;
    type IntoIter = GroupChanges<'a>;

    fn into_iter(self) -> GroupChanges<'a> {
        GroupChanges { left: self }
    }
}

/// Reads one record after the other.
#[derive(Clone, Debug)]
pub struct GroupChanges<'a> {
    left: GroupRecords<'a>,
}

impl Iterator for GroupChanges<'_> {
    type Item = GroupChange;

    fn next(&mut self) -> Option<GroupChange> {
        self.left.next_change()
    }
}

impl GroupRecords<'_> {
    fn next_change(&mut self) -> Option<GroupChange> {
        self.count = self.count.checked_sub(1)?;
        let address_len = if self.is_ipv4 { 4 } else { 16 };
        let (head, rest) = self.bytes.split_first_chunk::<RECORD_HEAD_LEN>()?;
        let &[kind, more_words, s0, s1] = head;
        let sources = usize::from(u16::from_be_bytes([s0, s1]));
        let group = address(rest.get(..address_len)?)?;
        let len = (1 + sources) * address_len + usize::from(more_words) * 4;
        self.bytes = rest.get(len..).unwrap_or_default();
        // RFC 3376 §4.2.12: "include" names the wanted sources, "exclude" the unwanted ones; "block" ends some.
        let listens = match kind {
            2 | 4 => true,
            1 | 3 | 5 => sources > 0,
            _ => false,
        };
        Some(GroupChange { group, listens })
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok();
    let v6 = || {
        <[u8; 16]>::try_from(bytes)
            .map(|bytes| IpAddr::from(Ipv6Addr::from(bytes)))
            .ok()
    };
    v4().or_else(v6)
}

/// Reads an IGMP message; unknown types are [`Body::Other`].
pub(super) fn igmp<'a>(packet: &IpPacket<'a>) -> Decoded<'a> {
    let Some(&[kind, _, _, _, g0, g1, g2, g3]) = packet.payload.first_chunk::<IGMP_LEN>() else {
        return cut(packet, Layer::Igmp, IGMP_LEN);
    };
    let group = IpAddr::from([g0, g1, g2, g3]);
    let says = match kind {
        0x11 => MembershipKind::Query,
        0x12 | 0x16 => MembershipKind::Listens(group),
        0x17 => MembershipKind::Leaves(group),
        0x22 => MembershipKind::Records(GroupRecords {
            bytes: packet.payload.get(IGMP_LEN..).unwrap_or_default(),
            count: u16::from_be_bytes([g2, g3]),
            is_ipv4: true,
        }),
        _ => return other(None),
    };
    told(packet, says)
}

/// Reads an MLD message; `None` for any other `ICMPv6` message.
pub(super) fn mld<'a>(packet: &IpPacket<'a>) -> Option<Decoded<'a>> {
    let kind = *packet.payload.first()?;
    if kind == 143 {
        let Some(&[_, _, _, _, _, _, n0, n1]) = packet.payload.first_chunk::<MLD2_HEAD_LEN>()
        else {
            return Some(cut(packet, Layer::Icmp, MLD2_HEAD_LEN));
        };
        let records = GroupRecords {
            bytes: packet.payload.get(MLD2_HEAD_LEN..).unwrap_or_default(),
            count: u16::from_be_bytes([n0, n1]),
            is_ipv4: false,
        };
        return Some(told(packet, MembershipKind::Records(records)));
    }
    if !matches!(kind, 130..=132) {
        return None;
    }
    let group = packet.payload.get(MLD_LEN - 16..MLD_LEN).and_then(address);
    let Some(group) = group else {
        return Some(cut(packet, Layer::Icmp, MLD_LEN));
    };
    let says = match kind {
        130 => MembershipKind::Query,
        131 => MembershipKind::Listens(group),
        _ => MembershipKind::Leaves(group),
    };
    Some(told(packet, says))
}

fn told<'a>(packet: &IpPacket<'a>, says: MembershipKind<'a>) -> Decoded<'a> {
    let from = packet.source;
    Decoded {
        body: Body::Membership(Membership { from, says }),
        stop: None,
    }
}

fn cut<'a>(packet: &IpPacket<'a>, layer: Layer, needed: usize) -> Decoded<'a> {
    other(Some(Stop {
        layer,
        offset: packet.offset,
        needed,
        present: packet.payload.len().min(needed),
    }))
}

const fn other<'a>(stop: Option<Stop>) -> Decoded<'a> {
    Decoded {
        body: Body::Other,
        stop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, FrameRef, LinkType, TapId, Timestamp};

    const GROUP: [u8; 4] = [239, 1, 2, 3];

    /// An IPv4 packet with the router alert option that IGMP packets carry.
    fn igmp_packet(message: &[u8]) -> Vec<u8> {
        let len = (24 + message.len()) as u16;
        let head = [
            &[0x46, 0xc0][..],
            &len.to_be_bytes(),
            &[0, 0, 0, 0, 1, 2, 0, 0],
        ]
        .concat();
        let alert = [0x94, 4, 0, 0];
        [&head[..], &[192, 168, 7, 20], &GROUP, &alert, message].concat()
    }

    /// An IPv6 packet with the hop-by-hop router alert before its `ICMPv6` message.
    fn mld_packet(message: &[u8]) -> Vec<u8> {
        let len = (8 + message.len()) as u16;
        let head = [&[0x60, 0, 0, 0][..], &len.to_be_bytes(), &[0, 1]].concat();
        let alert = [58, 0, 5, 2, 0, 0, 1, 0];
        [
            &head[..],
            &host6().octets(),
            &group6().octets(),
            &alert,
            message,
        ]
        .concat()
    }

    fn host6() -> Ipv6Addr {
        "fe80::7".parse().unwrap()
    }

    fn group6() -> Ipv6Addr {
        "ff15::1:2".parse().unwrap()
    }

    fn decoded(bytes: &[u8]) -> Decoded<'_> {
        super::super::decode(&FrameRef {
            at: Timestamp(0),
            tap: TapId(0),
            direction: Direction::Unknown,
            link_type: LinkType::RAW,
            number: 1,
            original_len: bytes.len() as u32,
            bytes,
        })
    }

    /// Speaker and changes of a message.
    fn read(bytes: &[u8]) -> (IpAddr, Vec<(String, bool)>) {
        let Body::Membership(message) = decoded(bytes).body else {
            panic!("no membership in {:?}", decoded(bytes))
        };
        let changes = message.changes();
        let changes = changes.map(|change| (change.group.to_string(), change.listens));
        (message.from, changes.collect())
    }

    fn change(group: &str, listens: bool) -> (String, bool) {
        (group.to_owned(), listens)
    }

    #[test]
    fn one_group_is_joined_and_left() {
        let said = |kind: u8| read(&igmp_packet(&[&[kind, 0, 0, 0][..], &GROUP].concat()));
        let host = IpAddr::from([192, 168, 7, 20]);
        assert_eq!(said(0x12), (host, vec![change("239.1.2.3", true)]));
        assert_eq!(said(0x16), (host, vec![change("239.1.2.3", true)]));
        assert_eq!(said(0x17), (host, vec![change("239.1.2.3", false)]));
        assert_eq!(said(0x11), (host, vec![]));
    }

    #[test]
    fn records_of_version_3_name_groups_and_what_becomes_of_them() {
        let record = |kind: u8, last: u8, sources: &[[u8; 4]]| {
            let count = (sources.len() as u16).to_be_bytes();
            [
                &[kind, 0][..],
                &count,
                &[239, 1, 2, last],
                &sources.concat(),
            ]
            .concat()
        };
        let camera = [192, 168, 7, 64];
        let message = [
            vec![0x22, 0, 0, 0, 0, 0, 0, 6],
            record(4, 1, &[]),
            record(3, 2, &[]),
            record(1, 3, &[camera]),
            record(6, 4, &[camera]),
            record(5, 5, &[camera, camera]),
            record(2, 6, &[camera]),
        ]
        .concat();
        let expected = [true, false, true, false, true, true];
        let expected: Vec<_> = (1..)
            .zip(expected)
            .map(|(last, listens)| change(&format!("239.1.2.{last}"), listens))
            .collect();
        assert_eq!(read(&igmp_packet(&message)).1, expected);
    }

    #[test]
    fn mld_says_the_same_of_ipv6_groups() {
        let single = |kind: u8| {
            let head = [kind, 0, 0, 0, 0, 0, 0, 0];
            read(&mld_packet(&[&head[..], &group6().octets()].concat()))
        };
        let host = IpAddr::from(host6());
        assert_eq!(single(131), (host, vec![change("ff15::1:2", true)]));
        assert_eq!(single(132), (host, vec![change("ff15::1:2", false)]));
        assert_eq!(single(130), (host, vec![]));
        let head = [143, 0, 0, 0, 0, 0, 0, 1];
        let report = [&head[..], &[4, 0, 0, 0], &group6().octets()].concat();
        assert_eq!(read(&mld_packet(&report)).1, [change("ff15::1:2", true)]);
    }

    #[test]
    fn a_list_that_is_cut_or_lies_about_its_length_ends_where_the_bytes_end() {
        let head = [0x22, 0, 0, 0, 0, 0, 0xff, 0xff];
        let report = [&head[..], &[4, 0, 0, 0], &GROUP, &[4, 0]].concat();
        assert_eq!(read(&igmp_packet(&report)).1, [change("239.1.2.3", true)]);
        let lying = [&head[..], &[4, 0xff, 0xff, 0xff], &GROUP].concat();
        assert_eq!(read(&igmp_packet(&lying)).1, [change("239.1.2.3", true)]);
    }

    #[test]
    fn a_message_that_is_too_short_says_so() {
        let stop = |bytes: &[u8]| decoded(bytes).stop.map(|stop| (stop.layer, stop.needed));
        assert_eq!(stop(&igmp_packet(&[0x16, 0, 0])), Some((Layer::Igmp, 8)));
        assert_eq!(
            stop(&mld_packet(&[131, 0, 0, 0, 0])),
            Some((Layer::Icmp, 24))
        );
    }
}
