//! Debian's package manager: which packages are here, and installing those that are not, where we may.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::process::{announce, is_root, on_path, output_of, run};

/// Tells whether packages can be installed without asking anyone.
pub(crate) fn may_install() -> bool {
    is_root() && on_path("apt-get").is_some()
}

/// Tells whether this machine keeps its packages with dpkg.
pub(crate) fn is_debian() -> bool {
    on_path("dpkg-query").is_some()
}

/// Those of `packages` that are not installed.
pub(crate) fn missing<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    // dpkg-query fails when one name is unknown to it, and still lists the others.
    let listing = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status} ${Package}\\n"])
        .args(packages)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    not_installed(packages, &listing)
}

fn not_installed<'a>(packages: &[&'a str], listing: &str) -> Vec<&'a str> {
    let installed: Vec<&str> = listing
        .lines()
        .filter_map(|line| line.strip_prefix("installed "))
        .collect();
    packages
        .iter()
        .copied()
        .filter(|package| !installed.contains(package))
        .collect()
}

/// The version of an installed package.
pub(crate) fn version_of(package: &str) -> Option<String> {
    let mut query = Command::new("dpkg-query");
    let version = output_of(query.args(["--show", "--showformat=${Version}", package]))?;
    (!version.is_empty()).then_some(version)
}

/// Tells whether the package lists know a package.
pub(crate) fn offers(package: &str) -> bool {
    output_of(Command::new("apt-cache").args(["show", "--no-all-versions", package])).is_some()
}

/// Fetches the package lists.
pub(crate) fn update() {
    announce("fetching Debian's package lists");
    if let Err(error) = run(&mut apt_get("update")) {
        announce(&format!("{error:#}; going on with the lists that are here"));
    }
}

/// What keeps the services of new packages from being started (Debian Policy §9.3.3.1), as long as it lives.
struct NoServices {
    /// Where it is ours to remove.
    policy: Option<&'static Path>,
}

impl NoServices {
    const PATH: &'static str = "/usr/sbin/policy-rc.d";

    fn begin() -> Self {
        let path = Path::new(Self::PATH);
        let ours = !path.exists() && fs::write(path, "#!/bin/sh\nexit 101\n").is_ok();
        if ours {
            // Where this fails the services start, and nothing else is lost.
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o755));
        }
        Self {
            policy: ours.then_some(path),
        }
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if let Some(path) = self.policy {
            let _ = fs::remove_file(path);
        }
    }
}

/// Installs packages, never removes one for their sake, and starts none of their services.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    announce(&format!("installing {}", packages.join(" ")));
    let _quiet = NoServices::begin();
    run(apt_get("install")
        .args(["--yes", "--no-install-recommends", "--no-remove"])
        .args(packages))
}

fn apt_get(subcommand: &str) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args([
            "-o",
            "DPkg::Lock::Timeout=300",
            "-o",
            "APT::Color=0",
            "--quiet",
            subcommand,
        ])
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::not_installed;

    #[test]
    fn a_package_with_only_its_settings_left_is_not_installed() {
        let listing = "installed jq\nconfig-files tmux\n";
        assert_eq!(
            not_installed(&["jq", "tmux", "tshark"], listing),
            ["tmux", "tshark"]
        );
    }
}
