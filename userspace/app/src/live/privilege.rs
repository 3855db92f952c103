//! Whether this process may load and attach kernel programs at all.

use std::fs;

#[cfg(feature = "ebpf")]
use aya::util::KernelVersion;

use super::error::LiveError;

/// Capabilities by their number in the kernel's `capability.h`: what kernel programs need.
#[cfg(feature = "ebpf")]
const NEEDED: [(u32, &str); 3] = [(12, "CAP_NET_ADMIN"), (38, "CAP_PERFMON"), (39, "CAP_BPF")];

/// What packet sockets need.
const RAW: [(u32, &str); 1] = [(13, "CAP_NET_RAW")];

/// Stands for `CAP_BPF` and `CAP_PERFMON`.
const SYS_ADMIN: u32 = 21;

/// The ring buffer came with 5.8; the size of the packets inside a super-packet is known to programs since 5.7.
#[cfg(feature = "ebpf")]
const OLDEST: KernelVersion = KernelVersion::new(5, 8, 0);

/// Checks whether packet sockets may be opened.
pub(super) fn check_raw() -> Result<(), LiveError> {
    check_for(&RAW)
}

fn check_for(needed: &[(u32, &'static str)]) -> Result<(), LiveError> {
    let status =
        fs::read_to_string("/proc/self/status").map_err(LiveError::system("/proc/self/status"))?;
    let lacking = lacking_capabilities(&status, needed);
    if lacking.is_empty() {
        Ok(())
    } else {
        Err(LiveError::Permission(lacking.join(", ")))
    }
}

/// Checks kernel and permissions before any program is tried, so that the complaint names the cause.
#[cfg(feature = "ebpf")]
pub(super) fn check() -> Result<(), LiveError> {
    check_for(&NEEDED)?;
    if KernelVersion::current().is_ok_and(|version| version < OLDEST) {
        return Err(LiveError::Kernel {
            subject: "kernel".to_owned(),
            what: "it is older than 5.8 and has no BPF ring buffer".to_owned(),
            remedy: "update it, or capture with tcpdump and use rtspscope analyze",
        });
    }
    raise_memory_limit();
    Ok(())
}

fn lacking_capabilities(status: &str, needed: &[(u32, &'static str)]) -> Vec<&'static str> {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(effective) = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()) else {
        return Vec::new();
    };
    let has = |number: u32| effective & (1 << number) != 0;
    let stands_in = |number: u32| number > SYS_ADMIN && has(SYS_ADMIN);
    let lacking = needed
        .iter()
        .filter(|(number, _)| !(has(*number) || stands_in(*number)));
    lacking.map(|(_, name)| *name).collect()
}

/// Kernels before 5.11 count maps as locked memory.
#[cfg(feature = "ebpf")]
fn raise_memory_limit() {
    let limit = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: the structure lives through the call. Where it fails the kernel counts otherwise, or says so later.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit) };
}

#[cfg(all(test, feature = "ebpf"))]
mod tests {
    use super::*;

    fn lacking(effective: &str) -> Vec<&'static str> {
        let status = format!("Name:\trtspscope\nCapPrm:\t0\nCapEff:\t{effective}\n");
        lacking_capabilities(&status, &NEEDED)
    }

    #[test]
    fn an_ordinary_user_lacks_all_three() {
        assert_eq!(
            lacking("0000000000000000"),
            ["CAP_NET_ADMIN", "CAP_PERFMON", "CAP_BPF"]
        );
    }

    #[test]
    fn root_lacks_none() {
        assert!(lacking("000001ffffffffff").is_empty());
    }

    #[test]
    fn sys_admin_stands_for_the_bpf_capabilities() {
        assert_eq!(lacking("0000000000200000"), ["CAP_NET_ADMIN"]);
        assert!(lacking("0000000000201000").is_empty());
    }
}
