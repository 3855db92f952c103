//! What the process gives up once it has what it needs: user, capabilities, files, and system calls.
//!
//! It reads strangers' bytes, so what a mistake in a parser could reach is kept small. Capabilities, files and system
//! calls are a thread's own; all of this comes before the first packet is read and before further threads begin.

#[cfg_attr(
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )),
    path = "sandbox/calls_elsewhere.rs"
)]
mod calls;
mod capabilities;
mod files;
mod user;

use std::io;
use std::path::PathBuf;
use std::thread;

pub(crate) use user::User;

use crate::failure::Failure;

/// A capability by its number in `linux/capability.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capability(pub(crate) u32);

impl Capability {
    /// Write where root may, whoever owns the place.
    pub(crate) const DAC_OVERRIDE: Self = Self(1);
    /// Attach kernel programs to interfaces.
    pub(crate) const NET_ADMIN: Self = Self(12);
    /// Open packet sockets.
    pub(crate) const NET_RAW: Self = Self(13);
    /// Let kernel programs read packets.
    pub(crate) const PERFMON: Self = Self(38);
    /// Load kernel programs.
    pub(crate) const BPF: Self = Self(39);
}

/// What the process goes on with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rest {
    /// Who it runs as from then on; `None` for whoever it is.
    pub user: Option<User>,
    /// Capabilities that it keeps, as far as it has them.
    pub capabilities: Vec<Capability>,
    /// Files that it reads; `None` leaves all files as they are, for a user at the keyboard who may name any.
    pub reads: Option<Vec<PathBuf>>,
    /// Files that it writes; what is beside them stays writable, so that a new one can take the place of a moved one.
    pub writes: Vec<PathBuf>,
}

/// Gives up all the rest. Returns in a line what came of it.
pub(crate) fn enter(rest: &Rest) -> Result<String, Failure> {
    let who = match &rest.user {
        Some(user) => format!("runs as {}, ", user.name()),
        None => String::new(),
    };
    let kept = capabilities::keep(&rest.capabilities, rest.user.as_ref())?;
    let files = match &rest.reads {
        Some(reads) => files::restrict(reads, &rest.writes),
        None => "all files (the screen saves where you say)",
    };
    let calls = calls::restrict();
    Ok(format!("{who}keeps {kept}; {files}; {calls}"))
}

/// Tries something with the rights to files that are left later on, in a thread of its own, which alone has no others.
pub(crate) fn try_with<T: Send>(
    rest: &Rest,
    work: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    let within = || {
        if let Some(user) = &rest.user {
            user.act_as_it();
        }
        capabilities::keep_in_this_thread(&rest.capabilities)?;
        work()
    };
    let outcome = thread::scope(|scope| scope.spawn(within).join());
    outcome.unwrap_or_else(|_| Err(io::Error::other("the thread that tries it ended")))
}

/// Keeps only these files within reach and few system calls; capabilities stay, by which root reads others' files.
pub(crate) fn read_only(reads: &[PathBuf], writes: &[PathBuf]) {
    // Both are more than an ordinary run has, and where a kernel has neither the run is an ordinary one.
    let _told = (files::restrict(reads, writes), calls::restrict());
}

#[cfg(test)]
mod tests;
