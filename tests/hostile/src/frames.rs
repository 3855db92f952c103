//! Frames: whatever a decoder hands out lies in the frame, the lengths that it tells fit together, and the short way tells
//! what the long one does.

use rtspscope_wire::decode::{self, Body, Plain, Stop};
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId, Timestamp};

/// Every link type that is read, and one that is not.
const LINK_TYPES: [LinkType; 9] = [
    LinkType::ETHERNET,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::RAW,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType(147),
];

/// The first byte chooses the link type, the second how much longer the frame was on the wire; the rest is the frame.
pub fn decode(data: &[u8]) {
    let [link_type, cut, bytes @ ..] = data else {
        return;
    };
    let frame = FrameRef {
        at: Timestamp(0),
        tap: TapId(0),
        direction: Direction::Unknown,
        link_type: LINK_TYPES[usize::from(*link_type) % LINK_TYPES.len()],
        number: 1,
        original_len: bytes.len() as u32 + u32::from(*cut),
        bytes,
    };
    let decoded = decode::decode(&frame);
    if let Some(plain) = decode::plain(&frame) {
        let body = match plain {
            Plain::Tcp(segment) => Body::Tcp(segment),
            Plain::Udp(datagram) => Body::Udp(datagram),
        };
        assert_eq!((body, None), (decoded.body, decoded.stop));
    }
    match decoded.body {
        Body::Tcp(segment) => check_payload(bytes, segment.payload, segment.payload_len),
        Body::Udp(datagram) => check_payload(bytes, datagram.payload, datagram.payload_len),
        Body::Icmp(_) | Body::Other => {}
        Body::Membership(message) => assert!(message.changes().count() <= bytes.len()),
    }
    if let Some(Stop {
        offset,
        needed,
        present,
        layer,
    }) = decoded.stop
    {
        assert!(present <= needed, "{layer:?}: {present} of {needed}");
        assert!(
            present == 0 || offset + present <= bytes.len(),
            "{layer:?}: {present} bytes at {offset} of {}",
            bytes.len()
        );
    }
}

fn check_payload(frame: &[u8], payload: &[u8], payload_len: u32) {
    assert!(payload.len() <= payload_len as usize);
    let (frame, payload) = (frame.as_ptr_range(), payload.as_ptr_range());
    assert!(payload.is_empty() || (frame.start <= payload.start && payload.end <= frame.end));
}
