//! The one finding of a picture or a sound that the server refused while the client played the rest; its code is that of the
//! refusal.

use super::View;
use crate::facts::RefusedStream;
use crate::finding::{Code, Finding, Severity};

/// The findings with this code for the refusals with these statuses.
pub(super) fn findings(
    view: &View<'_>,
    code: Code,
    is_it: impl Fn(u16) -> bool,
    remedies: &[&str],
) -> Vec<Finding> {
    let refused = view.facts.refused_streams();
    let own = refused.filter(|refused| is_it(refused.status));
    own.filter_map(|refused| finding(view, code, &refused, remedies))
        .collect()
}

fn finding(
    view: &View<'_>,
    code: Code,
    refused: &RefusedStream<'_>,
    remedies: &[&str],
) -> Option<Finding> {
    let RefusedStream {
        media,
        setup,
        status,
    } = refused;
    let (request, response) = (setup.request.as_ref()?, setup.response.as_ref()?);
    let kind = media.media.kind.as_deref()?;
    let finding = Finding::new(
        code,
        Severity::Warning,
        view.medium(media.index),
        format!("the server refuses the {kind}: {status} to its SETUP"),
    )
    .cause(format!(
        "SETUP of the {kind} was answered with {status}, and the client played the rest without it"
    ))
    .proof(request.at, format!("SETUP of the {kind}"))
    .proof(response.at, format!("the answer {status}"));
    Some(finding.remedies(remedies.iter().copied()))
}
