//! A tool that looks on: how to start it, when it is ready, and what it says that it saw.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::lab::netns::Namespace;
use crate::lab::process::Process;
use crate::program;

/// Longest time for a tool to begin and to end.
const LIMIT: Duration = Duration::from_mins(1);

/// Time after the last packet in which a tool may read what still waits for it.
const REST: Duration = Duration::from_secs(1);

/// The tools that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Rtspscope,
    /// The same program where kernel programs cannot run: every packet is copied to it.
    Copies,
    Tcpdump,
    Dumpcap,
}

/// What a tool saw, and what that cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Packets that it took in; of `rtspscope` RTP packets alone.
    pub(super) packets: u64,
    /// Packets that it says it lost; `None` where it lost some and cannot say how many.
    pub(super) dropped: u64,
    /// Frames of which `rtspscope` got a copy; 0 of others.
    pub(super) copied: u64,
    /// Processor time in seconds.
    pub(super) cpu: f64,
}

impl Tool {
    /// Name for the table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rtspscope => "rtspscope watch",
            Self::Copies => "  --backend afpacket",
            Self::Tcpdump => "tcpdump -w /dev/null",
            Self::Dumpcap => "dumpcap -w /dev/null",
        }
    }

    /// Starts it in a namespace; it observes when this returns.
    pub(super) fn start(
        self,
        namespace: &Namespace,
        interfaces: &[&str],
        logs: &Path,
    ) -> io::Result<Process> {
        let binary = program::binary()?.to_string_lossy();
        let command = match self {
            Self::Rtspscope | Self::Copies => {
                let backend = if self == Self::Copies {
                    "afpacket"
                } else {
                    "ebpf"
                };
                let fixed = ["--no-tui", "--format", "ndjson", "--duration", "300s"];
                let backend = ["--backend", backend];
                [&[&*binary, "watch"], interfaces, &fixed, &backend].concat()
            }
            Self::Tcpdump => vec!["tcpdump", "-i", interfaces[1], "-w", "/dev/null"],
            Self::Dumpcap => vec!["dumpcap", "-q", "-i", interfaces[1], "-w", "/dev/null"],
        };
        let mut process = Process::start(&namespace.exec_prefix(), &command, logs, "tool")?;
        process.wait_until("observing", LIMIT, |process| match self {
            Self::Rtspscope | Self::Copies => process.output().contains(r#""type":"observing""#),
            Self::Tcpdump => process.errors().contains("listening on"),
            Self::Dumpcap => process.errors().contains("File:"),
        })?;
        Ok(process)
    }

    /// Ends it and reads what it says.
    pub(super) fn finish(self, mut process: Process) -> io::Result<Seen> {
        std::thread::sleep(REST);
        let cpu = cpu_seconds(process.id())?;
        process.interrupt(LIMIT)?;
        let (packets, dropped, copied) = match self {
            Self::Rtspscope | Self::Copies => of_report(&process.output())?,
            Self::Tcpdump => {
                let said = process.errors();
                (
                    number_before(&said, " packets captured"),
                    number_before(&said, " packets dropped by kernel"),
                    0,
                )
            }
            Self::Dumpcap => of_dumpcap(&process.errors()),
        };
        Ok(Seen {
            packets,
            dropped,
            copied,
            cpu,
        })
    }
}

/// RTP of all media, everything that was lost (numbers that are missing, and packets that the tap lost), and frames that
/// were copied.
fn of_report(output: &str) -> io::Result<(u64, u64, u64)> {
    let last = output.lines().last().unwrap_or_default();
    let report: Value = serde_json::from_str(last)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (mut packets, mut lost) = (0, 0);
    for session in list(&report["sessions"]) {
        for medium in list(&session["media"]) {
            for arrival in list(&medium["arrivals"]) {
                packets += arrival["rtp"]["packets"].as_u64().unwrap_or(0);
                lost += arrival["rtp"]["lost"].as_u64().unwrap_or(0);
            }
        }
    }
    lost += report["capture"]["lost"].as_u64().unwrap_or(0);
    let taps = list(&report["capture"]["taps"]);
    let copied = taps.iter().filter_map(|tap| tap["frames"].as_u64());
    Ok((packets, lost, copied.sum()))
}

/// `Packets received/dropped on interface 'eth0': 10/2 (…)`; it counts as received what it wrote.
fn of_dumpcap(said: &str) -> (u64, u64, u64) {
    let line = said.lines().find(|line| line.contains("received/dropped"));
    let counts = line.and_then(|line| line.split_once("': "));
    let Some((received, rest)) = counts.and_then(|(_, counts)| counts.split_once('/')) else {
        return (0, 0, 0);
    };
    let dropped = rest.split(' ').next().unwrap_or_default();
    (
        received.parse().unwrap_or(0),
        dropped.parse().unwrap_or(0),
        0,
    )
}

fn number_before(text: &str, what: &str) -> u64 {
    let Some((before, _)) = text.split_once(what) else {
        return 0;
    };
    let digits = before.rsplit(|char: char| !char.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Time that the threads of a running process have had a processor. Not user and system time, which many kernels take from
/// who runs when the clock ticks: a program that wakes up with the clock is seen too often or never.
pub(super) fn cpu_seconds(id: u32) -> io::Result<f64> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        // The first of three figures is time on a processor in ns (Documentation/scheduler/sched-stats.rst).
        let told = fs::read_to_string(thread?.path().join("schedstat"))?;
        let on_processor = told.split_whitespace().next();
        nanos += on_processor
            .and_then(|nanos| nanos.parse::<u64>().ok())
            .ok_or(io::ErrorKind::InvalidData)?;
    }
    Ok(nanos as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::{number_before, of_dumpcap};

    #[test]
    fn what_tcpdump_and_dumpcap_say_is_read() {
        let said =
            "12 packets captured\n15 packets received by filter\n3 packets dropped by kernel\n";
        assert_eq!(
            ["captured", "dropped by kernel"]
                .map(|what| number_before(said, &format!(" packets {what}"))),
            [12, 3]
        );
        let said = "Packets captured: 10\nPackets received/dropped on interface 'eth0': 10/2 (pcap:2/dumpcap:0/flushed:0/ps_ifdrop:0) (83.3%)\n";
        assert_eq!(of_dumpcap(said), (10, 2, 0));
    }
}
