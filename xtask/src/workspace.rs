//! Where the workspace is, and cargo commands that work on it whatever directory the caller stands in.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::process::{output_of, quietly};

/// The checkout that this program was built from.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Directory of the workspace's Cargo.toml.
    pub(crate) root: PathBuf,
    /// Cargo's target directory for this run, wherever the caller's settings put it.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Takes the root from the place of this package, and the target directory from the place of this program.
    pub(crate) fn locate() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = package.parent().unwrap_or(package).to_owned();
        let target = env::current_exe()
            .ok()
            .and_then(|program| program.ancestors().nth(2).map(Path::to_owned))
            .unwrap_or_else(|| root.join("target"));
        Self { root, target }
    }

    /// Where `setup` installs tools of the workspace's own; the same for every target directory.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("target/tools")
    }

    /// The cargo that runs this program, started at the root of the workspace.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.arg(subcommand).current_dir(&self.root);
        cargo
    }

    /// The program as a build with this profile leaves it.
    pub(crate) fn program(&self, profile: Profile) -> PathBuf {
        self.target.join(profile.directory()).join("rtspscope")
    }
}

/// How a build is optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// For tests: quick to compile.
    Debug,
    /// For use.
    Release,
}

impl Profile {
    /// What cargo has to be told.
    pub(crate) fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Debug => &[],
            Self::Release => &["--release"],
        }
    }

    fn directory(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Release => "release",
        }
    }
}

/// Which optional parts of the program this machine can build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    /// The kernel programs.
    pub(crate) ebpf: bool,
    /// Filter expressions, by libpcap.
    pub(crate) pcap: bool,
}

impl Features {
    /// Takes libpcap where a program can be linked with it; `ebpf` is for the caller to know.
    pub(crate) fn with_ebpf(ebpf: bool) -> Self {
        let pcap = quietly(
            Command::new("cc").args(["-x", "c", "-o", "/dev/null", "-", "-lpcap"]),
            "int main(void){return 0;}",
        );
        Self { ebpf, pcap }
    }

    /// What cargo has to be told.
    pub(crate) fn flags(self) -> Vec<&'static str> {
        let mut flags = Vec::new();
        if !self.ebpf {
            flags.push("--no-default-features");
        }
        if self.pcap {
            flags.extend(["--features", "rtspscope/pcap"]);
        }
        flags
    }
}

/// The processor of this machine, as Rust names it (`x86_64`, `aarch64`, …).
pub(crate) fn machine() -> &'static str {
    env::consts::ARCH
}

/// Tells whether a program starts and succeeds when asked for its version.
pub(crate) fn has_program(name: &str) -> bool {
    output_of(Command::new(name).arg("--version")).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_become_cargo_flags() {
        let all = Features {
            ebpf: true,
            pcap: true,
        };
        let offline = Features {
            ebpf: false,
            pcap: false,
        };
        assert_eq!(all.flags(), ["--features", "rtspscope/pcap"]);
        assert_eq!(offline.flags(), ["--no-default-features"]);
    }

    #[test]
    fn the_root_holds_the_workspace_manifest() {
        let workspace = Workspace::locate();
        assert!(workspace.root.join("Cargo.toml").is_file());
        assert!(workspace.root.join("xtask/Cargo.toml").is_file());
    }
}
