//! Compiles the kernel programs and leaves them at `$OUT_DIR/rtsp-ebpf.gz`, for the program to embed: a fifth of their size.
//!
//! The inner cargo works in a target directory of its own (cargo would wait for its own lock otherwise), which debug
//! and release builds share: the kernel programs are the same in both. Without the `ebpf` feature nothing happens.

#![allow(
    clippy::print_stderr,
    reason = "cargo shows what a failed build script says there"
)]

#[path = "build/command.rs"]
mod command;
#[path = "build/toolchain.rs"]
mod toolchain;

use std::{
    env,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use toolchain::{Toolchain, bpf_machine, bpf_target};

fn main() {
    if env::var_os("CARGO_FEATURE_EBPF").is_none() {
        println!("cargo::rerun-if-changed=build.rs");
        return;
    }
    if let Err(reason) = build_kernel_programs() {
        println!("cargo::error={reason}");
    }
}

fn build_kernel_programs() -> Result<(), String> {
    let manifest_dir = directory("CARGO_MANIFEST_DIR")?;
    let workspace = manifest_dir
        .ancestors()
        .nth(2)
        .ok_or("the package is not in its workspace")?;
    watch_sources(workspace);
    let big_endian = env::var("CARGO_CFG_TARGET_ENDIAN").is_ok_and(|endian| endian == "big");
    let target = bpf_target(big_endian);
    let machine = env::var("CARGO_CFG_TARGET_ARCH")
        .map_err(|error| format!("CARGO_CFG_TARGET_ARCH: {error}"))?;

    let toolchain = Toolchain::find(workspace, target).map_err(|lacking| {
        format!("the kernel programs cannot be compiled without {lacking}; run: cargo xtask setup")
    })?;
    let out_dir = directory("OUT_DIR")?;
    let target_dir = inner_target_dir(&out_dir);
    let output = command::cargo(&toolchain, target, bpf_machine(&machine))
        .arg("--target-dir")
        .arg(&target_dir)
        .current_dir(workspace)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            format!(
                "cannot start {}: {error}",
                toolchain.compiler.cargo.display()
            )
        })?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        eprintln!("the kernel programs do not compile ({})", output.status);
        std::process::exit(1);
    }
    let object = target_dir.join(target).join("release/rtsp-ebpf");
    let embedded = out_dir.join("rtsp-ebpf");
    fs::copy(&object, &embedded)
        .map_err(|error| format!("cannot copy {}: {error}", object.display()))?;
    strip_debug_sections(&embedded);
    pack(&embedded, &out_dir.join("rtsp-ebpf.gz"))
        .map_err(|error| format!("cannot pack {}: {error}", embedded.display()))
}

/// Packs the object; the same object gives the same bytes.
fn pack(object: &Path, packed: &Path) -> io::Result<()> {
    let mut encoder = GzEncoder::new(File::create(packed)?, Compression::best());
    encoder.write_all(&fs::read(object)?)?;
    encoder.finish().map(drop)
}

/// Drops DWARF, which the kernel does not read, and keeps BTF, which names lines in the verifier's log.
///
/// Makes the object five times smaller. Where LLVM's strip is not installed, the object works as it is.
fn strip_debug_sections(object: &Path) {
    let _stripped = ["llvm-strip-22", "llvm-strip"].iter().any(|strip| {
        Command::new(strip)
            .arg("--strip-debug")
            .arg(object)
            .output()
            .is_ok_and(|output| output.status.success())
    });
}

/// Names everything whose change asks for a new build of the kernel programs.
fn watch_sources(workspace: &Path) {
    let watched = [
        "userspace/app/build.rs",
        "userspace/app/build",
        "rtsp-ebpf",
        "rtsp-ebpf-common",
        "Cargo.toml",
        "Cargo.lock",
        "target/tools/bin/bpf-linker",
    ];
    for path in watched
        .map(|path| workspace.join(path))
        .iter()
        .filter(|path| path.exists())
    {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// A directory beside the profile directories of the outer build: `OUT_DIR` is `…/debug/build/rtspscope-HASH/out`.
fn inner_target_dir(out_dir: &Path) -> PathBuf {
    out_dir.ancestors().nth(4).unwrap_or(out_dir).join("ebpf")
}

fn directory(variable: &str) -> Result<PathBuf, String> {
    env::var_os(variable)
        .map(PathBuf::from)
        .ok_or_else(|| format!("cargo did not set {variable}"))
}
