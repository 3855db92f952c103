//! The attributes of netfilter's messages: length and type in the machine's byte order, values in network order.
//!
//! Reading stops at the first attribute that does not fit; what came before it counts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Entry, Expectation, Status, Tuple};
use crate::Timestamp;

/// `enum ctattr_type`.
mod entry {
    pub(super) const ORIGINAL: u16 = 1;
    pub(super) const REPLY: u16 = 2;
    pub(super) const STATUS: u16 = 3;
    pub(super) const PROTOCOL: u16 = 4;
    pub(super) const HELP: u16 = 5;
    pub(super) const TIMEOUT: u16 = 7;
    pub(super) const ID: u16 = 12;
    pub(super) const MASTER: u16 = 14;
    pub(super) const SEQUENCE_ORIGINAL: u16 = 15;
    pub(super) const SEQUENCE_REPLY: u16 = 16;
    pub(super) const ZONE: u16 = 18;
    pub(super) const TIMESTAMP: u16 = 20;
}

/// `enum ctattr_expect`.
mod expectation {
    pub(super) const MASTER: u16 = 1;
    pub(super) const TUPLE: u16 = 2;
    pub(super) const MASK: u16 = 3;
    pub(super) const TIMEOUT: u16 = 4;
    pub(super) const ID: u16 = 5;
    pub(super) const HELPER: u16 = 6;
    pub(super) const ZONE: u16 = 7;
    pub(super) const NAT: u16 = 10;
}

/// `enum ctattr_tuple`, `ctattr_ip`, `ctattr_l4proto`.
const TUPLE_IP: u16 = 1;
const TUPLE_PROTOCOL: u16 = 2;
const TUPLE_ZONE: u16 = 3;
const IPV4_FROM: u16 = 1;
const IPV4_TO: u16 = 2;
const IPV6_FROM: u16 = 3;
const IPV6_TO: u16 = 4;
const PROTOCOL_NUMBER: u16 = 1;
const PORT_FROM: u16 = 2;
const PORT_TO: u16 = 3;

/// `CTA_PROTOINFO_TCP`, `CTA_PROTOINFO_TCP_STATE`, and the state of `enum tcp_conntrack`.
const PROTOCOL_TCP: u16 = 1;
const TCP_STATE: u16 = 1;
const TCP_ESTABLISHED: u8 = 3;

/// `CTA_HELP_NAME`, `CTA_SEQADJ_OFFSET_AFTER`, `CTA_TIMESTAMP_STOP`, `CTA_EXPECT_NAT_TUPLE`.
const HELP_NAME: u16 = 1;
const OFFSET_AFTER: u16 = 3;
const STOP: u16 = 2;
const NAT_TUPLE: u16 = 2;

/// Longest name of a helper, with its end (`NF_CT_HELPER_NAME_LEN`).
const HELPER_NAME_LEN: usize = 16;

/// The upper bits of a type are flags (`NLA_TYPE_MASK`).
const TYPE_MASK: u16 = 0x3fff;

