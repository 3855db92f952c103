//! Advice that belongs to no finding in particular, as pages: all routers, all players, and what an ALG is.

use std::fmt::Write as _;

use super::{ALG_OR_PASSTHROUGH, PLAYERS, ROUTERS, Step};

/// A page of advice.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Name for the command line and of the file in `docs/advice`.
    pub name: &'static str,
    /// One line that says what it tells.
    pub says: &'static str,
    sections: fn() -> Vec<Section>,
}

/// A heading with paragraphs; the first section's heading is the page's title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// Its paragraphs.
    pub paragraphs: Vec<String>,
}

/// All pages.
pub const PAGES: &[Page] = &[
    Page {
        name: "routers",
        says: "menus and commands of each router: RTSP ALG off and on, UDP timeout",
        sections: routers,
    },
    Page {
        name: "players",
        says: "how each player or recorder is told to carry media over TCP",
        sections: players,
    },
    Page {
        name: "alg",
        says: "what an ALG is, what passthrough, and when to switch which",
        sections: alg,
    },
];

impl Page {
    /// What it says.
    pub fn sections(&self) -> Vec<Section> {
        (self.sections)()
    }

    /// The page in Markdown, as `docs/advice/` holds it.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        for (index, section) in self.sections().iter().enumerate() {
            let (mark, gap) = if index == 0 { ("#", "") } else { ("##", "\n") };
            let _ = writeln!(out, "{gap}{mark} {}", section.heading);
            for paragraph in &section.paragraphs {
                let _ = writeln!(out, "\n{paragraph}");
            }
        }
        out
    }
}

fn section(heading: &str, paragraphs: Vec<String>) -> Section {
    Section {
        heading: heading.to_owned(),
        paragraphs,
    }
}

fn routers() -> Vec<Section> {
    let intro = "Each step has its source, the month in which that was read, and how far it was checked. What a finding advises \
        comes first: an ALG is switched off only where it did harm. --router NAME puts a router's own steps into reports; on a \
        router that rtspscope runs on it is known without.";
    let mut sections = vec![section("Routers", vec![intro.to_owned()])];
    for router in ROUTERS {
        let mut paragraphs = vec![format!("--router {}", router.name)];
        let steps = [
            ("RTSP ALG off", router.off),
            ("RTSP ALG on", router.on),
            ("UDP timeout", router.udp_timeout),
        ];
        paragraphs.extend(steps.map(|(what, step)| told(what, step)));
        if !router.note.is_empty() {
            paragraphs.push(router.note.to_owned());
        }
        sections.push(section(router.title, paragraphs));
    }
    sections
}

fn told(what: &str, step: Option<Step>) -> String {
    let Some(step) = step else {
        return format!("{what}: no way is known.");
    };
    let models = if step.applies_to.is_empty() {
        String::new()
    } else {
        format!(" ({})", step.applies_to)
    };
    format!("{what}{models}: {} [{}].", step.how, step.standing())
}

fn players() -> Vec<Section> {
    let intro = "Over TCP media comes inside the RTSP connection and needs no port of its own, so that neither NAT nor ALG matters. \
        Players that know rtspt:// take it in place of rtsp:// for that. What was not tried is marked.";
    let mut sections = vec![section("Players over TCP", vec![intro.to_owned()])];
    for player in PLAYERS {
        let mut paragraphs = vec![format!(
            "Over TCP: {} [{}].",
            player.tcp,
            player.standing.told()
        )];
        if !player.over_udp.is_empty() {
            paragraphs.push(format!("Over UDP: {}.", player.over_udp));
        }
        sections.push(section(player.title, paragraphs));
    }
    sections
}

fn alg() -> Vec<Section> {
    let off = "Off, where a report says that it did harm (alg.effect damaged; alg-corrupted-message, alg-dropped-message, \
        alg-reply-not-restored, nat-source-port-changed with a strict player). On, or loaded, where media reached the router and \
        nothing had opened the way in (nat-no-pinhole, alg.effect missing) and the player cannot use TCP. Left alone where the \
        report says harmless or helped: a rewrite by itself is no fault.";
    let neither = "Neither is needed over TCP, in a VPN, or where the player sends first from its media ports and the NAT keeps \
        ports. Neither can help with TLS, which an ALG cannot read.";
    vec![
        section("ALG or passthrough", vec![ALG_OR_PASSTHROUGH.to_owned()]),
        section("On or off", vec![off.to_owned(), neither.to_owned()]),
    ]
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the test holds files of the documentation against the code"
)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// `RTSPSCOPE_WRITE_PAGES=1 cargo test -p rtspscope-engine` writes the pages anew.
    #[test]
    fn the_pages_say_what_the_code_says() {
        let write = std::env::var_os("RTSPSCOPE_WRITE_PAGES").is_some();
        let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/advice");
        for page in PAGES {
            let path = docs.join(format!("{}.md", page.name));
            if write {
                std::fs::write(&path, page.markdown()).unwrap();
            }
            let written = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(written, page.markdown(), "{}", path.display());
        }
    }

    #[test]
    fn every_router_and_player_has_its_section() {
        let headings = |name: &str| {
            let page = PAGES.iter().find(|page| page.name == name).unwrap();
            page.sections().len()
        };
        assert_eq!(headings("routers"), ROUTERS.len() + 1);
        assert_eq!(headings("players"), PLAYERS.len() + 1);
    }
}
