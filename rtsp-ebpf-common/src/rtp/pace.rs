//! Tells an outage from a restart: a source that went on sending kept its timestamps in step with time.
//!
//! RFC 3550 §A.1 takes every jump of more than [`MAX_DROPOUT`](super::MAX_DROPOUT) numbers for a restart, and with it
//! thousands of lost packets for none. A restarted source draws its timestamp at random (RFC 3550 §5.1); one that was
//! only not heard has moved on by as many ticks as the time takes at the pace kept so far, and by no more packets than the
//! time has room for. The pace is taken from the
//! stream itself, because the clock rate is often not known yet, and compared by products: the kernel divides badly.

/// Time of which a pace is made at least, in [`units`].
const MIN_PACED: u64 = 1 << 8;

/// Most time in [`units`] that is compared: 26 days. With at most 2^31 ticks no product leaves 64 bits.
const MAX_TIME: u64 = 1 << 31;

/// Ticks of a pace after which it is measured anew: 3.3 hours at 90 kHz.
const MAX_TICKS: u32 = 1 << 30;

/// How many times as fast as so far numbers may have passed in an outage: pictures come in bursts.
const MOST_HASTE: u64 = 8;

/// Beside the gap, time in [`units`] in which a burst may have passed.
const BURST: u64 = 1 << 6;

/// Most numbers that are taken for the rate so far, so that no product leaves 64 bits.
const MAX_NUMBERS: u64 = 1 << 28;

/// How far a timestamp may be off beside an eighth of the gap, in [`units`]: about a second.
const SLACK: u64 = 1 << 10;

/// Where timestamps stood when the pace was first measured, and where they stand.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) since_ns: i64,
    pub(super) last_ns: i64,
    pub(super) since_timestamp: u32,
    pub(super) last_timestamp: u32,
}

impl Pace {
    pub(super) const EMPTY: Self = Self {
        since_ns: 0,
        last_ns: 0,
        since_timestamp: 0,
        last_timestamp: 0,
    };

    /// Takes in a packet that found its place; the measure starts with it where a numbering begins `anew`.
    #[inline(always)]
    pub(super) fn note(&mut self, timestamp: u32, at_ns: i64, anew: bool) {
        if anew || timestamp.wrapping_sub(self.since_timestamp) > MAX_TICKS {
            self.since_timestamp = timestamp;
            self.since_ns = at_ns;
        }
        self.last_timestamp = timestamp;
        self.last_ns = at_ns;
    }

    /// Goes on where a measure stands that began after this one.
    pub(super) fn append(&mut self, later: &Self) {
        let since = *self;
        *self = *later;
        if later.last_timestamp.wrapping_sub(since.since_timestamp) <= MAX_TICKS {
            self.since_timestamp = since.since_timestamp;
            self.since_ns = since.since_ns;
        }
    }

    /// Whether a source that never stopped would send this timestamp at this time.
    #[inline(always)]
    pub(super) fn is_kept_by(&self, timestamp: u32, at_ns: i64) -> bool {
        let paced = units(self.since_ns, self.last_ns);
        let ticks = u64::from(self.last_timestamp.wrapping_sub(self.since_timestamp));
        let gap = units(self.last_ns, at_ns);
        let gap_ticks = timestamp.wrapping_sub(self.last_timestamp);
        let is_measured = (MIN_PACED..=MAX_TIME).contains(&paced) && ticks != 0;
        if !is_measured || gap > MAX_TIME || gap_ticks.cast_signed() < 0 {
            return false;
        }
        let came = u64::from(gap_ticks).wrapping_mul(paced);
        let due = ticks.wrapping_mul(gap);
        came.abs_diff(due) <= (due >> 3).wrapping_add(ticks.wrapping_mul(SLACK))
    }

    /// Whether a source that sent `counted` numbers at this pace can have sent `skipped` more since its last packet.
    #[inline(always)]
    pub(super) fn has_time_for(&self, skipped: u16, counted: u64, at_ns: i64) -> bool {
        let paced = units(self.since_ns, self.last_ns).min(MAX_TIME);
        let gap = units(self.last_ns, at_ns).min(MAX_TIME);
        let counted = counted.min(MAX_NUMBERS);
        let needed = u64::from(skipped).wrapping_mul(paced);
        needed
            <= counted
                .wrapping_mul(MOST_HASTE)
                .wrapping_mul(gap.wrapping_add(BURST))
    }
}

/// Time from one instant to another in units of 2^20 ns, about a millisecond; far too much for a step back.
#[inline(always)]
fn units(from_ns: i64, to_ns: i64) -> u64 {
    to_ns.wrapping_sub(from_ns).cast_unsigned() >> 20
}

#[cfg(test)]
mod tests {
    use crate::rtp::{Placed, RtpCounters};

    const MILLI: i64 = 1_000_000;

