use proptest::prelude::*;

use super::*;
use crate::decode::{Segment, TcpFlags};

const LIMITS: ReassemblyLimits = ReassemblyLimits {
    max_buffered_bytes: 64,
    max_buffered_segments: 8,
};
const ROOMY: ReassemblyLimits = ReassemblyLimits {
    max_buffered_bytes: 1 << 20,
    max_buffered_segments: 1000,
};

/// Feeds segments and writes down what comes out: `0:text` for a chunk, `gap 4+2` for two missing bytes at offset 4.
struct Run {
    reassembler: Reassembler,
    out: Vec<String>,
    frame: u64,
}

impl Run {
    fn new(limits: ReassemblyLimits) -> Self {
        Self {
            reassembler: Reassembler::new(limits),
            out: Vec::new(),
            frame: 0,
        }
    }

    fn after_syn(isn: u32) -> Self {
        let mut run = Self::new(LIMITS);
        run.segment(isn, TcpFlags::SYN, b"", 0);
        run
    }

    fn segment(
        &mut self,
        seq: u32,
        flags: TcpFlags,
        payload: &[u8],
        payload_len: u32,
    ) -> &mut Self {
        let segment = Segment {
            payload_len,
            ..segment_at(seq, flags, payload)
        };
        self.frame += 1;
        let place = Place {
            at: Timestamp(0),
            frame: self.frame,
        };
        let out = &mut self.out;
        self.reassembler
            .handle_segment(&segment, place, &mut |piece| {
                out.push(written(piece));
                Recall::Keep
            });
        self
    }

    fn data(&mut self, seq: u32, text: &str) -> &mut Self {
        self.segment(seq, TcpFlags::ACK, text.as_bytes(), text.len() as u32)
    }

    fn acked(&mut self, ack: u32) -> &mut Self {
        let out = &mut self.out;
        self.reassembler.handle_peer_ack(ack, &mut |piece| {
            out.push(written(piece));
            Recall::Keep
        });
        self
    }

    fn finish(&mut self) -> &mut Self {
        let out = &mut self.out;
        self.reassembler.finish(&mut |piece| {
            out.push(written(piece));
            Recall::Keep
        });
        self
    }

    #[track_caller]
    fn gives(&mut self, expected: &[&str]) -> &mut Self {
        assert_eq!(self.out, expected);
        self
    }

    fn stats(&self) -> ReassemblyStats {
        self.reassembler.stats()
    }
}

fn written(piece: Piece<'_>) -> String {
    match piece {
        Piece::Chunk { offset, bytes, .. } => {
            format!("{offset}:{}", String::from_utf8_lossy(bytes))
        }
        Piece::Gap { offset, len, .. } => format!("gap {offset}+{len}"),
    }
}

#[test]
fn data_in_order_passes_through() {
    let mut run = Run::after_syn(1000);
    run.data(1001, "abc")
        .data(1004, "de")
        .gives(&["0:abc", "3:de"]);
    assert_eq!(run.reassembler.isn(), Some(1000));
    assert_eq!(run.reassembler.next_seq(), Some(1006));
    assert_eq!(run.stats(), ReassemblyStats::default());
}

#[test]
fn sequence_numbers_wrap_around() {
    let mut run = Run::after_syn(u32::MAX - 2);
    run.data(u32::MAX - 1, "abcd")
        .data(2, "ef")
        .gives(&["0:abcd", "4:ef"]);
}

#[test]
fn data_before_its_turn_waits() {
    let mut run = Run::after_syn(1000);
    run.data(1004, "de").gives(&[]);
    assert_eq!(run.reassembler.buffered_bytes(), 2);
    run.data(1001, "abc").gives(&["0:abc", "3:de"]);
    assert_eq!(run.reassembler.buffered_bytes(), 0);
}

#[test]
fn without_a_syn_the_first_bytes_are_offset_0() {
    let mut run = Run::new(LIMITS);
    run.data(5000, "")
        .data(5001, "abc")
        .data(5004, "de")
        .gives(&["0:abc", "3:de"]);
    assert_eq!(run.reassembler.isn(), None);
}

#[test]
fn a_late_syn_still_gives_the_initial_sequence_number() {
    let mut run = Run::new(LIMITS);
    run.data(1001, "abc")
        .segment(1000, TcpFlags::SYN, b"", 0)
        .data(1004, "de")
        .gives(&["0:abc", "3:de"]);
    assert_eq!(run.reassembler.isn(), Some(1000));
}

#[test]
fn a_repeated_syn_changes_nothing() {
    let mut run = Run::after_syn(1000);
    run.segment(1000, TcpFlags::SYN, b"", 0)
        .data(1001, "abc")
        .segment(1000, TcpFlags::SYN, b"", 0);
    run.data(1004, "de").gives(&["0:abc", "3:de"]);
}

