//! Reads how this machine's netfilter is set up: once, when a live run begins and still may start programs, or for
//! `doctor`. What the firewall's own programs print is read by [`rules`] and [`crate::offload`]; settings are files.

mod rules;

use std::process::{Command, Stdio};

use rtspscope_engine::RouterSetup;
use rtspscope_engine::router_setup::{LoadedHelper, PortRange};
use rtspscope_wire::Timestamp;

use crate::machine::Machine;
use crate::offload;

/// The modules of an RTSP helper, as their makers name them.
const HELPERS: [&str; 3] = [
    "nf_conntrack_rtsp",
    "nf_conntrack_rtsp_alg",
    "ip_conntrack_rtsp",
];

/// What stands there at this moment.
pub(crate) fn read(machine: &Machine, at: Timestamp) -> RouterSetup {
    // Without what sets hold, which may be a country's addresses; sets without a name, as of ports, are printed all the
    // same.
    let nft = output_of("nft", &["-t", "list", "ruleset"]);
    // Before 0.9.1 nft had no such choice.
    let nft = nft.or_else(|| output_of("nft", &["list", "ruleset"]));
    let raw = raw_rules(machine);
    let filter = output_of("iptables-save", &["-t", "filter"]);
    let setup = RouterSetup {
        at,
        rules: rules::of(nft.as_deref(), raw.as_deref()),
        offload: offload::of(machine, nft.as_deref(), filter.as_deref()),
        ..settings(machine)
    };
    setup.capped()
}

/// The table `raw` of iptables. There are two kinds of it, and `iptables-save` is one of them; the other's is asked for where
/// the kernel has it, as to ask makes it.
fn raw_rules(machine: &Machine) -> Option<String> {
    let saved = output_of("iptables-save", &["-t", "raw"]);
    let tables = machine.read("proc/net/ip_tables_names").unwrap_or_default();
    let is_there = tables.lines().any(|table| table == "raw");
    let legacy = is_there.then(|| output_of("iptables-legacy-save", &["-t", "raw"]));
    match (saved, legacy.flatten()) {
        (Some(saved), Some(legacy)) => Some(saved + &legacy),
        (saved, legacy) => saved.or(legacy),
    }
}

/// What files tell.
fn settings(machine: &Machine) -> RouterSetup {
    let number = |name: &str| setting(machine, name)?.parse().ok();
    let udp_timeout_secs = number("udp_timeout");
    // Kernels from 6.0 on have the other settings and not this one.
    let without_switch = udp_timeout_secs.map(|_| false);
    RouterSetup {
        helpers: helpers(machine),
        by_itself: setting(machine, "helper").map_or(without_switch, |helper| Some(helper == "1")),
        udp_timeout_secs,
        udp_stream_timeout_secs: number("udp_timeout_stream"),
        tcp_established_timeout_secs: number("tcp_timeout_established"),
        ..RouterSetup::default()
    }
}

/// A setting of connection tracking, by its name without `nf_conntrack_`.
pub(crate) fn setting(machine: &Machine, name: &str) -> Option<String> {
    machine.read(&format!("proc/sys/net/netfilter/nf_conntrack_{name}"))
}

fn helpers(machine: &Machine) -> Option<Vec<LoadedHelper>> {
    let mut loaded = Vec::new();
    for module in HELPERS {
        if machine.has_module(module)? {
            loaded.push(LoadedHelper {
                module: module.to_owned(),
                ports: own_ports(machine, module),
            });
        }
    }
    Some(loaded)
}

/// The ports that a helper was told to take when it was loaded; unused places of the list are 0.
fn own_ports(machine: &Machine, module: &str) -> Option<Vec<PortRange>> {
    let list = machine.read(&format!("sys/module/{module}/parameters/ports"))?;
    let ports: Result<Vec<u16>, _> = list.split(',').map(str::parse).collect();
    let ports = ports.ok()?.into_iter().filter(|port| *port != 0);
    let ports: Vec<PortRange> = ports.map(PortRange::one).collect();
    (!ports.is_empty()).then_some(ports)
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
pub(crate) use rules::of as rules_of;

#[cfg(test)]
mod tests;
