//! What was agreed and what arrived of it at each tap.

use super::paragraph::columns;
use super::session::section;
use super::style::{Paint, Style};
use crate::output::json::{Report, Session};
use crate::output::sentences::media::{agreed, agreement, are_several, rows};

/// Columns of the table besides the tap's.
const OTHER_COLUMNS: usize = 49;

/// What the two ends agreed on, or what the client asked for in vain; a line per medium.
pub(super) fn write_agreed(out: &mut String, session: &Session, style: &Style) {
    for media in &session.media {
        out.push_str(&section(agreement(media), &agreed(media), style));
    }
}

/// A table with a row per medium and tap.
pub(super) fn write(out: &mut String, report: &Report, session: &Session, style: &Style) {
    let rows = rows(report, session);
    let Some(widest) = rows.iter().map(|row| columns(&row.tap)).max() else {
        return;
    };
    let tap_width = widest.clamp(3, style.width.saturating_sub(OTHER_COLUMNS));
    let head = format!(
        "  {:<7} {:<tap_width$} {:>8} {:>6} {:>5} {:>8} {:>6}",
        "Arrived", "tap", "RTP", "lost", "dup.", "jitter", "RTCP"
    );
    out.push_str(&style.paint(Paint::Faint, &head));
    out.push('\n');
    let several = are_several(session);
    for row in rows {
        let label = if several { row.kind } else { "" };
        let label: String = label.chars().take(7).collect();
        let line = format!(
            "  {label:<7} {:<tap_width$} {:>8} {:>6} {:>5} {:>8} {:>6}",
            shortened(&row.tap, tap_width),
            row.packets,
            row.lost,
            row.duplicates,
            row.jitter,
            row.rtcp,
        );
        out.push_str(&if row.packets == 0 {
            style.paint(Paint::Bad, &line)
        } else {
            line
        });
        out.push('\n');
    }
}

/// A name that fits: its middle is left out, because names of captures differ at their ends.
fn shortened(name: &str, width: usize) -> String {
    let len = columns(name);
    if len <= width {
        return name.to_owned();
    }
    let kept = width.saturating_sub(1);
    let front: String = name.chars().take(kept / 2).collect();
    let back: String = name.chars().skip(len - (kept - kept / 2)).collect();
    format!("{front}…{back}")
}
