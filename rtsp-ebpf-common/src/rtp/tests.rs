use std::collections::HashSet;
use std::vec::Vec;

use proptest::prelude::*;

use super::{MAX_DROPOUT, RtpCounters, WINDOW};

const SSRC: u32 = 0x5eed_cafe;
const MILLI: i64 = 1_000_000;

fn count(numbers: &[u16]) -> RtpCounters {
    let mut counters = RtpCounters::default();
    for number in numbers {
        counters.update(*number, 0, SSRC, 0, 0);
    }
    counters
}

/// Expected, lost, duplicates, reordered.
fn figures(counters: &RtpCounters) -> [u64; 4] {
    [
        counters.expected(),
        counters.lost(),
        counters.duplicates,
        counters.reordered,
    ]
}

#[test]
fn nothing_is_expected_before_the_first_packet() {
    assert_eq!(figures(&RtpCounters::default()), [0, 0, 0, 0]);
}

#[test]
fn a_missing_number_is_one_loss() {
    assert_eq!(figures(&count(&[7, 8, 10])), [4, 1, 0, 0]);
}

#[test]
fn a_duplicate_never_hides_a_loss() {
    assert_eq!(figures(&count(&[7, 8, 8, 10, 10])), [4, 1, 2, 0]);
}

#[test]
fn reordering_is_no_loss() {
    assert_eq!(figures(&count(&[7, 9, 8, 10])), [4, 0, 0, 1]);
}

#[test]
fn a_numbering_that_was_told_begins_where_it_was_told() {
    for (told, rest, expected) in [
        // Ahead, behind and at the same numbers; of the last the first two never came.
        (900, &[900, 901][..], [5, 0, 0, 0]),
        (3, &[3, 4][..], [5, 0, 0, 0]),
        (7, &[7, 8, 9][..], [6, 0, 0, 0]),
        (7, &[9][..], [6, 2, 0, 0]),
    ] {
        let mut counters = count(&[7, 8, 9]);
        counters.begin_at(told);
        for number in rest {
            counters.update(*number, 0, SSRC, 0, 0);
        }
        assert_eq!(figures(&counters), expected, "{told} {rest:?}");
    }
}

#[test]
fn a_swapped_first_pair_is_no_loss() {
    assert_eq!(figures(&count(&[101, 100, 102])), [3, 0, 0, 1]);
}

#[test]
fn a_swapped_first_pair_across_the_wrap_is_no_loss() {
    assert_eq!(figures(&count(&[0, 65535, 1])), [3, 0, 0, 1]);
}

#[test]
fn numbers_go_on_after_the_wrap() {
    assert_eq!(figures(&count(&[65534, 65535, 0, 1, 3])), [6, 1, 0, 0]);
}

#[test]
fn reordering_across_the_wrap_is_no_loss() {
    assert_eq!(figures(&count(&[65534, 0, 65535, 1])), [4, 0, 0, 1]);
}

#[test]
fn three_cycles_are_counted_through() {
    let numbers: Vec<u16> = (0..200_000_u32).map(|number| number as u16).collect();
    let counters = count(&numbers);
    assert_eq!(figures(&counters), [200_000, 0, 0, 0]);
    assert_eq!(counters.extended_highest(), 199_999);
}

#[test]
fn a_duplicate_at_the_far_end_of_the_window_is_known() {
    let mut numbers: Vec<u16> = (0..WINDOW as u16).collect();
    numbers.push(0);
    assert_eq!(figures(&count(&numbers)), [WINDOW, 0, 1, 0]);
}

#[test]
fn the_bit_of_a_number_that_left_the_window_is_not_taken_for_a_newer_one() {
    let mut numbers: Vec<u16> = (0..WINDOW as u16).collect();
    // 512 and 513 share their bits with 0 and 1; 513 comes first.
    numbers.extend([513, 512]);
    assert_eq!(figures(&count(&numbers)), [WINDOW + 2, 0, 0, 1]);
}

#[test]
fn a_dropout_within_the_limit_is_loss() {
    let counters = count(&[1, 1 + MAX_DROPOUT]);
    assert_eq!(figures(&counters), [3001, 2999, 0, 0]);
    assert_eq!(counters.restarts, 0);
}

#[test]
fn a_far_off_number_that_nothing_follows_changes_no_loss() {
    let counters = count(&[1, 2, 40_000, 3, 4]);
    assert_eq!(figures(&counters), [4, 0, 0, 0]);
    assert_eq!(
        (counters.strays, counters.packets, counters.restarts),
        (1, 5, 0)
    );
}

#[test]
fn a_far_off_number_and_its_successor_restart_the_numbering() {
    let counters = count(&[1, 2, 4, 40_000, 40_001, 40_003]);
    assert_eq!(figures(&counters), [8, 2, 0, 0]);
    assert_eq!((counters.strays, counters.restarts), (0, 1));
}

#[test]
fn a_new_source_restarts_the_numbering_and_keeps_the_totals() {
    let mut counters = count(&[1, 2, 4]);
    counters.update(3, 0, 7, 0, 0);
    counters.update(4, 0, 7, 0, 0);
    assert_eq!(figures(&counters), [6, 1, 0, 0]);
    assert_eq!(
        (counters.ssrc, counters.ssrc_changes, counters.restarts),
        (7, 1, 1)
    );
}

