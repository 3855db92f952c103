//! A cable as full as a sender can make it, and who watches it.

use std::io;
use std::time::Duration;

use serde_json::Value;

use super::tool::{Seen, Tool};
use crate::cable::{Cable, End, INTERFACE};
use crate::lab::process::Process;

/// Media of the one session.
pub(super) const MEDIA: &str = "4";

/// Time of one flood.
pub(super) const MILLIS: &str = "3000";

/// Longest time for a flood to end.
const LIMIT: Duration = Duration::from_mins(1);

/// Addresses that [`Cable::set_addresses`] gives.
pub(super) const CAMERA: &str = "10.77.0.2";

/// Floods of which the fastest of each tool counts.
const ROUNDS: usize = 3;

/// What became of one flood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flood {
    pub(super) sent: u64,
    seconds: f64,
    busy_seconds: f64,
}

impl Flood {
    /// Packets in each second of the sender's processor.
    pub(super) fn rate(&self) -> f64 {
        self.sent as f64 / self.busy_seconds
    }

    /// Packets in each second on the clock.
    pub(super) fn speed(&self) -> f64 {
        self.sent as f64 / self.seconds
    }

    /// The same flood where another process ran a part of its path.
    pub(super) fn shared_with(self, other: &Self) -> Self {
        Self {
            busy_seconds: self.busy_seconds + other.busy_seconds,
            ..self
        }
    }

    /// Reads what [`super::flood::Stopwatch::print`] printed.
    pub(super) fn read(process: &Process) -> io::Result<Self> {
        let output = process.output();
        let value: Value = serde_json::from_str(output.lines().last().unwrap_or_default())?;
        let seconds = |name: &str| value[name].as_f64();
        match (
            value["sent"].as_u64(),
            seconds("seconds"),
            seconds("busy_seconds"),
        ) {
            (Some(sent), Some(seconds), Some(busy_seconds)) => Ok(Self {
                sent,
                seconds,
                busy_seconds,
            }),
            _ => Err(io::Error::other(format!("no rate: {output}"))),
        }
    }
}

/// Floods the cable with nobody watching and with each tool in turn, and prints the table.
#[allow(clippy::print_stdout, reason = "it is the output of the program")]
pub(super) fn measure() -> io::Result<()> {
    let tools = [
        None,
        Some(Tool::Rtspscope),
        Some(Tool::Tcpdump),
        Some(Tool::Dumpcap),
    ];
    let mut best: Vec<Option<(Flood, Seen)>> = vec![None; tools.len()];
    for _ in 0..ROUNDS {
        for (tool, best) in tools.iter().zip(&mut best) {
            let round = flood(*tool)?;
            if best.is_none_or(|(known, _)| known.rate() < round.0.rate()) {
                *best = Some(round);
            }
        }
    }
    println!("a cable full of RTP of {MEDIA} media; the fastest of {ROUNDS} rounds of each");
    println!(
        "{:<22} {:>10} {:>10} {:>7} {:>10} {:>10} {:>10} {:>7} {:>8}",
        "who watches",
        "packets/s",
        "per cpu s",
        "ratio",
        "sent",
        "seen",
        "dropped",
        "cpu s",
        "ns/packet"
    );
    let alone = best[0].map_or(0.0, |(flood, _)| flood.rate());
    for (tool, best) in tools.iter().zip(&best) {
        let (Some((flood, seen)), name) = (best, tool.map_or("nobody", Tool::name)) else {
            continue;
        };
        println!(
            "{name:<22} {:>10.0} {:>10.0} {:>7.3} {:>10} {:>10} {:>10} {:>7.2} {:>8.0}",
            flood.speed(),
            flood.rate(),
            flood.rate() / alone,
            flood.sent,
            seen.packets,
            seen.dropped,
            seen.cpu,
            seen.cpu * 1e9 / flood.sent as f64
        );
        if *tool == Some(Tool::Rtspscope) && (seen.packets, seen.dropped) != (flood.sent, 0) {
            return Err(io::Error::other("not every packet was counted"));
        }
    }
    Ok(())
}

fn flood(tool: Option<Tool>) -> io::Result<(Flood, Seen)> {
    let cable = Cable::new()?;
    cable.set_addresses()?;
    let near = cable.end(End::Near);
    let watching = tool
        .map(|tool| tool.start(near, &["--lan", INTERFACE], cable.scratch()))
        .transpose()?;
    let own = std::env::current_exe()?;
    let own = own.to_string_lossy();
    let far = cable.end(End::Far).exec_prefix();
    let command = [&*own, "camera", CAMERA, MEDIA, MILLIS];
    let mut camera = Process::start(&far, &command, cable.scratch(), "camera")?;
    camera.wait_listening(5544, LIMIT)?;
    let command = [&*own, "player", CAMERA, MEDIA];
    let mut player = Process::start(&near.exec_prefix(), &command, cable.scratch(), "player")?;
    player.wait_end(LIMIT)?;
    camera.wait_end(LIMIT)?;
    let flood = Flood::read(&camera)?;
    let seen = match tool.zip(watching) {
        Some((tool, process)) => tool.finish(process)?,
        None => Seen::default(),
    };
    Ok((flood, seen))
}
