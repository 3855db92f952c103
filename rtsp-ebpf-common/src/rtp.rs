//! Loss, duplicates, reordering and jitter of one RTP stream (RFC 3550), in integers and constant space.
//!
//! A count of lost packets that subtracts packets from the span of sequence numbers lets each duplicate hide a loss.
//! [`RtpCounters`] therefore remembers which of the last [`WINDOW`] sequence numbers came, one bit each, and counts
//! every number once. The bits lie in a ring indexed by the extended sequence number: nothing is shifted when the
//! stream advances, which keeps the usual step (one number forward) to a few instructions inside the kernel.

mod append;
mod pace;
mod saved;
mod shared;
mod told;
mod window;

use pace::Pace;
pub use shared::Numbers;
use window::Window;
pub use window::{WINDOW, WINDOW_WORDS};

/// Numbers a sequence number may jump ahead before the source counts as restarted (RFC 3550 §A.1).
pub const MAX_DROPOUT: u16 = 3000;

/// [`RtpCounters::probe`] when no far-off number waits for its successor; no 16-bit number equals it.
const NO_PROBE: u32 = u32::MAX;

/// Where extended sequence numbers start, so that numbers before the first packet's stay positive.
const FIRST_CYCLE: u64 = 1 << 32;

/// Longest difference in transit time that is taken into the jitter: 2^40 ns, about 18 minutes.
const MAX_TRANSIT_STEP: u64 = 1 << 40;

/// Nanoseconds in a second.
const NANOS: u64 = 1_000_000_000;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It belongs to the numbering that was there.
    Onward,
    /// A numbering begins with it.
    Anew,
    /// Its number is far off; until its successor comes it belongs to nothing.
    Aside,
}

/// Counts of one RTP stream, exact under loss, duplication and reordering.
///
/// A number more than [`MAX_DROPOUT`] ahead of the highest, or [`WINDOW`] or more behind it, is not believed until its
/// successor follows (RFC 3550 §A.1). Then either the source started again, and as on a change of SSRC a new numbering
/// begins and the totals are kept; or it never stopped and the path was out, and all numbers between are lost. RTP
/// timestamp and time tell: see [`pace`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpCounters {
    /// Packets, duplicates included.
    pub packets: u64,
    /// Bytes of these packets: RTP header, payload and padding. [`FlowStats`](crate::flow::FlowStats) keeps it.
    pub bytes: u64,
    /// Packets whose sequence number had come before.
    pub duplicates: u64,
    /// Packets that came for the first time, after one with a higher sequence number.
    pub reordered: u64,
    /// Packets with a far-off sequence number that nothing followed; they take no part in [`Self::lost`].
    pub strays: u64,
    /// Time of the first packet in ns; meaningless without packets.
    pub first_ns: i64,
    /// Time of the last packet in ns; meaningless without packets.
    pub last_ns: i64,
    /// Longest time between two packets in ns.
    pub max_gap_ns: u64,
    /// Span of the numberings that ended.
    closed_expected: u64,
    /// Distinct numbers received in the numberings that ended and in the present one.
    distinct: u64,
    /// Extended sequence numbers of the present numbering.
    lowest: u64,
    highest: u64,
    window: Window,
    /// Jitter times 16, in ns (RFC 3550 §A.8).
    jitter_scaled_ns: u64,
    /// Pairs of packets that the jitter is made of.
    pub jitter_samples: u64,
    /// Time and RTP timestamp of the packets that found their place in the present numbering.
    pace: Pace,
    /// Synchronisation source of the last packet.
    pub ssrc: u32,
    /// Sequence number that would prove a jump.
    probe: u32,
    /// How often the numbering started anew, SSRC changes included.
    pub restarts: u32,
    /// How often the SSRC changed.
    pub ssrc_changes: u32,
    /// How often the payload type changed. [`FlowStats`](crate::flow::FlowStats) keeps it.
    pub payload_type_changes: u32,
    /// Payload type of the last packet. [`FlowStats`](crate::flow::FlowStats) keeps it.
    pub payload_type: u8,
    /// Whether two packets of one SSRC came with neighbouring sequence numbers: then it is RTP indeed.
    proven: u8,
    /// Whether the far-off number that waits for its successor kept the pace of the numbering.
    probe_keeps_pace: u8,
    _pad: u8,
}

