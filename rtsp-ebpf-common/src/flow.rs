//! Everything that is counted of one directed UDP flow or one interleaved channel: RTP, RTCP, and what is neither.
//!
//! Reading a payload ([`Payload::read`]) and counting it ([`FlowStats::record`]) are two steps, because the kernel
//! counts under a spin lock and must read the packet before it takes the lock. [`FlowStats::update`] is both at once.

pub mod payload;

pub use payload::{Class, HEAD_LEN, Payload, RtcpKinds, classify};

use crate::rtp::{Numbers, Placed, RtpCounters};

/// Counts of the RTCP in one directed flow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtcpCounters {
    /// Datagrams or interleaved frames; a compound of several RTCP packets is one.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Those that hold a sender report.
    pub sender_reports: u64,
    /// Those that hold a receiver report.
    pub receiver_reports: u64,
    /// Those that hold a BYE.
    pub byes: u64,
    /// Time of the first in ns; meaningless without packets.
    pub first_ns: i64,
    /// Time of the last in ns; meaningless without packets.
    pub last_ns: i64,
}

/// Counts of one directed flow. All zero before the first packet; times are ns of the caller's clock.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowStats {
    /// Datagrams or interleaved frames of any kind.
    pub packets: u64,
    /// Bytes of their payload, as the headers say.
    pub bytes: u64,
    /// Time of the first; meaningless without packets.
    pub first_ns: i64,
    /// Time of the last; meaningless without packets.
    pub last_ns: i64,
    /// Longest time between two in ns.
    pub max_gap_ns: u64,
    /// What looks like RTP: the first source.
    pub rtp: RtpCounters,
    /// RTP of another source: one that sends beside the first (retransmissions, forward error correction), or that took
    /// over from it. A third source takes the place of the one that was silent for longer.
    pub second: RtpCounters,
    /// What looks like RTCP.
    pub rtcp: RtcpCounters,
    /// STUN messages.
    pub stun_packets: u64,
    /// DTLS records.
    pub dtls_packets: u64,
    /// What is none of these: hole punches, raw MPEG-TS, anything.
    pub other_packets: u64,
}

impl FlowStats {
    /// No packet yet.
    pub const EMPTY: Self = Self {
        packets: 0,
        bytes: 0,
        first_ns: 0,
        last_ns: 0,
        max_gap_ns: 0,
        rtp: RtpCounters::EMPTY,
        second: RtpCounters::EMPTY,
        rtcp: RtcpCounters::EMPTY,
        stun_packets: 0,
        dtls_packets: 0,
        other_packets: 0,
    };

    /// Takes in one payload of which `payload_head` holds the first bytes ([`HEAD_LEN`] are enough).
    ///
    /// `payload_len` is the length on the wire in bytes, `clock_rate` the RTP clock in Hz or 0 where it is not known.
    #[inline(always)]
    pub fn update(
        &mut self,
        payload_head: &[u8],
        payload_len: u32,
        at_ns: i64,
        clock_rate: u32,
    ) -> Class {
        let payload = Payload::read(payload_head, payload_len);
        self.record(&payload, at_ns, clock_rate);
        payload.class
    }

    /// Takes in one payload that was read before. Of RTP it tells what became of it in the counts of its source, and
    /// whether those are the first source's.
    #[inline(always)]
    pub fn record(
        &mut self,
        payload: &Payload,
        at_ns: i64,
        clock_rate: u32,
    ) -> Option<(Placed, bool)> {
        let bytes = u64::from(payload.len);
        self.record_time(at_ns);
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(bytes);
        match payload.class {
            Class::Rtp => {
                let is_first = self.is_first(payload.ssrc);
                let source = if is_first {
                    &mut self.rtp
                } else {
                    &mut self.second
                };
                let placed = count_rtp(source, payload, at_ns, clock_rate);
                return Some((placed, is_first));
            }
            Class::Rtcp => self.rtcp.record(payload, at_ns),
            Class::Stun => self.stun_packets = self.stun_packets.wrapping_add(1),
            Class::Dtls => self.dtls_packets = self.dtls_packets.wrapping_add(1),
            Class::Other => self.other_packets = self.other_packets.wrapping_add(1),
        }
        None
    }

    /// Takes in what nearly every payload is, at less cost than [`Self::record`] with no clock rate, and as that does: RTP of
    /// the first source, the next in number and of the same type as the last. Of any other payload
    /// nothing is taken in, and the answer is false.
    #[inline(always)]
    pub fn record_next(&mut self, payload: &Payload, at_ns: i64) -> bool {
        let is_next = payload.class == Class::Rtp
            && self.rtp.is_next(payload.sequence, payload.ssrc)
            && self.rtp.payload_type == payload.payload_type;
        if !is_next {
            return false;
        }
        let bytes = u64::from(payload.len);
        self.record_time(at_ns);
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(bytes);
        self.rtp.bytes = self.rtp.bytes.wrapping_add(bytes);
        self.rtp.update_next(payload.timestamp, at_ns);
        true
    }

    /// Whether RTP of this source is counted in [`Self::rtp`] rather than in [`Self::second`].
    #[inline(always)]
    fn is_first(&self, ssrc: u32) -> bool {
        if self.rtp.packets == 0 || self.rtp.ssrc == ssrc {
            return true;
        }
        let no_room = self.second.packets != 0 && self.second.ssrc != ssrc;
        no_room && self.rtp.last_ns <= self.second.last_ns
    }

