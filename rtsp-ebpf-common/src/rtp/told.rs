//! A numbering that begins because its sender said so.
//!
//! After PAUSE or a seek the sender may go on at any number, and says at which (RTP-Info, RFC 2326 §12.33). A number a little
//! ahead of the highest looks like a loss then, and one behind it like a duplicate. Only who reads the messages knows, so the
//! kernel never calls this.

use super::{FIRST_CYCLE, NO_PROBE, RtpCounters};

impl RtpCounters {
    /// Ends the present numbering: the next begins with `seq`, whether that packet comes or is lost. The totals are kept.
    pub fn begin_at(&mut self, seq: u16) {
        if self.packets == 0 {
            return;
        }
        self.closed_expected = self.closed_expected.wrapping_add(self.span());
        self.restarts = self.restarts.wrapping_add(1);
        self.lowest = FIRST_CYCLE | u64::from(seq);
        self.highest = self.lowest.wrapping_sub(1);
        self.window.clear();
        self.probe = NO_PROBE;
    }
}
