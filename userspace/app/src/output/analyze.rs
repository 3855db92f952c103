//! The view of `analyze`: nothing until all packets are read, then the report.

use rtspscope_engine::{Engine, Event, Snapshot, TapInfo};

use super::destination::Destination;
use super::html;
use super::json;
use super::markdown;
use super::privacy::Privacy;
use super::text::{self, Style};
use crate::failure::Failure;
use crate::run::{News, Turn, View};

/// Shapes of a report that comes as a whole.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// For reading.
    Text(Style),
    /// One JSON object.
    Json,
    /// For someone who has to be convinced.
    Html,
    /// For a ticket or a forum.
    Markdown {
        /// Show every message and all evidence.
        verbose: bool,
    },
}

/// A report at the end.
pub(crate) struct ReportView {
    shape: Shape,
    destination: Destination,
    privacy: Privacy,
}

impl ReportView {
    pub(crate) fn new(shape: Shape, destination: Destination, privacy: Privacy) -> Self {
        Self {
            shape,
            destination,
            privacy,
        }
    }
}

impl View for ReportView {
    fn open_tap(&mut self, _info: &TapInfo) {}

    fn observing(&mut self) -> Result<(), Failure> {
        self.destination.open()
    }

    fn handle_event(&mut self, _event: &Event) -> Result<(), Failure> {
        Ok(())
    }

    fn turn(&mut self, _engine: &mut Engine) -> Result<Turn, Failure> {
        Ok(Turn::GoOn)
    }

    fn finish(&mut self, snapshot: &Snapshot, _news: &News) -> Result<(), Failure> {
        let report = match &self.shape {
            Shape::Text(style) => text::report(snapshot, self.privacy, style),
            Shape::Markdown { verbose } => markdown::report(snapshot, self.privacy, *verbose),
            Shape::Html => html::report(snapshot, self.privacy),
            Shape::Json => json::pretty(&json::report(snapshot, self.privacy))? + "\n",
        };
        self.destination.write(&report)
    }

    fn owns_screen(&self) -> bool {
        false
    }
}