#[test]
fn one_packet_proves_no_rtp() {
    assert!(!count(&[7]).is_proven());
    assert!(!count(&[7, 7, 9]).is_proven());
    assert!(count(&[7, 8]).is_proven());
    assert!(count(&[8, 7]).is_proven());
}

#[test]
fn the_longest_gap_lies_between_neighbours() {
    let mut counters = RtpCounters::default();
    for (seq, millis) in [(1, 0), (2, 40), (3, 340), (4, 350)] {
        counters.update(seq, 0, SSRC, millis * MILLI, 0);
    }
    assert_eq!(counters.max_gap_ns, 300 * MILLI as u64);
    assert_eq!((counters.first_ns, counters.last_ns), (0, 350 * MILLI));
}

#[test]
fn a_step_back_in_time_is_no_gap() {
    let mut counters = RtpCounters::default();
    for (seq, millis) in [(1, 10), (2, 20), (3, 19), (4, 5), (5, 21)] {
        counters.update(seq, 0, SSRC, millis * MILLI, 0);
    }
    assert_eq!(counters.max_gap_ns, 10 * MILLI as u64);
    assert_eq!(
        (counters.first_ns, counters.last_ns),
        (5 * MILLI, 21 * MILLI)
    );
}

#[test]
fn an_even_stream_has_no_jitter() {
    let mut counters = RtpCounters::default();
    for seq in 0..100_u16 {
        counters.update(
            seq,
            u32::from(seq) * 3600,
            SSRC,
            i64::from(seq) * 40 * MILLI,
            90_000,
        );
    }
    assert_eq!(counters.jitter_ns(), Some(0));
}

#[test]
fn jitter_follows_rfc_3550() {
    // |D| is 16 ms, then 0, then 16 ms: J = 1 ms, 15/16 ms, 15/16 + (16 - 15/16)/16 ms.
    let mut counters = RtpCounters::default();
    for (seq, ticks, millis) in [(1, 0, 0), (2, 800, 116), (3, 1600, 216), (4, 2400, 300)] {
        counters.update(seq, ticks, SSRC, millis * MILLI, 8000);
    }
    assert_eq!(counters.jitter_ns(), Some(1_878_906));
}

#[test]
fn a_timestamp_that_goes_back_is_a_step_of_its_own_size() {
    let mut counters = RtpCounters::default();
    counters.update(1, 0, SSRC, 0, 8000);
    counters.update(2, 0_u32.wrapping_sub(80), SSRC, 0, 8000);
    assert_eq!(counters.jitter_ns(), Some(10 * MILLI as u64 / 16));
}

#[test]
fn jitter_is_unknown_without_a_clock_rate() {
    assert_eq!(count(&[1, 2, 3]).jitter_ns(), None);
}

/// The same figures from a set of all numbers, without a window.
fn naive(numbers: &[i64]) -> [u64; 4] {
    let mut seen = HashSet::new();
    let (mut duplicates, mut reordered, mut highest) = (0, 0, i64::MIN);
    for number in numbers {
        if !seen.insert(*number) {
            duplicates += 1;
        } else if *number < highest {
            reordered += 1;
        }
        highest = highest.max(*number);
    }
    let expected = seen
        .iter()
        .max()
        .zip(seen.iter().min())
        .map_or(0, |(high, low)| high - low + 1);
    [
        expected.cast_unsigned(),
        expected.cast_unsigned() - seen.len() as u64,
        duplicates,
        reordered,
    ]
}

/// Turns steps relative to the highest number so far into numbers: forward within the dropout, back within the window.
fn walk(first: u16, steps: &[i64]) -> Vec<i64> {
    let mut highest = i64::from(first) + 65_536;
    let mut numbers = std::vec![highest];
    for step in steps {
        let number = highest + step;
        numbers.push(number);
        highest = highest.max(number);
    }
    numbers
}

fn agrees(first: u16, steps: &[i64]) -> Result<(), TestCaseError> {
    let numbers = walk(first, steps);
    let wire: Vec<u16> = numbers
        .iter()
        .map(|number| number.cast_unsigned() as u16)
        .collect();
    prop_assert_eq!(figures(&count(&wire)), naive(&numbers));
    Ok(())
}

proptest! {
    #[test]
    fn small_steps_agree_with_a_set(first: u16, steps in proptest::collection::vec(-4_i64..=6, 0..400)) {
        agrees(first, &steps)?;
    }

    #[test]
    fn steps_as_wide_as_the_window_agree_with_a_set(
        first: u16,
        steps in proptest::collection::vec(-(WINDOW.cast_signed() - 1)..=700, 0..400),
    ) {
        agrees(first, &steps)?;
    }

    #[test]
    fn the_widest_steps_agree_with_a_set(
        first: u16,
        steps in proptest::collection::vec(
            prop_oneof![Just(1_i64), -511_i64..=511, Just(i64::from(MAX_DROPOUT)), 500_i64..520],
            0..600,
        ),
    ) {
        agrees(first, &steps)?;
    }

    #[test]
    fn no_input_breaks_the_sums(
        packets in proptest::collection::vec(any::<(u16, u32, bool, i64, u32)>(), 0..300),
    ) {
        let mut counters = RtpCounters::default();
        for (seq, timestamp, source, at_ns, rate) in &packets {
            counters.update(*seq, *timestamp, u32::from(*source), *at_ns, *rate);
        }
        let distinct = counters.expected() - counters.lost();
        prop_assert_eq!(counters.packets, distinct + counters.duplicates + counters.strays);
    }
}

