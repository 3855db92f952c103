//! One session: what it is, the verdict, why, what to do, and the pictures that show it.

use super::limits::{MEDIA, left_out};
use super::markup::Markup;
use super::{Drawing, changes, chart, class, findings, ladder, mark, path};
use crate::output::json::Session;
use crate::output::sentences::findings::of;
use crate::output::sentences::session::{alg, mappings, title, transport, verdict};

pub(super) fn write(main: &mut Markup, drawing: &Drawing<'_>, index: usize) {
    let report = drawing.report;
    let (Some(session), Some(model)) = (
        report.sessions.get(index),
        drawing.snapshot.sessions.get(index),
    ) else {
        return;
    };
    let id = format!("s{}", session.id);
    let title_id = format!("{id}-title");
    let attributes = [("id", id.as_str()), ("aria-labelledby", title_id.as_str())];
    main.within("section", &attributes, |part| {
        heading(part, session, &title_id, report.sessions.len() > 1);
        if report.sessions.len() > 1
            && let Some(verdict) = verdict(report, session)
        {
            let class = format!("box {}", class(verdict.standing));
            part.within("div", &[("class", &class)], |verdict_box| {
                verdict_box.within("p", &[], |text| {
                    mark(text, verdict.standing);
                    text.text(&verdict.text);
                });
            });
        }
        facts(part, session);
        let of_session = of(report, session);
        findings::write(part, report, &of_session, &id);
        findings::write_remedies(part, &of_session, &format!("{id}-do"));
        path::write(part, drawing, model, session, &id);
        ladder::write(part, drawing, model, &id);
        changes::write(part, drawing, model, session);
        chart::write(part, drawing, model, &id);
    });
}

fn heading(part: &mut Markup, session: &Session, id: &str, is_one_of_several: bool) {
    part.within("h2", &[("id", id)], |heading| {
        if is_one_of_several {
            heading.text(&format!("{}. ", session.id));
        }
        heading.text(title(session));
    });
}

fn facts(part: &mut Markup, session: &Session) {
    let with = |address: &str, name: Option<&str>| match name {
        Some(name) => format!("{address}, {name}"),
        None => address.to_owned(),
    };
    let end = session.ended_at.as_deref();
    let end = end.map_or_else(
        || ", still open at the end".to_owned(),
        |end| format!(" to {}", moment(end)),
    );
    let facts = [
        (
            "Client",
            with(
                &session.client.address,
                session.client.user_agent.as_deref(),
            ),
        ),
        (
            "Server",
            with(&session.server.address, session.server.name.as_deref()),
        ),
        ("Media by", transport(session).to_owned()),
        ("State", session.state.to_owned()),
        (
            "Time (UTC)",
            format!("{}{end}", moment(&session.started_at)),
        ),
        ("ALG", alg(session)),
    ];
    part.within("dl", &[("class", "facts")], |list| {
        let told = mappings(session).map(|told| ("Netfilter's own table", told));
        for (name, value) in facts.into_iter().chain(told) {
            list.leaf("dt", &[], name);
            list.leaf("dd", &[], &value);
        }
        for media in session.media.iter().take(MEDIA) {
            list.leaf("dt", &[], crate::output::sentences::media::agreement(media));
            list.leaf("dd", &[], &crate::output::sentences::media::agreed(media));
        }
    });
    left_out(part, session.media.len(), MEDIA, "media are");
}

/// Date and time of day to the second.
fn moment(at: &str) -> String {
    at.get(..19).unwrap_or(at).replace('T', " ")
}
