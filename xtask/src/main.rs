//! The workspace's habits as commands: `cargo xtask setup | build | run | test | lint | lab | kernels | bench | docs | dist |
//! package`.
//!
//! One file per subcommand. Progress goes to standard error, so that `cargo xtask run -- … > report.json` holds the
//! program's own output and nothing else.

#![allow(
    clippy::print_stderr,
    reason = "telling what is going on is what this program is for"
)]

mod apt;
mod bench;
mod build;
mod columns;
mod dist;
mod docs;
mod guest;
mod kernels;
mod lab;
mod lint;
mod package;
mod process;
mod run;
mod setup;
mod test;
mod workspace;

// The build script of `rtspscope` looks with the same eyes: what `setup` calls complete, the build accepts.
#[path = "../../userspace/app/build/command.rs"]
mod command;
#[path = "../../userspace/app/build/toolchain.rs"]
mod toolchain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Builds, runs and tests rtspscope, and brings the tools that this takes.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Setup(setup::Args),
    Build(build::Args),
    Run(run::Args),
    Test(test::Args),
    Lint(lint::Args),
    Lab(lab::Args),
    Kernels(kernels::Args),
    Bench(bench::Args),
    Docs(docs::Args),
    Dist(dist::Args),
    Package(package::Args),
}

fn main() -> ExitCode {
    let workspace = Workspace::locate();
    let done = match Cli::parse().command {
        Command::Setup(args) => setup::main(&workspace, &args),
        Command::Build(args) => build::main(&workspace, &args),
        Command::Run(args) => run::main(&workspace, &args),
        Command::Test(args) => test::main(&workspace, &args),
        Command::Lint(args) => lint::main(&workspace, &args),
        Command::Lab(args) => lab::main(&workspace, &args),
        Command::Kernels(args) => kernels::main(&workspace, &args),
        Command::Bench(args) => bench::main(&workspace, &args),
        Command::Docs(args) => docs::main(&workspace, &args),
        Command::Dist(args) => dist::main(&workspace, &args),
        Command::Package(args) => package::main(&workspace, &args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
