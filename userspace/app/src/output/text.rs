//! The report for someone who is tired: per session the verdict first, then why, the proof and what to do, then what
//! was agreed, what arrived at each tap and what differs.
//!
//! It is made from the JSON report, in which every stranger's text has been made safe already.

mod arrived;
mod capture;
mod differs;
mod findings;
mod messages;
mod overview;
mod paragraph;
mod session;
mod style;

use rtspscope_engine::Snapshot;

use super::json;
use super::privacy::Privacy;

pub(crate) use paragraph::wrap;
pub(crate) use style::Style;

/// The report with a line end at its end.
pub(crate) fn report(snapshot: &Snapshot, privacy: Privacy, style: &Style) -> String {
    let report = json::report(snapshot, privacy);
    let mut out = String::new();
    let several = report.sessions.len() > 1;
    if several {
        overview::write(&mut out, &report, style);
    }
    let chosen = overview::chosen(&report, style);
    for index in &chosen {
        if several {
            out.push('\n');
        }
        session::write(&mut out, &report, &report.sessions[*index], style);
        if let (true, Some(session)) = (style.verbose, snapshot.sessions.get(*index)) {
            messages::write(&mut out, (snapshot, &report), session, privacy, style);
        }
    }
    let left_out = report.sessions.len() - chosen.len();
    overview::left_out(&mut out, left_out, "have no part of their own", style);
    if report.sessions.is_empty() {
        capture::write_without_sessions(&mut out, &report, style);
    }
    capture::write(&mut out, &report, style);
    out
}

#[cfg(test)]
mod tests;
