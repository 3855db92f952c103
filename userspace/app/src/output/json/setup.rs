//! How the router's netfilter is set up, in the contract's shape.

use rtspscope_engine::router_setup::{self as engine, PortRange, Way};
use rtspscope_engine::{Assigned, Assignment as Told, Session, Snapshot};
use rtspscope_wire::netfilter::Tuple;
use serde::Serialize;

use crate::output::privacy::own;
use crate::output::time::rfc3339;

/// How the router's netfilter is set up.
#[derive(Debug, Serialize)]
pub(crate) struct RouterSetup {
    pub read_at: String,
    /// RTSP helpers that are loaded; `null` where the kernel's modules cannot be listed.
    pub rtsp_helpers: Option<Vec<LoadedHelper>>,
    /// Whether helpers take their own ports without a rule (`nf_conntrack_helper`).
    pub helpers_by_themselves: Option<bool>,
    /// Rules that assign a helper of any kind; `null` where the firewall cannot be asked.
    pub helper_rules: Option<Vec<HelperRule>>,
    /// Flowtables; `null` where nft cannot be asked.
    pub flowtables: Option<Vec<Flowtable>>,
    /// The furthest way that flows take past netfilter: `software` or `hardware`.
    pub offload: Option<&'static str>,
    /// `nf_conntrack_udp_timeout`.
    pub udp_timeout_s: Option<u32>,
    /// `nf_conntrack_udp_timeout_stream`.
    pub udp_timeout_stream_s: Option<u32>,
    /// `nf_conntrack_tcp_timeout_established`.
    pub tcp_timeout_established_s: Option<u32>,
    /// When rules of nftables first changed after they were read.
    pub rules_changed_at: Option<String>,
    /// Helpers, rules and flowtables beyond the caps.
    pub left_out: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct LoadedHelper {
    pub module: String,
    /// The ports that it takes by itself, as `554` or `8000-8010`; `null` where it does not tell.
    pub ports: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct HelperRule {
    /// `nftables` or `iptables`.
    pub source: String,
    /// Family, table and chain.
    pub chain: String,
    /// The kind of helper; `null` where the object that the rule names is not in the ruleset.
    pub helper: Option<String>,
    /// Name of the nftables object.
    pub object: Option<String>,
    pub protocol: Option<String>,
    /// Destination ports, as `554` or `8000-8010`; `null` where the rule's text does not tell.
    pub ports: Option<Vec<String>>,
    pub rule: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Flowtable {
    /// Family, table and name.
    pub name: String,
    pub devices: Vec<String>,
    /// `software` or `hardware`.
    pub way: &'static str,
}

/// How a helper comes to a session's RTSP port.
#[derive(Debug, Serialize)]
pub(crate) struct Assignment {
    /// `rule`: one names the port; `rule-without-port`: one may; `itself`: the helper takes the port; `other-ports`: an RTSP
    /// helper is assigned, and not to this port; `nothing`: an RTSP helper is loaded and not assigned; `no-helper`: none is loaded.
    pub by: &'static str,
    pub port: Option<u16>,
    /// Its kind or, of one that nothing assigns or that assigns itself, its module.
    pub helper: Option<String>,
    /// The rule that is meant.
    pub rule: Option<String>,
    /// The same in a sentence.
    pub told: String,
}

pub(super) fn router_setup(setup: &engine::RouterSetup) -> RouterSetup {
    let helpers = setup.helpers.as_ref();
    let rules = setup.rules.as_ref();
    let flowtables = setup.offload.flowtables.as_ref();
    RouterSetup {
        read_at: rfc3339(setup.at),
        rtsp_helpers: helpers.map(|helpers| helpers.iter().map(loaded).collect()),
        helpers_by_themselves: setup.by_itself,
        helper_rules: rules.map(|rules| rules.iter().map(rule).collect()),
        flowtables: flowtables.map(|tables| tables.iter().map(flowtable).collect()),
        offload: setup.offload.way().map(way),
        udp_timeout_s: setup.udp_timeout_secs,
        udp_timeout_stream_s: setup.udp_stream_timeout_secs,
        tcp_timeout_established_s: setup.tcp_established_timeout_secs,
        rules_changed_at: setup.rules_changed_at.map(rfc3339),
        left_out: setup.left_out,
    }
}

pub(super) fn assignment(snapshot: &Snapshot, session: &Session) -> Option<Assignment> {
    let found = snapshot.assignment(session)?;
    Some(told(found, &snapshot.assignment_told(session)?))
}

fn told(found: Told<'_>, text: &str) -> Assignment {
    let (by, port, assigned) = match found {
        Told::ToPort(port, assigned) => {
            let by = match assigned {
                Assigned::ByRule(_) => "rule",
                Assigned::ByItself(_) => "itself",
            };
            (by, Some(port), Some(assigned))
        }
        Told::Untold(rule) => ("rule-without-port", None, Some(Assigned::ByRule(rule))),
        Told::ToOthers(port, assigned) => ("other-ports", Some(port), Some(assigned)),
        Told::ToNone(helper) => ("nothing", None, Some(Assigned::ByItself(helper))),
        Told::NotLoaded => ("no-helper", None, None),
    };
    let rule = match assigned {
        Some(Assigned::ByRule(rule)) => Some(own(&rule.text)),
        Some(Assigned::ByItself(_)) | None => None,
    };
    Assignment {
        by,
        port,
        helper: assigned.map(|assigned| own(assigned.helper())),
        rule,
        told: own(text),
    }
}

fn loaded(helper: &engine::LoadedHelper) -> LoadedHelper {
    LoadedHelper {
        module: own(&helper.module),
        ports: helper.ports.as_deref().map(ports),
    }
}

fn rule(rule: &engine::HelperRule) -> HelperRule {
    HelperRule {
        source: rule.source.to_string(),
        chain: own(&rule.chain),
        helper: rule.helper.as_deref().map(own),
        object: rule.object.as_deref().map(own),
        protocol: rule.protocol.map(|number| match number {
            Tuple::TCP => "tcp".to_owned(),
            Tuple::UDP => "udp".to_owned(),
            other => format!("protocol {other}"),
        }),
        ports: rule.ports.as_deref().map(ports),
        rule: own(&rule.text),
    }
}

fn flowtable(table: &engine::Flowtable) -> Flowtable {
    Flowtable {
        name: own(&table.name),
        devices: table.devices.iter().map(|device| own(device)).collect(),
        way: way(table.way),
    }
}

fn ports(ranges: &[PortRange]) -> Vec<String> {
    ranges.iter().map(ToString::to_string).collect()
}

const fn way(way: Way) -> &'static str {
    match way {
        Way::Software => "software",
        Way::Hardware => "hardware",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_its_word_and_names_helper_port_and_rule_as_far_as_there_are_any() {
        let rule = engine::HelperRule {
            source: engine::RuleSource::Iptables,
            chain: "raw PREROUTING".to_owned(),
            helper: Some("rtsp\u{1b}".to_owned()),
            object: None,
            protocol: Some(Tuple::TCP),
            ports: Some(vec![PortRange::one(8554)]),
            text: "-A PREROUTING\u{7}".to_owned(),
        };
        let module = engine::LoadedHelper {
            module: "nf_conntrack_rtsp".to_owned(),
            ports: None,
        };
        let (by_rule, by_itself) = (Assigned::ByRule(&rule), Assigned::ByItself(&module));
        let ways = [
            Told::ToPort(8554, by_rule),
            Told::Untold(&rule),
            Told::ToPort(554, by_itself),
            Told::ToOthers(554, by_rule),
            Told::ToNone(&module),
            Told::NotLoaded,
        ];
        let told = ways.map(|way| {
            let told = told(way, "");
            let rule = told.rule.unwrap_or_default();
            let port = told.port.map_or_else(String::new, |port| port.to_string());
            [
                told.by.to_owned(),
                port,
                told.helper.unwrap_or_default(),
                rule,
            ]
            .join("|")
        });
        assert_eq!(
            told,
            [
                r"rule|8554|rtsp\u{1b}|-A PREROUTING\u{7}",
                r"rule-without-port||rtsp\u{1b}|-A PREROUTING\u{7}",
                "itself|554|nf_conntrack_rtsp|",
                r"other-ports|554|rtsp\u{1b}|-A PREROUTING\u{7}",
                "nothing||nf_conntrack_rtsp|",
                "no-helper|||",
            ]
        );
    }
}
