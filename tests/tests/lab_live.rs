//! The NAT lab observed live by the real program, and its recordings replayed.
//!
//! Each test builds its own router in network namespaces (root only), watches it through eBPF while a real player
//! meets a real camera, and asserts three things: what the live run found, that the replay of its recording finds the
//! same, and that tcpdump's capture of the same packets leads to the same.

use std::collections::BTreeSet;
use std::io;

use rtspscope_tests::lab::peers::{self, Camera};
use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::tap::Tap;
use rtspscope_tests::lab::watch::Watch;
use rtspscope_tests::lab::{self, Host, Lab, Nat, Plan};
use rtspscope_tests::program;
use rtspscope_tests::report::Report;
use rtspscope_tests::wait::LIMIT;
use serde_json::Value;

/// Lets `scene` play in a lab while the program and tcpdump watch, and returns the live report.
///
/// The live report, the replay of its recording and the analysis of tcpdump's captures have the same essence.
fn observe(plan: &Plan, scene: impl FnOnce(&Lab) -> io::Result<()>) -> io::Result<Report> {
    let lab = Lab::new(plan)?;
    let tap = Tap::start(&lab, lab.scratch())?;
    let watch = Watch::start(&lab)?;
    scene(&lab)?;
    let (lan, wan) = tap.finish(&lab)?;
    let live = watch.finish()?;
    let replayed = program::analyze(&[&live.recording.to_string_lossy()])?;
    assert_eq!(live.report.essence(), replayed.essence(), "live and replay");
    let witness = program::analyze(&[
        "--lan",
        &lan.to_string_lossy(),
        "--wan",
        &wan.to_string_lossy(),
    ])?;
    assert_eq!(
        live.report.essence(),
        witness.essence(),
        "live and tcpdump; live: {}",
        live.report.value()
    );
    Ok(live.report)
}

fn camera_url(plan: &Plan) -> String {
    format!("rtsp://{}/test", plan.wan_host)
}

fn finish(mut client: Process) -> io::Result<Process> {
    client.wait_end(LIMIT)?;
    Ok(client)
}

/// The only session of the report, its RTP packets at (lan, wan) and the judgement of the ALG.
fn only_session(report: &Report) -> (&Value, [u64; 2], [&str; 2]) {
    assert_eq!(report.sessions().len(), 1, "{}", report.value());
    first_session(report)
}

/// The same of the first of them.
fn first_session(report: &Report) -> (&Value, [u64; 2], [&str; 2]) {
    let [session, ..] = report.sessions() else {
        panic!("a session expected: {}", report.value())
    };
    let packets = ["lan", "wan"].map(|role| report.packets(session, role, "rtp"));
    let alg = ["action", "effect"].map(|key| session["alg"][key].as_str().unwrap_or_default());
    (session, packets, alg)
}

#[test]
fn a_client_that_does_not_punch_gets_no_picture() -> io::Result<()> {
    if lab::skip_unless_root("a_client_that_does_not_punch_gets_no_picture") {
        return Ok(());
    }
    let plan = Plan::default();
    let report = observe(&plan, |lab| {
        let _camera = Camera::default().start(lab, Host::Wan)?;
        finish(peers::gst_udp_client(
            lab,
            Host::Lan,
            &camera_url(&plan),
            false,
            30,
        )?)
        .map(drop)
    })?;
    // The player may connect again before it gives up.
    let (session, packets, alg) = first_session(&report);
    assert_eq!(session["transport"], "udp");
    assert_eq!(packets[0], 0);
    assert!(packets[1] > 0);
    assert_eq!(alg, ["none", "missing"]);
    assert_eq!(
        report.errors(),
        BTreeSet::from(["nat-no-pinhole", "rtp-never-arrived"])
    );
    Ok(())
}

#[test]
fn a_client_that_punches_plays() -> io::Result<()> {
    if lab::skip_unless_root("a_client_that_punches_plays") {
        return Ok(());
    }
    let plan = Plan::default();
    let report = observe(&plan, |lab| {
        let _camera = Camera::default().start(lab, Host::Wan)?;
        finish(peers::gst_udp_client(
            lab,
            Host::Lan,
            &camera_url(&plan),
            true,
            30,
        )?)
        .map(drop)
    })?;
    let (session, packets, alg) = only_session(&report);
    assert_eq!(session["transport"], "udp");
    assert!(packets[0] >= 30);
    // Media may outrun the client's own first packet, and the NAT rightly drops what does: on a busy machine a second of
    // it. That each side is counted exactly, `observe` holds against tcpdump.
    assert!(packets[1] >= packets[0], "{packets:?}");
    assert_eq!(alg, ["none", "harmless"]);
    assert_eq!(report.errors(), BTreeSet::new());
    Ok(())
}

