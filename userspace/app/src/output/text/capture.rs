//! What is to be said of the capture as a whole.

use super::findings;
use super::style::{Paint, Style};
use super::wrap;
use crate::output::json::{Report, Tap};

/// Says what was looked at where no session was found in it.
pub(super) fn write_without_sessions(out: &mut String, report: &Report, style: &Style) {
    let frames: u64 = report.capture.taps.iter().map(|tap| tap.frames).sum();
    let names: Vec<&str> = report
        .capture
        .taps
        .iter()
        .map(|tap| tap.name.as_str())
        .collect();
    let text = format!(
        "No RTSP session in {frames} frames of {}.",
        names.join(", ")
    );
    let mark = style.paint(Paint::Doubtful, "!");
    out.push_str(&wrap("  ", "  ", &text, style.width).replacen(' ', &mark, 1));
    let advice = "Capture while the player starts, with all of TCP and UDP: tcpdump -i IF -w FILE host CAMERA";
    out.push_str(&wrap("  ", "  ", advice, style.width));
}

/// Findings about no session in particular, then what was looked at.
pub(super) fn write(out: &mut String, report: &Report, style: &Style) {
    let general: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.session.is_none())
        .collect();
    if !general.is_empty() {
        out.push('\n');
        findings::write(out, &general, style);
        findings::write_remedies(out, &general, style);
    }
    out.push('\n');
    for tap in &report.capture.taps {
        out.push_str(&style.paint(
            Paint::Faint,
            wrap("", "  ", &told(tap), style.width).trim_end(),
        ));
        out.push('\n');
    }
    for loss in &report.capture.losses {
        out.push_str(&wrap(
            "",
            "  ",
            &format!("Not captured or not kept: {} ({})", loss.count, loss.reason),
            style.width,
        ));
    }
}

fn told(tap: &Tap) -> String {
    let role = if tap.role == "unknown" {
        String::new()
    } else {
        format!(" ({})", tap.role.to_uppercase())
    };
    let time = match (&tap.first_at, &tap.last_at) {
        (Some(first), Some(last)) => {
            format!(
                ", {} to {} UTC",
                first.get(..19).unwrap_or(first).replace('T', " "),
                last.get(11..19).unwrap_or(last)
            )
        }
        _ => String::new(),
    };
    let clock = match tap.clock_offset_ns {
        Some(offset) if offset != 0 => {
            format!(", clock {:+.3} ms off the first tap's", offset as f64 / 1e6)
        }
        _ => String::new(),
    };
    format!(
        "{}{role}: {} frames, {} bytes{time}{clock}",
        tap.name, tap.frames, tap.bytes
    )
}
