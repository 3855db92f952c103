//! `setup`: brings what building and testing need, where it may, and says exactly what to install where it may not.
//!
//! Every step looks first and acts only on what is lacking, so that a second call takes a moment and no network.

pub(crate) mod kernel;
pub(crate) mod peers;

use anyhow::Result;

use crate::{
    apt,
    process::{announce, on_path},
    workspace::{Features, Workspace},
};

/// Brings the tools that builds and tests need.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Brings the peers and tools of the NAT lab too (as root; `test` does it by itself).
    #[arg(long)]
    lab: bool,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    kernel::ensure(workspace)?;
    announce("kernel programs: ready to build");
    libpcap()?;
    if args.lab {
        peers::ensure()?;
        announce("NAT lab: ready to run");
    }
    if on_path("cargo-deny").is_none() {
        announce("optional, for `cargo xtask lint`: cargo install --locked cargo-deny");
    }
    Ok(())
}

fn libpcap() -> Result<()> {
    if Features::with_ebpf(true).pcap {
        return Ok(());
    }
    if apt::may_install() {
        apt::update();
        return apt::install(&["libpcap-dev"]);
    }
    announce(
        "optional, for `--filter`: the development files of libpcap (Debian: libpcap-dev, Fedora: libpcap-devel)",
    );
    Ok(())
}
