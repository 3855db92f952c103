//! The engine's three verbs: inputs go in, events are drained, and the snapshot shows what is known.

use std::collections::VecDeque;

use rtspscope_wire::{FrameRef, TapId};

use crate::input::{CaptureLoss, FlowCounters, Input, TapInfo};
use crate::limits::Limits;
use crate::model::Snapshot;
use crate::output::Event;
use crate::taps::Taps;

/// What a user may set before packets come.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// TCP ports on which a silent, refused or TLS connection counts as RTSP. Plain RTSP is recognised on any port.
    pub rtsp_ports: Vec<u16>,
    /// Caps on memory.
    pub limits: Limits,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            rtsp_ports: vec![554, 322, 8554],
            limits: Limits::default(),
        }
    }
}

/// Packets in, knowledge out. The same inputs in the same order always give the same events and snapshots.
#[derive(Debug)]
pub struct Engine {
    options: EngineOptions,
    taps: Taps,
    events: VecDeque<Event>,
}

impl Engine {
    /// An engine that has seen nothing.
    pub fn new(options: EngineOptions) -> Self {
        Self {
            options,
            taps: Taps::default(),
            events: VecDeque::new(),
        }
    }

    /// Opens a tap; its frames carry the returned number. Taps are numbered in the order of the calls, from 0.
    pub fn add_tap(&mut self, info: TapInfo) -> TapId {
        self.taps.add(info)
    }

    /// Takes in one thing that happened.
    pub fn handle_input(&mut self, input: Input<'_>) {
        match input {
            Input::Frame(frame) => self.handle_frame(&frame),
            Input::FlowCounters(counters) => self.handle_flow_counters(&counters),
            Input::CaptureLoss(loss) => self.handle_loss(loss),
            Input::Tick(_) => {}
        }
    }

    /// Says that no more input comes: what waits for missing bytes is read as far as it goes.
    pub fn finish(&mut self) {}

    /// Takes the oldest event that was not taken yet.
    pub fn poll_output(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is known now. Numbers new sessions, and changes nothing else.
    pub fn snapshot(&mut self) -> Snapshot {
        Snapshot {
            taps: self.taps.snapshot(),
            losses: self.taps.losses(),
            ..Snapshot::default()
        }
    }

    fn handle_frame(&mut self, frame: &FrameRef<'_>) {
        self.taps.count_frame(frame);
    }

    fn handle_flow_counters(&mut self, _counters: &FlowCounters) {}

    fn handle_loss(&mut self, loss: CaptureLoss) {
        self.taps.count_loss(loss.kind, loss.count);
    }
}
