//! Captures packed with gzip or zstd: whole, in pieces, cut and damaged.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::build::LITTLE;
use super::{Seen, one, refusal};

fn frames(count: u32) -> Vec<u8> {
    let noise = |frame: u32| -> Vec<u8> {
        let mut state = frame.wrapping_mul(0x9e37_79b9) | 1;
        let step = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..200).map(step).collect()
    };
    (0..count)
        .flat_map(|frame| LITTLE.record(frame, 0, &noise(frame)))
        .collect()
}

fn capture(count: u32) -> Vec<u8> {
    [LITTLE.pcap(0xa1b2_c3d4, 1), frames(count)].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn frame_count(seen: &Seen) -> usize {
    seen.inputs
        .iter()
        .filter(|input| input.starts_with("0#"))
        .count()
}

#[test]
fn a_packed_capture_reads_as_the_plain_one() {
    let plain = one(&capture(50));
    assert_eq!(frame_count(&plain), 50);
    let packed = one(&gzip(&capture(50)));
    assert_eq!((packed.inputs, packed.notes), (plain.inputs, vec![]));
}

#[test]
fn packed_pieces_that_follow_each_other_are_one_capture() {
    let pieces = [gzip(&capture(3)), gzip(&frames(4))].concat();
    assert_eq!(frame_count(&one(&pieces)), 7);
}

#[test]
fn a_pcapng_file_may_be_packed_too() {
    let file = [
        LITTLE.section(),
        LITTLE.interface(1, &[]),
        LITTLE.enhanced(0, 1, &[1; 4], &[]),
    ]
    .concat();
    assert_eq!(one(&gzip(&file)).inputs, ["0#1@1000 ? 1/4/4"]);
}

#[test]
fn a_cut_gzip_file_is_analyzed_up_to_the_cut() {
    let packed = gzip(&capture(50));
    let seen = one(&packed[..packed.len() / 2]);
    let count = frame_count(&seen);
    assert!((20..30).contains(&count), "{count} frames");
    assert_eq!(seen.inputs.last().unwrap(), "Some(0) FileCut 1");
    assert_eq!(
        seen.notes,
        [format!(
            "ends in the middle of its gzip data; what comes before is analyzed ({count} frames)"
        )]
    );
}

#[test]
fn a_gzip_file_without_its_checksum_has_all_its_frames_and_says_that_it_is_cut() {
    let packed = gzip(&capture(50));
    let seen = one(&packed[..packed.len() - 3]);
    assert_eq!((frame_count(&seen), seen.notes.len()), (50, 1));
}

#[test]
fn a_gzip_file_with_a_wrong_checksum_is_damaged() {
    let mut packed = gzip(&capture(50));
    let at = packed.len() - 6;
    packed[at] ^= 0xff;
    assert_eq!(
        one(&packed).notes,
        ["has damaged gzip data; what comes before is analyzed (50 frames)"]
    );
}

#[test]
fn a_packed_file_without_a_capture_is_refused() {
    assert!(refusal(&gzip(b"The camera is in the hall.\n")).starts_with("is not a capture file: "));
    assert!(refusal(&gzip(b"")).starts_with("is empty: "));
    assert!(refusal(&[0x1f, 0x8b, 8, 0, 0]).starts_with("ends in the file header"));
    assert!(refusal(&gzip(&capture(0)[..20])).starts_with("ends in the file header"));
}

#[cfg(feature = "zstd")]
#[test]
fn a_zstd_capture_reads_as_the_plain_one() {
    let plain = one(&capture(50));
    let packed = zstd::encode_all(&capture(50)[..], 3).unwrap();
    assert_eq!(one(&packed).inputs, plain.inputs);
    let pieces = [capture(3), frames(4)].map(|piece| zstd::encode_all(&piece[..], 3).unwrap());
    assert_eq!(frame_count(&one(&pieces.concat())), 7);
}

#[cfg(feature = "zstd")]
#[test]
fn a_cut_zstd_file_is_analyzed_up_to_the_cut() {
    // A block holds up to 128 KiB: the first of two is whole.
    let packed = zstd::encode_all(&capture(1_000)[..], 3).unwrap();
    let seen = one(&packed[..packed.len() - 20]);
    assert_eq!(frame_count(&seen), 606);
    assert_eq!(
        seen.notes,
        ["ends in the middle of its zstd data; what comes before is analyzed (606 frames)"]
    );
}

#[cfg(not(feature = "zstd"))]
#[test]
fn a_build_without_zstd_says_what_to_do() {
    assert!(refusal(&[0x28, 0xb5, 0x2f, 0xfd]).ends_with("unpack it first: zstd -d"));
}
