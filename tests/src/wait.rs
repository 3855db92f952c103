//! Waiting for a condition with a deadline, the only way in which anything in the lab waits.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// Time between two looks at a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Looks at `condition` until it yields a value.
///
/// Fails with [`io::ErrorKind::TimedOut`] and the name of what was waited for once `limit` has passed.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> io::Result<T> {
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
