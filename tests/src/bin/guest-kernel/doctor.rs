//! Where modules are lacking, `doctor` says which way onto an interface is left, and what the others lack.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use rtspscope_tests::program;

use super::XDP_SINCE;
use super::modules::NoModules;

/// Runs `doctor` without any module and compares what it says of each way; keeps its text beside the answers.
pub(crate) fn without_modules(
    file: &Path,
    has_tcx: bool,
    release: (u32, u32),
) -> io::Result<String> {
    let without = NoModules::new()?;
    let output = Command::new(program::binary()?).arg("doctor").output()?;
    drop(without);
    fs::write(file, &output.stdout)?;
    let said = String::from_utf8_lossy(&output.stdout);
    // Packet sockets stand in for kernel programs: a live run is possible on each of these kernels.
    if output.status.code() != Some(0) {
        let status = output.status;
        return Err(io::Error::other(format!("{status}: {said}")));
    }
    let expected = expected(has_tcx, release);
    let lacks = |(name, status): &(&str, &str)| {
        let begin = format!("  {status:<8} {name:<18} ");
        (!said.lines().any(|line| line.starts_with(&begin))).then_some(begin)
    };
    if let Some(line) = expected.iter().find_map(lacks) {
        return Err(io::Error::other(format!("no line {line:?} in: {said}")));
    }
    if !has_tcx && !said.contains("sch_ingress") {
        return Err(io::Error::other(format!("no module is named: {said}")));
    }
    let [_, (_, tcx), (_, clsact), (_, xdp), _] = expected;
    Ok(format!("TCX {tcx}, clsact {clsact}, XDP {xdp}"))
}

/// How each line stands where the kernel has no module of its own.
fn expected(has_tcx: bool, release: (u32, u32)) -> [(&'static str, &'static str); 5] {
    let (tcx, clsact) = if has_tcx {
        ("pass", "limited")
    } else {
        ("missing", "missing")
    };
    // Before 5.18 a mirror port is for TC.
    let xdp = if release >= XDP_SINCE {
        "pass"
    } else {
        "missing"
    };
    [
        ("ring buffer", "pass"),
        ("TC by TCX", tcx),
        ("TC by clsact", clsact),
        ("XDP", xdp),
        ("packet sockets", "pass"),
    ]
}
