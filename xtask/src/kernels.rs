//! `kernels`: the kernel programs under Debian's kernels of five years, each booted as a guest.
//!
//! Inside, the whole-program tests' own cable carries generated captures of known truth past the program; see
//! `tests/src/bin/guest-kernel.rs` for the questions. A scheduled check: a guest takes a minute or two.

mod byte_order;
mod table;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    build,
    dist::{self, Target},
    guest::{self, Guest, debian::Suite},
    process::announce,
    setup,
    workspace::{Features, Profile, Workspace},
};
use table::{Answer, Row};

/// Debian's releases whose kernels are booted, oldest first, and what each stands for.
const SUITES: [(&str, &str); 4] = [
    ("5.10", "bullseye"),
    ("6.1", "bookworm"),
    ("6.12", "trixie"),
    ("newest", "sid"),
];

/// The program that asks.
const ASKER: &str = "guest-kernel";

/// What runs in the guest.
const PAYLOAD: &str = "export RTSPSCOPE_BIN=/run/out/rtspscope
/run/out/guest-kernel /run/out/answers.ndjson";

/// Longest time for one guest.
const LIMIT: Duration = Duration::from_hours(1);

/// Boots older and newer kernels, and runs the kernel programs there on real packets.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Boots these only.
    #[arg(long, value_delimiter = ',', value_parser = SUITES.map(|(name, _)| name))]
    only: Vec<String>,
    /// Looks for newer packages of kernels that are here already.
    #[arg(long)]
    update: bool,
    /// Tries the static binary that `dist --target x86_64` left, instead of building the program for this machine.
    #[arg(long)]
    dist: bool,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    guest::ensure()?;
    setup::kernel::ensure(workspace)?;
    let big_endian = byte_order::check(workspace)?;
    announce(&big_endian);
    let program = program(workspace, args.dist)?;
    build::test_program(workspace, ASKER)?;
    let asker = workspace.program(Profile::Debug).with_file_name(ASKER);
    let mut rows = Vec::new();
    for (name, suite) in SUITES {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        rows.push(ask(workspace, suite, args.update, [&program, &asker])?);
    }
    let table = table::render(&rows);
    eprintln!("{}\n{table}{big_endian}", guest::emulator_version());
    if rows.iter().all(Row::passed) {
        Ok(())
    } else {
        bail!("some kernels failed; their consoles are in target/guests/runs")
    }
}

/// Boots the kernel of one release and reads its answers.
fn ask(
    workspace: &Workspace,
    suite: &'static str,
    update: bool,
    programs: [&Path; 2],
) -> Result<Row> {
    let kernel = Suite::new(workspace, suite).kernel(update)?;
    let out = guest::results(workspace, suite)?;
    bring(programs, &out)?;
    guest::announce_start(&kernel, "the kernel programs");
    let guest = Guest {
        kernel: &kernel,
        out: &out,
        payload: PAYLOAD,
        devices: &[],
        limit: LIMIT,
    };
    let ended = guest.run();
    let mut answers = read_answers(&out);
    if let Err(error) = ended {
        announce(&format!("{error:#}"));
    }
    if answers
        .last()
        .is_none_or(|last| last.question != table::LAST)
    {
        answers.push(Answer::unfinished());
    }
    Ok(Row {
        kernel: kernel.release,
        answers,
    })
}

/// The program that is tried.
fn program(workspace: &Workspace, dist: bool) -> Result<PathBuf> {
    if !dist {
        build::program(workspace, Features::with_ebpf(true), Profile::Debug)?;
        return Ok(workspace.program(Profile::Debug));
    }
    let binary = dist::binary_of(workspace, Target::find("x86_64")?);
    if !binary.is_file() {
        bail!("there is no static binary yet: cargo xtask dist --target x86_64");
    }
    Ok(binary)
}

/// Copies the programs to the results, so that a build that goes on outside does not change them under the guest.
fn bring(programs: [&Path; 2], out: &Path) -> Result<()> {
    for (program, name) in programs.into_iter().zip(["rtspscope", ASKER]) {
        fs::copy(program, out.join(name))
            .with_context(|| format!("cannot copy {}", program.display()))?;
    }
    Ok(())
}

fn read_answers(out: &Path) -> Vec<Answer> {
    let lines = fs::read_to_string(out.join("answers.ndjson")).unwrap_or_default();
    lines.lines().filter_map(Answer::read).collect()
}
