//! A tap above a flowtable of the kernel's own is told what it cannot see.

use std::io;
use std::process::Command;

use rtspscope_tests::cable::{Cable, End, INTERFACE};
use rtspscope_tests::program;
use serde_json::Value;

/// Puts a bridge above the near end and a flowtable at it, and asks a run that taps the bridge.
pub(crate) fn told() -> io::Result<String> {
    let cable = Cable::new()?;
    let near = cable.end(End::Near);
    near.ip(&["link", "add", "br-lan", "type", "bridge"])?;
    near.ip(&["link", "set", INTERFACE, "master", "br-lan"])?;
    near.ip(&["link", "set", "br-lan", "up"])?;
    let table = format!(
        "table inet fw4 {{\n flowtable ft {{\n hook ingress priority 0\n devices = {{ {INTERFACE} }}\n }}\n}}\n"
    );
    let rules = cable.scratch().join("rules.nft");
    std::fs::write(&rules, table)?;
    near.run(&["nft", "-f", &rules.to_string_lossy()])?;
    let [ip, prefix @ ..] = near.exec_prefix();
    let output = Command::new(ip)
        .args(prefix)
        .arg(program::binary()?)
        .args(["watch", "--lan", "br-lan", "--no-tui"])
        .args(["--format", "ndjson", "--duration", "0s"])
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().unwrap_or_default();
    let report: Value = serde_json::from_str(last)?;
    let expected = format!(
        "br-lan: the flowtable inet fw4 ft forwards below this interface, between {INTERFACE}: only the first packets of a flow \
         pass the tap; tap those instead"
    );
    if report["capture"]["notes"] == Value::from(vec![expected]) {
        return Ok("told".to_owned());
    }
    let notes = &report["capture"]["notes"];
    let listed = near.run(&["nft", "list", "flowtables"])?;
    Err(io::Error::other(format!("{notes} of: {listed}")))
}
