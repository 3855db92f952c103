//! `build`: the program as it is used, optimised and with every part that this machine can build.

use anyhow::Result;

use crate::{
    process::{run, skipped},
    setup,
    workspace::{Features, Profile, Workspace},
};

/// Builds the program with optimisation, bringing the kernel toolchain first.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Leaves out the kernel programs: reads saved captures only, and needs no kernel toolchain.
    #[arg(long)]
    offline: bool,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    if !args.offline {
        setup::kernel::ensure(workspace)?;
    }
    program(
        workspace,
        Features::with_ebpf(!args.offline),
        Profile::Release,
    )?;
    eprintln!("{}", workspace.program(Profile::Release).display());
    Ok(())
}

/// Builds the program with these parts.
pub(crate) fn program(workspace: &Workspace, features: Features, profile: Profile) -> Result<()> {
    if !features.pcap {
        skipped(
            "filter expressions",
            "libpcap's development files are not installed",
        );
    }
    let mut cargo = workspace.cargo("build");
    run(cargo
        .args(["--package", "rtspscope"])
        .args(profile.flags())
        .args(features.flags()))
}

/// Builds one of the programs of the whole-program tests, for tests.
pub(crate) fn test_program(workspace: &Workspace, name: &str) -> Result<()> {
    let mut cargo = workspace.cargo("build");
    run(cargo.args(["--package", "rtspscope-tests", "--bin", name]))
}
