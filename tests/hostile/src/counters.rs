//! RTP counts: the constant-space counters agree with a model that remembers every number, and the short way with the long.

use std::collections::BTreeSet;

use rtsp_ebpf_common::flow::{FlowStats, Payload};
use rtsp_ebpf_common::rtp::{MAX_DROPOUT, RtpCounters, WINDOW};

/// Each packet is two bytes: what kind of step, and how far.
pub fn counters(data: &[u8]) {
    let Some((seq, rest)) = data.split_first_chunk() else {
        return;
    };
    let mut seq = u16::from_le_bytes(*seq);
    let mut ssrc = 1;
    let mut at_ns = 0_i64;
    let mut counters = RtpCounters::default();
    let mut model = Model::default();
    let (mut long, mut short) = (FlowStats::EMPTY, FlowStats::EMPTY);
    for [kind, far] in rest.as_chunks().0 {
        let step = u16::from(*far);
        seq = match kind & 7 {
            0..=2 => seq.wrapping_add(1),
            3 => seq.wrapping_add(step % 16),
            4 => seq.wrapping_sub(step % 16),
            5 => seq.wrapping_add(step.wrapping_mul(17)),
            6 => seq.wrapping_sub(step.wrapping_mul(17)),
            _ => step.wrapping_mul(257),
        };
        if kind & 0xf8 == 0xf8 {
            ssrc = 1 + (ssrc + u32::from(step)) % 3;
        }
        at_ns += i64::from(*far) * 1_000_000;
        let timestamp = match kind & 8 {
            0 => (at_ns.cast_unsigned() / 1_000_000 * 90) as u32,
            _ => u32::from(seq).wrapping_mul(3_000),
        };
        counters.update(seq, timestamp, ssrc, at_ns, 90_000);
        model.take(seq, timestamp, ssrc, at_ns);
        model.check(&counters);
        let payload = Payload::rtp(96 + (kind >> 7), seq, timestamp, ssrc, 200);
        long.record(&payload, at_ns, 0);
        if !short.record_next(&payload, at_ns) {
            short.record(&payload, at_ns, 0);
        }
        assert_eq!(long, short);
    }
}

/// Counts by remembering.
#[derive(Default)]
struct Model {
    /// Extended numbers of each numbering.
    numberings: Vec<BTreeSet<u64>>,
    ssrc: u32,
    packets: u64,
    duplicates: u64,
    reordered: u64,
    strays: u64,
    /// The number that would prove a jump, and whether the source kept its pace over it.
    probe: Option<(u16, bool)>,
    /// Timestamp and time where the pace was first measured, and of the last packet in its place.
    pace: [(u32, i64); 2],
}

impl Model {
    fn take(&mut self, seq: u16, timestamp: u32, ssrc: u32, at_ns: i64) {
        self.packets += 1;
        if self.numberings.is_empty() || ssrc != self.ssrc {
            self.ssrc = ssrc;
            self.begin(seq);
            self.pace = [(timestamp, at_ns); 2];
            return;
        }
        let number = self.extended(seq);
        let highest = self.highest();
        let is_far =
            number > highest + u64::from(MAX_DROPOUT) || highest.saturating_sub(number) >= WINDOW;
        match self.probe {
            _ if !is_far => self.count(number),
            Some((proof, keeps_pace)) if proof == seq => {
                self.strays -= 1;
                if keeps_pace {
                    self.probe = None;
                    let ahead = seq.wrapping_sub(1).wrapping_sub(highest as u16);
                    self.count(highest + u64::from(ahead));
                } else {
                    self.begin(seq.wrapping_sub(1));
                    self.pace[0] = (timestamp, at_ns);
                }
                let number = self.extended(seq);
                self.count(number);
            }
            _ => {
                self.strays += 1;
                let keeps_pace = self.keeps_pace(timestamp, at_ns);
                self.probe = Some((seq.wrapping_add(1), keeps_pace));
                return;
            }
        }
        self.pace[1] = (timestamp, at_ns);
        if timestamp.wrapping_sub(self.pace[0].0) > 1 << 30 {
            self.pace[0] = (timestamp, at_ns);
        }
    }

    /// Whether the timestamp is off by less than a second and an eighth of the gap from where the pace puts it.
    fn keeps_pace(&self, timestamp: u32, at_ns: i64) -> bool {
        let [(since_timestamp, since), (last_timestamp, last)] = self.pace;
        let millis = |from: i64, to: i64| i128::from(to - from) >> 20;
        let (paced, gap) = (millis(since, last), millis(last, at_ns));
        let ticks = i128::from(last_timestamp.wrapping_sub(since_timestamp));
        let gap_ticks = timestamp.wrapping_sub(last_timestamp).cast_signed();
        let off = (i128::from(gap_ticks) * paced - ticks * gap).abs();
        let is_measured = paced >= 256 && ticks > 0;
        is_measured && gap_ticks >= 0 && off <= ticks * gap / 8 + ticks * 1024
    }

    fn begin(&mut self, seq: u16) {
        self.probe = None;
        self.numberings
            .push(BTreeSet::from([(1 << 32) + u64::from(seq)]));
    }

    fn highest(&self) -> u64 {
        let present = self.numberings.last().and_then(BTreeSet::last);
        present.copied().unwrap_or_default()
    }

    /// The number with these low bits that lies less than half a cycle from the highest.
    fn extended(&self, seq: u16) -> u64 {
        let highest = self.highest();
        let ahead = seq.wrapping_sub(highest as u16).cast_signed();
        // Half a cycle away is ahead and behind alike, and far off in either case.
        highest.wrapping_add_signed(ahead.into())
    }

    fn count(&mut self, number: u64) {
        let is_late = number < self.highest();
        let numbers = self.numberings.last_mut();
        if numbers.is_some_and(|numbers| numbers.insert(number)) {
            self.reordered += u64::from(is_late);
        } else {
            self.duplicates += 1;
        }
    }

    fn check(&self, counters: &RtpCounters) {
        let spans = self.numberings.iter().map(|numbers| {
            let ends = numbers.first().zip(numbers.last());
            ends.map_or(0, |(first, last)| last - first + 1)
        });
        let expected: u64 = spans.sum();
        let received: u64 = self
            .numberings
            .iter()
            .map(|numbers| numbers.len() as u64)
            .sum();
        let told = [
            counters.packets,
            counters.expected(),
            counters.lost(),
            counters.duplicates,
            counters.reordered,
            counters.strays,
            u64::from(counters.restarts) + 1,
        ];
        let known = [
            self.packets,
            expected,
            expected - received,
            self.duplicates,
            self.reordered,
            self.strays,
            self.numberings.len() as u64,
        ];
        assert_eq!(told, known);
    }
}
