//! What netfilter says of its connection tracking: entries and expectations, in messages of netlink
//! (`linux/netfilter/nfnetlink_conntrack.h`).
//!
//! Netlink speaks the byte order of the machine that it runs on, and a recording may come from another machine than the
//! one that reads it. So the order is told by each message's own length, and the attributes are read here: the buffers of
//! `netlink-packet-core` read this machine's order only, and `netlink-packet-netfilter` knows neither expectations nor
//! helpers.

mod attributes;
mod packet;

use std::fmt;
use std::net::SocketAddr;

use crate::Timestamp;
use attributes::Attributes;

pub use packet::{PACKET_HEADER, in_packet};

/// Subsystem numbers of `linux/netfilter/nfnetlink.h`, in the high byte of a message's type.
const ENTRIES: u8 = 1;
const EXPECTATIONS: u8 = 2;

const RULES: u8 = 10;

/// A rule or an object of nftables that begins or ends (`enum nf_tables_msg_types`).
const RULE_CHANGES: [u8; 4] = [6, 8, 18, 20];

/// What to do, in the low byte: the same numbers for entries and expectations (`IPCTNL_MSG_CT_*`, `IPCTNL_MSG_EXP_*`).
const NEW: u8 = 0;
const DELETE: u8 = 2;

/// A netlink header, and netfilter's own behind it.
const HEADER_LEN: usize = 16;
/// Where in it the number of the request ends.
const SEQUENCE_END: usize = 12;
const NETFILTER_HEADER_LEN: usize = 4;

/// Types of netlink itself (`linux/netlink.h`).
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// Flags of a message (`linux/netlink.h`).
const MULTI: u16 = 0x2;
const DUMP_INTERRUPTED: u16 = 0x10;
const CREATE: u16 = 0x400;

/// What happened to an entry or an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It began.
    New,
    /// Something of it changed.
    Updated,
    /// It ended.
    Destroyed,
    /// Nothing: it is there, and was asked for.
    Present,
}

/// One thing that connection tracking says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub change: Change,
    /// To what.
    pub subject: Subject,
}

/// What connection tracking speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A connection.
    Entry(Box<Entry>),
    /// A connection that a helper waits for.
    Expectation(Box<Expectation>),
}

/// The ends of one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple {
    /// IP protocol number.
    pub protocol: u8,
    /// Sender; port 0 for a protocol without ports.
    pub from: SocketAddr,
    /// Receiver.
    pub to: SocketAddr,
}

impl Tuple {
    /// IP protocol number of TCP.
    pub const TCP: u8 = 6;
    /// IP protocol number of UDP.
    pub const UDP: u8 = 17;
}

/// An entry of the table: a connection in both directions. What a message leaves out is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As its first packet came in.
    pub original: Tuple,
    /// As an answer comes in: another pair than the original's turned around where addresses are translated.
    pub reply: Tuple,
    /// Zone that keeps equal tuples apart.
    pub zone: u16,
    /// The kernel's number for it.
    pub id: Option<u32>,
    /// State bits.
    pub status: Option<Status>,
    /// Whether it is a TCP connection that is open in both directions; `None` of other protocols.
    pub established: Option<bool>,
    /// Time until it ends without a packet, in seconds.
    pub timeout_secs: Option<u32>,
    /// Name of the helper (ALG) that reads along.
    pub helper: Option<String>,
    /// The connection whose helper expected this one.
    pub master: Option<Tuple>,
    /// Bytes by which a helper made the text longer, in the original and in the reply direction; only where it did.
    pub sequence_offsets: Option<[i32; 2]>,
    /// When it ended, where the kernel takes times (`nf_conntrack_timestamp`).
    pub stopped_at: Option<Timestamp>,
}

/// A connection that a helper waits for: the way in for media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The connection whose helper made it, as its first packet came in.
    pub master: Tuple,
    /// What is expected; port 0 and what `mask` leaves out may be anything.
    pub expected: Tuple,
    /// Which bits of `expected` count: addresses and ports of ones and zeros.
    pub mask: Option<Tuple>,
    /// Where it is sent on to, where its address is translated.
    pub forwarded_to: Option<SocketAddr>,
    /// Time until it ends, in seconds.
    pub timeout_secs: Option<u32>,
    /// Name of the helper.
    pub helper: Option<String>,
    /// Zone that keeps equal tuples apart.
    pub zone: u16,
    /// The kernel's number for it.
    pub id: Option<u32>,
}

/// State bits of an entry (`enum ip_conntrack_status`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Status(pub u32);

