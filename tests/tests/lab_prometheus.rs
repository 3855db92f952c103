//! A real Prometheus scrapes a live run, and the dashboard and the alert rules of `docs/monitoring` ask it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rtspscope_tests::lab::peers;
use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::tap::Tap;
use rtspscope_tests::lab::watch::Watch;
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::metrics::ADDRESS;
use rtspscope_tests::program;
use rtspscope_tests::wait::{self, LIMIT};
use serde_json::Value;

const GET: &str = env!("CARGO_BIN_EXE_lab-get");
const PROMETHEUS: &str = "127.0.0.1:9090";

fn monitoring(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/monitoring")
        .join(name)
}

/// Whether Debian's `prometheus` package is here; says so where it is not.
fn is_lacking(test: &str) -> bool {
    let version = Command::new("promtool").arg("--version").output();
    let lacking = version.is_err()
        || Command::new("prometheus")
            .arg("--version")
            .output()
            .is_err();
    if lacking {
        lab::say_skipped(test, "needs Prometheus: apt-get install prometheus");
    }
    lacking
}

/// Every expression of the dashboard.
fn dashboard() -> io::Result<Vec<String>> {
    let text = fs::read_to_string(monitoring("dashboard.json"))?;
    let dashboard: Value = serde_json::from_str(&text)?;
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let expressions = targets.map(|target| target["expr"].as_str().expect("expr").to_owned());
    Ok(expressions.collect())
}

/// Names of metrics in an expression: words that begin as ours and Prometheus' own do.
fn names(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    let own = |word: &&str| {
        ["rtspscope_", "process_"]
            .iter()
            .any(|begin| word.starts_with(begin))
            || *word == "up"
    };
    words.filter(own).map(str::to_owned).collect()
}

/// A Prometheus in the router, which scrapes every second and holds our rules.
fn prometheus(lab: &Lab) -> io::Result<Process> {
    let place = lab.scratch().join("prometheus");
    fs::create_dir_all(&place)?;
    let rules = monitoring("alerts.yml");
    let config = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [\"{}\"]\n\
         scrape_configs:\n  - job_name: rtspscope\n    static_configs: [ {{ targets: [\"{ADDRESS}\"] }} ]\n",
        rules.display()
    );
    let file = place.join("prometheus.yml");
    fs::write(&file, config)?;
    let command = [
        "prometheus".to_owned(),
        format!("--config.file={}", file.display()),
        format!("--storage.tsdb.path={}", place.join("data").display()),
        format!("--web.listen-address={PROMETHEUS}"),
    ];
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let mut process = lab.spawn(Host::Router, "prometheus", &command)?;
    process.wait_listening(9090, LIMIT)?;
    Ok(process)
}

fn ask(lab: &Lab, target: &str) -> io::Result<Value> {
    let text = lab.run(Host::Router, &[GET, PROMETHEUS, target])?;
    Ok(serde_json::from_str(&text)?)
}

/// The result of an expression now.
fn query(lab: &Lab, expression: &str) -> io::Result<Value> {
    let encoded: String = expression
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    let answer = ask(lab, &format!("/api/v1/query?query={encoded}"))?;
    assert_eq!(answer["status"], "success", "{expression}: {answer}");
    Ok(answer["data"]["result"].clone())
}

fn value(result: &Value) -> Option<f64> {
    result[0]["value"][1].as_str()?.parse().ok()
}

/// Waits until an expression has this value.
fn wait_for(lab: &Lab, expression: &str, wanted: f64) -> io::Result<()> {
    wait::until(&format!("{expression} = {wanted}"), LIMIT, || {
        let found = query(lab, expression).ok().as_ref().and_then(value)?;
        ((found - wanted).abs() < f64::EPSILON).then_some(())
    })
}

