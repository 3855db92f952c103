//! What stands in the ring: a header, and the frame as it crossed the tap.

use core::mem::size_of;

/// Most bytes of a frame that one record holds: as many as tcpdump and Wireshark take of one. Packets are longer than
/// 64 KiB only where someone has allowed an interface that (BIG TCP), and of 512 KiB at most; what is longer than this
/// is cut, and its `original_len` says so.
pub const CONTROL_MAX: usize = 256 << 10;

/// Most bytes of a remembered SYN: link header, tags, IPv6 with extension headers, TCP with all options.
pub const SYN_MAX: usize = 144;

/// Which way a frame crossed the tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Direction {
    /// Into the host.
    Ingress = 0,
    /// Out of the host.
    Egress = 1,
}

/// Why a frame is in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reason {
    /// A segment of an RTSP connection.
    Control = 0,
    /// One of the first packets of a flow, or one with a new SSRC.
    Sample = 1,
    /// RTCP.
    Rtcp = 2,
    /// An ICMP error about a followed flow.
    IcmpError = 3,
    /// A report or query of group membership (IGMP, MLD).
    Membership = 4,
}

/// Header of a ring record; `captured_len` bytes of the frame follow.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// Time on the kernel's monotonic clock in ns.
    pub at_ns: u64,
    /// Interface that the tap is on.
    pub ifindex: u32,
    /// Length of the frame in bytes, without a VLAN tag that the device took out of it.
    pub original_len: u32,
    /// Bytes of it that follow.
    pub captured_len: u32,
    /// Segment size where the frame stands for several (GSO, GRO), else 0.
    pub gso_size: u16,
    /// Offset in the segment's payload of the first report that [`WALK_PASSED`](super::WALK_PASSED) speaks of.
    pub report_at: u16,
    /// VLAN tag that the device took out of the frame: `EtherType` in host order, 0 where there is none.
    pub vlan_protocol: u16,
    /// Tag control information of that tag in host order.
    pub vlan_tci: u16,
    /// [`Direction`] as a number.
    pub direction: u8,
    /// [`Reason`] as a number.
    pub reason: u8,
    /// What the kernel says of the media in this direction: `WALK_*` as bits.
    pub walk: u8,
    /// Zero.
    pub pad: u8,
}

impl RecordHeader {
    /// Length in bytes.
    pub const LEN: usize = size_of::<Self>();

    /// Reads a record: its header and the bytes of the frame. `None` if it is shorter than it says.
    pub fn split(record: &[u8]) -> Option<(Self, &[u8])> {
        let (head, frame) = record.split_at_checked(Self::LEN)?;
        let header = Self {
            at_ns: u64::from_ne_bytes(field(head, 0)?),
            ifindex: u32::from_ne_bytes(field(head, 8)?),
            original_len: u32::from_ne_bytes(field(head, 12)?),
            captured_len: u32::from_ne_bytes(field(head, 16)?),
            gso_size: u16::from_ne_bytes(field(head, 20)?),
            report_at: u16::from_ne_bytes(field(head, 22)?),
            vlan_protocol: u16::from_ne_bytes(field(head, 24)?),
            vlan_tci: u16::from_ne_bytes(field(head, 26)?),
            direction: *head.get(28)?,
            reason: *head.get(29)?,
            walk: *head.get(30)?,
            pad: 0,
        };
        let frame = frame.get(..header.captured_len as usize)?;
        Some((header, frame))
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// A SYN or SYN/ACK of a connection of which nobody knows yet whether it will speak RTSP.
///
/// A tap that copied the SYN of every connection would fill the ring under a flood of them. The kernel keeps the frame
/// in an LRU map instead and sends it ahead of the connection's first text.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynValue {
    /// Time on the kernel's monotonic clock in ns.
    pub at_ns: u64,
    /// Length of the frame in bytes.
    pub original_len: u16,
    /// Bytes of it that are kept, at most [`SYN_MAX`].
    pub len: u16,
    /// VLAN tag that the device took out of the frame, as in [`RecordHeader`].
    pub vlan_protocol: u16,
    /// Its tag control information.
    pub vlan_tci: u16,
    /// [`Direction`] as a number.
    pub direction: u8,
    /// Zero.
    pub pad: [u8; 7],
    /// The frame.
    pub bytes: [u8; SYN_MAX],
}
