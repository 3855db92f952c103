//! The program under test, live on the router: `rtspscope watch` with a recording.

use std::io;
use std::path::PathBuf;

use serde_json::Value;

use super::process::Process;
use super::{Host, Lab};
use crate::program;
use crate::report::Report;
use crate::wait::LIMIT;

/// After this time the program ends by itself, should the test not end it.
const DURATION: &str = "600s";

/// A live run in the router.
#[derive(Debug)]
pub struct Watch {
    process: Process,
    recording: PathBuf,
}

/// What a live run said and recorded.
#[derive(Debug)]
pub struct Watched {
    /// The report at its end.
    pub report: Report,
    /// The recording, pcapng.
    pub recording: PathBuf,
    /// All lines it printed before the report.
    pub events: Vec<Value>,
    /// What it said on standard error.
    pub complaints: String,
}

impl Watch {
    /// Starts the program on `lan0` and `wan0`; it observes when this returns.
    pub fn start(lab: &Lab) -> io::Result<Self> {
        Self::start_as(lab, "rtspscope", &[], &[])
    }

    /// The same with more options, by way of the program `through` with its own, for one of several runs at a time.
    pub fn start_as(lab: &Lab, name: &str, through: &[&str], options: &[&str]) -> io::Result<Self> {
        let binary = program::binary()?.to_string_lossy();
        let recording = lab.scratch().join(format!("{name}.pcapng"));
        let record = recording.to_string_lossy();
        let watch = [
            &*binary,
            "watch",
            "--lan",
            "lan0",
            "--wan",
            "wan0",
            "--no-tui",
            "--format",
            "ndjson",
            "--record",
            &*record,
            "--duration",
            DURATION,
        ];
        let command = [through, &watch, options].concat();
        let mut process = lab.spawn(Host::Router, name, &command)?;
        process.wait_until("observing", LIMIT, |process| {
            process.output().contains(r#""type":"observing""#)
        })?;
        Ok(Self { process, recording })
    }

    /// The running program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends the run as Ctrl-C does and reads what it said.
    pub fn finish(mut self) -> io::Result<Watched> {
        let status = self.process.interrupt(LIMIT)?;
        let fail = |what: &str| {
            let (said, complained) = (self.process.output(), self.process.errors());
            io::Error::other(format!("rtspscope watch {what}\n{said}\n{complained}"))
        };
        if !status.success() {
            return Err(fail(&status.to_string()));
        }
        let lines = self.process.output();
        let lines: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
        let mut events =
            lines.map_err(|error| fail(&format!("printed a line that is no JSON: {error}")))?;
        let last = events
            .pop()
            .filter(|line| line["type"] == "report")
            .ok_or_else(|| fail("gave no report"))?;
        Ok(Watched {
            complaints: self.process.errors(),
            report: Report::new(last),
            recording: self.recording,
            events,
        })
    }
}
