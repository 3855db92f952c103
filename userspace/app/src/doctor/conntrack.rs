//! Connection tracking: whether it runs, what it tells, how long it remembers, and how helpers come to a connection.

use rtspscope_engine::RouterSetup;

use super::packages::Packages;
use super::{Check, Status};
use crate::machine::Machine;
use crate::router_setup;

const SECTION: &str = "connection tracking";

pub(super) fn checks(machine: &Machine, setup: &RouterSetup, packages: Packages) -> Vec<Check> {
    let setting = |name: &str| router_setup::setting(machine, name);
    if setting("max").is_none() && setting("udp_timeout").is_none() {
        let found = "not there: this machine does no NAT, or not in this network namespace";
        return vec![Check::new(SECTION, "nf_conntrack", Status::Pass, found)];
    }
    let netlink = machine.has_module("nf_conntrack_netlink") == Some(true)
        || machine.path("proc/net/nf_conntrack").exists();
    vec![
        table(setting("count").as_deref(), setting("max").as_deref()),
        accounting(setting("acct").as_deref()),
        events(setting("events").as_deref(), netlink, packages),
        timeouts(setup.udp_timeout_secs, setup.udp_stream_timeout_secs),
        assignment(setting("helper").as_deref()),
    ]
}

fn table(count: Option<&str>, max: Option<&str>) -> Check {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
    let (Some(count), Some(max)) = (number(count), number(max)) else {
        return Check::new(
            SECTION,
            "table",
            Status::Unknown,
            "its size cannot be read here",
        );
    };
    let found = format!("{count} of {max} entries");
    if max > 0 && count.saturating_mul(10) >= max.saturating_mul(9) {
        return Check::new(
            SECTION,
            "table",
            Status::Limited,
            format!("{found}: nearly full, new connections fail"),
        )
        .remedy("sysctl -w net.netfilter.nf_conntrack_max with a larger number");
    }
    Check::new(SECTION, "table", Status::Pass, found)
}

fn accounting(acct: Option<&str>) -> Check {
    match acct {
        Some("0") => Check::new(
            SECTION,
            "accounting",
            Status::Limited,
            "off: entries count no packets",
        )
        .remedy("sysctl -w net.netfilter.nf_conntrack_acct=1 (new connections only)"),
        Some(_) => Check::new(SECTION, "accounting", Status::Pass, "on"),
        None => Check::new(
            SECTION,
            "accounting",
            Status::Unknown,
            "cannot be read here",
        ),
    }
}

fn events(events: Option<&str>, netlink: bool, packages: Packages) -> Check {
    if !netlink {
        let found = "nothing tells them: conntrack's netlink interface is not loaded";
        return Check::new(SECTION, "events", Status::Limited, found)
            .remedy(packages.get("kmod-nf-conntrack-netlink", "modprobe nf_conntrack_netlink"));
    }
    match events {
        Some("0") => Check::new(
            SECTION,
            "events",
            Status::Limited,
            "off: ends of mappings are not told",
        )
        .remedy("sysctl -w net.netfilter.nf_conntrack_events=1"),
        Some(_) => Check::new(SECTION, "events", Status::Pass, "on"),
        None => Check::new(SECTION, "events", Status::Unknown, "cannot be read here"),
    }
}

/// Shorter than what most cameras let pass between two packets of a paused or silent medium.
const SHORT_SECS: u32 = 60;

fn timeouts(once: Option<u32>, stream: Option<u32>) -> Check {
    let (Some(once), Some(stream)) = (once, stream) else {
        return Check::new(
            SECTION,
            "UDP timeouts",
            Status::Unknown,
            "cannot be read here",
        );
    };
    let found = format!("{once} s one way, {stream} s both ways");
    if stream < SHORT_SECS {
        return Check::new(
            SECTION,
            "UDP timeouts",
            Status::Limited,
            format!("{found}: short, media may freeze"),
        )
        .remedy("sysctl -w net.netfilter.nf_conntrack_udp_timeout_stream=180");
    }
    Check::new(SECTION, "UDP timeouts", Status::Pass, found)
}

fn assignment(helper: Option<&str>) -> Check {
    let found = match helper {
        Some("1") => "nf_conntrack_helper is 1: every loaded helper takes its port by itself",
        Some(_) => "nf_conntrack_helper is 0: a helper works only where a rule assigns it",
        None => "by rules only, as from Linux 6.0 on",
    };
    Check::new(SECTION, "helper assignment", Status::Pass, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nearly_full_table_is_a_limit() {
        assert_eq!(table(Some("12"), Some("65536")).status, Status::Pass);
        assert_eq!(table(Some("59000"), Some("65536")).status, Status::Limited);
        assert_eq!(table(None, Some("65536")).status, Status::Unknown);
    }

    #[test]
    fn events_need_netlink_and_its_package_is_named() {
        let check = events(Some("1"), false, Packages::Opkg);
        assert_eq!(
            check.remedy.as_deref(),
            Some("opkg update; opkg install kmod-nf-conntrack-netlink")
        );
        assert_eq!(
            events(Some("2"), true, Packages::Other).status,
            Status::Pass
        );
        assert_eq!(
            events(Some("0"), true, Packages::Other).status,
            Status::Limited
        );
    }

    #[test]
    fn short_timeouts_are_told() {
        assert_eq!(timeouts(Some(30), Some(120)).status, Status::Pass);
        assert_eq!(timeouts(Some(10), Some(30)).status, Status::Limited);
    }
}
