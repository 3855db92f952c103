//! Every way of taking packets off the router, at the same time on the same traffic: what they report agrees.

use std::io;

use rtspscope_tests::lab::peers::{self, Camera};
use rtspscope_tests::lab::watch::{Watch, Watched};
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::program;
use rtspscope_tests::report::Report;
use rtspscope_tests::wait::LIMIT;
use serde_json::Value;

/// The ways that the program under test has; libpcap is an option of its build.
fn backends(test: &str) -> io::Result<Vec<&'static str>> {
    let words = "watch --backend pcap --lan lo --no-tui --duration 0s";
    let asked = program::run(&words.split(' ').collect::<Vec<_>>())?;
    if asked.stderr.contains("no libpcap") {
        lab::say_skipped(test, "for libpcap, this build has none");
        return Ok(vec!["ebpf", "afpacket"]);
    }
    Ok(vec!["ebpf", "afpacket", "pcap"])
}

/// Lets `scene` play while one run for each backend watches; their reports by backend.
fn observe(
    test: &str,
    plan: &Plan,
    scene: impl FnOnce(&Lab) -> io::Result<()>,
) -> io::Result<Vec<(&'static str, Watched)>> {
    let lab = Lab::new(plan)?;
    let start = |backend| {
        let options = ["--backend", backend];
        Ok((backend, Watch::start_as(&lab, backend, &[], &options)?))
    };
    let backends = backends(test)?.into_iter();
    let runs: io::Result<Vec<_>> = backends.map(start).collect();
    let runs = runs?;
    scene(&lab)?;
    let finished = runs.into_iter().map(|(backend, watch)| {
        let watched = watch.finish()?;
        let replayed = program::analyze(&[&watched.recording.to_string_lossy()])?;
        assert_eq!(
            watched.report.essence(),
            replayed.essence(),
            "{backend}: live and replay"
        );
        Ok((backend, watched))
    });
    finished.collect()
}

/// The exact counts of all media at all taps, in the order of the report.
fn counts(report: &Report) -> Vec<Value> {
    let media = report
        .sessions()
        .iter()
        .filter_map(|session| session["media"].as_array());
    let arrivals = media
        .flatten()
        .filter_map(|media| media["arrivals"].as_array());
    let keys = [
        "packets",
        "bytes",
        "expected",
        "lost",
        "duplicates",
        "reordered",
        "ssrc",
        "from",
        "to",
    ];
    let counts = arrivals.flatten().map(|arrival| {
        let rtp = keys.map(|key| arrival["rtp"][key].clone());
        let rtcp = ["packets", "sender_reports", "byes"].map(|key| arrival["rtcp"][key].clone());
        Value::from([&rtp[..], &rtcp[..]].concat())
    });
    counts.collect()
}

