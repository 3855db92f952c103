//! How the router's netfilter is set up, in a recording: numbers little-endian, each text and list after its length, each
//! value that may be unknown after a byte that says whether it is known.
//!
//! Lengths are a stranger's word. None is taken for room: what is longer than the rest of the option is refused, and what
//! is more than [`rtspscope_engine::SetupLimits`] allow is cut off.

use rtspscope_engine::RouterSetup;
use rtspscope_engine::router_setup::{
    Flowtable, HelperRule, LoadedHelper, Offload, PortRange, RuleSource, Way,
};
use rtspscope_wire::Timestamp;

use super::fact::{Reader, Writer};

/// Longest text and longest list that can be written.
const MAX_LEN: usize = u16::MAX as usize;

impl Writer {
    /// Within the caps, so that it fits an option.
    pub(super) fn setup(&mut self, setup: &RouterSetup) {
        let setup = setup.clone().capped();
        self.number(setup.at.as_nanos());
        self.optional(setup.helpers.as_deref(), Self::helpers);
        self.flag(setup.by_itself);
        self.optional(setup.rules.as_deref(), |out, rules| {
            out.list(rules, Self::rule);
        });
        self.offload(&setup.offload);
        let time_outs = [
            setup.udp_timeout_secs,
            setup.udp_stream_timeout_secs,
            setup.tcp_established_timeout_secs,
        ];
        for secs in time_outs {
            self.optional(secs, |out, secs| {
                out.0.extend_from_slice(&secs.to_le_bytes());
            });
        }
        self.optional(setup.rules_changed_at, |out, at| out.number(at.as_nanos()));
        self.0.extend_from_slice(&setup.left_out.to_le_bytes());
    }

    fn helpers(&mut self, helpers: &[LoadedHelper]) {
        self.list(helpers, |out, helper| {
            out.text(&helper.module);
            out.ports(helper.ports.as_deref());
        });
    }

    fn rule(&mut self, rule: &HelperRule) {
        self.0.push(match rule.source {
            RuleSource::Nftables => 0,
            RuleSource::Iptables => 1,
        });
        self.text(&rule.chain);
        for name in [&rule.helper, &rule.object] {
            self.optional(name.as_deref(), Self::text);
        }
        self.optional(rule.protocol, |out, protocol| out.0.push(protocol));
        self.ports(rule.ports.as_deref());
        self.text(&rule.text);
    }

    fn offload(&mut self, offload: &Offload) {
        self.optional(offload.flowtables.as_deref(), |out, tables| {
            out.list(tables, |out, table| {
                out.text(&table.name);
                out.list(&table.devices, |out, device| out.text(device));
                out.0.push(code_of(table.way));
            });
        });
        for way in [offload.target, offload.configured] {
            self.optional(way, |out, way| out.0.push(code_of(way)));
        }
    }

    fn ports(&mut self, ports: Option<&[PortRange]>) {
        self.optional(ports, |out, ports| {
            out.list(ports, |out, range| {
                out.0.extend_from_slice(&range.first.to_le_bytes());
                out.0.extend_from_slice(&range.last.to_le_bytes());
            });
        });
    }

    fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn flag(&mut self, flag: Option<bool>) {
        self.optional(flag, |out, flag| out.0.push(u8::from(flag)));
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        let bytes = text.as_bytes();
        self.0
            .extend_from_slice(bytes.get(..MAX_LEN).unwrap_or(bytes));
    }

    fn list<T>(&mut self, list: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.length(list.len());
        for element in list.iter().take(MAX_LEN) {
            item(self, element);
        }
    }

    fn length(&mut self, len: usize) {
        let len = u16::try_from(len).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&len.to_le_bytes());
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}

const fn code_of(way: Way) -> u8 {
    match way {
        Way::Software => 0,
        Way::Hardware => 1,
    }
}

impl Reader<'_> {
    /// What [`Writer::setup`] writes.
    pub(super) fn setup(&mut self) -> Option<RouterSetup> {
        let mut setup = RouterSetup {
            at: self.time()?,
            ..RouterSetup::default()
        };
        self.optional(&mut setup.helpers, |input| input.list(Self::helper))?;
        self.optional(&mut setup.by_itself, |input| Some(input.array()? != [0]))?;
        self.optional(&mut setup.rules, |input| input.list(Self::rule))?;
        self.offload(&mut setup.offload)?;
        self.optional(&mut setup.udp_timeout_secs, Self::number)?;
        self.optional(&mut setup.udp_stream_timeout_secs, Self::number)?;
        self.optional(&mut setup.tcp_established_timeout_secs, Self::number)?;
        self.optional(&mut setup.rules_changed_at, Self::time)?;
        setup.left_out = self.number()?;
        Some(setup.capped())
    }

    fn helper(&mut self) -> Option<LoadedHelper> {
        let mut helper = LoadedHelper {
            module: self.text()?,
            ports: None,
        };
        self.ports(&mut helper.ports)?;
        Some(helper)
    }

    fn rule(&mut self) -> Option<HelperRule> {
        let mut rule = HelperRule {
            source: match self.array()? {
                [0] => RuleSource::Nftables,
                [1] => RuleSource::Iptables,
                _ => return None,
            },
            chain: self.text()?,
            helper: None,
            object: None,
            protocol: None,
            ports: None,
            text: String::new(),
        };
        self.optional(&mut rule.helper, Self::text)?;
        self.optional(&mut rule.object, Self::text)?;
        self.optional(&mut rule.protocol, |input| {
            input.array().map(|[protocol]| protocol)
        })?;
        self.ports(&mut rule.ports)?;
        rule.text = self.text()?;
        Some(rule)
    }

    fn offload(&mut self, offload: &mut Offload) -> Option<()> {
        self.optional(&mut offload.flowtables, |input| input.list(Self::flowtable))?;
        self.optional(&mut offload.target, Self::way)?;
        self.optional(&mut offload.configured, Self::way)
    }

    fn flowtable(&mut self) -> Option<Flowtable> {
        Some(Flowtable {
            name: self.text()?,
            devices: self.list(Self::text)?,
            way: self.way()?,
        })
    }

    fn way(&mut self) -> Option<Way> {
        match self.array()? {
            [0] => Some(Way::Software),
            [1] => Some(Way::Hardware),
            _ => None,
        }
    }

    fn ports(&mut self, ports: &mut Option<Vec<PortRange>>) -> Option<()> {
        self.optional(ports, |input| input.list(Self::range))
    }

    fn range(&mut self) -> Option<PortRange> {
        Some(PortRange {
            first: self.array().map(u16::from_le_bytes)?,
            last: self.array().map(u16::from_le_bytes)?,
        })
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.array().map(i64::from_le_bytes).map(Timestamp)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn text(&mut self) -> Option<String> {
        let len = self.array().map(u16::from_le_bytes)?;
        let bytes = self.bytes(usize::from(len))?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    /// Each element takes a byte at least, so that no list is longer than the option.
    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let len = self.array().map(u16::from_le_bytes)?;
        (0..len).map(|_| item(self)).collect()
    }

    /// A value that may be unknown; `None` where the option is cut.
    fn optional<T>(
        &mut self,
        value: &mut Option<T>,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<()> {
        *value = match self.array()? {
            [0] => None,
            [1] => Some(read(self)?),
            _ => return None,
        };
        Some(())
    }
}

#[cfg(test)]
mod tests;
