//! The packages, made of the ordinary native build: what is in them, that they come and go without a trace, and that what
//! they bring works under the shells, service managers and readers that it is for.

mod debian;
mod openwrt;
mod root;
mod scripts;
mod service;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use rtspscope_tests::program;

/// Where this package is.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The directory with the packages of the present build for this machine, made once per run by `cargo xtask package`.
fn packages() -> io::Result<&'static Path> {
    static PACKAGES: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made = PACKAGES.get_or_init(|| make().map_err(|error| error.to_string()));
    made.as_deref()
        .map_err(|reason| io::Error::other(reason.as_str()))
}

fn make() -> io::Result<PathBuf> {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    // Packing what debuggers read would take longer than all the rest; without `strip` it does.
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packed-program");
    fs::copy(program::binary()?, &program)?;
    let _ = Command::new("strip").arg(&program).output();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(cargo);
    command
        .args(["run", "--quiet", "--package", "xtask", "--manifest-path"])
        .arg(format!("{HERE}/../Cargo.toml"))
        .args(["--", "package", "--program"])
        .arg(&program)
        .arg("--output")
        .arg(&directory);
    succeeded(command)?;
    Ok(directory)
}

/// The only package with this ending.
fn package(ending: &str) -> io::Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(packages()?)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    match <[PathBuf; 1]>::try_from(found) {
        Ok([path]) => Ok(path),
        Err(found) => Err(io::Error::other(format!("{ending}: {found:?}"))),
    }
}

/// Runs a command that must succeed, and gives what it printed.
fn succeeded(mut command: Command) -> io::Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{command:?}: {}", said(&output))));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// All that a program printed.
fn said(output: &Output) -> String {
    format!(
        "{}: {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Unpacks a tar archive, packed or not.
fn unpack(archive: &Path, into: &Path) -> io::Result<()> {
    fs::create_dir_all(into)?;
    let mut tar = Command::new("tar");
    tar.arg("-xpf").arg(archive).arg("-C").arg(into);
    succeeded(tar).map(drop)
}