impl Default for RtpCounters {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl RtpCounters {
    /// No packet yet.
    pub const EMPTY: Self = Self {
        packets: 0,
        bytes: 0,
        duplicates: 0,
        reordered: 0,
        strays: 0,
        first_ns: 0,
        last_ns: 0,
        max_gap_ns: 0,
        closed_expected: 0,
        distinct: 0,
        lowest: 0,
        highest: 0,
        window: Window::EMPTY,
        jitter_scaled_ns: 0,
        jitter_samples: 0,
        pace: Pace::EMPTY,
        ssrc: 0,
        probe: NO_PROBE,
        restarts: 0,
        ssrc_changes: 0,
        payload_type_changes: 0,
        payload_type: 0,
        proven: 0,
        probe_keeps_pace: 0,
        _pad: 0,
    };

    /// Takes in one packet: sequence number, RTP timestamp, SSRC, arrival time, and the RTP clock in Hz (0: unknown).
    #[inline(always)]
    pub fn update(
        &mut self,
        seq: u16,
        rtp_ts: u32,
        ssrc: u32,
        at_ns: i64,
        clock_rate: u32,
    ) -> Placed {
        let first = self.packets == 0;
        let new_source = !first && ssrc != self.ssrc;
        let jump = !first && !new_source && self.is_far_off(seq);
        let proven_jump = jump && u32::from(seq) == self.probe;
        self.update_times(first, at_ns);
        self.packets = self.packets.wrapping_add(1);
        self.ssrc = ssrc;
        self.ssrc_changes = self.ssrc_changes.wrapping_add(u32::from(new_source));
        if jump && !proven_jump {
            self.probe = u32::from(seq.wrapping_add(1));
            let skipped = seq.wrapping_sub(self.highest as u16);
            let may_be_outage = self.pace.is_kept_by(rtp_ts, at_ns)
                && self.pace.has_time_for(skipped, self.span(), at_ns);
            self.probe_keeps_pace = u8::from(may_be_outage);
            self.strays = self.strays.wrapping_add(1);
            return Placed::Aside;
        }
        let anew = first || new_source || (proven_jump && self.probe_keeps_pace == 0);
        if !anew && clock_rate != 0 {
            self.update_jitter(rtp_ts, at_ns, clock_rate);
        }
        self.pace.note(rtp_ts, at_ns, anew);
        if anew || proven_jump {
            self.strays = self.strays.wrapping_sub(u64::from(proven_jump));
            // The far-off number before this one was its proof and belongs to what begins with it.
            self.resume(seq.wrapping_sub(u16::from(proven_jump)), first, anew);
        }
        if !first && !new_source {
            self.place(seq);
        }
        if anew { Placed::Anew } else { Placed::Onward }
    }

    /// Whether a packet is the next in number of the present numbering.
    #[inline(always)]
    pub(crate) fn is_next(&self, seq: u16, ssrc: u32) -> bool {
        self.packets != 0 && ssrc == self.ssrc && seq == (self.highest as u16).wrapping_add(1)
    }

    /// Takes in a packet that [`Self::is_next`], as [`Self::update`] does without a clock rate.
    #[inline(always)]
    pub(crate) fn update_next(&mut self, rtp_ts: u32, at_ns: i64) {
        self.update_times(false, at_ns);
        self.packets = self.packets.wrapping_add(1);
        self.pace.note(rtp_ts, at_ns, false);
        self.advance(1);
    }

    /// Distinct sequence numbers from the lowest to the highest, over all numberings.
    pub fn expected(&self) -> u64 {
        if self.packets == 0 {
            return 0;
        }
        self.closed_expected.wrapping_add(self.span())
    }

