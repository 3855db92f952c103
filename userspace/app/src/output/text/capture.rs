//! What is to be said of the capture as a whole.

use super::findings;
use super::style::{Paint, Style};
use super::wrap;
use crate::output::json::Report;
use crate::output::sentences::Standing;
use crate::output::sentences::capture::{how_to_capture, loss, router, tap, without_sessions};
use crate::output::sentences::findings::general;

/// Says what was looked at where no session was found in it.
pub(super) fn write_without_sessions(out: &mut String, report: &Report, style: &Style) {
    let mark = style.paint(Paint::Doubtful, Standing::Doubtful.mark());
    let text = without_sessions(report);
    out.push_str(&wrap("  ", "  ", &text, style.width).replacen(' ', &mark, 1));
    out.push_str(&wrap("  ", "  ", how_to_capture(report), style.width));
}

/// Findings about no session in particular, then what was looked at.
pub(super) fn write(out: &mut String, report: &Report, style: &Style) {
    let general = general(report);
    if !general.is_empty() {
        out.push('\n');
        findings::write(out, report, &general, style);
        findings::write_remedies(out, &general, style);
    }
    out.push('\n');
    for seen in &report.capture.taps {
        out.push_str(&style.paint(
            Paint::Faint,
            wrap("", "  ", &tap(seen), style.width).trim_end(),
        ));
        out.push('\n');
    }
    for lacking in &report.capture.losses {
        out.push_str(&wrap("", "  ", &loss(lacking), style.width));
    }
    for note in &report.capture.notes {
        out.push_str(&wrap("", "  ", note, style.width));
    }
    if let Some(router) = router(report) {
        out.push_str(&style.paint(
            Paint::Faint,
            wrap("", "  ", &router, style.width).trim_end(),
        ));
        out.push('\n');
    }
}
