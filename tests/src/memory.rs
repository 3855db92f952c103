//! What a run of the program needed at its peak, as the kernel accounts it.

use std::io::{self, BufWriter};
use std::mem::MaybeUninit;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::flood::Flood;
use crate::program;

/// Bytes that are written to the program at once.
const WRITE_LEN: usize = 256 << 10;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peak {
    /// Whether the program ended with success.
    pub succeeded: bool,
    /// Largest resident set, in bytes.
    pub bytes: u64,
}

/// Has `analyze` read a capture from its standard input while `write` makes it, and throws the report away.
pub fn of_analyzing(
    write: impl FnOnce(&mut Flood<BufWriter<ChildStdin>>) -> io::Result<()>,
) -> io::Result<Peak> {
    let [timeout, options @ ..] = program::LIMITED_LONG;
    let mut child = Command::new(timeout)
        .args(options)
        .arg(program::binary()?)
        .args(["analyze", "--format", "json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(stdin) = child.stdin.take() {
        let mut flood = Flood::new(BufWriter::with_capacity(WRITE_LEN, stdin))?;
        // A program that dies half-way shows in how it ended.
        let _ = write(&mut flood).and_then(|()| flood.finish());
    }
    wait(&child)
}

fn wait(child: &Child) -> io::Result<Peak> {
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
    let usage = unsafe { usage.assume_init() };
    Ok(Peak {
        succeeded: status == 0,
        // Linux gives ru_maxrss in KiB (getrusage(2)), of the largest descendant where one is larger.
        bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1_024,
    })
}
