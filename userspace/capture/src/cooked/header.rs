//! The pseudo header of a cooked frame (`LINKTYPE_LINUX_SLL` and `LINKTYPE_LINUX_SLL2` of the libpcap registry).

use rtspscope_wire::{Direction, FrameRef, LinkType};

/// Packet type of what the host itself sent or forwarded (`PACKET_OUTGOING` of Linux).
const OUTGOING: u16 = 4;

/// A link address with the kind of its interface (`ARPHRD_*` of Linux).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct LinkAddress {
    pub kind: u16,
    pub len: u16,
    pub bytes: [u8; 8],
}

/// What matters of a pseudo header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// Way across the interface.
    pub direction: Direction,
    /// Number of the interface; version 1 has none.
    pub interface: Option<u32>,
    /// The sender's link address: a neighbour's on the way in, the interface's own on the way out.
    pub sender: LinkAddress,
}

impl Header {
    /// Reads the pseudo header; `None` if it is cut.
    pub(super) fn read(frame: &FrameRef<'_>) -> Option<Self> {
        if frame.link_type == LinkType::LINUX_SLL2 {
            version_2(frame.bytes.first_chunk()?)
        } else {
            version_1(frame.bytes.first_chunk()?)
        }
    }
}

fn version_1(header: &[u8; 16]) -> Option<Header> {
    let &[t0, t1, k0, k1, l0, l1, ref rest @ ..] = header;
    Some(Header {
        direction: direction(u16::from_be_bytes([t0, t1])),
        interface: None,
        sender: LinkAddress {
            kind: u16::from_be_bytes([k0, k1]),
            len: u16::from_be_bytes([l0, l1]),
            bytes: *rest.first_chunk()?,
        },
    })
}

fn version_2(header: &[u8; 20]) -> Option<Header> {
    let &[_, _, _, _, i0, i1, i2, i3, k0, k1, kind, len, ref rest @ ..] = header;
    Some(Header {
        direction: direction(kind.into()),
        interface: Some(u32::from_be_bytes([i0, i1, i2, i3])),
        sender: LinkAddress {
            kind: u16::from_be_bytes([k0, k1]),
            len: len.into(),
            bytes: *rest.first_chunk()?,
        },
    })
}

const fn direction(packet_type: u16) -> Direction {
    match packet_type {
        OUTGOING => Direction::Egress,
        _ => Direction::Ingress,
    }
}
