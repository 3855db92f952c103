//! The table of TCP connections: one look-up per segment, and nothing more for a connection that is not RTSP.

mod alone;

use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::FixedState;
use rtspscope_wire::decode::Segment;
use rtspscope_wire::tcp::Place;
use rtspscope_wire::{Span, TapId, Timestamp};

use alone::{Alone, First};

use crate::connection::{Connection, Fate};
use crate::input::{
    Carrier, ChannelCounters, ChannelReport, ChannelTotals, Handover, Passing, PictureTotals,
};
use crate::key::FlowKey;
use crate::limits::Limits;
use crate::locator::Locator;
use crate::record::{Notice, Record, Room, Speech};

/// Entries that are looked at to find the one to give up when the table is full.
const EVICTION_SAMPLE: usize = 16;

/// What the table knows of a pair of ends.
#[derive(Clone, Copy, Debug)]
enum Known {
    /// It is followed in this slot.
    Followed(usize),
    /// It is not RTSP, or there was no room.
    Ignored,
    /// Its only segment waits with this ticket.
    Alone(u64),
}

/// A connection in its slot.
#[derive(Clone, Debug)]
struct Slot {
    key: FlowKey,
    /// Number in order of the first packet.
    number: u64,
    connection: Connection,
    /// Another connection uses the same ends now.
    replaced: bool,
    held: Held,
    session: Option<u32>,
}

/// What a connection holds of that which is capped for all connections together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    message_bytes: usize,
    channels: usize,
    waiting_bytes: usize,
}

impl Held {
    /// What may still be kept.
    fn room<'l>(&self, limits: &'l Limits) -> Room<'l> {
        Room {
            limits,
            messages: self.message_bytes < limits.message_bytes_in_all,
            channels: self.channels < limits.channels_in_all,
            timelines: self.channels < limits.timelines,
        }
    }

    fn by(connection: &Connection) -> Self {
        Self {
            message_bytes: connection.record.exchanges.kept_bytes(),
            channels: connection.record.channels.len(),
            waiting_bytes: connection.waiting_bytes(),
        }
    }
}

/// Entries that are looked at for each new connection, so that idle ones go sooner than new ones come.
const IDLE_SAMPLE: usize = 2;

/// Silence after which a connection that has not said what it speaks is forgotten. Most of what passes a router is
/// never heard of again, and begins anew in this table if it is.
const IDLE: Span = Span::from_secs(30);

/// The same where nobody saw it begin, and so nothing is known of it that would be missed later.
const IDLE_MIDSTREAM: Span = Span::from_secs(5);

/// Connections at all taps.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    rtsp_ports: Vec<u16>,
    limits: Limits,
    index: HashMap<FlowKey, Known, FixedState>,
    /// Boxed, since most connections are let go again and those that stay must not be moved about.
    slots: Vec<Option<Box<Slot>>>,
    free: Vec<usize>,
    alone: Alone,
    next_number: u64,
    hand: usize,
    idle_hand: usize,
    held: Held,
}

impl Connections {
    pub(crate) fn new(rtsp_ports: Vec<u16>, limits: Limits) -> Self {
        Self {
            rtsp_ports,
            limits,
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            alone: Alone::default(),
            next_number: 0,
            hand: 0,
            idle_hand: 0,
            held: Held::default(),
        }
    }

    /// Takes a segment. Returns the record to which the notices belong, if there are any, and whether a connection had
    /// to be given up or refused.
    pub(crate) fn handle_segment(
        &mut self,
        tap: TapId,
        segment: &Segment<'_>,
        place: Place,
        notices: &mut Vec<Notice>,
    ) -> (Option<&Record>, bool) {
        let (end, ends) = in_order(segment);
        let key = FlowKey::new(tap, ends[0], ends[1]);
        let at = Locator::of(tap, place);
        let opens = segment.flags.syn();
        let mut known = self.index.get(&key).copied();
        let mut refused = false;
        if let Some(Known::Alone(ticket)) = known {
            (known, refused) = self.join(ticket, notices);
        }
        let (slot, refused) = match known {
            Some(Known::Ignored) if !opens => return (None, refused),
            Some(Known::Followed(slot)) if !opens || !self.reopened(slot, end, segment) => {
                (Some(slot), refused)
            }
            Some(Known::Followed(slot)) => {
                self.retire(slot, notices);
                self.open(key, at, ends)
            }
            None if self.wait((key, tap), segment, place) => return (None, false),
            Some(Known::Ignored | Known::Alone(_)) | None => self.open(key, at, ends),
        };
        let Some(slot) = slot else {
            return (None, refused);
        };
        let fate = self.read(slot, end, segment, place, notices);
        if fate == Fate::LetGo {
            self.let_go(key, slot);
            return (None, refused);
        }
        let record = self
            .slots
            .get(slot)
            .and_then(Option::as_ref)
            .map(|slot| &slot.connection.record);
        (record, refused)
    }

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
    fn find(&self, carrier: &Carrier) -> Option<(usize, usize)> {
        let end = usize::from(carrier.from > carrier.to);
        let (low, high) = if end == 0 {
            (carrier.from, carrier.to)
        } else {
            (carrier.to, carrier.from)
        };
        match self.index.get(&FlowKey::new(carrier.tap, low, high)) {
            Some(&Known::Followed(slot)) => Some((slot, end)),
            Some(Known::Ignored | Known::Alone(_)) | None => None,
        }
    }

