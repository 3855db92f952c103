//! One flow and its uses: a port pair that a later session takes up again is another stream.

use std::net::SocketAddr;

use rtsp_ebpf_common::flow::{Class, FlowStats, Payload};
use rtsp_ebpf_common::rtp::RtpCounters;
use rtspscope_wire::{Span, TapId, Timestamp};

use super::kinds::Kinds;
use crate::counting::{GoesOn, MediaCount};
use crate::locator::Locator;
use crate::model::DatagramKinds;

/// Silence after which another SSRC on the same flow is another stream rather than a restarted source.
const QUIET: Span = Span::from_secs(1);

/// By how much a packet may be ahead of the last one before a repeated SETUP and be of the same numbering: a numbering that
/// begins anew begins at random (RFC 3550 §5.1).
const GOES_ON: u16 = 100;

/// What a SETUP means to a flow whose port it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fence {
    /// What comes next is another use.
    Anew,
    /// It says again what holds, to keep a session alive: media that just goes on is no other use, and what is missing is lost.
    Repeated,
}

/// One directed UDP flow at one tap.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) tap: TapId,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// Uses of the port pair that ended, oldest first.
    past: Vec<Epoch>,
    pub(crate) current: Epoch,
    /// A SETUP named a port of this flow: the next packet may belong to a new use of it.
    pub(super) fence: Option<Fence>,
    /// A SETUP named its receiver, so its first media is news.
    pub(super) watched: bool,
}

/// One use of a port pair: what passed between two fences.
#[derive(Clone, Debug)]
pub(crate) struct Epoch {
    pub(crate) packets: u64,
    /// Bytes of their payload on the wire.
    pub(crate) bytes: u64,
    pub(crate) first: Locator,
    pub(crate) last: Locator,
    /// Counters, once something looked like RTP, RTCP or the kernel counted it.
    pub(crate) media: Option<Box<MediaCount>>,
    /// What else came.
    kinds: Kinds,
    /// The kernel keeps the counters; frames give places only.
    counted_by_kernel: bool,
}

impl Epoch {
    fn new(at: Locator) -> Self {
        Self {
            packets: 0,
            bytes: 0,
            first: at,
            last: at,
            media: None,
            kinds: Kinds::default(),
            counted_by_kernel: false,
        }
    }

    /// Whether RTP came in it, and no single look-alike.
    pub(crate) fn is_media(&self) -> bool {
        self.media.as_ref().is_some_and(|media| media.is_media())
    }

