//! What the running program may still do, as the kernel says (`/proc/PID/status`), and who may start it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use rtspscope_tests::lab::watch::Watch;
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::program;
use rtspscope_tests::wait::{self, LIMIT};

const CLIENT: &str = env!("CARGO_BIN_EXE_lab-client");
const CAMERA: &str = env!("CARGO_BIN_EXE_lab-camera");

/// `CAP_NET_ADMIN`, `CAP_PERFMON` and `CAP_BPF`, as the kernel prints them.
const PROGRAMS: &str = "000000c000001000";

/// `CAP_NET_RAW`.
const RAW: &str = "0000000000002000";

/// The user that every Linux has and that owns nothing.
const NOBODY: &str = "65534";

type Status = BTreeMap<String, String>;

fn status(process: u32) -> io::Result<Status> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    Ok(lines
        .map(|(name, value)| {
            (
                name.to_owned(),
                value.split_whitespace().collect::<Vec<_>>().join(" "),
            )
        })
        .collect())
}

/// `exec` of `ip netns` and `setpriv` keep the process: its number is the program's.
fn of_watch(watch: &mut Watch) -> io::Result<Status> {
    status(watch.process().id())
}

fn assert_confined(status: &Status, capabilities: &str) {
    for set in ["CapPrm", "CapEff"] {
        assert_eq!(status[set], capabilities, "{set}");
    }
    for set in ["CapInh", "CapAmb"] {
        assert_eq!(status[set], "0000000000000000", "{set}");
    }
    assert_eq!(status["NoNewPrivs"], "1");
    if cfg!(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )) {
        assert_eq!(status["Seccomp"], "2");
    }
}

fn assert_is(status: &Status, user: &str) {
    let four = [user; 4].join(" ");
    assert_eq!((&status["Uid"], &status["Gid"]), (&four, &four));
}

/// A session of twenty packets; how many sessions the report has then.
fn play(lab: &Lab) -> io::Result<()> {
    let mut camera = lab.spawn(Host::Wan, "camera", &[CAMERA, "--port", "554"])?;
    camera.wait_listening(554, LIMIT)?;
    let url = format!("rtsp://{}/test", lab.plan().wan_host);
    let command = [CLIENT, "--url", &url, "--punch"];
    lab.spawn(Host::Lan, "client", &command)?
        .wait_end(LIMIT)
        .map(drop)
}

#[test]
fn root_keeps_what_tapping_again_takes_and_nothing_else() -> io::Result<()> {
    if lab::skip_unless_root("root_keeps_what_tapping_again_takes_and_nothing_else") {
        return Ok(());
    }
    for (backend, capabilities) in [("ebpf", PROGRAMS), ("afpacket", RAW)] {
        let lab = Lab::new(&Plan::default())?;
        let mut watch = Watch::start_as(&lab, backend, &[], &["--backend", backend])?;
        let status = of_watch(&mut watch)?;
        assert_confined(&status, capabilities);
        assert_eq!(status["CapBnd"], capabilities);
        assert_is(&status, "0");
        play(&lab)?;
        assert_eq!(watch.finish()?.report.sessions().len(), 1, "{backend}");
    }
    Ok(())
}

#[test]
fn another_user_goes_on_and_taps_again_what_comes_back() -> io::Result<()> {
    if lab::skip_unless_root("another_user_goes_on_and_taps_again_what_comes_back") {
        return Ok(());
    }
    for (backend, capabilities) in [("ebpf", PROGRAMS), ("afpacket", RAW)] {
        let lab = Lab::new(&Plan::default())?;
        let options = ["--backend", backend, "--user", "nobody"];
        let mut watch = Watch::start_as(&lab, backend, &[], &options)?;
        let status = of_watch(&mut watch)?;
        assert_confined(&status, capabilities);
        assert_is(&status, NOBODY);
        assert_eq!(status["Groups"], NOBODY);
        for interface in ["lan0", "wan0"] {
            lab.run(Host::Router, &["ip", "link", "delete", interface])?;
        }
        watch
            .process()
            .wait_until("both have gone", LIMIT, |watch| {
                watch.errors().matches("the interface has gone").count() == 2
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
        play(&lab)?;
        assert_eq!(watch.finish()?.report.sessions().len(), 1, "{backend}");
    }
    Ok(())
}

/// As a service manager starts it (`AmbientCapabilities=`): never root, with the backend's capabilities only.
#[test]
fn an_ordinary_user_with_the_capabilities_of_a_backend_watches() -> io::Result<()> {
    if lab::skip_unless_root("an_ordinary_user_with_the_capabilities_of_a_backend_watches") {
        return Ok(());
    }
    for (backend, names, capabilities) in [
        ("ebpf", "+net_admin,+perfmon,+bpf", PROGRAMS),
        ("afpacket", "+net_raw", RAW),
    ] {
        let lab = Lab::new(&Plan::default())?;
        fs::set_permissions(lab.scratch(), fs::Permissions::from_mode(0o777))?;
        let given = format!("--inh-caps={names}");
        let ambient = format!("--ambient-caps={names}");
        let ordinary = [
            "setpriv",
            "--reuid=nobody",
            "--regid=65534",
            "--clear-groups",
            &given,
            &ambient,
        ];
        let mut watch = Watch::start_as(&lab, backend, &ordinary, &["--backend", backend])?;
        let status = of_watch(&mut watch)?;
        assert_confined(&status, capabilities);
        assert_is(&status, NOBODY);
        play(&lab)?;
        assert_eq!(watch.finish()?.report.sessions().len(), 1, "{backend}");
    }
    Ok(())
}

#[test]
fn a_user_that_is_not_there_is_told() -> io::Result<()> {
    let outcome = program::run(&["watch", "--lan", "lo", "--no-tui", "--user", "no-such-user"])?;
    assert_eq!(outcome.status, Some(2));
    assert!(
        outcome
            .stderr
            .starts_with("rtspscope: --user no-such-user: no such user: "),
        "{}",
        outcome.stderr
    );
    Ok(())
}

/// It reads strangers' bytes as well, and needs nothing for it.
#[test]
fn analyze_confines_itself_whoever_runs_it() -> io::Result<()> {
    let mut analyze = Command::new(program::binary()?)
        .args(["analyze", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let confined = wait::until("analyze to confine itself", LIMIT, || {
        status(analyze.id())
            .ok()
            .filter(|status| status["NoNewPrivs"] == "1")
    });
    // Ends with the input.
    drop(analyze.stdin.take());
    analyze.wait()?;
    confined.map(drop)
}
