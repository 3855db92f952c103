//! `lab`: the NAT lab alone, with the peers and the kernel toolchain that it needs.

use anyhow::Result;

use crate::{
    build, setup, test,
    workspace::{Features, Profile, Workspace},
};

/// Runs the tests that build a router with real peers in network namespaces (as root).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the test programs are given, such as a part of a test's name.
    #[arg(last = true)]
    args: Vec<String>,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    setup::peers::ensure()?;
    setup::kernel::ensure(workspace)?;
    let suite = test::lab_suite(workspace)?;
    build::program(workspace, Features::with_ebpf(true), Profile::Debug)?;
    test::run_suite(suite, &args.args)
}