#[test]
fn prometheus_scrapes_and_every_expression_of_dashboard_and_rules_has_its_metrics() -> io::Result<()>
{
    const TEST: &str =
        "prometheus_scrapes_and_every_expression_of_dashboard_and_rules_has_its_metrics";
    if lab::skip_unless_root(TEST) || is_lacking(TEST) {
        return Ok(());
    }
    let plan = Plan::default();
    let lab = Lab::new(&plan)?;
    lab.run(Host::Router, &["ip", "link", "set", "lo", "up"])?;
    let _camera = peers::scripted_camera(&lab, env!("CARGO_BIN_EXE_lab-camera"), &[])?;
    let tap = Tap::start(&lab, lab.scratch())?;
    let watch = Watch::start_as(&lab, "service", &[], &["--metrics", ADDRESS])?;
    let prometheus = prometheus(&lab)?;
    let url = format!("rtsp://{}/test", plan.wan_host);
    // It does not punch.
    let client = [env!("CARGO_BIN_EXE_lab-client"), "--url", &url];
    lab.spawn(Host::Lan, "client", &client)?.wait_end(LIMIT)?;
    let (_, wan) = tap.finish(&lab)?;
    let witness = program::analyze(&["--wan", &wan.to_string_lossy()])?;
    let sent = witness.packets(&witness.sessions()[0], "wan", "rtp");
    assert!(sent >= 30, "{sent}");
    wait_for(
        &lab,
        r#"rtspscope_findings_told_total{code="nat-no-pinhole",severity="error"}"#,
        1.0,
    )?;
    wait_for(&lab, "up{job=\"rtspscope\"}", 1.0)?;
    wait_for(&lab, "sum(rtspscope_tap_up)", 2.0)?;
    for (tap, packets) in [("wan0", sent as f64), ("lan0", 0.0)] {
        let expression = format!(r#"rtspscope_media_packets_total{{tap="{tap}",kind="video"}}"#);
        wait_for(&lab, &expression, packets)?;
    }

    let known = ask(&lab, "/api/v1/label/__name__/values")?;
    let known: BTreeSet<&str> = known["data"]
        .as_array()
        .expect("names")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let check = |expression: &str| -> io::Result<()> {
        let expression = expression.replace("$__rate_interval", "1m");
        query(&lab, &expression)?;
        let names = names(&expression);
        assert!(!names.is_empty(), "{expression}");
        for name in names {
            assert!(
                known.contains(name.as_str()),
                "{expression}: no metric {name}"
            );
        }
        Ok(())
    };
    let expressions = dashboard()?;
    assert!(expressions.len() >= 10, "{}", expressions.len());
    for expression in &expressions {
        check(expression)?;
    }
    let rules = ask(&lab, "/api/v1/rules")?;
    let groups = rules["data"]["groups"].as_array().expect("groups").iter();
    let rules: Vec<&Value> = groups
        .filter_map(|group| group["rules"].as_array())
        .flatten()
        .collect();
    assert!(rules.len() >= 6, "{}", rules.len());
    for rule in &rules {
        assert_ne!(rule["health"], "err", "{rule}");
        check(rule["query"].as_str().expect("query"))?;
    }
    wait::until("the alert", LIMIT, || {
        let alerts = query(&lab, r#"ALERTS{alertname="RtspscopeFoundAnError"}"#).ok()?;
        let codes: BTreeSet<String> = alerts
            .as_array()?
            .iter()
            .filter_map(|alert| alert["metric"]["code"].as_str().map(str::to_owned))
            .collect();
        codes.contains("nat-no-pinhole").then_some(())
    })?;
    drop(prometheus);
    let report = watch.finish()?.report;
    let session = &report.sessions()[0];
    let packets = ["wan", "lan"].map(|role| report.packets(session, role, "rtp"));
    assert_eq!(packets, [sent, 0]);
    Ok(())
}

#[test]
fn the_rules_are_right_and_fire_when_they_should() -> io::Result<()> {
    const TEST: &str = "the_rules_are_right_and_fire_when_they_should";
    if is_lacking(TEST) {
        return Ok(());
    }
    for command in [
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ] {
        let output = Command::new("promtool")
            .args(command)
            .current_dir(monitoring(""))
            .output()?;
        let told = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&told)
        );
    }
    Ok(())
}
