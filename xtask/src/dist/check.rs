//! The trial of a binary: its reports on captures are those of a native build, byte for byte, and its memory is told.
//!
//! All golden captures and the cooked ones are read, as JSON and as the page of pictures, which is where numbers with
//! fractions go through the most hands; and a generated capture of twenty cameras.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use super::{binary::FEATURES, emulator::Runner};
use crate::{
    process::{announce, describe, on_path, run},
    workspace::{Profile, Workspace},
};

/// Sessions of the capture by which memory is measured.
const CAMERAS: u32 = 20;

/// What is asked of each capture.
const FORMATS: [&str; 2] = ["json", "html"];

/// What a binary is held against.
#[derive(Debug)]
pub(super) struct Checks {
    expected: Vec<Expected>,
    cameras: PathBuf,
    time: PathBuf,
}

/// A command line and what the native build answers.
#[derive(Debug)]
struct Expected {
    arguments: Vec<String>,
    report: Vec<u8>,
}

/// How a binary did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Reports that were equal to the native ones: all.
    pub(super) reports: usize,
    /// Largest resident set while twenty sessions are read, in bytes; with an emulator, the emulator's with it.
    pub(super) peak_memory_bytes: u64,
    /// The same for a run that reads nothing: the program, its libraries and the emulator by themselves.
    pub(super) idle_memory_bytes: u64,
}

impl Checks {
    /// Builds the native program and asks it for everything.
    pub(super) fn prepare(workspace: &Workspace) -> Result<Self> {
        let time = on_path("time").context("memory is measured by GNU time (Debian: time)")?;
        announce("building the native program for comparison");
        let mut cargo = workspace.cargo("build");
        run(cargo
            .args(["--package", "rtspscope", "--no-default-features"])
            .args(["--features", FEATURES]))?;
        let native = workspace.program(Profile::Debug);
        let cameras = cameras(workspace)?;
        let captures = workspace.root.join("tests/captures");
        let mut inputs = pairs(&captures.join("golden"))?;
        inputs.extend(singles(&captures.join("cooked"))?);
        inputs.push(vec![cameras.display().to_string()]);
        let mut expected = Vec::new();
        for input in inputs {
            for format in FORMATS {
                let mut arguments = vec![
                    "analyze".to_owned(),
                    "--format".to_owned(),
                    format.to_owned(),
                ];
                arguments.extend(input.iter().cloned());
                let report = answer(Command::new(&native).args(&arguments))?;
                expected.push(Expected { arguments, report });
            }
        }
        Ok(Self {
            expected,
            cameras,
            time,
        })
    }

    /// Holds a binary against all of it; an error names the first report that differs.
    pub(super) fn run(&self, runner: &Runner, binary: &Path) -> Result<Outcome> {
        for Expected { arguments, report } in &self.expected {
            let mut command = runner.command(binary);
            let given = answer(command.args(arguments))?;
            if &given != report {
                bail!(
                    "`rtspscope {}` differs from the native report at byte {}",
                    arguments.join(" "),
                    first_difference(&given, report)
                );
            }
        }
        let peak = |arguments: &[&str]| {
            let mut command = runner.command(binary);
            peak_memory(&self.time, command.args(arguments))
        };
        let cameras = self.cameras.display().to_string();
        Ok(Outcome {
            reports: self.expected.len(),
            peak_memory_bytes: peak(&["analyze", "--format", "json", &cameras])?,
            idle_memory_bytes: peak(&["--version"])?,
        })
    }
}

