//! What forwards packets by a way on which a tap does not see them: flowtables of nftables, the target FLOWOFFLOAD of
//! older OpenWrt firewalls, OpenWrt's settings of both, and cards that flows can be handed to.
//!
//! A flowtable takes a flow at the interfaces that it names, behind the taps there. What hardware forwards passes no
//! tap, and what is forwarded below a bridge, VLAN or PPPoE interface does not pass that one. All is read once, from what
//! the firewall's own programs print.

mod parse;

use std::fs;
use std::process::{Command, Stdio};

use crate::machine::Machine;

/// How flows are forwarded past the usual way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By the kernel, between the interfaces themselves.
    Software,
    /// By a card or switch.
    Hardware,
}

/// One flowtable of nftables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flowtable {
    /// Family, table and name.
    pub name: String,
    /// The interfaces at which it takes packets.
    pub devices: Vec<String>,
    /// Who forwards what it holds.
    pub way: Way,
}

/// Everything that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offload {
    /// `None` where nft cannot be asked.
    pub flowtables: Option<Vec<Flowtable>>,
    /// A rule with the target FLOWOFFLOAD.
    pub target: Option<Way>,
    /// OpenWrt's settings.
    pub configured: Option<Way>,
}

/// Interfaces that lie upon others lie so many deep at most.
const MAX_DEPTH: usize = 4;

impl Offload {
    /// What this machine's firewall says.
    pub(crate) fn of(machine: &Machine) -> Self {
        let nft = output_of("nft", &["list", "flowtables"]);
        let rules = output_of("iptables-save", &["-t", "filter"]);
        let settings = machine.read("etc/config/firewall");
        Self {
            flowtables: nft.as_deref().map(parse::flowtables),
            target: rules.as_deref().and_then(parse::target),
            configured: settings.as_deref().and_then(parse::configured),
        }
    }

    /// The furthest way that flows take; settings count only where nobody can tell what is in force.
    pub(crate) fn way(&self) -> Option<Way> {
        let tables = self.flowtables.iter().flatten().map(|table| table.way);
        let ways: Vec<Way> = tables.chain(self.target).collect();
        if self.flowtables.is_none() && ways.is_empty() {
            return self.configured;
        }
        let hardware = ways.iter().find(|way| **way == Way::Hardware);
        hardware.or(ways.first()).copied()
    }

    /// What taps on these interfaces cannot see, each with whom it is said of.
    pub(crate) fn unseen(&self, machine: &Machine, taps: &[&str]) -> Vec<(String, String)> {
        let mut unseen = Vec::new();
        for table in self.flowtables.iter().flatten() {
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
            unseen.extend(self.without_tables(machine, taps));
        }
        unseen
    }

    /// The same by a rule or a setting, which name no interfaces.
    fn without_tables(&self, machine: &Machine, taps: &[&str]) -> Vec<(String, String)> {
        let (way, by) = match (self.target, self.configured) {
            (Some(way), _) => (way, "a rule with FLOWOFFLOAD"),
            (None, Some(way)) if self.flowtables.is_none() => (way, "flow_offloading"),
            (None, _) => return Vec::new(),
        };
        if way == Way::Hardware {
            let told =
                "hardware forwards established flows: taps see only the first packets of a flow";
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

/// What a program prints; `None` where it is not there or may not look.
pub(crate) fn output_of(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests;
