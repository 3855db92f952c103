//! Several sessions at a glance, before each has its own part.

use super::arrived::shortened;
use super::paragraph::columns;
use super::style::{Paint, Style};
use crate::output::json::{Report, Session};
use crate::output::sentences::findings::of;
use crate::output::sentences::session::{counts, ends, host, standing, title, word, worst};

/// Sessions that a report describes at length unless all are asked for.
pub(super) const SHOWN: usize = 20;

/// Sessions that have a line of their own.
const LISTED: usize = 50;

/// Indices of the sessions that are described: the worst, in their own order.
pub(super) fn chosen(report: &Report, style: &Style) -> Vec<usize> {
    let shown = if style.verbose { usize::MAX } else { SHOWN };
    worst(report, shown)
}

/// How many stand how, and a line for each.
pub(super) fn write(out: &mut String, report: &Report, style: &Style) {
    let told = counts(report).into_iter().map(|(standing, count)| {
        let mark = style.paint(Paint::of(standing), standing.mark());
        format!("{mark} {count} {}", word(standing))
    });
    let head = format!("{} sessions", report.sessions.len());
    let told: Vec<String> = told.collect();
    out.extend([
        &style.paint(Paint::Strong, &head),
        ": ",
        &told.join(", "),
        "\n",
    ]);
    let listed = worst(report, if style.verbose { usize::MAX } else { LISTED });
    for index in &listed {
        line(out, report, &report.sessions[*index], style);
    }
    left_out(
        out,
        report.sessions.len() - listed.len(),
        "are not listed",
        style,
    );
}

/// Says how many sessions are not shown.
pub(super) fn left_out(out: &mut String, count: usize, how: &str, style: &Style) {
    if count > 0 {
        let text = format!("and {count} more that are no worse {how} (-v shows all)");
        out.push_str(&super::wrap("  ", "  ", &text, style.width));
    }
}

/// Number, client, URL and worst finding of a session, as much as fits.
fn line(out: &mut String, report: &Report, session: &Session, style: &Style) {
    let standing = standing(report, session);
    let mark = style.paint(Paint::of(standing), standing.mark());
    let client = match &session.url {
        Some(_) => host(&session.client.address).to_owned(),
        None => ends(session),
    };
    let front = format!(" {:>3}  {client:<15}  ", session.id);
    let code = of(report, session).first().map(|finding| finding.code);
    let worst = code.map_or_else(String::new, |code| format!("  [{code}]"));
    if style.is_narrow() {
        out.extend([&mark, front.trim_end(), "\n"]);
        let told = format!("{}{worst}", title(session));
        out.push_str(&super::wrap("      ", "      ", &told, style.width));
        return;
    }
    let room = style
        .width
        .saturating_sub(1 + columns(&front) + columns(&worst));
    let url = shortened(title(session), room.max(12));
    let gap = " ".repeat(room.saturating_sub(columns(&url)));
    let worst = style.paint(Paint::Faint, &worst);
    let gap = if worst.is_empty() { "" } else { &gap };
    out.extend([&mark, &front, &url, gap, &worst, "\n"]);
}
