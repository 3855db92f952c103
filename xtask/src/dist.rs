//! `dist`: static binaries of the program for routers and servers, each tried on captures, and packages of them.

mod binary;
mod check;
mod compiler;
mod embedded;
mod emulator;
mod packages;
mod table;
mod target;
mod zig;

use anyhow::{Result, bail};

use crate::{package, process::announce, setup, workspace::Workspace};
pub(crate) use binary::path as binary_of;
use check::Checks;
pub(crate) use emulator::Runner;
use table::Row;
pub(crate) use target::{TARGETS, Target};
use zig::Zig;

/// Builds static binaries for routers: `x86_64`, aarch64, armv7, mipsel, mips and riscv64.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Builds for these only, by short name or Rust's triple; may be given several times.
    #[arg(long, value_name = "T", value_delimiter = ',', value_parser = Target::find)]
    target: Vec<&'static Target>,
    /// Runs each on captures, by qemu-user where it is of another machine, and holds its reports against those of a native
    /// build, byte for byte.
    #[arg(long)]
    check: bool,
    /// Makes packages of them: Debian's, OpenWrt's, and plain archives, in target/packages.
    #[arg(long)]
    packages: bool,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    setup::kernel::ensure(workspace)?;
    let zig = Zig::ensure(workspace)?;
    let targets: Vec<&Target> = if args.target.is_empty() {
        TARGETS.iter().collect()
    } else {
        args.target.clone()
    };
    let checks = args.check.then(|| Checks::prepare(workspace)).transpose()?;
    let mut rows = Vec::new();
    for target in targets {
        let binary = binary::build(workspace, &zig, target)?;
        embedded::check(&binary)?;
        announce(&binary.display().to_string());
        let runner = Runner::find(workspace, target);
        let outcome = match (&checks, &runner) {
            (Some(checks), Ok(runner)) => Some(checks.run(runner, &binary)),
            (Some(_), Err(lacking)) => Some(Err(anyhow::anyhow!("{lacking:#}"))),
            (None, _) => None,
        };
        rows.push(Row::new(target, &binary, runner.ok().as_ref(), outcome)?);
        if args.packages {
            package::of_target(workspace, target, &binary)?;
        }
    }
    eprint!("{}", table::render(&rows));
    if rows.iter().any(Row::failed) {
        bail!("some binaries failed");
    }
    Ok(())
}
