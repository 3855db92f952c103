//! The kernel: its age, its options where it tells them, its BPF compiler.

use std::fs::File;
use std::io::Read as _;

use flate2::read::GzDecoder;

use super::{Check, Status};
use crate::machine::Machine;

const SECTION: &str = "kernel";

/// Options that kernel programs need, as the kernel's configuration spells them.
const NEEDED: [&str; 2] = ["CONFIG_BPF_SYSCALL", "CONFIG_NET"];

/// Options of which one is needed: TC programs on a qdisc, or TCX.
const HOOKS: [&str; 3] = [
    "CONFIG_NET_CLS_BPF",
    "CONFIG_NET_SCH_INGRESS",
    "CONFIG_NET_XGRESS",
];

/// Longest configuration that is read, in bytes; real ones have some 300 KiB.
const MAX_CONFIG_LEN: u64 = 4 << 20;

pub(super) fn checks(machine: &Machine) -> Vec<Check> {
    vec![
        version(&release(machine)),
        options(configuration(machine).as_deref()),
        jit(
            machine.read("proc/sys/net/core/bpf_jit_enable").as_deref(),
            machine.read("proc/sys/net/core/netdev_budget").is_some(),
        ),
    ]
}

/// The kernel's release.
pub(super) fn release(machine: &Machine) -> String {
    machine
        .read("proc/sys/kernel/osrelease")
        .unwrap_or_else(|| "unknown".to_owned())
}

fn version(release: &str) -> Check {
    let mut numbers = release
        .split(|character: char| !character.is_ascii_digit())
        .map(|number| number.parse::<u32>().ok());
    let (Some(Some(major)), Some(Some(minor))) = (numbers.next(), numbers.next()) else {
        return Check::new(SECTION, "version", Status::Unknown, release);
    };
    let check = |status, what: &str| {
        Check::new(
            SECTION,
            "version",
            status,
            format!("Linux {release}: {what}"),
        )
    };
    match (major, minor) {
        (6, 6..) | (7.., _) => check(Status::Pass, "ring buffer and TCX"),
        (5, 18..) | (6, _) => check(
            Status::Pass,
            "ring buffer; no TCX before 6.6, so the clsact qdisc is used",
        ),
        (5, 8..) => check(
            Status::Limited,
            "ring buffer; no TCX, and before 5.18 a mirror port is read by TC instead of XDP",
        ),
        _ => check(Status::Missing, "no BPF ring buffer before 5.8")
            .remedy("update it, or capture with tcpdump and use rtspscope analyze"),
    }
}

fn options(configuration: Option<&str>) -> Check {
    let Some(configuration) = configuration else {
        let found = "not told (no /proc/config.gz, no /boot/config): what was tried below counts";
        return Check::new(SECTION, "options", Status::Pass, found);
    };
    let is_set = |option: &&str| {
        let values = ["=y", "=m"].map(|value| format!("{option}{value}"));
        configuration
            .lines()
            .any(|line| values.iter().any(|value| line == value))
    };
    let lacking: Vec<&str> = NEEDED
        .into_iter()
        .filter(|option| !is_set(option))
        .collect();
    let hooks: Vec<&str> = HOOKS.into_iter().filter(is_set).collect();
    if !lacking.is_empty() {
        let found = format!("without {}", lacking.join(", "));
        return Check::new(SECTION, "options", Status::Missing, found)
            .remedy("build the kernel with it, or capture with tcpdump and use rtspscope analyze");
    }
    let found = format!("BPF_SYSCALL, {}", hooks.join(", ").replace("CONFIG_", ""));
    if hooks.is_empty() {
        return Check::new(
            SECTION,
            "options",
            Status::Missing,
            "no hook for TC programs",
        )
        .remedy("build the kernel with CONFIG_NET_CLS_BPF and CONFIG_NET_SCH_INGRESS");
    }
    Check::new(SECTION, "options", Status::Pass, found)
}

/// The kernel's configuration, where it or the system keeps it.
fn configuration(machine: &Machine) -> Option<String> {
    if let Ok(file) = File::open(machine.path("proc/config.gz")) {
        let mut text = String::new();
        let read = GzDecoder::new(file)
            .take(MAX_CONFIG_LEN)
            .read_to_string(&mut text);
        return read.is_ok().then_some(text);
    }
    machine.read(&format!("boot/config-{}", release(machine)))
}

/// The kernel shows the switch in its first network namespace only.
fn jit(enabled: Option<&str>, is_first_network: bool) -> Check {
    match enabled {
        Some("0") => Check::new(
            SECTION,
            "JIT",
            Status::Limited,
            "off: kernel programs are interpreted",
        )
        .remedy("sysctl -w net.core.bpf_jit_enable=1"),
        Some(_) => Check::new(SECTION, "JIT", Status::Pass, "on"),
        None if !is_first_network => Check::new(
            SECTION,
            "JIT",
            Status::Unknown,
            "not shown in this network namespace",
        ),
        None => Check::new(
            SECTION,
            "JIT",
            Status::Limited,
            "none for this processor or kernel: kernel programs are interpreted, and cost more",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_kernels_are_told_what_they_lack() {
        let status = |release: &str| version(release).status;
        assert_eq!(status("4.14.171"), Status::Missing);
        assert_eq!(status("5.4.0-1-amd64"), Status::Missing);
        assert_eq!(status("5.10.0-32-amd64"), Status::Limited);
        assert_eq!(status("5.15.167"), Status::Limited);
        assert_eq!(status("6.1.0"), Status::Pass);
        assert_eq!(status("6.6.73"), Status::Pass);
        assert_eq!(status("7.0.1"), Status::Pass);
        assert_eq!(status("odd"), Status::Unknown);
    }

    #[test]
    fn options_are_read_from_the_configuration() {
        let all = "CONFIG_NET=y\nCONFIG_BPF_SYSCALL=y\nCONFIG_NET_CLS_BPF=m\n# CONFIG_NET_XGRESS is not set\n";
        assert_eq!(options(Some(all)).found, "BPF_SYSCALL, NET_CLS_BPF");
        let no_bpf = options(Some("CONFIG_NET=y\n# CONFIG_BPF_SYSCALL is not set\n"));
        assert_eq!(
            (no_bpf.status, no_bpf.found.as_str()),
            (Status::Missing, "without CONFIG_BPF_SYSCALL")
        );
        let no_hook = options(Some("CONFIG_NET=y\nCONFIG_BPF_SYSCALL=y\n"));
        assert_eq!(no_hook.status, Status::Missing);
    }

    #[test]
    fn an_interpreter_is_a_limit() {
        assert_eq!(jit(Some("1"), true).status, Status::Pass);
        assert_eq!(jit(Some("0"), true).status, Status::Limited);
        assert_eq!(jit(None, true).status, Status::Limited);
        assert_eq!(jit(None, false).status, Status::Unknown);
    }
}
