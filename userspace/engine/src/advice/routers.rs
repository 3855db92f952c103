//! The data: routers and what is known of them.

use super::{Router, Standing, Step};

/// A guide of a player's maker that many users have read; it names menus without models, versions or dates.
const PLAYER_GUIDE: &str = "smartrtsp.com/guides/rtsp-alg";
/// When these sources were read.
const READ_ON: &str = "2026-11";

const fn unverified(how: &'static str) -> Step {
    Step {
        how,
        applies_to: "",
        source: PLAYER_GUIDE,
        read_on: READ_ON,
        standing: Standing::Unverified,
    }
}

const fn by_manual(how: &'static str, applies_to: &'static str, source: &'static str) -> Step {
    Step {
        how,
        applies_to,
        source,
        read_on: READ_ON,
        standing: Standing::Manual,
    }
}

const OPENWRT_SOURCE: &str = "source of OpenWrt's packages and of nf_nat_rtsp";
const LINUX_SOURCE: &str =
    "source of nf_nat_rtsp, and a run with Debian's nat-rtsp-dkms on Linux 6.1";
const FORTINET_SOURCE: &str = "Fortinet CLI reference 6.0.0, system session-helper";
const ASA_SOURCE: &str = "Cisco ASA Series Firewall CLI Configuration Guide, RTSP Inspection";
const DRAYTEK_SOURCE: &str = "draytek.co.uk guide on ALGs, and the Vigor2133 manual";
const ZYXEL_SOURCE: &str = "Zyxel VMG8324 and VMG4825 user's guides, The ALG Screen";

