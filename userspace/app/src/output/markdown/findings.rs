//! Findings with their proof, and what to do.

use super::escape::{code, prose};
use super::heading;
use super::table::{self, Column};
use crate::output::json::{Evidence, Finding};
use crate::output::sentences::findings::{
    SHOWN_EVIDENCE, cause, remedies, sentence, standing, time_of_day,
};

/// Each finding: what is wrong, why, and the frames that prove it.
pub(super) fn write(out: &mut String, findings: &[&Finding], verbose: bool) {
    if findings.is_empty() {
        return;
    }
    heading(out, 3, "Findings");
    for (index, finding) in findings.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        out.push_str(&told(finding));
        out.push('\n');
        if let Some(cause) = cause(finding) {
            out.extend(["\n", &prose(&cause), "\n"]);
        }
        proofs(out, &finding.evidence, verbose);
    }
}

/// A finding in one paragraph, without its line end.
pub(super) fn told(finding: &Finding) -> String {
    format!(
        "**{} {}** ({})",
        standing(finding).mark(),
        prose(&sentence(&finding.summary)),
        code(finding.code),
    )
}

fn proofs(out: &mut String, evidence: &[Evidence], verbose: bool) {
    if evidence.is_empty() {
        return;
    }
    let shown = if verbose {
        evidence.len()
    } else {
        SHOWN_EVIDENCE
    };
    let columns = [
        Column::Text("Tap"),
        Column::Number("Frame"),
        Column::Text("Time (UTC)"),
        Column::Text("Proof"),
    ];
    let rows = evidence.iter().take(shown).map(|proof| {
        let frame = proof.frame.map(|frame| match &proof.file {
            Some(file) => format!("{} #{frame}", code(file)),
            None => frame.to_string(),
        });
        [
            code(&proof.tap),
            frame.unwrap_or_else(|| "–".to_owned()),
            time_of_day(proof).to_owned(),
            prose(&proof.note),
        ]
    });
    out.push('\n');
    table::write(out, &columns, rows);
    more(out, evidence.len(), shown);
}

/// Says how many rows are not shown.
pub(super) fn more(out: &mut String, count: usize, shown: usize) {
    if count > shown {
        let left_out = (count - shown).to_string();
        out.extend(["\nand ", &left_out, " more (`-v` shows them)\n"]);
    }
}

/// What to do, each once, best first.
pub(super) fn write_remedies(out: &mut String, findings: &[&Finding]) {
    let remedies = remedies(findings);
    if remedies.is_empty() {
        return;
    }
    heading(out, 3, "What to do");
    for (number, remedy) in (1_usize..).zip(remedies) {
        out.extend([&number.to_string(), ". ", &prose(remedy), "\n"]);
    }
}
