//! One line per event as it happens, for eyes or for programs, and the report at the end.

mod event;
mod spoken;

use rtspscope_engine::{Engine, Event, Locator, Snapshot, TapFile, TapFiles, TapInfo};
use rtspscope_wire::TapId;
use serde::Serialize;

use super::destination::Destination;
use super::json;
use super::names;
use super::place;
use super::privacy::{Privacy, own};
use super::text::{self, Style};
use crate::cli::LineFormat;
use crate::failure::Failure;
use crate::run::{Look, News, Turn, View};

use event::{Place, lines_of};

/// The view of `watch --no-tui`, and of `analyze --format ndjson`.
pub(crate) struct Lines {
    format: LineFormat,
    destination: Destination,
    privacy: Privacy,
    style: Style,
    taps: Vec<KnownTap>,
    netfilter_files: TapFiles,
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
            netfilter_files: TapFiles::default(),
        }
    }

    /// The tap, and the frame in its file.
    fn place(&self, at: Locator) -> Place {
        let known = self.taps.get(usize::from(at.tap.0));
        let files = known.map_or(&self.netfilter_files, |tap| &tap.files);
        let tap = known.map_or_else(|| names::no_tap(at.tap), |tap| tap.name.clone());
        let found = place::find_among(files, at.frame);
        Place {
            told: place::told(&tap, files.sources().next(), &found),
            tap,
            found,
        }
    }

    /// Takes back what was told.
    fn withdraw(&mut self, news: &News) -> Result<(), Failure> {
        for (code, session, media) in &news.withdrawn {
            let line = WithdrawnLine {
                code: code.name(),
                session: *session,
                media: *media,
            };
            match self.format {
                LineFormat::Text => self.destination.write(&spoken::withdrawn(&line))?,
                LineFormat::Ndjson => self.write_json(&line)?,
            }
        }
        Ok(())
    }

    fn write_json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let mut line = json::compact(value)?;
        line.push('\n');
        self.destination.write(&line)
    }
}

/// A tap that was opened.
struct KnownTap {
    name: String,
    files: TapFiles,
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

/// A conclusion of a live run that does not stand any more.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "finding-withdrawn")]
struct WithdrawnLine {
    code: &'static str,
    session: Option<u32>,
    media: Option<usize>,
}

impl View for Lines {
    fn open_tap(&mut self, info: &TapInfo) {
        self.taps.push(KnownTap {
            name: own(&info.name),
            files: TapFiles::of(info.source.clone()),
        });
    }

    fn begin_file(&mut self, tap: TapId, file: &TapFile) {
        let known = self.taps.get_mut(usize::from(tap.0));
        let files = match known {
            Some(known) => &mut known.files,
            None => &mut self.netfilter_files,
        };
        files.begin(file.clone());
    }

    fn observing(&mut self) -> Result<(), Failure> {
        let taps: Vec<String> = self.taps.iter().map(|tap| tap.name.clone()).collect();
        match self.format {
            LineFormat::Text => self
                .destination
                .write(&format!("observing {}\n", taps.join(", "))),
            LineFormat::Ndjson => self.write_json(&Observing { taps: &taps }),
        }
    }

    fn handle_event(&mut self, event: &Event) -> Result<(), Failure> {
        let place = |at| self.place(at);
        for line in lines_of(event, &place, self.privacy) {
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
        self.withdraw(&look.news)?;
        if look.news.fresh.is_empty() {
            return Ok(());
        }
        let report = json::report(&look.snapshot, self.privacy);
        let fresh = look.news.fresh.iter();
        for finding in fresh.filter_map(|at| report.findings.get(*at)) {
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

    fn finish(&mut self, snapshot: &Snapshot, news: &News) -> Result<(), Failure> {
        self.withdraw(news)?;
        match self.format {
            LineFormat::Text => {
                let report = text::report(snapshot, self.privacy, &self.style);
                self.destination.write(&format!("\n{report}"))
            }
            LineFormat::Ndjson => {
                let report = json::report(snapshot, self.privacy);
                let fresh = news.fresh.iter();
                for finding in fresh.filter_map(|at| report.findings.get(*at)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_withdrawn_has_the_keys_that_the_documentation_names() {
        let line = WithdrawnLine {
            code: "rtp-never-sent",
            session: Some(3),
            media: None,
        };
        assert_eq!(
            json::compact(&line).unwrap(),
            r#"{"type":"finding-withdrawn","code":"rtp-never-sent","session":3,"media":null}"#
        );
        assert_eq!(
            spoken::withdrawn(&line),
            "withdrawn  [rtp-never-sent] of session 3: what came later speaks against it\n"
        );
    }
}