/// Counts a stream with a clock of 90 kHz: of each packet the number, its timestamp and its time in ms.
fn count_timed(counters: &mut RtpCounters, packets: &[(u16, u32, i64)]) {
    for (seq, timestamp, millis) in packets {
        counters.update(*seq, *timestamp, SSRC, *millis * MILLI, 90_000);
    }
}

/// The fields in the order in which they are saved, with the jitter apart.
fn fields(counters: &RtpCounters) -> (Vec<u64>, u64) {
    struct Seen(Vec<u64>);
    impl crate::layout::Fields for Seen {
        fn field_u64(&mut self, value: &mut u64) {
            self.0.push(*value);
        }
        fn field_u32(&mut self, value: &mut u32) {
            self.0.push(u64::from(*value));
        }
        fn field_u8(&mut self, value: &mut u8) {
            self.0.push(u64::from(*value));
        }
    }
    let mut counters = *counters;
    let jitter = std::mem::take(&mut counters.jitter_scaled_ns);
    let mut seen = Seen(Vec::new());
    counters.visit_fields(&mut seen);
    (seen.0, jitter)
}

#[test]
fn a_count_from_empty_put_behind_another_is_as_one_count() {
    let before = [(10, 0, 0), (11, 900, 12), (13, 2_700, 31), (12, 1_800, 33)];
    let after = [
        (15, 4_500, 50),
        (16, 5_400, 58),
        (600, 531_000, 5_900),
        (601, 531_900, 5_911),
    ];
    let mut one = RtpCounters::default();
    count_timed(&mut one, &before);
    let mut two = one;
    count_timed(&mut one, &after);
    let mut later = RtpCounters::default();
    count_timed(&mut later, &after);
    two.append(&later, 90_000);
    assert_eq!(fields(&two).0, fields(&one).0);
    assert!(fields(&two).1.abs_diff(fields(&one).1) <= 16 * 8);
    assert_eq!((two.lost(), two.reordered), (1 + 583, 1));
}

#[test]
fn another_source_behind_is_a_new_numbering() {
    let mut counters = count(&[1, 2, 4]);
    let mut later = RtpCounters::default();
    for seq in [9, 10, 12] {
        later.update(seq, 0, 7, 0, 0);
    }
    let mut one = counters;
    for seq in [9, 10, 12] {
        one.update(seq, 0, 7, 0, 0);
    }
    counters.append(&later, 0);
    assert_eq!(fields(&counters), fields(&one));
}

proptest! {
    #[test]
    fn two_counts_put_together_are_one(
        before in proptest::collection::vec((-600_i64..4_000, 0_u32..9_000, 0_i64..90), 1..80),
        after in proptest::collection::vec((1_u16..=MAX_DROPOUT, 0_u32..9_000, 0_i64..90), 1..300),
        onward in proptest::collection::vec((-600_i64..4_000, 0_u32..9_000, 0_i64..90), 0..40),
        small: bool,
    ) {
        let (mut at, mut timestamp) = (0_i64, 1_000_u32);
        let mut one = RtpCounters::default();
        for (step, ticks, millis) in &before {
            let step = if small { step % 3 } else { *step };
            let number = one.highest.wrapping_add_signed(step) as u16;
            at += millis;
            timestamp = timestamp.wrapping_add(*ticks);
            count_timed(&mut one, &[(number, timestamp, at)]);
        }
        let (mut two, mut later) = (one, RtpCounters::default());
        let mut number = one.highest as u16;
        for (step, ticks, millis) in &after {
            let step = if small { step % 3 + 1 } else { *step };
            number = number.wrapping_add(step);
            at += millis;
            timestamp = timestamp.wrapping_add(*ticks);
            count_timed(&mut one, &[(number, timestamp, at)]);
            count_timed(&mut later, &[(number, timestamp, at)]);
        }
        two.append(&later, 90_000);
        prop_assert_eq!(fields(&two).0, fields(&one).0);
        prop_assert!(fields(&two).1.abs_diff(fields(&one).1) <= 16 * 8);
        for (step, ticks, millis) in &onward {
            let number = one.highest.wrapping_add_signed(*step) as u16;
            at += millis;
            timestamp = timestamp.wrapping_add(*ticks);
            count_timed(&mut one, &[(number, timestamp, at)]);
            count_timed(&mut two, &[(number, timestamp, at)]);
        }
        prop_assert_eq!(fields(&two).0, fields(&one).0);
    }
}
