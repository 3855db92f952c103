//! What one run of a program cost: wall clock, processor time and peak memory, as the kernel accounts them.

use std::{
    io,
    mem::MaybeUninit,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::process::describe;

/// The cost of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// From start to end.
    pub(crate) wall: Duration,
    /// User and system time of the program and of the children it waited for.
    pub(crate) cpu: Duration,
    /// Largest resident set, in bytes.
    pub(crate) peak_memory_bytes: u64,
}

/// Runs a program with its output thrown away, and tells what that cost.
pub(crate) fn cost_of(command: &mut Command) -> Result<Cost> {
    let name = describe(command);
    let started_at = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start `{name}`"))?;
    let (status, usage) = wait(&child).with_context(|| format!("cannot wait for `{name}`"))?;
    if status != 0 {
        bail!("`{name}` failed (wait status {status:#x})");
    }
    Ok(Cost {
        wall: started_at.elapsed(),
        cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
        // Linux gives ru_maxrss in KiB (getrusage(2)).
        peak_memory_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
    })
}

fn wait(child: &Child) -> io::Result<(libc::c_int, libc::rusage)> {
    let pid = libc::pid_t::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to live memory of the types that wait4 fills, and the child is ours and not yet
    // waited for.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) };
    if waited < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: rusage is plain integers, zeroed above and filled by wait4.
    Ok((status, unsafe { usage.assume_init() }))
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let micros = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_has_no_cost() {
        assert!(cost_of(&mut Command::new("false")).is_err());
    }

    #[test]
    fn a_program_that_succeeds_used_some_memory() {
        let cost = cost_of(&mut Command::new("true")).expect("`true` runs");
        assert!(cost.peak_memory_bytes > 0);
    }
}