impl Status {
    /// A helper had expected it.
    pub const EXPECTED: Self = Self(1);
    /// Packets went both ways.
    pub const SEEN_REPLY: Self = Self(1 << 1);
    /// It is not dropped before its time where the table is full.
    pub const ASSURED: Self = Self(1 << 2);
    /// The source address or port is translated.
    pub const SRC_NAT: Self = Self(1 << 4);
    /// The destination address or port is translated.
    pub const DST_NAT: Self = Self(1 << 5);
    /// A helper changed the length of the text, and sequence numbers are adjusted from there on.
    pub const SEQ_ADJUST: Self = Self(1 << 6);
    /// A rule attached the helper.
    pub const HELPER: Self = Self(1 << 13);
    /// A flowtable forwards its packets past netfilter.
    pub const OFFLOAD: Self = Self(1 << 14);
    /// Hardware forwards its packets past the processor.
    pub const HW_OFFLOAD: Self = Self(1 << 15);

    /// Those that tell something, with their words.
    const NAMED: [(Self, &'static str); 9] = [
        (Self::EXPECTED, "expected"),
        (Self::SEEN_REPLY, "seen-reply"),
        (Self::ASSURED, "assured"),
        (Self::SRC_NAT, "src-nat"),
        (Self::DST_NAT, "dst-nat"),
        (Self::SEQ_ADJUST, "seq-adjust"),
        (Self::HELPER, "helper"),
        (Self::OFFLOAD, "offload"),
        (Self::HW_OFFLOAD, "hw-offload"),
    ];

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits' words, in the order of the bits.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let set = Self::NAMED
            .into_iter()
            .filter(move |(bit, _)| self.has(*bit));
        set.map(|(_, word)| word)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.words().collect();
        formatter.write_str(&words.join(", "))
    }
}

/// One netlink message as it stands in a packet.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// All of it, header first.
    pub raw: &'a [u8],
    kind: u16,
    flags: u16,
    /// That of the request which it answers; 0 where nobody asked.
    sequence: [u8; 4],
    big_endian: bool,
}

/// The messages of a packet of netlink, up to the first that is cut or makes no sense.
pub fn messages(mut packet: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let message = Message::read(packet)?;
        let padded = message.raw.len().next_multiple_of(4);
        packet = packet.get(padded..).unwrap_or_default();
        Some(message)
    })
}

impl<'a> Message<'a> {
    fn read(packet: &'a [u8]) -> Option<Self> {
        let &[a, b, c, d, k0, k1, f0, f1, ref sequence @ ..] =
            packet.first_chunk::<SEQUENCE_END>()?;
        let fits = |len: u32| (HEADER_LEN..=packet.len()).contains(&(len as usize));
        let little = u32::from_le_bytes([a, b, c, d]);
        let big = u32::from_be_bytes([a, b, c, d]);
        let (len, big_endian) = match (fits(little), fits(big)) {
            (true, _) => (little, false),
            (false, true) => (big, true),
            (false, false) => return None,
        };
        let word = |bytes: [u8; 2]| {
            if big_endian {
                u16::from_be_bytes(bytes)
            } else {
                u16::from_le_bytes(bytes)
            }
        };
        Some(Self {
            raw: packet.get(..len as usize)?,
            kind: word([k0, k1]),
            flags: word([f0, f1]),
            sequence: *sequence,
            big_endian,
        })
    }

    /// Whether the answer to a request ends here.
    pub const fn is_done(&self) -> bool {
        self.kind == DONE
    }

    /// Whether the table changed so much during a dump that entries may be missing from it.
    pub const fn is_interrupted(&self) -> bool {
        self.flags & DUMP_INTERRUPTED != 0
    }

    /// Whether it answers a request, rather than to tell what happened.
    fn is_asked_for(&self) -> bool {
        self.flags & MULTI != 0 || self.sequence != [0; 4]
    }

    /// The error number with which a request was refused, a positive number; 0 says that it was done.
    pub fn refusal(&self) -> Option<i32> {
        let number = self.raw.get(HEADER_LEN..)?.first_chunk::<4>()?;
        let number = if self.big_endian {
            i32::from_be_bytes(*number)
        } else {
            i32::from_le_bytes(*number)
        };
        (self.kind == ERROR).then_some(number.saturating_neg())
    }

    /// Whether a rule of nftables, or an object that rules name, began or ended.
    pub fn is_of_rules(&self) -> bool {
        let [action, subsystem] = self.kind.to_le_bytes();
        subsystem == RULES && RULE_CHANGES.contains(&action)
    }

    /// What it says of connection tracking; `None` where it speaks of something else, or leaves out what an entry is
    /// known by.
    pub fn event(&self) -> Option<Event> {
        let [action, subsystem] = self.kind.to_le_bytes();
        let change = match action {
            NEW if self.is_asked_for() => Change::Present,
            NEW if self.flags & CREATE != 0 => Change::New,
            NEW => Change::Updated,
            DELETE => Change::Destroyed,
            _ => return None,
        };
        let body = self.raw.get(HEADER_LEN + NETFILTER_HEADER_LEN..)?;
        let attributes = Attributes::new(body, self.big_endian);
        let subject = match subsystem {
            ENTRIES => Subject::Entry(Box::new(attributes.entry()?)),
            EXPECTATIONS => Subject::Expectation(Box::new(attributes.expectation()?)),
            _ => return None,
        };
        Some(Event { change, subject })
    }
}

#[cfg(test)]
mod tests;
