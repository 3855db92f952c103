//! Plays the cases in the guest: a router of network cards, the helper where the case has it, tcpdump at both sides.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::tap::Tap;
use rtspscope_tests::lab::watch::Watch;
use rtspscope_tests::lab::{Cards, Host, Lab, Plan};
use rtspscope_tests::wait;

use super::cases::{CASES, Case};

/// The helper, given to every connection to a port.
fn helper(port: u16) -> String {
    format!(
        "table ip helper {{
  ct helper rtsp-std {{ type \"rtsp\" protocol tcp; l3proto ip; }}
  chain prerouting {{ type filter hook prerouting priority mangle; tcp dport {port} ct helper set \"rtsp-std\"; }}
}}"
    )
}

/// Where the kernel lists what helpers expect.
const EXPECTED: &str = "/proc/net/nf_conntrack_expect";

/// Longest times: for a peer to be ready, and for a client to end by itself. The processor is emulated.
const START_LIMIT: Duration = Duration::from_secs(30);
const CLIENT_LIMIT: Duration = Duration::from_mins(2);

/// How long the rival waits with its PLAY: until the first client has long ended.
const RIVAL_HOLDS_MS: &str = "20000";

/// Plays all cases, each in a lab of its own; says on the console which.
pub(crate) fn all(results: &Path, cards: &Cards) -> io::Result<()> {
    for case in &CASES {
        let _ = writeln!(io::stdout(), "playing {}", case.name);
        play(case, results, cards)?;
    }
    Ok(())
}

fn play(case: &Case, results: &Path, cards: &Cards) -> io::Result<()> {
    let plan = Plan {
        cards: Some(cards.clone()),
        ..Plan::default()
    };
    let lab = Lab::new(&plan)?;
    if let Some(port) = case.helper {
        lab.run(Host::Router, &["nft", &helper(port)])?;
    }
    let tap = Tap::start(&lab, lab.scratch())?;
    let watch = Watch::start(&lab)?;
    let camera = program("lab-camera")?;
    let mut camera = lab.spawn(Host::Wan, "camera", &[&*camera.to_string_lossy()])?;
    camera.wait_listening(554, START_LIMIT)?;
    meet(case, &lab)?;
    let (lan, wan) = tap.finish(&lab)?;
    let live = watch.finish()?;
    let result = |leg: &str| results.join(format!("{}.{leg}", case.name));
    fs::copy(lan, result("lan.pcap"))?;
    fs::copy(wan, result("wan.pcap"))?;
    fs::write(result("live.json"), live.report.value().to_string())
}

/// Lets the clients play, until the last has ended.
fn meet(case: &Case, lab: &Lab) -> io::Result<()> {
    let rival = case.rival.then(|| start_rival(case, lab)).transpose()?;
    let mut client = start(case, lab, Host::Lan, &[])?;
    client.wait_end(CLIENT_LIMIT)?;
    if let Some(mut rival) = rival {
        rival.wait_end(CLIENT_LIMIT)?;
    }
    Ok(())
}

/// A client on the second host; the helper expects its media when this returns.
fn start_rival(case: &Case, lab: &Lab) -> io::Result<Process> {
    let rival = start(case, lab, Host::LanSecond, &["--hold-ms", RIVAL_HOLDS_MS])?;
    let port = format!("dport={}", case.port);
    wait::until(
        "the helper to expect the rival's media",
        START_LIMIT,
        || {
            let expected = lab.run(Host::Router, &["cat", EXPECTED]).ok()?;
            expected.contains(&port).then_some(())
        },
    )?;
    Ok(rival)
}

fn start(case: &Case, lab: &Lab, host: Host, more: &[&str]) -> io::Result<Process> {
    let client = program("lab-client")?;
    let url = format!("rtsp://{}/test", lab.plan().wan_host);
    let port = case.port.to_string();
    let mut command = vec![
        "--url",
        &url,
        "--transport",
        case.transport,
        "--port",
        &port,
    ];
    if case.split {
        command.push("--split");
    }
    command.extend(more);
    let name = if host == Host::Lan { "client" } else { "rival" };
    lab.spawn(
        host,
        name,
        &[&[&*client.to_string_lossy()], &*command].concat(),
    )
}

/// One of the lab's programs, which stand beside this one.
fn program(name: &str) -> io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}
