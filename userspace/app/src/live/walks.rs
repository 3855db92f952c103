//! Interleaved media that the kernel counts: which connections, where it may begin, and what it says.
//!
//! The rules are in [`WalkValue`]'s module. A connection is walked as soon as the engine has seen media in it. A claim of
//! the kernel is answered when its segment is handed over, and not before: by then the engine knows every byte before
//! it. Where a map is full the kernel goes on to copy, and nothing is lost but time.

mod agreed;
mod direction;

use std::collections::{BTreeMap, HashMap};

use aya::Ebpf;
use aya::maps::{self, MapData, MapError};
use foldhash::fast::FixedState;
use rtsp_ebpf_common::abi::{
    COPIED, ChannelKey, ChannelValue, FlowKey, HalfValue, Reader, Returned, TakeValue, WALKED,
    WalkValue, bpf_spin_lock,
};
use rtsp_ebpf_common::flow::FlowStats;
use rtspscope_engine::{Carrier, Passing, Session};

use super::error::LiveError;
use super::session::take_map;
use agreed::Agreements;
pub(super) use direction::Direction;

/// Read a value under its lock, and write only what is there or is not there (`linux/bpf.h`).
const BPF_F_LOCK: u64 = 4;
const BPF_EXIST: u64 = 2;
const BPF_NOEXIST: u64 = 1;

/// Most connections that are walked: the map has room for no more.
const MAX_WALKED: usize = 1024;

/// Silence after which a connection gives way to another.
const IDLE_NS: u64 = 60_000_000_000;

/// What is known of a direction.
#[derive(Clone, Debug)]
struct Known {
    carrier: Carrier,
    /// Channels of which the kernel keeps counts, with the packets that were handed over last.
    channels: BTreeMap<u8, u64>,
    /// The kernel reads it, as far as its records have been handed over.
    is_taken: bool,
}

/// What the kernel has counted of a channel.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    pub(super) carrier: Carrier,
    pub(super) channel: u8,
    pub(super) clock_rate: u32,
    pub(super) stats: FlowStats,
}

/// The maps, and what the kernel was told.
pub(super) struct Walks {
    connections: maps::HashMap<MapData, FlowKey, u32>,
    halves: maps::HashMap<MapData, FlowKey, WalkValue>,
    takes: maps::HashMap<MapData, FlowKey, TakeValue>,
    channels: maps::HashMap<MapData, ChannelKey, ChannelValue>,
    known: HashMap<Direction, Known, FixedState>,
    confirmed: HashMap<FlowKey, TakeValue, FixedState>,
    agreed: Agreements,
}

impl Walks {
    /// Takes the maps.
    pub(super) fn new(ebpf: &mut Ebpf) -> Result<Self, LiveError> {
        Ok(Self {
            connections: maps::HashMap::try_from(take_map(ebpf, "CONNECTIONS")?)?,
            halves: maps::HashMap::try_from(take_map(ebpf, "WALKS")?)?,
            takes: maps::HashMap::try_from(take_map(ebpf, "TAKES")?)?,
            channels: maps::HashMap::try_from(take_map(ebpf, "CHANNELS")?)?,
            known: HashMap::default(),
            confirmed: HashMap::default(),
            agreed: Agreements::default(),
        })
    }

    /// Learns what sessions have agreed on.
    pub(super) fn note_agreed(&mut self, sessions: &[Session]) {
        self.agreed.add(sessions);
    }

    /// Whether it has learnt of all channels of a carrier that carry RTP.
    pub(super) fn know_agreed(&self, carrier: &Carrier, passing: &Passing) -> bool {
        self.agreed.know(carrier, passing)
    }

    /// Lets the kernel look for media in a connection.
    pub(super) fn walk(&mut self, carrier: Carrier, ifindex: u32) {
        let direction = Direction::new(carrier.from, carrier.to, ifindex);
        if self.known.contains_key(&direction) {
            return;
        }
        if self.known.len() >= MAX_WALKED {
            self.forget_idle();
        }
        let key = direction.connection;
        let known = self.known.keys().any(|known| known.connection == key);
        let has_room = known
            || self
                .halves
                .insert(key, WalkValue::EMPTY, BPF_NOEXIST)
                .is_ok();
        // A connection that the kernel has forgotten begins anew with its next text.
        if has_room && self.connections.insert(key, WALKED, BPF_EXIST).is_ok() {
            let channels = BTreeMap::new();
            self.known.insert(
                direction,
                Known {
                    carrier,
                    channels,
                    is_taken: false,
                },
            );
        }
    }

    /// Answers a claim: says which frame is passing, and where the channels stand. A claim that comes too early gets no
    /// answer; the kernel makes another.
    pub(super) fn answer(&mut self, direction: &Direction, passing: &Passing) {
        let Some(known) = self
            .known
            .get_mut(direction)
            .filter(|known| !known.is_taken)
        else {
            return;
        };
        let carrier = known.carrier;
        if !self.agreed.let_go(&carrier, passing) {
            return;
        }
        known.channels.clear();
        for place in &passing.channels {
            let rate = self.agreed.clock_rate(&carrier, place.channel);
            let value = ChannelValue {
                lock: bpf_spin_lock::default(),
                clock_rate: rate.unwrap_or(0),
                stats: FlowStats::EMPTY,
                ssrc: place.ssrc,
                number: place.number,
                payload_type: place.payload_type,
                pad: 0,
            };
            let key = direction.channel(place.channel);
            if self.channels.insert(key, value, 0).is_err() {
                return;
            }
            known.channels.insert(place.channel, 0);
        }
        let take = self.confirmed.entry(direction.connection).or_default();
        take.claims[direction.sender] = passing.seq;
        take.given[direction.sender] = 1;
        let _no_room = self.takes.insert(direction.connection, *take, 0);
    }

