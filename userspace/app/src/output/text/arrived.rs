//! What was agreed and what arrived of it at each tap.

use super::paragraph::columns;
use super::session::section;
use super::style::{Paint, Style};
use super::wrap;
use crate::output::json::{Report, Session};
use crate::output::sentences::media::{Break, Row, agreed, agreement, are_several, counted, rows};

/// Columns of the table besides the tap's.
const OTHER_COLUMNS: usize = 49;

/// What the two ends agreed on, or what the client asked for in vain; a line per medium.
pub(super) fn write_agreed(out: &mut String, session: &Session, style: &Style) {
    for media in &session.media {
        out.push_str(&section(agreement(media), &agreed(media), style));
    }
}

/// A row per medium and tap, and between two rows what was lost there.
pub(super) fn write(out: &mut String, report: &Report, session: &Session, style: &Style) {
    let rows = rows(report, session);
    let Some(widest) = rows.iter().map(|row| columns(&row.tap)).max() else {
        return;
    };
    let several = are_several(session);
    if style.is_narrow() {
        write_list(out, &rows, several, style);
        return;
    }
    let tap_width = widest.clamp(3, style.width.saturating_sub(OTHER_COLUMNS));
    let head = format!(
        "  {:<7} {:<tap_width$} {:>8} {:>6} {:>5} {:>8} {:>6}",
        "Arrived",
        "tap",
        counted(session),
        "lost",
        "dup.",
        "jitter",
        "RTCP"
    );
    out.extend([&style.paint(Paint::Faint, &head), "\n"]);
    for row in rows {
        let line = line(&row, several, tap_width);
        out.extend([&painted(&row, line, style), "\n"]);
        if let Some(broken) = &row.broken {
            write_break(out, broken, "          ", style);
        }
    }
}

fn line(row: &Row, several: bool, tap_width: usize) -> String {
    let label = if several { row.kind.as_str() } else { "" };
    let label: String = label.chars().take(7).collect();
    format!(
        "  {label:<7} {:<tap_width$} {:>8} {:>6} {:>5} {:>8} {:>6}",
        shortened(&row.tap, tap_width),
        row.packets,
        row.lost,
        row.duplicates,
        row.jitter,
        row.rtcp,
    )
}

/// Two lines instead of a row, where a table has no room.
fn write_list(out: &mut String, rows: &[Row], several: bool, style: &Style) {
    out.extend(["  ", &style.paint(Paint::Faint, "Arrived"), "\n"]);
    for row in rows {
        let medium = if several {
            format!("{}, ", row.kind)
        } else {
            String::new()
        };
        let room = style.width.saturating_sub(4 + columns(&medium));
        out.extend(["    ", &medium, &shortened(&row.tap, room), "\n"]);
        let mut cells = vec![format!("{} {}", row.unit, row.packets)];
        if row.packets > 0 {
            cells.push(format!("lost {}", row.lost));
            cells.push(format!("dup. {}", row.duplicates));
            cells.push(format!("jitter {}", row.jitter));
        }
        cells.push(format!("RTCP {}", row.rtcp));
        let line = wrap("      ", "      ", &cells.join(", "), style.width);
        out.extend([&painted(row, line.trim_end().to_owned(), style), "\n"]);
        if let Some(broken) = &row.broken {
            write_break(out, broken, "    ", style);
        }
    }
}

fn painted(row: &Row, line: String, style: &Style) -> String {
    if row.is_missing {
        style.paint(Paint::Bad, &line)
    } else {
        line
    }
}

fn write_break(out: &mut String, broken: &Break, indent: &str, style: &Style) {
    let indent_of_text = format!("{indent}  ");
    let text = wrap(&indent_of_text, &indent_of_text, &broken.text, style.width);
    let mark = style.paint(Paint::of(broken.standing), broken.standing.mark());
    out.extend([
        indent,
        &mark,
        text.get(indent.len() + 1..).unwrap_or_default(),
    ]);
}

/// A name that fits: its middle is left out, because names of captures differ at their ends.
pub(super) fn shortened(name: &str, width: usize) -> String {
    let len = columns(name);
    if len <= width {
        return name.to_owned();
    }
    let kept = width.saturating_sub(1);
    let front: String = name.chars().take(kept / 2).collect();
    let back: String = name.chars().skip(len - (kept - kept / 2)).collect();
    format!("{front}…{back}")
}