/// What a run prints; it must succeed.
fn answer(command: &mut Command) -> Result<Vec<u8>> {
    let name = describe(command);
    let output = command
        .output()
        .with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{name}` failed ({}): {}",
            output.status,
            complaint.trim_end()
        );
    }
    Ok(output.stdout)
}

/// Largest resident set of a run, in bytes.
///
/// By a program between: what the kernel keeps of a child counts its parent's memory until the child is a program of its
/// own, and this one holds many reports.
fn peak_memory(time: &Path, command: &mut Command) -> Result<u64> {
    let mut timed = Command::new(time);
    timed
        .args(["-q", "-f", "%M"])
        .arg(command.get_program())
        .args(command.get_args());
    let output = timed.output().context("cannot start time")?;
    let told = String::from_utf8_lossy(&output.stderr);
    let kib = told
        .lines()
        .last()
        .and_then(|line| line.parse::<u64>().ok());
    let kib = kib.with_context(|| format!("`{}` told no memory: {told}", describe(command)))?;
    Ok(kib * 1024)
}

fn first_difference(one: &[u8], other: &[u8]) -> usize {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b);
    same.count()
}

/// The arguments for each pair of captures, by the names that end in `.lan.pcap` and `.wan.pcap`.
fn pairs(directory: &Path) -> Result<Vec<Vec<String>>> {
    let mut inputs = Vec::new();
    for wan in singles(directory)?.into_iter().flatten() {
        let Some(stem) = wan.strip_suffix(".wan.pcap") else {
            continue;
        };
        let lan = format!("{stem}.lan.pcap");
        let mut arguments = vec!["--wan".to_owned(), wan.clone()];
        if Path::new(&lan).is_file() {
            arguments.extend(["--lan".to_owned(), lan]);
        }
        inputs.push(arguments);
    }
    Ok(inputs)
}

/// Each capture of a directory as the only argument.
fn singles(directory: &Path) -> Result<Vec<Vec<String>>> {
    let entries = fs::read_dir(directory)
        .with_context(|| format!("cannot look into {}", directory.display()))?;
    let mut files = entries
        .map(|entry| Ok(entry?.path().display().to_string()))
        .collect::<Result<Vec<_>>>()?;
    files.retain(|file| {
        Path::new(file)
            .extension()
            .is_some_and(|extension| extension == "pcap")
    });
    files.sort();
    Ok(files.into_iter().map(|file| vec![file]).collect())
}

/// The capture of twenty cameras, made by the tests' own generator.
fn cameras(workspace: &Workspace) -> Result<PathBuf> {
    let directory = workspace.target.join("dist-check");
    fs::create_dir_all(&directory)?;
    let capture = directory.join("cameras.pcap");
    run(workspace
        .cargo("run")
        .args([
            "--quiet",
            "--package",
            "rtspscope-tests",
            "--bin",
            "generate",
            "--",
        ])
        .args([format!("cameras:{CAMERAS}"), "1".to_owned()])
        .args([&capture, &directory.join("cameras.json")]))?;
    Ok(capture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_difference_is_told() {
        assert_eq!(first_difference(b"same", b"same"), 4);
        assert_eq!(first_difference(b"{\"lost\":0}", b"{\"lost\":1}"), 8);
        assert_eq!(first_difference(b"short", b"shorter"), 5);
    }

    #[test]
    fn the_memory_of_a_run_is_its_own() {
        let Some(time) = on_path("time") else { return };
        let held = vec![1_u8; 64 << 20];
        let peak = peak_memory(&time, &mut Command::new("true")).expect("`true` runs");
        assert!(peak > 0 && peak < held.len() as u64, "{peak}");
    }

    #[test]
    fn a_run_that_fails_is_no_answer() {
        let error = answer(&mut Command::new("false")).expect_err("it fails");
        assert!(error.to_string().starts_with("`false` failed"), "{error}");
    }

    #[test]
    fn both_sides_of_a_capture_are_read_together() {
        let golden = Workspace::locate().root.join("tests/captures/golden");
        let pairs = pairs(&golden).expect("the captures are there");
        let both = pairs
            .iter()
            .filter(|arguments| arguments.len() == 4)
            .count();
        assert!(both > 15, "{both}");
        assert!(pairs.iter().all(|arguments| arguments[0] == "--wan"));
    }
}
