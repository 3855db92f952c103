//! Two sources that number their packets together.
//!
//! Some senders change the SSRC from packet to packet (0 for some of them, or anew for parameter sets) and count on. Each
//! source then lacks what the other has, and would seem to lose it. Counted together nothing is missing. The kernel counts
//! each source for itself, and what it keeps of both is enough to tell; it never calls this.

use super::{RtpCounters, WINDOW};

/// Numbers after which the sequence numbers of 16 bits come again.
const CYCLE: u64 = 1 << 16;

/// Sequence numbers of a numbering: all that there are, and those of them that never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Distinct ones from the lowest to the highest.
    pub expected: u64,
    /// Those that never came.
    pub lost: u64,
}

impl Numbers {
    /// No packet yet.
    pub const NONE: Self = Self {
        expected: 0,
        lost: 0,
    };
}

/// Extended sequence numbers from the lowest to the highest, both included.
#[derive(Clone, Copy)]
struct Range {
    lowest: u64,
    highest: u64,
}

impl RtpCounters {
    /// Its sequence numbers, over all numberings.
    pub fn numbers(&self) -> Numbers {
        Numbers {
            expected: self.expected(),
            lost: self.lost(),
        }
    }

    /// The numbers of this source and of `other` taken together; `None` where each has a numbering of its own, or that cannot be
    /// told.
    ///
    /// They are one numbering where they came at the same time, at the same numbers, and none of them twice: the last
    /// [`WINDOW`] of both show it number by number. Where one was silent since, it lacks a number between any two that it has, and all
    /// that it has fits into what the other lacks.
    pub fn numbers_with(&self, other: &Self) -> Option<Numbers> {
        let began_anew = self.closed_expected != 0 || other.closed_expected != 0;
        let at_one_time = self.first_ns <= other.last_ns && other.first_ns <= self.last_ns;
        if self.packets == 0 || other.packets == 0 || began_anew || !at_one_time {
            return None;
        }
        let (later, earlier) = if self.last_ns >= other.last_ns {
            (self, other)
        } else {
            (other, self)
        };
        let (own, beside) = (later.range(), earlier.range_beside(later));
        let begin_of_both = own.lowest.max(beside.lowest);
        if begin_of_both > own.highest.min(beside.highest) {
            return None;
        }
        let lowest = own.lowest.min(beside.lowest);
        let highest = own.highest.max(beside.highest);
        let expected = highest.wrapping_sub(lowest).wrapping_add(1);
        let distinct = self.distinct.wrapping_add(other.distinct);
        let lost = expected.checked_sub(distinct)?;
        let is_one = match later.recent_beside(earlier, [own.highest, beside.highest]) {
            Recent::Clash => false,
            Recent::Interlock => true,
            Recent::Nothing => earlier.lost().wrapping_add(1) >= earlier.distinct,
        };
        is_one.then_some(Numbers { expected, lost })
    }

    fn range(&self) -> Range {
        Range {
            lowest: self.lowest,
            highest: self.highest,
        }
    }

    /// The range of this source in the cycles of one that came later: behind it, or a little ahead for packets out of order.
    fn range_beside(&self, later: &Self) -> Range {
        let ahead = u64::from((self.highest as u16).wrapping_sub(later.highest as u16));
        let above = later.highest.wrapping_add(ahead);
        let highest = if ahead < WINDOW {
            above
        } else {
            above.wrapping_sub(CYCLE)
        };
        Range {
            lowest: highest.wrapping_sub(self.span()).wrapping_add(1),
            highest,
        }
    }

    /// What the last numbers of two sources say, where both windows hold them.
    fn recent_beside(&self, other: &Self, [own, beside]: [u64; 2]) -> Recent {
        let count = WINDOW.saturating_sub(own.abs_diff(beside));
        if count == 0 {
            return Recent::Nothing;
        }
        let first = own.min(beside).wrapping_add(1).wrapping_sub(count);
        let [own, others] = [&self.window, &other.window].map(|window| window.of(first, count));
        let any = |words: &[u64]| words.iter().any(|word| *word != 0);
        if own.iter().zip(&others).any(|(own, other)| own & other != 0) {
            Recent::Clash
        } else if any(&own) && any(&others) {
            Recent::Interlock
        } else {
            Recent::Nothing
        }
    }
}

