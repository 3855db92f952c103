//! Interfaces that go, come back and are renamed while they are watched.
//!
//! The kernel detaches its programs from an interface that goes. One that comes back under the same name (a PPP session,
//! a USB adapter, a restarted container) is another interface to the kernel, with another index.

use std::ffi::{CStr, CString};
use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

use rtspscope_engine::{Blind, Input};
use rtspscope_wire::{TapId, Timestamp};

use super::LiveHost;
use super::clock::Clock;
use crate::failure::Failure;
use crate::output::time::rfc3339;

/// What happened to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is not there any more.
    Gone,
    /// It is there again, under this index.
    Back(u32),
    /// It has another name, and is tapped as before.
    Renamed(String),
    /// It carries nothing: it was set down, or its cable has no other end.
    Silent,
    /// It carries packets again.
    Carrying,
}

/// One interface that is to be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    name: String,
    index: u32,
    present: bool,
    carries: bool,
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
            carries: is_running(&name).unwrap_or(true),
            name,
            index,
            present: true,
        });
        Self {
            links: links.collect(),
        }
    }

    /// Name of each.
    #[cfg(feature = "ebpf")]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.links.iter().map(|link| link.name.as_str())
    }

    /// What has happened since the last call: place in the order, name until now, change.
    pub(super) fn changes(&mut self) -> Vec<(usize, String, Change)> {
        let mut changes = Vec::new();
        for (place, link) in self.links.iter_mut().enumerate() {
            let name = link.name.clone();
            let change = link.update(index_of(&link.name), name_of);
            let change = change.or_else(|| link.note_running(is_running(&name)));
            changes.extend(change.map(|change| (place, name, change)));
        }
        changes
    }
}

/// Whether a tap watches its interface, which the engine is told: of what passes meanwhile nothing may be concluded.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sight {
    blind_since: Option<Timestamp>,
}

impl Sight {
    /// The interface is gone, or is another one: it was last known to be watched at this time. What the engine is to be told,
    /// unless that was done.
    pub(super) fn lose(&mut self, since: Timestamp) -> Option<Blind> {
        if self.is_lost() {
            return None;
        }
        self.blind_since = Some(since);
        Some(Blind { since, until: None })
    }

    /// The interface is watched again.
    pub(super) fn regain(&mut self, now: Timestamp) -> Option<Blind> {
        let since = self.blind_since.take()?;
        Some(Blind {
            since,
            until: Some(now),
        })
    }

    /// Whether the tap sees nothing now.
    pub(super) const fn is_lost(self) -> bool {
        self.blind_since.is_some()
    }
}

/// Tells the engine that a tap went blind or sees again, where it is to be told.
pub(super) fn tell_sight(
    tap: TapId,
    blind: Option<Blind>,
    host: &mut dyn LiveHost,
) -> Result<(), Failure> {
    blind.map_or(Ok(()), |blind| host.handle_input(&Input::Blind(tap, blind)))
}

/// Tells of an interface what a report must show, too: for a while it was not seen, or had nothing to show.
pub(super) fn tell(host: &mut dyn LiveHost, name: &str, what: &str) {
    let now = rfc3339(Timestamp(Clock::real_now().cast_signed()));
    let time = now.get(11..19).unwrap_or(&now);
    host.note_unseen(name, &format!("{what} ({time} UTC)"));
}

/// Said of an interface that has gone.
pub(super) const HAS_GONE: &str = "the interface has gone; it is tapped again once it is back, and what passes until then is not seen";

/// Said of an interface that is set down or has no carrier.
pub(super) const IS_SILENT: &str = "the interface is down or has no carrier: nothing passes it";

/// Said of it when that is over.
pub(super) const CARRIES: &str = "the interface is up again";

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

impl Link {
    /// Takes in whether it carries packets now, where that can be told.
    fn note_running(&mut self, running: Option<bool>) -> Option<Change> {
        let running = running.filter(|running| *running != self.carries)?;
        self.carries = running;
        Some(if running {
            Change::Carrying
        } else {
            Change::Silent
        })
    }
}

/// Whether an interface is up and has another end (netdevice(7), `SIOCGIFFLAGS`); `None` where there is none of the name.
fn is_running(name: &str) -> Option<bool> {
    let socket = UnixDatagram::unbound().ok()?;
    // SAFETY: all zeros is a value of this type.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte.cast_signed() as libc::c_char;
    }
    // SAFETY: the request lives through the call, which writes the flags into it.
    let result = unsafe {
        libc::ioctl(
            socket.as_raw_fd(),
            libc::SIOCGIFFLAGS as _,
            &raw mut request,
        )
    };
    // SAFETY: the call has filled this part of the union.
    let flags = libc::c_int::from(unsafe { request.ifr_ifru.ifru_flags });
    (result == 0).then_some(flags & libc::IFF_RUNNING != 0)
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
            carries: true,
        }
    }

    #[test]
    fn one_that_carries_nothing_is_told_once_and_told_again_when_it_does() {
        let mut link = link();
        assert_eq!(link.note_running(Some(true)), None);
        assert_eq!(link.note_running(Some(false)), Some(Change::Silent));
        assert_eq!(link.note_running(Some(false)), None);
        assert_eq!(link.note_running(None), None);
        assert_eq!(link.note_running(Some(true)), Some(Change::Carrying));
    }

    #[test]
    fn the_loopback_runs() {
        assert_eq!(is_running("lo"), Some(true));
        assert_eq!(is_running("no-such-link"), None);
    }

    #[test]
    fn a_tap_is_blind_from_the_last_look_that_saw_its_interface_until_it_is_watched_again() {
        let mut sight = Sight::default();
        assert_eq!(sight.regain(Timestamp(1)), None);
        let blind = |until| Blind {
            since: Timestamp(2),
            until,
        };
        assert_eq!(sight.lose(Timestamp(2)), Some(blind(None)));
        assert_eq!(
            sight.lose(Timestamp(3)),
            None,
            "it is another one, and cannot be watched"
        );
        assert!(sight.is_lost());
        assert_eq!(sight.regain(Timestamp(9)), Some(blind(Some(Timestamp(9)))));
        assert!(!sight.is_lost());
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
