//! The second reading: keeps the frames that the plan names, and those that it can only describe.

mod datagrams;
mod segments;

use std::collections::{BTreeMap, HashMap};

use rtspscope_engine::{Conntrack, Input};
use rtspscope_wire::decode::{self, Body, IcmpError, Membership};
use rtspscope_wire::{FrameRef, TapId};

use super::limits::{COLLECTED_BYTES, ICMP_OF_A_FLOW, MEMBERSHIPS};
use super::plan::{Flow, Plan};
use super::{Kept, Reason};
use crate::fragments::Fragments;
use datagrams::Datagrams;
use segments::Segments;

/// What the second reading brought.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// In the order of the input.
    pub(super) frames: Vec<Kept>,
    /// Frames for which there was no room.
    pub(super) left_out: u64,
}

/// The second reading under way.
#[derive(Debug)]
pub(super) struct Collector<'p> {
    plan: &'p Plan,
    segments: Segments,
    datagrams: Datagrams,
    fragments: Fragments<(u64, Kept)>,
    icmp: HashMap<Flow, u32>,
    memberships: u32,
    store: Store,
    /// Place of the frame in the input.
    order: u64,
}

/// Kept frames by their place in the input.
#[derive(Debug, Default)]
struct Store {
    frames: BTreeMap<u64, Kept>,
    bytes: usize,
    left_out: u64,
}

impl Store {
    fn keep(&mut self, order: u64, kept: Kept) {
        if let Some(known) = self.frames.get_mut(&order) {
            known.reasons.extend(kept.reasons);
            return;
        }
        let is_proof = kept.reasons.iter().any(|reason| reason.proves.is_some());
        if self.bytes + kept.frame.bytes.len() > COLLECTED_BYTES && !is_proof {
            self.left_out += 1;
            return;
        }
        self.bytes += kept.frame.bytes.len();
        self.frames.insert(order, kept);
    }
}

impl<'p> Collector<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            segments: Segments::default(),
            datagrams: Datagrams::default(),
            fragments: Fragments::default(),
            icmp: HashMap::new(),
            memberships: 0,
            store: Store::default(),
            order: 0,
        }
    }

    /// Takes an input, in the order of the first reading.
    pub(super) fn handle_input(&mut self, input: &Input<'_>) {
        match input {
            Input::Frame(frame) => self.handle_frame(frame),
            Input::Conntrack(told) => self.handle_conntrack(told),
            Input::RouterSetup(_)
            | Input::FlowCounters(_)
            | Input::Handover(_)
            | Input::ChannelCounters(_)
            | Input::ChannelTotals(_)
            | Input::Pictures(_)
            | Input::ChannelReport(_)
            | Input::CaptureLoss(_)
            | Input::Blind(..)
            | Input::Tick(_)
            | Input::Watched(_) => {}
        }
    }

    fn handle_frame(&mut self, frame: &FrameRef<'_>) {
        self.order += 1;
        let mut reasons = self.plan.reasons((frame.tap, frame.number)).to_vec();
        let Ok(packet) = decode::ip(frame) else {
            return self.keep(frame, reasons);
        };
        match decode::transport(&packet).body {
            Body::Tcp(segment) => {
                let earlier = self
                    .segments
                    .judge(self.plan, frame, &segment, &mut reasons);
                for (order, kept) in earlier {
                    self.store.keep(order, kept);
                }
                self.segments.remember(frame, &segment, self.order);
            }
            Body::Udp(datagram) => self
                .datagrams
                .judge(self.plan, frame, &datagram, &mut reasons),
            Body::Icmp(error) => self.judge_icmp(frame, &error, &mut reasons),
            Body::Membership(message) => self.judge_membership(&message, &mut reasons),
            Body::Other => {}
        }
        if packet.fragment.is_some() {
            let matters = !reasons.is_empty();
            let kept = (self.order, Kept::new(frame, reasons));
            let wanted = self.fragments.handle(frame.tap, &packet, matters, kept);
            for (order, mut kept) in wanted {
                if kept.reasons.is_empty() {
                    kept.reasons.push(Reason {
                        text: "IP fragment of a packet that matters".to_owned(),
                        proves: None,
                    });
                }
                self.store.keep(order, kept);
            }
        } else {
            self.keep(frame, reasons);
        }
    }

    fn handle_conntrack(&mut self, told: &Conntrack<'_>) {
        self.order += 1;
        let reasons = self.plan.reasons((TapId::NETFILTER, told.number)).to_vec();
        if reasons.is_empty() {
            return;
        }
        let packet = told.packet();
        self.keep(&told.frame(&packet), reasons);
    }

    /// All that was kept.
    pub(super) fn finish(self) -> Collected {
        Collected {
            frames: self.store.frames.into_values().collect(),
            left_out: self.store.left_out,
        }
    }

    fn keep(&mut self, frame: &FrameRef<'_>, reasons: Vec<Reason>) {
        if !reasons.is_empty() {
            self.store.keep(self.order, Kept::new(frame, reasons));
        }
    }

    /// What hosts say of groups proves by being there, and by being all there is.
    fn judge_membership(&mut self, message: &Membership<'_>, reasons: &mut Vec<Reason>) {
        if !reasons.is_empty() || self.memberships >= MEMBERSHIPS {
            return;
        }
        self.memberships += 1;
        reasons.push(Reason {
            text: format!("{} speaks of its multicast groups", message.from),
            proves: None,
        });
    }

    fn judge_icmp(&mut self, frame: &FrameRef<'_>, error: &IcmpError, reasons: &mut Vec<Reason>) {
        let quoted = (frame.tap, error.quoted.source, error.quoted.destination);
        if !reasons.is_empty() || !self.plan.knows(quoted) {
            return;
        }
        let count = self.icmp.entry(quoted).or_default();
        if *count < ICMP_OF_A_FLOW {
            *count += 1;
            reasons.push(Reason {
                text: format!(
                    "ICMP error about a packet from {} to {}",
                    error.quoted.source, error.quoted.destination
                ),
                proves: None,
            });
        }
    }
}
