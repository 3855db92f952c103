//! What crosses the border between the kernel programs and user space: map keys and values, ring records, counters.
//!
//! Addresses are 16 bytes in network order, IPv4 mapped into IPv6 (RFC 4291 §2.5.5.2), so that one key serves both
//! families; ports are two bytes in network order. A tap is named by its interface index, which every packet carries:
//! the kernel needs no look-up to know where it is. Padding is explicit and zero, because keys are compared as bytes.

mod pair;
mod record;
mod walk;

pub use pair::{GOLDEN, PAIR_PLACES, PairMarks, PeerKey, fold, fold_words, pair_marks, pair_place};
pub use record::{CONTROL_MAX, Direction, Reason, RecordHeader, SYN_MAX, SynValue};
pub use walk::{
    COPIED, ChannelKey, ChannelValue, HalfValue, Reader, Returned, TakeValue, WALK_CLAIM,
    WALK_PASSED, WALK_RETURNED, WALK_TAKEN, WALKED, WalkValue,
};

use core::mem::{offset_of, size_of};
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::flow::{FlowStats, HEAD_LEN};
use crate::interleaved::stride::Stride;

/// An address as 16 bytes in network order.
pub type Address = [u8; 16];

/// A directed flow at one tap: key of the flows, and of remembered SYNs. Aligned so that addresses are read in words.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FlowKey {
    /// Sender.
    pub source: Address,
    /// Receiver.
    pub destination: Address,
    /// Sender's port.
    pub source_port: [u8; 2],
    /// Receiver's port.
    pub destination_port: [u8; 2],
    /// Interface that the tap is on.
    pub ifindex: u32,
}

impl FlowKey {
    /// No flow.
    pub const NOBODY: Self = Self {
        source: [0; 16],
        destination: [0; 16],
        source_port: [0; 2],
        destination_port: [0; 2],
        ifindex: 0,
    };

    /// The sender.
    pub fn from(&self) -> SocketAddr {
        socket_address(self.source, self.source_port)
    }

    /// The receiver.
    pub fn to(&self) -> SocketAddr {
        socket_address(self.destination, self.destination_port)
    }

    /// The same flow the other way.
    #[inline(always)]
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            source_port: self.destination_port,
            destination_port: self.source_port,
            ifindex: self.ifindex,
        }
    }
}

impl FlowKey {
    /// The key of the connection that a flow belongs to: that of one of its directions. Also tells whether the flow is
    /// that one (0) or the other (1).
    pub fn connection(&self) -> (Self, usize) {
        // The kernel programs compare halves of addresses as they lie in memory.
        let number = |address: &Address| {
            let (halves, _) = address.as_chunks::<8>();
            [halves[0], halves[1]].map(u64::from_ne_bytes)
        };
        let source = (number(&self.source), u16::from_be_bytes(self.source_port));
        let destination = (
            number(&self.destination),
            u16::from_be_bytes(self.destination_port),
        );
        if source <= destination {
            (*self, 0)
        } else {
            (self.reversed(), 1)
        }
    }
}

/// One end of negotiated media, at any tap.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct EndpointKey {
    /// Host or group.
    pub address: Address,
    /// UDP port.
    pub port: [u8; 2],
    /// Zero.
    pub pad: [u8; 2],
}

impl EndpointKey {
    /// The key of an address and port.
    pub fn new(endpoint: SocketAddr) -> Self {
        Self {
            address: address_bytes(endpoint.ip()),
            port: endpoint.port().to_be_bytes(),
            pad: [0; 2],
        }
    }
}

/// What user space knows of a negotiated end.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointValue {
    /// RTP clock in Hz; 0 where it is not known.
    pub clock_rate: u32,
}

/// The kernel's lock (`struct bpf_spin_lock`), known to it by this name.
#[allow(
    non_camel_case_types,
    reason = "the kernel finds the lock in the type information by its name"
)]
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct bpf_spin_lock {
    /// The kernel's own.
    pub val: u32,
}

