//! `bench live`: the program beside other tools on a cable as full as a sender can make it, and what a watched router
//! still forwards. The measurement stands with the NAT lab, whose namespaces it uses; this command runs it there.

use anyhow::{Result, bail};

use crate::{
    build,
    process::{is_root, run},
    setup,
    workspace::{Features, Profile, Workspace},
};

/// Floods made cables and routers with RTP and compares what each tool saw of it (as root).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn main(workspace: &Workspace) -> Result<()> {
    if !is_root() {
        bail!("network namespaces and kernel programs need root: run it as root");
    }
    setup::kernel::ensure(workspace)?;
    build::program(workspace, Features::with_ebpf(true), Profile::Release)?;
    run(workspace
        .cargo("run")
        .args(Profile::Release.flags())
        .args(["--quiet", "--package", "rtspscope-tests"])
        .args(["--bin", "bench-live"])
        .env("RTSPSCOPE_BIN", workspace.program(Profile::Release)))
}