    /// Synchronisation source of its RTP: of two the one that sent more.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        let main = self.media.as_ref()?.stats.main_source()?;
        Some(main.ssrc)
    }

    /// The source of its last sender report.
    pub(crate) fn reporter(&self) -> Option<u32> {
        self.media.as_ref()?.reports()?.reporter()
    }

    /// Whether a packet of RTP is the next of its source, or one of the next.
    fn is_gone_on_with(&self, payload: &Payload) -> bool {
        let media = self.media.as_deref();
        let source = media.and_then(|media| media.stats.source(payload.ssrc));
        source.is_some_and(|source| {
            let ahead = payload
                .sequence
                .wrapping_sub(source.extended_highest() as u16);
            (1..=GOES_ON).contains(&ahead)
        })
    }

    /// Whether both were in use at some moment.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.first.at <= other.last.at && other.first.at <= self.last.at
    }

    /// All synchronisation sources of its RTP.
    pub(crate) fn sources(&self) -> impl Iterator<Item = u32> {
        self.counters().map(|source| source.ssrc)
    }

    /// The counters of each of them.
    pub(crate) fn counters(&self) -> impl Iterator<Item = &RtpCounters> {
        let sources = self.media.iter().flat_map(|media| media.sources());
        sources.map(|source| source.counters)
    }

    /// Its datagrams by kind.
    pub(crate) fn kinds(&self) -> DatagramKinds {
        let stats = self.media.as_ref().map(|media| &media.stats);
        self.kinds.of_flow(stats, self.counted_by_kernel)
    }

    pub(super) fn update(&mut self, payload: &Payload, bytes: &[u8], at: Locator) {
        self.kinds.note(payload.class, bytes);
        self.last = at;
        if self.counted_by_kernel {
            if let Some(media) = &mut self.media {
                media.place(payload.class, at);
                media.read_reports(payload.class, bytes, at);
            }
            return;
        }
        self.packets += 1;
        self.bytes += u64::from(payload.len);
        if self.media.is_none() && matches!(payload.class, Class::Rtp | Class::Rtcp) {
            self.media = Some(Box::default());
        }
        if let Some(media) = &mut self.media {
            media.update(payload, bytes, at);
        }
    }

    /// Brings its timeline up to date. Begins one where it carries media and there is `room`, and says so then.
    pub(super) fn follow(&mut self, room: bool) -> bool {
        let Some(media) = &mut self.media else {
            return false;
        };
        let begins = !media.is_followed() && room && media.is_media();
        if begins || media.is_followed() {
            media.follow();
        }
        begins
    }

    /// Takes note of where its media goes on after another PLAY.
    pub(super) fn go_on(&mut self, how: &GoesOn) {
        if let Some(media) = self.media.as_mut().filter(|_| !self.counted_by_kernel) {
            media.go_on(how);
        }
    }

    /// Whether it has a timeline.
    pub(super) fn is_followed(&self) -> bool {
        self.media.as_ref().is_some_and(|media| media.is_followed())
    }

    /// Whether the kernel's counts do not go on from those that are known: its record of the flow was given up, and a
    /// later packet began another.
    fn is_restarted_by(&self, stats: &FlowStats) -> bool {
        let known = self.media.as_ref().filter(|_| self.counted_by_kernel);
        known.is_some_and(|known| {
            let known = &known.stats;
            stats.packets < known.packets || stats.first_ns > known.last_ns
        })
    }

    /// Takes back the end that frames moved on which belong to the next use.
    fn end_where_counted(&mut self) {
        if let Some(media) = self.media.as_ref().filter(|_| self.counted_by_kernel) {
            let counted_until = Timestamp(media.stats.last_ns);
            if self.last.at > counted_until {
                self.last = Locator {
                    frame: None,
                    at: counted_until,
                    ..self.last
                };
            }
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
        (self.packets, self.bytes) = (stats.packets, stats.bytes);
        if stats.first_ns < self.first.at.as_nanos() {
            self.first = place(stats.first_ns);
        }
        if stats.last_ns > self.last.at.as_nanos() {
            self.last = place(stats.last_ns);
        }
        let media = self.media.get_or_insert_default();
        media.set_kernel_counts(stats);
        let sources = [&stats.rtp, &stats.second];
        let sources = || sources.iter().filter(|source| source.packets > 0);
        if let Some(first) = sources().map(|source| source.first_ns).min() {
            media.place(Class::Rtp, place(first));
        }
        if let Some(last) = sources().map(|source| source.last_ns).max() {
            media.last_rtp = Some(place(last));
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
            fence: None,
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
        if self.fence == Some(Fence::Repeated) && self.current.is_media() {
            match payload.class {
                Class::Rtp if self.current.is_gone_on_with(payload) => {
                    self.fence = None;
                    return false;
                }
                Class::Rtp => {}
                Class::Rtcp | Class::Stun | Class::Dtls | Class::Other => return false,
            }
        }
        let after_silence = at.at - self.current.last.at > QUIET;
        let is_other_source = || {
            payload.class == Class::Rtp
                && self.current.ssrc().is_some()
                && self.current.sources().all(|ssrc| ssrc != payload.ssrc)
        };
        let is_other_use = self.fence.is_some() || (after_silence && is_other_source());
        // Of what the kernel counts, its counts tell where a use begins.
        is_other_use && !self.current.counted_by_kernel && self.begin(at, max_epochs)
    }

    /// Begins a new use where the kernel's counts began anew, or began after a SETUP; says whether the one before is
    /// kept apart. A SETUP within the kernel's counts is left to the next that begin anew.
    pub(super) fn turn_by_kernel(
        &mut self,
        stats: &FlowStats,
        at: Locator,
        max_epochs: usize,
    ) -> bool {
        let current = &self.current;
        let after_setup = self.fence.is_some()
            && !current.counted_by_kernel
            && at.at > current.last.at
            && current.packets > 0;
        if !after_setup && !current.is_restarted_by(stats) {
            return false;
        }
        self.current.end_where_counted();
        self.begin(at, max_epochs)
    }

    /// Begins a new use and says whether the one before is kept apart; beyond the cap they run together.
    fn begin(&mut self, at: Locator, max_epochs: usize) -> bool {
        self.fence = None;
        let has_room = self.past.len() + 1 < max_epochs;
        if has_room {
            self.past
                .push(std::mem::replace(&mut self.current, Epoch::new(at)));
        }
        has_room
    }
}
