//! The compiler of the static binaries, and Rust's standard library for their machines.
//!
//! What is here is taken: a compiler with the library's sources, or with the library ready-made for the target (rustup). Of
//! Debian's compilers neither is installed with them, but the sources are a package; it is unpacked beside the workspace,
//! where a sysroot of links makes one of both. Nothing is installed.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{packages, target::Target};
use crate::{
    apt,
    process::{announce, output_of},
    toolchain::{Compiler, CoreLibrary, RUSTC_MIN, Version},
    workspace::Workspace,
};

/// Debian's compiler, and the package of its library's sources, which must be of the same release.
const DEBIAN: [(&str, &str); 2] = [("rustc-web", "rust-web-src"), ("rustc", "rust-src")];

/// Where Debian's compiler and its library are.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_RUSTLIB: &str = "/usr/lib/rustlib";

/// Finds a compiler that can make the standard library for the target or has it, or says what to install.
pub(super) fn find(workspace: &Workspace, target: &Target) -> Result<Compiler> {
    if let Some(compiler) = Compiler::find(target.triple) {
        return Ok(compiler);
    }
    match of_debian(workspace) {
        Ok(compiler) => Ok(compiler),
        Err(reason) => bail!(
            "no compiler here has Rust's library for {} or its sources ({reason:#}). Install one of:\n  \
             with rustup:             rustup component add rust-src\n  \
             with rustup, where it has the target: rustup target add {}\n  \
             on Debian 12/13 as root: apt-get install rustc-web cargo-web",
            target.triple,
            target.triple
        ),
    }
}

/// Debian's compiler with its library's sources beside it.
fn of_debian(workspace: &Workspace) -> Result<Compiler> {
    let version = output_of(Command::new(DEBIAN_RUSTC).arg("--version"));
    let version = version.and_then(|text| Version::find(&text));
    if version.is_none_or(|version| version < RUSTC_MIN) {
        bail!("Debian's compiler is not installed, or older than {RUSTC_MIN}");
    }
    let installed = DEBIAN
        .into_iter()
        .find(|(compiler, _)| apt::missing(&[compiler]).is_empty());
    let (compiler, sources) =
        installed.with_context(|| format!("{DEBIAN_RUSTC} is not of a package"))?;
    let release =
        apt::version_of(compiler).with_context(|| format!("{compiler} has no version"))?;
    let home = packages::home(workspace).join(format!("{sources}-{release}"));
    let rustc = home.join("rustc");
    if !rustc.is_file() {
        announce(&format!(
            "fetching the sources of Rust's library ({sources} {release})"
        ));
        let unpacked = home.join("unpacked");
        packages::unpack(workspace, &format!("{sources}={release}"), &unpacked)?;
        sysroot(&home, &unpacked)?;
        wrapper(&rustc, &home)?;
    }
    Ok(Compiler {
        cargo: PathBuf::from("/usr/bin/cargo"),
        rustc,
        core: CoreLibrary::Sources,
    })
}

/// A sysroot of links: all that Debian's compiler has, and the sources.
fn sysroot(home: &Path, unpacked: &Path) -> Result<()> {
    let rustlib = home.join("lib/rustlib");
    if rustlib.exists() {
        fs::remove_dir_all(&rustlib)?;
    }
    fs::create_dir_all(rustlib.join("src"))?;
    for entry in fs::read_dir(DEBIAN_RUSTLIB)? {
        let entry = entry?;
        if entry.file_name() != "src" {
            symlink(entry.path(), rustlib.join(entry.file_name()))?;
        }
    }
    let sources = fs::canonicalize(unpacked.join("usr/lib/rustlib/src/rust"))
        .context("the package has no sources where they are expected")?;
    Ok(symlink(sources, rustlib.join("src/rust"))?)
}

/// The compiler with that sysroot, as a program: cargo asks the compiler for its sysroot.
fn wrapper(rustc: &Path, sysroot: &Path) -> Result<()> {
    let script = format!(
        "#!/bin/sh\nexec {DEBIAN_RUSTC} --sysroot '{}' \"$@\"\n",
        sysroot.display()
    );
    fs::write(rustc, script)?;
    Ok(fs::set_permissions(
        rustc,
        fs::Permissions::from_mode(0o755),
    )?)
}
