//! What the rules say of the router's setup, and what to do where a helper is there and not for this session. It is never
//! more than a witness: that a helper is not assigned is no fault where nothing was lost for want of one.

use super::{View, advice};
use crate::facts::assigned::Assignment;
use crate::finding::Finding;
use crate::locator::Locator;

/// What the router's setup says, and where it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) text: String,
    pub(super) at: Locator,
}

impl Told {
    /// Of a helper for the session.
    pub(super) fn of_helper(view: &View<'_>) -> Option<Self> {
        let (told, at) = view.facts.assignment_told()?;
        let text = format!("the router's setup: {told}");
        Some(Self { text, at })
    }

    /// The end of a cause.
    pub(super) fn behind(told: Option<&Self>) -> String {
        told.map_or_else(String::new, |told| format!("; {}", told.text))
    }

    /// Adds it as a proof, where there is one.
    pub(super) fn prove(told: Option<Self>, finding: Finding) -> Finding {
        match told {
            Some(told) => finding.proof(told.at, told.text),
            None => finding,
        }
    }
}

/// How a helper comes to the session: to load one, or to assign the one that is there.
pub(super) fn helper_remedy(view: &View<'_>) -> String {
    match view.facts.assignment() {
        Some(Assignment::ToOthers(port, _)) => assign(port),
        Some(Assignment::ToNone(_)) => view.session.legs.first().map_or_else(
            || advice::LOAD_HELPER.to_owned(),
            |leg| assign(leg.server.port()),
        ),
        _ => advice::LOAD_HELPER.to_owned(),
    }
}

/// The rule as nftables takes it in one line; tried with a helper that every kernel has.
pub(super) fn assign(port: u16) -> String {
    format!(
        "Or let the router's own helper read TCP port {port}: nft 'table ip rtsp_helper {{ ct helper rtsp {{ type \"rtsp\" protocol tcp; }}; \
         chain prerouting {{ type filter hook prerouting priority mangle; tcp dport {port} ct helper set \"rtsp\"; }}; }}'"
    )
}
