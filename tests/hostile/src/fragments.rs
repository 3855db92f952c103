//! IP fragments: what comes out is what was cut, or the beginning of it, and what waits stays within its caps.

use std::net::{IpAddr, Ipv4Addr};

use rtspscope_wire::decode::{Fragment, IpPacket};
use rtspscope_wire::defrag::{Defragmenter, FragmentLimits, Whole};
use rtspscope_wire::{Direction, FrameRef, LinkType, Span, TapId, Timestamp};

/// Small caps, so that short inputs reach them.
const LIMITS: FragmentLimits = FragmentLimits {
    packets: 3,
    bytes: 600,
};

/// Every four bytes are a fragment: of which packet and tap, its place in units of eight bytes, its length, and whether
/// more follow, the capture cuts it or time passes.
pub fn fragments(data: &[u8]) {
    let mut defragmenter = Defragmenter::new(LIMITS);
    let mut at = Timestamp(0);
    let mut sent = 0;
    let mut given = 0;
    for (number, step) in (1..).zip(data.chunks_exact(4)) {
        let [which, place, len, flags] = [step[0], step[1], step[2], step[3]];
        let (id, tap) = (u32::from(which & 7), TapId(u16::from(which >> 3 & 1)));
        let offset = u32::from(place) * 8;
        let bytes: Vec<u8> = (offset..offset + u32::from(len))
            .map(|at| byte(id, at))
            .collect();
        let captured = if flags & 2 == 0 {
            bytes.len()
        } else {
            bytes.len() / 2
        };
        if flags & 4 != 0 {
            at = at + Span::from_secs(i64::from(flags >> 3));
        }
        let frame = FrameRef {
            at,
            tap,
            direction: Direction::Unknown,
            link_type: LinkType::IPV4,
            number,
            original_len: u32::from(len) + 20,
            bytes: &[],
        };
        let packet = IpPacket {
            source: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
            destination: IpAddr::V4(Ipv4Addr::from_bits(id)),
            protocol: 17,
            fragment: Some(Fragment {
                id,
                offset,
                more: flags & 1 != 0,
            }),
            start: 0,
            offset: 20,
            payload: &bytes[..captured],
            payload_len: u32::from(len),
        };
        sent += 1;
        if let Some(whole) = defragmenter.handle(&frame, &packet) {
            check(&whole, number);
            given += 1;
        }
    }
    defragmenter.finish(|whole| {
        check(&whole, u64::MAX);
        given += 1;
    });
    assert!(given + defragmenter.take_given_up() <= sent);
}

/// What stands at a place of a packet's payload.
const fn byte(id: u32, at: u32) -> u8 {
    (at.wrapping_mul(31) ^ id.wrapping_mul(101)) as u8
}

fn check(whole: &Whole<'_>, number: u64) {
    let packet = &whole.packet;
    assert!(whole.number <= number);
    assert!(packet.payload.len() <= packet.payload_len as usize && packet.payload_len <= 65_535);
    let IpAddr::V4(destination) = packet.destination else {
        panic!("another family than it was sent with");
    };
    let places = 0..packet.payload.len() as u32;
    let expected: Vec<u8> = places.map(|at| byte(destination.to_bits(), at)).collect();
    assert_eq!(packet.payload, expected);
}
