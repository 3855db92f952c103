//! Capabilities (`capabilities(7)`): all but a few leave every set, for good.

use std::io;

use super::user::check;
use super::{Capability, User};
use crate::failure::Failure;

/// Version 3 of the kernel's interface: 64 capabilities in two words (`linux/capability.h`).
const VERSION_3: u32 = 0x2008_0522;

/// Highest number that is tried; the kernel says where its own end.
const LAST: u32 = 63;

/// What `capget` and `capset` begin with.
#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

/// One word of each set.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Keeps these capabilities, becomes `user`, and gives the rest up. Returns which were kept, for a line.
pub(super) fn keep(wanted: &[Capability], user: Option<&User>) -> Result<String, Failure> {
    let kept = had_of(wanted).map_err(failed("capget"))?;
    drop_bounding(kept);
    // SAFETY: no memory is passed. A kernel without ambient capabilities (before 4.3) has none to clear.
    unsafe {
        libc::prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_CLEAR_ALL,
            0,
            0,
            0,
        )
    };
    if let Some(user) = user {
        // SAFETY: no memory is passed.
        check(unsafe { libc::prctl(libc::PR_SET_KEEPCAPS, 1, 0, 0, 0) })
            .map_err(failed("PR_SET_KEEPCAPS"))?;
        user.become_it().map_err(|error| {
            Failure::new(
                format_args!("--user {}", user.name()),
                crate::failure::reason(&error),
                "start it as root",
            )
        })?;
    }
    set(kept).map_err(failed("capset"))?;
    // SAFETY: no memory is passed.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
        .map_err(failed("PR_SET_NO_NEW_PRIVS"))?;
    Ok(named(kept))
}

/// Keeps these capabilities in this thread, and no others.
pub(super) fn keep_in_this_thread(wanted: &[Capability]) -> io::Result<()> {
    set(had_of(wanted)?)
}

/// Those of the wanted capabilities that this thread has.
fn had_of(wanted: &[Capability]) -> io::Result<u64> {
    let wanted = wanted.iter().fold(0, |sum, one| sum | (1_u64 << one.0));
    Ok(wanted & permitted()?)
}

fn failed(call: &'static str) -> impl FnOnce(io::Error) -> Failure {
    move |error| {
        let remedy = "run it as root, or report this with the kernel's version";
        Failure::new(call, crate::failure::reason(&error), remedy)
    }
}

/// Takes everything else out of the bounding set, where that may be done: no program that is ever started gets it back.
fn drop_bounding(kept: u64) {
    for number in (0..=LAST).filter(|number| kept & (1 << number) == 0) {
        // SAFETY: no memory is passed. It fails for numbers that the kernel does not have, and without CAP_SETPCAP.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(number), 0, 0, 0) };
    }
}

fn permitted() -> io::Result<u64> {
    let (mut header, mut sets) = (header(), [Sets::default(); 2]);
    // SAFETY: both live through the call and have the layout of version 3.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    check(result as libc::c_int)?;
    Ok(u64::from(sets[0].permitted) | u64::from(sets[1].permitted) << 32)
}

fn set(kept: u64) -> io::Result<()> {
    let mut header = header();
    let sets = [kept as u32, (kept >> 32) as u32].map(|word| Sets {
        effective: word,
        permitted: word,
        inheritable: 0,
    });
    // SAFETY: both live through the call and have the layout of version 3.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) };
    check(result as libc::c_int)
}

/// This thread's own sets.
const fn header() -> Header {
    Header {
        version: VERSION_3,
        pid: 0,
    }
}

fn named(kept: u64) -> String {
    let names = [
        (Capability::DAC_OVERRIDE, "CAP_DAC_OVERRIDE"),
        (Capability::NET_ADMIN, "CAP_NET_ADMIN"),
        (Capability::NET_RAW, "CAP_NET_RAW"),
        (Capability::PERFMON, "CAP_PERFMON"),
        (Capability::BPF, "CAP_BPF"),
    ];
    let kept = names.iter().filter(|(one, _)| kept & (1 << one.0) != 0);
    let kept: Vec<&str> = kept.map(|(_, name)| *name).collect();
    if kept.is_empty() {
        "no capability".to_owned()
    } else {
        kept.join(", ")
    }
}
