//! UDP flows: one table look-up per datagram, whatever it carries.
//!
//! Which flow is whose media is not decided here: a SETUP may come later in the input than its media, or from another
//! file. So every flow is counted, plain ones in a small record and those that look like media with the kernel's
//! counters, and sessions claim flows when a snapshot is taken ([`crate::claim`]).

mod epoch;
mod kinds;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::FixedState;
use rtsp_ebpf_common::flow::Payload;
use rtspscope_wire::{Span, TapId, Timestamp};

use crate::counting::{GoesOn, PicturesOf};
use crate::input::{FlowCounters, PictureTotals};
use crate::key::{FlowKey, Index};
use crate::locator::Locator;
pub(crate) use epoch::{Epoch, Fence, Flow};

/// Entries that are looked at to find the one that was idle longest when the table is full.
const EVICTION_SAMPLE: usize = 16;

/// A use of two ports that lives brings reports every five seconds or so (RFC 3550 §6.2).
const ANSWERED: Span = Span::from_secs(10);

/// What one datagram meant to its flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// It was the one that proved RTP on a flow to a port that a SETUP had named.
    pub(crate) media_began: Option<u32>,
    /// Another flow was given up for its sake.
    pub(crate) evicted: bool,
}

/// All UDP flows at all taps.
#[derive(Clone, Debug)]
pub(crate) struct FlowTable {
    index: Index<usize>,
    flows: Vec<Flow>,
    max_flows: usize,
    max_epochs: usize,
    max_epochs_in_all: usize,
    /// Uses of port pairs that ended, of all flows.
    past_epochs: usize,
    /// Further uses of port pairs that may be followed over time.
    timelines_left: usize,
    /// Whether any are.
    follows: bool,
    /// Where the search for a flow to give up goes on.
    hand: usize,
    /// Receivers that a SETUP named; asked only when a flow is new.
    watched: HashSet<(TapId, SocketAddr), FixedState>,
}

impl FlowTable {
    pub(crate) fn new(max_flows: usize, max_epochs: usize, max_epochs_in_all: usize) -> Self {
        Self {
            index: Index::default(),
            flows: Vec::new(),
            max_flows: max_flows.max(1),
            max_epochs,
            max_epochs_in_all,
            past_epochs: 0,
            timelines_left: 0,
            follows: false,
            hand: 0,
            watched: HashSet::default(),
        }
    }

    /// Keeps how media came over time, of at most `most` uses of port pairs.
    pub(crate) fn follow(&mut self, most: usize) {
        self.timelines_left = most;
        self.follows = most > 0;
    }

    /// All flows, in the order in which they were first seen, except that a new one takes the place of one given up.
    pub(crate) fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// The counters of each flow that carried RTP or RTCP, one for each use of its ports.
    pub(crate) fn counters(&self) -> impl Iterator<Item = FlowCounters> {
        self.flows.iter().flat_map(|flow| {
            let counted = flow.epochs().filter_map(|epoch| epoch.media.as_ref());
            counted.map(|media| FlowCounters {
                tap: flow.tap,
                from: flow.from,
                to: flow.to,
                stats: media.stats,
            })
        })
    }

