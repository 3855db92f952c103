//! Findings: what is wrong, why and the proof; and in a list of its own what to do about all of them.

use super::paragraph::columns;
use super::session::section;
use super::style::{Paint, Style};
use super::wrap;
use crate::output::json::{Evidence, Finding, Report};
use crate::output::sentences::findings::{
    SHOWN_EVIDENCE, cause, remedies, sentence, standing, time_of_day,
};
use crate::output::sentences::{frame, short_tap};

pub(super) fn write(out: &mut String, report: &Report, findings: &[&Finding], style: &Style) {
    for finding in findings {
        let standing = standing(finding);
        let head = wrap("  ", "  ", &sentence(&finding.summary), style.width);
        out.push_str(&style.paint(Paint::of(standing), standing.mark()));
        out.push_str(head.get(1..).unwrap_or_default());
        if let Some(cause) = cause(finding) {
            out.push_str(&wrap("  ", "  ", &cause, style.width));
        }
        code(out, finding.code, style);
        out.push_str(&section(
            "Proof",
            &proofs(report, &finding.evidence, style),
            style,
        ));
    }
}

/// Puts the code at the end of the last line where there is room, else on a line of its own, flush right.
fn code(out: &mut String, code: &str, style: &Style) {
    let shown = format!("[{code}]");
    let last_len = columns(out.trim_end().rsplit('\n').next().unwrap_or_default());
    let mut column = last_len;
    if last_len + 2 + columns(&shown) <= style.width {
        out.truncate(out.trim_end().len());
    } else {
        column = 0;
    }
    let room = style.width.saturating_sub(column + columns(&shown));
    out.push_str(&" ".repeat(room));
    out.push_str(&style.paint(Paint::Faint, &shown));
    out.push('\n');
}

fn proofs(report: &Report, evidence: &[Evidence], style: &Style) -> String {
    let shown = if style.verbose {
        evidence.len()
    } else {
        SHOWN_EVIDENCE
    };
    let mut proofs: Vec<String> = evidence
        .iter()
        .take(shown)
        .map(|proof| {
            let found = proof.found();
            if found.frame.is_some() {
                let place = frame(report, &proof.tap, &found);
                return format!("{place} ({})", proof.note);
            }
            let tap = short_tap(report, &proof.tap);
            format!("{tap} at {} ({})", time_of_day(proof), proof.note)
        })
        .collect();
    if evidence.len() > shown {
        proofs.push(format!(
            "and {} more (-v shows them)",
            evidence.len() - shown
        ));
    }
    proofs.join("; ")
}

/// What to do, each once, best first.
pub(super) fn write_remedies(out: &mut String, findings: &[&Finding], style: &Style) {
    let remedies = remedies(findings);
    if style.is_narrow() && !remedies.is_empty() {
        out.extend(["  ", &style.paint(Paint::Strong, "Do"), "\n"]);
    }
    for (index, remedy) in remedies.into_iter().enumerate() {
        if style.is_narrow() {
            let number = format!("  {}. ", index + 1);
            out.push_str(&wrap(&number, "     ", remedy, style.width));
            continue;
        }
        let label = if index == 0 { "Do" } else { "" };
        let number = format!("{}.", index + 1);
        let line = wrap(
            &format!("  {label:<7} {number:<3}"),
            "             ",
            remedy,
            style.width,
        );
        out.push_str(&line.replacen(
            "  Do ",
            &format!("  {} ", style.paint(Paint::Strong, "Do")),
            1,
        ));
    }
}
