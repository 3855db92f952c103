//! RTSP helpers, who assigns them, and what is offloaded: what the firewall's own programs tell.

use super::packages::Packages;
use super::{Check, Status};
use crate::machine::Machine;
use crate::offload::{Offload, Way, output_of};

const SECTION: &str = "firewall";

/// The modules of an RTSP helper, as their makers name them.
const HELPERS: [&str; 3] = [
    "nf_conntrack_rtsp",
    "nf_conntrack_rtsp_alg",
    "ip_conntrack_rtsp",
];

pub(super) fn checks(machine: &Machine, packages: Packages) -> Vec<Check> {
    let nft = output_of("nft", &["list", "ruleset"]);
    let raw = output_of("iptables-save", &["-t", "raw"]);
    let loaded = HELPERS
        .into_iter()
        .find(|module| machine.has_module(module) == Some(true));
    let assigned = machine.read("proc/sys/net/netfilter/nf_conntrack_helper");
    let by_itself = assigned.as_deref() == Some("1");
    vec![
        helper(loaded, nft.as_deref(), raw.as_deref(), by_itself, packages),
        offload(&Offload::of(machine)),
    ]
}

fn helper(
    loaded: Option<&str>,
    nft: Option<&str>,
    raw: Option<&str>,
    by_itself: bool,
    packages: Packages,
) -> Check {
    let check = |status, found: String| Check::new(SECTION, "RTSP helper", status, found);
    let Some(module) = loaded else {
        let found =
            "none is loaded: plain NAT; a helper, where one is wanted, is a package of its own";
        return check(Status::Pass, found.to_owned());
    };
    let rules = rules_of(nft, raw);
    if !rules.is_empty() {
        return check(
            Status::Pass,
            format!("{module}, assigned by {}", rules.join("; ")),
        );
    }
    if by_itself {
        return check(Status::Pass, format!("{module}, for its ports by itself"));
    }
    if nft.is_none() && raw.is_none() {
        let found = format!("{module} is loaded; which rule assigns it cannot be looked at");
        return check(Status::Unknown, found).remedy(packages.get(
            "nftables",
            "run it as root, with nft or iptables-save installed",
        ));
    }
    check(
        Status::Limited,
        format!("{module} is loaded, and no rule assigns it: it does nothing"),
    )
    .remedy(
        "rtspscope explain routers tells the rule; or take the module out where it is not wanted",
    )
}

/// The rules that assign an RTSP helper, escaped later as all text of others is.
fn rules_of(nft: Option<&str>, raw: Option<&str>) -> Vec<String> {
    let nft = nft.unwrap_or_default();
    let objects: Vec<&str> = objects(nft);
    let sets = |line: &&str| {
        line.split_once("ct helper set").is_some_and(|(_, name)| {
            let name = name.trim_start().split(' ').next().unwrap_or_default();
            let name = name.trim_matches('"');
            name == "rtsp" || objects.contains(&name)
        })
    };
    let by_nft = nft.lines().map(str::trim).filter(sets);
    let by_iptables = raw
        .unwrap_or_default()
        .lines()
        .filter(|line| line.contains("-j CT") && line.contains("--helper rtsp"));
    by_nft.chain(by_iptables).map(str::to_owned).collect()
}

/// Names of the nftables objects that stand for the helper `rtsp`.
fn objects(nft: &str) -> Vec<&str> {
    let mut objects = Vec::new();
    let mut current = None;
    for line in nft.lines().map(str::trim) {
        if let Some(name) = line
            .strip_prefix("ct helper ")
            .and_then(|rest| rest.strip_suffix(" {"))
        {
            current = Some(name);
        } else if line.starts_with("type \"rtsp\"") {
            objects.extend(current.take());
        } else if line == "}" {
            current = None;
        }
    }
    objects
}

