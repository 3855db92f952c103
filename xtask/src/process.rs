//! Starting other programs: with their output in sight and an error that names them, or quietly to look at something.

use std::{
    env,
    ffi::OsStr,
    io::{self, Write as _},
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// Says what is going on.
pub(crate) fn announce(text: &str) {
    eprintln!("xtask: {text}");
}

/// Says that something was left out, so that nobody takes it for done.
pub(crate) fn skipped(what: &str, why: &str) {
    eprintln!("xtask: SKIPPED {what} ({why})");
}

/// Runs a program to its end, with its standard output on our standard error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let to_stderr = io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .context("cannot share standard error")?;
    let name = describe(command);
    let status = command
        .stdout(to_stderr)
        .status()
        .with_context(|| format!("cannot start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed ({status})");
    }
    Ok(())
}

/// What a program prints on standard output, if it starts and succeeds; its complaints are not shown.
pub(crate) fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Tells whether a program succeeds on this input, showing nothing.
pub(crate) fn quietly(command: &mut Command, input: &str) -> bool {
    let started = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else { return false };
    let written = child
        .stdin
        .take()
        .is_some_and(|mut stdin| stdin.write_all(input.as_bytes()).is_ok());
    child.wait().is_ok_and(|status| written && status.success())
}

/// The command as a person would type it.
pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Finds a program on `PATH` without starting it; administrators' directories count even where `PATH` lacks them.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let extra = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(extra)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// Tells whether we run as root.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_described_as_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        command.args(["test", "--workspace"]);
        assert_eq!(describe(&command), "cargo test --workspace");
    }

    #[test]
    fn a_program_that_does_not_exist_is_not_on_path() {
        assert_eq!(on_path("no-such-program-anywhere"), None);
        assert!(on_path("sh").is_some());
    }
}
