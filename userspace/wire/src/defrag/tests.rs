use std::net::IpAddr;

use super::*;
use crate::decode::{Body, ip, transport};
use crate::{Direction, LinkType};

const ROOM: FragmentLimits = FragmentLimits {
    packets: 4,
    bytes: 10_000,
};
const MS: i64 = 1_000_000;

/// A UDP datagram of 100 bytes of payload, without its IP header.
fn datagram() -> Vec<u8> {
    let header = [0x1b, 0x3a, 0x13, 0x88, 0, 108, 0, 0];
    header.into_iter().chain(0..100).collect()
}

/// A fragment of [`datagram`] in IPv4.
fn v4(id: u8, range: std::ops::Range<usize>) -> Vec<u8> {
    let whole = datagram();
    let more = u8::from(range.end < whole.len()) << 5;
    let len = (20 + range.len()) as u8;
    let head = [
        0x45,
        0,
        0,
        len,
        0,
        id,
        more,
        (range.start / 8) as u8,
        64,
        17,
        0,
        0,
    ];
    let addresses = [203, 0, 113, 10, 192, 168, 1, 100];
    [&head[..], &addresses, &whole[range]].concat()
}

/// The same in IPv6.
fn v6(id: u8, range: std::ops::Range<usize>) -> Vec<u8> {
    let whole = datagram();
    let place = range.start as u16 | u16::from(range.end < whole.len());
    let [high, low] = place.to_be_bytes();
    let head = [0x60, 0, 0, 0, 0, (8 + range.len()) as u8, 44, 64];
    let extension = [17, 0, high, low, 0, 0, 0, id];
    [&head[..], &[0x20; 32], &extension, &whole[range]].concat()
}

fn frame(at: i64, bytes: &[u8]) -> FrameRef<'_> {
    FrameRef {
        at: Timestamp(at),
        tap: TapId(0),
        direction: Direction::Unknown,
        link_type: LinkType::RAW,
        number: (at / MS).unsigned_abs(),
        original_len: bytes.len() as u32,
        bytes,
    }
}

/// `frame number: payload length / captured` of a datagram.
fn told(whole: &Whole<'_>) -> String {
    let Body::Udp(udp) = transport(&whole.packet).body else {
        return format!("{}: no datagram", whole.number);
    };
    assert_eq!(udp.source.port(), 6970);
    let is_right = udp.payload.iter().copied().eq(0..udp.payload.len() as u8);
    assert!(is_right, "bytes in their places");
    format!(
        "{}: {}/{}",
        whole.number,
        udp.payload_len,
        udp.payload.len()
    )
}

fn run(defragmenter: &mut Defragmenter, frames: &[Vec<u8>]) -> Vec<String> {
    let mut given = Vec::new();
    for (at, bytes) in (1..).zip(frames) {
        let frame = frame(at * MS, bytes);
        let packet = ip(&frame).unwrap();
        given.extend(defragmenter.handle(&frame, &packet).as_ref().map(told));
    }
    given
}

/// What comes of the frames, and how many packets were given up.
fn check(frames: &[Vec<u8>], expected: &[&str], given_up: u64) {
    let mut defragmenter = Defragmenter::new(ROOM);
    let mut given = run(&mut defragmenter, frames);
    defragmenter.finish(|whole| given.push(told(&whole)));
    assert_eq!(
        (given, defragmenter.take_given_up()),
        (expected.iter().map(ToString::to_string).collect(), given_up)
    );
    assert_eq!(defragmenter.bytes, 0);
}

#[test]
fn a_datagram_in_fragments_is_one_datagram() {
    check(
        &[v4(1, 0..48), v4(1, 48..96), v4(1, 96..108)],
        &["3: 100/100"],
        0,
    );
    check(
        &[v6(1, 0..48), v6(1, 48..96), v6(1, 96..108)],
        &["3: 100/100"],
        0,
    );
}

#[test]
fn fragments_may_come_in_any_order_and_mixed_with_others() {
    let frames = [
        v4(2, 48..108),
        v4(1, 96..108),
        v4(1, 0..48),
        v4(2, 0..48),
        v4(1, 48..96),
    ];
    check(&frames, &["4: 100/100", "5: 100/100"], 0);
}

#[test]
fn a_fragment_that_comes_twice_counts_once() {
    check(
        &[v4(1, 0..48), v4(1, 0..48), v4(1, 48..108)],
        &["3: 100/100"],
        0,
    );
}

#[test]
fn overlapping_fragments_are_given_up() {
    check(&[v4(1, 48..108), v4(1, 0..56)], &[], 1);
}

#[test]
fn a_fragment_behind_the_last_does_not_fill_the_hole_before_it() {
    let mut last = v4(1, 16..32);
    // No more fragments follow.
    last[6] = 0;
    check(&[last.clone(), v4(1, 40..56)], &[], 1);
    check(&[v4(1, 40..56), last], &[], 1);
}

