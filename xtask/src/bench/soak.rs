//! `bench soak`: sessions without an end, while the program must not grow. The players stand with the NAT lab; this command
//! runs them there.

use anyhow::{Result, bail};

use crate::{
    build,
    process::{is_root, run},
    setup,
    workspace::{Features, Profile, Workspace},
};

/// Lets clients come and go as fast as they can and watches what the program needs (as root).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long it plays.
    #[arg(long, default_value_t = 20)]
    minutes: u64,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    if !is_root() {
        bail!("network namespaces and kernel programs need root: run it as root");
    }
    setup::kernel::ensure(workspace)?;
    build::program(workspace, Features::with_ebpf(true), Profile::Release)?;
    run(workspace
        .cargo("build")
        .args(["--quiet", "--package", "rtspscope-tests", "--bins"]))?;
    run(workspace
        .cargo("run")
        .args(["--quiet", "--package", "rtspscope-tests", "--bin", "soak"])
        .arg(args.minutes.to_string())
        .env("RTSPSCOPE_BIN", workspace.program(Profile::Release)))
}
