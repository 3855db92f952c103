//! What a router still forwards while it is watched.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::tool::Tool;
use super::watching::Flood;
use crate::lab::netns::{self, Namespace};
use crate::lab::process::Process;

/// Longest time for a flood to end.
const LIMIT: Duration = Duration::from_mins(1);

/// Rounds, in each of which the tap is off, empty and on in turns. What a machine forwards changes from second to second by
/// more than a tap costs: so each is compared with its neighbours in time, and the median of these ratios counts.
const ROUNDS: usize = 25;

/// Time of one flood.
const MILLIS: &str = "500";

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

    /// Floods with no tap, an empty and ours, which take turns in who is first.
    fn round(&self, load: Load, number: usize) -> io::Result<Vec<Flood>> {
        let taps = [Tap::None, Tap::Empty, Tap::Rtspscope];
        let first = number % taps.len();
        let turns = (first..).take(taps.len());
        let mut floods = turns
            .map(|turn| self.flood(load, taps[turn % taps.len()]))
            .collect::<io::Result<Vec<_>>>()?;
        floods.rotate_right(first);
        Ok(floods)
    }

    /// A flood across the router.
    fn flood(&self, load: Load, tap: Tap) -> io::Result<Flood> {
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
        Ok(flood)
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
    println!(
        "a router between two cables, both tapped; median of {ROUNDS} rounds, and the quarters around it"
    );
    println!(
        "{:<30} {:>9} {:>26} {:>26}",
        "packets per second", "off", "empty / off", "on / off"
    );
    for (load, name) in [
        (Load::Bulk, "TCP download, 1448 bytes"),
        (Load::Other, "UDP of no interest, 64 bytes"),
        (Load::Media, "followed RTP, 1200 bytes"),
    ] {
        let mut rounds = Vec::new();
        for number in 0..ROUNDS {
            rounds.push(path.round(load, number)?);
        }
        println!("{name}");
        for (name, rate) in [
            ("  of processor time", Flood::rate as fn(&Flood) -> f64),
            ("  on the clock", Flood::speed),
        ] {
            let of = |tap: usize| rounds.iter().map(move |floods| rate(&floods[tap]));
            let ratio = |tap: usize| Quartiles::of(of(tap).zip(of(0)).map(|(on, off)| on / off));
            let (off, empty, on) = (Quartiles::of(of(0)), ratio(1), ratio(2));
            println!("{name:<30} {:>9.0} {empty:>26} {on:>26}", off.median);
        }
    }
    Ok(())
}

/// The middle of some figures, and what half of them lie between.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Quartiles {
    low: f64,
    median: f64,
    high: f64,
}

impl Quartiles {
    fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<_> = figures.collect();
        figures.sort_unstable_by(f64::total_cmp);
        let at = |quarter: usize| {
            let place = figures.len().saturating_sub(1) * quarter / 4;
            figures.get(place).copied().unwrap_or(f64::NAN)
        };
        Self {
            low: at(1),
            median: at(2),
            high: at(3),
        }
    }
}

impl fmt::Display for Quartiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.3} ({:.3} to {:.3})", self.median, self.low, self.high);
        formatter.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::Quartiles;

    #[test]
    fn half_of_the_figures_lie_between_the_quartiles() {
        let figures = [9.0, 1.0, 3.0, 100.0, 5.0];
        let quartiles = Quartiles::of(figures.into_iter());
        assert_eq!(quartiles.to_string(), "5.000 (3.000 to 9.000)");
    }
}
