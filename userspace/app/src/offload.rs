//! What forwards packets by a way on which a tap does not see them: flowtables of nftables, the target FLOWOFFLOAD of
//! older OpenWrt firewalls, OpenWrt's settings of both, and cards that flows can be handed to.
//!
//! A flowtable takes a flow at the interfaces that it names, behind the taps there. What hardware forwards passes no
//! tap, and what is forwarded below a bridge, VLAN or PPPoE interface does not pass that one. All is read once, from what
//! the firewall's own programs print.

mod parse;

use std::fs;

#[cfg(test)]
use rtspscope_engine::router_setup::Flowtable;
use rtspscope_engine::router_setup::{Offload, Way};

use crate::machine::Machine;
use crate::router_setup::output_of;

/// Interfaces that lie upon others lie so many deep at most.
const MAX_DEPTH: usize = 4;

/// What this machine's firewall says: the texts of `nft list ruleset` and `iptables-save -t filter`, where they could be
/// had, and its settings.
pub(crate) fn of(machine: &Machine, nft: Option<&str>, filter: Option<&str>) -> Offload {
    let settings = machine.read("etc/config/firewall");
    Offload {
        flowtables: nft.map(parse::flowtables),
        target: filter.and_then(parse::target),
        configured: settings.as_deref().and_then(parse::configured),
    }
}

/// What taps on these interfaces cannot see, each with whom it is said of.
pub(crate) fn unseen(offload: &Offload, machine: &Machine, taps: &[&str]) -> Vec<(String, String)> {
    let mut unseen = Vec::new();
    for table in offload.flowtables.iter().flatten() {
        let between = table.devices.join(", ");
        if table.way == Way::Hardware {
            unseen.push((
                format!("flowtable {}", table.name),
                format!("hardware forwards what goes between {between}: taps see only the first packets of a flow"),
            ));
            continue;
        }
        let above = |tap: &&&str| {
            !table.devices.iter().any(|device| device == **tap)
                && lies_upon(machine, tap, &table.devices, MAX_DEPTH)
        };
        unseen.extend(taps.iter().filter(above).map(|tap| {
            (
                (*tap).to_owned(),
                format!(
                    "the flowtable {} forwards below this interface, between {between}: only the first packets of a flow pass \
                     the tap; tap those instead",
                    table.name
                ),
            )
        }));
    }
    if unseen.is_empty() {
        unseen.extend(without_tables(offload, machine, taps));
    }
    unseen
}

/// The same by a rule or a setting, which name no interfaces.
fn without_tables(offload: &Offload, machine: &Machine, taps: &[&str]) -> Vec<(String, String)> {
    let (way, by) = match (offload.target, offload.configured) {
        (Some(way), _) => (way, "a rule with FLOWOFFLOAD"),
        (None, Some(way)) if offload.flowtables.is_none() => (way, "flow_offloading"),
        (None, _) => return Vec::new(),
    };
    if way == Way::Hardware {
        let told = "hardware forwards established flows: taps see only the first packets of a flow";
        return vec![(by.to_owned(), told.to_owned())];
    }
    let covered = taps.iter().filter(|tap| lies_upon_any(machine, tap));
    let told = covered.map(|tap| {
        (
            (*tap).to_owned(),
            format!(
                "{by} forwards established flows below this interface: only the first packets of a flow pass the tap; tap the \
                 interfaces below instead"
            ),
        )
    });
    told.collect()
}

/// Interfaces whose card takes over flows that it is handed (`hw-tc-offload`).
pub(crate) fn cards_that_forward<'a>(taps: &[&'a str]) -> Vec<&'a str> {
    let takes = |tap: &&&str| {
        output_of("ethtool", &["-k", tap]).is_some_and(|features| parse::takes_flows(&features))
    };
    taps.iter().filter(takes).copied().collect()
}

/// Whether an interface lies upon one of these: a bridge, bond, VLAN or PPP over them.
fn lies_upon(machine: &Machine, name: &str, devices: &[String], depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    // A PPP interface names nobody that it lies upon.
    if is_ppp(machine, name) {
        return true;
    }
    below(machine, name)
        .iter()
        .any(|lower| devices.contains(lower) || lies_upon(machine, lower, devices, depth - 1))
}

fn lies_upon_any(machine: &Machine, name: &str) -> bool {
    is_ppp(machine, name) || !below(machine, name).is_empty()
}

fn is_ppp(machine: &Machine, name: &str) -> bool {
    let event = machine.read(&format!("sys/class/net/{name}/uevent"));
    event.is_some_and(|event| event.lines().any(|line| line == "DEVTYPE=ppp"))
}

/// The interfaces that an interface lies upon.
fn below(machine: &Machine, name: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(machine.path(format!("sys/class/net/{name}"))) else {
        return Vec::new();
    };
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_prefix("lower_").map(str::to_owned)
    });
    names.collect()
}

#[cfg(test)]
mod tests;
