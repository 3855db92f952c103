use proptest::prelude::*;

use super::*;
use crate::decode::{Segment, TcpFlags};
use crate::tcp::{Reassembler, ReassemblyLimits, Recall};

const ROOMY: ReassemblyLimits = ReassemblyLimits {
    max_buffered_bytes: 1 << 20,
    max_buffered_segments: 1000,
};

/// One thing that a server sends, with the line that it is written down as.
fn any_part() -> impl Strategy<Value = (Vec<u8>, Vec<String>)> {
    let body = format!("RTSP/1.0 200 OK +{}", SDP.len());
    let reply = [describe_reply(Some(SDP.len())).as_slice(), SDP].concat();
    let with_frame = [&reply[..17], &rtp(0, 77, 100), &reply[17..]].concat();
    prop_oneof![
        2 => Just((OK.to_vec(), vec!["RTSP/1.0 200 OK +0".to_owned()])),
        1 => Just((reply, vec![body.clone()])),
        1 => Just((with_frame, vec!["$0 #77 100".to_owned(), body])),
        1 => (8_u16..600).prop_map(|len| (rtcp(1, len), vec![format!("$1 #1 {len}")])),
        8 => (0..4_u8, any::<u16>(), 12_u16..1500)
            .prop_map(|(channel, number, len)| (rtp(channel, number, len), vec![format!("${channel} #{number} {len}")])),
    ]
}

fn any_stream() -> impl Strategy<Value = (Vec<u8>, Vec<String>)> {
    proptest::collection::vec(any_part(), 1..12).prop_map(|parts| {
        let mut bytes = OK.to_vec();
        let mut lines = vec!["RTSP/1.0 200 OK +0".to_owned()];
        for (part, part_lines) in parts {
            bytes.extend(part);
            lines.extend(part_lines);
        }
        (bytes, lines)
    })
}

/// The stream with its lines and an order of segments, some of them twice or overlapping.
fn any_delivery() -> impl Strategy<Value = (Vec<u8>, Vec<String>, Vec<(usize, usize)>)> {
    any_stream().prop_flat_map(|(bytes, lines)| {
        let len = bytes.len();
        let cuts = proptest::collection::btree_set(1..len, 0..20);
        let again = proptest::collection::vec((0..len, 1..800_usize), 0..6);
        (Just((bytes, lines)), cuts, again).prop_flat_map(move |((bytes, lines), cuts, again)| {
            let starts: Vec<usize> = std::iter::once(0).chain(cuts).collect();
            let ends = starts.iter().skip(1).copied().chain(std::iter::once(len));
            let cover = starts.iter().copied().zip(ends);
            let again = again
                .into_iter()
                .map(|(start, size)| (start, (start + size).min(len)));
            let order = Just(cover.chain(again).collect::<Vec<_>>()).prop_shuffle();
            (Just(bytes), Just(lines), order)
        })
    })
}

fn segment(seq: u32, flags: TcpFlags, payload: &[u8]) -> Segment<'_> {
    Segment {
        source: ([203, 0, 113, 10], 554).into(),
        destination: ([192, 168, 1, 100], 40000).into(),
        seq,
        ack: 0,
        flags,
        window: 512,
        payload,
        payload_len: payload.len() as u32,
    }
}

/// Sends the parts of `bytes` through the reassembler into the stream.
fn deliver(bytes: &[u8], order: &[(usize, usize)], isn: u32) -> Run {
    let mut reassembler = Reassembler::new(ROOMY);
    let mut run = Run::new();
    reassembler.handle_segment(
        &segment(isn, TcpFlags::SYN, b""),
        Place::default(),
        &mut |_| Recall::Keep,
    );
    for &(start, end) in order {
        let seq = isn.wrapping_add(1).wrapping_add(start as u32);
        let segment = segment(seq, TcpFlags::ACK, &bytes[start..end]);
        let place = run.place();
        reassembler.handle_segment(&segment, place, &mut |piece| {
            run.piece(piece);
            Recall::Keep
        });
    }
    reassembler.finish(&mut |piece| {
        run.piece(piece);
        Recall::Keep
    });
    run.finish();
    run
}

proptest! {
    #[test]
    fn any_cuts_in_any_order_give_the_same_items((bytes, lines, order) in any_delivery(), isn: u32) {
        let run = deliver(&bytes, &order, isn);
        prop_assert_eq!(run.items, lines);
        prop_assert!(run.messages.iter().all(|message| message.complete));
        prop_assert_eq!(run.stream.buffered_bytes(), 0);
    }

    #[test]
    fn a_lost_segment_loses_only_what_it_touches(
        frames in proptest::collection::vec((0..3_u8, 12_u16..1400), 6..40),
        lost in any::<proptest::sample::Index>(),
        size in 1_usize..1460,
    ) {
        let mut bytes = [OK, &rtp(0, 0, 20), &rtp(1, 0, 20), &rtp(2, 0, 20)].concat();
        let begin = bytes.len();
        let mut places = Vec::new();
        for (number, &(channel, len)) in (100_u16..).zip(&frames) {
            let start = bytes.len();
            bytes.extend(rtp(channel, number, len));
            places.push((start..bytes.len(), format!("${channel} #{number} {len}")));
        }
        let lost = begin + lost.index(bytes.len() - begin);
        let end = (lost + size).min(bytes.len());
        let mut run = deliver(&bytes, &[(0, lost), (end, bytes.len())], 7);
        run.items.retain(|line| line.starts_with('$') && !line.ends_with("cut") && !line.contains("#0 "));
        let untouched: Vec<_> =
            places.into_iter().filter(|(at, _)| at.end <= lost || at.start >= end).map(|(_, line)| line).collect();
        prop_assert_eq!(run.items, untouched);
    }

    #[test]
    fn no_input_makes_it_panic_or_hold_more_than_its_caps(
        pieces in proptest::collection::vec(any_piece(), 0..40),
        prefix in proptest::sample::select(vec![OK, b"", b"RTSP/1.0 200 OK\r\nContent-Length: 50\r\n\r\n"]),
    ) {
        let mut run = Run::new();
        run.chunk(prefix);
        for piece in pieces {
            match piece {
                Ok(bytes) if !bytes.is_empty() => run.chunk(&bytes),
                Ok(_) => &mut run,
                Err(len) => run.gap(len),
            };
            let cap = LIMITS.max_search_len + LIMITS.max_head_len + LIMITS.max_body_len + 4096;
            assert!(run.stream.buffered_bytes() <= cap);
        }
        run.finish();
        prop_assert_eq!(run.stream.buffered_bytes(), 0);
    }
}

/// Bytes, or the length of a gap.
fn any_piece() -> impl Strategy<Value = Result<Vec<u8>, u64>> {
    prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Ok),
        2 => "[$\r\n a-zRTSP/1.0:]{0,60}".prop_map(|text| Ok(text.into_bytes())),
        4 => any_part().prop_flat_map(|(bytes, _)| (0..bytes.len(), Just(bytes)).prop_map(|(at, bytes)| Ok(bytes[at..].to_vec()))),
        2 => any_part().prop_map(|(bytes, _)| Ok(bytes)),
        1 => (1_u64..3000).prop_map(Err),
    ]
}
