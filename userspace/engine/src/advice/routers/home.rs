//! Routers of homes, with menus.

use super::{HEARSAY, PLAYER_GUIDE, by_manual, by_source, unverified};
use crate::advice::Router;

const ASUS_SOURCE: &str = "source of Asuswrt-Merlin: fw_pt_rtsp, setup_pt_conntrack";
const ZYXEL_SOURCE: &str = "Zyxel VMG8324 and VMG4825 user's guides, The ALG Screen";

pub(super) const ASUS: Router = Router {
    name: "asus",
    aliases: &["asuswrt", "asuswrt-merlin"],
    title: "ASUS",
    off: Some(by_source(
        "WAN > NAT Passthrough > RTSP Passthrough: Disable, Apply, restart the router",
        "Asuswrt and Asuswrt-Merlin",
        ASUS_SOURCE,
    )),
    on: Some(by_source(
        "WAN > NAT Passthrough > RTSP Passthrough: Enable, Apply",
        "Asuswrt and Asuswrt-Merlin",
        ASUS_SOURCE,
    )),
    udp_timeout: Some(unverified(
        "Asuswrt-Merlin: Tools > Other Settings > TCP/IP connection tracking: UDP timeouts",
        HEARSAY,
    )),
    note: "Passthrough here means a helper (it loads nf_nat_rtsp for ports 554 and 8554), not letting packets by; the \
        switch is on by default, and on some models does nothing because the module is not in the firmware.",
};

pub(super) const TP_LINK: Router = Router {
    name: "tp-link",
    aliases: &["archer", "tp-link archer"],
    title: "TP-Link / Archer",
    off: Some(unverified(
        "Advanced > NAT Forwarding > ALG (Advanced > Security > ALG on some): RTSP ALG off",
        PLAYER_GUIDE,
    )),
    on: Some(unverified(
        "Advanced > NAT Forwarding > ALG (Advanced > Security > ALG on some): RTSP ALG on",
        PLAYER_GUIDE,
    )),
    udp_timeout: None,
    note: "The ALG page of some models (TD-W9960v for one, by its manual) lists no RTSP; then it has no such switch.",
};

pub(super) const NETGEAR: Router = Router {
    name: "netgear",
    aliases: &["nighthawk", "orbi"],
    title: "Netgear",
    off: Some(unverified(
        "Advanced > Setup > WAN Setup > Disable SIP ALG, which is said to cover RTSP on many models",
        PLAYER_GUIDE,
    )),
    on: None,
    udp_timeout: None,
    note: "The manuals of Nighthawk models (R6900P for one) name a switch for SIP only: if the text still differs with it off, use TCP.",
};

pub(super) const D_LINK: Router = Router {
    name: "d-link",
    aliases: &[],
    title: "D-Link",
    off: Some(by_manual(
        "DSR: Security > Firewall > ALGs: RTSP off; DSL-2745: the NAT ALG page, RTSP unmarked, Apply Changes",
        "DSR series, DSL-2745",
        "D-Link DSR series and DSL-2745 user manuals",
    )),
    on: Some(by_manual(
        "DSR: Security > Firewall > ALGs: RTSP on; DSL-2745: the NAT ALG page, RTSP marked, Apply Changes",
        "DSR series, DSL-2745",
        "D-Link DSR series and DSL-2745 user manuals",
    )),
    udp_timeout: None,
    note: "",
};

pub(super) const ZYXEL: Router = Router {
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
    udp_timeout: None,
    note: "",
};

pub(super) const BROADCOM: Router = Router {
    name: "broadcom",
    aliases: &["isp router", "provider"],
    title: "Broadcom-based router of a provider",
    off: None,
    on: None,
    udp_timeout: None,
    note: "Its helper wants ;client_port= and Content-Length: spelled exactly so; what the switch is called is the provider's choice: \
        look for ALG, NAT helper or passthrough, and ask the provider where there is none.",
};

pub(super) const GENERIC: Router = Router {
    name: "generic",
    aliases: &["other", "unknown", "none"],
    title: "Any other router",
    off: Some(unverified(
        "look for ALG, SIP/RTSP passthrough, NAT helpers or conntrack modules, and switch off the entry for RTSP alone",
        PLAYER_GUIDE,
    )),
    on: Some(unverified(
        "look for ALG, SIP/RTSP passthrough, NAT helpers or conntrack modules, and switch on the entry for RTSP",
        PLAYER_GUIDE,
    )),
    udp_timeout: Some(unverified(
        "look for UDP timeout, NAT or session timeout, or connection tracking; 300 seconds outlast any player's pause",
        HEARSAY,
    )),
    note: "",
};
