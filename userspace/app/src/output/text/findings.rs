//! Findings: what is wrong, why and the proof; and in a list of its own what to do about all of them.

use super::paragraph::columns;
use super::session::section;
use super::style::{Paint, Style};
use super::wrap;
use crate::output::json::{Evidence, Finding, Session};

/// Proofs shown of a finding unless all are asked for.
const SHOWN_EVIDENCE: usize = 4;

/// Whether a finding speaks of the session or of one of its media.
pub(super) fn is_of(finding: &Finding, session: &Session) -> bool {
    finding.session == Some(session.id)
}

pub(super) fn write(out: &mut String, findings: &[&Finding], style: &Style) {
    for finding in findings {
        let (mark, paint) = mark(finding);
        let head = wrap("  ", "  ", &sentence(&finding.summary), style.width);
        out.extend([&style.paint(paint, mark), head.get(1..).unwrap_or_default()]);
        if finding.cause != finding.summary {
            out.push_str(&wrap("  ", "  ", &sentence(&finding.cause), style.width));
        }
        code(out, finding.code, style);
        out.push_str(&section("Proof", &proofs(&finding.evidence, style), style));
    }
}

/// A clause with a capital and a full stop; an address or a URL at its front stays as it is.
fn sentence(clause: &str) -> String {
    let mut out = String::with_capacity(clause.len() + 1);
    let plain_word = clause
        .split(' ')
        .next()
        .is_some_and(|word| word.chars().all(char::is_alphabetic));
    let mut characters = clause.chars();
    match characters.next() {
        Some(first) if plain_word => out.extend(first.to_uppercase()),
        Some(first) => out.push(first),
        None => {}
    }
    out.push_str(characters.as_str());
    if !out.ends_with(['.', '!', '?', ':']) {
        out.push('.');
    }
    out
}

fn mark(finding: &Finding) -> (&'static str, Paint) {
    match finding.severity {
        "error" => ("✗", Paint::Bad),
        "warning" => ("!", Paint::Doubtful),
        _ => ("i", Paint::Faint),
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

fn proofs(evidence: &[Evidence], style: &Style) -> String {
    let shown = if style.verbose {
        evidence.len()
    } else {
        SHOWN_EVIDENCE
    };
    let mut proofs: Vec<String> = evidence
        .iter()
        .take(shown)
        .map(|proof| match proof.frame {
            Some(frame) => format!("{} #{frame} ({})", proof.tap, proof.note),
            None => format!(
                "{} at {} ({})",
                proof.tap,
                proof.at.get(11..23).unwrap_or(&proof.at),
                proof.note
            ),
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

/// What to do, each once, best first. What merely explains asks for nothing as long as something is wrong.
pub(super) fn write_remedies(out: &mut String, findings: &[&Finding], style: &Style) {
    let wrong = findings.iter().any(|finding| finding.severity != "info");
    let mut remedies: Vec<&str> = Vec::new();
    for finding in findings
        .iter()
        .filter(|finding| !wrong || finding.severity != "info")
    {
        for remedy in &finding.remedy {
            if !remedies.contains(&remedy.as_str()) {
                remedies.push(remedy);
            }
        }
    }
    for (index, remedy) in remedies.into_iter().enumerate() {
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
