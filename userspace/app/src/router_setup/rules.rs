//! The rules that assign helpers, in the texts of nft and iptables-save.

use std::collections::BTreeMap;

use rtspscope_engine::router_setup::{HelperRule, PortRange, RuleSource};
use rtspscope_wire::netfilter::Tuple;

/// What makes a rule of nftables one that assigns a helper.
const SET: &str = "ct helper set ";

/// All rules in what `nft list ruleset` and `iptables-save -t raw` print; `None` where neither could be asked.
pub(crate) fn of(nft: Option<&str>, raw: Option<&str>) -> Option<Vec<HelperRule>> {
    if nft.is_none() && raw.is_none() {
        return None;
    }
    let mut rules = of_nftables(nft.unwrap_or_default());
    for rule in of_iptables(raw.unwrap_or_default()) {
        // Twice where `iptables-save` is the kind that was asked besides.
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    Some(rules)
}

/// What an object of nftables stands for.
#[derive(Clone, Copy, Debug, Default)]
struct Object<'a> {
    helper: Option<&'a str>,
    protocol: Option<u8>,
}

/// Where a line of a ruleset stands.
#[derive(Clone, Copy, Debug, Default)]
struct Place<'a> {
    table: &'a str,
    block: Option<Block<'a>>,
}

#[derive(Clone, Copy, Debug)]
enum Block<'a> {
    Chain(&'a str),
    Helper(&'a str),
    Other,
}

impl<'a> Place<'a> {
    /// Follows a line into a block or out of one.
    fn step(&mut self, line: &'a str) {
        let opened = line.strip_suffix(" {");
        match opened {
            Some(opened) => match opened.split_once(' ') {
                Some(("table", table)) => (self.table, self.block) = (table, None),
                Some(("chain", name)) => self.block = Some(Block::Chain(name)),
                Some(_) => {
                    let object = opened.strip_prefix("ct helper ");
                    self.block = Some(object.map_or(Block::Other, Block::Helper));
                }
                None => self.block = Some(Block::Other),
            },
            None if line == "}" => self.block = None,
            None => {}
        }
    }
}

fn of_nftables(ruleset: &str) -> Vec<HelperRule> {
    let objects = objects(ruleset);
    let mut rules = Vec::new();
    let mut place = Place::default();
    for line in ruleset.lines().map(str::trim) {
        place.step(line);
        let Some(Block::Chain(chain)) = place.block else {
            continue;
        };
        // What a comment says is no rule.
        let body = line.split(" comment \"").next().unwrap_or_default();
        let Some((before, set)) = body.split_once(SET) else {
            continue;
        };
        for (name, ports) in named(before, set) {
            let object = objects.get(&(place.table, name.as_str()));
            let object = object.copied().unwrap_or_default();
            rules.push(HelperRule {
                source: RuleSource::Nftables,
                chain: format!("{} {chain}", place.table),
                helper: object.helper.map(str::to_owned),
                object: Some(name),
                protocol: object.protocol.or_else(|| protocol(body)),
                ports,
                text: line.to_owned(),
            });
        }
    }
    rules
}

/// The objects of a ruleset by table and name.
fn objects(ruleset: &str) -> BTreeMap<(&str, &str), Object<'_>> {
    let mut objects: BTreeMap<_, Object<'_>> = BTreeMap::new();
    let mut place = Place::default();
    for line in ruleset.lines().map(str::trim) {
        place.step(line);
        let Some(Block::Helper(name)) = place.block else {
            continue;
        };
        let described = line.strip_prefix("type \"");
        let Some((helper, rest)) = described.and_then(|rest| rest.split_once('"')) else {
            continue;
        };
        let object = Object {
            helper: Some(helper),
            protocol: protocol(rest),
        };
        objects.insert((place.table, name), object);
    }
    objects
}

/// The objects that a rule names, each with its ports: one, or as many as its map from ports to objects has.
fn named(before: &str, set: &str) -> Vec<(String, Option<Vec<PortRange>>)> {
    let unquoted = |name: &str| name.trim().trim_matches('"').to_owned();
    let map = set.split_once(" map {").map(|(key, map)| (key.trim(), map));
    let Some((key, map)) = map else {
        let name = set.split(' ').next().unwrap_or_default();
        return vec![(unquoted(name), ports_of_nftables(before))];
    };
    let is_by_port = matches!(key, "tcp dport" | "th dport" | "udp dport");
    let entries = map.trim_end_matches([' ', '}']).split(',');
    let entries = entries.filter_map(|entry| entry.split_once(':'));
    entries
        .map(|(key, name)| {
            let port = is_by_port.then(|| range(key.trim(), '-')).flatten();
            (unquoted(name), port.map(|port| vec![port]))
        })
        .collect()
}

/// The destination ports that the matches of a rule name.
fn ports_of_nftables(matches: &str) -> Option<Vec<PortRange>> {
    let (_, value) = matches.split_once(" dport ")?;
    if let Some(list) = value.strip_prefix("{ ") {
        let (list, _) = list.split_once(" }")?;
        return list.split(", ").map(|port| range(port, '-')).collect();
    }
    Some(vec![range(value.split(' ').next()?, '-')?])
}

/// A port, or two with a sign between them.
fn range(text: &str, between: char) -> Option<PortRange> {
    let (first, last) = text.split_once(between).unwrap_or((text, text));
    Some(PortRange {
        first: first.parse().ok()?,
        last: last.parse().ok()?,
    })
}

/// The transport protocol that a text names.
fn protocol(text: &str) -> Option<u8> {
    let names = |name: &str| text.split([' ', ',', ';']).any(|word| word == name);
    if names("tcp") {
        return Some(Tuple::TCP);
    }
    names("udp").then_some(Tuple::UDP)
}

fn of_iptables(saved: &str) -> Vec<HelperRule> {
    let mut table = "";
    let mut rules = Vec::new();
    for line in saved.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('*') {
            table = name;
        }
        let words: Vec<&str> = line.split(' ').collect();
        let ["-A", chain, ..] = words[..] else {
            continue;
        };
        let value = |option: &str| {
            let at = words.iter().position(|word| *word == option)?;
            let is_negated = at.checked_sub(1).and_then(|before| words.get(before)) == Some(&"!");
            words.get(at + 1).filter(|_| !is_negated).copied()
        };
        let (Some("CT"), Some(helper)) = (value("-j"), value("--helper")) else {
            continue;
        };
        let ports = value("--dport").or_else(|| value("--dports"));
        rules.push(HelperRule {
            source: RuleSource::Iptables,
            chain: format!("{table} {chain}"),
            helper: Some(helper.trim_matches('"').to_owned()),
            object: None,
            protocol: value("-p").and_then(protocol),
            ports: ports.and_then(|list| list.split(',').map(|port| range(port, ':')).collect()),
            text: line.to_owned(),
        });
    }
    rules
}