#[test]
fn a_router_that_randomises_ports_is_found() -> io::Result<()> {
    if lab::skip_unless_root("a_router_that_randomises_ports_is_found") {
        return Ok(());
    }
    let plan = Plan {
        nat: Nat::FullyRandom,
        ..Plan::default()
    };
    let report = observe(&plan, |lab| {
        let _camera = Camera::default().start(lab, Host::Wan)?;
        finish(peers::gst_udp_client(
            lab,
            Host::Lan,
            &camera_url(&plan),
            true,
            30,
        )?)
        .map(drop)
    })?;
    // As above.
    let (_, packets, alg) = first_session(&report);
    assert_eq!(packets[0], 0);
    assert!(packets[1] > 0);
    assert_eq!(alg, ["none", "missing"]);
    assert_eq!(
        report.errors(),
        BTreeSet::from(["nat-port-randomised", "rtp-never-arrived"])
    );
    Ok(())
}

/// With offloads on the taps see segments of many kilobytes, each with several interleaved frames.
#[test]
fn interleaved_media_in_super_packets_are_counted_exactly() -> io::Result<()> {
    if lab::skip_unless_root("interleaved_media_in_super_packets_are_counted_exactly") {
        return Ok(());
    }
    let plan = Plan {
        offloads: true,
        ..Plan::default()
    };
    let report = observe(&plan, |lab| {
        let _camera = Camera {
            kbps: 4000,
            audio: true,
            ..Camera::default()
        }
        .start(lab, Host::Wan)?;
        finish(peers::ffmpeg_client(
            lab,
            Host::Lan,
            &camera_url(&plan),
            "tcp",
            2,
        )?)
        .map(drop)
    })?;
    let (session, packets, alg) = only_session(&report);
    assert_eq!(session["transport"], "tcp");
    assert!(packets[0] > 100);
    assert_eq!(packets[0], packets[1]);
    assert_eq!(alg, ["none", "harmless"]);
    assert_eq!(report.errors(), BTreeSet::new());
    Ok(())
}

#[test]
fn a_rewrite_with_a_longer_text_is_shown_with_both_values() -> io::Result<()> {
    if lab::skip_unless_root("a_rewrite_with_a_longer_text_is_shown_with_both_values") {
        return Ok(());
    }
    let plan = Plan::default();
    let report = observe(&plan, |lab| {
        let _camera = Camera::default().start(lab, Host::Wan)?;
        let mut alg = lab.spawn(
            Host::Router,
            "alg",
            &[env!("CARGO_BIN_EXE_lab-alg"), "--first-port", "10000"],
        )?;
        alg.wait_until("open queues", LIMIT, |alg| alg.output().contains("ready"))?;
        let url = camera_url(&plan);
        let client = finish(lab.spawn(
            Host::Lan,
            "client",
            &[env!("CARGO_BIN_EXE_lab-client"), "--url", &url],
        )?)?;
        let outcome: Value = serde_json::from_str(&client.output())?;
        assert_eq!(outcome["rtp"], 20, "the gateway must let the client play");
        Ok(())
    })?;
    let (session, packets, alg) = only_session(&report);
    assert_eq!(alg, ["rewrite", "helped"]);
    assert!(packets[0] >= 20);
    assert!(report.codes().contains("alg-rewrote-message"));
    let rewrites = session["nat"]["rewrites"].as_array().into_iter().flatten();
    let values: Vec<[&str; 4]> = rewrites
        .map(|rewrite| {
            ["kind", "field", "pre", "post"].map(|key| rewrite[key].as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        values,
        [
            [
                "request",
                "Transport.client_port",
                "5000-5001",
                "10000-10001"
            ],
            [
                "response",
                "Transport.client_port",
                "5000-5001",
                "10000-10001"
            ],
        ]
    );
    Ok(())
}
