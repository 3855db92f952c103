use std::vec::Vec;

use proptest::prelude::*;

use super::{Class, FlowStats, HEAD_LEN, Payload, classify};

fn rtp(seq: u16) -> Vec<u8> {
    let mut packet = std::vec![0x80, 96];
    packet.extend(seq.to_be_bytes());
    packet.extend([0, 0, 0, 0, 0xca, 0xfe, 0, 1]);
    packet.extend([0; 20]);
    packet
}

/// An RTCP packet of `words` 32-bit words behind its header.
fn rtcp(packet_type: u8, words: u16) -> Vec<u8> {
    let mut packet = std::vec![0x81, packet_type];
    packet.extend(words.to_be_bytes());
    packet.resize(4 + usize::from(words) * 4, 0);
    packet
}

fn class_of(payload: &[u8]) -> Class {
    classify(payload, payload.len() as u32)
}

fn record(stats: &mut FlowStats, payload: &[u8], at_ns: i64) {
    stats.update(
        &payload[..payload.len().min(HEAD_LEN)],
        payload.len() as u32,
        at_ns,
        0,
    );
}

#[test]
fn each_kind_is_told_by_its_first_bytes() {
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let dtls = [&[22, 0xfe, 0xff][..], &[0; 10]].concat();
    assert_eq!(class_of(&rtp(1)), Class::Rtp);
    assert_eq!(class_of(&rtcp(200, 6)), Class::Rtcp);
    assert_eq!(class_of(&stun), Class::Stun);
    assert_eq!(class_of(&dtls), Class::Dtls);
}

#[test]
fn a_hole_punch_of_vlc_is_neither_rtp_nor_rtcp() {
    assert_eq!(class_of(&[0xce, 0xfa, 0xed, 0xfe]), Class::Other);
}

#[test]
fn an_empty_datagram_is_nothing() {
    assert_eq!(class_of(&[]), Class::Other);
}

#[test]
fn short_headers_are_not_believed() {
    assert_eq!(class_of(&rtp(1)[..11]), Class::Other);
    assert_eq!(
        class_of(&[0x8f, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]),
        Class::Other,
        "15 contributing sources"
    );
    assert_eq!(class_of(&rtcp(200, 6)[..24]), Class::Other);
    assert_eq!(
        class_of(&[0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42]),
        Class::Other
    );
}

#[test]
fn an_mpeg_transport_stream_is_other() {
    assert_eq!(class_of(&[0x47; 188]), Class::Other);
}

#[test]
fn a_compound_counts_once_for_each_kind_in_it() {
    let mut stats = FlowStats::default();
    let compound = [rtcp(200, 6), rtcp(201, 1), rtcp(202, 4), rtcp(203, 1)].concat();
    record(&mut stats, &compound, 5);
    record(&mut stats, &rtcp(201, 7), 9);
    assert_eq!(stats.rtcp.packets, 2);
    assert_eq!(
        (
            stats.rtcp.sender_reports,
            stats.rtcp.receiver_reports,
            stats.rtcp.byes
        ),
        (1, 2, 1)
    );
    assert_eq!((stats.rtcp.first_ns, stats.rtcp.last_ns), (5, 9));
    assert_eq!(stats.rtcp.bytes, compound.len() as u64 + 32);
}

#[test]
fn a_flow_sums_all_kinds() {
    let mut stats = FlowStats::default();
    record(&mut stats, &rtp(1), 1000);
    record(&mut stats, &rtp(2), 3000);
    record(&mut stats, &rtcp(200, 6), 3500);
    record(&mut stats, &[0xce, 0xfa, 0xed, 0xfe], 4000);
    assert_eq!((stats.packets, stats.bytes), (4, 32 + 32 + 28 + 4));
    assert_eq!(
        (stats.rtp.packets, stats.rtp.bytes, stats.rtp.payload_type),
        (2, 64, 96)
    );
    assert_eq!((stats.rtcp.packets, stats.other_packets), (1, 1));
    assert_eq!(
        (stats.first_ns, stats.last_ns, stats.max_gap_ns),
        (1000, 4000, 2000)
    );
}