#[test]
fn a_syn_may_carry_data() {
    let mut run = Run::new(LIMITS);
    run.segment(1000, TcpFlags::SYN, b"abc", 3)
        .data(1004, "de")
        .gives(&["0:abc", "3:de"]);
}

#[test]
fn a_syn_with_another_number_is_a_new_connection() {
    let mut run = Run::after_syn(1000);
    run.data(1001, "abc")
        .segment(9_000_000, TcpFlags::SYN, b"", 0)
        .data(1004, "de");
    run.gives(&["0:abc", "3:de"]);
    assert_eq!(run.stats().stray_segments, 1);
}

#[test]
fn a_retransmission_is_counted_and_not_delivered_again() {
    let mut run = Run::after_syn(1000);
    run.data(1001, "abc")
        .data(1001, "abc")
        .data(1003, "cde")
        .gives(&["0:abc", "3:de"]);
    assert_eq!(
        run.stats(),
        ReassemblyStats {
            retransmitted_bytes: 4,
            ..ReassemblyStats::default()
        }
    );
}

#[test]
fn a_retransmission_with_other_bytes_is_a_conflict_and_the_first_copy_wins() {
    let mut run = Run::after_syn(1000);
    run.data(1001, "port=5000")
        .data(1001, "port=6000;x")
        .gives(&["0:port=5000", "9:;x"]);
    assert_eq!(
        (
            run.stats().retransmitted_bytes,
            run.stats().conflicting_bytes
        ),
        (9, 1)
    );
}

#[test]
fn a_conflict_with_data_that_waits_is_counted_too() {
    let mut run = Run::after_syn(1000);
    run.data(1004, "DE")
        .data(1001, "abcdefg")
        .gives(&["0:abc", "3:DE", "5:fg"]);
    assert_eq!(
        (
            run.stats().retransmitted_bytes,
            run.stats().conflicting_bytes
        ),
        (2, 2)
    );
}

#[test]
fn overlapping_data_that_waits_is_kept_once() {
    let mut run = Run::after_syn(1000);
    run.data(1004, "def")
        .data(1008, "hi")
        .data(1003, "cdefghij")
        .gives(&[]);
    assert_eq!(run.reassembler.buffered_bytes(), 8);
    run.data(1001, "ab")
        .gives(&["0:ab", "2:c", "3:def", "6:g", "7:hi", "9:j"]);
}

#[test]
fn a_keepalive_is_no_data() {
    let mut run = Run::after_syn(1000);
    run.data(1001, "abc")
        .data(1003, "\0")
        .data(1003, "")
        .data(1004, "de")
        .gives(&["0:abc", "3:de"]);
    assert_eq!(
        run.stats(),
        ReassemblyStats {
            keepalives: 2,
            ..ReassemblyStats::default()
        }
    );
}

#[test]
fn a_repeat_in_vain_is_known_until_the_peer_acknowledges_more() {
    let mut run = Run::after_syn(1000);
    run.data(1001, "abc").acked(1004).data(1001, "abc");
    assert_eq!(run.reassembler.unheard(), None);
    run.data(1004, "de").data(1004, "de");
    let repeated = run.reassembler.unheard().map(|unheard| unheard.last.frame);
    assert_eq!(repeated, Some(5));
    run.acked(1004);
    assert!(run.reassembler.unheard().is_some());
    run.acked(1006);
    assert_eq!(run.reassembler.unheard(), None);
}

#[test]
fn a_repeat_behind_a_hole_counts_and_an_acknowledgement_up_to_it_changes_nothing() {
    let mut run = Run::after_syn(1000);
    run.data(1001, "abc").acked(1004);
    run.data(1006, "fg").data(1006, "fg").data(1006, "fg");
    run.acked(1006).gives(&["0:abc", "gap 3+2", "5:fg"]);
    let times = |run: &Run| run.reassembler.unheard().map(|unheard| unheard.times);
    assert_eq!(times(&run), Some(2));
    run.data(1006, "fg");
    assert_eq!(times(&run), Some(3));
    run.acked(1007);
    assert_eq!(times(&run), None);
}

#[test]
fn what_is_missing_and_never_acknowledged_was_lost_on_its_way() {
    let mut run = Run::after_syn(1000);
    run.data(1001, "abc").acked(1004).data(1006, "fg");
    run.reassembler.finish(&mut |_| Recall::Keep);
    assert_eq!(run.reassembler.unheard_missing_bytes(), 2);
    assert_eq!(run.reassembler.heard_seq(), Some(1004));
    run.acked(1008);
    assert_eq!(run.reassembler.unheard_missing_bytes(), 0);
    assert_eq!(run.reassembler.heard_seq(), Some(1008));
}

