//! One static binary: the command that makes it, and where it is.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::{compiler, target::Target, zig::Zig};
use crate::{
    process::{announce, output_of, run},
    toolchain::{Compiler, CoreLibrary},
    workspace::Workspace,
};

/// Cargo's profile: small before quick.
const PROFILE: &str = "dist";

/// The parts of the program that a router needs. Packed captures are read where there is room to spare, and tcpdump
/// expressions need a library that no router has.
pub(super) const FEATURES: &str = "ebpf";

/// Where the binary of a target is once it is made.
pub(crate) fn path(workspace: &Workspace, target: &Target) -> PathBuf {
    workspace
        .target
        .join(target.triple)
        .join(PROFILE)
        .join("rtspscope")
}

/// Makes it.
pub(super) fn build(workspace: &Workspace, zig: &Zig, target: &Target) -> Result<PathBuf> {
    let compiler = compiler::find(workspace, target)?;
    announce(&format!("building for {}", target.triple));
    let mut command = zig.command();
    command
        .current_dir(&workspace.root)
        .args(["--package", "rtspscope", "--profile", PROFILE])
        .args(["--no-default-features", "--features", FEATURES])
        .args(["--target", target.triple, "--target-dir"])
        .arg(&workspace.target)
        .env("CARGO", &compiler.cargo)
        .env("RUSTC", &compiler.rustc)
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            flags(workspace, target, &compiler).join("\x1f"),
        )
        .env_remove("RUSTFLAGS");
    if compiler.core == CoreLibrary::Sources {
        command
            .args(["-Z", "build-std=std,panic_abort"])
            // Of the library's own features: small code, and no reader of DWARF, which a stripped binary does not have.
            .args(["-Z", "build-std-features=optimize_for_size"])
            // A stable compiler is asked for what only the building of its own library needs.
            .env("RUSTC_BOOTSTRAP", "1");
    }
    run(&mut command)?;
    Ok(path(workspace, target))
}

fn flags(workspace: &Workspace, target: &Target, compiler: &Compiler) -> Vec<String> {
    // A panic ends the program: nothing is unwound, and the tables for it are an eighth of a binary.
    let mut flags = ["-Ctarget-feature=+crt-static", "-Cforce-unwind-tables=no"]
        .map(str::to_owned)
        .to_vec();
    if compiler.core == CoreLibrary::Sources {
        // The C library and the objects that begin a program are Zig's: sources bring none.
        flags.push("-Clink-self-contained=no".to_owned());
    }
    flags.extend(target.flags.iter().map(|&flag| flag.to_owned()));
    flags.extend(without_paths(workspace, compiler));
    flags
}

/// Panics name source files; which directory of which machine those were in is nobody's business.
fn without_paths(workspace: &Workspace, compiler: &Compiler) -> Vec<String> {
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let sysroot =
        output_of(std::process::Command::new(&compiler.rustc).args(["--print", "sysroot"]));
    let sysroot = sysroot.map(|path| PathBuf::from(path.trim()));
    let places = [cargo_home.as_deref(), sysroot.as_deref()];
    let mut flags = vec![remap(&workspace.root, "rtspscope")];
    flags.extend(
        places
            .into_iter()
            .flatten()
            .zip(["cargo", "rust"])
            .map(|(from, to)| remap(from, to)),
    );
    flags
}