#[test]
fn times_move_together() {
    let mut stats = FlowStats::default();
    record(&mut stats, &rtp(1), 10);
    record(&mut stats, &rtcp(200, 6), 20);
    stats.shift_times(1_000_000);
    assert_eq!((stats.first_ns, stats.last_ns), (1_000_010, 1_000_020));
    assert_eq!(
        (stats.rtp.first_ns, stats.rtp.last_ns),
        (1_000_010, 1_000_010)
    );
    assert_eq!(
        (stats.rtcp.first_ns, stats.rtcp.last_ns),
        (1_000_020, 1_000_020)
    );
}

/// RTP of the given source and payload type.
fn rtp_of(ssrc: u32, payload_type: u8, seq: u16) -> Vec<u8> {
    let mut packet = rtp(seq);
    packet[1] = payload_type;
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
    packet
}

#[test]
fn two_sources_that_take_turns_are_counted_apart() {
    let mut stats = FlowStats::default();
    for n in 0..10_u16 {
        if n != 4 {
            record(&mut stats, &rtp_of(7, 96, n), 1);
        }
        if n % 2 == 0 {
            record(&mut stats, &rtp_of(8, 97, 500 + n / 2), 1);
        }
    }
    assert_eq!((stats.rtp.expected(), stats.rtp.lost()), (10, 1));
    assert_eq!((stats.second.expected(), stats.second.lost()), (5, 0));
    assert_eq!((stats.rtp.restarts, stats.second.restarts), (0, 0));
    assert_eq!((stats.sources(), stats.rtp_packets()), (2, 14));
    assert_eq!(stats.main_source().map(|main| main.ssrc), Some(7));
}

#[test]
fn a_third_source_takes_the_place_of_the_one_that_was_silent_for_longer() {
    let mut stats = FlowStats::default();
    for (at, ssrc) in [(1, 7), (2, 8), (3, 7), (4, 9), (5, 9), (6, 10)] {
        record(&mut stats, &rtp_of(ssrc, 96, at), i64::from(at));
    }
    assert_eq!((stats.rtp.ssrc, stats.second.ssrc), (10, 9));
    assert_eq!(stats.sources(), 4);
    assert_eq!(stats.rtp_packets(), 6);
    assert_eq!(
        stats.rtp.lost() + stats.second.lost(),
        1,
        "number 2 of source 7"
    );
}

#[test]
fn payload_types_of_one_source_may_change() {
    let mut stats = FlowStats::default();
    for (seq, payload_type) in [(1, 96), (2, 96), (3, 13), (4, 96)] {
        record(&mut stats, &rtp_of(7, payload_type, seq), 0);
    }
    assert_eq!(
        (stats.rtp.payload_type, stats.rtp.payload_type_changes),
        (96, 2)
    );
    assert_eq!(stats.rtp.lost(), 0);
}

proptest! {
    #[test]
    fn any_bytes_are_counted_once(payload in proptest::collection::vec(any::<u8>(), 0..300), len: u32) {
        let mut stats = FlowStats::default();
        stats.update(&payload, len, 0, 90_000);
        let kinds = [stats.rtp.packets, stats.rtcp.packets, stats.stun_packets, stats.dtls_packets, stats.other_packets];
        prop_assert_eq!(kinds.iter().sum::<u64>(), 1);
    }
}

proptest! {
    #[test]
    fn the_next_packet_is_counted_as_any_other(
        packets in proptest::collection::vec(
            (prop_oneof![5 => Just(1_u16), 1 => any::<u16>(), 1 => 0..20_u16], 0..2_u32, 96..98_u8, -1..3_i64),
            1..200,
        ),
    ) {
        let (mut all, mut next) = (FlowStats::EMPTY, FlowStats::EMPTY);
        let (mut seq, mut at_ns) = (65_500_u16, 0_i64);
        for (step, ssrc, payload_type, time) in packets {
            seq = seq.wrapping_add(step);
            at_ns += time * 1_000_000;
            // Mostly one source and one type.
            let (ssrc, payload_type) = (u32::from(ssrc == 1 && seq % 7 == 0), payload_type.min(95 + (seq % 11) as u8));
            let payload = Payload::rtp(payload_type, seq, u32::from(seq) * 900, ssrc, 200);
            all.record(&payload, at_ns, 0);
            if !next.record_next(&payload, at_ns) {
                next.record(&payload, at_ns, 0);
            }
            prop_assert_eq!(all, next);
        }
    }
}
