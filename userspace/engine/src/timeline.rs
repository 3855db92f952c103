//! How a medium's packets came over time, in bins of bounded number.
//!
//! A short capture is seen in tenths of a second, a long run in coarser steps: when the bins are used up, neighbours are
//! joined. The last half minute is kept in seconds besides, because that is what a live screen shows. Nothing here is
//! kept unless [`crate::EngineOptions::timelines`] asks for it, and what the tallies see is a difference of counters, so
//! that a packet costs the same whether it was counted here or in the kernel.

use rtspscope_wire::{Span, Timestamp};

use crate::model::{Bin, Series, Silence, Timeline};

/// Bins of the whole life of a medium.
const BINS: usize = 128;

/// Width of a bin before any are joined.
const FIRST_BIN: Span = Span::from_millis(100);

/// Seconds of the recent past that are kept one by one.
const RECENT_BINS: usize = 32;

/// Silences kept of one medium at one tap.
const SILENCES: usize = 16;

/// Time without a packet that a viewer sees as a freeze.
const SILENCE: Span = Span::from_secs(1);

/// Counts of a flow up to some packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    pub(crate) lost: u64,
}

/// One flow over time.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    seen: Totals,
    last_at: Timestamp,
    whole: Series,
    recent: Series,
    silences: Vec<Silence>,
    more_silences: u64,
}

impl Tally {
    /// A tally that begins at `at`.
    pub(crate) fn new(at: Timestamp) -> Self {
        Self {
            seen: Totals::default(),
            last_at: at,
            whole: series(at, FIRST_BIN),
            recent: series(at, Span::from_secs(1)),
            silences: Vec::new(),
            more_silences: 0,
        }
    }

    /// Takes in the counts as of `at`; what came since the last call counts as come then.
    pub(crate) fn note(&mut self, totals: Totals, at: Timestamp) {
        let bin = Bin {
            packets: difference(totals.packets, self.seen.packets),
            bytes: difference(totals.bytes, self.seen.bytes),
            lost: (totals.lost.cast_signed() - self.seen.lost.cast_signed()) as i32,
        };
        // What came before this was followed came from the first packet on.
        let is_first = std::mem::replace(&mut self.seen, totals).packets == 0;
        let at = if is_first { self.last_at } else { at };
        if bin.packets == 0 {
            return;
        }
        self.note_silence(at);
        add(&mut self.whole, at, bin, Full::Join);
        add(&mut self.recent, at, bin, Full::Forget);
    }

    /// The tally as outputs see it.
    pub(crate) fn timeline(&self) -> Timeline {
        Timeline {
            whole: self.whole.clone(),
            recent: self.recent.clone(),
            silences: self.silences.clone(),
            more_silences: self.more_silences,
        }
    }

    fn note_silence(&mut self, at: Timestamp) {
        if at - self.last_at >= SILENCE {
            if self.silences.len() < SILENCES {
                self.silences.push(Silence {
                    from: self.last_at,
                    until: at,
                });
            } else {
                self.more_silences += 1;
            }
        }
        self.last_at = self.last_at.max(at);
    }
}

/// What to do where the bins are used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    /// Join neighbours.
    Join,
    /// Let go of the oldest.
    Forget,
}

/// Adds another flow of the same medium.
pub(crate) fn merge(into: &mut Timeline, other: &Timeline) {
    for (series, more, full) in [
        (&mut into.whole, &other.whole, Full::Join),
        (&mut into.recent, &other.recent, Full::Forget),
    ] {
        while series.bin < more.bin {
            join(series);
        }
        for (index, bin) in more.bins.iter().enumerate() {
            if bin.packets > 0 {
                add(series, more.begin_of(index), *bin, full);
            }
        }
    }
    into.silences.extend(&other.silences);
    into.silences.sort_by_key(|silence| silence.from);
    let over = into.silences.len().saturating_sub(SILENCES);
    into.silences.truncate(SILENCES);
    into.more_silences += other.more_silences + over as u64;
}

fn difference(now: u64, before: u64) -> u32 {
    u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX)
}

/// A series whose bins lie on multiples of their width, so that series of one width fit each other.
fn series(at: Timestamp, bin: Span) -> Series {
    Series {
        start: Timestamp(at.0.div_euclid(bin.0).saturating_mul(bin.0)),
        bin,
        bins: Vec::new(),
    }
}

