//! The real `rtspscope`: built once by cargo, run with arguments, seen from outside.

use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::report::Report;

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Exit status; `None` after death by a signal.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The path of the program: `RTSPSCOPE_BIN` if that is set, else what cargo builds from this workspace.
///
/// The program is another package than these tests, so cargo does not build it for them by itself; asking cargo once
/// per test process makes a plain `cargo test --workspace` test the present source.
pub fn binary() -> io::Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = BINARY.get_or_init(|| match env::var_os("RTSPSCOPE_BIN") {
        Some(path) => Ok(PathBuf::from(path)),
        None => build(),
    });
    found
        .as_deref()
        .map_err(|reason| io::Error::other(reason.as_str()))
}

/// Seconds after which a run is ended as hanging; its status is then not one of the program's own.
const RUN_LIMIT: &str = "60";

/// The words that, put before a program, end it after [`RUN_LIMIT`].
pub const LIMITED: [&str; 5] = ["timeout", "--foreground", "--signal", "KILL", RUN_LIMIT];

/// The same for a program that has millions of packets to read.
pub const LIMITED_LONG: [&str; 5] = ["timeout", "--foreground", "--signal", "KILL", "300"];

/// Runs the program to its end.
pub fn run(args: &[&str]) -> io::Result<Outcome> {
    let output = limited()?.args(args).stdin(Stdio::null()).output()?;
    Ok(output.into())
}

/// Runs the program to its end with `input` as its standard input.
pub fn run_with_input(args: &[&str], input: &[u8]) -> io::Result<Outcome> {
    let mut child = limited()?
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(input) {
            // It may refuse the input before it has read all of it.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => {}
        }
    }
    Ok(child.wait_with_output()?.into())
}

/// The JSON report of `analyze` with these arguments; fails unless the program succeeds.
pub fn analyze(args: &[&str]) -> io::Result<Report> {
    let outcome = run(&[&["analyze", "--format", "json"], args].concat())?;
    report_of(&outcome)
}

/// Reads the JSON report that a run printed; fails unless the program succeeded.
pub fn report_of(outcome: &Outcome) -> io::Result<Report> {
    if outcome.status != Some(0) {
        return Err(io::Error::other(format!(
            "{:?}: {}",
            outcome.status, outcome.stderr
        )));
    }
    Ok(Report::new(serde_json::from_str(&outcome.stdout)?))
}

fn limited() -> io::Result<Command> {
    let [timeout, options @ ..] = LIMITED;
    let mut command = Command::new(timeout);
    command.args(options).arg(binary()?);
    // What the caller's terminal is like must not show in a report.
    for variable in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    Ok(command)
}

fn build() -> Result<PathBuf, String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--package",
            "rtspscope",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(["--manifest-path", manifest])
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo cannot build rtspscope:\n{}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executables = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let path = executables
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back();
    path.ok_or_else(|| "cargo built rtspscope and named no executable".to_owned())
}
