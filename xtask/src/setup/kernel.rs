//! The toolchain of the kernel programs: `core` for BPF and `bpf-linker`.
//!
//! As root on Debian both come through apt: Debian's compiler carries `core` for BPF ready-made, and `bpf-linker` is
//! compiled against Debian's LLVM. Elsewhere rustup brings the library sources, and the linker is compiled where LLVM
//! is installed or fetched by cargo-binstall where that is. `RUSTUP_AUTO_INSTALL=0` keeps rustup from being asked.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Result, bail};

use crate::{
    apt,
    process::{announce, on_path, output_of, run},
    toolchain::{Compiler, LINKER_MIN, Toolchain, Version, bpf_target, find_linker},
    workspace::{Workspace, has_program},
};

/// The release of `bpf-linker` that is compiled when none is here.
const LINKER_VERSION: &str = "0.13.0";

/// LLVM releases that this `bpf-linker` can be compiled against, oldest first.
const LINKER_LLVM: [u32; 3] = [21, 22, 23];

/// Debian's compiler for its browsers: recent on every supported release, and it has `core` for BPF.
const DEBIAN_COMPILER: [&str; 3] = ["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"];

/// Brings the toolchain, or says what to install. Quick where everything is here.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    let target = bpf_target(cfg!(target_endian = "big"));
    if Toolchain::find(workspace.root.as_path(), target).is_ok() {
        return Ok(());
    }
    if apt::may_install() {
        apt::update();
    }
    // Both are tried before either is complained of: whoever has to install things wants the whole list.
    let compiler = Compiler::find(target).map_or_else(|| bring_compiler(target), Ok);
    let linker = match find_linker(&workspace.root) {
        Some(_) => Ok(()),
        None => bring_linker(workspace, compiler.as_ref().ok()),
    };
    let advice: Vec<String> = [compiler.err(), linker.err()]
        .into_iter()
        .flatten()
        .map(|error| format!("{error:#}"))
        .collect();
    if !advice.is_empty() {
        bail!("{}", advice.join("\n"));
    }
    match Toolchain::find(&workspace.root, target) {
        Ok(_) => Ok(()),
        Err(lacking) => bail!("still lacking after the installation: {lacking}"),
    }
}

fn bring_compiler(target: &str) -> Result<Compiler> {
    if apt::may_install()
        && DEBIAN_COMPILER.iter().all(|package| apt::offers(package))
        && let Err(error) = apt::install(&DEBIAN_COMPILER)
    {
        announce(&format!("{error:#}"));
    }
    if Compiler::find(target).is_none() && may_ask_rustup() {
        announce("adding the sources of Rust's library");
        if let Err(error) = run(Command::new("rustup").args(["component", "add", "rust-src"])) {
            announce(&format!("{error:#}"));
        }
    }
    let Some(compiler) = Compiler::find(target) else {
        bail!(
            "no Rust compiler here has `core` for BPF. Install one of:\n  \
             with rustup:             rustup component add rust-src\n  \
             on Debian 12/13 as root: apt-get install {}",
            DEBIAN_COMPILER.join(" ")
        );
    };
    Ok(compiler)
}

fn may_ask_rustup() -> bool {
    on_path("rustup").is_some()
        && env::var_os("RUSTUP_AUTO_INSTALL").is_none_or(|value| value != "0")
}

/// Installs `bpf-linker` under the workspace's own tools.
///
/// The linker reads the compiler's bitcode, so its LLVM must be at least as new as the compiler's.
fn bring_linker(workspace: &Workspace, compiler: Option<&Compiler>) -> Result<()> {
    let llvm = llvm_of(compiler);
    let serving = || {
        LINKER_LLVM
            .into_iter()
            .filter(move |&release| release >= llvm)
    };
    if serving().all(|release| llvm_prefix(release).is_none()) && apt::may_install() {
        let packages: Vec<String> = serving()
            .map(|release| format!("llvm-{release}-dev"))
            .collect();
        if let Some(package) = packages.iter().find(|package| apt::offers(package))
            && let Err(error) = apt::install(&[package])
        {
            announce(&format!("{error:#}"));
        }
    }
    if let Some((release, prefix)) =
        serving().find_map(|release| Some((release, llvm_prefix(release)?)))
    {
        return compile_linker(workspace, release, &prefix);
    }
    if has_program("cargo-binstall") {
        announce("fetching bpf-linker");
        let release = format!("bpf-linker@{LINKER_VERSION}");
        return run(workspace
            .cargo("binstall")
            .args(["--no-confirm", "--root"])
            .arg(workspace.tools())
            .arg(release));
    }
    let releases = serving()
        .map(|release| release.to_string())
        .collect::<Vec<_>>()
        .join(" or ");
    bail!(
        "bpf-linker {LINKER_MIN} or newer is needed, and LLVM {releases} to compile it. Do one of:\n  \
         with cargo-binstall:     cargo binstall bpf-linker\n  \
         on Debian 12/13 as root: apt-get install llvm-22-dev, then cargo xtask setup\n  \
         elsewhere:               install LLVM's development files (Fedora: llvm-devel, Arch: llvm), then cargo xtask setup"
    )
}

fn compile_linker(workspace: &Workspace, llvm: u32, prefix: &str) -> Result<()> {
    announce(&format!(
        "compiling bpf-linker {LINKER_VERSION} against LLVM {llvm} (about two minutes, once)"
    ));
    let mut cargo = workspace.cargo("install");
    cargo
        .args([
            "bpf-linker",
            "--version",
            LINKER_VERSION,
            "--locked",
            "--force",
            "--no-default-features",
        ])
        .args(["--features", &format!("llvm-{llvm}"), "--root"])
        .arg(workspace.tools())
        .env("LLVM_PREFIX", prefix)
        .env_remove("CARGO_TARGET_DIR");
    run(&mut cargo)
}

/// The LLVM release of the compiler, or of the one in use while none serves; the oldest where it does not say.
fn llvm_of(compiler: Option<&Compiler>) -> u32 {
    let rustc = compiler.map_or_else(|| PathBuf::from("rustc"), |compiler| compiler.rustc.clone());
    output_of(Command::new(rustc).arg("-vV"))
        .and_then(|text| llvm_release(&text))
        .unwrap_or(LINKER_LLVM[0])
}

fn llvm_release(verbose_version: &str) -> Option<u32> {
    let line = verbose_version
        .lines()
        .find_map(|line| line.strip_prefix("LLVM version:"))?;
    Version::find(line).map(|version| version.0)
}

/// Where an LLVM release with its development files is installed.
fn llvm_prefix(release: u32) -> Option<String> {
    let names = [
        PathBuf::from(format!("llvm-config-{release}")),
        PathBuf::from(format!("/usr/lib/llvm-{release}/bin/llvm-config")),
        PathBuf::from(format!("/usr/lib/llvm{release}/bin/llvm-config")),
        PathBuf::from("llvm-config"),
    ];
    names.into_iter().find_map(|config| {
        let version = Version::find(&output_of(Command::new(&config).arg("--version"))?)?;
        let prefix = output_of(Command::new(&config).arg("--prefix"))?;
        (version.0 == release).then(|| prefix.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::llvm_release;

    #[test]
    fn the_llvm_of_a_compiler_is_read_from_its_verbose_version() {
        let text = "rustc 1.95.0 (59807616e 2026-04-14)\nrelease: 1.95.0\nLLVM version: 22.1.2\n";
        assert_eq!(llvm_release(text), Some(22));
        assert_eq!(llvm_release("rustc 1.95.0\n"), None);
    }
}
