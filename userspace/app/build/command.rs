//! The inner cargo: the same command and the same settings, whatever the cargo around it was told.

use std::{env, ffi::OsStr, process::Command};

use crate::toolchain::{CoreLibrary, Toolchain};

/// A cargo build of the kernel programs, shielded from the settings of the cargo that runs around it.
///
/// Wrappers (clippy), flags and profile settings of the outer build must not reach the kernel programs: the
/// verifier refuses what unusual settings emit. `machine` is the processor that will run them (`x86_64`, …).
pub(crate) fn cargo(toolchain: &Toolchain, target: &str, machine: &str) -> Command {
    let mut cargo = Command::new(&toolchain.compiler.cargo);
    for (name, _) in env::vars_os().filter(|(name, _)| leaks_into_inner_build(name)) {
        cargo.env_remove(name);
    }
    let flags = [
        format!("--cfg=bpf_target_arch=\"{machine}\""),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
    ];
    cargo
        .args([
            "build",
            "--package",
            "rtsp-ebpf",
            "--release",
            "--target",
            target,
        ])
        .env("RUSTC", &toolchain.compiler.rustc)
        // aya-ebpf uses inline assembly for BPF, which stable compilers keep behind a switch.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env(linker_variable(target), &toolchain.linker);
    if toolchain.compiler.core == CoreLibrary::Sources {
        cargo.args(["-Z", "build-std=core"]);
    }
    cargo
}

/// Tells whether a variable of the outer cargo would change how the inner one compiles.
fn leaks_into_inner_build(name: &OsStr) -> bool {
    const PREFIXES: [&str; 5] = [
        "CARGO_BUILD_",
        "CARGO_PROFILE_",
        "CARGO_TARGET_",
        "CARGO_UNSTABLE_",
        "RUSTC_",
    ];
    const NAMES: [&str; 6] = [
        "RUSTC",
        "RUSTDOC",
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_ENCODED_RUSTDOCFLAGS",
        "CLIPPY_ARGS",
    ];
    let name = name.to_string_lossy();
    NAMES.contains(&&*name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The variable that tells cargo which linker a target uses.
fn linker_variable(target: &str) -> String {
    format!(
        "CARGO_TARGET_{}_LINKER",
        target.to_uppercase().replace('-', "_")
    )
}
