//! Captures that end early, are damaged, or are none.

use super::build::LITTLE;
use super::{one, refusal};

#[test]
fn a_capture_cut_anywhere_is_read_up_to_the_cut() {
    let pcap = [
        LITTLE.pcap(0xa1b2_c3d4, 1),
        LITTLE.record(1, 0, &[1; 20]),
        LITTLE.record(2, 0, &[2; 20]),
    ]
    .concat();
    let blocks = [
        LITTLE.enhanced(0, 1_000_000, &[1; 20], &[]),
        LITTLE.enhanced(0, 2_000_000, &[2; 20], &[]),
    ];
    let pcapng = [LITTLE.section(), LITTLE.interface(1, &[]), blocks.concat()].concat();
    for (file, head, record) in [(&pcap, 24, 36), (&pcapng, 48, 52)] {
        for cut in head + 1..head + record {
            assert!(
                refusal(&file[..cut]).contains(", before any packet: "),
                "cut at {cut}"
            );
        }
        for cut in head + record..file.len() {
            let whole = (cut - head) / record;
            let seen = one(&file[..cut]);
            let frames = seen
                .inputs
                .iter()
                .filter(|input| input.starts_with("0#"))
                .count();
            let told = seen
                .inputs
                .iter()
                .filter(|input| *input == "Some(0) FileCut 1")
                .count();
            let in_the_middle = usize::from((cut - head) % record != 0);
            assert_eq!(
                (frames, told, seen.notes.len()),
                (whole, in_the_middle, in_the_middle),
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn what_is_no_capture_is_refused_with_a_reason() {
    let header = LITTLE.pcap(0xa1b2_c3d4, 1);
    assert_eq!(
        refusal(b""),
        "is empty: record it again; tcpdump -U writes each packet at once"
    );
    assert!(refusal(b"The camera is in the hall.\n").starts_with("is not a capture file: "));
    assert!(refusal(b"x").starts_with("is not a capture file: "));
    assert!(refusal(&header[..23]).starts_with("ends in the file header, before any packet: "));
    assert!(
        refusal(&LITTLE.section()[..10])
            .starts_with("ends in the file header, before any packet: ")
    );
}

#[test]
fn lengths_that_cannot_be_end_the_reading() {
    let mut huge = [
        LITTLE.pcap(0xa1b2_c3d4, 1),
        LITTLE.record(1, 0, &[1]),
        LITTLE.record(2, 0, &[2]),
    ]
    .concat();
    huge[24 + 17 + 8..24 + 17 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    let seen = one(&huge);
    assert_eq!(seen.inputs, ["0#1@1000000000 ? 1/1/5", "Some(0) FileCut 1"]);
    assert_eq!(
        seen.notes,
        [
            "is damaged: the record at byte 41 claims 4294967295 bytes; what comes before is analyzed (1 frames)"
        ]
    );
}

#[test]
fn damage_before_the_first_packet_is_refused() {
    let mut huge = [LITTLE.pcap(0xa1b2_c3d4, 1), LITTLE.record(1, 0, &[1])].concat();
    huge[24 + 8..24 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(
        refusal(&huge),
        "is damaged: the record at byte 24 claims 4294967295 bytes, before any packet: record it again or copy it again"
    );
    let described = [LITTLE.section(), LITTLE.interface(1, &[])].concat();
    let bad_len = [LITTLE.u32(6), LITTLE.u32(3), LITTLE.u32(3)].concat();
    let damaged = "is damaged: the block at byte 48 cannot be read, before any packet: record it again or copy it again";
    assert_eq!(refusal(&[&described[..], &bad_len].concat()), damaged);
    let undescribed = LITTLE.enhanced(7, 1, &[1], &[]);
    assert_eq!(refusal(&[described, undescribed].concat()), damaged);
}

#[test]
fn a_whole_capture_without_frames_is_a_tap_and_is_told_of() {
    let empty = [
        LITTLE.pcap(0xa1b2_c3d4, 1),
        LITTLE.pcap(0xa1b2_c3d4, 113),
        LITTLE.section(),
        [LITTLE.section(), LITTLE.interface(1, &[])].concat(),
    ];
    for file in empty {
        let seen = one(&file);
        assert_eq!(
            (seen.taps.len(), seen.inputs, seen.notes),
            (
                1,
                Vec::new(),
                vec![
                    "holds no frames: nothing passed while it was recorded, or its filter let nothing through"
                        .to_owned()
                ]
            )
        );
    }
}

#[test]
fn a_packet_of_an_undescribed_interface_ends_the_reading() {
    let file = [
        LITTLE.section(),
        LITTLE.interface(1, &[]),
        LITTLE.enhanced(0, 1_000_000, &[1], &[]),
        LITTLE.enhanced(7, 1, &[1], &[]),
    ]
    .concat();
    assert_eq!(
        one(&file).inputs,
        ["0#1@1000000000 ? 1/1/1", "Some(0) FileCut 1"]
    );
}

#[test]
fn a_capture_of_unreadable_link_types_alone_is_refused() {
    let pcap = [
        LITTLE.pcap(0xa1b2_c3d4, 127),
        LITTLE.record(1, 0, &[1]),
        LITTLE.record(2, 0, &[2]),
    ]
    .concat();
    assert_eq!(
        refusal(&pcap),
        "holds frames of link type 127 (IEEE 802.11 with radiotap header) only, which cannot be read: capture on an \
         Ethernet or IP interface"
    );
    let pcapng = [
        LITTLE.section(),
        LITTLE.interface(189, &[]),
        LITTLE.interface(9_999, &[]),
        LITTLE.enhanced(0, 1_000_000, &[1], &[]),
        LITTLE.enhanced(1, 2_000_000, &[2], &[]),
    ]
    .concat();
    assert_eq!(
        refusal(&pcapng),
        "holds frames of link type 189 (USB) and link type 9999 only, which cannot be read: capture on an Ethernet or \
         IP interface"
    );
}

#[test]
fn unreadable_link_types_beside_readable_ones_are_named_once() {
    let described = [
        LITTLE.section(),
        LITTLE.interface(127, &[]),
        LITTLE.interface(1, &[]),
    ]
    .concat();
    let frame = |interface, second: u64| LITTLE.enhanced(interface, second * 1_000_000, &[1], &[]);
    for order in [[0, 0, 1, 0], [1, 0, 0, 1]] {
        let frames = order
            .iter()
            .zip(1..)
            .map(|(interface, second)| frame(*interface, second));
        let file = [described.clone(), frames.collect::<Vec<_>>().concat()].concat();
        let seen = one(&file);
        assert_eq!(
            (seen.inputs.len(), seen.notes),
            (
                4,
                vec![
                    "frames of link type 127 (IEEE 802.11 with radiotap header) cannot be read: capture on an Ethernet or IP interface"
                        .to_owned()
                ]
            )
        );
    }
}
