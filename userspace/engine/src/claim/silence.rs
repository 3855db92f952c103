//! The longest silence of a medium that several sources sent, one after the other or beside each other.
//!
//! Counters know the longest silence of each source by itself. A source that repeats packets now and then is silent for long
//! while the other sends on, and between the last packet of one and the first of the next nobody sends. So the time is cut where
//! a source begins or ends: there is a packet at each cut, and between two cuts the medium was silent no longer than the least
//! silent source.

use rtspscope_wire::{Span, Timestamp};

/// When one source sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sending {
    /// The first packet.
    pub(super) first: Timestamp,
    /// The last packet.
    pub(super) last: Timestamp,
    /// Longest time between two packets.
    pub(super) max_gap: Span,
}

/// How long nothing of a medium came at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Silence {
    /// While a source was sending.
    pub(super) while_sending: Span,
    /// At any time from the first packet to the last.
    pub(super) in_all: Span,
}

/// The longest silence of these sources together.
pub(super) fn longest(sources: &[Sending]) -> Silence {
    let ends = |sending: &Sending| [sending.first, sending.last];
    let mut cuts: Vec<Timestamp> = sources.iter().flat_map(ends).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut silence = Silence::default();
    for pair in cuts.windows(2) {
        let &[begin, end] = pair else { continue };
        let sending = sources
            .iter()
            .filter(|sending| sending.first <= begin && end <= sending.last);
        let least = sending.map(|sending| sending.max_gap).min();
        let time = end - begin;
        let gap = least.map_or(time, |gap| gap.min(time));
        if least.is_some() {
            silence.while_sending = silence.while_sending.max(gap);
        }
        silence.in_all = silence.in_all.max(gap);
    }
    silence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sources: &[[i64; 3]]) -> [i64; 2] {
        let sources: Vec<Sending> = sources
            .iter()
            .map(|&[first, last, gap]| Sending {
                first: Timestamp(first),
                last: Timestamp(last),
                max_gap: Span(gap),
            })
            .collect();
        let silence = longest(&sources);
        [silence.while_sending.0, silence.in_all.0]
    }

    #[test]
    fn of_one_source_it_is_its_own() {
        assert_eq!(of(&[[0, 100, 20]]), [20, 20]);
        assert_eq!(of(&[[5, 5, 0]]), [0, 0]);
    }

    #[test]
    fn between_two_sources_nobody_sends() {
        assert_eq!(of(&[[200, 300, 10], [0, 100, 20]]), [20, 100]);
    }

    #[test]
    fn a_source_that_sends_on_fills_the_silence_of_another() {
        assert_eq!(of(&[[0, 100, 2], [10, 90, 80]]), [2, 2]);
    }

    #[test]
    fn what_only_one_of_them_covers_is_that_ones_silence() {
        assert_eq!(of(&[[0, 60, 2], [50, 150, 80]]), [80, 80]);
        assert_eq!(of(&[[0, 60, 2], [50, 70, 15], [65, 65, 0]]), [5, 5]);
    }
}
