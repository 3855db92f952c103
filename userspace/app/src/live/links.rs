//! Interfaces that go, come back and are renamed while they are watched.
//!
//! The kernel detaches its programs from an interface that goes. One that comes back under the same name (a PPP session,
//! a USB adapter, a restarted container) is another interface to the kernel, with another index.

use std::ffi::{CStr, CString};

/// What happened to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is not there any more.
    Gone,
    /// It is there again, under this index.
    Back(u32),
    /// It has another name, and is tapped as before.
    Renamed(String),
}

/// One interface that is to be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    name: String,
    index: u32,
    present: bool,
}

/// The interfaces that are to be watched, in the order of their taps.
#[derive(Debug, Default)]
pub(super) struct Links {
    links: Vec<Link>,
}

impl Links {
    /// Takes interfaces by name and index.
    pub(super) fn new(links: impl IntoIterator<Item = (String, u32)>) -> Self {
        let links = links.into_iter().map(|(name, index)| Link {
            name,
            index,
            present: true,
        });
        Self {
            links: links.collect(),
        }
    }

    /// Name of each, and whether it is there.
    #[cfg(feature = "ebpf")]
    pub(super) fn present(&self) -> Vec<(String, bool)> {
        let links = self.links.iter();
        links
            .map(|link| (link.name.clone(), link.present))
            .collect()
    }

    /// What has happened since the last call: place in the order, name until now, change.
    pub(super) fn changes(&mut self) -> Vec<(usize, String, Change)> {
        let mut changes = Vec::new();
        for (place, link) in self.links.iter_mut().enumerate() {
            let name = link.name.clone();
            let change = link.update(index_of(&link.name), name_of);
            changes.extend(change.map(|change| (place, name, change)));
        }
        changes
    }
}

impl Link {
    /// Takes in which index its name has now, and how to learn which name its index has.
    fn update(
        &mut self,
        index: Option<u32>,
        name_of: impl FnOnce(u32) -> Option<String>,
    ) -> Option<Change> {
        if index == Some(self.index) {
            return None;
        }
        if let Some(name) = name_of(self.index) {
            self.name.clone_from(&name);
            return Some(Change::Renamed(name));
        }
        if let Some(index) = index {
            self.index = index;
            self.present = true;
            return Some(Change::Back(index));
        }
        std::mem::replace(&mut self.present, false).then_some(Change::Gone)
    }
}

/// Index of the interface of a name.
fn index_of(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name lives through the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// Name of the interface of an index.
pub(super) fn name_of(index: u32) -> Option<String> {
    let mut name = [0; libc::IF_NAMESIZE];
    // SAFETY: the buffer has the size that the call asks for.
    let found = unsafe { libc::if_indextoname(index, name.as_mut_ptr()) };
    if found.is_null() {
        return None;
    }
    // SAFETY: the call has written a name that ends with a zero.
    let name = unsafe { CStr::from_ptr(found) };
    Some(name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link {
            name: "ppp0".to_owned(),
            index: 7,
            present: true,
        }
    }

    fn name(name: &str) -> String {
        name.to_owned()
    }

    #[test]
    fn an_interface_that_stays_is_no_news() {
        assert_eq!(link().update(Some(7), |_| Some(name("ppp0"))), None);
    }

    #[test]
    fn one_that_goes_is_told_once_and_told_again_when_it_is_back() {
        let mut link = link();
        assert_eq!(link.update(None, |_| None), Some(Change::Gone));
        assert_eq!(link.update(None, |_| None), None);
        assert_eq!(link.update(Some(9), |_| None), Some(Change::Back(9)));
        assert_eq!(link.update(Some(9), |_| Some(name("ppp0"))), None);
    }

    #[test]
    fn one_that_went_and_came_between_two_looks_is_back() {
        assert_eq!(link().update(Some(9), |_| None), Some(Change::Back(9)));
    }

    #[test]
    fn a_renamed_one_is_followed_by_its_index() {
        let mut link = link();
        let renamed = Some(Change::Renamed("wan".to_owned()));
        assert_eq!(link.update(None, |_| Some(name("wan"))), renamed);
        assert_eq!(link.update(Some(7), |_| Some(name("wan"))), None);
        // Another interface takes the old name.
        let mut link = self::link();
        assert_eq!(link.update(Some(8), |_| Some(name("wan"))), renamed);
    }

    #[test]
    fn the_loopback_has_index_and_name() {
        assert_eq!(index_of("lo").and_then(name_of), Some(name("lo")));
        assert_eq!((index_of("nosuch0"), name_of(u32::MAX)), (None, None));
    }
}
