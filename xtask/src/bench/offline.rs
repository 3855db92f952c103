//! `bench offline`: the report on a large saved capture, beside programs that read the same file.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{
    capture,
    measure::{Cost, cost_of},
};
use crate::{
    build,
    process::{announce, on_path, skipped},
    workspace::{Features, Profile, Workspace},
};

/// Reads a large made-up capture with `rtspscope analyze` and with other programs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// RTP packets in the capture.
    #[arg(long, default_value_t = 300_000)]
    packets: u32,
    /// Cameras that send at the same time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=200))]
    cameras: u8,
}

pub(crate) fn main(workspace: &Workspace, args: &Args) -> Result<()> {
    build::program(workspace, Features::with_ebpf(false), Profile::Release)?;
    let directory = workspace.target.join("bench");
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let file = directory.join(format!("offline-{}-{}.pcap", args.cameras, args.packets));
    let frames = capture::write(&file, args.cameras, args.packets)
        .with_context(|| format!("cannot write {}", file.display()))?;
    let bytes = fs::metadata(&file)
        .with_context(|| format!("cannot look at {}", file.display()))?
        .len();
    announce(&format!(
        "{}: {frames} frames, {} MB",
        file.display(),
        bytes / 1_000_000
    ));

    let ours = Contender {
        name: "rtspscope analyze",
        command: analyze(workspace, &file),
    };
    print_table(&measure(ours, &file)?, frames);
    Ok(())
}

fn analyze(workspace: &Workspace, file: &Path) -> Command {
    let mut command = Command::new(workspace.program(Profile::Release));
    command.args(["analyze", "--format", "json"]).arg(file);
    command
}

struct Contender {
    name: &'static str,
    command: Command,
}

/// The cost of our program first, then of those others that are installed.
fn measure(ours: Contender, file: &Path) -> Result<Vec<(&'static str, Cost)>> {
    let others = [
        ("cat", Vec::new(), Vec::new()),
        ("tcpdump", vec!["-n", "-r"], vec!["-w", "/dev/null"]),
        (
            "tshark",
            vec!["-n", "-q", "-z", "rtp,streams", "-r"],
            Vec::new(),
        ),
    ];
    // The first reader would pay for the disk; nobody is measured before the file is in the page cache.
    cost_of(Command::new("cat").arg(file))?;
    let mut ours = ours;
    let mut costs = vec![(ours.name, cost_of(&mut ours.command)?)];
    for (name, before, after) in others {
        let Some(program) = on_path(name) else {
            skipped(name, "not installed");
            continue;
        };
        costs.push((
            name,
            cost_of(Command::new(program).args(before).arg(file).args(after))?,
        ));
    }
    Ok(costs)
}

fn print_table(costs: &[(&str, Cost)], frames: u64) {
    eprintln!(
        "{:<20} {:>9} {:>9} {:>10} {:>10} {:>10}",
        "program", "wall s", "cpu s", "ns/frame", "peak MB", "ours/its"
    );
    let ours = costs
        .first()
        .map_or(0.0, |(_, cost)| cost.cpu.as_secs_f64());
    for (name, cost) in costs {
        let cpu = cost.cpu.as_secs_f64();
        eprintln!(
            "{name:<20} {:>9.3} {cpu:>9.3} {:>10.0} {:>10.1} {:>10.2}",
            cost.wall.as_secs_f64(),
            cpu * 1e9 / frames as f64,
            cost.peak_memory_bytes as f64 / 1e6,
            ours / cpu.max(1e-6),
        );
    }
    eprintln!("ours/its: processor time of rtspscope over that of the program, on the same file");
}
