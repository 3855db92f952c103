//! How the router's netfilter is set up, read from the real thing when a live run begins: rules that assign helpers, of
//! nftables and of iptables, and time-outs. They are joined to sessions by port, recorded, and replayed to the letter.
//!
//! No kernel has an RTSP helper built in; its FTP and SIP helpers are assigned here by rules of the same kind.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use rtspscope_tests::lab::peers;
use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::watch::{Watch, Watched};
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::program;
use serde_json::{Value, json};

/// FTP at the RTSP port and at a range, SIP at its own.
const RULES: &str = "table ip helpers {
  ct helper ftp-std {
    type \"ftp\" protocol tcp
    l3proto ip
  }
  ct helper sip-5060 {
    type \"sip\" protocol udp
    l3proto ip
  }
  chain prerouting { type filter hook prerouting priority mangle;
    udp dport 5060 ct helper set \"sip-5060\"
    tcp dport { 554, 10554-10560 } ct helper set \"ftp-std\" comment \"cameras\"
  }
}";

/// The rule as nft prints it again.
const RULE: &str = "tcp dport { 554, 10554-10560 } ct helper set \"ftp-std\" comment \"cameras\"";

fn camera(lab: &Lab, args: &[&str]) -> io::Result<Process> {
    peers::scripted_camera(lab, env!("CARGO_BIN_EXE_lab-camera"), args)
}

fn client(lab: &Lab, args: &[&str]) -> io::Result<()> {
    peers::scripted_client(lab, env!("CARGO_BIN_EXE_lab-client"), args)
}

fn sysctl(lab: &Lab, settings: &[&str]) -> io::Result<()> {
    lab.run(Host::Router, &[&["sysctl", "-qw"], settings].concat())?;
    Ok(())
}

/// The report of a run; what it says of the setup, of sessions and of findings the replay says too.
fn replayed(live: &Watched) -> io::Result<Value> {
    let replay = program::analyze(&[&live.recording.to_string_lossy()])?;
    let [report, again] = [&live.report, &replay].map(|report| {
        let mut report = report.without_sources();
        // A live run advises for the machine that it runs on.
        let findings = report["findings"].as_array_mut();
        for finding in findings.into_iter().flatten() {
            finding["remedy"] = Value::Null;
        }
        report
    });
    for part in ["sessions", "findings"] {
        assert_eq!(report[part], again[part], "live and replay: {part}");
    }
    let setups = [&report, &again].map(|report| &report["capture"]["router_setup"]);
    assert_eq!(setups[0], setups[1], "live and replay: router_setup");
    Ok(report)
}

/// A setup without the moments at which it was read and changed.
fn timeless(setup: &Value) -> Value {
    let mut setup = setup.clone();
    for key in ["read_at", "rules_changed_at"] {
        setup[key] = Value::Null;
    }
    setup
}

/// The keys that `docs/router-setup.md` names in the first column of its table.
fn documented() -> BTreeSet<&'static str> {
    let rows = include_str!("../../docs/router-setup.md").lines();
    let cells = rows.filter_map(|line| line.strip_prefix("| `")?.split('|').next());
    let keys = cells.flat_map(|cell| cell.split([' ', ',', '`']));
    keys.filter(|key| !key.is_empty()).collect()
}

