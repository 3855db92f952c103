//! `lab --real-alg`: the router's helper is Debian's `nat-rtsp`, in the kernel that it was written for.
//!
//! The helper is a kernel module outside the kernel's own source; it is compiled against the headers of Debian's kernel
//! and loaded in a guest. The links there are emulated network cards, because the helper reads only the linear part of
//! a packet and so does nothing on cables made by software.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    apt, build,
    guest::{
        self, Guest,
        debian::{Kernel, Suite},
    },
    process::{announce, run},
    setup,
    workspace::{Features, Profile, Workspace},
};

/// Debian's release, whose kernel the package of the helper still compiles for.
const SUITE: &str = "bookworm";

/// The package of the helper's source.
const HELPER: &str = "nat-rtsp-dkms";

/// Its modules, in the order in which they are loaded.
const MODULES: [&str; 2] = ["nf_conntrack_rtsp.ko", "nf_nat_rtsp.ko"];

/// The compiler that Debian's kernel of that release asks for.
const COMPILER: [&str; 2] = ["gcc-12", "make"];

/// The programs that take part.
const PROGRAMS: [&str; 3] = ["guest-alg", "lab-camera", "lab-client"];

/// The hardware addresses of the guest's network cards and the wires that they are on: the two hosts of the home
/// network and the router's LAN side, then the router's WAN side and the host on the internet.
const CARDS: [(&str, u32); 5] = [
    ("52:54:00:1a:00:01", 0),
    ("52:54:00:1a:00:02", 0),
    ("52:54:00:1a:00:03", 0),
    ("52:54:00:1a:00:04", 1),
    ("52:54:00:1a:00:05", 1),
];

/// Longest time for the guest.
const LIMIT: Duration = Duration::from_mins(30);

pub(super) fn main(workspace: &Workspace) -> Result<()> {
    guest::ensure()?;
    setup::peers::ensure()?;
    setup::kernel::ensure(workspace)?;
    let missing = apt::missing(&COMPILER);
    if !missing.is_empty() && apt::may_install() {
        apt::install(&missing)?;
    }
    build::program(workspace, Features::with_ebpf(true), Profile::Debug)?;
    for program in PROGRAMS {
        build::test_program(workspace, program)?;
    }
    let suite = Suite::new(workspace, SUITE);
    let kernel = suite.kernel(false)?;
    let modules = helper(&suite, &kernel)?;
    let out = guest::results(workspace, "real-alg")?;
    for file in modules.into_iter().chain(built(workspace)) {
        let name = file.file_name().context("a file has a name")?;
        fs::copy(&file, out.join(name))
            .with_context(|| format!("cannot copy {}", file.display()))?;
    }
    guest::announce_start(&kernel, "the real helper");
    let guest = Guest {
        kernel: &kernel,
        out: &out,
        payload: &payload(),
        devices: &devices(),
        limit: LIMIT,
    };
    guest.run()?;
    judge(workspace, &out)
}

fn built(workspace: &Workspace) -> impl Iterator<Item = PathBuf> {
    let program = workspace.program(Profile::Debug);
    let others = PROGRAMS.map(|name| program.with_file_name(name));
    std::iter::once(program).chain(others)
}

fn judge(workspace: &Workspace, out: &Path) -> Result<()> {
    if !fs::read_to_string(out.join("console.log")).is_ok_and(|console| console.contains(PLAYED)) {
        bail!(
            "the cases were not played to the end; the guest's console: {}",
            out.join("console.log").display()
        );
    }
    let judge = workspace
        .program(Profile::Debug)
        .with_file_name("guest-alg");
    run(Command::new(judge)
        .arg("judge")
        .arg(out)
        .env("RTSPSCOPE_BIN", workspace.program(Profile::Debug)))
}

/// What the guest says when all cases were played.
const PLAYED: &str = "all cases played";

fn payload() -> String {
    let cards = CARDS.map(|(address, _)| address).join(" ");
    let load = MODULES
        .map(|module| format!("insmod /run/out/{module}\n"))
        .concat();
    format!(
        "/run/modprobe -a e1000 nf_nat nf_conntrack_netlink\n{load}export RTSPSCOPE_BIN=/run/out/rtspscope\n\
         /run/out/guest-alg play /run/out {cards} && echo {PLAYED}"
    )
}

/// Cards of a kind whose driver hands over linear packets, each on its wire.
fn devices() -> Vec<String> {
    let cards = CARDS.iter().enumerate();
    cards
        .flat_map(|(place, (address, wire))| {
            [
                "-netdev".to_owned(),
                format!("hubport,id=card{place},hubid={wire}"),
                "-device".to_owned(),
                format!("e1000,netdev=card{place},mac={address}"),
            ]
        })
        .collect()
}

/// The compiled modules of the helper; made once for a kernel.
fn helper(suite: &Suite, kernel: &Kernel) -> Result<Vec<PathBuf>> {
    let home = suite.home().join("helper");
    let source = home.join("source").join(&kernel.release);
    let modules: Vec<PathBuf> = MODULES.iter().map(|module| source.join(module)).collect();
    if modules.iter().all(|module| module.is_file()) {
        return Ok(modules);
    }
    let headers = format!("linux-headers-{}", kernel.release);
    announce(&format!("compiling {HELPER} for Linux {}", kernel.release));
    suite.update()?;
    let needed = suite.depends(&headers)?;
    let needed = needed
        .into_iter()
        .filter(|package| package.ends_with("-common") || package.starts_with("linux-kbuild-"));
    let packages: Vec<String> = [HELPER.to_owned(), headers.clone()]
        .into_iter()
        .chain(needed)
        .collect();
    let root = home.join("root");
    suite.unpack(&packages, &root)?;
    let build = relocated(&root, &headers)?;
    fs::create_dir_all(&source)?;
    for file in fs::read_dir(source_of_helper(&root)?)? {
        let file = file?;
        fs::copy(file.path(), source.join(file.file_name()))?;
    }
    run(Command::new("make")
        .arg("-C")
        .arg(&build)
        .arg(format!("M={}", source.display()))
        .arg("modules"))?;
    Ok(modules)
}

/// Makes unpacked headers find each other where they are, and returns the directory to build in.
fn relocated(root: &Path, headers: &str) -> Result<PathBuf> {
    let directory = root.join("usr/src").join(headers);
    let makefile = directory.join("Makefile");
    let text = fs::read_to_string(&makefile)
        .with_context(|| format!("{headers} came without {}", makefile.display()))?;
    if !text.contains(&*root.to_string_lossy()) {
        fs::write(
            &makefile,
            text.replace("/usr/src", &root.join("usr/src").to_string_lossy()),
        )?;
    }
    Ok(directory)
}

fn source_of_helper(root: &Path) -> Result<PathBuf> {
    let sources = fs::read_dir(root.join("usr/src"))?;
    let mut sources = sources.flatten().map(|entry| entry.path());
    let source = sources.find(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("nat-rtsp-"))
    });
    source.with_context(|| format!("{HELPER} came without its source"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_card_is_on_its_wire() {
        let devices = devices();
        assert_eq!(devices.len(), 20);
        assert_eq!(
            devices[12..16],
            [
                "-netdev",
                "hubport,id=card3,hubid=1",
                "-device",
                "e1000,netdev=card3,mac=52:54:00:1a:00:04"
            ]
        );
    }
}
