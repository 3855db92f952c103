//! What the router's setup says of a session stands below its title, with strangers' text escaped.

use std::sync::Arc;

use rtspscope_engine::RouterSetup;
use rtspscope_engine::router_setup::{HelperRule, PortRange, RuleSource};

use super::{Stage, golden};

#[test]
fn the_rule_that_assigns_a_helper_stands_below_the_title() {
    let mut snapshot = golden("A-gst-gst-udp-nopunch");
    let port = snapshot.sessions[0].server.port();
    snapshot.setup = Some(Arc::new(RouterSetup {
        rules: Some(vec![HelperRule {
            source: RuleSource::Nftables,
            chain: "ip helpers pre\u{1b}[2Jrouting".to_owned(),
            helper: Some("rtsp".to_owned()),
            object: Some("cam".to_owned()),
            protocol: None,
            ports: Some(vec![PortRange::one(port)]),
            text: "the rule".to_owned(),
        }]),
        ..RouterSetup::default()
    }));
    let told = format!(
        r"router's setup: a rule of nftables assigns helper rtsp to port {port} (ip helpers pre\u{{1b}}[2Jrouting: the rule)"
    );
    let screen = Stage::new(snapshot).sized(120, 40).screen();
    assert!(screen.lines().any(|line| line == told), "{screen}");
    let without = Stage::of("A-gst-gst-udp-nopunch").sized(120, 40).screen();
    assert!(!without.contains("router's setup"), "{without}");
}