#[test]
fn rules_and_time_outs_are_read_joined_by_port_and_recorded() -> io::Result<()> {
    if lab::skip_unless_root("rules_and_time_outs_are_read_joined_by_port_and_recorded") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    sysctl(
        &lab,
        &[
            "net.netfilter.nf_conntrack_udp_timeout=33",
            "net.netfilter.nf_conntrack_udp_timeout_stream=77",
            "net.netfilter.nf_conntrack_tcp_timeout_established=7440",
        ],
    )?;
    lab.run(Host::Router, &["nft", RULES])?;
    for (iptables, port) in [("iptables-nft", "8554"), ("iptables-legacy", "8555:8560")] {
        let rule = [
            "-t",
            "raw",
            "-A",
            "PREROUTING",
            "-p",
            "tcp",
            "--dport",
            port,
        ];
        let target = ["-j", "CT", "--helper", "ftp"];
        lab.run(Host::Router, &[&[iptables], &rule[..], &target].concat())?;
    }
    let _camera = camera(&lab, &[])?;
    let bundle = lab.scratch().join("live");
    let options = ["--bundle", &*bundle.to_string_lossy()];
    let watch = Watch::start_as(&lab, "rtspscope", &[], &options)?;
    client(&lab, &[])?;
    let live = watch.finish()?;
    let report = replayed(&live)?;
    let setup = &report["capture"]["router_setup"];
    let keys = setup.as_object().into_iter().flatten();
    let keys: BTreeSet<&str> = keys.map(|(key, _)| &**key).collect();
    assert_eq!(keys, documented(), "keys in docs/router-setup.md");
    let rules = json!([
        { "source": "nftables", "chain": "ip helpers prerouting", "helper": "sip", "object": "sip-5060", "protocol": "udp",
          "ports": ["5060"], "rule": "udp dport 5060 ct helper set \"sip-5060\"" },
        { "source": "nftables", "chain": "ip helpers prerouting", "helper": "ftp", "object": "ftp-std", "protocol": "tcp",
          "ports": ["554", "10554-10560"], "rule": RULE },
        { "source": "iptables", "chain": "raw PREROUTING", "helper": "ftp", "object": null, "protocol": "tcp",
          "ports": ["8554"], "rule": "-A PREROUTING -p tcp -m tcp --dport 8554 -j CT --helper ftp" },
        { "source": "iptables", "chain": "raw PREROUTING", "helper": "ftp", "object": null, "protocol": "tcp",
          "ports": ["8555-8560"], "rule": "-A PREROUTING -p tcp -m tcp --dport 8555:8560 -j CT --helper ftp" },
    ]);
    let expected = json!({
        "read_at": null,
        "rtsp_helpers": setup["rtsp_helpers"],
        "helpers_by_themselves": false,
        "helper_rules": rules,
        "flowtables": [],
        "offload": null,
        "udp_timeout_s": 33,
        "udp_timeout_stream_s": 77,
        "tcp_timeout_established_s": 7440,
        "rules_changed_at": null,
        "left_out": 0,
    });
    assert_eq!(timeless(setup), expected);
    assert_eq!(setup["rules_changed_at"], Value::Null);
    let assignment = &report["sessions"][0]["alg"]["assignment"];
    let told = format!(
        "a rule of nftables assigns helper ftp to port 554 (ip helpers prerouting: {RULE})"
    );
    assert_eq!(
        *assignment,
        json!({ "by": "rule", "port": 554, "helper": "ftp", "rule": RULE, "told": told })
    );
    // The kernel did what the rule says.
    assert_eq!(report["sessions"][0]["alg"]["helper"], "ftp");
    let shown = program::run(&["analyze", &live.recording.to_string_lossy()])?.stdout;
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        shown.contains(&format!("; the router's setup: {told}")),
        "{shown}"
    );
    let again = lab.scratch().join("again");
    let (recording, place) = (live.recording.to_string_lossy(), again.to_string_lossy());
    let done = program::run(&["analyze", &*recording, "--bundle", &*place])?;
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    for bundle in [bundle, again] {
        says_the_same_in_a_bundle(&bundle, &report)?;
    }
    Ok(())
}

/// What is handed on of a run or of its recording knows the setup too.
fn says_the_same_in_a_bundle(bundle: &Path, report: &Value) -> io::Result<()> {
    let pcapng = bundle.join("evidence.pcapng");
    let again = program::analyze(&[&pcapng.to_string_lossy()])?;
    let again = again.value();
    let parts = |report: &Value| {
        let [setup, assignment] = [
            &report["capture"]["router_setup"],
            &report["sessions"][0]["alg"]["assignment"],
        ];
        (setup.clone(), assignment.clone())
    };
    assert_eq!(parts(again), parts(report), "{}", bundle.display());
    Ok(())
}

