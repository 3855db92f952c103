//! How the router's netfilter is set up: which RTSP helpers are loaded, which rules assign helpers to which ports, what
//! forwards flows past the taps, and how long entries last.
//!
//! A source reads it once, when a run begins; what is in it are names and rules that others wrote, kept within
//! [`SetupLimits`]. A value that could not be read is `None`.

use std::fmt;
use std::net::IpAddr;

use rtspscope_wire::netfilter::Tuple;
use rtspscope_wire::{TapId, Timestamp};

use crate::limits::SetupLimits;
use crate::locator::Locator;

/// What was read of the router's netfilter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterSetup {
    /// When it was read.
    pub at: Timestamp,
    /// RTSP helpers that are loaded; `None` where the kernel's modules cannot be listed.
    pub helpers: Option<Vec<LoadedHelper>>,
    /// Whether every loaded helper takes its own ports without a rule (`nf_conntrack_helper`, gone with Linux 6.0).
    pub by_itself: Option<bool>,
    /// Rules that assign a helper of any kind; `None` where the firewall cannot be asked.
    pub rules: Option<Vec<HelperRule>>,
    /// What forwards flows past netfilter or past the processor.
    pub offload: Offload,
    /// Seconds that a UDP entry lasts while packets go one way only.
    pub udp_timeout_secs: Option<u32>,
    /// The same once packets went both ways.
    pub udp_stream_timeout_secs: Option<u32>,
    /// Seconds that the entry of an open TCP connection lasts.
    pub tcp_established_timeout_secs: Option<u32>,
    /// When the rules of nftables first changed after they were read, as far as was listened.
    pub rules_changed_at: Option<Timestamp>,
    /// Helpers, rules and flowtables that fell to the caps.
    pub left_out: u32,
}

/// A kernel module that is an RTSP helper.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedHelper {
    /// Its name.
    pub module: String,
    /// The ports that it takes by itself; `None` where it does not tell.
    pub ports: Option<Vec<PortRange>>,
}

/// A rule that assigns a helper to connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelperRule {
    /// Whose rule it is.
    pub source: RuleSource,
    /// Family, table and chain.
    pub chain: String,
    /// The kind of helper; `None` where the object that the rule names is not in the ruleset.
    pub helper: Option<String>,
    /// Name of the nftables object; `None` for iptables.
    pub object: Option<String>,
    /// IP protocol number that the rule names.
    pub protocol: Option<u8>,
    /// Destination ports that the rule names; `None` where its text does not tell them.
    pub ports: Option<Vec<PortRange>>,
    /// The rule as the firewall's own program prints it.
    pub text: String,
}

/// Who keeps a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleSource {
    /// nftables.
    Nftables,
    /// iptables, of either kind.
    Iptables,
}

/// Ports from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

/// How flows are forwarded past the usual way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the kernel, between the interfaces themselves.
    Software,
    /// By a card or switch.
    Hardware,
}

/// One flowtable of nftables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flowtable {
    /// Family, table and name.
    pub name: String,
    /// The interfaces at which it takes packets.
    pub devices: Vec<String>,
    /// Who forwards what it holds.
    pub way: Way,
}

/// Everything that forwards flows past the usual way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// `None` where nft cannot be asked.
    pub flowtables: Option<Vec<Flowtable>>,
    /// A rule with the target FLOWOFFLOAD.
    pub target: Option<Way>,
    /// OpenWrt's settings.
    pub configured: Option<Way>,
}

impl RouterSetup {
    /// Its place: it has no frame of its own, neither in a run nor in a recording.
    pub const fn place(&self) -> Locator {
        Locator {
            tap: TapId::NETFILTER,
            frame: None,
            at: self.at,
            stream_offset: None,
        }
    }

    /// The same within the caps, with what fell to them counted.
    #[must_use]
    pub fn capped(mut self) -> Self {
        let most = SetupLimits::KEPT;
        let mut left_out = 0;
        for helper in cut(self.helpers.as_mut(), most.helpers, &mut left_out) {
            shorten(&mut helper.module, most.name_bytes);
            helper.ports = helper
                .ports
                .take()
                .filter(|known| known.len() <= most.ports);
        }
        for rule in cut(self.rules.as_mut(), most.rules, &mut left_out) {
            shorten(&mut rule.chain, most.name_bytes);
            shorten(&mut rule.text, most.text_bytes);
            for name in rule.helper.iter_mut().chain(&mut rule.object) {
                shorten(name, most.name_bytes);
            }
            rule.ports = rule.ports.take().filter(|known| known.len() <= most.ports);
        }
        let flowtables = self.offload.flowtables.as_mut();
        for table in cut(flowtables, most.flowtables, &mut left_out) {
            shorten(&mut table.name, most.name_bytes);
            table.devices.truncate(most.devices);
            for device in &mut table.devices {
                shorten(device, most.name_bytes);
            }
        }
        self.left_out = self.left_out.saturating_add(left_out);
        self
    }
}