    /// Reads what waits, in all connections, in order of their first packet.
    pub(crate) fn finish(&mut self, mut tell: impl FnMut(&Record, &mut Vec<Notice>)) {
        let mut notices = Vec::new();
        for first in self.alone.take_all() {
            let (slot, _) = self.follow(&first, &mut notices);
            if let Some(slot) = slot.and_then(|at| self.slots.get(at)?.as_ref()) {
                tell(&slot.connection.record, &mut notices);
            }
            notices.clear();
        }
        let mut order: Vec<(u64, usize)> = Vec::new();
        order.extend(
            self.slots
                .iter()
                .enumerate()
                .filter_map(|(at, slot)| Some((slot.as_ref()?.number, at))),
        );
        order.sort_unstable();
        for (_, at) in order {
            self.finish_slot(at, &mut notices);
            if let Some(slot) = self.slots.get(at).and_then(Option::as_ref) {
                tell(&slot.connection.record, &mut notices);
            }
            notices.clear();
        }
    }

    /// Connections that are or may become sessions, in order of the first packet, each with its slot.
    pub(crate) fn of_interest(&self) -> Vec<(usize, &Record)> {
        let mut found: Vec<(u64, usize, &Record)> = Vec::new();
        for (at, slot) in self.slots.iter().enumerate() {
            if let Some(slot) = slot
                .as_ref()
                .filter(|slot| slot.connection.is_of_interest())
            {
                found.push((slot.number, at, &slot.connection.record));
            }
        }
        found.sort_unstable_by_key(|(number, ..)| *number);
        found
            .into_iter()
            .map(|(_, at, record)| (at, record))
            .collect()
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

    /// Those of them whose sessions are not over: a session ends with its connection at the latest. Of a tunnel the
    /// connection of the requests may end before.
    pub(crate) fn not_over(&self) -> Vec<(usize, &Record)> {
        let mut found = self.of_interest();
        found.retain(|(_, record)| record.closed.is_none() || record.cookie.is_some());
        found
    }

    /// The number of the session that a connection was last part of.
    pub(crate) fn session(&self, slot: usize) -> Option<u32> {
        self.slots.get(slot)?.as_ref()?.session
    }

    pub(crate) fn set_session(&mut self, slot: usize, session: u32) {
        if let Some(slot) = self.slots.get_mut(slot).and_then(Option::as_mut) {
            slot.session = Some(session);
        }
    }

    /// Forgets the connections of sessions that pass `is_over`.
    pub(crate) fn forget(&mut self, is_over: impl Fn(u32) -> bool) {
        for at in 0..self.slots.len() {
            if self.session(at).is_some_and(&is_over) {
                self.remove(at);
            }
        }
    }

    /// Lets go of keepalives in connections that have more of them.
    pub(crate) fn thin(&mut self, keepalives: usize) {
        for at in 0..self.slots.len() {
            let slot = self.slots.get_mut(at).and_then(Option::as_mut);
            let exchanges = slot.map(|slot| &mut slot.connection.record.exchanges);
            if let Some(exchanges) = exchanges.filter(|those| those.keepalives() > keepalives) {
                exchanges.forget_keepalives();
                self.account(at);
            }
        }
    }

    fn reopened(&self, slot: usize, end: usize, segment: &Segment<'_>) -> bool {
        let slot = self.slots.get(slot).and_then(Option::as_ref);
        slot.is_some_and(|slot| slot.connection.is_reopened_by(end, segment))
    }

    fn read(
        &mut self,
        slot: usize,
        end: usize,
        segment: &Segment<'_>,
        place: Place,
        notices: &mut Vec<Notice>,
    ) -> Fate {
        let room = self.held.room(&self.limits);
        let Some(connection) = self.slots.get_mut(slot).and_then(Option::as_mut) else {
            return Fate::LetGo;
        };
        let before = connection.held;
        let channels = before.channels;
        if connection
            .connection
            .pass(end, segment, place, room, notices)
        {
            if connection.connection.record.channels.len() != channels {
                self.account(slot);
            }
            return Fate::Keep;
        }
        let fate = connection
            .connection
            .handle_segment(end, segment, place, room, notices);
        let after = self.account(slot);
        let limits = &self.limits;
        if after.message_bytes != before.message_bytes
            && self.held.message_bytes >= limits.message_bytes_in_all
        {
            self.drop_oldest_closed();
        }
        if after.waiting_bytes > before.waiting_bytes
            && self.held.waiting_bytes > self.limits.waiting_bytes_in_all
        {
            self.relieve(notices);
        }
        fate
    }

    /// Brings the sums up to date with what a connection holds now.
    fn account(&mut self, at: usize) -> Held {
        let Some(slot) = self.slots.get_mut(at).and_then(Option::as_mut) else {
            return Held::default();
        };
        let after = Held::by(&slot.connection);
        let before = std::mem::replace(&mut slot.held, after);
        if after == before {
            return after;
        }
        self.release(before);
        self.held.message_bytes += after.message_bytes;
        self.held.channels += after.channels;
        self.held.waiting_bytes += after.waiting_bytes;
        after
    }

    fn release(&mut self, held: Held) {
        let sum = &mut self.held;
        sum.message_bytes = sum.message_bytes.saturating_sub(held.message_bytes);
        sum.channels = sum.channels.saturating_sub(held.channels);
        sum.waiting_bytes = sum.waiting_bytes.saturating_sub(held.waiting_bytes);
    }

    /// Has the connection that holds most of what waits give it up. What comes of it is kept in its record only.
    fn relieve(&mut self, notices: &mut Vec<Notice>) {
        let waiting = self.slots.iter().enumerate().filter_map(|(at, slot)| {
            let slot = slot.as_ref()?;
            Some((slot.held.waiting_bytes, at))
        });
        let Some((_, at)) = waiting.max() else {
            return;
        };
        let room = self.held.room(&self.limits);
        if let Some(slot) = self.slots.get_mut(at).and_then(Option::as_mut) {
            slot.connection.give_up(room, &mut Vec::new());
            notices.push(Notice::MessageDropped);
        }
        self.account(at);
    }

    fn finish_slot(&mut self, at: usize, notices: &mut Vec<Notice>) {
        let room = Room {
            limits: &self.limits,
            messages: true,
            channels: true,
            timelines: self.held.channels < self.limits.timelines,
        };
        if let Some(slot) = self.slots.get_mut(at).and_then(Option::as_mut) {
            slot.connection.finish(room, notices);
        }
        self.account(at);
    }

    /// Ends a connection whose ends are used again; it stays if it was RTSP.
    fn retire(&mut self, at: usize, notices: &mut Vec<Notice>) {
        let mut own = Vec::new();
        self.finish_slot(at, &mut own);
        notices.append(&mut own);
        let Some(slot) = self.slots.get_mut(at).and_then(Option::as_mut) else {
            return;
        };
        slot.replaced = true;
        if !slot.connection.is_of_interest() {
            self.remove(at);
        }
    }

    /// Lets the first segment of a connection wait for another where nothing comes of it alone; tells whether it does.
    fn wait(&mut self, (key, tap): (FlowKey, TapId), segment: &Segment<'_>, place: Place) -> bool {
        let ports = [segment.source.port(), segment.destination.port()];
        if ports.iter().any(|port| self.rtsp_ports.contains(port)) {
            return false;
        }
        while let Some(first) = self.alone.take_idle(place.at) {
            self.index.remove(&first.key);
        }
        if !self.alone.takes(segment) {
            return false;
        }
        self.forget_ignored();
        let ticket = self.alone.put((key, tap), self.next_number, segment, place);
        self.next_number += 1;
        self.index.insert(key, Known::Alone(ticket));
        true
    }

    /// Reads the segment that waited, because another has come. What is known of its connection now, and whether a
    /// connection had to be given up or refused.
    fn join(&mut self, ticket: u64, notices: &mut Vec<Notice>) -> (Option<Known>, bool) {
        let Some(first) = self.alone.take(ticket) else {
            return (None, false);
        };
        let (slot, refused) = self.follow(&first, notices);
        let known = slot.map_or(Known::Ignored, Known::Followed);
        (Some(known), refused)
    }

    /// Follows a connection from the segment on that waited: its slot, unless it is of no interest or has no room, and whether
    /// a connection had to be given up or refused.
    fn follow(&mut self, first: &First, notices: &mut Vec<Notice>) -> (Option<usize>, bool) {
        let (segment, place) = (first.segment(), first.place);
        let (end, ends) = in_order(&segment);
        let number = std::mem::replace(&mut self.next_number, first.number);
        let (slot, refused) = self.open(first.key, Locator::of(first.tap, place), ends);
        self.next_number = number;
        let Some(slot) = slot else {
            return (None, refused);
        };
        if self.read(slot, end, &segment, place, notices) == Fate::LetGo {
            self.let_go(first.key, slot);
            return (None, refused);
        }
        (Some(slot), refused)
    }

    /// Follows a connection no further.
    fn let_go(&mut self, key: FlowKey, slot: usize) {
        self.index.insert(key, Known::Ignored);
        self.remove(slot);
    }

    /// A slot for a new connection, and whether another one, or this one, had to go.
    fn open(&mut self, key: FlowKey, at: Locator, ends: [SocketAddr; 2]) -> (Option<usize>, bool) {
        self.forget_ignored();
        self.forget_idle(at.at);
        let mut refused = false;
        if self.free.is_empty() && self.slots.len() >= self.limits.connections {
            refused = true;
            let Some(victim) = self.victim() else {
                self.index.insert(key, Known::Ignored);
                return (None, true);
            };
            self.remove(victim);
        }
        let connection = Connection::new(at, ends, &self.rtsp_ports, &self.limits);
        let slot = Some(Box::new(Slot {
            key,
            number: self.next_number,
            connection,
            replaced: false,
            held: Held::default(),
            session: None,
        }));
        self.next_number += 1;
        let at = self.free.pop().unwrap_or(self.slots.len());
        match self.slots.get_mut(at) {
            Some(place) => *place = slot,
            None => self.slots.push(slot),
        }
        self.index.insert(key, Known::Followed(at));
        (Some(at), refused)
    }

    /// Marks of connections that are not followed are cheap to make again, so all of them go at once when they are many.
    fn forget_ignored(&mut self) {
        if self.index.len() >= self.limits.connections.saturating_mul(4) {
            self.index
                .retain(|_, known| !matches!(known, Known::Ignored));
        }
    }

    /// Forgets those of the next few connections that never said what they speak and have been silent for long.
    fn forget_idle(&mut self, now: Timestamp) {
        for _ in 0..IDLE_SAMPLE.min(self.slots.len()) {
            let at = self.idle_hand % self.slots.len();
            self.idle_hand = at + 1;
            let slot = self.slots.get(at).and_then(Option::as_ref);
            if slot.is_some_and(|slot| worth(slot) == 0 && is_idle(&slot.connection.record, now)) {
                self.remove(at);
            }
        }
    }

    /// Among the next few connections the one to give up: undecided ones first, open RTSP never.
    fn victim(&mut self) -> Option<usize> {
        let len = self.slots.len();
        let start = self.hand;
        self.hand = (start + EVICTION_SAMPLE) % len.max(1);
        let sample = (0..EVICTION_SAMPLE.min(len)).map(|step| (start + step) % len);
        let ranked = sample.filter_map(|at| {
            let slot = self.slots.get(at)?.as_ref()?;
            Some((worth(slot), slot.connection.record.last.at, at))
        });
        ranked
            .filter(|(worth, ..)| *worth < 3)
            .min()
            .map(|(.., at)| at)
    }

    fn drop_oldest_closed(&mut self) {
        let closed = self.slots.iter().enumerate().filter_map(|(at, slot)| {
            let slot = slot.as_ref().filter(|slot| worth(slot) == 2)?;
            Some((slot.connection.record.last.at, at))
        });
        if let Some((_, at)) = closed.min() {
            self.remove(at);
        }
    }

    fn remove(&mut self, at: usize) {
        let Some(slot) = self.slots.get_mut(at).and_then(Option::take) else {
            return;
        };
        self.release(slot.held);
        self.free.push(at);
        let is_current =
            matches!(self.index.get(&slot.key), Some(Known::Followed(current)) if *current == at);
        if is_current {
            self.index.remove(&slot.key);
        }
    }
}

/// Which end sends a segment, and both of them, the lower one first.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "it hands back 64 bytes, of each segment"
)]
fn in_order(segment: &Segment<'_>) -> (usize, [SocketAddr; 2]) {
    let (from, to) = (segment.source, segment.destination);
    if from > to {
        (1, [to, from])
    } else {
        (0, [from, to])
    }
}

