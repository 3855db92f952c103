//! One flow and its uses: a port pair that a later session takes up again is another stream.

use std::net::SocketAddr;

use rtsp_ebpf_common::flow::{Class, FlowStats, Payload};
use rtspscope_wire::{Span, TapId, Timestamp};

use crate::counting::MediaCount;
use crate::locator::Locator;

/// Silence after which another SSRC on the same flow is another stream rather than a restarted source.
const QUIET: Span = Span::from_secs(1);

/// One directed UDP flow at one tap.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) tap: TapId,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// Uses of the port pair that ended, oldest first.
    past: Vec<Epoch>,
    pub(super) current: Epoch,
    /// A SETUP named a port of this flow: the next packet belongs to a new use of it.
    pub(super) fenced: bool,
    /// A SETUP named its receiver, so its first media is news.
    pub(super) watched: bool,
}

/// One use of a port pair: what passed between two fences.
#[derive(Clone, Debug)]
pub(crate) struct Epoch {
    pub(crate) packets: u64,
    pub(crate) first: Locator,
    pub(crate) last: Locator,
    /// Counters, once something looked like RTP, RTCP or the kernel counted it.
    pub(crate) media: Option<Box<MediaCount>>,
    /// The kernel keeps the counters; frames give places only.
    counted_by_kernel: bool,
}

impl Epoch {
    fn new(at: Locator) -> Self {
        Self {
            packets: 0,
            first: at,
            last: at,
            media: None,
            counted_by_kernel: false,
        }
    }

    /// Whether RTP came in it, and no single look-alike.
    pub(crate) fn is_media(&self) -> bool {
        self.media.as_ref().is_some_and(|media| media.is_media())
    }

    /// Synchronisation source of its RTP.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        self.media
            .as_ref()
            .filter(|media| media.stats.rtp.packets > 0)
            .map(|media| media.stats.rtp.ssrc)
    }

    pub(super) fn update(&mut self, payload: &Payload, at: Locator) {
        self.last = at;
        if self.counted_by_kernel {
            if let Some(media) = &mut self.media {
                media.place(payload.class, at);
            }
            return;
        }
        self.packets += 1;
        if self.media.is_none() && matches!(payload.class, Class::Rtp | Class::Rtcp) {
            self.media = Some(Box::default());
        }
        if let Some(media) = &mut self.media {
            media.update(payload, at);
        }
    }

    /// Takes over the kernel's counts, which began with the flow.
    pub(super) fn set_kernel_counts(&mut self, tap: TapId, stats: &FlowStats) {
        let place = |ns: i64| Locator {
            tap,
            frame: None,
            at: Timestamp(ns),
            stream_offset: None,
        };
        self.counted_by_kernel = true;
        self.packets = stats.packets;
        if stats.first_ns < self.first.at.as_nanos() {
            self.first = place(stats.first_ns);
        }
        if stats.last_ns > self.last.at.as_nanos() {
            self.last = place(stats.last_ns);
        }
        let media = self.media.get_or_insert_default();
        media.stats = *stats;
        if stats.rtp.packets > 0 {
            media.place(Class::Rtp, place(stats.rtp.first_ns));
            media.last_rtp = Some(place(stats.rtp.last_ns));
        }
        if stats.rtcp.packets > 0 {
            media.place(Class::Rtcp, place(stats.rtcp.first_ns));
        }
    }
}

impl Flow {
    pub(super) fn new(at: Locator, from: SocketAddr, to: SocketAddr) -> Self {
        Self {
            tap: at.tap,
            from,
            to,
            past: Vec::new(),
            current: Epoch::new(at),
            fenced: false,
            watched: false,
        }
    }

    /// The uses of this port pair in order of time.
    pub(crate) fn epochs(&self) -> impl Iterator<Item = &Epoch> {
        self.past.iter().chain(std::iter::once(&self.current))
    }

    /// Begins a new use where a SETUP asked for it, or where another source speaks after a silence; says whether the
    /// one before is kept apart.
    pub(super) fn turn(&mut self, payload: &Payload, at: Locator, max_epochs: usize) -> bool {
        let other_source = payload.class == Class::Rtp
            && self.current.ssrc().is_some_and(|ssrc| ssrc != payload.ssrc);
        let after_silence = at.at - self.current.last.at > QUIET;
        let is_other_use = self.fenced || (other_source && after_silence);
        if !is_other_use {
            return false;
        }
        self.fenced = false;
        let has_room = self.past.len() + 1 < max_epochs && !self.current.counted_by_kernel;
        if has_room {
            self.past
                .push(std::mem::replace(&mut self.current, Epoch::new(at)));
        }
        has_room
    }
}
