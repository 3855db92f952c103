//! IPv4 and IPv6: addresses, the carried protocol, and how long the payload was on the wire.

use std::net::IpAddr;

use etherparse::err::ipv6_exts::HeaderSliceError;
use etherparse::{Ipv4HeaderSlice, Ipv6ExtensionSlice, Ipv6ExtensionsSlice, Ipv6HeaderSlice};

use super::{Layer, Stop, link, tunnel};
use crate::FrameRef;

/// Shortest IPv4 header.
pub(super) const IPV4_LEN: usize = 20;
/// IPv6 header without extensions.
const IPV6_LEN: usize = 40;

/// An IP packet as far as it was captured, without its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpPacket<'a> {
    /// Sender.
    pub source: IpAddr,
    /// Receiver.
    pub destination: IpAddr,
    /// Protocol number of the payload, behind all IPv6 extension headers.
    pub protocol: u8,
    /// Set where this is a part of a larger packet.
    pub fragment: Option<Fragment>,
    /// Offset of the IP header in the frame, in bytes.
    pub start: usize,
    /// Offset of the payload in the frame, in bytes.
    pub offset: usize,
    /// Captured payload, without what pads the frame.
    pub payload: &'a [u8],
    /// Payload bytes on the wire by the IP header.
    pub payload_len: u32,
}

/// Which part of a larger packet a fragment is (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Identification that all fragments of a packet share.
    pub id: u32,
    /// Place in the payload of the whole packet, in bytes.
    pub offset: u32,
    /// True for all fragments but the last.
    pub more: bool,
}

/// Reads a frame down to its IP header, the innermost where packets are wrapped; `Err(None)` where it carries no IP.
#[inline]
pub fn ip<'a>(frame: &FrameRef<'a>) -> Result<IpPacket<'a>, Option<Stop>> {
    let offset = link::ip_offset(frame)?;
    let bytes = frame.bytes.get(offset..).unwrap_or_default();
    let wire_len =
        (frame.original_len as usize).max(frame.bytes.len()) - offset.min(frame.bytes.len());
    let packet = packet(bytes, wire_len, offset)?;
    if tunnel::may_hold_another(&packet) {
        return tunnel::innermost(frame.bytes, packet);
    }
    Ok(packet)
}

/// Reads an IP packet that begins at `offset` of its frame, with `wire_len` bytes up to the end of the frame on the wire.
#[inline]
pub(super) fn packet(
    bytes: &[u8],
    wire_len: usize,
    offset: usize,
) -> Result<IpPacket<'_>, Option<Stop>> {
    match bytes.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(bytes, wire_len, offset),
        Some(6) => ipv6(bytes, wire_len, offset),
        Some(_) => Err(None),
        None => Err(Some(Stop {
            layer: Layer::Ipv4,
            offset,
            needed: IPV4_LEN,
            present: 0,
        })),
    }
}

#[inline]
fn ipv4(bytes: &[u8], wire_len: usize, offset: usize) -> Result<IpPacket<'_>, Option<Stop>> {
    let stop = |needed| {
        Some(Stop {
            layer: Layer::Ipv4,
            offset,
            needed,
            present: bytes.len().min(needed),
        })
    };
    let Ok(header) = Ipv4HeaderSlice::from_slice(bytes) else {
        let header_len = usize::from(bytes.first().map_or(0, |byte| byte & 0x0f)) * 4;
        return Err(stop(header_len.max(IPV4_LEN)));
    };
    let header_len = header.slice().len();
    let total_len = match usize::from(header.total_len()) {
        // A packet that the sender's own card will cut (TSO) may not have its length yet.
        0 => wire_len,
        len if len < header_len => return Err(stop(header_len)),
        len => len,
    };
    let place = header.fragments_offset().byte_offset();
    let fragment = (place > 0 || header.more_fragments()).then(|| Fragment {
        id: header.identification().into(),
        offset: place.into(),
        more: header.more_fragments(),
    });
    Ok(IpPacket {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        protocol: header.protocol().0,
        fragment,
        start: offset,
        offset: offset + header_len,
        payload: bytes
            .get(header_len..total_len.min(bytes.len()))
            .unwrap_or_default(),
        payload_len: total_len.saturating_sub(header_len) as u32,
    })
}

fn ipv6(bytes: &[u8], wire_len: usize, offset: usize) -> Result<IpPacket<'_>, Option<Stop>> {
    let stop = |needed| {
        Some(Stop {
            layer: Layer::Ipv6,
            offset,
            needed,
            present: bytes.len().min(needed),
        })
    };
    let Ok(header) = Ipv6HeaderSlice::from_slice(bytes) else {
        return Err(stop(IPV6_LEN));
    };
    let total_len = match usize::from(header.payload_length()) {
        // A jumbogram (RFC 2675) or, far more often, a packet that the sender's own card will cut.
        0 => wire_len,
        len => IPV6_LEN + len,
    };
    let rest = bytes
        .get(IPV6_LEN..total_len.min(bytes.len()))
        .unwrap_or_default();
    let (extensions, protocol, payload, error) =
        Ipv6ExtensionsSlice::from_slice_lax(header.next_header(), rest);
    let extensions_len = extensions.slice().len();
    let fragment = if extensions.is_fragmenting_payload() {
        fragment_of(extensions)
    } else {
        None
    };
    let readable = fragment.is_some_and(|fragment| fragment.offset > 0);
    match error {
        Some((HeaderSliceError::Len(error), _)) if !readable => {
            return Err(stop(
                IPV6_LEN + error.layer_start_offset + error.required_len,
            ));
        }
        Some((HeaderSliceError::Content(_), _)) if !readable => return Err(stop(bytes.len())),
        Some(_) | None => {}
    }
    Ok(IpPacket {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        protocol: protocol.0,
        fragment,
        start: offset,
        offset: offset + IPV6_LEN + extensions_len,
        payload,
        payload_len: total_len.saturating_sub(IPV6_LEN + extensions_len) as u32,
    })
}

fn fragment_of(extensions: Ipv6ExtensionsSlice<'_>) -> Option<Fragment> {
    extensions
        .into_iter()
        .find_map(|extension| match extension {
            Ipv6ExtensionSlice::Fragment(header) => Some(Fragment {
                id: header.identification(),
                offset: header.fragment_offset().byte_offset().into(),
                more: header.more_fragments(),
            }),
            Ipv6ExtensionSlice::HopByHop(_)
            | Ipv6ExtensionSlice::Routing(_)
            | Ipv6ExtensionSlice::DestinationOptions(_)
            | Ipv6ExtensionSlice::Authentication(_) => None,
        })
}