/// Whether a connection that has not said what it speaks has been silent for long.
fn is_idle(record: &Record, now: Timestamp) -> bool {
    let limit = if record.opener.is_some() {
        IDLE
    } else {
        IDLE_MIDSTREAM
    };
    now - record.last.at > limit
}

/// How much would be lost with a connection: 0 undecided, 1 an unanswered attempt, 2 ended RTSP, 3 RTSP.
fn worth(slot: &Slot) -> u8 {
    let record = &slot.connection.record;
    match record.speech {
        Speech::Undecided => u8::from(slot.connection.is_attempt()),
        Speech::Rtsp | Speech::TunnelGet | Speech::TunnelPost | Speech::Tls => {
            if slot.replaced || record.closed.is_some() {
                2
            } else {
                3
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::decode::TcpFlags;

    use super::*;

    /// What the `number`th client sends.
    fn segment(number: u16, seq: u32, flags: TcpFlags, payload: &[u8]) -> Segment<'_> {
        Segment {
            source: ([10, 0, 0, 1], 20_000 + number).into(),
            destination: ([10, 0, 0, 2], 9_000).into(),
            seq,
            ack: 1,
            flags,
            window: 500,
            payload,
            payload_len: payload.len() as u32,
        }
    }

    /// A frame that passed at that second.
    fn place(frame: u64) -> Place {
        Place {
            at: Timestamp(frame.cast_signed() * 1_000_000_000),
            frame,
        }
    }

    /// One segment of each of a thousand connections, a second apart; how many are still followed at the end?
    fn followed_of_a_thousand(flags: TcpFlags, payload: &[u8]) -> usize {
        let mut connections = Connections::new(vec![554], Limits::default());
        for number in 0..1_000_u16 {
            let segment = segment(number, 1, flags, payload);
            let place = place(number.into());
            connections.handle_segment(TapId(0), &segment, place, &mut Vec::new());
        }
        connections.slots.iter().flatten().count() + connections.alone.count()
    }

    #[test]
    fn what_never_said_what_it_speaks_is_forgotten_in_its_silence() {
        let midstream = followed_of_a_thousand(TcpFlags::ACK, &[0xff, 1, 2, 3]);
        assert!((5..30).contains(&midstream), "{midstream}");
        let opened = followed_of_a_thousand(TcpFlags::SYN, &[]);
        assert!((30..70).contains(&opened), "{opened}");
    }

    #[test]
    fn rtsp_is_not_forgotten_in_its_silence() {
        assert_eq!(
            followed_of_a_thousand(TcpFlags::ACK, b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
            1_000
        );
    }

    /// The frame where each connection begins that came to anything, in order.
    fn begun_at(connections: &Connections) -> Vec<Option<u64>> {
        let records = connections.of_interest();
        records
            .iter()
            .map(|(_, record)| record.first.frame)
            .collect()
    }

    #[test]
    fn a_first_segment_that_waited_is_read_with_the_second() {
        let mut connections = Connections::new(vec![554], Limits::default());
        let mut send = |number, seq, payload: &[u8], frame| {
            let segment = segment(number, seq, TcpFlags::ACK, payload);
            connections.handle_segment(TapId(0), &segment, place(frame), &mut Vec::new());
        };
        send(1, 100, b"OPTIONS * RT", 1);
        send(2, 7, b"\x17\x03\x03", 2);
        send(3, 1, b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 3);
        send(1, 112, b"SP/1.0\r\nCSeq: 1\r\n\r\n", 4);
        assert_eq!(begun_at(&connections), [Some(1), Some(3)]);
        assert_eq!(connections.alone.count(), 1);
    }

    #[test]
    fn what_still_waits_at_the_end_is_read_then() {
        // The begin of a frame whose end does not come.
        let frame = b"$\x00\xff\xff\x80\x60";
        let mut connections = Connections::new(vec![554], Limits::default());
        let waits = segment(1, 1, TcpFlags::ACK, frame);
        connections.handle_segment(TapId(0), &waits, place(1), &mut Vec::new());
        assert_eq!(connections.alone.count(), 1);
        let mut told = 0;
        connections.finish(|_, _| told += 1);
        assert_eq!((connections.alone.count(), told > 0), (0, true));
    }
}
