//! What is to be said of the capture as a whole.

use super::escape::prose;
use super::{findings, heading};
use crate::output::json::Report;
use crate::output::sentences::Standing;
use crate::output::sentences::capture::{how_to_capture, loss, router, tap, without_sessions};
use crate::output::sentences::findings::general;

/// Says what was looked at where no session was found in it.
pub(super) fn write_without_sessions(out: &mut String, report: &Report) {
    let text = prose(&without_sessions(report));
    let mark = Standing::Doubtful.mark();
    out.extend(["**", mark, " ", &text, "**\n\n"]);
    out.extend([&prose(how_to_capture(report)), "\n"]);
}

/// Findings about no session in particular, then what was looked at.
pub(super) fn write(out: &mut String, report: &Report, verbose: bool) {
    heading(out, 2, "Capture");
    for seen in &report.capture.taps {
        out.extend(["- ", &prose(&tap(seen)), "\n"]);
    }
    for lacking in &report.capture.losses {
        out.extend(["- ", &prose(&loss(lacking)), "\n"]);
    }
    for note in &report.capture.notes {
        out.extend(["- ", &prose(note), "\n"]);
    }
    if let Some(router) = router(report) {
        out.extend(["- ", &prose(&router), "\n"]);
    }
    let tool = &report.tool;
    out.push_str("\nFrames are numbered from 1 in each file, as in Wireshark. ");
    out.extend(["Written by ", tool.name, " ", tool.version, ".\n"]);
    let general = general(report);
    findings::write(out, &general, verbose);
    findings::write_remedies(out, &general);
}
