//! The data: routers and what is known of them, by kind.
//!
//! A name of a menu is the maker's and may change with the version; so each step says for which it was read, where, when,
//! and how far it was checked.

mod firewalls;
mod home;
mod linux;

use super::{Router, Standing, Step};

/// When these sources were read.
const READ_ON: &str = "2026-11";

/// A guide of a player's maker that many users have read; it names menus without models, versions or dates.
const PLAYER_GUIDE: &str = "smartrtsp.com/guides/rtsp-alg";

/// Named in place of a source where none was read.
const HEARSAY: &str = "no source read";

const fn unverified(how: &'static str, source: &'static str) -> Step {
    step(how, "", source, Standing::Unverified)
}

const fn by_manual(how: &'static str, applies_to: &'static str, source: &'static str) -> Step {
    step(how, applies_to, source, Standing::Manual)
}

const fn by_source(how: &'static str, applies_to: &'static str, source: &'static str) -> Step {
    step(how, applies_to, source, Standing::Source)
}

const fn step(
    how: &'static str,
    applies_to: &'static str,
    source: &'static str,
    standing: Standing,
) -> Step {
    Step {
        how,
        applies_to,
        source,
        read_on: READ_ON,
        standing,
    }
}

/// All routers, in the order of the list.
pub const ROUTERS: &[Router] = &[
    home::ASUS,
    home::TP_LINK,
    home::NETGEAR,
    home::D_LINK,
    linux::MIKROTIK,
    linux::EDGEROUTER,
    linux::UNIFI,
    linux::VYOS,
    firewalls::PFSENSE,
    firewalls::OPNSENSE,
    linux::OPENWRT,
    linux::LINUX,
    firewalls::FORTIGATE,
    firewalls::CISCO_ASA,
    firewalls::DRAYTEK,
    home::ZYXEL,
    home::BROADCOM,
    home::GENERIC,
];
