//! The systemd unit: accepted by systemd, and run by one, confined as it is and still with kernel programs.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use rtspscope_tests::{lab, program, tools};
use serde_json::Value;

use super::debian::unpacked;
use super::root::Root;
use super::{HERE, package, said};

const UNIT: &str = "usr/lib/systemd/system/rtspscope.service";

/// Bits of `CAP_NET_ADMIN`, `CAP_PERFMON` and `CAP_BPF` (the kernel's `capability.h`): what tapping an interface again
/// takes.
const KEPT: u64 = 1 << 12 | 1 << 38 | 1 << 39;

/// With `CAP_NET_RAW`, which packet sockets take: what the unit grants.
const GRANTED: u64 = KEPT | 1 << 13;

#[test]
fn systemd_accepts_the_unit() -> io::Result<()> {
    let test = "service-verified";
    let Some(analyze) = tools::or_skip(test, "systemd", tools::first_of(&["systemd-analyze"]))?
    else {
        return Ok(());
    };
    let Some(root) = unpacked(test)? else {
        return Ok(());
    };
    // The units and the program that it stands on, which every system has.
    let mut copy = Command::new("cp");
    copy.arg("-rn")
        .arg("/lib/systemd/system/.")
        .arg(root.at("usr/lib/systemd/system"));
    super::succeeded(copy)?;
    root.write("bin/kill", "", 0o755)?;
    let output = Command::new(analyze)
        .args(["verify", "--man=no", "rtspscope.service"])
        .arg(format!("--root={}", root.at("").display()))
        .output()?;
    let text = said(&output);
    assert!(
        output.status.success() && !text.contains("rtspscope.service:"),
        "{text}"
    );
    Ok(())
}

#[test]
fn the_unit_confines_the_program() -> io::Result<()> {
    let test = "service-confined";
    let Some(analyze) = tools::or_skip(test, "systemd", tools::first_of(&["systemd-analyze"]))?
    else {
        return Ok(());
    };
    let Some(root) = unpacked(test)? else {
        return Ok(());
    };
    // From 0 to 100; what remains is the network, which is its business.
    let output = Command::new(analyze)
        .args(["security", "--offline=true", "--no-pager", "--threshold=25"])
        .arg(root.at(UNIT))
        .output()?;
    assert!(output.status.success(), "{}", said(&output));
    Ok(())
}

#[test]
fn the_program_takes_what_the_unit_tells_it() -> io::Result<()> {
    let Some(root) = unpacked("service-command")? else {
        return Ok(());
    };
    let unit = fs::read_to_string(root.at(UNIT))?;
    let command = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/usr/bin/rtspscope "));
    let command = command.ok_or_else(|| io::Error::other("no command"))?;
    let command = command.replace("$RTSPSCOPE_OPTIONS", "--lan no-such-if");
    let outcome = program::run(&command.split(' ').collect::<Vec<_>>())?;
    assert_eq!(outcome.status, Some(2));
    assert!(
        outcome.stderr.starts_with("rtspscope: no-such-if: "),
        "{}",
        outcome.stderr
    );
    Ok(())
}

/// The number after a name in `/proc/PID/status`.
fn hex(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    u64::from_str_radix(value.trim(), 16).ok()
}

#[test]
fn the_service_watches_as_nobody_in_particular() -> io::Result<()> {
    let test = "service-watches";
    if lab::skip_unless_root(test) {
        return Ok(());
    }
    let systemd = Path::new("/lib/systemd/systemd").exists().then_some(());
    if tools::or_skip(test, "systemd", systemd)?.is_none() {
        return Ok(());
    }
    let result = Root::empty(test)?;
    let output = Command::new("timeout")
        .args(["--kill-after=10", "120", "sh"])
        .arg(Path::new(HERE).join("systemd/outside.sh"))
        .arg(package(".deb")?)
        .arg(result.at("."))
        .output()?;
    let log = fs::read_to_string(result.at("log")).unwrap_or_default();
    let read = |name: &str| {
        fs::read_to_string(result.at(name))
            .map_err(|error| io::Error::other(format!("{name}: {error}: {} {log}", said(&output))))
    };
    assert_eq!(read("enabled")?, "disabled\n", "whoever wants it says so");
    let status = read("status")?;
    assert_eq!(hex(&status, "CapEff:"), Some(KEPT), "{status}");
    assert_eq!(hex(&status, "CapBnd:"), Some(GRANTED));
    assert_eq!(hex(&status, "NoNewPrivs:"), Some(1));
    assert_eq!(hex(&status, "Seccomp:"), Some(2), "a filter");
    assert!(!status.contains("\nUid:\t0\t"), "{status}");

    assert_eq!(read("reloaded")?, "active\n");
    assert_eq!(read("ended")?, "success\n");
    let journal = read("journal")?;
    let lines: Vec<Value> = journal
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
        return Err(io::Error::other(format!("no lines: {journal}")));
    };
    assert_eq!(
        (&first["type"], &first["taps"]),
        (&"observing".into(), &serde_json::json!(["lan0", "wan0"]))
    );
    assert_eq!(last["type"], "report");
    let taps = last["capture"]["taps"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let kernel: Vec<bool> = taps
        .iter()
        .filter_map(|tap| tap["source"].as_str())
        .map(|source| source.starts_with("tcx:") || source.starts_with("clsact:"))
        .collect();
    assert_eq!(kernel, [true, true], "{last}");
    Ok(())
}
