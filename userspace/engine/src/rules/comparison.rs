//! What the findings about two sessions side by side have in common.

use super::View;
use crate::finding::{Code, Finding, Severity};
use crate::model::Session;

/// A finding about the session at hand, which fails, beside one that works; `None` where nothing tells them apart.
pub(super) fn compared<'a>(
    view: &View<'a>,
    works: &'a Session,
    code: Code,
    summary: &str,
) -> Option<Finding> {
    let differences = view.facts_of(works).differences(view.facts);
    let (first, rest) = differences.split_first()?;
    let told: Vec<&str> = rest
        .iter()
        .map(|difference| difference.text.as_str())
        .collect();
    let matters = if first.matters {
        "this explains it"
    } else {
        "whether this matters is not proved"
    };
    let others = if told.is_empty() {
        String::new()
    } else {
        format!("; also {}", told.join("; "))
    };
    let (own, other) = (view.session.legs.first()?, works.legs.first()?);
    let finding = Finding::new(code, Severity::Warning, view.subject(), summary)
        .cause(format!("{} ({matters}){others}", first.text))
        .proof(own.first, "the session that fails begins")
        .proof(
            other.first,
            format!("session {}, which works, begins", works.id),
        );
    Some(finding.remedies(code.explanation().remedies.iter().copied()))
}
