//! What the kernel counted: flows and losses, read from its maps.

mod flows;

use std::collections::HashMap;
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{MapData, MapError, PerCpuArray};
use foldhash::fast::FixedState;
use rtsp_ebpf_common::abi::{COUNTERS, Counter, FLOW_PLACES, FlowKey, FlowValue, Local};
use rtspscope_engine::LossKind;

use super::error::LiveError;
use super::session::take_map;
pub(super) use flows::Flows;

/// Silence after which a flow may go where the table is nearly full. If it goes on it is counted anew, and the engine
/// takes that for another use of its ports.
const IDLE: Duration = Duration::from_secs(10);

/// Losses that the kernel counts, with their names for the engine.
const LOSSES: [(Counter, LossKind); 4] = [
    (Counter::RingFull, LossKind::RingFull),
    (Counter::MapFull, LossKind::MapFull),
    (Counter::LoadFailed, LossKind::LoadFailed),
    (Counter::NotParsed, LossKind::NotParsed),
];

/// How full the flow table is, and what fitted nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) ring_full: u64,
    pub(super) map_full: u64,
    pub(super) flows: usize,
    pub(super) flows_max: u32,
}

/// The counting maps.
pub(super) struct Counters {
    flows: Flows,
    local: PerCpuArray<MapData, Local>,
    /// Packets of each flow when it was last handed over.
    told: HashMap<FlowKey, u64, FixedState>,
    lost: [u64; COUNTERS],
}

impl Counters {
    /// Takes the maps.
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, LiveError> {
        let flows = Flows::new(ebpf)?;
        Self::of(flows, ebpf)
    }

    /// Takes the maps beside a flow table.
    pub(super) fn of(flows: Flows, ebpf: &mut Ebpf) -> Result<Self, LiveError> {
        Ok(Self {
            flows,
            local: PerCpuArray::try_from(take_map(ebpf, "LOCAL")?)?,
            told: HashMap::default(),
            lost: [0; COUNTERS],
        })
    }

    /// Flows that counted something since the last call.
    pub(super) fn changed_flows(&mut self) -> Result<Vec<(FlowKey, FlowValue)>, MapError> {
        let mut changed = Vec::new();
        let mut told = HashMap::default();
        for (_, value) in self.flows.all()? {
            let packets = value.stats.packets;
            told.insert(value.flow, packets);
            if self.told.get(&value.flow) != Some(&packets) {
                changed.push((value.flow, value));
            }
        }
        // What the kernel has dropped for newer flows is forgotten here too.
        self.told = told;
        Ok(changed)
    }

    /// Makes room where the table is nearly full: forgets the flows of which no packet came for [`IDLE`], all of which
    /// were told. How many.
    pub(super) fn forget_idle(&mut self, now_ns: u64) -> Result<usize, MapError> {
        if self.told.len() < FLOW_PLACES - FLOW_PLACES / 8 {
            return Ok(0);
        }
        let before = i64::try_from(now_ns.saturating_sub(IDLE.as_nanos() as u64)).unwrap_or(0);
        self.remove(|value| value.stats.last_ns < before)
    }

    /// Forgets flows whose use is over as far as was known at `known_ns`, on the kernel's monotonic clock. What began after
    /// that is of the next use already: the kernel sees packets some milliseconds before the engine knows what they are.
    pub(super) fn remove_used(
        &mut self,
        over: impl Fn(&FlowKey) -> bool,
        known_ns: u64,
    ) -> Result<(), MapError> {
        let known_ns = i64::try_from(known_ns).unwrap_or(i64::MAX);
        self.remove(|value| value.stats.first_ns <= known_ns && over(&value.flow))?;
        Ok(())
    }

    /// Forgets flows; if their packets go on they are counted anew. How many.
    fn remove(&mut self, over: impl Fn(&FlowValue) -> bool) -> Result<usize, MapError> {
        let mut count = 0;
        for (place, value) in self.flows.all()? {
            if over(&value) {
                self.told.remove(&value.flow);
                self.flows.remove(place, &value.flow)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Losses since the last call.
    pub(super) fn new_losses(&mut self) -> Result<Vec<(LossKind, u64)>, MapError> {
        let sums = self.sums()?;
        let mut losses = Vec::new();
        for (counter, kind) in LOSSES {
            let index = counter as usize;
            let count = sums[index].saturating_sub(self.lost[index]);
            if count > 0 {
                losses.push((kind, count));
            }
        }
        self.lost = sums;
        Ok(losses)
    }

    /// As it is now.
    pub(super) fn used(&self) -> Result<Use, MapError> {
        let sums = self.sums()?;
        let of = |counter: Counter| sums.get(counter as usize).copied().unwrap_or(0);
        Ok(Use {
            ring_full: of(Counter::RingFull),
            map_full: of(Counter::MapFull),
            flows: self.flows.count(),
            flows_max: FLOW_PLACES as u32,
        })
    }

    fn sums(&self) -> Result<[u64; COUNTERS], MapError> {
        let mut sums = [0_u64; COUNTERS];
        for local in self.local.get(&0, 0)?.iter() {
            for (sum, count) in sums.iter_mut().zip(local.counters) {
                *sum = sum.wrapping_add(count);
            }
        }
        Ok(sums)
    }
}
