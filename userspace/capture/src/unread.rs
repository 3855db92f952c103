//! Frames of link types that nothing here reads: counted, told of once for each type, and refused where there is nothing else.

use std::collections::BTreeSet;

use rtspscope_wire::LinkType;

use super::link_types::{is_readable, named};
use crate::failure::Failure;

/// Where to capture what can be read.
const USABLE_INTERFACES: &str = "capture on an Ethernet or IP interface";

/// How many frames of a file there are, and how many of them nothing reads. The engine counts those.
#[derive(Debug, Default)]
pub(super) struct LinkTypes {
    frames: u64,
    unreadable: u64,
    /// The types of those.
    types: BTreeSet<u16>,
}

impl LinkTypes {
    /// Frames of any type.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Whether there are frames, of which none can be read.
    pub(super) fn are_all_unreadable(&self) -> bool {
        self.unreadable > 0 && self.unreadable == self.frames
    }

    /// Whether there are frames that cannot be read.
    #[inline]
    pub(super) fn are_some_unreadable(&self) -> bool {
        self.unreadable > 0
    }

    /// Counts a frame that can be read, where all before it can.
    #[inline]
    pub(super) fn count_readable(&mut self) {
        self.frames += 1;
    }

    /// Counts a frame; tells whether it can be read, and of which types the user is to be told now ([`told`]): where some frames
    /// can be read, of those that cannot.
    pub(super) fn count(&mut self, link_type: LinkType) -> (bool, Vec<u16>) {
        self.frames += 1;
        if is_readable(link_type) {
            let is_first = self.unreadable > 0 && self.frames == self.unreadable + 1;
            let to_tell = is_first.then(|| self.types.iter().copied().collect());
            return (true, to_tell.unwrap_or_default());
        }
        self.unreadable += 1;
        let is_new = self.types.insert(link_type.0);
        let is_told = is_new && self.frames > self.unreadable;
        (false, is_told.then_some(link_type.0).into_iter().collect())
    }

    /// The refusal of a file of which no frame can be read.
    pub(super) fn refuse(&self, subject: String) -> Failure {
        let types = self.types.iter();
        let types: Vec<String> = types.map(|number| named(LinkType(*number))).collect();
        let what = format!(
            "holds frames of {} only, which cannot be read",
            types.join(" and ")
        );
        Failure::new(subject, what, USABLE_INTERFACES)
    }
}

/// What the user is told of a type.
pub(super) fn told(number: u16) -> String {
    let what = named(LinkType(number));
    format!("frames of {what} cannot be read: {USABLE_INTERFACES}")
}