/// All routers, in the order of the list.
pub const ROUTERS: &[Router] = &[
    Router {
        name: "asus",
        aliases: &["asuswrt", "asuswrt-merlin"],
        title: "ASUS",
        off: Some(unverified(
            "Advanced Settings > WAN > NAT Passthrough > RTSP Passthrough: Disable",
        )),
        on: None,
        note: "",
    },
    Router {
        name: "tp-link",
        aliases: &["archer", "tp-link archer"],
        title: "TP-Link / Archer",
        off: Some(unverified(
            "Advanced > NAT Forwarding > ALG > RTSP ALG: off",
        )),
        on: None,
        note: "The ALG page of some models (TD-W9960v for one, by its manual) lists no RTSP; then it has no such switch.",
    },
    Router {
        name: "netgear",
        aliases: &["nighthawk"],
        title: "Netgear",
        off: Some(unverified(
            "Advanced > WAN Setup > Disable SIP ALG, which is said to cover RTSP on many models",
        )),
        on: None,
        note: "",
    },
    Router {
        name: "mikrotik",
        aliases: &["routeros", "mikrotik routeros"],
        title: "MikroTik RouterOS",
        off: Some(unverified(
            "/ip firewall service-port disable rtsp (menu: IP > Firewall > Service Ports)",
        )),
        on: Some(unverified("/ip firewall service-port enable rtsp")),
        note: "Where the list of service ports has no rtsp, the version has no such helper.",
    },
    Router {
        name: "edgerouter",
        aliases: &["edgeos", "edgemax", "ubiquiti edgerouter"],
        title: "Ubiquiti EdgeRouter",
        off: Some(unverified(
            "configure; delete system conntrack modules rtsp; commit; save",
        )),
        on: None,
        note: "",
    },
    Router {
        name: "unifi",
        aliases: &["usg", "udm", "unifi gateway", "dream machine"],
        title: "Ubiquiti UniFi gateway",
        off: Some(unverified(
            "the settings for firewall and NAT: switch the RTSP ALG off",
        )),
        on: None,
        note: "Where the settings differ by version; look for conntrack modules or helpers.",
    },
    Router {
        name: "pfsense",
        aliases: &[],
        title: "pfSense",
        off: Some(unverified(
            "Firewall > Settings > Advanced: the guide speaks of RTSP among conntrack helpers",
        )),
        on: None,
        note: "Its packet filter is not Linux's, and no RTSP helper of it is known to this tool: if the text is unchanged here, leave it.",
    },
    Router {
        name: "opnsense",
        aliases: &[],
        title: "OPNsense",
        off: Some(unverified(
            "Firewall > Settings > Advanced: the guide speaks of RTSP among conntrack helpers",
        )),
        on: None,
        note: "Its packet filter is not Linux's, and users ask for an RTSP proxy in vain (opnsense/plugins#1312): use TCP or a VPN.",
    },
    Router {
        name: "openwrt",
        aliases: &["lede", "fw4"],
        title: "OpenWrt",
        off: Some(Step {
            how: "remove kmod-nf-nathelper-rtsp (before April 2025 kmod-ipt-nathelper-rtsp) with opkg, or apk from 25.12 on; or take the helper rtsp off the zone",
            applies_to: "22.03 and later",
            source: OPENWRT_SOURCE,
            read_on: READ_ON,
            standing: Standing::Unverified,
        }),
        on: Some(Step {
            how: "install kmod-nf-nathelper-rtsp (before April 2025 kmod-ipt-nathelper-rtsp), and assign the helper rtsp to the zone of the players; it watches port 554 unless told otherwise",
            applies_to: "22.03 and later",
            source: OPENWRT_SOURCE,
            read_on: READ_ON,
            standing: Standing::Unverified,
        }),
        note: "It is not installed by default.",
    },
    Router {
        name: "linux",
        aliases: &["nftables", "debian", "iptables"],
        title: "Linux with nftables",
        off: Some(Step {
            how: "take the rule out that sets the ct helper (nft list ruleset | grep helper), then modprobe -r nf_nat_rtsp nf_conntrack_rtsp",
            applies_to: "",
            source: LINUX_SOURCE,
            read_on: READ_ON,
            standing: Standing::Unverified,
        }),
        on: Some(Step {
            how: "install nat-rtsp-dkms; in an nft table: ct helper rtsp-std { type \"rtsp\" protocol tcp; l3proto ip; }, and in a prerouting chain at priority mangle: tcp dport 554 ct helper set \"rtsp-std\"",
            applies_to: "Debian; from Linux 6.0 on no helper is assigned by itself",
            source: LINUX_SOURCE,
            read_on: READ_ON,
            standing: Standing::Run,
        }),
        note: "",
    },
    Router {
        name: "fortigate",
        aliases: &["fortinet", "fortios"],
        title: "FortiGate",
        off: Some(by_manual(
            "show system session-helper; then config system session-helper, delete the number of each entry with set name rtsp, end",
            "FortiOS",
            FORTINET_SOURCE,
        )),
        on: Some(by_manual(
            "config system session-helper, edit 0, set name rtsp, set protocol 6, set port 554, end; one entry for each port",
            "FortiOS",
            FORTINET_SOURCE,
        )),
        note: "By default it listens on several TCP ports, 554 and 8554 among them.",
    },
    Router {
        name: "cisco-asa",
        aliases: &["asa", "cisco"],
        title: "Cisco ASA",
        off: Some(by_manual(
            "policy-map global_policy, class inspection_default, no inspect rtsp",
            "ASA 9",
            ASA_SOURCE,
        )),
        on: Some(by_manual(
            "policy-map global_policy, class inspection_default, inspect rtsp",
            "ASA 9",
            ASA_SOURCE,
        )),
        note: "It handles RTSP over TCP only and does not see RTSP inside HTTP.",
    },
    Router {
        name: "draytek",
        aliases: &["vigor", "draytek vigor"],
        title: "DrayTek Vigor",
        off: Some(by_manual(
            "NAT > ALG: take the mark off RTSP, OK",
            "current models",
            DRAYTEK_SOURCE,
        )),
        on: Some(by_manual(
            "NAT > ALG: Enable ALG, mark RTSP with TCP and its listen port, OK",
            "current models",
            DRAYTEK_SOURCE,
        )),
        note: "",
    },
    Router {
        name: "zyxel",
        aliases: &["vmg"],
        title: "Zyxel",
        off: Some(by_manual(
            "Network Setting > NAT > ALG: RTSP ALG off, Apply",
            "VMG8324, VMG4825",
            ZYXEL_SOURCE,
        )),
        on: Some(by_manual(
            "Network Setting > NAT > ALG: RTSP ALG on, Apply",
            "VMG8324, VMG4825",
            ZYXEL_SOURCE,
        )),
        note: "",
    },
    Router {
        name: "broadcom",
        aliases: &["broadcom-based", "isp router"],
        title: "Broadcom-based router of a provider",
        off: None,
        on: None,
        note: "Its helper wants ;client_port= and Content-Length: spelled exactly so; what the switch is called is the provider's choice: look for ALG, NAT helper or passthrough.",
    },
    Router {
        name: "generic",
        aliases: &["other", "unknown"],
        title: "Any other router",
        off: Some(unverified(
            "look for ALG, SIP/RTSP passthrough, NAT helpers or conntrack modules, and switch off the entry for RTSP alone",
        )),
        on: None,
        note: "",
    },
];
