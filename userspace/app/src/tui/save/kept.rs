//! What a live run, or a capture that comes through a pipe, leaves for a session to be saved of.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use rtspscope_engine::{
    ChannelCounters, ChannelReport, ChannelTotals, Conntrack, FlowCounters, Handover, Input,
    PictureTotals, RouterSetup, TapInfo,
};
use rtspscope_wire::netfilter;
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId};

use crate::frame::Frame;

/// Bytes of frames that are kept of a run whose packets cannot be read again; the oldest fall.
const KEPT_BYTES: usize = 16 << 20;

/// Flows whose counters are kept beside them.
const KEPT_FLOWS: usize = 4_096;

/// The last frames of a run, and the last counters of its flows.
#[derive(Debug, Default)]
pub(in crate::tui) struct Kept {
    taps: Vec<TapInfo>,
    setup: Option<RouterSetup>,
    items: VecDeque<Item>,
    bytes: usize,
    /// Some are no longer kept, because there was no room for all.
    some_fell: bool,
    /// Of channels that the kernel reads now.
    channels: BTreeMap<(u16, SocketAddr, SocketAddr, u8), ChannelCounters>,
    counters: BTreeMap<(u16, SocketAddr, SocketAddr), FlowCounters>,
}

/// What is kept in the order in which it came.
#[derive(Debug)]
enum Item {
    Frame(Frame),
    Handover(Handover),
    /// What the kernel had counted when it gave a direction back.
    Counted(Box<ChannelCounters>),
    /// A report that it handed over.
    Report(Box<ChannelReport>),
    /// What a bundle tells of the media that it leaves out.
    Totals(Box<ChannelTotals>),
    Pictures(Box<PictureTotals>),
}

impl Item {
    fn borrow(&self) -> Input<'_> {
        match self {
            Self::Frame(frame) => Input::Frame(frame.borrow()),
            Self::Handover(handover) => Input::Handover(handover),
            Self::Counted(counters) => Input::ChannelCounters(counters),
            Self::Report(report) => Input::ChannelReport(report),
            Self::Totals(totals) => Input::ChannelTotals(totals),
            Self::Pictures(totals) => Input::Pictures(totals),
        }
    }

    /// What it tells, where it is no frame but a message of netfilter.
    fn told(&self) -> Option<Told<'_>> {
        let Self::Frame(frame) = self else {
            return None;
        };
        let is_told = frame.tap == TapId::NETFILTER;
        let message = netfilter::messages(&frame.bytes).next().filter(|_| is_told);
        let event = message?.event()?;
        Some(Told { frame, event })
    }

    fn len(&self) -> usize {
        let beside = match self {
            Self::Frame(frame) => frame.bytes.len(),
            Self::Handover(_) => 0,
            Self::Counted(_) => size_of::<ChannelCounters>(),
            Self::Report(report) => size_of::<ChannelReport>() + report.bytes.len(),
            Self::Totals(_) => size_of::<ChannelTotals>(),
            Self::Pictures(_) => size_of::<PictureTotals>(),
        };
        size_of::<Self>() + beside
    }
}

/// A message of netfilter that was kept, read again.
struct Told<'a> {
    frame: &'a Frame,
    event: netfilter::Event,
}

impl Told<'_> {
    fn borrow(&self) -> Input<'_> {
        Input::Conntrack(Conntrack {
            at: self.frame.at,
            number: self.frame.number,
            raw: &self.frame.bytes,
            event: &self.event,
        })
    }
}

impl Kept {
    /// The taps, in the order of their numbers.
    pub(super) fn taps(&self) -> &[TapInfo] {
        &self.taps
    }

    /// Whether the oldest packets are no longer kept.
    pub(super) fn some_fell(&self) -> bool {
        self.some_fell
    }

    /// Gives all of it as it came, and the counters behind it.
    pub(super) fn give<E>(
        &self,
        mut take: impl FnMut(&Input<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(setup) = &self.setup {
            take(&Input::RouterSetup(setup))?;
        }
        for item in &self.items {
            let told = item.told();
            take(&told.as_ref().map_or_else(|| item.borrow(), Told::borrow))?;
        }
        for counters in self.channels.values() {
            take(&Input::ChannelCounters(counters))?;
        }
        for counters in self.counters.values() {
            take(&Input::FlowCounters(counters))?;
        }
        Ok(())
    }

    pub(in crate::tui) fn open_tap(&mut self, info: &TapInfo) {
        self.taps.push(info.clone());
    }

    pub(in crate::tui) fn take(&mut self, input: &Input<'_>) {
        match input {
            Input::Frame(frame) => self.keep(frame),
            Input::Conntrack(told) => self.keep(&FrameRef {
                at: told.at,
                tap: TapId::NETFILTER,
                direction: Direction::Unknown,
                link_type: LinkType::NETLINK,
                number: told.number,
                original_len: 0,
                bytes: told.raw,
            }),
            Input::RouterSetup(setup) => self.setup = Some((*setup).clone()),
            Input::Handover(handover) => {
                self.close_channels(handover);
                self.push(Item::Handover(**handover));
            }
            Input::ChannelCounters(counters) => {
                let key = (counters.tap.0, counters.from, counters.to, counters.channel);
                if self.channels.len() < KEPT_FLOWS || self.channels.contains_key(&key) {
                    self.channels.insert(key, **counters);
                }
            }
            Input::ChannelReport(report) => self.push(Item::Report(Box::new((*report).clone()))),
            Input::FlowCounters(counters) => {
                let key = (counters.tap.0, counters.from, counters.to);
                if self.counters.len() < KEPT_FLOWS || self.counters.contains_key(&key) {
                    self.counters.insert(key, **counters);
                }
            }
            Input::ChannelTotals(totals) => self.push(Item::Totals(Box::new(**totals))),
            Input::Pictures(totals) => self.push(Item::Pictures(Box::new(**totals))),
            // The report has them.
            Input::CaptureLoss(_) | Input::Blind(..) | Input::Tick(_) | Input::Watched(_) => {}
        }
    }

    fn keep(&mut self, frame: &FrameRef<'_>) {
        self.push(Item::Frame(Frame::of(frame)));
    }

    /// What was counted in a direction is final with the handover that follows.
    fn close_channels(&mut self, handover: &Handover) {
        let direction = |channel| (handover.tap.0, handover.from, handover.to, channel);
        let keys: Vec<_> = self
            .channels
            .range(direction(0)..=direction(u8::MAX))
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            if let Some(counters) = self.channels.remove(&key) {
                self.push(Item::Counted(Box::new(counters)));
            }
        }
    }

    /// Keeps an item; the oldest fall for it where there is no room.
    fn push(&mut self, item: Item) {
        self.bytes += item.len();
        self.items.push_back(item);
        while self.bytes > KEPT_BYTES
            && let Some(oldest) = self.items.pop_front()
        {
            self.bytes -= oldest.len();
            self.some_fell = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::Timestamp;

    use super::*;

    #[test]
    fn the_oldest_frames_fall_first() {
        let mut kept = Kept::default();
        let bytes = vec![0; 1 << 20];
        for number in 1..=20 {
            kept.take(&Input::Frame(FrameRef {
                at: Timestamp(0),
                tap: TapId(0),
                direction: Direction::Unknown,
                link_type: LinkType::RAW,
                number,
                original_len: 1 << 20,
                bytes: &bytes,
            }));
        }
        assert!(kept.bytes <= KEPT_BYTES && kept.some_fell());
        let Some(Item::Frame(last)) = kept.items.back() else {
            panic!("{:?}", kept.items);
        };
        assert_eq!((last.number, kept.items.len()), (20, 15));
    }
}
