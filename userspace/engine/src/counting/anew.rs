//! What a sender says of the number at which its media goes on after another PLAY.
//!
//! After PAUSE or a seek a sender may go on at any number. RTP-Info in the answer to PLAY says at which (RFC 2326 §12.33), and
//! the count begins anew there: what lies between is no loss, and what comes again is no duplicate. Media may overtake that
//! answer, so a second count that begins anew with the first packet out of order runs beside the first until the answer comes.
//! A number that was told and never comes changes nothing.

use rtsp_ebpf_common::flow::{FlowStats, Payload};

/// By how much the first packet that comes may be behind the one that was told.
const MISSED_PACKETS: u16 = 64;

/// Packets of the old numbering that may come after the answer.
const LATE_PACKETS: u16 = 256;

/// Numbers that are waited for at one time: of the streams of a session.
const MAX_TOLD: usize = 16;

/// What is known of where media goes on.
#[derive(Clone, Debug)]
pub(crate) enum GoesOn {
    /// A client asks for it.
    Asked,
    /// The server says with which numbers the streams of the session do.
    With(Vec<u16>),
    /// The server says nothing, and whatever comes next was not lost on the way.
    Anywhere,
    /// It does not, or nothing is known.
    Unknown,
}

/// One flow that waits for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Anew {
    told: Vec<u16>,
    /// Whatever comes first is the begin.
    anywhere: bool,
    /// The answer has come.
    is_answered: bool,
    /// Counts that began anew before the answer.
    early: Option<Early>,
    /// Packets since the answer.
    since: u16,
}

/// Counts that began anew with a packet that was out of order.
#[derive(Clone, Debug)]
struct Early {
    first: u16,
    ssrc: u32,
    stats: FlowStats,
}

/// What a packet means to the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    /// The numbering of its source begins with this number.
    With(u16),
    /// Nothing yet.
    NotYet,
    /// Nothing any more.
    Never,
}

impl Anew {
    /// Takes in the answer. Returns the counts to go on with where media came before it.
    pub(super) fn answer(&mut self, told: &[u16], anywhere: bool) -> Option<FlowStats> {
        let room = MAX_TOLD.saturating_sub(self.told.len());
        self.told.extend(told.iter().take(room));
        (self.anywhere, self.is_answered, self.since) = (anywhere, true, 0);
        let early = self.early.take()?;
        (anywhere || self.begin_of(early.first).is_some()).then_some(early.stats)
    }

    /// Looks at a packet of RTP that is not counted yet in `stats`.
    pub(super) fn look(&mut self, payload: &Payload, stats: &FlowStats) -> Begins {
        let Some(source) = stats.source(payload.ssrc).filter(|own| own.is_proven()) else {
            return Begins::NotYet;
        };
        let next = (source.extended_highest() as u16).wrapping_add(1);
        let is_next = payload.sequence == next;
        if !self.is_answered {
            if !is_next && !self.is_early(payload) {
                let mut stats = *stats;
                stats.begin_at(payload.ssrc, payload.sequence);
                self.early = Some(Early {
                    first: payload.sequence,
                    ssrc: payload.ssrc,
                    stats,
                });
            }
            return Begins::NotYet;
        }
        self.since = self.since.saturating_add(1);
        match (is_next, self.begin_of(payload.sequence)) {
            (true, Some(_)) => Begins::Never,
            (false, Some(begin)) => Begins::With(begin),
            (true, None) if self.anywhere => Begins::Never,
            (false, None) if self.anywhere => Begins::With(payload.sequence),
            (_, None) if self.since >= LATE_PACKETS => Begins::Never,
            (_, None) => Begins::NotYet,
        }
    }

    /// Counts a packet beside, where a count runs beside.
    pub(super) fn count(&mut self, payload: &Payload, at_ns: i64) {
        if let Some(early) = &mut self.early {
            early.stats.record(payload, at_ns, 0);
        }
    }

    /// The number that was told with which a numbering of this one begins.
    fn begin_of(&self, seq: u16) -> Option<u16> {
        let mut told = self.told.iter().copied();
        told.find(|told| seq.wrapping_sub(*told) < MISSED_PACKETS)
    }

    /// Whether a packet goes on with what began before the answer.
    fn is_early(&self, payload: &Payload) -> bool {
        self.early.as_ref().is_some_and(|early| {
            let behind = early.stats.source(early.ssrc).map_or(0, |source| {
                payload
                    .sequence
                    .wrapping_sub(source.extended_highest() as u16)
            });
            early.ssrc == payload.ssrc && behind.wrapping_add(MISSED_PACKETS) < 2 * MISSED_PACKETS
        })
    }
}
