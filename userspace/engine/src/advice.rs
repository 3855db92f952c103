//! What to do on the user's own router and in the user's own player, in their own menus and commands.
//!
//! Each step carries its source, the date on which that was read, and how far it was checked. Nothing is made up: where no
//! way is known, it says so. Findings decide whether the ALG should go or come; this module only knows how.

use crate::model::Snapshot;

mod pages;
mod players;
mod routers;

pub use pages::{PAGES, Page, Section};
pub use players::{PLAYERS, Player, by_user_agent};
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
    /// How its UDP timeout is raised.
    pub udp_timeout: Option<Step>,
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
    /// The source of its program says so.
    Source,
    /// Somebody else says so.
    Unverified,
}

impl Standing {
    /// For reports, in brackets.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Run => "tried",
            Self::Manual => "by the maker's manual, not tried",
            Self::Source => "by its source, not tried",
            Self::Unverified => "not verified",
        }
    }
}

/// The router that advice is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Which kind.
    pub router: &'static Router,
    /// What this machine says of itself, where it is the router; `None` where the user named it.
    pub machine: Option<String>,
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
const SWITCH_OFF: [&str; 3] = [
    "witch off the router's RTSP",
    "witch the ALG off",
    "RTSP ALG switched off",
];
/// Begins every remedy that tells to load one.
const LOAD: &str = "Or let the router open the ports";
/// Stands in every remedy that tells to raise the UDP timeout, with a large or a small r before it.
const RAISE: &str = "aise the router's UDP timeout";
/// Begins every remedy that tells to carry media inside RTSP.
const OVER_TCP: &str = "Let the player carry media over TCP";

/// What a remedy asks of the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Load,
    SwitchOff,
    RaiseTimeout,
}

fn asked(remedy: &str) -> Option<Asked> {
    if remedy.starts_with(LOAD) {
        Some(Asked::Load)
    } else if SWITCH_OFF.iter().any(|words| remedy.contains(words)) {
        Some(Asked::SwitchOff)
    } else if remedy.contains(RAISE) {
        Some(Asked::RaiseTimeout)
    } else {
        None
    }
}

/// Whether a remedy is done on the router, so that its own menus and commands matter.
pub fn concerns_router(remedy: &str) -> bool {
    asked(remedy).is_some()
}

/// Whether a remedy speaks of the ALG.
pub fn concerns_alg(remedy: &str) -> bool {
    matches!(asked(remedy), Some(Asked::Load | Asked::SwitchOff))
}

/// Whether a remedy tells to carry media inside RTSP.
pub fn concerns_player(remedy: &str) -> bool {
    remedy.starts_with(OVER_TCP)
}

/// A remedy in the words for one router: its own menu or command with the general advice.
///
/// Remedies that are not done on the router stay as they are.
pub fn for_router(remedy: &str, router: &Router) -> String {
    match asked(remedy) {
        Some(Asked::Load) => format!("{LOAD}. {}", told(router.on, router, "switch one on")),
        Some(Asked::SwitchOff) => {
            format!("{remedy}. {}", told(router.off, router, "switch it off"))
        }
        Some(Asked::RaiseTimeout) => {
            let alone = Router {
                note: "",
                ..*router
            };
            format!("{remedy}. {}", told(router.udp_timeout, &alone, "raise it"))
        }
        None => remedy.to_owned(),
    }
}

/// A remedy in the words for one player, where it is done there.
pub fn for_player(remedy: &str, player: &Player) -> String {
    if concerns_player(remedy) {
        format!("{OVER_TCP}. {}: {}", player.title, player.tcp)
    } else {
        remedy.to_owned()
    }
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
            format!("{title}{models}: {} [{}].{note}", step.how, step.standing())
        }
        None => format!("{title}: no way to {what} is known.{note}"),
    }
}

impl Step {
    /// How far it was checked, where it was read, and when.
    pub fn standing(&self) -> String {
        format!(
            "{}; {}, {}",
            self.standing.told(),
            self.source,
            self.read_on
        )
    }
}

/// Puts the steps of the user's router, and of the player of each session, into the remedies.
pub(crate) fn adapt(snapshot: &mut Snapshot) {
    let agents: Vec<(u32, Option<&Player>)> = snapshot
        .sessions
        .iter()
        .map(|session| {
            let agent = session.user_agent.as_deref();
            (session.id, agent.and_then(by_user_agent))
        })
        .collect();
    let player_of = |session: Option<u32>| {
        let found = agents.iter().find(|(id, _)| Some(*id) == session);
        found.and_then(|(_, player)| *player)
    };
    for finding in &mut snapshot.findings {
        let player = player_of(finding.subject.session);
        for remedy in &mut finding.remedy {
            if let Some(player) = player {
                *remedy = for_player(remedy, player);
            }
            if let Some(named) = &snapshot.router {
                *remedy = for_router(remedy, named.router);
            }
        }
    }
}

#[cfg(test)]
mod tests;
