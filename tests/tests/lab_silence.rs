//! A picture that freezes while nothing else of its session passes either, watched live: the run's clock tells of it within
//! seconds, what passes next takes it back, and a run that ends meanwhile says the same as the replay of its recording.
//!
//! Needs root.

use std::io;
use std::thread;
use std::time::Duration;

use rtspscope_tests::lab::peers;
use rtspscope_tests::lab::watch::Watch;
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::program;

/// Media must have flowed for so long before its end is a freeze.
const FLOWS: Duration = Duration::from_secs(3);

/// Five seconds of silence, two looks, and a busy machine.
const FOUND: Duration = Duration::from_secs(20);

/// TCP sends again after a time that has doubled with each attempt.
const WITHDRAWN: Duration = Duration::from_secs(40);

/// Lets a player with this Transport header play, and holds back whatever either host sends until the runs have told of it.
fn freezes_and_goes_on(test: &str, transport: &str) -> io::Result<()> {
    if lab::skip_unless_root(test) {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let _camera = peers::scripted_camera(&lab, env!("CARGO_BIN_EXE_lab-camera"), &[])?;
    let start =
        |name: &str, backend: &str| Watch::start_as(&lab, name, &[], &["--backend", backend]);
    let mut ends_meanwhile = start("ends-meanwhile", "ebpf")?;
    let mut run = [start("ebpf", "ebpf")?, start("afpacket", "afpacket")?];
    let url = format!("rtsp://{}/test", lab.plan().wan_host);
    let client = [
        env!("CARGO_BIN_EXE_lab-client"),
        "--url",
        &url,
        "--punch",
        "--transport",
        transport,
        "--packets",
        "100000",
        "--patience-ms",
        "120000",
    ];
    let player = lab.spawn(Host::Lan, "client", &client)?;
    for watch in run.iter_mut().chain([&mut ends_meanwhile]) {
        let process = watch.process();
        process.wait_until("media", FOUND, |process| {
            process.output().contains(r#""type":"media-arrived""#)
        })?;
    }
    thread::sleep(FLOWS);

    hold_back(&lab, true)?;
    for watch in run.iter_mut().chain([&mut ends_meanwhile]) {
        let process = watch.process();
        process.wait_until("a picture that froze", FOUND, |process| {
            tells(&process.output(), "finding")
        })?;
    }
    let live = ends_meanwhile.finish()?;
    assert!(live.report.errors().contains("rtp-stalled"));
    let replay = program::analyze(&[&live.recording.to_string_lossy()])?;
    assert_eq!(live.report.essence(), replay.essence());
    assert_eq!(live.report.codes(), replay.codes());

    hold_back(&lab, false)?;
    for watch in &mut run {
        let process = watch.process();
        process.wait_until("a picture that goes on", WITHDRAWN, |process| {
            tells(&process.output(), "finding-withdrawn")
        })?;
    }
    drop(player);
    for watch in run {
        let live = watch.finish()?;
        assert!(!live.report.codes().contains("rtp-stalled"));
        let replay = program::analyze(&[&live.recording.to_string_lossy()])?;
        assert_eq!(live.report.essence(), replay.essence());
    }
    Ok(())
}

/// Whether a line of this type is about the freeze.
fn tells(output: &str, line: &str) -> bool {
    let begin = format!(r#"{{"type":"{line}","code":"rtp-stalled""#);
    output.lines().any(|line| line.starts_with(&begin))
}

/// Holds back what both hosts send before it comes to the router, or lets it go again.
fn hold_back(lab: &Lab, held: bool) -> io::Result<()> {
    let begin = [
        "add table ip silence",
        "add chain ip silence output { type filter hook output priority 0; policy drop; }",
    ];
    let commands: &[&str] = if held {
        &begin
    } else {
        &["delete table ip silence"]
    };
    for host in [Host::Lan, Host::Wan] {
        for command in commands {
            lab.run(host, &["nft", command])?;
        }
    }
    Ok(())
}

#[test]
fn a_picture_over_udp_that_freezes_with_all_else_is_told_and_taken_back() -> io::Result<()> {
    freezes_and_goes_on(
        "a_picture_over_udp_that_freezes_with_all_else_is_told_and_taken_back",
        "RTP/AVP;unicast;client_port=5000-5001",
    )
}

#[test]
fn a_picture_over_tcp_that_freezes_with_all_else_is_told_and_taken_back() -> io::Result<()> {
    freezes_and_goes_on(
        "a_picture_over_tcp_that_freezes_with_all_else_is_told_and_taken_back",
        "RTP/AVP/TCP;unicast;interleaved=0-1",
    )
}
