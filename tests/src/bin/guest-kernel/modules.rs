//! Without the modules that TC programs need, the program says in one line which, and leaves nothing behind.

use std::fs;
use std::io;
use std::process::{Command, Output};

use rtspscope_tests::cable::{Cable, End, INTERFACE};
use rtspscope_tests::program;

use super::run;
use super::traces::Traces;

/// The program that the kernel calls for a module; with an empty name it calls none.
const MODPROBE: &str = "/proc/sys/kernel/modprobe";

/// The modules of the clsact qdisc and of its BPF filter, in the order in which they are missed.
const NEEDED: [&str; 2] = ["sch_ingress", "cls_bpf"];

/// Keeps the kernel from loading modules by itself while it lives.
pub(crate) struct NoModules(String);

impl NoModules {
    pub(crate) fn new() -> io::Result<Self> {
        let helper = fs::read_to_string(MODPROBE)?;
        fs::write(MODPROBE, "\n")?;
        Ok(Self(helper))
    }
}

impl Drop for NoModules {
    fn drop(&mut self) {
        // The questions that follow would say that modules are missing.
        let _ = fs::write(MODPROBE, &self.0);
    }
}

/// Takes the modules away, and gives them back one by one.
pub(crate) fn without(cable: &Cable, has_tcx: bool) -> io::Result<String> {
    let loaded = fs::read_to_string("/proc/modules")?;
    if NEEDED.iter().any(|module| loaded.contains(module)) {
        return Err(io::Error::other("the modules are loaded already"));
    }
    let without = NoModules::new()?;
    let helper = without.0.trim();
    let before = Traces::of(cable)?;
    if has_tcx {
        let output = watch(cable, "auto")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(io::Error::other(said));
        }
    }
    for module in NEEDED {
        refused(&watch(cable, "clsact")?, module)?;
        before.still_hold(cable)?;
        run(&[helper, module])?;
    }
    Ok(if has_tcx {
        "named; TCX needs none".to_owned()
    } else {
        "named".to_owned()
    })
}

/// A short run of the program at the near end.
fn watch(cable: &Cable, hook: &str) -> io::Result<Output> {
    let binary = program::binary()?.to_string_lossy();
    let [ip, prefix @ ..] = cable.end(End::Near).exec_prefix();
    let words = [
        "watch",
        "--backend",
        "ebpf",
        "--lan",
        INTERFACE,
        "--no-tui",
        "--duration",
        "1s",
        "--hook",
        hook,
    ];
    Command::new(ip)
        .args(prefix)
        .arg(&*binary)
        .args(words)
        .output()
}

/// Checks that a run ended with one line that names the module.
fn refused(output: &Output, module: &str) -> io::Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = said.lines().count();
    if output.status.code() == Some(2) && lines == 1 && said.contains(module) {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "without {module}: {}, {lines} lines: {said}",
        output.status
    )))
}
