//! Zig as C compiler, C library and linker for every target, called by `cargo-zigbuild`.
//!
//! Both come as packages of Python. Where they are not on `PATH`, they are put in a virtual environment beside the
//! workspace.

use std::{env, ffi::OsString, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};

use super::packages;
use crate::{
    process::{announce, on_path, output_of, run},
    workspace::Workspace,
};

/// What was tried.
const PACKAGES: [&str; 2] = ["ziglang==0.17.1", "cargo-zigbuild==0.24.1"];

/// The tools, ready to be called.
#[derive(Debug)]
pub(super) struct Zig {
    /// `cargo-zigbuild`.
    zigbuild: PathBuf,
    /// Where it finds `zig` or a Python that has it.
    path: OsString,
    cache: PathBuf,
}

impl Zig {
    /// Finds both, or brings them.
    pub(super) fn ensure(workspace: &Workspace) -> Result<Self> {
        let home = packages::home(workspace);
        let cache = home.join("zig-cache");
        let path = env::var_os("PATH").unwrap_or_default();
        if let Some(zigbuild) = on_path("cargo-zigbuild").filter(|_| on_path("zig").is_some()) {
            return Ok(Self {
                zigbuild,
                path,
                cache,
            });
        }
        let python = home.join("python");
        let zigbuild = python.join("bin/cargo-zigbuild");
        if output_of(Command::new(&zigbuild).arg("--version")).is_none() {
            bring(&python)?;
        }
        let mut directories = vec![python.join("bin")];
        directories.extend(env::split_paths(&path));
        let path = env::join_paths(directories).context("PATH has a colon in a name")?;
        Ok(Self {
            zigbuild,
            path,
            cache,
        })
    }

    /// The beginning of a command.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.zigbuild);
        command
            .arg("zigbuild")
            .env("PATH", &self.path)
            .env("CARGO_ZIGBUILD_CACHE_DIR", self.cache.join("zigbuild"))
            .env("ZIG_GLOBAL_CACHE_DIR", self.cache.join("zig"));
        command
    }
}

fn bring(python: &PathBuf) -> Result<()> {
    announce(&format!("fetching {}", PACKAGES.join(" ")));
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(python)).and_then(|()| {
        let mut pip = Command::new(python.join("bin/pip"));
        run(pip
            .args(["install", "--quiet", "--disable-pip-version-check"])
            .args(PACKAGES))
    });
    if let Err(error) = made {
        bail!(
            "zig and cargo-zigbuild are needed and could not be fetched ({error:#}). Do one of:\n  \
             pipx install cargo-zigbuild && pipx inject cargo-zigbuild ziglang\n  \
             cargo install --locked cargo-zigbuild, and zig from your distribution\n  \
             on Debian: apt-get install python3-venv, then this again"
        );
    }
    Ok(())
}