/// What the last numbers of two sources are to each other.
enum Recent {
    /// One came from both.
    Clash,
    /// Both have some, and none is the same.
    Interlock,
    /// There are none to compare.
    Nothing,
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use crate::flow::FlowStats;
    use crate::flow::Payload;

    /// The counts of packets that came one each millisecond, with their source and number.
    fn count(packets: impl IntoIterator<Item = (u32, u16)>) -> FlowStats {
        let mut stats = FlowStats::default();
        for (at, (ssrc, sequence)) in (0_i64..).zip(packets) {
            let mut packet = std::vec![0x80, 96];
            packet.extend(sequence.to_be_bytes());
            packet.extend([0; 4]);
            packet.extend(ssrc.to_be_bytes());
            stats.record(&Payload::read(&packet, 12), at * 1_000_000, 0);
        }
        stats
    }

    fn together(packets: impl IntoIterator<Item = (u32, u16)>) -> Option<[u64; 2]> {
        let stats = count(packets);
        let numbers = stats.rtp.numbers_with(&stats.second)?;
        Some([numbers.expected, numbers.lost])
    }

    /// So many numbers from 65000 on, of which each `nth` has SSRC 0.
    fn mixed(count: u32, nth: u32) -> Vec<(u32, u16)> {
        let number = |n: u32| (65_000 + n) as u16;
        (0..count)
            .map(|n| (u32::from(n % nth != nth - 1) * 7, number(n)))
            .collect()
    }

    #[test]
    fn two_sources_that_fill_each_others_holes_lose_nothing() {
        for nth in [2, 3, 60, 500] {
            assert_eq!(together(mixed(2_000, nth)), Some([2_000, 0]), "{nth}");
        }
        assert_eq!(together(mixed(200_000, 60)), Some([200_000, 0]));
    }

    #[test]
    fn what_is_missing_of_a_shared_numbering_is_lost_once() {
        let some = |packets: Vec<(u32, u16)>| packets.into_iter().enumerate();
        let lossy = some(mixed(1_000, 60)).filter(|(n, _)| !(100..130).contains(n));
        assert_eq!(together(lossy.map(|(_, it)| it)), Some([1_000, 30]));
    }

    #[test]
    fn a_source_that_fell_silent_shared_the_numbering_where_its_numbers_fit() {
        let rest = (1_000..3_000u32).map(|n| (7, (65_000 + n) as u16));
        let all = mixed(1_000, 60).into_iter().chain(rest);
        assert_eq!(together(all), Some([3_000, 0]));
        let rest = (1_000..3_000u32).map(|n| (0, (65_000 + n) as u16));
        let all = mixed(1_000, 2).into_iter().chain(rest);
        assert_eq!(together(all), Some([3_000, 0]));
    }

    #[test]
    fn numberings_that_overlap_are_two() {
        let beside = |n: u32| [(7, n as u16), (9, (n + 100) as u16)];
        assert_eq!(together((0..1_000).flat_map(beside)), None);
        let lossy = (0..1_000).flat_map(beside).filter(|(_, n)| n % 10 != 3);
        assert_eq!(together(lossy), None);
    }

    #[test]
    fn repairs_that_number_their_packets_from_one_are_a_numbering_of_their_own() {
        let media = (1..2_000u16).filter(|n| n % 50 != 0).map(|n| (7, n));
        let with_repair = media.flat_map(|n| [Some(n), (n.1 % 50 == 2).then(|| (9, n.1 / 50 + 1))]);
        assert_eq!(together(with_repair.flatten()), None);
    }

    #[test]
    fn a_source_that_takes_over_begins_a_numbering() {
        let first = (0..500u16).map(|n| (7, n));
        assert_eq!(together(first.chain((520..900).map(|n| (9, n)))), None);
    }
}
