//! One session: which it is, the verdict, what was agreed, what arrived, what differs, the findings and what to do.

use rtspscope_engine::{Snapshot, model};

use super::escape::{code, prose};
use super::table::{self, Column};
use super::{findings, heading};
use crate::output::json::{Report, Session};
use crate::output::privacy::Privacy;
use crate::output::sentences::differences::{SHOWN, breaks, frames, length, message, value};
use crate::output::sentences::findings::{of, sentence};
use crate::output::sentences::session::{alg, ends, mappings, times, title, transport, verdict};
use crate::output::sentences::{media, messages};

pub(super) fn write(out: &mut String, report: &Report, session: &Session, verbose: bool) {
    let of_session = of(report, session);
    heading(out, 2, &code(title(session)));
    if let Some(verdict) = verdict(report, session) {
        let mark = verdict.standing.mark();
        out.extend(["**", mark, " ", &prose(&verdict.text), "**\n\n"]);
    }
    let errors = of_session
        .iter()
        .filter(|finding| finding.severity == "error");
    for error in errors {
        out.extend([&findings::told(error), "\n\n"]);
    }
    let mut parts = vec![prose(&ends(session))];
    parts.extend(session.client.user_agent.as_deref().map(code));
    parts.push(transport(session).to_owned());
    parts.push(format!("{} UTC", times(session)));
    out.extend([&parts.join(", "), "\n\n"]);
    out.extend(["ALG: ", &prose(&alg(session)), "\n"]);
    if let Some(told) = mappings(session) {
        out.extend(["\nNetfilter's own table: ", &prose(&told), "\n"]);
    }
    agreed(out, session);
    arrived(out, report, session);
    differs(out, report, session, verbose);
    findings::write(out, &of_session, verbose);
    findings::write_remedies(out, &of_session);
}

fn agreed(out: &mut String, session: &Session) {
    if session.media.is_empty() {
        return;
    }
    heading(out, 3, "Negotiated");
    for medium in &session.media {
        let told = prose(&media::agreed(medium));
        out.extend(["- ", media::agreement(medium), ": ", &told, "\n"]);
    }
}

fn arrived(out: &mut String, report: &Report, session: &Session) {
    let rows = media::rows(report, session);
    if rows.is_empty() {
        return;
    }
    heading(out, 3, "Arrived");
    let columns = [
        Column::Text("Medium"),
        Column::Text("Tap"),
        Column::Number(media::counted(session)),
        Column::Number("Lost"),
        Column::Number("Duplicates"),
        Column::Number("Jitter"),
        Column::Number("RTCP"),
    ];
    let rows = rows.into_iter().map(|row| {
        [
            prose(&row.kind),
            code(&row.tap),
            if row.is_missing {
                "**0**".to_owned()
            } else {
                row.packets.to_string()
            },
            row.lost,
            row.duplicates,
            row.jitter,
            row.rtcp.to_string(),
        ]
    });
    table::write(out, &columns, rows);
}

fn differs(out: &mut String, report: &Report, session: &Session, verbose: bool) {
    let rewrites = &session.nat.rewrites;
    let length = length(&session.nat);
    if rewrites.is_empty() && length.is_none() {
        return;
    }
    heading(out, 3, "Differences between the taps");
    let shown = if verbose { rewrites.len() } else { SHOWN };
    if !rewrites.is_empty() {
        let columns = [
            Column::Text("Message"),
            Column::Text("Field"),
            Column::Text("Client's side"),
            Column::Text("Far side"),
            Column::Text("Breaks it"),
            Column::Text("Frames"),
        ];
        let rows = rewrites.iter().take(shown).map(|rewrite| {
            [
                prose(&message(rewrite)),
                code(&rewrite.field),
                code(value(rewrite.pre.as_deref())),
                code(value(rewrite.post.as_deref())),
                if breaks(rewrite) { "yes" } else { "no" }.to_owned(),
                code(&frames(report, rewrite, &session.nat)),
            ]
        });
        table::write(out, &columns, rows);
        findings::more(out, rewrites.len(), shown);
    }
    if let Some(length) = length {
        if !rewrites.is_empty() {
            out.push('\n');
        }
        out.extend([&sentence(&length), "\n"]);
    }
}

/// Every message, leg by leg.
pub(super) fn write_messages(
    out: &mut String,
    (snapshot, report): (&Snapshot, &Report),
    session: &model::Session,
    privacy: Privacy,
) {
    heading(out, 3, "Messages");
    for leg in &session.legs {
        out.extend(["- ", &prose(&messages::leg(report, leg)), "\n"]);
        for exchange in leg.exchanges.iter() {
            let told = prose(&messages::exchange(snapshot, exchange, privacy));
            out.extend(["  - ", &told, "\n"]);
        }
    }
}
