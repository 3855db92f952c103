//! The texts of nft, iptables-save, OpenWrt's settings and ethtool.

use rtspscope_engine::router_setup::{Flowtable, Way};

/// The flowtables in what `nft list flowtables` or `nft list ruleset` prints.
pub(super) fn flowtables(nft: &str) -> Vec<Flowtable> {
    let mut tables: Vec<Flowtable> = Vec::new();
    let (mut table, mut is_inside) = ("", false);
    for line in nft.lines().map(str::trim) {
        if let Some(name) = block(line, "table ") {
            table = name;
        } else if let Some(name) = block(line, "flowtable ") {
            is_inside = true;
            tables.push(Flowtable {
                name: format!("{table} {name}"),
                devices: Vec::new(),
                way: Way::Software,
            });
        } else if line == "}" {
            is_inside = false;
        } else if is_inside && let Some(found) = tables.last_mut() {
            if let Some(devices) = line.strip_prefix("devices = {") {
                found.devices = names(devices);
            } else if line.starts_with("flags offload") {
                found.way = Way::Hardware;
            }
        }
    }
    tables
}

/// The name of a block that begins here.
fn block<'a>(line: &'a str, kind: &str) -> Option<&'a str> {
    line.strip_prefix(kind)?.strip_suffix(" {")
}

/// Names between braces, with or without quotes.
fn names(list: &str) -> Vec<String> {
    let list = list.trim_end_matches([' ', ';', '}']).split(',');
    let names = list.map(|name| name.trim().trim_matches('"').to_owned());
    names.filter(|name| !name.is_empty()).collect()
}

/// The rule with the target FLOWOFFLOAD in what `iptables-save` prints (OpenWrt up to 21.02).
pub(super) fn target(rules: &str) -> Option<Way> {
    let rules = rules.lines().filter(|rule| rule.contains("-j FLOWOFFLOAD"));
    let ways = rules.map(|rule| {
        if rule.split(' ').any(|word| word == "--hw") {
            Way::Hardware
        } else {
            Way::Software
        }
    });
    ways.max_by_key(|way| *way == Way::Hardware)
}

/// `flow_offloading` and `flow_offloading_hw` in OpenWrt's `/etc/config/firewall`.
pub(super) fn configured(settings: &str) -> Option<Way> {
    let is_on = |option: &str| {
        settings.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            matches!(words[..], ["option", name, value, ..]
                if name == option && value.trim_matches(['\'', '"']) == "1")
        })
    };
    match (is_on("flow_offloading"), is_on("flow_offloading_hw")) {
        (true, true) => Some(Way::Hardware),
        (true, false) => Some(Way::Software),
        (false, _) => None,
    }
}

/// Whether `ethtool -k` says that flows can be handed to the card.
pub(super) fn takes_flows(features: &str) -> bool {
    let mut lines = features.lines().map(str::trim);
    lines.any(|line| line.starts_with("hw-tc-offload: on"))
}
