//! What connections hold in all, and which of them goes where that is too much.

use rtspscope_wire::{Span, Timestamp};

use super::{Connections, Known, Slot};
use crate::connection::Connection;
use crate::limits::Limits;
use crate::record::{Notice, Record, Room, Speech};

/// Entries that are looked at to find the one to give up when the table is full.
const EVICTION_SAMPLE: usize = 16;

/// Entries that are looked at for each new connection, so that idle ones go sooner than new ones come.
const IDLE_SAMPLE: usize = 2;

/// Silence after which a connection that has not said what it speaks is forgotten. Most of what passes a router is
/// never heard of again, and begins anew in this table if it is.
const IDLE: Span = Span::from_secs(30);

/// The same where nobody saw it begin, and so nothing is known of it that would be missed later.
pub(super) const IDLE_MIDSTREAM: Span = Span::from_secs(5);

/// What a connection holds of that which is capped for all connections together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) message_bytes: usize,
    pub(super) channels: usize,
    pub(super) waiting_bytes: usize,
}

impl Held {
    /// What may still be kept.
    pub(super) fn room<'l>(&self, limits: &'l Limits) -> Room<'l> {
        Room {
            limits,
            messages: self.message_bytes < limits.message_bytes_in_all,
            channels: self.channels < limits.channels_in_all,
            timelines: self.channels < limits.timelines,
        }
    }

    pub(super) fn by(connection: &Connection) -> Self {
        Self {
            message_bytes: connection.record.exchanges.kept_bytes(),
            channels: connection.record.channels.len(),
            waiting_bytes: connection.waiting_bytes(),
        }
    }
}

impl Connections {
    /// Brings the sums up to date with what a connection holds now.
    pub(super) fn account(&mut self, at: usize) -> Held {
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

    pub(super) fn release(&mut self, held: Held) {
        let sum = &mut self.held;
        sum.message_bytes = sum.message_bytes.saturating_sub(held.message_bytes);
        sum.channels = sum.channels.saturating_sub(held.channels);
        sum.waiting_bytes = sum.waiting_bytes.saturating_sub(held.waiting_bytes);
    }

    /// Has the connection that holds most of what waits give it up. What comes of it is kept in its record only.
    pub(super) fn relieve(&mut self, notices: &mut Vec<Notice>) {
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

    /// Marks of connections that are not followed are cheap to make again, so all of them go at once when they are many.
    pub(super) fn forget_ignored(&mut self) {
        if self.index.len() >= self.limits.connections.saturating_mul(4) {
            self.index.retain(|known| !matches!(known, Known::Ignored));
        }
    }

    /// Forgets those of the next few connections that never said what they speak and have been silent for long.
    pub(super) fn forget_idle(&mut self, now: Timestamp) {
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
    pub(super) fn victim(&mut self) -> Option<usize> {
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

    pub(super) fn drop_oldest_closed(&mut self) {
        let closed = self.slots.iter().enumerate().filter_map(|(at, slot)| {
            let slot = slot.as_ref().filter(|slot| worth(slot) == 2)?;
            Some((slot.connection.record.last.at, at))
        });
        if let Some((_, at)) = closed.min() {
            self.remove(at);
        }
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
