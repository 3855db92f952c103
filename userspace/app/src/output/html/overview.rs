//! All sessions at a glance, where there are several.

use super::limits::{LISTED, SESSIONS, left_out};
use super::markup::Markup;
use super::{class, mark, scrolling, table_head};
use crate::output::json::{Report, Session};
use crate::output::sentences::Standing;
use crate::output::sentences::findings::{general, of, sentence, standing as standing_of};
use crate::output::sentences::session::{self, ends, title, transport};

/// How many sessions stand how, in one sentence.
pub(super) fn headline(report: &Report) -> (Standing, String) {
    let counts = session::counts(report);
    let worst = counts.first().map_or(Standing::Good, |(worst, _)| *worst);
    let told: Vec<String> = counts
        .iter()
        .map(|(standing, count)| format!("{count} {}", session::word(*standing)))
        .collect();
    let text = format!("{} sessions: {}.", report.sessions.len(), told.join(", "));
    (worst, text)
}

/// Indices of the sessions that have a part of their own.
pub(super) fn drawn(report: &Report) -> Vec<usize> {
    session::worst(report, SESSIONS)
}

/// The list, with a link to each session that has a part of its own.
pub(super) fn write(main: &mut Markup, report: &Report) {
    main.leaf("h2", &[("id", "overview")], "All sessions");
    for finding in general(report)
        .iter()
        .filter(|finding| finding.severity != "info")
    {
        let standing = standing_of(finding);
        main.within("p", &[("class", class(standing))], |paragraph| {
            mark(paragraph, standing);
            paragraph.text(&sentence(&finding.summary));
        });
    }
    let drawn = drawn(report);
    let listed = session::worst(report, LISTED);
    scrolling(main, "All sessions", |region| {
        region.within("table", &[], |table| {
            let heads = [
                "Stands",
                "No.",
                "URL",
                "From and to",
                "Media by",
                "Worst finding",
            ];
            table_head(table, &heads.map(|head| (head, head == "No.")));
            table.within("tbody", &[], |body| {
                for index in &listed {
                    let session = &report.sessions[*index];
                    row(body, report, session, drawn.contains(index));
                }
            });
        });
    });
    left_out(main, report.sessions.len(), listed.len(), "sessions are");
    left_out(
        main,
        listed.len(),
        drawn.len(),
        "of them have no part of their own and are",
    );
}

fn row(body: &mut Markup, report: &Report, session: &Session, is_drawn: bool) {
    let standing = session::standing(report, session);
    body.within("tr", &[], |row| {
        row.within("td", &[], |cell| {
            mark(cell, standing);
            cell.text(session::word(standing));
        });
        row.leaf("td", &[("class", "number")], &session.id.to_string());
        row.within("th", &[("scope", "row")], |cell| {
            let target = format!("#s{}", session.id);
            if is_drawn {
                cell.leaf("a", &[("href", &target)], title(session));
            } else {
                cell.text(title(session));
            }
        });
        row.leaf("td", &[], &ends(session));
        row.leaf("td", &[], transport(session));
        let worst = of(report, session).first().map(|finding| finding.code);
        row.within("td", &[], |cell| match worst {
            Some(code) => cell.leaf("code", &[], code),
            None => cell.text("–"),
        });
    });
}
