//! `bench kernel`: what a packet costs in the kernel programs, as ratios to an empty program in the same run.
//!
//! The kernel itself times its programs on made packets (`BPF_PROG_TEST_RUN`). The measurement stands beside the tests
//! of the loader, because it needs the loaded programs; this command runs it there.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    process::{is_root, run},
    setup,
    workspace::{Features, Workspace},
};

/// Times the kernel programs on packets of no interest, media and control text (as root).
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn main(workspace: &Workspace) -> Result<()> {
    if !is_root() {
        bail!("loading kernel programs needs root: run it as root");
    }
    setup::kernel::ensure(workspace)?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(&workspace.root)
        .args(["test", "--quiet", "--package", "rtspscope"])
        .args(Features::with_ebpf(true).flags())
        .args(["cost_of_a_packet", "--", "--ignored", "--nocapture"]);
    run(&mut cargo)
}