impl FlowValue {
    /// A flow before its first packet.
    pub const EMPTY: Self = Self {
        lock: bpf_spin_lock { val: 0 },
        clock_rate: 0,
        flow: FlowKey::NOBODY,
        stats: FlowStats::EMPTY,
    };
}

/// A place in the flow table. Two processors may hold packets of one flow at a time, hence the lock; user space reads with
/// `BPF_F_LOCK`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct FlowValue {
    /// Guards `stats`.
    pub lock: bpf_spin_lock,
    /// RTP clock in Hz; 0 where it is not known.
    pub clock_rate: u32,
    /// Whose place it is; [`FlowKey::NOBODY`] where it is free.
    pub flow: FlowKey,
    /// Counts; times are of the kernel's monotonic clock.
    pub stats: FlowStats,
}

/// Places in the flow table.
pub const FLOW_PLACES: usize = 8192;

/// Which places of the flow table have ever been given away: 1 for each of those.
pub type PlacesUsed = [u8; FLOW_PLACES];

/// What the kernel counts beside flows: one number per processor, index in the counter map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Counter {
    /// Packets that belong in the ring and did not fit.
    RingFull = 0,
    /// Packets of flows that found no room in the flow table, or lost theirs at that moment.
    MapFull = 1,
    /// Packets of which bytes could not be loaded.
    LoadFailed = 2,
    /// Packets whose headers could not be followed to their end.
    NotParsed = 3,
    /// Connections taken for RTSP by their text.
    Recognised = 4,
}

/// Number of [`Counter`]s.
pub const COUNTERS: usize = 5;

/// Room for the headers of a packet and the first bytes behind them.
pub const HEADERS_MAX: usize = 256;

/// Bytes behind [`HEADERS_MAX`] that a read which begins below it may touch.
pub const HEADERS_SLACK: usize = HEAD_LEN;

/// What the headers of the packet under observation say; later stages of a program read it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Its flow; ports mean nothing unless it is TCP or UDP.
    pub flow: FlowKey,
    /// Bytes of [`Local::headers`] that are the packet's.
    pub loaded: u32,
    /// Offset of the transport header in the frame.
    pub transport_at: u32,
    /// Offset of the end of the IP packet in the frame.
    pub end: u32,
    /// IP protocol number.
    pub protocol: u32,
}

/// What each processor has to itself: its counters, and room that is too large for the kernel's stack.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Local {
    /// Counts by [`Counter`].
    pub counters: [u64; COUNTERS],
    /// First bytes of the packet that is looked at.
    pub headers: [u8; HEADERS_MAX + HEADERS_SLACK],
    /// First bytes of a payload that lies behind them.
    pub payload: [u8; HEAD_LEN],
    /// What they say.
    pub facts: Facts,
    /// What the headers say that an ICMP error quotes.
    pub quoted: Facts,
    /// Key of the connection, lower end first.
    pub connection: FlowKey,
    /// Key of its pair of hosts.
    pub peers: PeerKey,
    /// A SYN on its way into or out of its map.
    pub syn: SynValue,
    /// Where a direction stands in its frames, while a segment of it is looked at.
    pub stride: Stride,
    /// Key of one of its channels.
    pub channel: ChannelKey,
    /// Offset in the packet of the first report that the kernel hands over; 0 where there is none.
    pub report_at: u32,
    /// Zero.
    pub pad: u32,
}

/// Words of the bitmap of listed RTSP ports: one bit for each TCP port.
pub const PORT_WORDS: usize = 1024;

/// Places for the marks of ports: one for each eight ports.
pub const PORT_PLACES: usize = 1 << 13;

/// Marks of ports by their [`port_place`]; 0 where none of those that share it matters to anyone.
pub type PortMarks = [u8; PORT_PLACES];

