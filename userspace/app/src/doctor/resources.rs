//! Memory, and a clock that can be trusted.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{Check, Status};
use crate::machine::Machine;

const SECTION: &str = "resources";

/// Below this a busy router's sessions may not fit, in KiB: a live run with some tens of sessions takes about half.
const COMFORTABLE_KIB: u64 = 48 << 10;

/// 2025-01-01: a clock before it was never set.
const PLAUSIBLE_SINCE_SECS: u64 = 1_735_689_600;

pub(super) fn checks(machine: &Machine) -> Vec<Check> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    vec![
        memory(machine.memory_kib("MemAvailable")),
        clock(now.map_or(0, |since| since.as_secs())),
    ]
}

fn memory(available_kib: Option<u64>) -> Check {
    let Some(available) = available_kib else {
        return Check::new(
            SECTION,
            "memory",
            Status::Unknown,
            "/proc/meminfo does not tell",
        );
    };
    let found = format!("{} MiB available", available >> 10);
    if available < COMFORTABLE_KIB {
        return Check::new(
            SECTION,
            "memory",
            Status::Limited,
            format!("{found}: little for many sessions"),
        )
        .remedy("stop other services for the time of the test, or record elsewhere with tcpdump");
    }
    Check::new(SECTION, "memory", Status::Pass, found)
}

fn clock(now_secs: u64) -> Check {
    if now_secs < PLAUSIBLE_SINCE_SECS {
        return Check::new(
            SECTION,
            "clock",
            Status::Limited,
            "not set: times of recordings will be wrong",
        )
        .remedy("let it be set over NTP (OpenWrt: service sysntpd restart)");
    }
    Check::new(SECTION, "clock", Status::Pass, "set")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_memory_is_a_limit() {
        assert_eq!(memory(Some(500_000)).found, "488 MiB available");
        assert_eq!(memory(Some(20_000)).status, Status::Limited);
        assert_eq!(memory(None).status, Status::Unknown);
    }

    #[test]
    fn a_clock_of_1970_is_told() {
        assert_eq!(clock(86_400).status, Status::Limited);
        assert_eq!(clock(1_790_000_000).status, Status::Pass);
    }
}