fn add(series: &mut Series, at: Timestamp, bin: Bin, full: Full) {
    let most = match full {
        Full::Join => BINS,
        Full::Forget => RECENT_BINS,
    };
    if full == Full::Forget && index(series, at) >= 2 * most {
        // All that is known lies too far back.
        *series = self::series(at, series.bin);
    }
    while index(series, at) >= most {
        match full {
            Full::Join => join(series),
            Full::Forget => forget(series),
        }
    }
    let place = index(series, at);
    if series.bins.len() <= place {
        series.bins.resize(place + 1, Bin::default());
    }
    if let Some(kept) = series.bins.get_mut(place) {
        kept.packets = kept.packets.saturating_add(bin.packets);
        kept.bytes = kept.bytes.saturating_add(bin.bytes);
        kept.lost = kept.lost.saturating_add(bin.lost);
    }
}

/// The bin of a time; what lies before the begin counts in the first.
fn index(series: &Series, at: Timestamp) -> usize {
    let steps = (at - series.start).0.div_euclid(series.bin.0);
    usize::try_from(steps).unwrap_or(0)
}

/// Doubles the width of the bins.
fn join(series: &mut Series) {
    let wider = self::series(series.start, Span(series.bin.0.saturating_mul(2)));
    let old = std::mem::replace(series, wider);
    for (index, bin) in old.bins.iter().enumerate() {
        add(series, old.begin_of(index), *bin, Full::Join);
    }
}

fn forget(series: &mut Series) {
    if !series.bins.is_empty() {
        series.bins.remove(0);
    }
    series.start = series.start + series.bin;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_millis(millis: i64) -> Timestamp {
        Timestamp(1_700_000_000_000_000_000) + Span::from_millis(millis)
    }

    /// A packet of 1,000 bytes every `step` ms, `count` of them.
    fn steady(step: i64, count: u64) -> Timeline {
        let mut tally = Tally::new(at_millis(0));
        for n in 0..count {
            let totals = Totals {
                packets: n + 1,
                bytes: (n + 1) * 1_000,
                lost: 0,
            };
            tally.note(totals, at_millis(step * n.cast_signed()));
        }
        tally.timeline()
    }

    fn packets(series: &Series) -> Vec<u32> {
        series.bins.iter().map(|bin| bin.packets).collect()
    }

    #[test]
    fn a_short_stream_is_seen_in_tenths_of_a_second() {
        let timeline = steady(25, 20);
        assert_eq!(timeline.whole.bin, Span::from_millis(100));
        assert_eq!(packets(&timeline.whole), [4; 5]);
        assert_eq!(timeline.whole.bins[0].bytes, 4_000);
    }

    #[test]
    fn a_long_stream_keeps_its_sum_in_no_more_bins() {
        let timeline = steady(40, 100_000);
        assert!(timeline.whole.bins.len() <= BINS);
        assert_eq!(packets(&timeline.whole).iter().sum::<u32>(), 100_000);
        assert_eq!(timeline.recent.bins.len(), RECENT_BINS);
        assert_eq!(packets(&timeline.recent)[..31], [25; 31]);
    }

    #[test]
    fn a_freeze_is_kept_with_its_ends() {
        let mut tally = Tally::new(at_millis(0));
        for (packets, millis) in [(1, 0), (2, 500), (3, 2_700), (4, 2_800)] {
            let totals = Totals {
                packets,
                ..Totals::default()
            };
            tally.note(totals, at_millis(millis));
        }
        let silence = Silence {
            from: at_millis(500),
            until: at_millis(2_700),
        };
        assert_eq!(tally.timeline().silences, [silence]);
    }

    #[test]
    fn a_late_packet_takes_its_loss_back() {
        let mut tally = Tally::new(at_millis(0));
        for (packets, lost, millis) in [(1, 0, 0), (2, 1, 20), (3, 0, 40)] {
            let totals = Totals {
                packets,
                lost,
                ..Totals::default()
            };
            tally.note(totals, at_millis(millis));
        }
        assert_eq!(tally.timeline().whole.bins[0].lost, 0);
    }

    #[test]
    fn a_jump_of_the_clock_costs_no_memory() {
        let mut tally = Tally::new(Timestamp(i64::MIN));
        for (packets, at) in [(1, 0), (2, i64::MAX), (3, i64::MIN), (4, 5)] {
            let totals = Totals {
                packets,
                ..Totals::default()
            };
            tally.note(totals, Timestamp(at));
        }
        let timeline = tally.timeline();
        assert!(timeline.whole.bins.len() <= BINS);
        assert!(timeline.recent.bins.len() <= RECENT_BINS);
    }

    #[test]
    fn two_flows_of_one_medium_are_added_whatever_their_widths() {
        let mut sum = steady(25, 40);
        merge(&mut sum, &steady(40, 1_000));
        assert_eq!(packets(&sum.whole).iter().sum::<u32>(), 1_040);
        merge(&mut sum, &steady(25, 40));
        assert_eq!(packets(&sum.whole).iter().sum::<u32>(), 1_080);
    }
}
