//! `lint`: what a change has to pass before anyone reads it.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{
    process::{announce, describe, on_path, run, skipped},
    toolchain::{Toolchain, bpf_machine, bpf_target},
    workspace::{Features, Workspace, machine},
};

/// Checks format, clippy with warnings as errors, and the licences and sources of dependencies.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Lets cargo-deny fetch the database of security advisories.
    #[arg(long)]
    advisories: bool,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    let mut checks = vec![format_check(workspace)];
    match Toolchain::find(&workspace.root, bpf_target(cfg!(target_endian = "big"))) {
        Ok(_) => checks.push(clippy(
            workspace,
            &["--workspace", "--exclude", "rtsp-ebpf"],
            Features::with_ebpf(true),
        )),
        Err(lacking) => skipped(
            "lints of live capture",
            &format!("lacking {lacking}; run: cargo xtask setup"),
        ),
    }
    checks.push(clippy(
        workspace,
        &["--package", "rtspscope"],
        Features {
            ebpf: false,
            pcap: false,
        },
    ));
    checks.push(clippy_of_kernel_programs(workspace));
    if on_path("cargo-deny").is_some() {
        checks.push(deny(workspace, args.advisories));
    } else {
        skipped(
            "licences and sources of dependencies",
            "run: cargo install --locked cargo-deny",
        );
    }
    run_all(checks)
}

/// Runs every check, so that one call shows all that is wrong.
fn run_all(checks: Vec<Command>) -> Result<()> {
    let mut failed = Vec::new();
    for mut check in checks {
        announce(&describe(&check));
        if let Err(error) = run(&mut check) {
            failed.push(format!("{error:#}"));
        }
    }
    if !failed.is_empty() {
        bail!("lint failed:\n  {}", failed.join("\n  "));
    }
    announce("lint: ok");
    Ok(())
}

fn format_check(workspace: &Workspace) -> Command {
    let mut cargo = workspace.cargo("fmt");
    cargo.args(["--all", "--check"]);
    cargo
}

fn clippy(workspace: &Workspace, selection: &[&str], features: Features) -> Command {
    let mut cargo = workspace.cargo("clippy");
    cargo
        .args(selection)
        .arg("--all-targets")
        .args(features.flags())
        .args(["--", "-D", "warnings"]);
    cargo
}

/// Lints the kernel programs as code of this machine, which needs no `core` for BPF.
fn clippy_of_kernel_programs(workspace: &Workspace) -> Command {
    let flags = [
        "-Cpanic=abort".to_owned(),
        format!("--cfg=bpf_target_arch=\"{}\"", bpf_machine(machine())),
    ];
    let mut cargo = workspace.cargo("clippy");
    cargo
        .args(["--package", "rtsp-ebpf", "--release", "--target-dir"])
        .arg(workspace.target.join("ebpf-lint"))
        .args(["--", "-D", "warnings"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    cargo
}

/// Advisories come from a database on the network, so they are looked up only when asked for.
fn deny(workspace: &Workspace, advisories: bool) -> Command {
    let mut cargo = workspace.cargo("deny");
    cargo.args(["check", "licenses", "bans", "sources"]);
    if advisories {
        cargo.arg("advisories");
    }
    cargo
}
