//! `run`: builds the program and becomes it, so that paths, signals and exit status are as if it had been called.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    build,
    process::{announce, skipped},
    setup,
    workspace::{Features, Profile, Workspace},
};

/// Builds the program with optimisation and runs it with ARGS.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What rtspscope is given; paths are relative to the present directory.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    let ebpf = match setup::kernel::ensure(workspace) {
        Ok(()) => true,
        Err(lacking) => {
            announce(&format!("{lacking:#}"));
            skipped(
                "live capture by kernel programs",
                "saved captures can be read without it",
            );
            false
        }
    };
    build::program(workspace, Features::with_ebpf(ebpf), Profile::Release)?;
    let program = workspace.program(Profile::Release);
    let error = Command::new(&program).args(&args.args).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}
