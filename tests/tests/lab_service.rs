//! `watch --no-tui` as a service: it outlives its interfaces, begins its files anew, tells findings as they stand, and
//! shows its figures.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::process::Command;

use rtspscope_tests::lab::peers::{self, Camera};
use rtspscope_tests::lab::tap::Tap;
use rtspscope_tests::lab::watch::Watch;
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::metrics::{ADDRESS, Figures};
use rtspscope_tests::program;
use rtspscope_tests::report::Report;
use rtspscope_tests::wait::LIMIT;
use serde_json::{Value, json};

const GET: &str = env!("CARGO_BIN_EXE_lab-get");
const CLIENT: &str = env!("CARGO_BIN_EXE_lab-client");

/// A client that plays twenty packets and leaves, however long the camera takes to send them.
fn play(lab: &Lab) -> io::Result<()> {
    let url = format!("rtsp://{}/test", lab.plan().wan_host);
    let command = [CLIENT, "--url", &url, "--punch", "--patience-ms", "20000"];
    let mut client = lab.spawn(Host::Lan, "client", &command)?;
    client.wait_end(LIMIT)?;
    let told = client.output();
    let fail = |_| io::Error::other(format!("the client: {told}{}", client.errors()));
    let outcome: Value = serde_json::from_str(&told).map_err(fail)?;
    assert_eq!(outcome["rtp"], 20, "{outcome}");
    Ok(())
}

