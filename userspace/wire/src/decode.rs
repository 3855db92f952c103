//! From a captured frame to what it carries: a TCP segment, a UDP datagram, an ICMP error that quotes a flow, or who
//! listens to which group.
//!
//! Reading is lax: what could be read is returned together with the reason why reading ended. Lengths come from the IP
//! header, so that Ethernet padding never counts as payload and a cut capture is seen as one. The way goes through two
//! functions, [`ip`] and [`transport`], so that reassembly of IP fragments can stand between them.

mod icmp;
mod ip;
mod link;
mod membership;
mod plain;
mod transport;
mod tunnel;

use std::net::SocketAddr;

use crate::FrameRef;
pub use icmp::{IcmpError, IcmpErrorKind, QuotedFlow};
pub use ip::{Fragment, IpPacket, ip};
pub use membership::{GroupChange, GroupChanges, GroupRecords, Membership, MembershipKind};
pub use plain::{Plain, plain};
pub use transport::transport;

/// What a frame carries, and why reading ended before the end of what the headers promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The innermost part that could be read.
    pub body: Body<'a>,
    /// Set where the headers promise more than could be read.
    pub stop: Option<Stop>,
}

/// The carried protocols that matter to RTSP and its media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A TCP segment.
    Tcp(Segment<'a>),
    /// A UDP datagram, or the first fragment of one.
    Udp(Datagram<'a>),
    /// An ICMP or `ICMPv6` error.
    Icmp(IcmpError),
    /// An IGMP or MLD message.
    Membership(Membership<'a>),
    /// Anything else: not IP, another protocol, a fragment that is not the first, or unreadable (see [`Decoded::stop`]).
    Other,
}

/// Where and why reading ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The header that could not be read, or whose payload is cut.
    pub layer: Layer,
    /// Offset in the frame at which that header or payload begins, in bytes.
    pub offset: usize,
    /// Bytes that the header or payload needs.
    pub needed: usize,
    /// Bytes that were captured of it. Equal to `needed` where the content, not the length, ended the reading.
    pub present: usize,
}

/// Part of a frame that a [`Stop`] speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Ethernet, Linux cooked, `PPPoE`, VLAN tags, BSD loopback.
    Link,
    /// IPv4 header with options.
    Ipv4,
    /// IPv6 header and its extension headers.
    Ipv6,
    /// TCP header with options.
    Tcp,
    /// UDP header.
    Udp,
    /// ICMP or `ICMPv6` message and the packet that it quotes.
    Icmp,
    /// IGMP message.
    Igmp,
    /// What the transport header carries.
    Payload,
}

/// One TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Sender.
    pub source: SocketAddr,
    /// Receiver.
    pub destination: SocketAddr,
    /// Sequence number of the first byte (of the SYN itself in a segment that carries SYN).
    pub seq: u32,
    /// Acknowledgment number; means something only with the ACK flag.
    pub ack: u32,
    /// Control bits.
    pub flags: TcpFlags,
    /// Window field as sent, not scaled.
    pub window: u16,
    /// Captured payload; shorter than `payload_len` where the capture cut the packet.
    pub payload: &'a [u8],
    /// Payload bytes on the wire by the IP header.
    pub payload_len: u32,
}

/// Control bits of a TCP header (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// The FIN bit.
    pub const FIN: Self = Self(0x01);
    /// The SYN bit.
    pub const SYN: Self = Self(0x02);
    /// The RST bit.
    pub const RST: Self = Self(0x04);
    /// The PSH bit.
    pub const PSH: Self = Self(0x08);
    /// The ACK bit.
    pub const ACK: Self = Self(0x10);

    /// True where the sender opens the connection.
    pub const fn syn(self) -> bool {
        self.0 & Self::SYN.0 != 0
    }

    /// True where the acknowledgment number counts.
    pub const fn ack(self) -> bool {
        self.0 & Self::ACK.0 != 0
    }

    /// True where the sender has no more data.
    pub const fn fin(self) -> bool {
        self.0 & Self::FIN.0 != 0
    }

    /// True where the sender ends the connection at once.
    pub const fn rst(self) -> bool {
        self.0 & Self::RST.0 != 0
    }

    /// True where the sender asks for immediate delivery.
    pub const fn psh(self) -> bool {
        self.0 & Self::PSH.0 != 0
    }
}

/// One UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Sender.
    pub source: SocketAddr,
    /// Receiver.
    pub destination: SocketAddr,
    /// Captured payload; shorter than `payload_len` in a cut capture and in the first fragment of a datagram.
    pub payload: &'a [u8],
    /// Payload bytes of the whole datagram on the wire.
    pub payload_len: u32,
}

/// Reads a frame down to its transport header.
#[inline]
pub fn decode<'a>(frame: &FrameRef<'a>) -> Decoded<'a> {
    match ip(frame) {
        Ok(packet) => transport(&packet),
        Err(stop) => Decoded {
            body: Body::Other,
            stop,
        },
    }
}

#[cfg(test)]
mod tests;
