//! What a live run says of flows that the router forwards past its taps.
//!
//! The kernel of a test machine may have no flowtables, so stand-ins for the firewall's programs print what the real ones
//! do; `cargo xtask kernels` asks kernels that have them.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rtspscope_tests::cable::{Cable, End, INTERFACE};
use rtspscope_tests::lab::skip_unless_root;
use rtspscope_tests::program::{self, Outcome};
use serde_json::{Value, json};

/// What `nft list flowtables` prints.
const HARDWARE: &str = "table inet fw4 {\n\tflowtable ft {\n\t\thook ingress priority filter\n\t\tdevices = { eth0, wan }\n\t\tflags offload\n\t}\n}\n";

/// Runs the program for a moment at the near end, with these programs in front of the machine's own.
fn watch(cable: &Cable, taps: &[&str], programs: &[(&str, &str)]) -> io::Result<Outcome> {
    let bin = cable.scratch().join("bin");
    fs::create_dir_all(&bin)?;
    for (name, prints) in programs {
        fs::write(bin.join(format!("{name}.txt")), prints)?;
        let script = format!("#!/bin/sh\ncat {}/{name}.txt\n", bin.display());
        fs::write(bin.join(name), script)?;
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755))?;
    }
    let path = env::var("PATH").unwrap_or_default();
    let [ip, prefix @ ..] = cable.end(End::Near).exec_prefix();
    let output = Command::new(ip)
        .args(prefix)
        .arg(program::binary()?)
        .arg("watch")
        .args(taps)
        .args(["--no-tui", "--format", "ndjson", "--duration", "0s"])
        .env("PATH", format!("{}:{path}", bin.display()))
        .output()?;
    Ok(output.into())
}

/// The notes of the report that ends a run.
fn notes(outcome: &Outcome) -> Value {
    let last = outcome.stdout.lines().last().unwrap_or_default();
    let report: Value = serde_json::from_str(last).unwrap_or_default();
    report["capture"]["notes"].clone()
}

#[test]
fn flows_in_hardware_are_said_at_the_start_and_in_the_report() -> io::Result<()> {
    if skip_unless_root("flows_in_hardware_are_said_at_the_start_and_in_the_report") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let outcome = watch(&cable, &["--lan", INTERFACE], &[("nft", HARDWARE)])?;
    let told = "flowtable inet fw4 ft: hardware forwards what goes between eth0, wan: taps see only the first packets of a flow";
    assert_eq!(outcome.status, Some(0));
    assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    assert_eq!(notes(&outcome), json!([told]));

    // A mirror port shows what another machine forwards.
    let outcome = watch(&cable, &["--mirror", INTERFACE], &[("nft", HARDWARE)])?;
    assert_eq!(notes(&outcome), json!([]));
    Ok(())
}

#[test]
fn a_tap_above_a_flowtable_is_told_from_one_at_it() -> io::Result<()> {
    if skip_unless_root("a_tap_above_a_flowtable_is_told_from_one_at_it") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let near = cable.end(End::Near);
    near.ip(&["link", "add", "br-lan", "type", "bridge"])?;
    near.ip(&["link", "set", INTERFACE, "master", "br-lan"])?;
    near.ip(&["link", "set", "br-lan", "up"])?;
    let software = HARDWARE.replace("\t\tflags offload\n", "");
    let programs = [("nft", software.as_str())];

    let at = watch(&cable, &["--lan", INTERFACE], &programs)?;
    assert_eq!(notes(&at), json!([]));
    let above = watch(&cable, &["--lan", "br-lan"], &programs)?;
    let told = "br-lan: the flowtable inet fw4 ft forwards below this interface, between eth0, wan: only the first packets of a \
                flow pass the tap; tap those instead";
    assert!(above.stderr.contains(told), "{}", above.stderr);
    assert_eq!(notes(&above), json!([told]));
    Ok(())
}

#[test]
fn a_card_that_takes_flows_is_named() -> io::Result<()> {
    if skip_unless_root("a_card_that_takes_flows_is_named") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let features = "Features for eth0:\nrx-checksumming: on\nhw-tc-offload: on\n";
    let outcome = watch(&cable, &["--lan", INTERFACE], &[("ethtool", features)])?;
    let told = "eth0: hw-tc-offload is on: flows that are handed to the card do not pass the tap";
    assert_eq!(notes(&outcome), json!([told]));
    // This machine's own ethtool says of the cable that nothing can be handed to it.
    fs::remove_file(cable.scratch().join("bin/ethtool"))?;
    assert_eq!(
        notes(&watch(&cable, &["--lan", INTERFACE], &[])?),
        json!([])
    );
    Ok(())
}
