//! The table of TCP connections: one look-up per segment, and nothing more for a connection that is not RTSP.

mod alone;
mod carriers;
mod room;

use std::net::SocketAddr;

use rtspscope_wire::TapId;
use rtspscope_wire::decode::Segment;
use rtspscope_wire::tcp::Place;

use alone::{Alone, First};
use room::Held;

use crate::connection::{Connection, Fate};
use crate::key::{FlowKey, Index};
use crate::limits::Limits;
use crate::locator::Locator;
use crate::record::{Notice, Record, Room};
use crate::session::may_be_link;

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

/// Connections at all taps.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    rtsp_ports: Vec<u16>,
    limits: Limits,
    index: Index<Known>,
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
            index: Index::default(),
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
        let mut known = self.index.find(&key);
        let mut refused = false;
        if let Some(Known::Alone(ticket)) = known {
            (known, refused) = self.join(ticket, notices);
        }
        let (slot, refused_now) = match known {
            Some(Known::Ignored) if !opens => return (None, refused),
            Some(Known::Followed(slot)) if !opens || !self.reopened(slot, end, segment) => {
                (Some(slot), false)
            }
            Some(Known::Followed(slot)) => {
                self.retire(slot, notices);
                self.open(key, at, ends)
            }
            None if self.wait((key, tap), segment, place) => return (None, false),
            Some(Known::Ignored | Known::Alone(_)) | None => self.open(key, at, ends),
        };
        refused |= refused_now;
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

    /// Reads what waits, in all connections, in order of their first packet.
    pub(crate) fn finish(&mut self, mut tell: impl FnMut(&Record, &mut Vec<Notice>)) {
        let mut order: Vec<(u64, usize)> = Vec::new();
        order.extend(
            self.slots
                .iter()
                .enumerate()
                .filter_map(|(at, slot)| Some((slot.as_ref()?.number, at))),
        );
        order.sort_unstable();
        let mut notices = Vec::new();
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

    /// Those of them whose sessions are not over: a session ends with its connection at the latest. Of a tunnel the
    /// connection of the requests may end before, and a client may have a connection for each request.
    pub(crate) fn not_over(&self) -> Vec<(usize, &Record)> {
        let mut found = self.of_interest();
        let may_go_on = |record: &Record| {
            record.closed.is_none() || record.cookie.is_some() || may_be_link(record)
        };
        found.retain(|(_, record)| may_go_on(record));
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

    fn remove(&mut self, at: usize) {
        let Some(slot) = self.slots.get_mut(at).and_then(Option::take) else {
            return;
        };
        self.release(slot.held);
        self.free.push(at);
        let is_current =
            matches!(self.index.get(&slot.key), Some(Known::Followed(current)) if current == at);
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

#[cfg(test)]
mod tests {
    use rtspscope_wire::Timestamp;
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
        send(1, 100, b"\xff\0OPTIONS * RT", 1);
        send(2, 7, b"\x17\x03\x03", 2);
        send(3, 1, b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", 3);
        send(1, 114, b"SP/1.0\r\nCSeq: 1\r\n\r\n", 4);
        assert_eq!(begun_at(&connections), [Some(1), Some(3)]);
        assert_eq!(connections.alone.count(), 1);
    }
}
