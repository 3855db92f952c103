//! Findings with their proof, and what to do.

use super::limits::{FINDINGS, PROOFS, left_out};
use super::markup::Markup;
use super::{class, mark, scrolling, table_head};
use crate::output::json::{Evidence, Finding, Report};
use crate::output::place;
use crate::output::sentences::findings::{cause, remedies, sentence, standing, time_of_day};
use crate::output::sentences::short_tap;

/// Each finding: what is wrong, why, and the frames that prove it.
pub(super) fn write(part: &mut Markup, report: &Report, findings: &[&Finding], id: &str) {
    let heading_id = format!("{id}-why");
    part.leaf("h3", &[("id", &heading_id)], "Why");
    if findings.is_empty() {
        part.leaf("p", &[], "Nothing was found that is worth telling.");
    }
    for (number, finding) in (1..).zip(findings.iter().take(FINDINGS)) {
        write_one(part, report, finding, number);
    }
    left_out(part, findings.len(), FINDINGS, "findings are");
}

fn write_one(part: &mut Markup, report: &Report, finding: &Finding, number: usize) {
    let standing = standing(finding);
    let style = format!("finding {}", class(standing));
    part.within("div", &[("class", &style)], |div| {
        div.within("h4", &[], |heading| {
            mark(heading, standing);
            heading.text(&format!("{number}. {} ", sentence(&finding.summary)));
            heading.leaf("code", &[("class", "code")], finding.code);
        });
        if let Some(cause) = cause(finding) {
            div.leaf("p", &[], &cause);
        }
        if !finding.evidence.is_empty() {
            let label = format!("Proof of finding {number}");
            scrolling(div, &label, |region| {
                region.within("table", &[], |table| {
                    proofs(table, report, &finding.evidence);
                });
            });
            left_out(div, finding.evidence.len(), PROOFS, "proofs are");
        }
    });
}

fn proofs(table: &mut Markup, report: &Report, evidence: &[Evidence]) {
    table_head(
        table,
        &[
            ("Proof", false),
            ("Tap", false),
            ("Frame", true),
            ("Time (UTC)", true),
        ],
    );
    table.within("tbody", &[], |body| {
        for proof in evidence.iter().take(PROOFS) {
            body.within("tr", &[], |row| {
                row.leaf("td", &[], &sentence(&proof.note));
                row.leaf("td", &[], &short_tap(report, &proof.tap));
                let frame = place::number(&proof.found());
                let frame = frame.unwrap_or_else(|| "–".to_owned());
                row.leaf("td", &[("class", "number")], &frame);
                row.leaf("td", &[("class", "number")], time_of_day(proof));
            });
        }
    });
}

/// What to do, each once, best first.
pub(super) fn write_remedies(part: &mut Markup, findings: &[&Finding], id: &str) {
    part.leaf("h3", &[("id", id)], "What to do");
    let remedies = remedies(findings);
    if remedies.is_empty() {
        part.leaf("p", &[], "Nothing.");
        return;
    }
    part.within("ol", &[], |list| {
        for remedy in remedies {
            list.leaf("li", &[], remedy);
        }
    });
}