fn offload(found: &Offload) -> Check {
    let check = |status, found: &str| Check::new(SECTION, "flow offload", status, found);
    match found.way() {
        Some(Way::Hardware) => check(
            Status::Limited,
            "in hardware: media passes without this machine's processor, and is not seen",
        )
        .remedy("for the time of the test: uci set firewall.@defaults[0].flow_offloading_hw=0; service firewall restart"),
        Some(Way::Software) => check(
            Status::Limited,
            "in software: packets are seen, but the firewall's rules and counters see only the first of a connection",
        )
        .remedy("for the time of the test: uci set firewall.@defaults[0].flow_offloading=0; service firewall restart"),
        None if found.flowtables.is_none() => check(
            Status::Unknown,
            "nft cannot be asked (not there, or not root)",
        ),
        None => check(Status::Pass, "none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FW4: &str = "table inet fw4 {\n\tct helper rtsp {\n\t\ttype \"rtsp\" protocol tcp\n\t\tl3proto ip\n\t}\n\n\tchain helper_lan {\n\t\t\
        meta nfproto ipv4 tcp dport 554 ct helper set \"rtsp\" comment \"!fw4: RTSP connection tracking\"\n\t}\n}\n";
    const OWN: &str = "table ip mine {\n\tct helper cam {\n\t\ttype \"rtsp\" protocol tcp\n\t\tl3proto ip\n\t}\n\tct helper f {\n\t\ttype \"ftp\" protocol tcp\n\t}\n\
        \tchain pre {\n\t\ttcp dport 8554 ct helper set \"cam\"\n\t\ttcp dport 21 ct helper set \"f\"\n\t}\n}\n";

    fn told(loaded: Option<&str>, nft: Option<&str>, raw: Option<&str>, by_itself: bool) -> Check {
        helper(loaded, nft, raw, by_itself, Packages::Other)
    }

    #[test]
    fn the_rule_that_assigns_the_helper_is_named() {
        assert_eq!(
            told(Some("nf_conntrack_rtsp"), Some(FW4), None, false).found,
            "nf_conntrack_rtsp, assigned by meta nfproto ipv4 tcp dport 554 ct helper set \"rtsp\" comment \"!fw4: RTSP connection tracking\""
        );
        assert_eq!(
            told(Some("nf_conntrack_rtsp"), Some(OWN), None, false).found,
            "nf_conntrack_rtsp, assigned by tcp dport 8554 ct helper set \"cam\""
        );
        let raw = "*raw\n-A PREROUTING -p tcp -m tcp --dport 554 -j CT --helper rtsp\nCOMMIT\n";
        assert!(
            told(Some("nf_conntrack_rtsp"), None, Some(raw), false)
                .found
                .contains("--dport 554")
        );
    }

    #[test]
    fn a_helper_without_a_rule_is_inert_and_none_is_no_fault() {
        let inert = told(
            Some("nf_conntrack_rtsp"),
            Some("table ip nat {\n}\n"),
            None,
            false,
        );
        assert_eq!(inert.status, Status::Limited);
        assert_eq!(
            told(Some("nf_conntrack_rtsp"), Some(""), None, true).status,
            Status::Pass
        );
        assert_eq!(
            told(Some("nf_conntrack_rtsp"), None, None, false).status,
            Status::Unknown
        );
        assert_eq!(told(None, None, None, false).status, Status::Pass);
    }

    #[test]
    fn offload_in_hardware_is_told_from_software() {
        let told = |target, flowtables| {
            offload(&Offload {
                flowtables,
                target,
                configured: None,
            })
        };
        let hardware = told(Some(Way::Hardware), Some(Vec::new())).found;
        assert!(hardware.starts_with("in hardware"), "{hardware}");
        let software = told(Some(Way::Software), None).found;
        assert!(software.starts_with("in software"), "{software}");
        assert_eq!(told(None, Some(Vec::new())).status, Status::Pass);
        assert_eq!(told(None, None).status, Status::Unknown);
    }
}
