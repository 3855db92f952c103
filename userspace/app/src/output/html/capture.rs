//! What was captured, and what this capture cannot show.

use super::markup::Markup;
use super::{findings, scrolling, table_head};
use crate::output::json::{Report, Tap};
use crate::output::sentences::capture::{how_to_capture, loss, router};
use crate::output::sentences::findings::general;

pub(super) fn write(main: &mut Markup, report: &Report) {
    let attributes = [("id", "capture"), ("aria-labelledby", "capture-title")];
    main.within("section", &attributes, |part| {
        part.leaf("h2", &[("id", "capture-title")], "What was captured");
        if report.sessions.is_empty() {
            part.leaf("p", &[], how_to_capture(report));
        }
        scrolling(part, "Captures", |region| {
            region.within("table", &[], |table| taps(table, &report.capture.taps));
        });
        for lacking in &report.capture.losses {
            part.leaf("p", &[], &(loss(lacking) + "."));
        }
        for note in &report.capture.notes {
            part.leaf("p", &[], &(note.clone() + "."));
        }
        if let Some(router) = router(report) {
            part.leaf("p", &[], &(router + "."));
        }
        let general = general(report);
        if !general.is_empty() {
            findings::write(part, report, &general, "capture");
            findings::write_remedies(part, &general, "capture-do");
        }
        part.leaf("h3", &[], "Blind spots");
        if report.capture.blind_spots.is_empty() {
            let text = "None: what the findings rest on is in the capture.";
            part.leaf("p", &[], text);
        } else {
            let text = "The report cannot judge all it would judge with a complete capture:";
            part.leaf("p", &[], text);
            part.within("ul", &[], |list| {
                for code in &report.capture.blind_spots {
                    list.within("li", &[], |item| item.leaf("code", &[], code));
                }
            });
        }
    });
}

fn taps(table: &mut Markup, taps: &[Tap]) {
    let heads = [
        ("Tap", false),
        ("Side of the router", false),
        ("Frames", true),
        ("Bytes", true),
        ("From (UTC)", true),
        ("To (UTC)", true),
        ("Clock against the first", true),
    ];
    table_head(table, &heads);
    table.within("tbody", &[], |body| {
        for tap in taps {
            body.within("tr", &[], |row| {
                let name = match tap.files.len() {
                    0 => tap.name.clone(),
                    count => format!("{}, {count} files", tap.name),
                };
                row.leaf("th", &[("scope", "row")], &name);
                row.leaf("td", &[], &tap.role.to_uppercase());
                let moment = |at: &Option<String>| {
                    let at = at.as_deref().and_then(|at| at.get(..19));
                    at.unwrap_or("–").replace('T', " ")
                };
                let offset = tap.clock_offset_ns;
                let offset = offset.map(|offset| format!("{:+.3} ms", offset as f64 / 1e6));
                let drift = tap.clock_drift_ppm;
                let drift = drift.map(|drift| format!("gaining {drift:+.1} ppm"));
                let clock: Vec<String> = offset.into_iter().chain(drift).collect();
                let clock = match &clock[..] {
                    [] => "–".to_owned(),
                    known => known.join(", "),
                };
                for cell in [
                    tap.frames.to_string(),
                    tap.bytes.to_string(),
                    moment(&tap.first_at),
                    moment(&tap.last_at),
                    clock,
                ] {
                    row.leaf("td", &[("class", "number")], &cell);
                }
            });
        }
    });
}
