//! `bench offline`: the report on a large saved capture, beside programs that read the same file.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{
    capture,
    measure::{Cost, cost_of},
};
use crate::{
    build,
    process::{announce, on_path, output_of, skipped},
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

    check_report(&mut analyze(workspace, &file), args)?;
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

/// A report that is fast and wrong is worth nothing: every packet has to be in it.
fn check_report(analyze: &mut Command, args: &Args) -> Result<()> {
    let text = output_of(analyze).context("`rtspscope analyze` failed")?;
    let report: Value = serde_json::from_str(&text).context("the report is not JSON")?;
    let written = u64::from(args.packets / u32::from(args.cameras)) * u64::from(args.cameras);
    let counted = rtp_packets(&report);
    if counted != written {
        bail!("the report has {counted} RTP packets, and the capture {written}");
    }
    Ok(())
}

/// RTP packets of all media of all sessions, at every tap.
fn rtp_packets(report: &Value) -> u64 {
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let sessions = list(report, "sessions").into_iter();
    let media = sessions.flat_map(|session| list(&session, "media"));
    let arrivals = media.flat_map(|media| list(&media, "arrivals"));
    arrivals
        .filter_map(|arrival| arrival["rtp"]["packets"].as_u64())
        .sum()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::rtp_packets;

    #[test]
    fn packets_of_all_sessions_and_media_are_added() {
        let arrival = |packets: u64| json!({ "rtp": { "packets": packets } });
        let report = json!({ "sessions": [
            { "media": [{ "arrivals": [arrival(3), arrival(4)] }, { "arrivals": [] }] },
            { "media": [{ "arrivals": [arrival(5), { "rtp": null }] }] },
        ]});
        assert_eq!(rtp_packets(&report), 12);
    }
}
