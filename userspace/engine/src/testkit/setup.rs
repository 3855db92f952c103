//! How the netfilter of the scenes' router is set up.

use rtspscope_wire::netfilter::Tuple;
use rtspscope_wire::{TapId, Timestamp};

use super::at;
use crate::locator::Locator;
use crate::router_setup::{HelperRule, LoadedHelper, PortRange, RouterSetup, RuleSource};

/// A router with the helper `nf_conntrack_rtsp`, which a rule assigns to these ports; none of them is no rule.
pub(crate) fn with_helper(ports: &[u16]) -> RouterSetup {
    let rule = HelperRule {
        source: RuleSource::Nftables,
        chain: "ip helpers prerouting".to_owned(),
        helper: Some("rtsp".to_owned()),
        object: Some("cam".to_owned()),
        protocol: Some(Tuple::TCP),
        ports: Some(ports.iter().copied().map(PortRange::one).collect()),
        text: "tcp dport … ct helper set \"cam\"".to_owned(),
    };
    RouterSetup {
        at: Timestamp(-1_000_000_000),
        helpers: Some(vec![LoadedHelper {
            module: "nf_conntrack_rtsp".to_owned(),
            ports: None,
        }]),
        by_itself: Some(false),
        rules: Some(if ports.is_empty() {
            Vec::new()
        } else {
            vec![rule]
        }),
        ..RouterSetup::default()
    }
}

/// The place of what a setup proves.
pub(crate) fn read_at() -> Locator {
    Locator {
        frame: None,
        ..at(TapId::NETFILTER, -1.0, 0)
    }
}
