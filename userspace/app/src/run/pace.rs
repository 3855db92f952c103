//! Plays saved captures at the pace at which they were taken.

use std::thread;
use std::time::{Duration, Instant};

use rtspscope_engine::Input;
use rtspscope_wire::Timestamp;

/// Longest sleep between two turns of the view, so that the user can leave at any time.
const NAP: Duration = Duration::from_millis(50);

/// Holds inputs back until their time has come.
#[derive(Debug)]
pub(crate) struct Pace {
    speed: f64,
    begin: Option<(Timestamp, Instant)>,
}

impl Pace {
    /// Time passes `speed` times as fast as when the capture was taken.
    pub(crate) const fn new(speed: f64) -> Self {
        Self { speed, begin: None }
    }

    /// Time until the input is due; none for what is due already, or has no time.
    pub(crate) fn left(&mut self, input: &Input<'_>) -> Option<Duration> {
        let Input::Frame(frame) = input else {
            return None;
        };
        let (first, begun_at) = *self.begin.get_or_insert_with(|| (frame.at, Instant::now()));
        let due = due_after(first, frame.at, self.speed);
        due.checked_sub(begun_at.elapsed())
            .filter(|left| !left.is_zero())
    }

    /// Sleeps for a part of the time that is left.
    pub(crate) fn nap(left: Duration) {
        thread::sleep(left.min(NAP));
    }
}

/// How long after the first frame one is due.
fn due_after(first: Timestamp, at: Timestamp, speed: f64) -> Duration {
    let seconds = (at - first).as_secs_f64() / speed;
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_due_by_its_time_and_the_speed() {
        let at = |secs: i64| Timestamp(secs * 1_000_000_000);
        assert_eq!(due_after(at(10), at(14), 1.0), Duration::from_secs(4));
        assert_eq!(due_after(at(10), at(14), 2.0), Duration::from_secs(2));
        assert_eq!(due_after(at(10), at(9), 1.0), Duration::ZERO);
        assert_eq!(
            due_after(Timestamp(i64::MIN), Timestamp(i64::MAX), 1e-3).as_secs(),
            9_223_372_036_854
        );
    }
}
