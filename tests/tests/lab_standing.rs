//! A run that begins while media is under way, as one does that looks for why a picture is frozen now: nobody speaks RTSP
//! before the next keepalive, and media over UDP is counted at both sides of the router all the same.

use std::collections::BTreeSet;
use std::io;

use rtspscope_tests::lab::peers::{self, Camera};
use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::watch::{Watch, Watched};
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::program;
use rtspscope_tests::report::Report;
use rtspscope_tests::wait::{self, LIMIT};
use serde_json::{Value, json};

/// Packets that a host has received, or the router from the internet.
fn received(lab: &Lab, host: Host) -> io::Result<u64> {
    let card = match host {
        Host::Router => "wan0",
        Host::Lan | Host::LanSecond | Host::Wan => "eth0",
    };
    let path = format!("/sys/class/net/{card}/statistics/rx_packets");
    let count = lab.run(host, &["cat", &path])?;
    count.trim().parse().map_err(io::Error::other)
}

/// Waits until so many packets more were received there.
fn let_pass(lab: &Lab, host: Host, packets: u64) -> io::Result<()> {
    let before = received(lab, host)?;
    wait::until("media", LIMIT, || {
        let now = received(lab, host).ok()?;
        (now >= before + packets).then_some(())
    })
}

/// The scripted camera, and its client, which has received some packets and asks for more; it says nothing before its end,
/// or before its next keepalive.
fn under_way(lab: &Lab, keepalive: &[&str]) -> io::Result<[Process; 2]> {
    // Whatever takes its time is done before the client begins.
    program::binary()?;
    let camera = peers::scripted_camera(lab, env!("CARGO_BIN_EXE_lab-camera"), &[])?;
    let url = format!("rtsp://{}/test", lab.plan().wan_host);
    let program = env!("CARGO_BIN_EXE_lab-client");
    let command = [program, "--url", &url, "--punch", "--packets", "600"];
    let client = lab.spawn(Host::Lan, "client", &[&command, keepalive].concat())?;
    let_pass(lab, Host::Lan, 60)?;
    Ok([camera, client])
}

/// The run counted by kernel programs, and said that one connection was there before.
fn check_begin(watched: &Watched) {
    let told = "connections: to RTSP ports that were there before: 1; ";
    assert!(watched.complaints.contains(told), "{}", watched.complaints);
    let notes = &watched.report.value()["capture"]["notes"];
    let note = notes[0].as_str().unwrap_or_default();
    assert!(note.starts_with(told), "{notes}");
    let taps = watched.report.value()["capture"]["taps"].as_array();
    for tap in taps.into_iter().flatten() {
        let source = tap["source"].as_str().unwrap_or_default();
        let is_counted = ["tcx:", "clsact:"]
            .iter()
            .any(|way| source.starts_with(way));
        assert!(is_counted, "{source}");
    }
}

/// The replay of the recording says the same of the sessions.
fn check_replay(watched: &Watched) -> io::Result<()> {
    let replayed = program::analyze(&[&watched.recording.to_string_lossy()])?;
    assert_eq!(watched.report.essence(), replayed.essence());
    Ok(())
}

fn only_session(report: &Report) -> &Value {
    match report.sessions() {
        [session] => session,
        _ => panic!("one session expected: {}", report.value()),
    }
}

#[test]
fn media_of_a_real_camera_is_counted_before_anyone_speaks() -> io::Result<()> {
    if lab::skip_unless_root("media_of_a_real_camera_is_counted_before_anyone_speaks") {
        return Ok(());
    }
    let plan = Plan::default();
    let lab = Lab::new(&plan)?;
    let _camera = Camera::default().start(&lab, Host::Wan)?;
    let url = format!("rtsp://{}/test", plan.wan_host);
    let _client = peers::gst_udp_client(&lab, Host::Lan, &url, true, 100_000)?;
    let_pass(&lab, Host::Lan, 60)?;
    let watch = Watch::start(&lab)?;
    let_pass(&lab, Host::Lan, 60)?;
    let watched = watch.finish()?;
    check_begin(&watched);
    let report = watched.report.value();
    assert_eq!(report["sessions"], json!([]), "nobody has spoken");
    let told = report["findings"][0]["summary"]
        .as_str()
        .unwrap_or_default();
    let (count, rest) = told.split_once(' ').unwrap_or_default();
    assert!(
        count.parse::<u64>().is_ok_and(|count| count >= 55),
        "{told}"
    );
    // At the other side of the router is the other flow.
    assert!(
        rest.starts_with("RTP packets go from 203.0.113.10:"),
        "{told}"
    );
    assert!(rest.contains(", and 1 more of the kind, "), "{told}");
    Ok(())
}

#[test]
fn media_from_before_the_run_becomes_that_of_the_session_once_it_speaks() -> io::Result<()> {
    if lab::skip_unless_root("media_from_before_the_run_becomes_that_of_the_session_once_it_speaks")
    {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let [_camera, mut client] = under_way(&lab, &[])?;
    let watch = Watch::start(&lab)?;
    client.wait_end(LIMIT)?;
    let watched = watch.finish()?;
    check_begin(&watched);
    let report = &watched.report;
    let session = only_session(report);
    assert_eq!(session["transport"], "udp");
    let packets = ["lan", "wan"].map(|role| report.packets(session, role, "rtp"));
    assert!(packets.iter().all(|count| *count >= 100), "{packets:?}");
    assert_eq!(report.errors(), BTreeSet::new());
    check_replay(&watched)
}

/// The picture is frozen: media comes to the router and goes no further. The counts say so, from the begin of the run on.
#[test]
fn media_that_the_router_keeps_back_is_told_from_the_begin_of_the_run() -> io::Result<()> {
    if lab::skip_unless_root("media_that_the_router_keeps_back_is_told_from_the_begin_of_the_run") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let [_camera, mut client] = under_way(&lab, &["--patience-ms", "6000"])?;
    let rule = "table ip freeze { chain forward { type filter hook forward priority 10; meta l4proto udp drop; }; }";
    lab.run(Host::Router, &["nft", rule])?;
    let watch = Watch::start(&lab)?;
    client.wait_end(LIMIT)?;
    let watched = watch.finish()?;
    check_begin(&watched);
    let report = &watched.report;
    let session = only_session(report);
    let packets = ["lan", "wan"].map(|role| report.packets(session, role, "rtp"));
    assert_eq!(packets[0], 0);
    assert!(packets[1] >= 50, "{packets:?}");
    assert_eq!(
        report.errors(),
        BTreeSet::new(),
        "what was agreed on is not known"
    );
    check_replay(&watched)
}
