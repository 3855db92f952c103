//! What a setup says of a session's port, and where it says nothing.

use rtspscope_wire::Timestamp;
use rtspscope_wire::netfilter::Tuple;

use super::*;
use crate::router_setup::{Flowtable, Offload, PortRange, RuleSource};
use crate::testkit::{Scene, UDP_TALK, connection};

fn rule(helper: &str, ports: Option<&[u16]>) -> HelperRule {
    let list = ports.map(|ports| ports.iter().copied().map(PortRange::one).collect());
    HelperRule {
        source: RuleSource::Nftables,
        chain: "inet fw4 helper_lan".to_owned(),
        helper: Some(helper.to_owned()),
        object: Some("cam".to_owned()),
        protocol: Some(Tuple::TCP),
        ports: list,
        text: format!("the rule of {helper}"),
    }
}

fn loaded(ports: Option<&[u16]>) -> Vec<LoadedHelper> {
    let ports = ports.map(|ports| ports.iter().copied().map(PortRange::one).collect());
    vec![LoadedHelper {
        module: "nf_conntrack_rtsp".to_owned(),
        ports,
    }]
}

/// What is told of a session at port 554 of the camera.
fn told(setup: &RouterSetup) -> Option<String> {
    told_of(setup, Scene::behind_nat(UDP_TALK))
}

fn told_of(setup: &RouterSetup, scene: Scene) -> Option<String> {
    let scene = Scene {
        setup: Some(setup.clone()),
        ..scene
    };
    let snapshot = scene.checked();
    let told = snapshot.assignment(&snapshot.sessions[0]);
    told.map(|told| told.to_string())
}

/// The sentence for a session from 0 to 10.1 s, with rules that changed at some second.
#[test]
fn what_was_read_before_the_rules_changed_is_said_to_be_old() {
    let told = |changed: i64| {
        let setup = RouterSetup {
            rules_changed_at: Some(Timestamp(changed * 1_000_000_000)),
            helpers: Some(Vec::new()),
            ..RouterSetup::default()
        };
        let scene = Scene {
            setup: Some(setup),
            ..Scene::behind_nat(UDP_TALK)
        };
        let snapshot = scene.checked();
        snapshot.assignment_told(&snapshot.sessions[0]).unwrap()
    };
    let read = "no RTSP helper is loaded";
    assert_eq!(
        told(-1),
        format!("{read}, as it was before the rules changed")
    );
    assert_eq!(told(5), format!("{read}, as it was when the session began"));
    assert_eq!(told(30), read);
}

fn with_rules(rules: Vec<HelperRule>) -> RouterSetup {
    RouterSetup {
        helpers: Some(loaded(None)),
        by_itself: Some(false),
        rules: Some(rules),
        ..RouterSetup::default()
    }
}

#[test]
fn a_rule_for_the_port_is_named_whatever_its_helper() {
    let setup = with_rules(vec![
        rule("sip", Some(&[5060])),
        rule("ftp", Some(&[21, 554])),
    ]);
    assert_eq!(
        told(&setup).unwrap(),
        "a rule of nftables assigns helper ftp to port 554 (inet fw4 helper_lan: the rule of ftp)"
    );
    let both = with_rules(vec![rule("ftp", Some(&[554])), rule("rtsp", Some(&[554]))]);
    assert!(told(&both).unwrap().contains("helper rtsp"));
}

#[test]
fn a_helper_for_other_ports_is_for_others_and_one_of_another_kind_is_none() {
    let setup = with_rules(vec![rule("rtsp", Some(&[8554, 10554]))]);
    assert_eq!(
        told(&setup).unwrap(),
        "a rule of nftables assigns helper rtsp to port 8554, 10554 only, and not to 554 (inet fw4 helper_lan: the rule of rtsp)"
    );
    let other_kind = with_rules(vec![rule("ftp", Some(&[21]))]);
    assert_eq!(
        told(&other_kind).unwrap(),
        "nf_conntrack_rtsp is loaded, and no rule assigns it: it does nothing"
    );
}

/// Behind a port forward a rule may see the port that the client asked for, or the camera's own.
#[test]
fn the_port_on_either_side_of_a_port_forward_counts() {
    let forwarded = || {
        let mut scene = Scene::camera_inside(UDP_TALK, UDP_TALK);
        scene.legs[1].server.set_port(10_554);
        scene
    };
    for port in [10_554, 554] {
        let setup = with_rules(vec![rule("rtsp", Some(&[port]))]);
        let told = told_of(&setup, forwarded()).unwrap();
        assert!(
            told.contains(&format!("helper rtsp to port {port} (")),
            "{told}"
        );
    }
    let setup = with_rules(vec![rule("rtsp", Some(&[8554]))]);
    let told = told_of(&setup, forwarded()).unwrap();
    assert!(told.contains("only, and not to 10554"), "{told}");
}

