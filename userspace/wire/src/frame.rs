//! A captured frame as a view: what every source (kernel, packet socket, file) hands to the engine.

use crate::{Direction, TapId, Timestamp};

/// Link-layer type of a frame, numbered as in the libpcap registry (`LINKTYPE_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, 4-byte address family in the host's byte order (`LINKTYPE_NULL`).
    pub const NULL: Self = Self(0);
    /// Ethernet (`LINKTYPE_ETHERNET`).
    pub const ETHERNET: Self = Self(1);
    /// Raw IP without a link header; the BSD numbers for it differ by platform (`DLT_RAW` 12 and 14).
    pub const RAW: Self = Self(101);
    /// OpenBSD loopback, 4-byte address family in network byte order (`LINKTYPE_LOOP`).
    pub const LOOP: Self = Self(108);
    /// Linux cooked capture version 1 (`LINKTYPE_LINUX_SLL`).
    pub const LINUX_SLL: Self = Self(113);
    /// Netlink messages behind a cooked header (`LINKTYPE_NETLINK`): no frames of a network.
    pub const NETLINK: Self = Self(253);
    /// Raw IPv4 (`LINKTYPE_IPV4`).
    pub const IPV4: Self = Self(228);
    /// Raw IPv6 (`LINKTYPE_IPV6`).
    pub const IPV6: Self = Self(229);
    /// Linux cooked capture version 2 (`LINKTYPE_LINUX_SLL2`).
    pub const LINUX_SLL2: Self = Self(276);
}

/// One captured frame; borrows its bytes from the source's buffer.
#[derive(Clone, Copy, Debug)]
pub struct FrameRef<'a> {
    /// Capture time.
    pub at: Timestamp,
    /// Tap that saw it.
    pub tap: TapId,
    /// Way across the interface, where the capture says.
    pub direction: Direction,
    /// What `bytes` begins with.
    pub link_type: LinkType,
    /// Counts from 1 in the frame's file, as Wireshark's, and on through the files of a rotated capture; in a live run, in
    /// the order of the recording.
    pub number: u64,
    /// Length on the wire in bytes; `bytes` is shorter when the capture cut the frame.
    pub original_len: u32,
    /// The captured bytes.
    pub bytes: &'a [u8],
}