    /// Sequence numbers between the lowest and the highest that never came.
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.distinct)
    }

    /// Interarrival jitter in ns (RFC 3550 §6.4.1); `None` while no clock rate is known or fewer than two packets came.
    pub fn jitter_ns(&self) -> Option<u64> {
        (self.jitter_samples > 0).then_some(self.jitter_scaled_ns >> 4)
    }

    /// Highest sequence number received with the count of its cycles above the low 16 bits (RFC 3550 §6.4.1).
    pub fn extended_highest(&self) -> u32 {
        self.highest as u32
    }

    /// Whether two neighbouring sequence numbers of one SSRC came. One datagram that looks like RTP proves nothing.
    pub fn is_proven(&self) -> bool {
        self.proven != 0
    }

    #[inline(always)]
    fn span(&self) -> u64 {
        self.highest.wrapping_sub(self.lowest).wrapping_add(1)
    }

    /// Goes on at `seq`: in a numbering that begins `anew`, or more than a window ahead in the present one.
    #[inline(always)]
    fn resume(&mut self, seq: u16, first: bool, anew: bool) {
        if anew {
            if !first {
                self.closed_expected = self.closed_expected.wrapping_add(self.span());
                self.restarts = self.restarts.wrapping_add(1);
            }
            self.lowest = FIRST_CYCLE | u64::from(seq);
            self.highest = self.lowest;
        } else {
            let ahead = seq.wrapping_sub(self.highest as u16);
            self.highest = self.highest.wrapping_add(u64::from(ahead));
        }
        self.distinct = self.distinct.wrapping_add(1);
        self.window.clear();
        self.window.mark(self.highest);
        self.probe = NO_PROBE;
    }

    /// Whether a number is neither a little ahead of the highest nor within the window behind it.
    #[inline(always)]
    fn is_far_off(&self, seq: u16) -> bool {
        let ahead = seq.wrapping_sub(self.highest as u16);
        ahead > MAX_DROPOUT && u64::from(ahead.wrapping_neg()) >= WINDOW
    }

    /// Puts a sequence number that is not far off in its place.
    #[inline(always)]
    fn place(&mut self, seq: u16) {
        let ahead = seq.wrapping_sub(self.highest as u16);
        if ahead != 0 && ahead <= MAX_DROPOUT {
            self.advance(u64::from(ahead));
        } else {
            self.fill(u64::from(ahead.wrapping_neg()));
        }
    }

    #[inline(always)]
    fn advance(&mut self, step: u64) {
        if step == 1 {
            self.proven = 1;
        } else {
            self.window.forget(self.highest.wrapping_add(1), step);
        }
        self.highest = self.highest.wrapping_add(step);
        self.distinct = self.distinct.wrapping_add(1);
        self.window.mark(self.highest);
    }

    #[inline(always)]
    fn fill(&mut self, behind: u64) {
        let number = self.highest.wrapping_sub(behind);
        if self.window.has(number) {
            self.duplicates = self.duplicates.wrapping_add(1);
            return;
        }
        if behind == 1 {
            self.proven = 1;
        }
        self.reordered = self.reordered.wrapping_add(1);
        self.distinct = self.distinct.wrapping_add(1);
        self.window.mark(number);
        if number < self.lowest {
            self.lowest = number;
        }
    }

    /// Frames of two processors may come a little out of order: such a step back is no gap and moves no end.
    #[inline(always)]
    fn update_times(&mut self, first: bool, at_ns: i64) {
        if first {
            self.first_ns = at_ns;
            self.last_ns = at_ns;
        } else if at_ns >= self.last_ns {
            let step = at_ns.wrapping_sub(self.last_ns).cast_unsigned();
            if step > self.max_gap_ns {
                self.max_gap_ns = step;
            }
            self.last_ns = at_ns;
        } else if at_ns < self.first_ns {
            self.first_ns = at_ns;
        }
    }

    /// RFC 3550 §A.8 in nanoseconds instead of clock units: the arrival clock is finer than the media clock.
    #[inline(always)]
    fn update_jitter(&mut self, rtp_ts: u32, at_ns: i64, clock_rate: u32) {
        let arrival_step = at_ns.wrapping_sub(self.pace.last_ns);
        let media_ticks = rtp_ts.wrapping_sub(self.pace.last_timestamp).cast_signed();
        // The packets of a picture share a timestamp: most need no division, the slowest step of all.
        let media_ns = if media_ticks == 0 {
            0
        } else {
            u64::from(media_ticks.unsigned_abs()).wrapping_mul(NANOS) / u64::from(clock_rate)
        };
        let media_step = if media_ticks < 0 {
            media_ns.cast_signed().wrapping_neg()
        } else {
            media_ns.cast_signed()
        };
        let mut transit_step = arrival_step.wrapping_sub(media_step).unsigned_abs();
        if transit_step > MAX_TRANSIT_STEP {
            transit_step = MAX_TRANSIT_STEP;
        }
        let decay = self.jitter_scaled_ns.wrapping_add(8) >> 4;
        self.jitter_scaled_ns = self
            .jitter_scaled_ns
            .wrapping_add(transit_step)
            .wrapping_sub(decay);
        self.jitter_samples = self.jitter_samples.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests;