#[test]
fn a_rule_without_ports_may_be_for_any() {
    let setup = with_rules(vec![rule("rtsp", None), rule("rtsp", Some(&[8554]))]);
    assert_eq!(
        told(&setup).unwrap(),
        "a rule of nftables assigns helper rtsp, to which ports its text does not tell (inet fw4 helper_lan: the rule of rtsp)"
    );
}

#[test]
fn a_helper_takes_its_own_ports_only_where_the_switch_is_on() {
    let of = |ports, by_itself| {
        told(&RouterSetup {
            helpers: Some(loaded(ports)),
            by_itself: Some(by_itself),
            rules: Some(Vec::new()),
            ..RouterSetup::default()
        })
    };
    let itself = "nf_conntrack_rtsp assigns itself to port 554 (nf_conntrack_helper is 1)";
    assert_eq!(of(None, true).unwrap(), itself);
    assert_eq!(of(Some(&[554, 8554]), true).unwrap(), itself);
    assert_eq!(
        of(Some(&[8554]), true).unwrap(),
        "nf_conntrack_rtsp assigns itself to port 8554 only, and not to 554 (nf_conntrack_helper is 1)"
    );
    assert_eq!(
        of(Some(&[554]), false).unwrap(),
        "nf_conntrack_rtsp is loaded, and no rule assigns it: it does nothing"
    );
}

#[test]
fn what_could_not_be_read_says_nothing() {
    let unknown = RouterSetup::default();
    assert_eq!(told(&unknown), None);
    let without_firewall = RouterSetup {
        helpers: Some(loaded(None)),
        ..RouterSetup::default()
    };
    assert_eq!(told(&without_firewall), None);
    let beyond_the_caps = RouterSetup {
        left_out: 1,
        ..with_rules(vec![rule("rtsp", Some(&[8554]))])
    };
    assert_eq!(told(&beyond_the_caps), None);
    let none_loaded = RouterSetup {
        helpers: Some(Vec::new()),
        ..RouterSetup::default()
    };
    assert_eq!(told(&none_loaded).unwrap(), "no RTSP helper is loaded");
}

fn table(way: Way, devices: [&str; 2]) -> RouterSetup {
    RouterSetup {
        offload: Offload {
            flowtables: Some(vec![Flowtable {
                name: "inet fw4 ft".to_owned(),
                devices: devices.map(str::to_owned).to_vec(),
                way,
            }]),
            ..Offload::default()
        },
        ..RouterSetup::default()
    }
}

/// Cause of `capture-incomplete` for a session that all went well for, at the taps `lan` and `wan`.
fn incomplete(setup: RouterSetup, with_entry: bool) -> Option<String> {
    let netfilter = crate::model::Netfilter {
        connection: with_entry.then(|| connection(None)),
        ..crate::model::Netfilter::default()
    };
    let scene = Scene {
        setup: Some(setup),
        netfilter: Some(netfilter),
        ..Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(9, 9)
    };
    let mut findings = scene.checked().findings.into_iter();
    let found = findings.find(|finding| finding.code.name() == "capture-incomplete");
    found.map(|finding| finding.cause)
}

#[test]
fn flows_that_the_setup_forwards_past_the_taps_are_told_where_the_table_does_not_know() {
    assert_eq!(
        incomplete(table(Way::Hardware, ["lan", "wan"]), false).unwrap(),
        "the router's setup: hardware forwards established flows: the taps may see only their first packets"
    );
    assert_eq!(incomplete(table(Way::Hardware, ["lan", "wan"]), true), None);
    assert_eq!(
        incomplete(table(Way::Software, ["lan", "wan"]), false),
        None
    );
    assert_eq!(
        incomplete(table(Way::Software, ["lan", "eth1"]), false).unwrap(),
        "the router's setup: the flowtable inet fw4 ft forwards established flows between lan, eth1: a tap on a bridge, VLAN or \
         PPPoE interface upon them sees only their first packets"
    );
}

/// A setup without helpers is how most routers are, and no trouble of its own.
#[test]
fn no_setup_makes_a_trouble_of_a_session_that_works() {
    let setups = [
        with_rules(vec![rule("rtsp", Some(&[8554]))]),
        with_rules(Vec::new()),
        RouterSetup {
            helpers: Some(Vec::new()),
            udp_timeout_secs: Some(1),
            udp_stream_timeout_secs: Some(1),
            ..RouterSetup::default()
        },
    ];
    for setup in setups {
        let scene = Scene {
            setup: Some(setup),
            ..Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(9, 9)
        };
        assert_eq!(scene.codes(), Vec::<&str>::new());
    }
}