/// Lets go of what is beyond `most`, and gives what stays.
fn cut<'a, T>(list: Option<&'a mut Vec<T>>, most: usize, left_out: &mut u32) -> &'a mut [T] {
    let Some(list) = list else {
        return &mut [];
    };
    let beyond = list.len().saturating_sub(most);
    *left_out = left_out.saturating_add(u32::try_from(beyond).unwrap_or(u32::MAX));
    list.truncate(most);
    list
}

/// Ends a text before the byte `most`, between two letters.
fn shorten(text: &mut String, most: usize) {
    text.truncate(text.floor_char_boundary(most));
}

impl HelperRule {
    /// Whether it assigns a helper for RTSP: by its kind or, where that is not known, by the name of its object.
    pub fn is_rtsp(&self) -> bool {
        self.helper.as_deref().or(self.object.as_deref()) == Some("rtsp")
    }

    /// Whether it can be about TCP to this address, as far as its text tells.
    pub fn may_take_tcp_to(&self, address: IpAddr) -> bool {
        let family = self.chain.split(' ').next().unwrap_or_default();
        let is_family = match (self.source, family) {
            (RuleSource::Iptables, _) | (_, "ip") => address.is_ipv4(),
            (RuleSource::Nftables, "ip6") => address.is_ipv6(),
            (RuleSource::Nftables, _) => true,
        };
        is_family && self.protocol.is_none_or(|protocol| protocol == Tuple::TCP)
    }

    /// Whether it names this port.
    pub fn names_port(&self, port: u16) -> bool {
        names(self.ports.as_deref(), port)
    }
}

impl LoadedHelper {
    /// The port of RTSP, which helpers take unless they were told otherwise (RFC 2326 §3.2).
    const USUAL: u16 = 554;

    /// Whether it takes this port where helpers take ports by themselves; `None` where that is not known.
    pub fn takes_port(&self, port: u16) -> Option<bool> {
        match &self.ports {
            Some(ports) => Some(names(Some(ports), port)),
            None => (port == Self::USUAL).then_some(true),
        }
    }
}

fn names(ports: Option<&[PortRange]>, port: u16) -> bool {
    let mut ports = ports.into_iter().flatten();
    ports.any(|range| (range.first..=range.last).contains(&port))
}

impl PortRange {
    /// One port alone.
    pub const fn one(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(out, "{}", self.first)
        } else {
            write!(out, "{}-{}", self.first, self.last)
        }
    }
}

impl fmt::Display for RuleSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Nftables => "nftables",
            Self::Iptables => "iptables",
        })
    }
}

impl Offload {
    /// The furthest way that flows take; settings count only where nobody can tell what is in force.
    pub fn way(&self) -> Option<Way> {
        let tables = self.flowtables.iter().flatten().map(|table| table.way);
        let ways: Vec<Way> = tables.chain(self.target).collect();
        if self.flowtables.is_none() && ways.is_empty() {
            return self.configured;
        }
        let hardware = ways.iter().find(|way| **way == Way::Hardware);
        hardware.or(ways.first()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str, ports: Option<Vec<PortRange>>) -> HelperRule {
        HelperRule {
            source: RuleSource::Nftables,
            chain: "ip helpers prerouting".to_owned(),
            helper: Some("rtsp".to_owned()),
            object: Some("cam".to_owned()),
            protocol: Some(Tuple::TCP),
            ports,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_flood_of_rules_and_a_long_one_fall_to_the_caps() {
        let long = "ü".repeat(4_000);
        let setup = RouterSetup {
            rules: Some(vec![rule(&long, None); 100]),
            ..RouterSetup::default()
        };
        let setup = setup.capped();
        let rules = setup.rules.as_deref().unwrap();
        let most = SetupLimits::KEPT;
        assert_eq!((rules.len(), setup.left_out), (most.rules, 100 - 32));
        assert_eq!(rules[0].text, "ü".repeat(most.text_bytes / 2));
        assert_eq!(setup.clone().capped(), setup, "what is within stays");
    }

    /// A cut list of ports would say that a rule is for other ports.
    #[test]
    fn more_ports_than_are_kept_are_ports_that_cannot_be_told() {
        let ports: Vec<PortRange> = (1..1_000).map(PortRange::one).collect();
        let setup = RouterSetup {
            rules: Some(vec![rule("tcp dport { … }", Some(ports))]),
            ..RouterSetup::default()
        };
        assert_eq!(setup.capped().rules.unwrap()[0].ports, None);
    }

    #[test]
    fn a_rule_of_ipv4_says_nothing_of_ipv6() {
        let [four, six]: [IpAddr; 2] =
            ["203.0.113.10", "2001:db8::1"].map(|ip| ip.parse().unwrap());
        let mut of = rule("", None);
        assert_eq!([four, six].map(|ip| of.may_take_tcp_to(ip)), [true, false]);
        "inet fw4 helper_lan".clone_into(&mut of.chain);
        assert_eq!([four, six].map(|ip| of.may_take_tcp_to(ip)), [true, true]);
        of.protocol = Some(Tuple::UDP);
        assert_eq!([four, six].map(|ip| of.may_take_tcp_to(ip)), [false, false]);
    }
}
