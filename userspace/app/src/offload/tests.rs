//! The texts that the firewalls' programs print, and what follows from them for taps.

use std::fs;
use std::path::PathBuf;

use super::*;

/// As nftables 1.0.6 prints it.
const SOFTWARE: &str = "table inet fw4 {\n\tflowtable ft {\n\t\thook ingress priority filter\n\t\tdevices = { eth0, eth1 }\n\t}\n}\n";

/// With names in quotes, as OpenWrt's firewall4 writes them, and in hardware.
const HARDWARE: &str = "table inet fw4 {\n\tflowtable ft {\n\t\thook ingress priority filter\n\t\tdevices = { \"lan1\", \"wan\" }\n\t\tflags offload\n\t\tcounter\n\t}\n}\n";

/// OpenWrt 21.02, firewall3.
const RULES: &str = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m comment --comment \"!fw3: Traffic offloading\" -m conntrack \
    --ctstate RELATED,ESTABLISHED -j FLOWOFFLOAD\nCOMMIT\n";

const SETTINGS: &str = "config defaults\n\toption syn_flood\t1\n\toption input\tREJECT\n\toption flow_offloading '1'\n\toption flow_offloading_hw '0'\n\n\
    config zone\n\toption name\t\tlan\n";

/// A machine with these empty files below `sys/class/net`, and these with a text.
fn machine(name: &str, entries: &[(&str, &str)]) -> (Machine, PathBuf) {
    let root =
        std::env::temp_dir().join(format!("rtspscope-offload-{}-{name}", std::process::id()));
    let _old = fs::remove_dir_all(&root);
    for (path, text) in entries {
        let path = root.join("sys/class/net").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (Machine::below(root.clone()), root)
}

fn by_tables(nft: &str) -> Offload {
    Offload {
        flowtables: Some(parse::flowtables(nft)),
        ..Offload::default()
    }
}

/// Subjects of what taps cannot see on a router whose `br-lan` lies upon `eth1`, `eth1.7` upon `eth1`, and `wan` is PPP.
fn subjects(name: &str, offload: &Offload, taps: &[&str]) -> Vec<String> {
    let entries = [
        ("br-lan/lower_eth1.7", ""),
        ("eth1.7/lower_eth1", ""),
        ("pppoe-wan/uevent", "DEVTYPE=ppp\nINTERFACE=pppoe-wan\n"),
        ("eth0/uevent", "INTERFACE=eth0\n"),
    ];
    let (machine, root) = machine(name, &entries);
    let unseen = unseen(offload, &machine, taps);
    fs::remove_dir_all(root).unwrap();
    unseen.into_iter().map(|(subject, _)| subject).collect()
}

#[test]
fn flowtables_are_read_with_their_devices_and_flags() {
    let table = |devices: [&str; 2], way| Flowtable {
        name: "inet fw4 ft".to_owned(),
        devices: devices.map(str::to_owned).to_vec(),
        way,
    };
    assert_eq!(
        parse::flowtables(SOFTWARE),
        [table(["eth0", "eth1"], Way::Software)]
    );
    assert_eq!(
        parse::flowtables(HARDWARE),
        [table(["lan1", "wan"], Way::Hardware)]
    );
    let none =
        "table ip nat {\n\tchain post {\n\t\tdevices = { eth0 }\n\t\tflags offload\n\t}\n}\n";
    assert_eq!(parse::flowtables(none), []);
}

#[test]
fn a_rule_and_settings_of_openwrt_are_read() {
    assert_eq!(parse::target(RULES), Some(Way::Software));
    let hardware = RULES.replace("FLOWOFFLOAD", "FLOWOFFLOAD --hw");
    assert_eq!(parse::target(&hardware), Some(Way::Hardware));
    assert_eq!(parse::target("-A FORWARD -j ACCEPT\n"), None);
    assert_eq!(parse::configured(SETTINGS), Some(Way::Software));
    let hardware = SETTINGS.replace("_hw '0'", "_hw \"1\"");
    assert_eq!(parse::configured(&hardware), Some(Way::Hardware));
    let only_hardware = hardware.replace("flow_offloading '1'", "flow_offloading '0'");
    assert_eq!(parse::configured(&only_hardware), None);
}

#[test]
fn a_card_that_takes_flows_is_told_from_one_that_does_not() {
    let features = |state| {
        format!(
            "Features for eth0:\nrx-checksumming: on\nhw-tc-offload: {state}\nesp-hw-offload: off [fixed]\n"
        )
    };
    assert!(parse::takes_flows(&features("on")));
    assert!(!parse::takes_flows(&features("off")));
    assert!(!parse::takes_flows(&features("off [fixed]")));
}

#[test]
fn a_tap_on_a_device_of_a_flowtable_sees_all_and_one_above_does_not() {
    let offload = by_tables(SOFTWARE);
    assert_eq!(subjects("at", &offload, &["eth0", "eth1"]), [""; 0]);
    assert_eq!(
        subjects(
            "above",
            &offload,
            &["br-lan", "eth1.7", "pppoe-wan", "eth0"]
        ),
        ["br-lan", "eth1.7", "pppoe-wan"]
    );
    assert_eq!(subjects("elsewhere", &offload, &["eth5"]), [""; 0]);
}

#[test]
fn what_hardware_forwards_passes_no_tap() {
    let offload = by_tables(HARDWARE);
    assert_eq!(offload.way(), Some(Way::Hardware));
    assert_eq!(
        subjects("hardware", &offload, &["eth0"]),
        ["flowtable inet fw4 ft"]
    );
    let offload = Offload {
        target: Some(Way::Hardware),
        ..by_tables("")
    };
    assert_eq!(
        subjects("rule", &offload, &["eth0"]),
        ["a rule with FLOWOFFLOAD"]
    );
}

#[test]
fn a_setting_counts_only_where_nft_cannot_be_asked() {
    let mut offload = Offload {
        configured: Some(Way::Software),
        ..Offload::default()
    };
    assert_eq!(offload.way(), Some(Way::Software));
    assert_eq!(
        subjects("setting", &offload, &["br-lan", "eth0"]),
        ["br-lan"]
    );
    offload.flowtables = Some(Vec::new());
    assert_eq!(offload.way(), None);
    assert_eq!(subjects("not in force", &offload, &["br-lan"]), [""; 0]);
}