/// A row of attributes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl<'a> Attributes<'a> {
    pub(super) const fn new(bytes: &'a [u8], big_endian: bool) -> Self {
        Self { bytes, big_endian }
    }

    /// An entry; `None` without both its tuples.
    pub(super) fn entry(self) -> Option<Entry> {
        let offset = |kind| {
            self.nested(kind)?
                .number(OFFSET_AFTER)
                .map(u32::cast_signed)
        };
        let offsets = [entry::SEQUENCE_ORIGINAL, entry::SEQUENCE_REPLY].map(offset);
        Some(Entry {
            original: self.nested(entry::ORIGINAL)?.tuple()?,
            reply: self.nested(entry::REPLY)?.tuple()?,
            zone: self.zone(entry::ZONE, entry::ORIGINAL),
            id: self.number(entry::ID),
            status: self.number(entry::STATUS).map(Status),
            established: self.nested(entry::PROTOCOL).and_then(Self::is_established),
            timeout_secs: self.number(entry::TIMEOUT),
            helper: self
                .nested(entry::HELP)
                .and_then(|help| help.name(HELP_NAME)),
            master: self.nested(entry::MASTER).and_then(Self::tuple),
            sequence_offsets: (offsets != [None; 2])
                .then(|| offsets.map(Option::unwrap_or_default)),
            stopped_at: self.nested(entry::TIMESTAMP).and_then(Self::stopped_at),
        })
    }

    /// An expectation; `None` without what is expected and by whom.
    pub(super) fn expectation(self) -> Option<Expectation> {
        let forwarded = self
            .nested(expectation::NAT)
            .and_then(|nat| nat.nested(NAT_TUPLE));
        let forwarded = forwarded.and_then(Self::tuple).map(|tuple| tuple.from);
        Some(Expectation {
            master: self.nested(expectation::MASTER)?.tuple()?,
            expected: self.nested(expectation::TUPLE)?.tuple()?,
            mask: self.nested(expectation::MASK).and_then(Self::tuple),
            forwarded_to: forwarded.filter(|to| !to.ip().is_unspecified()),
            timeout_secs: self.number(expectation::TIMEOUT),
            helper: self.name(expectation::HELPER),
            zone: self.zone(expectation::ZONE, expectation::MASTER),
            id: self.number(expectation::ID),
        })
    }

    fn is_established(self) -> Option<bool> {
        let state = self.nested(PROTOCOL_TCP)?.value(TCP_STATE)?.first()?;
        Some(*state == TCP_ESTABLISHED)
    }

    /// The zone of both directions, else the one of a tuple.
    fn zone(self, both: u16, tuple: u16) -> u16 {
        let of_tuple = || self.nested(tuple)?.short(TUPLE_ZONE);
        self.short(both).or_else(of_tuple).unwrap_or_default()
    }

    fn tuple(self) -> Option<Tuple> {
        let ip = self.nested(TUPLE_IP)?;
        let protocol = self.nested(TUPLE_PROTOCOL)?;
        let from = ip.address(IPV4_FROM, IPV6_FROM)?;
        let to = ip.address(IPV4_TO, IPV6_TO)?;
        let port = |kind| protocol.short(kind).unwrap_or_default();
        Some(Tuple {
            protocol: *protocol.value(PROTOCOL_NUMBER)?.first()?,
            from: SocketAddr::new(from, port(PORT_FROM)),
            to: SocketAddr::new(to, port(PORT_TO)),
        })
    }

    fn address(self, v4: u16, v6: u16) -> Option<IpAddr> {
        let v4 = self
            .array::<4>(v4)
            .map(|octets| Ipv4Addr::from(octets).into());
        v4.or_else(|| {
            self.array::<16>(v6)
                .map(|octets| Ipv6Addr::from(octets).into())
        })
    }

    fn stopped_at(self) -> Option<Timestamp> {
        let nanos = self.array(STOP).map(u64::from_be_bytes)?;
        Some(Timestamp(i64::try_from(nanos).ok()?)).filter(|at| at.0 > 0)
    }

    /// A helper's name, up to its end.
    fn name(self, kind: u16) -> Option<String> {
        let value = self.value(kind)?;
        let value = value.get(..HELPER_NAME_LEN).unwrap_or(value);
        let name = value.split(|byte| *byte == 0).next()?;
        (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned())
    }

    fn nested(self, kind: u16) -> Option<Self> {
        let bytes = self.value(kind)?;
        Some(Self { bytes, ..self })
    }

    fn number(self, kind: u16) -> Option<u32> {
        self.array(kind).map(u32::from_be_bytes)
    }

    fn short(self, kind: u16) -> Option<u16> {
        self.array(kind).map(u16::from_be_bytes)
    }

    fn array<const LEN: usize>(self, kind: u16) -> Option<[u8; LEN]> {
        self.value(kind)?.first_chunk().copied()
    }

    /// The value of the first attribute of a type.
    fn value(self, kind: u16) -> Option<&'a [u8]> {
        let mut rest = self.bytes;
        loop {
            let (head, _) = rest.split_first_chunk::<4>()?;
            let [len, own_kind] = self.shorts(*head);
            let value = rest.get(4..usize::from(len))?;
            if own_kind & TYPE_MASK == kind {
                return Some(value);
            }
            rest = rest.get(usize::from(len).next_multiple_of(4)..)?;
        }
    }

    fn shorts(self, [a, b, c, d]: [u8; 4]) -> [u16; 2] {
        let of = if self.big_endian {
            u16::from_be_bytes
        } else {
            u16::from_le_bytes
        };
        [of([a, b]), of([c, d])]
    }
}
