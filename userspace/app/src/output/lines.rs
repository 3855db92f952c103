//! One line per event as it happens, for eyes or for programs, and the report at the end.

mod event;
mod spoken;

use rtspscope_engine::{Engine, Event, Snapshot, TapInfo};
use serde::Serialize;

use super::destination::Destination;
use super::json;
use super::privacy::{Privacy, own};
use super::text::{self, Style};
use crate::cli::LineFormat;
use crate::failure::Failure;
use crate::run::{Look, Turn, View};

use event::lines_of;

/// The view of `watch --no-tui`, and of `analyze --format ndjson`.
pub(crate) struct Lines {
    format: LineFormat,
    destination: Destination,
    privacy: Privacy,
    style: Style,
    taps: Vec<String>,
}

impl Lines {
    /// Lines of the given shape; `style` is that of the text report at the end.
    pub(crate) fn new(
        format: LineFormat,
        destination: Destination,
        privacy: Privacy,
        style: Style,
    ) -> Self {
        Self {
            format,
            destination,
            privacy,
            style,
            taps: Vec::new(),
        }
    }

    fn write_json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let mut line = json::compact(value)?;
        line.push('\n');
        self.destination.write(&line)
    }
}

/// The first line: packets come from now on.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "observing")]
struct Observing<'a> {
    taps: &'a [String],
}

/// The last line: the whole report.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "report")]
struct ReportLine {
    #[serde(flatten)]
    report: json::Report,
}

/// A conclusion: of a live run once it stands, else before the report that holds it too.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "finding")]
struct FindingLine<'a> {
    #[serde(flatten)]
    finding: &'a json::Finding,
}

impl View for Lines {
    fn open_tap(&mut self, info: &TapInfo) {
        self.taps.push(own(&info.name));
    }

    fn observing(&mut self) -> Result<(), Failure> {
        let taps = std::mem::take(&mut self.taps);
        let result = match self.format {
            LineFormat::Text => self
                .destination
                .write(&format!("observing {}\n", taps.join(", "))),
            LineFormat::Ndjson => self.write_json(&Observing { taps: &taps }),
        };
        self.taps = taps;
        result
    }

    fn handle_event(&mut self, event: &Event) -> Result<(), Failure> {
        for line in lines_of(event, &self.taps, self.privacy) {
            match self.format {
                LineFormat::Text => self.destination.write(&spoken::line(&line))?,
                LineFormat::Ndjson => self.write_json(&line)?,
            }
        }
        Ok(())
    }

    fn turn(&mut self, _engine: &mut Engine) -> Result<Turn, Failure> {
        Ok(Turn::GoOn)
    }

    fn look(&mut self, look: &Look) -> Result<(), Failure> {
        if look.fresh.is_empty() {
            return Ok(());
        }
        let report = json::report(&look.snapshot, self.privacy);
        let fresh = look.fresh.iter().filter_map(|at| report.findings.get(*at));
        for finding in fresh {
            match self.format {
                LineFormat::Text => {
                    let line = spoken::finding(finding, &report);
                    self.destination.write(&line)?;
                }
                LineFormat::Ndjson => self.write_json(&FindingLine { finding })?,
            }
        }
        Ok(())
    }

    fn reopen(&mut self) -> Result<(), Failure> {
        self.destination.reopen()
    }

    fn finish(&mut self, snapshot: &Snapshot, fresh: &[usize]) -> Result<(), Failure> {
        match self.format {
            LineFormat::Text => {
                let report = text::report(snapshot, self.privacy, &self.style);
                self.destination.write(&format!("\n{report}"))
            }
            LineFormat::Ndjson => {
                let report = json::report(snapshot, self.privacy);
                for finding in fresh.iter().filter_map(|at| report.findings.get(*at)) {
                    self.write_json(&FindingLine { finding })?;
                }
                self.write_json(&ReportLine { report })
            }
        }
    }

    fn owns_screen(&self) -> bool {
        false
    }
}
