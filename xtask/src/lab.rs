//! `lab`: the NAT lab alone, with the peers and the kernel toolchain that it needs.

mod real_alg;

use anyhow::Result;

use crate::{
    build, setup, test,
    workspace::{Features, Profile, Workspace},
};

/// Runs the tests that build a router with real peers in network namespaces (as root).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Runs Debian's own helper for RTSP in a guest instead, and compares what is judged of it; takes minutes.
    #[arg(long, conflicts_with = "args")]
    real_alg: bool,
    /// What the test programs are given, such as a part of a test's name.
    #[arg(last = true)]
    args: Vec<String>,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.real_alg {
        return real_alg::main(workspace);
    }
    setup::peers::ensure()?;
    setup::kernel::ensure(workspace)?;
    let suite = test::lab_suite(workspace)?;
    build::program(workspace, Features::with_ebpf(true), Profile::Debug)?;
    test::run_suite(suite, &args.args)
}
