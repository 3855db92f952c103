//! The ring and what did not fit it, read as one.
//!
//! The kernel goes through all of a ring again and again. One that a burst fits is more memory than a processor's cache
//! holds, and each message would pay for that: so there is a small ring for the rule, and beside it a large one, the
//! overflow, for what comes while that is full.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};

use aya::Ebpf;
use aya::maps::{MapData, RingBuf};
use rtsp_ebpf_common::abi::RecordHeader;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::error::LiveError;
use super::session::take_map;

/// The kernel's names of both.
pub(super) const RING: &str = "RING";
pub(super) const OVERFLOW: &str = "OVERFLOW";

/// The most that the small ring gets: half of what the cache of a processor core holds on many routers.
const MOST_CACHED: u32 = 512 << 10;

/// Part of the room that it gets of a small one.
const PART: u32 = 4;

/// Bytes of the ring and of its overflow where there is to be `room`: all of that is the overflow's, so that a burst of so
/// much is held whatever the ring has in it.
pub(super) const fn sizes(room: u32) -> (u32, u32) {
    let part = room / PART;
    let ring = if part < MOST_CACHED {
        part
    } else {
        MOST_CACHED
    };
    (ring, room)
}

/// Both rings, as one of records in the order of their times.
pub(super) struct Rings {
    ring: RingBuf<MapData>,
    overflow: RingBuf<MapData>,
    /// The next record of each, taken out to see which of the two is older. Empty as long as nothing overflows.
    next: Next,
}

/// The next record of the ring and of its overflow.
#[derive(Debug, Default)]
struct Next {
    ring: Option<Vec<u8>>,
    overflow: Option<Vec<u8>>,
}

impl Next {
    /// Takes the older one.
    fn take_older(&mut self) -> Option<Vec<u8>> {
        let at_ns = |record: &Vec<u8>| RecordHeader::split(record).map(|(header, _)| header.at_ns);
        match (&self.ring, &self.overflow) {
            (Some(ring), Some(overflow)) if at_ns(overflow) < at_ns(ring) => self.overflow.take(),
            (Some(_), _) => self.ring.take(),
            (None, _) => self.overflow.take(),
        }
    }
}

impl Rings {
    /// Takes the maps.
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, LiveError> {
        Ok(Self {
            ring: RingBuf::try_from(take_map(ebpf, RING)?)?,
            overflow: RingBuf::try_from(take_map(ebpf, OVERFLOW)?)?,
            next: Next::default(),
        })
    }

    /// Takes at most so many records out; tells whether they were all.
    pub(super) fn read(&mut self, most: usize, mut take: impl FnMut(&[u8])) -> bool {
        let Self {
            ring,
            overflow,
            next,
        } = self;
        for _ in 0..most {
            if next.overflow.is_none() {
                next.overflow = overflow.next().map(|record| record.to_vec());
            }
            if next.overflow.is_none() && next.ring.is_none() {
                let Some(record) = ring.next() else {
                    return true;
                };
                take(&record);
                continue;
            }
            if next.ring.is_none() {
                next.ring = ring.next().map(|record| record.to_vec());
            }
            if let Some(record) = next.take_older() {
                take(&record);
            }
        }
        false
    }

    /// What becomes readable with the first record that either holds.
    pub(super) fn arrivals(&self) -> io::Result<Arrivals> {
        Ok(Arrivals([watch(&self.ring)?, watch(&self.overflow)?]))
    }
}

/// Descriptors of both rings.
pub(super) struct Arrivals([AsyncFd<OwnedFd>; 2]);

impl Arrivals {
    /// Forgets what has come: what comes from here on tells itself again.
    pub(super) fn forget(&self) {
        for ring in &self.0 {
            let _not_ready = ring.try_io(Interest::READABLE, |_| {
                Err::<(), _>(ErrorKind::WouldBlock.into())
            });
        }
    }

    /// Waits until something has come. It stays so until it is forgotten: this wait may be given up for something else.
    pub(super) async fn some(&self) {
        let [ring, overflow] = &self.0;
        let ready = tokio::select! {
            ready = ring.readable() => ready,
            ready = overflow.readable() => ready,
        };
        match ready {
            Ok(mut ready) => ready.retain_ready(),
            Err(_) => std::future::pending().await,
        }
    }
}

fn watch(ring: &RingBuf<MapData>) -> io::Result<AsyncFd<OwnedFd>> {
    let ring = ring.as_fd().try_clone_to_owned()?;
    // SAFETY: the descriptor is a duplicate of the ring's that nobody else has.
    let watched = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) };
    watched.map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::{Next, sizes};

    fn record(at_ns: u64) -> Vec<u8> {
        let mut record = at_ns.to_ne_bytes().to_vec();
        record.resize(64, 0);
        record
    }

    #[test]
    fn the_older_record_goes_first_and_the_ring_s_of_two_that_are_as_old() {
        let mut next = Next {
            ring: Some(record(2)),
            overflow: Some(record(1)),
        };
        assert_eq!(next.take_older(), Some(record(1)));
        next.overflow = Some([record(2), vec![1]].concat());
        assert_eq!(next.take_older(), Some(record(2)));
        assert_eq!(next.take_older().map(|record| record.len()), Some(65));
        assert_eq!(next.take_older(), None);
    }

    #[test]
    fn the_overflow_has_all_the_room_and_the_ring_what_a_cache_holds() {
        let kib = |room: u32| {
            let (ring, overflow) = sizes(room << 10);
            (ring >> 10, overflow >> 10)
        };
        assert_eq!(
            [64, 1024, 2048, 8192].map(kib),
            [(16, 64), (256, 1024), (512, 2048), (512, 8192)]
        );
    }
}
