//! One session: what it is, the verdict, and the sections behind it.

use super::paragraph::columns;
use super::style::{Paint, Style};
use super::{arrived, differs, findings, wrap};
use crate::output::json::{Report, Session};
use crate::output::sentences::findings::of;
use crate::output::sentences::session::{alg, ends, mappings, times, title, transport, verdict};

/// Between the parts of a heading.
const GAP: &str = "   ";

pub(super) fn write(out: &mut String, report: &Report, session: &Session, style: &Style) {
    heading(out, report, session, style);
    let of_session = of(report, session);
    if let Some(verdict) = verdict(report, session) {
        let mark = style.paint(Paint::of(verdict.standing), verdict.standing.mark());
        out.push_str(&wrap(&format!("{mark} "), "  ", &verdict.text, style.width));
    }
    findings::write(out, report, &of_session, style);
    arrived::write_agreed(out, session, style);
    arrived::write(out, report, session, style);
    differs::write(out, report, session, style);
    out.push_str(&section("ALG", &alg(session), style));
    if let Some(told) = mappings(session) {
        out.push_str(&section("Table", &told, style));
    }
    if let Some(clocks) = session.clocks.as_ref().filter(|_| style.verbose) {
        out.push_str(&section("Clocks", &clocks.told, style));
    }
    findings::write_remedies(out, &of_session, style);
}

/// Says in one line which session this is; breaks between its parts.
fn heading(out: &mut String, report: &Report, session: &Session, style: &Style) {
    let url = title(session);
    let number = if report.sessions.len() > 1 {
        format!("{}. ", session.id)
    } else {
        String::new()
    };
    let mut parts = vec![ends(session)];
    parts.extend(session.client.user_agent.clone());
    parts.push(transport(session).to_owned());
    parts.push(times(session));
    let url = format!("{number}{url}");
    out.push_str(&style.paint(Paint::Strong, &url));
    let mut column = columns(&url);
    for part in parts {
        if column + GAP.len() + columns(&part) > style.width {
            out.push_str("\n  ");
            column = 2;
        } else {
            out.push_str(GAP);
            column += GAP.len();
        }
        out.push_str(&part);
        column += columns(&part);
    }
    out.push('\n');
}

/// A paragraph behind a label; on narrow lines it goes on below the label.
pub(super) fn section(label: &str, text: &str, style: &Style) -> String {
    let wrapped = match (style.is_narrow(), label) {
        (true, "") => wrap("    ", "    ", text, style.width),
        (true, label) => wrap(&format!("  {label} "), "    ", text, style.width),
        (false, label) => wrap(&format!("  {label:<7} "), "          ", text, style.width),
    };
    wrapped.replacen(label, &style.paint(Paint::Faint, label), 1)
}
