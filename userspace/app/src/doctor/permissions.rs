//! What this process may do.

use super::{Check, Status};
use crate::machine::Machine;

const SECTION: &str = "permissions";

/// Capabilities by their number in the kernel's `capability.h`, and what each is for.
const CAPABILITIES: [(u32, &str, &str); 4] = [
    (39, "CAP_BPF", "load kernel programs"),
    (38, "CAP_PERFMON", "let them read packets"),
    (12, "CAP_NET_ADMIN", "attach them to interfaces"),
    (13, "CAP_NET_RAW", "watch a mirror port"),
];

/// Stands for `CAP_BPF` and `CAP_PERFMON`.
const SYS_ADMIN: u32 = 21;

pub(super) fn checks(machine: &Machine) -> Vec<Check> {
    let status = machine.read("proc/self/status").unwrap_or_default();
    vec![capabilities(&status)]
}

fn capabilities(status: &str) -> Check {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let Some(effective) = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()) else {
        return Check::new(
            SECTION,
            "capabilities",
            Status::Unknown,
            "/proc/self/status tells none",
        );
    };
    let has = |number: u32| effective & (1 << number) != 0;
    let holds = |number: u32| has(number) || (number > SYS_ADMIN && has(SYS_ADMIN));
    let lacking: Vec<String> = CAPABILITIES
        .iter()
        .filter(|(number, ..)| !holds(*number))
        .map(|(_, name, job)| format!("{name} ({job})"))
        .collect();
    let only_raw = lacking.len() == 1 && lacking.iter().all(|name| name.starts_with("CAP_NET_RAW"));
    let check = |status, found: String| Check::new(SECTION, "capabilities", status, found);
    let remedy =
        "run it as root, or: setcap cap_bpf,cap_perfmon,cap_net_admin,cap_net_raw+ep rtspscope";
    if lacking.is_empty() {
        check(Status::Pass, "all that a live run needs".to_owned())
    } else if only_raw {
        check(Status::Limited, format!("without {}", lacking.join(", "))).remedy(remedy)
    } else {
        check(Status::Missing, format!("without {}", lacking.join(", "))).remedy(remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(effective: &str) -> Check {
        capabilities(&format!("Name:\trtspscope\nCapEff:\t{effective}\n"))
    }

    #[test]
    fn an_ordinary_user_is_told_each_capability_and_its_job() {
        let check = with("0000000000000000");
        assert_eq!(check.status, Status::Missing);
        assert_eq!(
            check.found,
            "without CAP_BPF (load kernel programs), CAP_PERFMON (let them read packets), \
             CAP_NET_ADMIN (attach them to interfaces), CAP_NET_RAW (watch a mirror port)"
        );
        assert!(check.remedy.is_some());
    }

    #[test]
    fn root_has_all() {
        assert_eq!(with("000001ffffffffff").status, Status::Pass);
    }

    #[test]
    fn without_raw_sockets_only_the_mirror_port_is_lost() {
        assert_eq!(with("000000c000001000").status, Status::Limited);
    }
}
