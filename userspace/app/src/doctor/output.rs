//! What was found, for reading and for scripts.

use super::{Diagnosis, Status};
use crate::failure::Failure;
use crate::output::json as shape;
use crate::output::privacy::own;
use crate::output::text::wrap;

/// Columns of a line.
const WIDTH: usize = 80;

/// Columns before what was found: the status and the name.
const INDENT: &str = "                              ";

/// For reading.
pub(crate) fn text(diagnosis: &Diagnosis) -> String {
    let router = diagnosis
        .router
        .as_ref()
        .map_or_else(String::new, |router| format!("; a router: {router}"));
    let head = format!(
        "rtspscope {} on {}, Linux {}, {}{router}",
        diagnosis.version, diagnosis.system, diagnosis.kernel, diagnosis.processor
    );
    let mut out = wrap("", "  ", &own(&head), WIDTH);
    let mut section = "";
    for check in &diagnosis.checks {
        if check.section != section {
            section = check.section;
            out.extend(["\n", section, "\n"]);
        }
        let name = own(&check.name);
        let first = format!("  {:<8} {name:<18} ", word(check.status));
        out.push_str(&wrap(&first, INDENT, &own(&check.found), WIDTH));
        if let Some(remedy) = &check.remedy {
            let begin = format!("{INDENT}→ ");
            out.push_str(&wrap(&begin, &format!("{INDENT}  "), &own(remedy), WIDTH));
        }
    }
    let verdict = match diagnosis.live {
        "yes" => "Live capture works here.",
        "limited" => "Live capture works here, within the limits above.",
        _ => "Live capture does not work here; what is missing stands above.",
    };
    out.extend(["\n", verdict, " analyze works everywhere.\n"]);
    out
}

/// For scripts.
pub(crate) fn json(diagnosis: &Diagnosis) -> Result<String, Failure> {
    Ok(shape::pretty(diagnosis)? + "\n")
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Limited => "limited",
        Status::Unknown => "unknown",
        Status::Missing => "missing",
    }
}
