//! The report as JSON, exactly as the contract has it (schema version 1).
//!
//! The types of [`schema`] are the contract; [`mapping`] fills them from the snapshot. Neither knows the other outputs.

mod mapping;
mod schema;
mod setup;
mod tracked;

use rtspscope_engine::Snapshot;
use serde::Serialize;

use super::evidence::Index;
use super::privacy::Privacy;
use crate::failure::Failure;

pub(crate) use schema::{
    Arrival, Evidence, Finding, Loss, Mapping, Media, Nat, Report, Rewrite, Router, Session, Tap,
};

/// The report of a snapshot.
pub(crate) fn report(snapshot: &Snapshot, privacy: Privacy) -> Report {
    mapping::report(snapshot, privacy)
}

/// A report together with the list of the frames that go with it.
#[derive(Debug, Serialize)]
pub(crate) struct WithEvidence<'a> {
    #[serde(flatten)]
    report: &'a Report,
    bundle: &'a Index,
}

/// Joins a report with the list of the frames that go with it, as its field `bundle`.
pub(crate) const fn with_evidence<'a>(report: &'a Report, bundle: &'a Index) -> WithEvidence<'a> {
    WithEvidence { report, bundle }
}

/// A value on several lines, for files and eyes.
pub(crate) fn pretty(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| unwritable(&error))
}

/// A value on one line.
pub(crate) fn compact(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| unwritable(&error))
}

fn unwritable(error: &serde_json::Error) -> Failure {
    Failure::new(
        "JSON report",
        error,
        "report this as a fault of the program",
    )
}

#[cfg(test)]
mod tests;