#[test]
fn a_hole_is_no_loss_until_it_is_proved() {
    let mut run = Run::after_syn(1000);
    run.data(1001, "abc").data(1006, "fg").gives(&["0:abc"]);
    run.acked(1004).gives(&["0:abc"]);
    run.acked(1008).gives(&["0:abc", "gap 3+2", "5:fg"]);
    assert_eq!(run.stats().missing_bytes, 2);
}

#[test]
fn an_acknowledgment_that_overtakes_its_data_makes_no_gap() {
    let mut run = Run::after_syn(1000);
    run.acked(1004).data(1001, "abc").gives(&["0:abc"]);
}

#[test]
fn an_acknowledgment_inside_a_hole_gives_up_only_what_it_covers() {
    let mut run = Run::after_syn(1000);
    run.data(1006, "fg").acked(1003).gives(&["gap 0+2"]);
    run.data(1003, "cde").gives(&["gap 0+2", "2:cde", "5:fg"]);
}

#[test]
fn data_that_comes_after_the_proof_of_a_loss_is_delivered_at_once() {
    let mut run = Run::after_syn(1000);
    run.acked(1008).data(1006, "fg").gives(&["gap 0+5", "5:fg"]);
}

#[test]
fn full_buffers_give_up_the_oldest_hole_first() {
    let mut run = Run::after_syn(1000);
    for index in 0..8 {
        run.data(1002 + 2 * index, "x");
    }
    run.gives(&[]).data(1020, "y").gives(&["gap 0+1", "1:x"]);
    run.out.clear();
    run.data(1030, &"z".repeat(60));
    run.gives(&[
        "gap 2+1", "3:x", "gap 4+1", "5:x", "gap 6+1", "7:x", "gap 8+1", "9:x",
    ]);
}

#[test]
fn a_segment_larger_than_the_buffer_goes_straight_through() {
    let mut run = Run::after_syn(1000);
    let large = "z".repeat(100);
    run.data(1002, "x").data(1010, &large).gives(&[
        "gap 0+1",
        "1:x",
        "gap 2+7",
        &format!("9:{large}"),
    ]);
}

#[test]
fn the_end_of_the_capture_brings_out_what_waits() {
    let mut run = Run::after_syn(1000);
    run.data(1004, "de").data(1008, "h").finish();
    run.gives(&["gap 0+3", "3:de", "gap 5+2", "7:h"]);
}

#[test]
fn bytes_before_a_fin_or_an_acknowledgment_are_missing_at_the_end() {
    let mut run = Run::after_syn(1000);
    run.segment(1006, TcpFlags::FIN, b"", 0)
        .acked(1007)
        .finish()
        .gives(&["gap 0+5"]);

    let mut run = Run::after_syn(1000);
    run.data(1001, "abc")
        .acked(1010)
        .finish()
        .gives(&["0:abc", "gap 3+6"]);

    let mut run = Run::after_syn(1000);
    run.data(1001, "abc").acked(1005).finish().gives(&["0:abc"]);
}

#[test]
fn a_cut_segment_gives_its_bytes_and_a_gap() {
    let mut run = Run::after_syn(1000);
    run.segment(1001, TcpFlags::ACK, b"abc", 10)
        .data(1011, "kl")
        .gives(&["0:abc", "gap 3+7", "10:kl"]);

    let mut run = Run::after_syn(1000);
    run.segment(1003, TcpFlags::ACK, b"c", 3)
        .data(1001, "ab")
        .gives(&["0:ab", "2:c", "gap 3+2"]);
}

#[test]
fn the_remark_in_a_reset_is_no_data() {
    let mut run = Run::after_syn(1000);
    run.data(1001, "abc")
        .segment(1004, TcpFlags::RST, b"go away", 7)
        .finish()
        .gives(&["0:abc"]);
}

#[test]
fn data_far_away_is_ignored_and_counted() {
    let mut run = Run::after_syn(1000);
    run.data(1001, "abc")
        .data(0x8000_0000, "stray")
        .data(1004, "de")
        .finish();
    run.gives(&["0:abc", "3:de"]);
    assert_eq!(run.stats().stray_segments, 1);
}

#[test]
fn a_stream_that_goes_on_far_away_is_followed() {
    let mut run = Run::after_syn(1000);
    let far = 1001_u32 + 0x7000_0000;
    run.data(1001, "abc")
        .data(far, "de")
        .data(far + 2, "fg")
        .data(far + 4, "hi");
    let gap = format!("gap 3+{}", 0x7000_0000 + 4 - 3);
    run.gives(&["0:abc", &gap, &format!("{}:hi", 0x7000_0004)]);
}

