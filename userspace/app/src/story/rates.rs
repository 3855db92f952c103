//! A medium's rate and loss over time at every tap, on one axis.

use rtspscope_engine::model::{Bin, MediaStream, Series, Timeline};
use rtspscope_wire::{Span, Timestamp};

use super::Place;

/// Rates of one medium.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rates {
    /// Begin of the axis.
    pub(crate) start: Timestamp,
    /// Width of a step.
    pub(crate) bin: Span,
    /// Steps of the axis.
    pub(crate) len: usize,
    /// A series for each place that was followed, all of `len` steps.
    pub(crate) taps: Vec<TapRates>,
}

/// What passed one place over time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TapRates {
    pub(crate) place: Place,
    pub(crate) bits_per_second: Vec<f64>,
    pub(crate) packets: Vec<u32>,
    /// Growth of the loss, never less than zero.
    pub(crate) lost: Vec<u32>,
}

/// Which part of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// All of it.
    Whole,
    /// The last half minute in seconds.
    Recent,
}

/// The rates of a medium; `None` where it was not followed over time at any tap.
pub(crate) fn of(media: &MediaStream, part: Of) -> Option<Rates> {
    let pick = |timeline: &Timeline| match part {
        Of::Whole => timeline.whole.clone(),
        Of::Recent => timeline.recent.clone(),
    };
    let followed: Vec<(Place, Series)> = media
        .arrivals
        .iter()
        .filter_map(|arrival| Some((Place::of(arrival), pick(arrival.timeline.as_ref()?))))
        .collect();
    let bin = followed.iter().map(|(_, series)| series.bin).max()?;
    let start = followed.iter().map(|(_, series)| series.start).min()?;
    let start = Timestamp(start.0.div_euclid(bin.0).saturating_mul(bin.0));
    let place = |at: Timestamp| usize::try_from((at - start).0.div_euclid(bin.0)).unwrap_or(0);
    let end = |series: &Series| place(series.begin_of(series.bins.len().saturating_sub(1)));
    // The recent past of taps that heard something at quite different times has no common axis.
    let len = followed
        .iter()
        .map(|(_, series)| end(series))
        .max()?
        .min(MAX_STEPS)
        + 1;
    let taps = followed
        .iter()
        .map(|(seen_at, series)| tap_rates(*seen_at, series, bin, len, place))
        .collect();
    Some(Rates {
        start,
        bin,
        len,
        taps,
    })
}

/// Steps of an axis at most; twice what a series has bins.
const MAX_STEPS: usize = 256;

fn tap_rates(
    seen_at: Place,
    series: &Series,
    bin: Span,
    len: usize,
    place: impl Fn(Timestamp) -> usize,
) -> TapRates {
    let mut bins = vec![Bin::default(); len];
    for (index, more) in series.bins.iter().enumerate() {
        if let Some(sum) = bins.get_mut(place(series.begin_of(index))) {
            sum.packets = sum.packets.saturating_add(more.packets);
            sum.bytes = sum.bytes.saturating_add(more.bytes);
            sum.lost = sum.lost.saturating_add(more.lost);
        }
    }
    let seconds = bin.as_secs_f64();
    TapRates {
        place: seen_at,
        bits_per_second: bins
            .iter()
            .map(|bin| f64::from(bin.bytes) * 8.0 / seconds)
            .collect(),
        packets: bins.iter().map(|bin| bin.packets).collect(),
        lost: bins
            .iter()
            .map(|bin| u32::try_from(bin.lost).unwrap_or(0))
            .collect(),
    }
}

impl Rates {
    /// When a step begins.
    pub(crate) fn begin_of(&self, step: usize) -> Timestamp {
        let steps = i64::try_from(step).unwrap_or(i64::MAX);
        self.start + Span(self.bin.0.saturating_mul(steps))
    }
}

/// A rate as a whole number; none is less than zero.
#[expect(
    clippy::cast_sign_loss,
    reason = "casts of floats saturate, and no rate is less than zero"
)]
pub(crate) const fn whole(rate: f64) -> u64 {
    rate as u64
}

/// A rate for eyes: three digits and a unit.
pub(crate) fn bits(per_second: u64) -> String {
    let units = [
        (1_000_000_000, "Gb/s"),
        (1_000_000, "Mb/s"),
        (1_000, "kb/s"),
    ];
    let scaled = units.iter().find(|(unit, _)| per_second >= *unit);
    let Some((unit, name)) = scaled else {
        return format!("{per_second} b/s");
    };
    let value = per_second as f64 / *unit as f64;
    if value < 10.0 {
        format!("{value:.1} {name}")
    } else {
        format!("{value:.0} {name}")
    }
}

#[cfg(test)]
mod tests {
    use rtspscope_engine::model::Arrival;
    use rtspscope_wire::TapId;

    use super::*;

    fn series(start_ms: i64, bin_ms: i64, bytes: &[u32]) -> Series {
        Series {
            start: Timestamp(0) + Span::from_millis(start_ms),
            bin: Span::from_millis(bin_ms),
            bins: bytes
                .iter()
                .map(|bytes| Bin {
                    packets: 1,
                    bytes: *bytes,
                    lost: 0,
                })
                .collect(),
        }
    }

    fn arrival(tap: u16, whole: Series) -> Arrival {
        Arrival {
            timeline: Some(Timeline {
                recent: whole.clone(),
                whole,
                silences: Vec::new(),
                more_silences: 0,
            }),
            ..Arrival::new(TapId(tap), Some(usize::from(tap)))
        }
    }

    #[test]
    fn taps_with_bins_of_two_widths_share_the_wider() {
        let media = MediaStream {
            arrivals: vec![
                arrival(0, series(1_000, 100, &[100, 100, 100, 100])),
                arrival(1, series(1_200, 200, &[1_000, 500])),
            ],
            ..MediaStream::default()
        };
        let rates = of(&media, Of::Whole).unwrap();
        assert_eq!(
            (rates.start.0, rates.bin, rates.len),
            (1_000_000_000, Span::from_millis(200), 3)
        );
        assert_eq!(rates.taps[0].bits_per_second, [8_000.0, 8_000.0, 0.0]);
        assert_eq!(rates.taps[1].bits_per_second, [0.0, 40_000.0, 20_000.0]);
    }

    #[test]
    fn a_medium_that_was_not_followed_has_no_rates() {
        assert_eq!(of(&MediaStream::default(), Of::Whole), None);
    }

    #[test]
    fn rates_have_few_digits_and_a_unit() {
        let shown = [950, 1_500, 83_200, 4_250_000, 12_000_000_000].map(bits);
        assert_eq!(
            shown,
            ["950 b/s", "1.5 kb/s", "83 kb/s", "4.2 Mb/s", "12 Gb/s"]
        );
    }
}
