//! Directions of connections by their ends: media in them that the kernel counts, and what was counted elsewhere.

use rtspscope_wire::Timestamp;

use super::{Connections, Known};
use crate::input::{
    Carrier, ChannelCounters, ChannelReport, ChannelTotals, Handover, Passing, PictureTotals,
};
use crate::key::FlowKey;
use crate::record::{Notice, Record};

impl Connections {
    /// Where the interleaved frame begins that is passing in what `carrier` sends, and where its channels stand; `None`
    /// where that is not known, or where no media has come.
    pub(crate) fn passing(&self, carrier: &Carrier) -> Option<Passing> {
        let (at, end) = self.find(carrier)?;
        let connection = &self.slots.get(at)?.as_ref()?.connection;
        let channels = connection.record.channels.places(end);
        let is_open = connection.record.closed.is_none() && !channels.is_empty();
        let seq = connection.frame_begin(end).filter(|_| is_open)?;
        Some(Passing { seq, channels })
    }

    /// Takes note of who reads the media that a carrier sends.
    pub(crate) fn hand_over(
        &mut self,
        handover: &Handover,
        notices: &mut Vec<Notice>,
    ) -> Option<&Record> {
        let (at, end) = self.find(&handover.carrier())?;
        let room = self.held.room(&self.limits);
        let slot = self.slots.get_mut(at)?.as_mut()?;
        match &handover.returned {
            Some(returned) => slot.connection.give_back(end, returned, room, notices),
            None => slot.connection.take_over(end),
        }
        self.account(at);
        let slot = self.slots.get(at)?.as_ref()?;
        Some(&slot.connection.record)
    }

    /// Takes in what the kernel has counted of a channel.
    pub(crate) fn set_kernel_counts(&mut self, counters: &ChannelCounters) {
        let carrier = Carrier {
            tap: counters.tap,
            from: counters.from,
            to: counters.to,
        };
        let found = self.find(&carrier);
        if let Some((at, end)) = found
            && let Some(slot) = self.slots.get_mut(at).and_then(Option::as_mut)
        {
            let record = &mut slot.connection.record;
            record.channels.set_kernel_counts(end, counters);
            if counters.stats.packets > 0 {
                record.hear(end, 0, Timestamp(counters.stats.last_ns));
            }
        }
    }

    /// Takes in what was counted of a channel in all.
    pub(crate) fn set_totals(&mut self, totals: &ChannelTotals) {
        let counted = &totals.counted;
        let carrier = Carrier {
            tap: counted.tap,
            from: counted.from,
            to: counted.to,
        };
        let Some((at, end)) = self.find(&carrier) else {
            return;
        };
        let room = self.held.room(&self.limits);
        if let Some(slot) = self.slots.get_mut(at).and_then(Option::as_mut) {
            slot.connection.record.set_totals(end, totals, room);
        }
        self.account(at);
    }

    /// Takes in what was told of the pictures of a channel.
    pub(crate) fn set_pictures(&mut self, totals: &PictureTotals) {
        let carrier = Carrier {
            tap: totals.tap,
            from: totals.from,
            to: totals.to,
        };
        if let Some((at, end)) = self.find(&carrier)
            && let Some(slot) = self.slots.get_mut(at).and_then(Option::as_mut)
        {
            slot.connection.record.channels.set_pictures(end, totals);
        }
    }

    /// The pictures of each channel that carried video.
    pub(crate) fn pictures(&self) -> impl Iterator<Item = PictureTotals> {
        let slots = self.slots.iter().flatten();
        slots.flat_map(|slot| slot.connection.record.pictures())
    }

    /// What was counted of each channel that carried media, of the last connection between two ends.
    pub(crate) fn totals(&self) -> impl Iterator<Item = ChannelTotals> {
        let slots = self.slots.iter().enumerate();
        let records = slots.filter_map(|(at, slot)| Some((at, &slot.as_ref()?.connection.record)));
        let totals = records.flat_map(|(at, record)| record.totals().map(move |told| (at, told)));
        totals.filter_map(|(at, told)| {
            let carrier = Carrier {
                tap: told.counted.tap,
                from: told.counted.from,
                to: told.counted.to,
            };
            let is_last = self.find(&carrier).is_some_and(|(last, _)| last == at);
            is_last.then_some(told)
        })
    }

    /// Takes in a report of a direction that the kernel reads. Tells whether there was no room for its channel.
    pub(crate) fn handle_report(&mut self, report: &ChannelReport) -> bool {
        let carrier = Carrier {
            tap: report.tap,
            from: report.from,
            to: report.to,
        };
        let Some((at, end)) = self.find(&carrier) else {
            return false;
        };
        let room = self.held.room(&self.limits);
        let Some(slot) = self.slots.get_mut(at).and_then(Option::as_mut) else {
            return false;
        };
        let refused = slot.connection.record.handle_report(end, report, room);
        self.account(at);
        refused
    }

    /// The slot of the connection, and which of its ends sends.
    pub(super) fn find(&self, carrier: &Carrier) -> Option<(usize, usize)> {
        let end = usize::from(carrier.from > carrier.to);
        let (low, high) = if end == 0 {
            (carrier.from, carrier.to)
        } else {
            (carrier.to, carrier.from)
        };
        match self.index.get(&FlowKey::new(carrier.tap, low, high)) {
            Some(Known::Followed(slot)) => Some((slot, end)),
            Some(Known::Ignored | Known::Alone(_)) | None => None,
        }
    }

    /// Those that these carriers are directions of.
    pub(crate) fn of_carriers(&self, carriers: &[Carrier]) -> Vec<(usize, &Record)> {
        let mut slots: Vec<usize> = carriers
            .iter()
            .filter_map(|carrier| Some(self.find(carrier)?.0))
            .collect();
        slots.sort_unstable();
        slots.dedup();
        let records = slots.into_iter().filter_map(|at| {
            let slot = self.slots.get(at)?.as_ref()?;
            Some((at, &slot.connection.record))
        });
        records.collect()
    }
}
