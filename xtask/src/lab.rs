//! `lab`: the NAT lab alone, with the peers and the kernel toolchain that it needs.

mod real_alg;
mod table;

use std::fs;

use anyhow::Result;

use crate::{
    build,
    process::announce,
    setup, test,
    workspace::{Features, Profile, Workspace},
};

/// Runs the tests that build a router with real peers in network namespaces (as root).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Runs Debian's own helper for RTSP in a guest instead, and compares what is judged of it; takes minutes.
    #[arg(long, conflicts_with = "passed_on")]
    real_alg: bool,
    /// Prints a table of all fault cases afterwards: what was expected of each, and what was reported.
    #[arg(long)]
    table: bool,
    /// What the test programs are given, such as a part of a test's name.
    #[arg(last = true)]
    passed_on: Vec<String>,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.real_alg {
        return real_alg::main(workspace);
    }
    setup::peers::ensure()?;
    setup::kernel::ensure(workspace)?;
    let mut suite = test::lab_suite(workspace)?;
    build::program(workspace, Features::with_ebpf(true), Profile::Debug)?;
    if !args.table {
        return test::run_suite(suite, &args.passed_on);
    }
    let lines = std::env::temp_dir().join(format!("rtspscope-cases-{}.tsv", std::process::id()));
    suite.env(table::VARIABLE, &lines);
    let outcome = test::run_suite(suite, &args.passed_on);
    let shown = table::read(&lines);
    // The next run has another name; nobody misses the lines.
    let _ = fs::remove_file(&lines);
    announce(&shown?);
    outcome
}
