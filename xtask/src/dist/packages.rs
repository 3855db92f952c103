//! Debian's packages as a source of tools and sources: downloaded by apt and unpacked beside the workspace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{
    apt,
    process::{on_path, run},
    workspace::Workspace,
};

/// Where tools that only `dist` needs are kept; the same for every target directory.
pub(super) fn home(workspace: &Workspace) -> PathBuf {
    workspace.tools().join("dist")
}

/// Downloads a package (`name` or `name=version`) of this machine's own sources and unpacks it; no root needed.
pub(super) fn unpack(workspace: &Workspace, package: &str, into: &Path) -> Result<()> {
    if !apt::is_debian() || on_path("apt-get").is_none() {
        bail!("{package} is a package of Debian, which this machine does not run");
    }
    let downloads = home(workspace).join("downloads");
    for directory in [&downloads, into] {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
        fs::create_dir_all(directory)?;
    }
    let download = || {
        run(Command::new("apt-get").current_dir(&downloads).args([
            "-o",
            "APT::Sandbox::User=root",
            "--quiet",
            "download",
            package,
        ]))
    };
    if let Err(error) = download() {
        // The lists may be old or not there at all.
        if !apt::may_install() {
            return Err(error);
        }
        apt::update();
        download()?;
    }
    for file in fs::read_dir(&downloads)? {
        run(Command::new("dpkg").arg("-x").arg(file?.path()).arg(into))?;
    }
    Ok(fs::remove_dir_all(&downloads)?)
}
