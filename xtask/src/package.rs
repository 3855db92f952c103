//! `package`: packages of a program that is there already; `dist --packages` makes them of each of its own.
//!
//! Manual page and completions are asked of the program that is packed, so that they tell what that one can.

mod debian;
mod openwrt;
mod tree;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

use crate::{
    dist::{Runner, Target},
    docs,
    process::{announce, output_of},
    workspace::Workspace,
};

/// What package managers are told of it.
const MAINTAINER: &str = "The rtspscope authors";
const SUMMARY: &str = "tells why an RTSP camera shows no picture through a router";
const DESCRIPTION: &str = concat!(
    " Reads packets on both sides of a router, live through eBPF or from saved\n",
    " captures, and says what NAT or an RTSP helper changed, which media never\n",
    " arrived, which frames prove it, and what to do about it.\n",
);

/// Makes packages of a program: Debian's, OpenWrt's for opkg, and a plain archive for OpenWrt.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The program.
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// What it was built for, by short name or Rust's triple; this machine if not said.
    #[arg(long, value_name = "T", value_parser = Target::find)]
    target: Option<&'static Target>,
    /// Where to put them; target/packages if not said.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// What is the same in all packages.
#[derive(Debug)]
struct About {
    version: &'static str,
    /// The moment of all files, in seconds since 1970: that of the last commit.
    at: u64,
    changes: String,
    mit: String,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    let target = args.target.or_else(Target::of_this_machine);
    let target = target.context("say for what the program was built: --target")?;
    let output = args.output.clone().unwrap_or_else(|| packages(workspace));
    make(workspace, target, &args.program, &output)
}

/// The packages of a static binary, where they are looked for.
pub(crate) fn of_target(workspace: &Workspace, target: &Target, program: &Path) -> Result<()> {
    make(workspace, target, program, &packages(workspace))
}

fn packages(workspace: &Workspace) -> PathBuf {
    workspace.target.join("packages")
}

fn make(workspace: &Workspace, target: &Target, program: &Path, output: &Path) -> Result<()> {
    let about = About::of(workspace)?;
    let contents =
        fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let version = about.version;
    fs::create_dir_all(output).with_context(|| format!("cannot make {}", output.display()))?;
    let write = |name: String, package: Vec<u8>| -> Result<()> {
        let path = output.join(name);
        fs::write(&path, package).with_context(|| format!("cannot write {}", path.display()))?;
        announce(&path.display().to_string());
        Ok(())
    };
    if let Some(architecture) = target.debian {
        let runner = Runner::find(workspace, target)?;
        let printed = docs::printed(|| runner.command(program))?;
        let package = debian::package(&about, architecture, &contents, &printed)?;
        write(format!("rtspscope_{version}_{architecture}.deb"), package)?;
    }
    for architecture in target.openwrt {
        let package = openwrt::package(&about, architecture, &contents)?;
        write(
            format!("rtspscope_{version}-r1_{architecture}.ipk"),
            package,
        )?;
    }
    let archive = openwrt::archive(&about, &contents)?;
    write(
        format!("rtspscope-{version}-openwrt-{}.tar.gz", target.name),
        archive,
    )
}

impl About {
    fn of(workspace: &Workspace) -> Result<Self> {
        let read = |name: &str| {
            let path = workspace.root.join(name);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let mut git = Command::new("git");
        let committed =
            output_of(
                git.current_dir(&workspace.root)
                    .args(["log", "-1", "--format=%ct"]),
            );
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            at: committed
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(0),
            changes: read("CHANGELOG.md")?,
            mit: read("LICENSE-MIT")?,
        })
    }
}
