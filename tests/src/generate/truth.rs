//! What is true in a generated capture, counted in the plainest way.

use std::collections::HashSet;

use serde::Serialize;

/// The truth of one capture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// Frames in the file.
    pub frames: u64,
    /// RTP streams, by session and medium.
    pub streams: Vec<StreamTruth>,
}

/// The truth of one RTP stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StreamTruth {
    /// The client's end of the RTSP connection, as `ip:port` or `[ip]:port`.
    pub client: String,
    /// Place of the medium in its session, from 0.
    pub medium: usize,
    /// Carried in the RTSP connection.
    pub interleaved: bool,
    /// Synchronisation source.
    pub ssrc: u32,
    /// RTP packets in the capture, duplicates included.
    pub packets: u64,
    /// Their bytes: RTP header and payload.
    pub bytes: u64,
    /// Distinct sequence numbers from the lowest to the highest.
    pub expected: u64,
    /// Of these, the ones that are not in the capture.
    pub lost: u64,
    /// Packets whose sequence number had come before.
    pub duplicates: u64,
    /// Packets that came for the first time after a higher number.
    pub reordered: u64,
    /// Whether the second packet came first.
    pub first_pair_swapped: bool,
}

/// Extended sequence numbers and lengths in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct ArrivalLog(Vec<(u64, u64, usize)>);

impl ArrivalLog {
    pub(crate) fn arrived(&mut self, at_ns: u64, extended_seq: u64, len: usize) {
        self.0.push((at_ns, extended_seq, len));
    }

    pub(crate) fn into_truth(
        mut self,
        client: String,
        medium: usize,
        interleaved: bool,
        ssrc: u32,
    ) -> StreamTruth {
        self.0.sort_by_key(|&(at_ns, _, _)| at_ns);
        let mut seen = HashSet::new();
        let (mut duplicates, mut reordered, mut highest) = (0, 0, 0);
        for &(_, seq, _) in &self.0 {
            if !seen.insert(seq) {
                duplicates += 1;
            } else if seq < highest {
                reordered += 1;
            }
            highest = highest.max(seq);
        }
        let expected = match (seen.iter().min(), seen.iter().max()) {
            (Some(lowest), Some(highest)) => highest - lowest + 1,
            _ => 0,
        };
        let first_pair_swapped = self
            .0
            .get(1)
            .is_some_and(|second| second.1 + 1 == self.0[0].1);
        StreamTruth {
            client,
            medium,
            interleaved,
            ssrc,
            packets: self.0.len() as u64,
            bytes: self.0.iter().map(|&(_, _, len)| len as u64).sum(),
            expected,
            lost: expected - seen.len() as u64,
            duplicates,
            reordered,
            first_pair_swapped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_a_person_would_count() {
        let mut log = ArrivalLog::default();
        for (at_ns, seq) in [(0, 101), (1, 100), (2, 103), (3, 103), (4, 105), (5, 104)] {
            log.arrived(at_ns, seq, 10);
        }
        let truth = log.into_truth("client".into(), 0, false, 7);
        assert_eq!(
            (truth.packets, truth.bytes, truth.expected, truth.lost),
            (6, 60, 6, 1)
        );
        assert_eq!(
            (truth.duplicates, truth.reordered, truth.first_pair_swapped),
            (1, 2, true)
        );
    }
}
