//! The flow table as user space reads it and makes room in it; the kernel's side is in `rtsp-ebpf/src/flows.rs`.

use aya::Ebpf;
use aya::maps::{Array, HashMap, MapData, MapError, Stack};
use rtsp_ebpf_common::abi::{FLOW_PLACES, FlowKey, FlowValue, PlacesUsed};

use crate::live::error::LiveError;
use crate::live::session::take_map;

/// Read and write a value under its lock (`linux/bpf.h`).
const BPF_F_LOCK: u64 = 4;

/// The maps that it is made of.
pub(in crate::live) struct Flows {
    index: HashMap<MapData, FlowKey, u32>,
    places: Array<MapData, FlowValue>,
    free: Stack<MapData, u32>,
    used: Array<MapData, PlacesUsed>,
}

impl Flows {
    /// Takes the maps of programs that see no packet yet, and gives them all places.
    pub(in crate::live) fn new(ebpf: &mut Ebpf) -> Result<Self, LiveError> {
        let mut flows = Self {
            index: HashMap::try_from(take_map(ebpf, "FLOWS_INDEX")?)?,
            places: Array::try_from(take_map(ebpf, "FLOWS")?)?,
            free: Stack::try_from(take_map(ebpf, "FLOWS_FREE")?)?,
            used: Array::try_from(take_map(ebpf, ".data.flows")?)?,
        };
        for place in (0..FLOW_PLACES as u32).rev() {
            flows.free.push(place, 0)?;
        }
        Ok(flows)
    }

    /// All flows that have counted something, with their places.
    pub(in crate::live) fn all(&self) -> Result<Vec<(u32, FlowValue)>, MapError> {
        let used = self.used.get(&0, 0)?;
        let mut flows = Vec::new();
        for (place, is_used) in (0..).zip(used) {
            if is_used == 0 {
                continue;
            }
            let value = self.places.get(&place, BPF_F_LOCK)?;
            if value.stats.packets > 0 {
                flows.push((place, value));
            }
        }
        Ok(flows)
    }

    /// Flows that are followed.
    pub(super) fn count(&self) -> usize {
        self.index.keys().flatten().count()
    }

    /// Forgets a flow and gives its place back.
    pub(in crate::live) fn remove(&mut self, place: u32, flow: &FlowKey) -> Result<(), MapError> {
        match self.index.remove(flow) {
            Ok(()) => {}
            Err(MapError::KeyNotFound) => return Ok(()),
            Err(error) => return Err(error),
        }
        self.places.set(place, FlowValue::EMPTY, BPF_F_LOCK)?;
        self.free.push(place, 0)
    }
}
