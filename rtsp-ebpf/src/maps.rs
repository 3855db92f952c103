//! The maps. User space finds them by name; sizes that depend on the machine are set there.

use aya_ebpf::{
    btf_maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf, Stack},
    macros::btf_map,
};
use rtsp_ebpf_common::abi::{
    CONTROL_MAX, ChannelKey, ChannelValue, EndpointKey, EndpointValue, FLOW_PLACES, FlowKey,
    FlowValue, Local, PeerKey, RecordHeader, SynValue, TakeValue, WalkValue,
};

/// Frames for user space. Small enough to stay in a processor's own cache: the kernel goes through all of a ring again and
/// again.
#[btf_map]
pub(crate) static RING: RingBuf<u8, { 512 << 10 }> = RingBuf::new();

/// Frames that the ring has no room for: what thousands of flows that begin at one moment, or bursts of large segments,
/// put out before user space comes to read.
#[btf_map]
pub(crate) static OVERFLOW: RingBuf<u8, { 8 << 20 }> = RingBuf::new();

/// Places of followed UDP flows. Not an LRU map: an evicted flow would be a silent miscount, a full table is counted.
#[btf_map]
pub(crate) static FLOWS_INDEX: HashMap<FlowKey, u32, FLOW_PLACES> = HashMap::new();

/// What was counted at those places.
#[btf_map]
pub(crate) static FLOWS: Array<FlowValue, FLOW_PLACES> = Array::new();

/// Places that are free; user space fills it.
#[btf_map]
pub(crate) static FLOWS_FREE: Stack<u32, FLOW_PLACES> = Stack::new();

/// Connections that speak RTSP, by the direction whose sender is the lower end.
#[btf_map]
pub(crate) static CONNECTIONS: LruHashMap<FlowKey, u32, 16384> = LruHashMap::new();

/// SYNs of connections that have not spoken yet.
#[btf_map]
pub(crate) static SYNS: LruHashMap<FlowKey, SynValue, 8192> = LruHashMap::new();

/// Pairs of hosts that speak RTSP.
#[btf_map]
pub(crate) static PEERS: LruHashMap<PeerKey, u32, 8192> = LruHashMap::new();

/// Ends of negotiated media, as user space pushes them.
#[btf_map]
pub(crate) static ENDPOINTS: HashMap<EndpointKey, EndpointValue, 8192> = HashMap::new();

/// Connections whose media the kernel may read, as user space asks for it; keys as of `CONNECTIONS`.
#[btf_map]
pub(crate) static WALKS: HashMap<FlowKey, WalkValue, 1024> = HashMap::new();

/// Where user space has confirmed that frames begin, by the same keys.
#[btf_map]
pub(crate) static TAKES: HashMap<FlowKey, TakeValue, 1024> = HashMap::new();

/// Channels of those connections that carry RTP.
#[btf_map]
pub(crate) static CHANNELS: HashMap<ChannelKey, ChannelValue, 4096> = HashMap::new();

/// What each processor has to itself.
#[btf_map]
pub(crate) static LOCAL: PerCpuArray<Local, 1> = PerCpuArray::new();

/// A record that is too large for a reservation.
#[repr(C)]
pub(crate) struct LargeRecord {
    pub(crate) header: RecordHeader,
    pub(crate) bytes: [u8; CONTROL_MAX],
}

/// Room for one large record for each processor; per-CPU maps hold no values of this size.
#[btf_map]
pub(crate) static LARGE: Array<LargeRecord, 1> = Array::new();
