//! Pairs of hosts that the kernel follows from the start: it learns all others by itself, as they speak RTSP.

use std::net::IpAddr;

use aya::Ebpf;
use aya::maps::{Array, HashMap, MapData, MapError};
use rtsp_ebpf_common::abi::{COPIED, PairMarks, PeerKey, pair_marks};

use super::error::LiveError;
use super::session::{no_map, take_map};

/// The map of the marks of pairs: a section of the kernel programs' data.
const PAIR_MARKS: &str = ".data.pairs";

/// The map of pairs, and those that are put into it.
#[derive(Debug)]
pub(super) struct Peers {
    map: HashMap<MapData, PeerKey, u32>,
    pairs: Vec<(IpAddr, IpAddr)>,
}

impl Peers {
    /// Marks the pairs. No program may be attached yet: the marks are written as a whole, and programs set some.
    pub(super) fn new(
        ebpf: &mut Ebpf,
        pairs: impl Iterator<Item = (IpAddr, IpAddr)>,
    ) -> Result<Self, LiveError> {
        let pairs: Vec<_> = pairs.collect();
        // Programs that are loaded later on need the map to stay where it is.
        let marks = ebpf.map_mut(PAIR_MARKS).ok_or_else(|| no_map(PAIR_MARKS))?;
        let mut marks: Array<_, PairMarks> = marks.try_into()?;
        marks.set(0, pair_marks(pairs.iter().copied()), 0)?;
        Ok(Self {
            map: HashMap::try_from(take_map(ebpf, "PEERS")?)?,
            pairs,
        })
    }

    /// Follows the pairs at an interface.
    pub(super) fn follow_at(&mut self, ifindex: u32) -> Result<(), MapError> {
        for pair in &self.pairs {
            // A full LRU map makes room by itself.
            self.map.insert(PeerKey::new(*pair, ifindex), COPIED, 0)?;
        }
        Ok(())
    }
}
