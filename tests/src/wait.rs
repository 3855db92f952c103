//! Waiting for a condition with a deadline, the only way in which anything in the lab waits.

use std::env;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// Time between two looks at a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Longest time for anything in a test to begin or to end: whatever takes longer hangs. Nothing is concluded from a time below
/// it, so that a machine busy with other things fails no test.
pub const LIMIT: Duration = Duration::from_mins(2);

/// A number that every limit is multiplied by, for machines that are slow because a processor is emulated.
const PATIENCE: &str = "RTSPSCOPE_TEST_PATIENCE";

/// Looks at `condition` until it yields a value.
///
/// Fails with [`io::ErrorKind::TimedOut`] and the name of what was waited for once `limit` has passed.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> io::Result<T> {
    let limit = limit * patience();
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("waited {limit:?} for {what}"),
            ));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

fn patience() -> u32 {
    let number = env::var(PATIENCE).ok();
    number.and_then(|number| number.parse().ok()).unwrap_or(1)
}
