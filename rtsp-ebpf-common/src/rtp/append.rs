//! Puts two counts together, of which one begins where the other ends.
//!
//! Interleaved media is counted by the kernel while a connection runs in order, and by user space while it does not. Who
//! takes over begins with empty counts, because the other's are still on their way; what each has counted is put
//! together afterwards, as if one had counted all.

use super::{MAX_DROPOUT, RtpCounters};

/// Pairs of packets after which nothing is left of an earlier jitter: (15/16)^1024 of 2^40 ns is less than one.
const JITTER_MEMORY: u64 = 1024;

impl RtpCounters {
    /// Appends what `later` counted from empty, of packets of one source that came after all of these, each number at
    /// most [`MAX_DROPOUT`] ahead of the one before, the first of them of the highest here. `clock_rate` is the RTP
    /// clock in Hz, 0 where it is not known.
    ///
    /// Every count is then as if these counters had taken in those packets themselves. The jitter may differ by the
    /// rounding of a few ns.
    pub fn append(&mut self, later: &Self, clock_rate: u32) {
        if later.packets == 0 {
            return;
        }
        if self.packets == 0 {
            *self = *later;
            return;
        }
        let new_source = self.ssrc != later.ssrc;
        self.append_sums(later, new_source);
        let first = later.lowest as u16;
        let ahead = first.wrapping_sub(self.highest as u16);
        if new_source || ahead == 0 || ahead > MAX_DROPOUT {
            self.closed_expected = self.closed_expected.wrapping_add(self.span());
            self.restarts = self.restarts.wrapping_add(1);
            (self.lowest, self.highest) = (later.lowest, later.highest);
            self.window = later.window;
            self.distinct = self.distinct.wrapping_add(later.distinct);
            self.pace = later.pace;
            self.proven |= later.proven;
            self.append_jitter(later);
            return;
        }
        if clock_rate != 0 && later.pace.since_ns == later.first_ns {
            self.update_jitter(later.pace.since_timestamp, later.first_ns, clock_rate);
        }
        self.append_jitter(later);
        self.advance(u64::from(ahead));
        let rest = later.highest.wrapping_sub(later.lowest);
        self.window.forget(self.highest.wrapping_add(1), rest);
        self.window.add(&later.window);
        self.highest = self.highest.wrapping_add(rest);
        self.distinct = self.distinct.wrapping_add(later.distinct).wrapping_sub(1);
        self.proven |= later.proven;
        self.pace.append(&later.pace);
    }

    fn append_sums(&mut self, later: &Self, new_source: bool) {
        self.update_times(false, later.first_ns);
        self.max_gap_ns = self.max_gap_ns.max(later.max_gap_ns);
        self.last_ns = self.last_ns.max(later.last_ns);
        self.packets = self.packets.wrapping_add(later.packets);
        self.bytes = self.bytes.wrapping_add(later.bytes);
        let new_type = self.payload_type != later.payload_type && later.payload_type_changes == 0;
        self.payload_type_changes = self
            .payload_type_changes
            .wrapping_add(later.payload_type_changes)
            .wrapping_add(u32::from(new_type));
        self.payload_type = later.payload_type;
        self.ssrc = later.ssrc;
        self.ssrc_changes = self.ssrc_changes.wrapping_add(u32::from(new_source));
    }

    /// What is left of the jitter so far after the pairs of `later`, and theirs.
    fn append_jitter(&mut self, later: &Self) {
        for _ in 0..later.jitter_samples.min(JITTER_MEMORY) {
            let decay = self.jitter_scaled_ns.wrapping_add(8) >> 4;
            self.jitter_scaled_ns = self.jitter_scaled_ns.saturating_sub(decay);
        }
        self.jitter_scaled_ns = self.jitter_scaled_ns.wrapping_add(later.jitter_scaled_ns);
        self.jitter_samples = self.jitter_samples.wrapping_add(later.jitter_samples);
    }
}
