//! What reports for people say, whatever their shape: verdicts, sentences, rows of tables. Shapes add only layout.
//!
//! All of it comes from the JSON report, in which every stranger's text has been made safe for a terminal already.

pub(super) mod capture;
pub(super) mod differences;
pub(super) mod findings;
pub(super) mod media;
pub(super) mod messages;
pub(super) mod session;

use super::json::{Arrival, Report, Session, Tap};
use super::place::{self, Found};

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As it should be.
    Good,
    /// Not as it should be, or not to be judged.
    Doubtful,
    /// Broken.
    Bad,
    /// Worth knowing.
    Remark,
}

impl Standing {
    /// The sign that stands before it.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Doubtful => "!",
            Self::Bad => "✗",
            Self::Remark => "i",
        }
    }
}

/// The tap's side of the router in capitals, where that is known.
fn side(tap: &Tap) -> Option<String> {
    (tap.role != "unknown").then(|| tap.role.to_uppercase())
}

/// The tap with its side of the router, where that is known.
pub(super) fn tap(report: &Report, name: &str) -> String {
    let known = report.capture.taps.iter().find(|tap| tap.name == name);
    match known.and_then(side) {
        Some(side) => format!("{side} {name}"),
        None => name.to_owned(),
    }
}

/// Next to which end a medium was counted, where its tap has two legs of the session.
pub(super) fn end(session: &Session, arrival: &Arrival) -> Option<&'static str> {
    let leg = arrival.leg?;
    let near = session.legs.iter().position(|leg| leg.tap == arrival.tap);
    Some(if near == Some(leg) {
        "client's side"
    } else {
        "server's side"
    })
}

/// Where a medium was counted, in short.
pub(super) fn short_place(report: &Report, session: &Session, arrival: &Arrival) -> String {
    let tap = short_tap(report, &arrival.tap);
    match end(session, arrival) {
        Some(end) => format!("{tap} on the {end}"),
        None => tap,
    }
}

/// The tap by its side of the router where no other tap is on that side, else by its name: names of captures are long.
pub(super) fn short_tap(report: &Report, name: &str) -> String {
    let taps = &report.capture.taps;
    let known = taps.iter().find(|tap| tap.name == name);
    let alone = |found: &&Tap| taps.iter().filter(|tap| tap.role == found.role).count() == 1;
    let side = known.filter(alone).and_then(side);
    side.unwrap_or_else(|| name.to_owned())
}

/// A frame: the tap in short, the file where the tap has several, and the frame's number in its file.
pub(super) fn frame(report: &Report, tap: &str, found: &Found) -> String {
    let taps = &report.capture.taps;
    let known = taps.iter().find(|known| known.name == tap);
    let first = known.and_then(|tap| tap.files.first());
    place::told(&short_tap(report, tap), first.map(String::as_str), found)
}