fn ended(output: &str) -> usize {
    output.matches(r#""type":"ended""#).count()
}

fn hang_up(watch: &mut Watch) -> io::Result<()> {
    let id = watch.process().id().to_string();
    Command::new("kill").args(["-HUP", &id]).status().map(drop)
}

#[test]
fn both_interfaces_may_go_and_come_back() -> io::Result<()> {
    if lab::skip_unless_root("both_interfaces_may_go_and_come_back") {
        return Ok(());
    }
    for backend in ["ebpf", "afpacket"] {
        let lab = Lab::new(&Plan::default())?;
        let camera = Camera::default().start(&lab, Host::Wan)?;
        let options = ["--backend", backend, "--metrics", ADDRESS];
        let mut watch = Watch::start_as(&lab, "service", &[], &options)?;
        play(&lab)?;
        watch
            .process()
            .wait_until("the first session", LIMIT, |watch| {
                ended(&watch.output()) == 2
            })?;
        for interface in ["lan0", "wan0"] {
            lab.run(Host::Router, &["ip", "link", "delete", interface])?;
        }
        watch
            .process()
            .wait_until("both have gone", LIMIT, |watch| {
                watch.errors().matches("the interface has gone").count() == 2
            })?;
        let up = |figures: &Figures| Some(figures.sum("rtspscope_tap_up"));
        Figures::wait(&lab, GET, "no interface", LIMIT, |figures| {
            up(figures) == Some(0.0)
        })?;
        lab.plug_again()?;
        watch
            .process()
            .wait_until("both are back", LIMIT, |watch| {
                watch
                    .errors()
                    .matches("the interface is back and tapped again")
                    .count()
                    == 2
            })?;
        Figures::wait(&lab, GET, "both interfaces", LIMIT, |figures| {
            up(figures) == Some(2.0)
        })?;
        play(&lab)?;
        watch
            .process()
            .wait_until("the second session", LIMIT, |watch| {
                ended(&watch.output()) == 4
            })?;
        drop(camera);
        let watched = watch.finish()?;
        let replayed = program::analyze(&[&watched.recording.to_string_lossy()])?;
        let report = watched.report;
        // From when to when each tap saw nothing, in the replay of the recording too.
        let blind = |report: &Report| {
            let taps = report.value()["capture"]["taps"].as_array().cloned();
            let taps = taps.unwrap_or_default().into_iter();
            taps.map(|tap| tap["blind"].clone()).collect::<Vec<_>>()
        };
        for times in blind(&report) {
            let [time] = times.as_array().map_or(&[][..], Vec::as_slice) else {
                panic!("{backend}: {times}")
            };
            assert!(
                time["from"].as_str() < time["until"].as_str(),
                "{backend}: {time}"
            );
        }
        assert_eq!(blind(&report).len(), 2);
        assert_eq!(blind(&report), blind(&replayed), "{backend}");
        let packets: Vec<u64> = report
            .sessions()
            .iter()
            .map(|session| report.packets(session, "lan", "rtp"))
            .collect();
        assert_eq!(packets.len(), 2, "{backend}");
        assert!(
            packets.iter().all(|count| *count >= 20),
            "{backend}: {packets:?}"
        );
    }
    Ok(())
}

#[test]
fn a_hang_up_begins_a_moved_recording_anew_and_leaves_one_in_its_place() -> io::Result<()> {
    if lab::skip_unless_root("a_hang_up_begins_a_moved_recording_anew_and_leaves_one_in_its_place")
    {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let _camera = Camera::default().start(&lab, Host::Wan)?;
    let mut watch = Watch::start_as(&lab, "service", &[], &[])?;
    play(&lab)?;
    watch
        .process()
        .wait_until("the first session", LIMIT, |watch| {
            ended(&watch.output()) == 2
        })?;
    // In its place, so that nothing happens to it.
    hang_up(&mut watch)?;
    play(&lab)?;
    watch
        .process()
        .wait_until("the second session", LIMIT, |watch| {
            ended(&watch.output()) == 4
        })?;
    let (recording, moved) = (
        lab.scratch().join("service.pcapng"),
        lab.scratch().join("old.pcapng"),
    );
    fs::rename(&recording, &moved)?;
    hang_up(&mut watch)?;
    watch
        .process()
        .wait_until("a new recording", LIMIT, |_| recording.exists())?;
    play(&lab)?;
    watch
        .process()
        .wait_until("the third session", LIMIT, |watch| {
            ended(&watch.output()) == 6
        })?;
    let live = watch.finish()?.report;
    assert_eq!(live.sessions().len(), 3);
    let count = |path: &std::path::Path| {
        let report = program::analyze(&[&path.to_string_lossy()])?;
        io::Result::Ok(report.sessions().len())
    };
    assert_eq!((count(&moved)?, count(&recording)?), (2, 1));
    Ok(())
}

#[test]
fn a_finding_is_told_while_the_run_goes_on_and_only_once() -> io::Result<()> {
    if lab::skip_unless_root("a_finding_is_told_while_the_run_goes_on_and_only_once") {
        return Ok(());
    }
    let plan = Plan::default();
    let lab = Lab::new(&plan)?;
    let _camera = peers::scripted_camera(&lab, env!("CARGO_BIN_EXE_lab-camera"), &[])?;
    let tap = Tap::start(&lab, lab.scratch())?;
    let mut watch = Watch::start_as(&lab, "service", &[], &["--metrics", ADDRESS])?;
    // It does not punch.
    let url = format!("rtsp://{}/test", plan.wan_host);
    lab.spawn(Host::Lan, "client", &[CLIENT, "--url", &url])?
        .wait_end(LIMIT)?;
    let (_, wan) = tap.finish(&lab)?;
    let witness = program::analyze(&["--wan", &wan.to_string_lossy()])?;
    let sent = witness.packets(&witness.sessions()[0], "wan", "rtp");
    let told = |output: &str| {
        let lines = output
            .lines()
            .filter(|line| line.contains(r#""type":"finding""#));
        lines
            .filter(|line| line.contains(r#""code":"nat-no-pinhole""#))
            .count()
    };
    watch
        .process()
        .wait_until("the finding", LIMIT, |watch| told(&watch.output()) == 1)?;
    let of_media = r#"rtspscope_media_packets_total{tap="wan0",kind="video"}"#;
    let figures = Figures::wait(&lab, GET, "all that was sent", LIMIT, |figures| {
        figures.get(of_media) == Some(sent as f64)
    })?;
    let labels = r#"{code="nat-no-pinhole",severity="error"}"#;
    assert_eq!(
        figures.get(&format!("rtspscope_findings_told_total{labels}")),
        Some(1.0)
    );
    assert_eq!(
        figures.get(&format!("rtspscope_findings{labels}")),
        Some(1.0)
    );
    assert_eq!(Some(figures.sum("rtspscope_sessions")), Some(1.0));
    let watched = watch.finish()?;
    let session = &watched.report.sessions()[0];
    assert_eq!(watched.report.packets(session, "wan", "rtp"), sent);
    let findings = watched
        .events
        .iter()
        .filter(|line| line["type"] == "finding");
    let mut codes: Vec<&str> = findings.filter_map(|line| line["code"].as_str()).collect();
    let all = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all, "each once: {codes:?}");
    assert_eq!(
        codes.into_iter().collect::<std::collections::BTreeSet<_>>(),
        watched.report.codes()
    );
    Ok(())
}

#[test]
fn a_port_that_is_taken_is_told_in_one_line() -> io::Result<()> {
    if lab::skip_unless_root("a_port_that_is_taken_is_told_in_one_line") {
        return Ok(());
    }
    let holder = TcpListener::bind("127.0.0.1:0")?;
    let address = holder.local_addr()?.to_string();
    let words = [
        "watch",
        "--lan",
        "lo",
        "--no-tui",
        "--metrics",
        &address,
        "--duration",
        "1s",
    ];
    let outcome = program::run(&words)?;
    assert_eq!(outcome.status, Some(2));
    assert_eq!(
        outcome.stderr,
        format!(
            "rtspscope: --metrics {address}: address already in use: name another address or port, or end what holds this one (ss -ltnp)\n"
        )
    );
    Ok(())
}

/// What strangers send adds no series: a hundred clients make as many as one.
#[test]
fn clients_make_no_series() -> io::Result<()> {
    if lab::skip_unless_root("clients_make_no_series") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let _camera = Camera::default().start(&lab, Host::Wan)?;
    let watch = Watch::start_as(&lab, "service", &[], &["--metrics", ADDRESS])?;
    // What a session is like in its midst is another matter.
    let over = |count: f64| {
        let ended = r#"rtspscope_sessions{state="ended",transport="udp"}"#;
        move |figures: &Figures| figures.get(ended) == Some(count)
    };
    play(&lab)?;
    let one = Figures::wait(&lab, GET, "one session", LIMIT, over(1.0))?;
    for _ in 0..9 {
        play(&lab)?;
    }
    let ten = Figures::wait(&lab, GET, "ten sessions", LIMIT, over(10.0))?;
    let report = watch.finish()?.report;
    let findings = &report.value()["findings"];
    assert_eq!(*findings, json!([]), "these sessions are healthy");
    let added: Vec<&str> = ten.beyond(&one).collect();
    assert!(added.is_empty(), "of one session there was no {added:?}");
    assert!(ten.series() < 80, "{}", ten.series());
    Ok(())
}
