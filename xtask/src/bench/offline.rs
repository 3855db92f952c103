//! `bench offline`: the report on large saved captures, beside programs that read the same file.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{
    capture::Capture,
    measure::{Cost, cost_of},
};
use crate::{
    build,
    process::{announce, on_path, output_of, skipped},
    workspace::{Features, Profile, Workspace},
};

/// Reads large made captures with `rtspscope analyze` and with other programs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Sizes of the captures in MB.
    #[arg(long, value_delimiter = ',', default_values_t = [200, 2_000])]
    megabytes: Vec<u64>,
    /// How often each program reads a capture; tshark, which takes minutes, does so once.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    build::program(workspace, Features::with_ebpf(false), Profile::Release)?;
    let directory = workspace.target.join("bench");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    for &megabytes in &args.megabytes {
        let capture = Capture::make(workspace, &directory, megabytes)?;
        compare(workspace, &capture, args.rounds, &[CAT, TCPDUMP, TSHARK])?;
        // What Wireshark writes unasked, and `watch --record`.
        match capture.as_pcapng()? {
            Some(capture) => compare(workspace, &capture, args.rounds, &[CAT, TCPDUMP])?,
            None => skipped("the same as pcapng", "editcap is not installed"),
        }
    }
    Ok(())
}

/// Reads a capture with our program and with others, and prints the table.
fn compare(workspace: &Workspace, capture: &Capture, rounds: u32, others: &[Other]) -> Result<()> {
    announce(&format!(
        "{}: {} frames, {} MB",
        capture.file.display(),
        capture.frames,
        capture.bytes / 1_000_000
    ));
    let report = output_of(&mut analyze(workspace, &capture.file));
    capture.check(&report.context("`rtspscope analyze` failed")?)?;
    let contenders = contenders(workspace, &capture.file, others);
    print_table(&measure(contenders, rounds)?, capture.frames);
    Ok(())
}

/// Another program: its name, the words before the file, those behind it, and whether it is too slow for every round.
type Other = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    bool,
);

const CAT: Other = ("cat", &[], &[], false);
const TCPDUMP: Other = ("tcpdump", &["-n", "-r"], &["-w", "/dev/null"], false);
const TSHARK: Other = (
    "tshark",
    &["-n", "-q", "-z", "rtp,streams", "-r"],
    &[],
    true,
);

fn analyze(workspace: &Workspace, file: &Path) -> Command {
    let mut command = Command::new(workspace.program(Profile::Release));
    command.args(["analyze", "--format", "json"]).arg(file);
    command
}

struct Contender {
    name: &'static str,
    command: Command,
    /// Too slow to be run in every round.
    once: bool,
}

/// Our program first, then those others that are installed.
fn contenders(workspace: &Workspace, file: &Path, others: &[Other]) -> Vec<Contender> {
    let mut contenders = vec![Contender {
        name: "rtspscope",
        command: analyze(workspace, file),
        once: false,
    }];
    for &(name, before, after, once) in others {
        let Some(program) = on_path(name) else {
            skipped(name, "not installed");
            continue;
        };
        let mut command = Command::new(program);
        command.args(before).arg(file).args(after);
        contenders.push(Contender {
            name,
            command,
            once,
        });
    }
    contenders
}

/// The cheapest run of each, by processor time: what else the machine does only ever adds to it. All read in turn, so
/// that a slow minute is nobody's alone; the check of the report has brought the file into the page cache.
fn measure(mut contenders: Vec<Contender>, rounds: u32) -> Result<Vec<(&'static str, Cost)>> {
    let mut best: Vec<(&str, Cost)> = Vec::new();
    for round in 0..rounds {
        for (index, contender) in contenders.iter_mut().enumerate() {
            if contender.once && round > 0 {
                continue;
            }
            let cost = cost_of(&mut contender.command)?;
            match best.get_mut(index) {
                Some((_, known)) if known.cpu <= cost.cpu => {}
                Some((_, known)) => *known = cost,
                None => best.push((contender.name, cost)),
            }
        }
    }
    Ok(best)
}

fn print_table(costs: &[(&str, Cost)], frames: u64) {
    eprintln!(
        "{:<10} {:>9} {:>9} {:>10} {:>9} {:>10} {:>10}",
        "program", "cpu s", "wall s", "ns/frame", "peak MiB", "cpu ratio", "wall ratio"
    );
    let Some((_, ours)) = costs.first() else {
        return;
    };
    for (name, cost) in costs {
        let (cpu, wall) = (cost.cpu.as_secs_f64(), cost.wall.as_secs_f64());
        eprintln!(
            "{name:<10} {cpu:>9.3} {wall:>9.3} {:>10.0} {:>9.1} {:>10.2} {:>10.2}",
            cpu * 1e9 / frames as f64,
            cost.peak_memory_bytes as f64 / f64::from(1 << 20),
            ours.cpu.as_secs_f64() / cpu.max(1e-6),
            ours.wall.as_secs_f64() / wall.max(1e-6),
        );
    }
    eprintln!("ratios: rtspscope's over the program's, on the same file; the cheapest run of each");
}
