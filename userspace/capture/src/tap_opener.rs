//! Opens the taps of a capture file: by its own names and roles, by the user's, or by its file name.

use std::collections::BTreeSet;

use rtspscope_engine::{TapFile, TapInfo};
use rtspscope_wire::{LinkType, TapId, TapRole};

use super::cooked::{Cooked, is_cooked};
use super::item::Tap;
use super::opening::subject;
use super::{Host, NamedFile, names};
use crate::record::Described;

/// Cooked captures in one file that are taken apart each for itself; what is beyond belongs to the last.
const MAX_COOKED: usize = 8;

/// What a format's reader needs to open a tap.
pub(crate) struct TapOpener<'a> {
    pub(super) host: &'a mut dyn Host,
    pub(super) taken: &'a mut BTreeSet<String>,
    pub(super) file: &'a NamedFile,
    pub(super) cooked: &'a mut Vec<Cooked>,
    /// Frames in the files that this one goes on with.
    pub(super) frames_before: u64,
}

impl TapOpener<'_> {
    /// Opens a tap of this file. `name` is the interface's; without it the file's is taken. A cooked capture of
    /// all interfaces opens its taps when it is read; netlink is no tap.
    pub(crate) fn open(
        &mut self,
        name: Option<&str>,
        described: Option<Described>,
        link_type: LinkType,
    ) -> Tap {
        if link_type == LinkType::NETLINK {
            return Tap::Netlink;
        }
        if is_cooked(link_type) && name.is_none_or(|name| name == "any") {
            if self.file.role != TapRole::Unknown {
                let what = "holds both sides of the router: which is which is told by the packets";
                self.host.note(&subject(&self.file.path), what);
            }
            if self.cooked.len() < MAX_COOKED {
                self.cooked.push(Cooked::default());
            }
            return Tap::Cooked(self.cooked.len() - 1);
        }
        let own_name = names::of_file(&self.file.path);
        let role = if self.file.role == TapRole::Unknown {
            described.map_or(TapRole::Unknown, |described| described.role)
        } else {
            self.file.role
        };
        let unfiltered = described.is_some_and(|described| described.unfiltered);
        Tap::Open(self.open_named(name.unwrap_or(&own_name), role, Some(link_type), unfiltered))
    }

    /// Opens a tap for one side of a cooked capture. What the user said of the file holds for no single side.
    pub(super) fn open_side(&mut self, name: &str, link_type: LinkType) -> TapId {
        self.open_named(name, TapRole::Unknown, Some(link_type), false)
    }

    /// Opens the tap of a file without frames that describes none.
    pub(super) fn open_empty(&mut self) -> TapId {
        let own_name = names::of_file(&self.file.path);
        self.open_named(&own_name, self.file.role, None, false)
    }

    fn open_named(
        &mut self,
        name: &str,
        role: TapRole,
        link_type: Option<LinkType>,
        unfiltered: bool,
    ) -> TapId {
        let name = names::distinct(name, &self.file.path, self.taken);
        self.taken.insert(name.clone());
        let source = self.file.path.display().to_string();
        let tap = self.host.open_tap(TapInfo {
            name,
            role,
            source: source.clone(),
            link_type,
            unfiltered,
        });
        if self.frames_before > 0 {
            let frames_before = self.frames_before;
            let file = TapFile {
                source,
                frames_before,
            };
            self.host.begin_file(tap, file);
        }
        tap
    }
}
