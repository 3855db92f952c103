//! What is said of findings, and what to do about all of them.

use super::Standing;
use crate::output::json::{Evidence, Finding, Report, Session};

/// Proofs of a finding that a report shows unless all are asked for.
pub(in crate::output) const SHOWN_EVIDENCE: usize = 4;

/// Findings about a session or one of its media, the worst first.
pub(in crate::output) fn of<'a>(report: &'a Report, session: &Session) -> Vec<&'a Finding> {
    let mut findings: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.session == Some(session.id))
        .collect();
    findings.sort_by_key(|finding| match finding.severity {
        "error" => 0,
        "warning" => 1,
        _ => 2,
    });
    findings
}

/// Findings about no session in particular.
pub(in crate::output) fn general(report: &Report) -> Vec<&Finding> {
    let findings = report.findings.iter();
    findings
        .filter(|finding| finding.session.is_none())
        .collect()
}

/// How what it speaks of stands.
pub(in crate::output) fn standing(finding: &Finding) -> Standing {
    match finding.severity {
        "error" => Standing::Bad,
        "warning" => Standing::Doubtful,
        _ => Standing::Remark,
    }
}

/// The cause, unless it says no more than the summary.
pub(in crate::output) fn cause(finding: &Finding) -> Option<String> {
    (finding.cause != finding.summary).then(|| sentence(&finding.cause))
}

/// A clause with a capital and a full stop; an address or a URL at its front stays as it is.
pub(in crate::output) fn sentence(clause: &str) -> String {
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

/// The time of day of a proof, to the millisecond.
pub(in crate::output) fn time_of_day(proof: &Evidence) -> &str {
    proof.at.get(11..23).unwrap_or(&proof.at)
}

/// What to do, each once, best first. What merely explains asks for nothing as long as something is wrong.
pub(in crate::output) fn remedies<'a>(findings: &[&'a Finding]) -> Vec<&'a str> {
    let wrong = findings.iter().any(|finding| finding.severity != "info");
    let asking = findings
        .iter()
        .filter(|finding| !wrong || finding.severity != "info");
    let mut remedies: Vec<&str> = Vec::new();
    for remedy in asking.flat_map(|finding| &finding.remedy) {
        if !remedies.contains(&remedy.as_str()) {
            remedies.push(remedy);
        }
    }
    remedies
}
