//! Clocks that were set back while they told the times of a capture.
//!
//! A capture holds the frames of an interface in the order in which they came. Where a time lies well before the last one,
//! the clock was set, or another capture was put behind this one. From there on times are counted on from the last one, so
//! that what follows in the capture follows in time, and stays in step with what another tap saw.

use rtspscope_wire::{Span, Timestamp};

use super::item::Tap;

/// How far back a time may lie as it is: packets of several processors come a little out of order.
const MOMENT: Span = Span(1_000_000_000);

/// The clock of each tap of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Clocks {
    known: Vec<Clock>,
    /// The one that was read last, by its place in the list.
    last: usize,
    first_step: Option<FirstStep>,
    steps: u64,
}

#[derive(Clone, Copy, Debug)]
struct Clock {
    tap: Tap,
    /// The latest time that was given.
    latest: Timestamp,
    /// How far its times are behind those that are given.
    behind: Span,
}

/// The first time that a clock was set back.
#[derive(Clone, Copy, Debug)]
struct FirstStep {
    /// Number of the frame with the first time after that.
    frame: u64,
    by: Span,
}

impl Clocks {
    /// The time of a frame at a tap, whose clock said `at`.
    #[inline]
    pub(super) fn time_of(&mut self, tap: Tap, at: Timestamp, frame: u64) -> Timestamp {
        let known = self.known.get_mut(self.last);
        if let Some(clock) = known.filter(|clock| clock.tap == tap) {
            let at = at + clock.behind;
            if clock.latest - at <= MOMENT {
                clock.latest = clock.latest.max(at);
                return at;
            }
        }
        self.read(tap, at, frame)
    }

    /// The same of another tap than the last, or of a clock that was set.
    #[cold]
    fn read(&mut self, tap: Tap, at: Timestamp, frame: u64) -> Timestamp {
        let place = self.known.iter().position(|clock| clock.tap == tap);
        self.last = place.unwrap_or(self.known.len());
        if place.is_none() {
            self.known.push(Clock {
                tap,
                latest: at,
                behind: Span(0),
            });
        }
        let Some(clock) = self.known.get_mut(self.last) else {
            return at;
        };
        let by = clock.latest - (at + clock.behind);
        if by > MOMENT {
            clock.behind = clock.behind + by;
            self.steps += 1;
            self.first_step.get_or_insert(FirstStep { frame, by });
        }
        let at = at + clock.behind;
        clock.latest = clock.latest.max(at);
        at
    }

    /// How far the clock that is furthest behind is.
    pub(super) fn furthest_behind(&self) -> Span {
        let all = self.known.iter().map(|clock| clock.behind);
        all.max().unwrap_or(Span(0))
    }

    /// What the user is told of clocks that were set back.
    pub(super) fn told(&self) -> Option<String> {
        let FirstStep { frame, by } = self.first_step?;
        let seconds = by.0 as f64 / 1e9;
        let again = match self.steps {
            1 => String::new(),
            2 => ", and once again later".to_owned(),
            more => format!(", and {} times more later", more - 1),
        };
        Some(format!(
            "frame {frame} is {seconds:.1} s before the one before it{again}: the clock was set back, or captures were put \
             behind each other; from there on times are counted on"
        ))
    }
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::TapId;

    use super::*;

    const ONE: Tap = Tap::Open(TapId(0));
    const OTHER: Tap = Tap::Open(TapId(1));

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    #[test]
    fn times_go_on_where_a_clock_is_set_back() {
        let mut clocks = Clocks::default();
        let mut at = |tap, secs, frame| clocks.time_of(tap, seconds(secs), frame);
        assert_eq!(at(ONE, 100, 1), seconds(100));
        assert_eq!(at(OTHER, 50, 2), seconds(50));
        assert_eq!(at(ONE, 70, 3), seconds(100));
        assert_eq!(at(OTHER, 51, 4), seconds(51));
        assert_eq!(at(ONE, 72, 5), seconds(102));
        assert_eq!(at(ONE, 60, 6), seconds(102));
        assert_eq!(clocks.furthest_behind(), Span(42_000_000_000));
        let told = clocks.told().unwrap();
        assert!(
            told.starts_with("frame 3 is 30.0 s before the one before it, and once again later")
        );
    }

    #[test]
    fn a_step_forward_and_a_little_disorder_are_left() {
        let mut clocks = Clocks::default();
        for secs in [100, 99, 7_300, 7_299] {
            assert_eq!(clocks.time_of(ONE, seconds(secs), 1), seconds(secs));
        }
        assert_eq!(clocks.told(), None);
    }
}