    /// Takes note that the kernel has taken a direction over; whose, where it is known.
    pub(super) fn taken(&mut self, direction: &Direction) -> Option<Carrier> {
        let known = self.known.get_mut(direction)?;
        known.is_taken = true;
        Some(known.carrier)
    }

    /// Takes note that the kernel has given a direction back: what it had counted, and where it stopped.
    pub(super) fn returned(
        &mut self,
        direction: &Direction,
    ) -> Result<Option<(Vec<Counted>, Carrier, Returned)>, MapError> {
        let Some(half) = self.half(direction)? else {
            return Ok(None);
        };
        let counted = self.counted(direction)?;
        let Some(known) = self.known.get_mut(direction).filter(|known| known.is_taken) else {
            return Ok(None);
        };
        known.is_taken = false;
        Ok(Some((counted, known.carrier, half.returned)))
    }

    /// What was counted of channels since the last call.
    pub(super) fn changed(&mut self) -> Result<Vec<Counted>, MapError> {
        let mut changed = Vec::new();
        for direction in self.taken_directions() {
            for counted in self.counted(&direction)? {
                let known = self.known.get_mut(&direction);
                let told = known.and_then(|known| known.channels.get_mut(&counted.channel));
                let packets = counted.stats.packets;
                if told.is_some_and(|told| std::mem::replace(told, packets) != packets) {
                    changed.push(counted);
                }
            }
        }
        Ok(changed)
    }

    /// All that the kernel reads now that it looks no longer, as if it had given it back.
    pub(super) fn end(&mut self) -> Result<Vec<(Vec<Counted>, Carrier, Returned)>, MapError> {
        let mut ended = Vec::new();
        for direction in self.taken_directions() {
            let Some(mut half) = self.half(&direction)? else {
                continue;
            };
            if half.reader == Reader::Kernel as u32 {
                half.give_back(half.next_seq, half.next_seq);
            }
            let counted = self.counted(&direction)?;
            if let Some(known) = self.known.get_mut(&direction) {
                known.is_taken = false;
                ended.push((counted, known.carrier, half.returned));
            }
        }
        Ok(ended)
    }

    fn taken_directions(&self) -> Vec<Direction> {
        let taken = self.known.iter().filter(|(_, known)| known.is_taken);
        taken.map(|(direction, _)| *direction).collect()
    }

    fn half(&self, direction: &Direction) -> Result<Option<HalfValue>, MapError> {
        match self.halves.get(&direction.connection, BPF_F_LOCK) {
            Ok(walk) => Ok(walk.halves.get(direction.sender).copied()),
            Err(MapError::KeyNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn counted(&self, direction: &Direction) -> Result<Vec<Counted>, MapError> {
        let Some(known) = self.known.get(direction) else {
            return Ok(Vec::new());
        };
        let mut counted = Vec::new();
        for channel in known.channels.keys().copied() {
            let value = match self.channels.get(&direction.channel(channel), BPF_F_LOCK) {
                Ok(value) => value,
                Err(MapError::KeyNotFound) => continue,
                Err(error) => return Err(error),
            };
            counted.push(Counted {
                carrier: known.carrier,
                channel,
                clock_rate: value.clock_rate,
                stats: value.stats,
            });
        }
        Ok(counted)
    }

    /// Lets go of connections in which nothing has passed for long.
    fn forget_idle(&mut self) {
        let now_ns = super::clock::Clock::now();
        let is_idle = |half: &HalfValue| {
            half.reader != Reader::Kernel as u32 && half.last_ns.saturating_add(IDLE_NS) < now_ns
        };
        let mut keys: Vec<FlowKey> = self.known.keys().map(|known| known.connection).collect();
        keys.dedup();
        for key in keys {
            let walk = self.halves.get(&key, BPF_F_LOCK);
            if walk.is_ok_and(|walk| !walk.halves.iter().all(is_idle)) {
                continue;
            }
            let is_taken = |(direction, known): (&Direction, &Known)| {
                direction.connection == key && known.is_taken
            };
            if self.known.iter().any(is_taken) {
                continue;
            }
            self.forget(&key);
        }
    }

    /// Takes a connection out of the maps; what is not in them is gone already.
    fn forget(&mut self, key: &FlowKey) {
        let _unknown = self.connections.insert(key, COPIED, BPF_EXIST);
        let _gone = self.halves.remove(key);
        let _gone = self.takes.remove(key);
        self.confirmed.remove(key);
        let channels = &mut self.channels;
        self.known.retain(|direction, known| {
            let is_it = direction.connection == *key;
            if is_it {
                for channel in known.channels.keys() {
                    let _gone = channels.remove(&direction.channel(*channel));
                }
            }
            !is_it
        });
    }
}
