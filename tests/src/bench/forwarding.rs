//! What a router still forwards while it is watched.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::tool::Tool;
use super::watching::Flood;
use crate::lab::netns::{self, Namespace};
use crate::lab::process::Process;

/// Longest time for a flood to end.
const LIMIT: Duration = Duration::from_mins(1);

/// Rounds with the tap off and on in turns, of which the fastest of each counts.
const ROUNDS: usize = 6;

/// Time of one flood.
const MILLIS: &str = "1500";

/// Ends of the path.
const SOURCE: &str = "10.78.0.2";
const SINK: &str = "10.78.1.2";

/// What crosses the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    Other,
    Media,
}

/// A source, a router and a sink.
struct Path3 {
    source: Namespace,
    router: Namespace,
    sink: Namespace,
    scratch: PathBuf,
}

impl Path3 {
    fn new() -> io::Result<Self> {
        netns::remove_leftovers()?;
        let stem = netns::unique_stem();
        let scratch = std::env::temp_dir().join(&stem);
        std::fs::create_dir_all(&scratch)?;
        let [source, router, sink] =
            ["source", "router", "sink"].map(|name| Namespace::create(&format!("{stem}-{name}")));
        let (source, router, sink) = (source?, router?, sink?);
        router.veth("lan0", &source, "eth0")?;
        router.veth("wan0", &sink, "eth0")?;
        router.ip(&["addr", "add", "10.78.0.1/24", "dev", "lan0"])?;
        router.ip(&["addr", "add", "10.78.1.1/24", "dev", "wan0"])?;
        router.run(&["sysctl", "-qw", "net.ipv4.ip_forward=1"])?;
        for (end, address, gateway) in [(&source, SOURCE, "10.78.0.1"), (&sink, SINK, "10.78.1.1")]
        {
            end.ip(&["addr", "add", &format!("{address}/24"), "dev", "eth0"])?;
            end.ip(&["route", "add", "default", "via", gateway])?;
        }
        Ok(Self {
            source,
            router,
            sink,
            scratch,
        })
    }

    /// Packets in each second of the sender's processor, which runs all of the path.
    fn rate(&self, load: Load, watched: bool) -> io::Result<f64> {
        let interfaces = ["--lan", "lan0", "--wan", "wan0"];
        let tap = watched
            .then(|| Tool::Rtspscope.start(&self.router, &interfaces, &self.scratch))
            .transpose()?;
        let flood = match load {
            Load::Other => self.other()?,
            Load::Media => self.media()?,
        };
        if let Some(mut tap) = tap {
            tap.interrupt(LIMIT)?;
        }
        Ok(flood.rate())
    }

    fn other(&self) -> io::Result<Flood> {
        let _sink = start(
            &self.sink,
            &["sink", &format!("{SINK}:9000")],
            &self.scratch,
            "sink",
        )?;
        let to = format!("{SINK}:9000");
        let mut blast = start(
            &self.source,
            &["blast", &to, MILLIS],
            &self.scratch,
            "blast",
        )?;
        blast.wait_end(LIMIT)?;
        Flood::read(&blast)
    }

    fn media(&self) -> io::Result<Flood> {
        let command = ["camera", SOURCE, "4", MILLIS];
        let mut camera = start(&self.source, &command, &self.scratch, "camera")?;
        camera.wait_listening(5544, LIMIT)?;
        let mut player = start(
            &self.sink,
            &["player", SOURCE, "4"],
            &self.scratch,
            "player",
        )?;
        player.wait_end(LIMIT)?;
        camera.wait_end(LIMIT)?;
        Flood::read(&camera)
    }
}

impl Drop for Path3 {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

fn start(end: &Namespace, words: &[&str], logs: &Path, name: &str) -> io::Result<Process> {
    let own = std::env::current_exe()?;
    let own = own.to_string_lossy();
    Process::start(&end.exec_prefix(), &[&[&*own], words].concat(), logs, name)
}

/// Compares the router's throughput with the tap on and off, and prints the table.
#[allow(clippy::print_stdout, reason = "it is the output of the program")]
pub(super) fn measure() -> io::Result<()> {
    let path = Path3::new()?;
    println!("a router between two cables, both tapped; the fastest of {ROUNDS} rounds of each");
    println!(
        "{:<30} {:>12} {:>12} {:>7}",
        "per second of the processor", "off", "on", "ratio"
    );
    for (load, name) in [
        (Load::Other, "UDP of no interest, 64 bytes"),
        (Load::Media, "followed RTP, 1200 bytes"),
    ] {
        let (mut off, mut on) = (0.0_f64, 0.0_f64);
        for _ in 0..ROUNDS {
            off = off.max(path.rate(load, false)?);
            on = on.max(path.rate(load, true)?);
        }
        println!("{name:<30} {off:>12.0} {on:>12.0} {:>7.3}", on / off);
    }
    Ok(())
}
