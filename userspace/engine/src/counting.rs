//! Counts of one directed media flow, UDP or interleaved, with the places where a person finds its ends again.

use rtsp_ebpf_common::flow::{Class, FlowStats, Payload};

use crate::jitter::JitterBank;
use crate::locator::Locator;

/// What passed in one directed flow.
#[derive(Clone, Debug, Default)]
pub(crate) struct MediaCount {
    /// The counters that the kernel keeps too.
    pub(crate) stats: FlowStats,
    bank: JitterBank,
    pub(crate) first_rtp: Option<Locator>,
    pub(crate) last_rtp: Option<Locator>,
    pub(crate) first_rtcp: Option<Locator>,
}

impl MediaCount {
    /// Takes in a datagram or interleaved frame.
    pub(crate) fn update(&mut self, payload: &Payload, at: Locator) {
        self.stats.record(payload, at.at.as_nanos(), 0);
        if payload.class == Class::Rtp {
            self.bank
                .update(payload.ssrc, payload.timestamp, at.at.as_nanos());
        }
        self.place(payload.class, at);
    }

    /// Remembers where a packet was seen without counting it.
    pub(crate) fn place(&mut self, class: Class, at: Locator) {
        match class {
            Class::Rtp => {
                fill(&mut self.first_rtp, at);
                self.last_rtp = Some(at);
            }
            Class::Rtcp => fill(&mut self.first_rtcp, at),
            Class::Stun | Class::Dtls | Class::Other => {}
        }
    }

    /// Whether RTP came, and not a single datagram that happened to look like it.
    pub(crate) fn is_media(&self) -> bool {
        self.stats.rtp.is_proven()
    }

    /// Jitter in ns for a clock of `rate` Hz; the kernel's where the kernel counted with a clock.
    pub(crate) fn jitter_ns(&self, rate: u32) -> Option<u64> {
        self.bank
            .jitter_ns(rate)
            .or_else(|| self.stats.rtp.jitter_ns())
    }
}

/// Keeps the earliest; a place with a frame number is better than one without.
fn fill(slot: &mut Option<Locator>, at: Locator) {
    if slot.is_none_or(|kept| kept.frame.is_none() && at.frame.is_some()) {
        *slot = Some(at);
    }
}