/// On a port that no rule names nothing is said of the helpers of other kinds.
#[test]
fn a_rule_for_another_port_is_not_the_sessions_own() -> io::Result<()> {
    if lab::skip_unless_root("a_rule_for_another_port_is_not_the_sessions_own") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    lab.run(
        Host::Router,
        &["nft", &RULES.replace("{ 554, ", "{ 8554, ")],
    )?;
    let _camera = camera(&lab, &[])?;
    let watch = Watch::start(&lab)?;
    client(&lab, &[])?;
    let report = replayed(&watch.finish()?)?;
    let alg = &report["sessions"][0]["alg"];
    assert_ne!(alg["assignment"]["by"], "rule", "{alg}");
    assert_eq!(alg["helper"], Value::Null);
    let rules = report["capture"]["router_setup"]["helper_rules"].as_array();
    assert_eq!(rules.map(Vec::len), Some(2));
    Ok(())
}

#[test]
fn the_routers_own_time_out_stands_beside_an_expired_mapping() -> io::Result<()> {
    if lab::skip_unless_root("the_routers_own_time_out_stands_beside_an_expired_mapping") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    sysctl(
        &lab,
        &[
            "net.netfilter.nf_conntrack_udp_timeout=2",
            "net.netfilter.nf_conntrack_udp_timeout_stream=3",
        ],
    )?;
    // Media pauses for longer than the time-out, and goes on while the client still waits for it.
    let _camera = camera(&lab, &["--pause-ms", "500-5000"])?;
    let watch = Watch::start(&lab)?;
    client(&lab, &["--packets", "1000", "--patience-ms", "8000"])?;
    let live = watch.finish()?;
    let report = replayed(&live)?;
    let is_it = |finding: &&Value| finding["code"] == "mapping-expired";
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let expired = findings.iter().find(is_it);
    let expired = expired.unwrap_or_else(|| panic!("no mapping-expired: {report}"));
    let set = "the router's setup: a UDP mapping lasts 3 s without a packet, 2 s where packets went one way only";
    let cause = expired["cause"].as_str().unwrap_or_default();
    assert!(cause.ends_with(set), "{cause}");
    let evidence = expired["evidence"].as_array().cloned().unwrap_or_default();
    let proof = evidence.iter().find(|proof| proof["note"] == set);
    let setup = &report["capture"]["router_setup"];
    let expected =
        json!({ "tap": "netfilter", "frame": null, "at": setup["read_at"], "note": set });
    assert_eq!(proof, Some(&expected));
    let own = live.report.value()["findings"].as_array().cloned();
    let own = own.unwrap_or_default();
    let remedies = own.iter().find(is_it).map(|finding| &finding["remedy"]);
    let raise = "Raise the router's UDP timeout: sysctl -w net.netfilter.nf_conntrack_udp_timeout_stream=180";
    let remedies = remedies
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let is_raise = |remedy: &Value| {
        remedy
            .as_str()
            .is_some_and(|remedy| remedy.starts_with(raise))
    };
    assert!(remedies.iter().any(is_raise), "{remedies:?}");
    Ok(())
}

#[test]
fn rules_that_change_under_way_are_known_to_have_changed() -> io::Result<()> {
    if lab::skip_unless_root("rules_that_change_under_way_are_known_to_have_changed") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    lab.run(Host::Router, &["nft", RULES])?;
    let _camera = camera(&lab, &[])?;
    let watch = Watch::start(&lab)?;
    client(&lab, &[])?;
    let rule = "add rule ip helpers prerouting tcp dport 2121 ct helper set \"ftp-std\"";
    lab.run(Host::Router, &["nft", rule])?;
    let report = replayed(&watch.finish()?)?;
    let setup = &report["capture"]["router_setup"];
    let [read, changed] = ["read_at", "rules_changed_at"].map(|key| setup[key].as_str());
    let ended = report["sessions"][0]["ended_at"].as_str();
    assert!(read.is_some() && read < ended && ended < changed, "{setup}");
    assert_eq!(setup["helper_rules"].as_array().map(Vec::len), Some(2));
    Ok(())
}
