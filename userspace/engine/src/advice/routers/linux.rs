//! Routers that are Linux inside and are set up by commands.

use super::{HEARSAY, by_source, step, unverified};
use crate::advice::{Router, Standing};

const OPENWRT_SOURCE: &str = "source of OpenWrt: firewall4 with its test 02_zones/07_helpers, and the package of nf_nat_rtsp";
const LINUX_SOURCE: &str =
    "source of nf_nat_rtsp, and a run with Debian's nat-rtsp-dkms on Linux 6.1";
const MIKROTIK_SOURCE: &str =
    "exports of RouterOS 6 and 7, and forum.mikrotik.com on its eight ports";

pub(super) const MIKROTIK: Router = Router {
    name: "mikrotik",
    aliases: &["routeros", "mikrotik routeros"],
    title: "MikroTik RouterOS",
    off: Some(unverified(
        "/ip firewall service-port set rtsp disabled=yes (menu: IP > Firewall > Service Ports)",
        MIKROTIK_SOURCE,
    )),
    on: Some(unverified(
        "/ip firewall service-port set rtsp disabled=no ports=554 (menu: IP > Firewall > Service Ports); eight ports at most",
        MIKROTIK_SOURCE,
    )),
    udp_timeout: Some(unverified(
        "/ip firewall connection tracking set udp-timeout=1m udp-stream-timeout=5m",
        "exports of RouterOS 7",
    )),
    note: "The helper is off in the default configuration. Where the list of service ports has no rtsp, the version has no such helper.",
};

pub(super) const EDGEROUTER: Router = Router {
    name: "edgerouter",
    aliases: &["edgeos", "edgemax", "ubiquiti edgerouter"],
    title: "Ubiquiti EdgeRouter",
    off: Some(unverified(
        "sudo modprobe -r nf_nat_rtsp nf_conntrack_rtsp, and take the script away that loads them",
        HEARSAY,
    )),
    on: Some(unverified(
        "sudo modprobe nf_nat_rtsp; to keep it, a script with that line in /config/scripts/pre-config.d",
        HEARSAY,
    )),
    udp_timeout: Some(unverified(
        "configure; set system conntrack timeout udp stream 300; commit; save",
        HEARSAY,
    )),
    note: "Its conntrack modules (set system conntrack modules …) are ftp, gre, h323, pptp, sip and tftp; lsmod | grep rtsp tells \
        whether one for RTSP is loaded.",
};

pub(super) const UNIFI: Router = Router {
    name: "unifi",
    aliases: &["usg", "udm", "unifi gateway", "dream machine"],
    title: "Ubiquiti UniFi gateway",
    off: Some(unverified(
        "USG, by ssh: sudo modprobe -r nf_nat_rtsp nf_conntrack_rtsp, and take the script away that loads them",
        "github.com RWL-Dittrich/tweak-unifi-gateway",
    )),
    on: Some(unverified(
        "USG, by ssh: sudo modprobe nf_nat_rtsp; to keep it, a script with that line in /config/scripts/pre-config.d",
        "github.com RWL-Dittrich/tweak-unifi-gateway",
    )),
    udp_timeout: None,
    note: "Dream Machines come without the module; people build it themselves (fabianishere/udm-iptv#2). Use TCP there.",
};

pub(super) const VYOS: Router = Router {
    name: "vyos",
    aliases: &[],
    title: "VyOS",
    off: Some(by_source(
        "configure; delete system conntrack modules rtsp; commit; save",
        "1.5",
        "vyos-1x pull request 3112",
    )),
    on: Some(by_source(
        "configure; set system conntrack modules rtsp; commit; save",
        "1.5",
        "vyos-1x pull request 3112",
    )),
    udp_timeout: Some(unverified(
        "configure; set system conntrack timeout udp stream 300; commit; save",
        HEARSAY,
    )),
    note: "",
};

pub(super) const OPENWRT: Router = Router {
    name: "openwrt",
    aliases: &["lede", "fw4"],
    title: "OpenWrt",
    off: Some(by_source(
        "opkg remove kmod-nf-nathelper-rtsp (builds from before April 2025: kmod-ipt-nathelper-rtsp; from 25.12 on: apk del), \
         then reboot; or uci set firewall.@zone[0].auto_helper=0, uci commit firewall, service firewall restart, which takes all \
         helpers off the first zone (lan)",
        "22.03 and later",
        OPENWRT_SOURCE,
    )),
    on: Some(by_source(
        "opkg update, opkg install kmod-nf-nathelper-rtsp (builds from before April 2025: kmod-ipt-nathelper-rtsp; from 25.12 on: \
         apk update, apk add), then service firewall restart: a zone without masquerading, as lan is, gets every helper that is \
         loaded; any other by uci add_list firewall.@zone[N].helper=rtsp, uci commit firewall. It watches TCP port 554 over IPv4",
        "22.03 and later",
        OPENWRT_SOURCE,
    )),
    udp_timeout: Some(step(
        "echo net.netfilter.nf_conntrack_udp_timeout_stream=300 >> /etc/sysctl.conf, the same with nf_conntrack_udp_timeout for \
         flows that go one way only, then service sysctl restart; UCI has no option for it",
        "defaults here: 180 and 60 seconds",
        HEARSAY,
        Standing::Unverified,
    )),
    note: "No RTSP helper is installed by default.",
};

pub(super) const LINUX: Router = Router {
    name: "linux",
    aliases: &["nftables", "debian", "iptables"],
    title: "Linux with nftables",
    off: Some(step(
        "take the rule out that sets the ct helper (nft list ruleset | grep helper), then modprobe -r nf_nat_rtsp nf_conntrack_rtsp",
        "",
        LINUX_SOURCE,
        Standing::Unverified,
    )),
    on: Some(step(
        "install nat-rtsp-dkms; in an nft table: ct helper rtsp-std { type \"rtsp\" protocol tcp; l3proto ip; }, and in a prerouting chain at priority mangle: tcp dport 554 ct helper set \"rtsp-std\"",
        "Debian; from Linux 6.0 on no helper is assigned by itself",
        LINUX_SOURCE,
        Standing::Run,
    )),
    udp_timeout: Some(step(
        "sysctl -w net.netfilter.nf_conntrack_udp_timeout_stream=300 (and nf_conntrack_udp_timeout for flows that go one way \
         only); a file in /etc/sysctl.d keeps it",
        "defaults: 120 and 30 seconds",
        HEARSAY,
        Standing::Unverified,
    )),
    note: "",
};