/// Each report says who took the packets, and all agree; returns one of them.
fn agreed(reports: Vec<(&'static str, Watched)>) -> Report {
    let mut reports = reports.into_iter();
    let (_, first) = reports.next().expect("kernel programs always take part");
    for (backend, watched) in reports {
        let report = &watched.report;
        let taps = report.value()["capture"]["taps"].as_array();
        for tap in taps.expect("taps") {
            let name = tap["name"].as_str().unwrap_or_default();
            assert_eq!(tap["source"], format!("{backend}:{name}"));
        }
        assert!(
            watched
                .complaints
                .contains("frames were copied, 0 did not fit"),
            "{backend}: {}",
            watched.complaints
        );
        assert_eq!(report.value()["capture"]["lost"], 0, "{backend}");
        assert_eq!(
            report.essence(),
            first.report.essence(),
            "{backend} and kernel programs"
        );
        assert_eq!(
            report.codes(),
            first.report.codes(),
            "{backend} and kernel programs"
        );
        assert_eq!(
            counts(report),
            counts(&first.report),
            "{backend} and kernel programs"
        );
    }
    first.report
}

fn url(plan: &Plan) -> String {
    format!("rtsp://{}/test", plan.wan_host)
}

#[test]
fn all_agree_on_a_client_that_gets_no_picture() -> io::Result<()> {
    const TEST: &str = "all_agree_on_a_client_that_gets_no_picture";
    if lab::skip_unless_root(TEST) {
        return Ok(());
    }
    let plan = Plan::default();
    let report = agreed(observe(TEST, &plan, |lab| {
        let _camera = Camera::default().start(lab, Host::Wan)?;
        peers::gst_udp_client(lab, Host::Lan, &url(&plan), false, 30)?
            .wait_end(LIMIT)
            .map(drop)
    })?);
    assert!(
        report.errors().contains("nat-no-pinhole"),
        "{}",
        report.value()
    );
    Ok(())
}

#[test]
fn all_agree_on_a_gateway_that_rewrites() -> io::Result<()> {
    const TEST: &str = "all_agree_on_a_gateway_that_rewrites";
    if lab::skip_unless_root(TEST) {
        return Ok(());
    }
    let plan = Plan::default();
    let report = agreed(observe(TEST, &plan, |lab| {
        let _camera = Camera::default().start(lab, Host::Wan)?;
        let command = [env!("CARGO_BIN_EXE_lab-alg"), "--first-port", "10000"];
        let mut alg = lab.spawn(Host::Router, "alg", &command)?;
        alg.wait_until("open queues", LIMIT, |alg| alg.output().contains("ready"))?;
        let command = [env!("CARGO_BIN_EXE_lab-client"), "--url", &url(&plan)];
        let mut client = lab.spawn(Host::Lan, "client", &command)?;
        client.wait_end(LIMIT).map(drop)
    })?);
    assert!(
        report.codes().contains("alg-rewrote-message"),
        "{}",
        report.value()
    );
    Ok(())
}

/// With offloads on, segments of many kilobytes cross the taps, each with several interleaved frames.
#[test]
fn all_agree_on_interleaved_media_in_super_packets() -> io::Result<()> {
    const TEST: &str = "all_agree_on_interleaved_media_in_super_packets";
    if lab::skip_unless_root(TEST) {
        return Ok(());
    }
    let plan = Plan {
        offloads: true,
        ..Plan::default()
    };
    let report = agreed(observe(TEST, &plan, |lab| {
        let camera = Camera {
            kbps: 4000,
            audio: true,
            ..Camera::default()
        };
        let _camera = camera.start(lab, Host::Wan)?;
        peers::ffmpeg_client(lab, Host::Lan, &url(&plan), "tcp", 2)?
            .wait_end(LIMIT)
            .map(drop)
    })?);
    let [session] = report.sessions() else {
        panic!("one session expected: {}", report.value())
    };
    assert!(report.packets(session, "lan", "rtp") > 100);
    Ok(())
}

/// A machine that may not load kernel programs (a container, a locked-down kernel) still has packet sockets.
#[test]
fn without_the_capabilities_of_kernel_programs_the_run_falls_back_and_says_so() -> io::Result<()> {
    const TEST: &str = "without_the_capabilities_of_kernel_programs_the_run_falls_back_and_says_so";
    if lab::skip_unless_root(TEST) {
        return Ok(());
    }
    let plan = Plan::default();
    let lab = Lab::new(&plan)?;
    let _camera = Camera::default().start(&lab, Host::Wan)?;
    let forbid = ["setpriv", "--bounding-set=-bpf,-perfmon,-sys_admin"];
    let watch = Watch::start_as(&lab, "forbidden", &forbid, &[])?;
    peers::gst_udp_client(&lab, Host::Lan, &url(&plan), false, 30)?.wait_end(LIMIT)?;
    let watched = watch.finish()?;
    let told: Vec<&str> = watched.complaints.lines().collect();
    let [fallback, _end] = told.as_slice() else {
        panic!("two lines expected: {told:?}");
    };
    assert!(
        fallback.contains("afpacket: no kernel programs (missing permission: CAP_PERFMON, CAP_BPF): every packet is copied"),
        "{fallback}"
    );
    assert_eq!(
        watched.report.value()["capture"]["taps"][0]["source"],
        "afpacket:lan0"
    );
    assert!(watched.report.errors().contains("nat-no-pinhole"));
    Ok(())
}