    /// Sources of RTP so far; one that comes back after two others counts again.
    #[inline(always)]
    pub fn sources(&self) -> u32 {
        u32::from(self.rtp.packets != 0)
            .wrapping_add(self.rtp.ssrc_changes)
            .wrapping_add(u32::from(self.second.packets != 0))
            .wrapping_add(self.second.ssrc_changes)
    }

    /// Packets of RTP of all sources.
    pub fn rtp_packets(&self) -> u64 {
        self.rtp.packets.saturating_add(self.second.packets)
    }

    /// The sequence numbers of the first source and of the second. Where both number their packets together, the one with
    /// most packets has the numbers of both, and the other none.
    pub fn numbers(&self) -> [Numbers; 2] {
        let Some(both) = self.rtp.numbers_with(&self.second) else {
            return [self.rtp.numbers(), self.second.numbers()];
        };
        if self.second.packets > self.rtp.packets {
            [Numbers::NONE, both]
        } else {
            [both, Numbers::NONE]
        }
    }

    /// The source with most packets; `None` without RTP.
    pub fn main_source(&self) -> Option<&RtpCounters> {
        let main = if self.second.packets > self.rtp.packets {
            &self.second
        } else {
            &self.rtp
        };
        (main.packets > 0).then_some(main)
    }

    /// Appends what `later` counted from empty of RTP of one source that came after all of these, as
    /// [`RtpCounters::append`] does.
    pub fn append(&mut self, later: &Self, clock_rate: u32) {
        if later.packets == 0 {
            return;
        }
        self.record_time(later.first_ns);
        self.max_gap_ns = self.max_gap_ns.max(later.max_gap_ns);
        self.last_ns = self.last_ns.max(later.last_ns);
        self.packets = self.packets.wrapping_add(later.packets);
        self.bytes = self.bytes.wrapping_add(later.bytes);
        let source = if self.is_first(later.rtp.ssrc) {
            &mut self.rtp
        } else {
            &mut self.second
        };
        source.append(&later.rtp, clock_rate);
    }

    /// The counts of a source that sends RTP here.
    pub fn source(&self, ssrc: u32) -> Option<&RtpCounters> {
        let sources = [&self.rtp, &self.second];
        sources
            .into_iter()
            .find(|source| source.packets > 0 && source.ssrc == ssrc)
    }

    /// A source's next numbering begins with `seq`, as it said itself ([`RtpCounters::begin_at`]).
    pub fn begin_at(&mut self, ssrc: u32, seq: u16) {
        let sources = [&mut self.rtp, &mut self.second];
        let own = sources
            .into_iter()
            .find(|source| source.packets > 0 && source.ssrc == ssrc);
        if let Some(own) = own {
            own.begin_at(seq);
        }
    }

    #[inline(always)]
    fn record_time(&mut self, at_ns: i64) {
        if self.packets == 0 {
            self.first_ns = at_ns;
            self.last_ns = at_ns;
        } else if at_ns >= self.last_ns {
            let gap = at_ns.wrapping_sub(self.last_ns).cast_unsigned();
            if gap > self.max_gap_ns {
                self.max_gap_ns = gap;
            }
            self.last_ns = at_ns;
        } else if at_ns < self.first_ns {
            self.first_ns = at_ns;
        }
    }

    /// Moves all times by `offset_ns`, from the kernel's monotonic clock to the real one.
    pub fn shift_times(&mut self, offset_ns: i64) {
        let times = [
            &mut self.first_ns,
            &mut self.last_ns,
            &mut self.rtp.first_ns,
            &mut self.rtp.last_ns,
            &mut self.second.first_ns,
            &mut self.second.last_ns,
            &mut self.rtcp.first_ns,
            &mut self.rtcp.last_ns,
        ];
        for time in times {
            *time = time.saturating_add(offset_ns);
        }
    }
}

#[inline(always)]
fn count_rtp(source: &mut RtpCounters, payload: &Payload, at_ns: i64, clock_rate: u32) -> Placed {
    if source.packets != 0 && source.payload_type != payload.payload_type {
        source.payload_type_changes = source.payload_type_changes.wrapping_add(1);
    }
    source.payload_type = payload.payload_type;
    source.bytes = source.bytes.wrapping_add(u64::from(payload.len));
    source.update(
        payload.sequence,
        payload.timestamp,
        payload.ssrc,
        at_ns,
        clock_rate,
    )
}

impl RtcpCounters {
    /// No packet yet.
    pub const EMPTY: Self = Self {
        packets: 0,
        bytes: 0,
        sender_reports: 0,
        receiver_reports: 0,
        byes: 0,
        first_ns: 0,
        last_ns: 0,
    };

    #[inline(always)]
    fn record(&mut self, payload: &Payload, at_ns: i64) {
        if self.packets == 0 || at_ns < self.first_ns {
            self.first_ns = at_ns;
        }
        if self.packets == 0 || at_ns > self.last_ns {
            self.last_ns = at_ns;
        }
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(u64::from(payload.len));
        let kinds = payload.rtcp;
        self.sender_reports = self
            .sender_reports
            .wrapping_add(kinds.count(RtcpKinds::SENDER_REPORT));
        self.receiver_reports = self
            .receiver_reports
            .wrapping_add(kinds.count(RtcpKinds::RECEIVER_REPORT));
        self.byes = self.byes.wrapping_add(kinds.count(RtcpKinds::BYE));
    }
}

#[cfg(test)]
mod tests;
