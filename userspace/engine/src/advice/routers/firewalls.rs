//! Firewalls of firms, and those made of a PC.

use super::{HEARSAY, by_manual, unverified};
use crate::advice::Router;

const FORTINET_SOURCE: &str = "Fortinet CLI references 6.0 to 7.0, system session-helper";
const ASA_SOURCE: &str = "Cisco ASA Series Firewall CLI Configuration Guide, RTSP Inspection";
const DRAYTEK_SOURCE: &str = "draytek.co.uk guide on ALGs, and the Vigor2133 manual";

pub(super) const PFSENSE: Router = Router {
    name: "pfsense",
    aliases: &[],
    title: "pfSense",
    off: None,
    on: None,
    udp_timeout: Some(unverified(
        "System > Advanced > Firewall & NAT: Firewall Optimization: Conservative, or the UDP state timeouts below it",
        HEARSAY,
    )),
    note: "Its packet filter (pf) has no RTSP helper to switch, whatever guides say of conntrack there: use TCP or a VPN. A static \
        port rule (Firewall > NAT > Outbound: Static Port) keeps ports for players that send first.",
};

pub(super) const OPNSENSE: Router = Router {
    name: "opnsense",
    aliases: &[],
    title: "OPNsense",
    off: None,
    on: None,
    udp_timeout: Some(unverified(
        "Firewall > Settings > Advanced: Firewall Optimization: conservative",
        HEARSAY,
    )),
    note: "Its packet filter (pf) has no RTSP helper to switch, and none is planned (opnsense/plugins#1312, #3458): use TCP or a \
        VPN. A static port rule (Firewall > NAT > Outbound) keeps ports for players that send first.",
};

pub(super) const FORTIGATE: Router = Router {
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
    udp_timeout: Some(unverified(
        "config system global, set udp-idle-timer 300, end",
        HEARSAY,
    )),
    note: "By default it listens on TCP ports 554, 7070 and 8554.",
};

pub(super) const CISCO_ASA: Router = Router {
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
    udp_timeout: Some(unverified("timeout udp 0:05:00", HEARSAY)),
    note: "It handles RTSP over TCP only and does not see RTSP inside HTTP.",
};

pub(super) const DRAYTEK: Router = Router {
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
    udp_timeout: None,
    note: "",
};