    /// 200 packets, one each 10 ms at 90 kHz from number 0 and `timestamp` on; then packets given by their number, the
    /// ms since the first, and their timestamp counted from it.
    fn stream(timestamp: u32, then: &[(u16, i64, u32)]) -> RtpCounters {
        let mut counters = RtpCounters::default();
        let steady = (0..200_u16).map(|n| (n, i64::from(n) * 10, u32::from(n) * 900));
        for (seq, millis, ticks) in steady.chain(then.iter().copied()) {
            counters.update(seq, timestamp.wrapping_add(ticks), 7, millis * MILLI, 0);
        }
        counters
    }

    /// Expected, lost, strays, restarts.
    fn figures(counters: &RtpCounters) -> (u64, u64, u64, u32) {
        (
            counters.expected(),
            counters.lost(),
            counters.strays,
            counters.restarts,
        )
    }

    #[test]
    fn an_outage_of_more_numbers_than_a_dropout_is_loss_where_timestamps_kept_step() {
        // 100 s later, at the same pace.
        let after = [(10_200, 102_000, 9_180_000), (10_201, 102_010, 9_180_900)];
        assert_eq!(
            figures(&stream(0, &after)),
            (10_202, 10_000, 0, 0),
            "numbers 200 to 10199 are lost"
        );
        assert_eq!(
            figures(&stream(u32::MAX - 90_000, &after)),
            (10_202, 10_000, 0, 0),
            "also where the timestamps wrap"
        );
    }

    #[test]
    fn what_is_lost_right_after_an_outage_counts_too() {
        let after = [
            (10_200, 102_000, 9_180_000),
            (10_201, 102_010, 9_180_900),
            (10_203, 102_030, 9_182_700),
        ];
        assert_eq!(figures(&stream(0, &after)), (10_204, 10_001, 0, 0));
    }

    #[test]
    fn a_jump_in_number_and_timestamp_is_a_restart() {
        let after = [
            (10_200, 2_010, 3_000_000_000),
            (10_201, 2_020, 3_000_000_900),
        ];
        assert_eq!(figures(&stream(0, &after)), (202, 0, 0, 1));
    }

    #[test]
    fn a_jump_in_number_alone_after_a_pause_is_a_restart() {
        // 100 s later the timestamp goes on where it stopped, as of a server that paused.
        let after = [(10_200, 102_000, 180_000), (10_201, 102_010, 180_900)];
        assert_eq!(figures(&stream(0, &after)), (202, 0, 0, 1));
    }

    #[test]
    fn a_jump_in_number_without_the_time_for_so_many_packets_is_a_restart() {
        // The timestamp keeps step, and nothing else than 10 ms can have passed unheard.
        for number in [10_200, 60_000] {
            let after = [(number, 2_010, 180_900), (number + 1, 2_020, 181_800)];
            assert_eq!(figures(&stream(0, &after)), (202, 0, 0, 1));
        }
    }

    #[test]
    fn an_outage_in_which_pictures_came_in_a_burst_is_loss() {
        // 10 s at 700 packets a second, after 100 a second.
        let after = [(7_200, 12_000, 1_080_000), (7_201, 12_010, 1_080_900)];
        assert_eq!(figures(&stream(0, &after)), (7_202, 7_000, 0, 0));
    }

    #[test]
    fn one_packet_that_keeps_pace_is_no_outage() {
        let after = [
            (10_200, 102_000, 9_180_000),
            (200, 102_010, 180_000),
            (201, 102_020, 180_900),
        ];
        assert_eq!(figures(&stream(0, &after)), (202, 0, 1, 0));
    }

    #[test]
    fn a_stray_does_not_vouch_for_the_next() {
        let after = [
            (10_200, 2_010, 3_000_000_000),
            (10_202, 2_030, 3_000_001_800),
            (10_203, 2_040, 3_000_002_700),
        ];
        assert_eq!(figures(&stream(0, &after)), (202, 0, 1, 1));
    }

    #[test]
    fn a_restart_is_no_jitter() {
        let mut counters = RtpCounters::default();
        for (seq, millis, ticks) in [
            (1, 0, 0),
            (2, 10, 900),
            (40_000, 20, 3_000_000_000),
            (40_001, 30, 3_000_000_900),
            (40_002, 40, 3_000_001_800),
        ] {
            counters.update(seq, ticks, 7, millis * MILLI, 90_000);
        }
        assert_eq!(
            (
                counters.jitter_ns(),
                counters.jitter_samples,
                counters.restarts
            ),
            (Some(0), 2, 1)
        );
    }

    #[test]
    fn a_packet_tells_what_became_of_it() {
        let mut counters = RtpCounters::default();
        let placed = [5, 6, 40_000, 40_001, 40_002].map(|seq| counters.update(seq, 0, 7, 0, 0));
        assert_eq!(
            placed,
            [
                Placed::Anew,
                Placed::Onward,
                Placed::Aside,
                Placed::Anew,
                Placed::Onward
            ]
        );
    }
}
