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
    /// Datagrams that cost a router most: the shortest.
    Other,
    /// A download, which a router forwards in super-packets.
    Bulk,
    /// RTP that is followed.
    Media,
}

/// Who is at the hooks of the router's interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tap {
    None,
    /// A program that returns at once: no tap can cost less.
    Empty,
    Rtspscope,
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

    /// Packets in each second of the processor that runs the path.
    fn rate(&self, load: Load, tap: Tap) -> io::Result<f64> {
        let tap = match tap {
            Tap::None => None,
            Tap::Empty => {
                let mut empty = start(
                    &self.router,
                    &["hollow", "lan0", "wan0"],
                    &self.scratch,
                    "empty",
                )?;
                let is_there = |empty: &Process| empty.output().contains("attached");
                empty.wait_until("attached", LIMIT, is_there)?;
                Some(empty)
            }
            Tap::Rtspscope => {
                let interfaces = ["--lan", "lan0", "--wan", "wan0"];
                Some(Tool::Rtspscope.start(&self.router, &interfaces, &self.scratch)?)
            }
        };
        let flood = match load {
            Load::Other => self.other()?,
            Load::Bulk => self.bulk()?,
            Load::Media => self.media()?,
        };
        if let Some(mut tap) = tap {
            tap.interrupt(LIMIT)?;
        }
        Ok(flood.rate())
    }

    fn bulk(&self) -> io::Result<Flood> {
        let to = format!("{SINK}:9001");
        let mut drink = start(&self.sink, &["drink", &to], &self.scratch, "drink")?;
        drink.wait_listening(9001, LIMIT)?;
        let mut pour = start(&self.source, &["pour", &to, MILLIS], &self.scratch, "pour")?;
        pour.wait_end(LIMIT)?;
        drink.wait_end(LIMIT)?;
        Ok(Flood::read(&pour)?.shared_with(&Flood::read(&drink)?))
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

/// Compares the router's throughput with the tap off and on, and with an empty program in its place, and prints the table.
#[allow(clippy::print_stdout, reason = "it is the output of the program")]
pub(super) fn measure() -> io::Result<()> {
    let path = Path3::new()?;
    println!("a router between two cables, both tapped; the fastest of {ROUNDS} rounds of each");
    println!(
        "{:<30} {:>9} {:>9} {:>7} {:>9} {:>7}",
        "packets per processor second", "off", "empty", "ratio", "on", "ratio"
    );
    for (load, name) in [
        (Load::Bulk, "TCP download, 1448 bytes"),
        (Load::Other, "UDP of no interest, 64 bytes"),
        (Load::Media, "followed RTP, 1200 bytes"),
    ] {
        let taps = [Tap::None, Tap::Empty, Tap::Rtspscope];
        let mut rates = [0.0_f64; 3];
        for _ in 0..ROUNDS {
            for (rate, tap) in rates.iter_mut().zip(taps) {
                *rate = rate.max(path.rate(load, tap)?);
            }
        }
        let [off, empty, on] = rates;
        println!(
            "{name:<30} {off:>9.0} {empty:>9.0} {:>7.3} {on:>9.0} {:>7.3}",
            empty / off,
            on / off
        );
    }
    Ok(())
}
