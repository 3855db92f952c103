//! Interarrival jitter (RFC 3550 §A.8) while the clock rate is not known yet.
//!
//! Media often passes before its SDP is read, or in another file. So jitter is kept for each usual rate, in the steps
//! that [`rtsp_ebpf_common::rtp::RtpCounters`] takes for one, and the description picks one at the end.

use rtsp_ebpf_common::rtp::Placed;

/// Rates in Hz that RFC 3551 and its successors name.
const RATES: [u32; 8] = [
    8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 90_000,
];

/// Longest difference in transit time that is taken in, as in the kernel: 2^40 ns.
const MAX_TRANSIT_STEP: u64 = 1 << 40;

/// Steps no longer than this, in ns by arrival and in ticks of the slowest rate, differ by less than
/// [`MAX_TRANSIT_STEP`]: 2^39 ns, and 500 s at 8 kHz.
const NEAR_NS: u64 = MAX_TRANSIT_STEP / 2;
const NEAR_TICKS: u32 = 4_000_000;

/// Running jitter of one stream for each usual clock rate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JitterBank {
    last: Option<Sample>,
    pairs: u64,
    /// Ticks of the last step, and what they last at each rate: nearly all steps of a stream are alike.
    step_ticks: i32,
    step_ns: [i64; RATES.len()],
    /// Jitter times 16 in ns, by the order of [`RATES`].
    scaled_ns: [u64; RATES.len()],
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    timestamp: u32,
    at_ns: i64,
}

impl JitterBank {
    /// Takes in a packet of one source. Where a numbering begins with it, a new measure does.
    pub(crate) fn update(&mut self, placed: Placed, timestamp: u32, at_ns: i64) {
        let sample = Sample { timestamp, at_ns };
        match (placed, self.last) {
            (Placed::Aside, _) => return,
            (Placed::Onward, Some(last)) => self.step(last, sample),
            (Placed::Onward | Placed::Anew, _) => {}
        }
        self.last = Some(sample);
    }

    /// Jitter in ns for a clock of `rate` Hz; `None` for a rate that is not kept or before the second packet.
    pub(crate) fn jitter_ns(&self, rate: u32) -> Option<u64> {
        let index = RATES
            .iter()
            .position(|known| *known == rate)
            .filter(|_| self.pairs > 0)?;
        self.scaled_ns.get(index).map(|scaled| scaled >> 4)
    }

    fn step(&mut self, last: Sample, sample: Sample) {
        self.pairs += 1;
        let arrival = sample.at_ns.wrapping_sub(last.at_ns);
        let ticks = sample.timestamp.wrapping_sub(last.timestamp).cast_signed();
        if ticks == 0 {
            // The next packet of the same picture: no time has passed at any rate.
            let transit = arrival.unsigned_abs().min(MAX_TRANSIT_STEP);
            for scaled in &mut self.scaled_ns {
                *scaled = moved(*scaled, transit);
            }
            return;
        }
        if ticks != self.step_ticks {
            self.step_ticks = ticks;
            self.step_ns = RATES.map(|rate| nanos(ticks, rate));
        }
        if arrival.unsigned_abs() > NEAR_NS || ticks.unsigned_abs() > NEAR_TICKS {
            return self.step_far(arrival);
        }
        for (scaled, media) in self.scaled_ns.iter_mut().zip(self.step_ns) {
            let transit = arrival.wrapping_sub(media);
            // The absolute value, as processors take it of several numbers at once.
            let sign = transit >> 63;
            let transit = ((transit ^ sign) - sign).cast_unsigned();
            *scaled = moved(*scaled, transit);
        }
    }

    #[cold]
    fn step_far(&mut self, arrival: i64) {
        for (scaled, media) in self.scaled_ns.iter_mut().zip(self.step_ns) {
            let transit = arrival.wrapping_sub(media).unsigned_abs();
            *scaled = moved(*scaled, transit.min(MAX_TRANSIT_STEP));
        }
    }
}

/// How long so many ticks last at a rate, in ns.
fn nanos(ticks: i32, rate: u32) -> i64 {
    let nanos = u64::from(ticks.unsigned_abs()) * 1_000_000_000 / u64::from(rate);
    nanos.cast_signed() * i64::from(ticks.signum())
}

/// The running jitter, times 16, after one more difference in transit time.
const fn moved(scaled_ns: u64, transit_ns: u64) -> u64 {
    scaled_ns + transit_ns - ((scaled_ns + 8) >> 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Placed::{Anew, Aside, Onward};

    #[test]
    fn only_the_true_rate_sees_a_steady_stream() {
        let mut bank = JitterBank::default();
        for n in 0..100u32 {
            bank.update(Onward, n * 3_600, i64::from(n) * 40_000_000);
        }
        assert_eq!(bank.jitter_ns(90_000), Some(0));
        assert!(bank.jitter_ns(48_000) > Some(1_000_000));
    }

    #[test]
    fn agrees_with_the_counters_of_the_kernel() {
        let mut bank = JitterBank::default();
        let mut counters = rtsp_ebpf_common::rtp::RtpCounters::default();
        for n in 0..50u16 {
            let at = i64::from(n) * 20_000_000 + i64::from(n % 7) * 1_300_000;
            let seq = if n < 25 { n } else { n + 20_000 };
            let placed = counters.update(seq, u32::from(n) * 160, 7, at, 8_000);
            bank.update(placed, u32::from(n) * 160, at);
        }
        assert_eq!(bank.jitter_ns(8_000), counters.jitter_ns());
    }

    #[test]
    fn an_unusual_rate_is_not_guessed() {
        let mut bank = JitterBank::default();
        bank.update(Anew, 0, 0);
        assert_eq!(bank.jitter_ns(90_000), None);
        bank.update(Onward, 3_600, 40_000_000);
        assert_eq!(bank.jitter_ns(90_000), Some(0));
        assert_eq!(bank.jitter_ns(12_345), None);
    }

    #[test]
    fn a_new_numbering_starts_a_new_measure_and_strays_take_no_part() {
        let mut bank = JitterBank::default();
        bank.update(Anew, 0, 0);
        bank.update(Anew, 3_000_000_000, 40_000_000);
        bank.update(Aside, 7, 50_000_000);
        bank.update(Onward, 3_000_003_600, 80_000_000);
        assert_eq!(bank.jitter_ns(90_000), Some(0));
    }
}
