use std::vec::Vec;

use proptest::prelude::*;

use super::super::{InterleavedWalker, Piece};
use super::*;

fn rtp(channel: u8, number: u16, len: u16) -> Vec<u8> {
    let mut frame = Vec::from([b'$', channel]);
    frame.extend(len.to_be_bytes());
    let mut payload = Vec::from([0x80, 96]);
    payload.extend(number.to_be_bytes());
    payload.extend([0; 8]);
    payload.resize(len.into(), b'$');
    frame.extend(payload);
    frame
}

/// Walks as the kernel does over the segments of a stream. Returns channel, number and length of each frame, and the
/// offset at which it fell out of step.
fn walk(stride: &mut Stride, segments: &[&[u8]]) -> (Vec<(u8, u16, u32)>, Option<usize>) {
    let (mut frames, mut offset) = (Vec::new(), 0);
    for segment in segments {
        let mut rest = *segment;
        while !rest.is_empty() {
            let mut taken = (stride.wanted_len() as usize).min(rest.len());
            if taken > 0 {
                let at = stride.head_len as usize;
                stride.head[at..at + taken].copy_from_slice(&rest[..taken]);
                if !stride.take_head(taken as u32) {
                    return (frames, Some(offset));
                }
            }
            taken += stride.take_payload((rest.len() - taken) as u32) as usize;
            if stride.is_whole() {
                let payload = stride.payload();
                frames.push((stride.channel(), payload.sequence, payload.len));
                stride.turn();
            }
            offset += taken;
            rest = &rest[taken..];
        }
    }
    (frames, None)
}

fn seen(stream: &[u8]) -> (Vec<(u8, u16, u32)>, Option<usize>) {
    walk(&mut Stride::START.clone(), &[stream])
}

#[test]
fn frames_of_rtp_are_stepped_over() {
    let stream = [rtp(0, 7, 12), rtp(2, 900, 1400), rtp(0, 8, 13)].concat();
    assert_eq!(
        seen(&stream),
        (Vec::from([(0, 7, 12), (2, 900, 1400), (0, 8, 13)]), None)
    );
}

#[test]
fn text_rtcp_and_unknown_channels_are_out_of_step() {
    let first = rtp(0, 7, 20);
    let rtcp = [b'$', 1, 0, 8, 0x80, 200, 0, 1, 0, 0, 0, 0];
    for other in [
        &b"RTSP/1.0 200 OK\r\n\r\n"[..],
        &rtcp,
        &rtcp[..6],
        &rtp(16, 1, 20),
        b"$\0\0\x03abc",
        b"\r\n",
    ] {
        let stream = [&first, other].concat();
        assert_eq!(
            seen(&stream),
            (Vec::from([(0, 7, 20)]), Some(first.len())),
            "{other:?}"
        );
    }
}

#[test]
fn a_number_that_is_not_ahead_is_out_of_step() {
    for number in [7, 6, 7 + MAX_DROPOUT + 1] {
        let stream = [rtp(0, 7, 20), rtp(0, number, 20)].concat();
        assert_eq!(seen(&stream).1, Some(24), "{number}");
    }
    let stream = [rtp(0, 65_535, 20), rtp(1, 3, 20), rtp(0, 2_999, 20)].concat();
    assert_eq!(seen(&stream).1, None);
}

#[test]
fn a_refused_piece_leaves_what_was_known() {
    let mut stride = Stride::START;
    let begun = [rtp(0, 7, 20), Vec::from(*b"$\x01\0")].concat();
    assert_eq!(walk(&mut stride, &[&begun]).1, None);
    let before = (stride.head_len, stride.head[..3].to_vec(), stride.left);
    assert_eq!(walk(&mut stride, &[b"\x08\x80\xc8\0\x01"]).1, Some(0));
    assert_eq!(
        (stride.head_len, stride.head[..3].to_vec(), stride.left),
        before
    );
}

#[test]
fn it_knows_where_the_passing_frame_began() {
    let mut stride = Stride::START;
    let stream = [rtp(0, 7, 30), rtp(0, 8, 30)].concat();
    for (at, byte) in stream.iter().enumerate() {
        assert_eq!(stride.passed_len() as usize, at % 34);
        walk(&mut stride, &[&[*byte]]);
    }
    assert_eq!(stride.passed_len(), 0);
}

#[test]
fn a_frame_is_believed_by_its_first_bytes() {
    let begin = |frame: &[u8]| Stride::may_begin(*frame.first_chunk().unwrap());
    assert!(begin(&rtp(0, 7, 30)) && begin(&rtp(15, 7, 1400)));
    assert!(!begin(&rtp(16, 7, 30)) && !begin(&rtp(0, 7, 5000)));
    assert!(!begin(b"$\x01\0\x20\x80\xc8") && !begin(b"RTSP/1"));
}

proptest! {
    #[test]
    fn cuts_change_nothing_and_the_full_walker_sees_the_same(
        frames in proptest::collection::vec((0_u8..4, 12_u16..80), 1..30),
        cuts in proptest::collection::vec(1_usize..40, 0..80),
    ) {
        let mut numbers = [100_u16; 4];
        let mut stream = Vec::new();
        for (channel, len) in &frames {
            let number = &mut numbers[usize::from(*channel)];
            *number += 1;
            stream.extend(rtp(*channel, *number, *len));
        }
        let (mut segments, mut rest) = (Vec::new(), &stream[..]);
        for cut in cuts {
            let (segment, behind) = rest.split_at(cut.min(rest.len()));
            segments.push(segment);
            rest = behind;
        }
        segments.push(rest);
        let in_parts = walk(&mut Stride::START.clone(), &segments);
        prop_assert_eq!(&in_parts, &seen(&stream));
        let mut lengths = Vec::new();
        let mut walker = InterleavedWalker::default();
        for segment in segments {
            walker.feed(segment, |piece| {
                if let Piece::Frame { channel, len } = piece {
                    lengths.push((channel, u32::from(len)));
                }
            });
        }
        let stepped: Vec<_> = in_parts.0.iter().map(|(channel, _, len)| (*channel, *len)).collect();
        prop_assert_eq!(stepped, lengths);
    }
}
