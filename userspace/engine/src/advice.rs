//! What to do on the user's own router: where its RTSP ALG is switched off, and where one is switched on.
//!
//! Each step carries its source, the date on which that was read, and how far it was checked. Nothing is made up: where no
//! way is known, it says so. Findings decide whether the ALG should go or come; this module only knows how.

use crate::finding::Finding;

mod routers;

pub use routers::ROUTERS;

/// A kind of router with what is known of its RTSP ALG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Router {
    /// Name for the command line: lower case, no spaces.
    pub name: &'static str,
    /// Other names by which it is found.
    pub aliases: &'static [&'static str],
    /// Name for reports.
    pub title: &'static str,
    /// How its RTSP ALG is switched off.
    pub off: Option<Step>,
    /// How its RTSP ALG is switched on, or loaded.
    pub on: Option<Step>,
    /// What else must be known of it; empty where nothing.
    pub note: &'static str,
}

/// One way to change a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Menu path or command.
    pub how: &'static str,
    /// Models or versions for which the source speaks; empty where it names none.
    pub applies_to: &'static str,
    /// Where it was read.
    pub source: &'static str,
    /// Month in which it was read or run, as `2026-11`.
    pub read_on: &'static str,
    /// How far it was checked.
    pub standing: Standing,
}

/// How far advice was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was run, and did what it says.
    Run,
    /// The maker's manual says so.
    Manual,
    /// Somebody else says so.
    Unverified,
}

impl Standing {
    /// For reports, in brackets.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Run => "tried",
            Self::Manual => "by the maker's manual, not tried",
            Self::Unverified => "not verified",
        }
    }
}

/// The difference that the names hide, for people who find both words in their router's menus.
pub const ALG_OR_PASSTHROUGH: &str = "An ALG (also called helper, session helper, inspection or conntrack module) reads RTSP, opens the ports that it \
    names and may change its text. Plain passthrough lets the packets by as they are. Menus use both words for either, so look at what the finding \
    shows rather than at the name of the switch.";

/// Finds a router by its name, an alias or its title; case, spaces, `-` and `_` do not matter.
pub fn router(name: &str) -> Option<&'static Router> {
    let wanted = plain(name);
    ROUTERS.iter().find(|router| {
        let names = router.aliases.iter().chain([&router.name, &router.title]);
        names.into_iter().any(|known| plain(known) == wanted)
    })
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| letter.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Stands in every remedy that tells to switch an ALG off, with a large or a small s before it.
const SWITCH_OFF: &str = "witch off the router's RTSP";
/// Begins every remedy that tells to load one.
const LOAD: &str = "Or let the router open the ports";

/// A remedy in the words for one router: its own menu or command in place of the general advice.
///
/// Remedies that do not concern the ALG stay as they are.
pub fn for_router(remedy: &str, router: &Router) -> String {
    if remedy.starts_with(LOAD) {
        return format!("{LOAD}. {}", told(router.on, router, "switch one on"));
    }
    if remedy.contains(SWITCH_OFF) {
        return format!("{remedy}. {}", told(router.off, router, "switch it off"));
    }
    remedy.to_owned()
}

fn told(step: Option<Step>, router: &Router, what: &str) -> String {
    let title = router.title;
    let note = if router.note.is_empty() {
        String::new()
    } else {
        format!(" {}", router.note)
    };
    match step {
        Some(step) => {
            let models = if step.applies_to.is_empty() {
                String::new()
            } else {
                format!(" ({})", step.applies_to)
            };
            let standing = step.standing.told();
            format!(
                "{title}{models}: {} [{standing}; {}, {}].{note}",
                step.how, step.source, step.read_on
            )
        }
        None => format!("{title}: no way to {what} is known.{note}"),
    }
}

/// Puts a router's own steps into the remedies of findings.
pub(crate) fn adapt(findings: &mut [Finding], router: &Router) {
    let remedies = findings.iter_mut().flat_map(|finding| &mut finding.remedy);
    for remedy in remedies {
        *remedy = for_router(remedy, router);
    }
}

#[cfg(test)]
mod tests;
