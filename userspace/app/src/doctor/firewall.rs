//! RTSP helpers, who assigns them, and what is offloaded: what the firewall's own programs tell.

use rtspscope_engine::RouterSetup;
use rtspscope_engine::router_setup::{HelperRule, Offload, Way};

use super::packages::Packages;
use super::{Check, Status};

const SECTION: &str = "firewall";

pub(super) fn checks(setup: &RouterSetup, packages: Packages) -> Vec<Check> {
    vec![helper(setup, packages), offload(&setup.offload)]
}

fn helper(setup: &RouterSetup, packages: Packages) -> Check {
    let check = |status, found: String| Check::new(SECTION, "RTSP helper", status, found);
    let Some(loaded) = setup.helpers.iter().flatten().next() else {
        let found =
            "none is loaded: plain NAT; a helper, where one is wanted, is a package of its own";
        return check(Status::Pass, found.to_owned());
    };
    let module = &loaded.module;
    let rules = setup.rules.iter().flatten();
    let mut rules: Vec<&HelperRule> = rules.filter(|rule| rule.is_rtsp()).collect();
    // A map from ports to helpers is one rule for several.
    rules.dedup_by_key(|rule| (&rule.chain, &rule.text));
    let rules: Vec<&str> = rules.iter().map(|rule| rule.text.as_str()).collect();
    if !rules.is_empty() {
        return check(
            Status::Pass,
            format!("{module}, assigned by {}", rules.join("; ")),
        );
    }
    if setup.by_itself == Some(true) {
        return check(Status::Pass, format!("{module}, for its ports by itself"));
    }
    if setup.rules.is_none() {
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
    use rtspscope_engine::router_setup::LoadedHelper;

    use super::*;
    use crate::router_setup::rules_of;

    const FW4: &str = "table inet fw4 {\n\tct helper rtsp {\n\t\ttype \"rtsp\" protocol tcp\n\t\tl3proto ip\n\t}\n\n\tchain helper_lan {\n\t\t\
        meta nfproto ipv4 tcp dport 554 ct helper set \"rtsp\" comment \"!fw4: RTSP connection tracking\"\n\t}\n}\n";
    const OWN: &str = "table ip mine {\n\tct helper cam {\n\t\ttype \"rtsp\" protocol tcp\n\t\tl3proto ip\n\t}\n\tct helper f {\n\t\ttype \"ftp\" protocol tcp\n\t}\n\
        \tchain pre {\n\t\ttcp dport 8554 ct helper set \"cam\"\n\t\ttcp dport 21 ct helper set \"f\"\n\t}\n}\n";

    fn told(loaded: Option<&str>, nft: Option<&str>, raw: Option<&str>, by_itself: bool) -> Check {
        let loaded = loaded.map(|module| LoadedHelper {
            module: module.to_owned(),
            ports: None,
        });
        let setup = RouterSetup {
            helpers: Some(loaded.into_iter().collect()),
            by_itself: Some(by_itself),
            rules: rules_of(nft, raw),
            ..RouterSetup::default()
        };
        helper(&setup, Packages::Other)
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