#[test]
fn a_datagram_that_lacks_a_fragment_did_not_arrive() {
    check(
        &[v4(1, 0..48), v4(2, 0..48), v4(2, 48..108)],
        &["1: 100/40", "3: 100/100"],
        0,
    );
    check(
        &[
            v4(1, 0..48),
            v4(1, 48..108),
            v4(2, 0..48),
            v4(3, 0..48),
            v4(3, 48..108),
        ],
        &["2: 100/100", "5: 100/100"],
        1,
    );
    check(&[v4(1, 48..108)], &[], 1);
}

#[test]
fn a_tap_that_shows_first_fragments_only_counts_by_them() {
    check(
        &[v4(1, 0..48), v4(2, 0..48), v4(3, 0..48)],
        &["1: 100/40", "2: 100/40", "3: 100/40"],
        0,
    );
}

#[test]
fn fragments_that_the_capture_cut_give_their_length_and_their_begin() {
    let cut: Vec<Vec<u8>> = [v4(1, 0..48), v4(1, 48..108)]
        .map(|bytes| bytes[..44].to_vec())
        .into();
    check(&cut, &["2: 100/16"], 0);
}

#[test]
fn fragments_wait_half_a_minute() {
    let mut defragmenter = Defragmenter::new(ROOM);
    let (tail, head) = (v4(1, 48..108), v4(1, 0..48));
    let mut give = |at: i64, bytes: &[u8]| {
        let frame = frame(at, bytes);
        defragmenter.handle(&frame, &ip(&frame).unwrap()).is_some()
    };
    assert!(!give(0, &tail));
    assert!(give(30_000 * MS, &head));
    assert!(!give(40_000 * MS, &tail));
    assert!(!give(70_001 * MS, &head));
    assert_eq!(defragmenter.take_given_up(), 1);
}

#[test]
fn what_waits_is_bounded_in_number_and_in_bytes() {
    let mut defragmenter = Defragmenter::new(ROOM);
    let tails: Vec<Vec<u8>> = (0..200).map(|id| v4(id, 48..108)).collect();
    assert_eq!(run(&mut defragmenter, &tails), Vec::<String>::new());
    assert_eq!(
        (defragmenter.waiting.len(), defragmenter.take_given_up()),
        (4, 196)
    );

    let mut small = Defragmenter::new(FragmentLimits {
        packets: 100,
        bytes: 130,
    });
    run(&mut small, &tails);
    assert_eq!((small.waiting.len(), small.bytes), (2, 120));
}

#[test]
fn impossible_fragments_are_given_up() {
    let mut odd = v4(1, 0..47);
    odd[6] = 0x20;
    check(&[odd], &[], 1);
    let mut beyond = v4(1, 48..108);
    (beyond[6], beyond[7]) = (0x1f, 0xff);
    check(&[beyond], &[], 1);
}

#[test]
fn the_same_number_between_other_hosts_is_another_packet() {
    let mut other = v4(1, 48..108);
    other[19] = 101;
    check(&[v4(1, 48..108), other, v4(1, 0..48)], &["3: 100/100"], 1);
}

proptest::proptest! {
    #[test]
    fn no_fragments_break_it_or_its_bounds(fragments: Vec<(u8, u16, bool, Vec<u8>)>) {
        let mut defragmenter = Defragmenter::new(ROOM);
        for (at, (id, offset, more, payload)) in (0..).zip(&fragments) {
            let packet = IpPacket {
                source: IpAddr::from([10, 0, 0, 1]),
                destination: IpAddr::from([10, 0, 0, 2]),
                protocol: 17,
                fragment: Some(Fragment { id: (*id % 4).into(), offset: (*offset % 64 * 8).into(), more: *more }),
                start: 0,
                offset: 0,
                payload,
                payload_len: payload.len() as u32,
            };
            let frame = frame(at * MS, payload);
            if let Some(whole) = defragmenter.handle(&frame, &packet) {
                proptest::prop_assert!(whole.packet.payload.len() <= whole.packet.payload_len as usize);
            }
            let held: usize = defragmenter.waiting.iter().map(Partial::captured_len).sum();
            proptest::prop_assert_eq!(held, defragmenter.bytes);
            proptest::prop_assert!(held <= ROOM.bytes && defragmenter.waiting.len() <= ROOM.packets);
        }
    }
}

#[test]
fn a_fragment_behind_the_last_one_makes_no_packet() {
    let mut defragmenter = Defragmenter::new(ROOM);
    // The last fragment ends at 26; the lengths add up to that, and yet the other one lies behind.
    let frames = [v4_at(9, 24, &[1, 2], false), v4_at(9, 192, &[0; 24], true)];
    assert_eq!(run(&mut defragmenter, &frames), Vec::<String>::new());
    assert_eq!(defragmenter.take_given_up(), 1);
}

/// A fragment of a packet that no sender would make.
fn v4_at(id: u8, offset: u16, payload: &[u8], more: bool) -> Vec<u8> {
    let place = (offset / 8) | (u16::from(more) << 13);
    let [high, low] = place.to_be_bytes();
    let len = (20 + payload.len()) as u8;
    let head = [0x45, 0, 0, len, 0, id, high, low, 64, 17, 0, 0];
    [&head[..], &[203, 0, 113, 10, 192, 168, 1, 100], payload].concat()
}