/// The place of a port's mark; `port` is in network order, as it lies in memory.
#[inline(always)]
pub const fn port_place(port: u16) -> usize {
    port as usize & (PORT_PLACES - 1)
}

/// Marks these ports.
pub fn port_marks(ports: impl IntoIterator<Item = u16>) -> PortMarks {
    let mut marks = [0; PORT_PLACES];
    for port in ports {
        if let Some(mark) = marks.get_mut(port_place(port.to_be())) {
            *mark = 1;
        }
    }
    marks
}

/// The bitmap of listed RTSP ports.
pub fn port_bitmap(ports: &[u16]) -> [u64; PORT_WORDS] {
    let mut words = [0; PORT_WORDS];
    for port in ports {
        if let Some(word) = words.get_mut(usize::from(port >> 6)) {
            *word |= 1_u64 << (port & 63);
        }
    }
    words
}

/// The 16 bytes of an address.
pub fn address_bytes(address: IpAddr) -> Address {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The address and port that 16 and 2 bytes stand for.
pub fn socket_address(address: Address, port: [u8; 2]) -> SocketAddr {
    SocketAddr::new(
        Ipv6Addr::from(address).to_canonical(),
        u16::from_be_bytes(port),
    )
}

const _: () = {
    assert!(size_of::<FlowKey>() == 40);
    assert!(size_of::<PeerKey>() == 40);
    assert!(size_of::<EndpointKey>() == 20);
    assert!(size_of::<EndpointValue>() == 4);
    assert!(offset_of!(FlowValue, lock) == 0);
    assert!(offset_of!(FlowValue, flow) == 8);
    assert!(offset_of!(FlowValue, stats) == 48);
    assert!(size_of::<FlowValue>() == 48 + size_of::<FlowStats>());
    assert!(FLOW_PLACES.is_power_of_two() && FLOW_PLACES <= 1 << 16);
    assert!(size_of::<FlowStats>().is_multiple_of(8));
    assert!(size_of::<Facts>() == size_of::<FlowKey>() + 16);
    assert!(
        size_of::<Local>()
            == COUNTERS * 8
                + HEADERS_MAX
                + HEADERS_SLACK
                + HEAD_LEN
                + 2 * size_of::<Facts>()
                + size_of::<FlowKey>()
                + size_of::<PeerKey>()
                + size_of::<SynValue>()
                + size_of::<Stride>()
                + size_of::<ChannelKey>()
                + 8
    );
    assert!(size_of::<Stride>() == 80);
    assert!(size_of::<Returned>() == 56);
    assert!(size_of::<HalfValue>() == 136 + 64);
    assert!(size_of::<WalkValue>() == 8 + 2 * size_of::<HalfValue>());
    assert!(size_of::<TakeValue>() == 16);
    assert!(size_of::<ChannelKey>() == 48);
    assert!(offset_of!(ChannelValue, stats) == 8);
    assert!(size_of::<ChannelValue>() == size_of::<FlowStats>() + 16);
    assert!(size_of::<RecordHeader>() == 32);
    assert!(size_of::<SynValue>() == 24 + SYN_MAX);
};

#[cfg(feature = "user")]
mod pod {
    use super::{
        ChannelKey, ChannelValue, EndpointKey, EndpointValue, FlowKey, FlowValue, Local, PeerKey,
        SynValue, TakeValue, WalkValue,
    };

    macro_rules! pod {
        ($($name:ty),+) => {
            // SAFETY: `repr(C)`, made of integers and arrays of them, any bytes are a value, and the sizes asserted
            // above leave no room for padding that is not a field.
            $(unsafe impl aya::Pod for $name {})+
        };
    }

    pod!(
        FlowKey,
        PeerKey,
        EndpointKey,
        EndpointValue,
        FlowValue,
        Local,
        SynValue,
        WalkValue,
        TakeValue,
        ChannelKey,
        ChannelValue
    );
}

#[cfg(test)]
mod tests;