/// Cuts `text` at random places and deals the parts out of order, some of them twice.
fn any_delivery() -> impl Strategy<Value = (Vec<u8>, Vec<(usize, usize)>)> {
    proptest::collection::vec(any::<u8>(), 1..400).prop_flat_map(|text| {
        let len = text.len();
        let cuts = proptest::collection::vec((0..len, 1..60_usize), 0..40);
        let cover = proptest::collection::btree_set(0..len, 0..12).prop_map(move |cuts| {
            let starts: Vec<usize> = std::iter::once(0).chain(cuts).collect();
            let ends = starts.iter().skip(1).copied().chain(std::iter::once(len));
            starts
                .iter()
                .copied()
                .zip(ends)
                .filter(|(start, end)| start < end)
                .collect::<Vec<_>>()
        });
        (Just(text), cuts, cover).prop_flat_map(move |(text, extra, cover)| {
            let extra = extra
                .into_iter()
                .map(move |(start, size)| (start, (start + size).min(len)));
            let parts: Vec<_> = cover.into_iter().chain(extra).collect();
            (Just(text), Just(parts).prop_shuffle())
        })
    })
}

#[test]
fn what_need_not_be_recalled_is_not_compared() {
    for (recall, conflicts) in [(Recall::Keep, 3), (Recall::Forget, 0)] {
        let mut reassembler = Reassembler::new(ROOMY);
        for payload in [b"abc", b"xyz"] {
            let segment = segment_at(1, TcpFlags::ACK, payload);
            reassembler.handle_segment(&segment, Place::default(), &mut |_| recall);
        }
        let stats = reassembler.stats();
        assert_eq!(
            (stats.retransmitted_bytes, stats.conflicting_bytes),
            (3, conflicts)
        );
    }
}

proptest! {
    #[test]
    fn any_order_of_any_cuts_gives_the_same_bytes((text, parts) in any_delivery(), isn: u32) {
        let mut reassembler = Reassembler::new(ROOMY);
        let mut out = Vec::new();
        let mut sink = |piece: Piece<'_>| match piece {
            Piece::Chunk { offset, bytes, .. } => {
                assert_eq!(offset, out.len() as u64);
                out.extend_from_slice(bytes);
                Recall::Keep
            }
            Piece::Gap { .. } => panic!("nothing is missing"),
        };
        let syn = segment_at(isn, TcpFlags::SYN, b"");
        reassembler.handle_segment(&syn, Place::default(), &mut sink);
        for (start, end) in parts {
            let seq = isn.wrapping_add(1).wrapping_add(start as u32);
            let segment = segment_at(seq, TcpFlags::ACK, &text[start..end]);
            reassembler.handle_segment(&segment, Place::default(), &mut sink);
        }
        reassembler.finish(&mut sink);
        prop_assert_eq!(out, text);
        prop_assert_eq!(reassembler.stats().conflicting_bytes, 0);
    }

    #[test]
    fn pieces_cover_the_stream_whatever_comes(
        segments in proptest::collection::vec((0_u32..300, 0_u32..40, 0_usize..40, 0_u8..32, any::<bool>()), 0..60),
    ) {
        let mut reassembler = Reassembler::new(LIMITS);
        let mut expected_offset = 0;
        let mut sink = |piece: Piece<'_>| {
            let (offset, len) = match piece {
                Piece::Chunk { offset, bytes, .. } => (offset, bytes.len() as u64),
                Piece::Gap { offset, len, .. } => (offset, len),
            };
            assert_eq!(offset, expected_offset);
            assert!(len > 0);
            expected_offset += len;
            Recall::Keep
        };
        let bytes = [0_u8; 64];
        for (seq, len, present, flags, is_ack) in segments {
            if is_ack {
                reassembler.handle_peer_ack(seq, &mut sink);
            } else {
                let mut segment = segment_at(seq, TcpFlags(flags), &bytes[..present]);
                segment.payload_len = len;
                reassembler.handle_segment(&segment, Place::default(), &mut sink);
            }
            assert!(reassembler.buffered_bytes() <= LIMITS.max_buffered_bytes);
        }
        reassembler.finish(&mut sink);
        prop_assert_eq!(reassembler.buffered_bytes(), 0);
    }
}

fn segment_at(seq: u32, flags: TcpFlags, payload: &[u8]) -> Segment<'_> {
    Segment {
        source: ([192, 168, 1, 100], 40000).into(),
        destination: ([203, 0, 113, 10], 554).into(),
        seq,
        ack: 0,
        flags,
        window: 512,
        payload,
        payload_len: payload.len() as u32,
    }
}