    /// The pictures of each flow that carried video, one for each source and use of its ports.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = PictureTotals> {
        self.flows.iter().flat_map(|flow| {
            let counted = flow.epochs().filter_map(|epoch| epoch.media.as_ref());
            let of = PicturesOf {
                tap: flow.tap,
                from: flow.from,
                to: flow.to,
                channel: None,
            };
            counted.flat_map(move |media| media.picture_totals(of))
        })
    }

    /// Takes in what was told of the pictures of a flow that was counted elsewhere.
    pub(crate) fn set_pictures(&mut self, totals: &PictureTotals) {
        let is_it = |flow: &&mut Flow| {
            (flow.tap, flow.from, flow.to) == (totals.tap, totals.from, totals.to)
        };
        let flow = self.flows.iter_mut().find(is_it);
        if let Some(media) = flow.and_then(|flow| flow.current.media.as_mut()) {
            media.set_pictures(totals);
        }
    }

    /// Counts a datagram of `len` bytes of payload, of which `head` was captured.
    pub(crate) fn count(
        &mut self,
        at: Locator,
        from: SocketAddr,
        to: SocketAddr,
        head: &[u8],
        len: u32,
    ) -> Noted {
        let payload = Payload::read(head, len);
        let (max_epochs, room) = (self.epochs_left(), self.room_to_follow());
        let (flow, evicted) = self.entry(at, from, to);
        let turned = flow.turn(&payload, at, max_epochs);
        let is_awaited = flow.watched && !flow.current.is_media();
        flow.current.update(&payload, head, at);
        let followed = room.is_some_and(|room| flow.current.follow(room));
        let began = is_awaited && flow.current.is_media();
        let media_began = flow.current.ssrc().filter(|_| began);
        self.past_epochs += usize::from(turned);
        self.timelines_left -= usize::from(followed);
        Noted {
            media_began,
            evicted,
        }
    }

    /// Takes over what the kernel counted of a flow. Returns also by how many datagrams the flow grew.
    pub(crate) fn set_kernel_counts(&mut self, counters: &FlowCounters) -> (Noted, u64) {
        let at = Timestamp(counters.stats.first_ns);
        let at = Locator {
            tap: counters.tap,
            frame: None,
            at,
            stream_offset: None,
        };
        let (max_epochs, room) = (self.epochs_left(), self.room_to_follow());
        let (flow, evicted) = self.entry(at, counters.from, counters.to);
        let turned = flow.turn_by_kernel(&counters.stats, at, max_epochs);
        let (was_media, before) = (flow.current.is_media(), flow.current.packets);
        flow.current
            .set_kernel_counts(counters.tap, &counters.stats);
        let followed = room.is_some_and(|room| flow.current.follow(room));
        let began = flow.watched && !was_media && flow.current.is_media();
        let grown = flow.current.packets.saturating_sub(before);
        let media_began = flow.current.ssrc().filter(|_| began);
        self.past_epochs += usize::from(turned);
        self.timelines_left -= usize::from(followed);
        (
            Noted {
                media_began,
                evicted,
            },
            grown,
        )
    }

    /// Uses that one flow may have, as far as all flows together leave room.
    const fn epochs_left(&self) -> usize {
        if self.past_epochs < self.max_epochs_in_all {
            self.max_epochs
        } else {
            0
        }
    }

    /// Whether there is room for another timeline; `None` where none are kept.
    fn room_to_follow(&self) -> Option<bool> {
        self.follows.then_some(self.timelines_left > 0)
    }

    /// A SETUP agreed on these ports of `host`: what comes from now on is another use of them, or may be one.
    pub(crate) fn fence(&mut self, tap: TapId, host: IpAddr, ports: &[u16], fence: Fence) {
        self.watch(tap, host, ports);
        let is_it = |end: SocketAddr| end.ip() == host && ports.contains(&end.port());
        for flow in self.flows.iter_mut().filter(|flow| flow.tap == tap) {
            let receives = is_it(flow.to);
            if receives || is_it(flow.from) {
                if flow.fence != Some(Fence::Anew) {
                    flow.fence = Some(fence);
                }
                flow.watched |= receives;
            }
        }
    }

    /// A client agreed with a server on these ports of the server, and had nothing to do with it between `since` and `now`: what it sends
    /// there from now on is another use, from whatever port a NAT lets it leave, unless something came back there lately.
    pub(crate) fn fence_old(
        &mut self,
        (tap, client, server): (TapId, IpAddr, IpAddr),
        ports: &[u16],
        [since, now]: [Timestamp; 2],
    ) {
        let Self { flows, index, .. } = self;
        let is_it = |flow: &Flow| {
            let ends = (flow.tap, flow.from.ip(), flow.to.ip());
            ends == (tap, client, server) && ports.contains(&flow.to.port())
        };
        let old: Vec<usize> = (0..flows.len())
            .filter(|slot| is_it(&flows[*slot]) && flows[*slot].current.last.at < since)
            .collect();
        for slot in old {
            let (from, to) = (flows[slot].from, flows[slot].to);
            let back = index.find(&FlowKey::new(tap, to, from));
            let answered = back.map(|back| flows[back].current.last.at);
            if answered.is_none_or(|last| now - last > ANSWERED) {
                flows[slot].fence.get_or_insert(Fence::Repeated);
            }
        }
    }

    /// Media between two hosts was played before, and now it is asked or told where it goes on.
    pub(crate) fn go_on(&mut self, tap: TapId, (from, to): (IpAddr, IpAddr), how: &GoesOn) {
        let ends = |flow: &&mut Flow| (flow.tap, flow.from.ip(), flow.to.ip()) == (tap, from, to);
        for flow in self.flows.iter_mut().filter(ends) {
            flow.current.go_on(how);
        }
    }

    /// Forgets flows that do not pass `is_kept`, and receivers that do not pass `is_named`.
    pub(crate) fn forget(
        &mut self,
        is_kept: impl Fn(&Flow) -> bool,
        is_named: impl Fn(SocketAddr) -> bool,
    ) {
        self.watched.retain(|(_, end)| is_named(*end));
        let mut slot = 0;
        while let Some(flow) = self.flows.get(slot) {
            if is_kept(flow) {
                slot += 1;
                continue;
            }
            let old = self.flows.swap_remove(slot);
            self.release(&old);
            if let Some(moved) = self.flows.get(slot) {
                self.index.insert(key(moved), slot);
            }
        }
    }

    /// Gives back what a flow held of that which is capped for all flows together.
    fn release(&mut self, old: &Flow) {
        self.past_epochs -= old.epochs().count() - 1;
        self.timelines_left += old.epochs().filter(|epoch| epoch.is_followed()).count();
        self.index.remove(&key(old));
    }

    /// The first media to these ports of `host` is news, on flows that are not known yet.
    pub(crate) fn watch(&mut self, tap: TapId, host: IpAddr, ports: &[u16]) {
        for port in ports {
            if self.watched.len() < self.max_flows {
                self.watched.insert((tap, SocketAddr::new(host, *port)));
            }
        }
    }

    /// The flow's record, new or not, and whether another was given up for it. One look-up for a known flow.
    fn entry(&mut self, at: Locator, from: SocketAddr, to: SocketAddr) -> (&mut Flow, bool) {
        let key = FlowKey::new(at.tap, from, to);
        if let Some(slot) = self.index.find(&key) {
            return (&mut self.flows[slot], false);
        }
        let mut flow = Flow::new(at, from, to);
        flow.watched = self.watched.contains(&(at.tap, to));
        if self.flows.len() < self.max_flows {
            let slot = self.flows.len();
            self.index.insert(key, slot);
            self.flows.push(flow);
            return (&mut self.flows[slot], false);
        }
        let slot = self.oldest_of_a_few();
        let old = std::mem::replace(&mut self.flows[slot], flow);
        self.release(&old);
        self.index.insert(key, slot);
        (&mut self.flows[slot], true)
    }

    /// Among the next few entries the one to give up: no media before media, then the one idle longest.
    fn oldest_of_a_few(&mut self) -> usize {
        let len = self.flows.len();
        let start = self.hand;
        self.hand = (start + EVICTION_SAMPLE) % len;
        (0..EVICTION_SAMPLE.min(len))
            .map(|step| (start + step) % len)
            .min_by_key(|slot| {
                let flow = &self.flows[*slot];
                (flow.epochs().any(Epoch::is_media), flow.current.last.at)
            })
            .unwrap_or(start)
    }
}

fn key(flow: &Flow) -> FlowKey {
    FlowKey::new(flow.tap, flow.from, flow.to)
}
