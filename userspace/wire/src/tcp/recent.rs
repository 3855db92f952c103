//! The last bytes that were delivered, so that a retransmission with other content shows.

use std::collections::VecDeque;

/// Bytes that are remembered; a few RTSP messages. Media that comes again later than that is not compared.
const REMEMBERED_LEN: usize = 2048;

/// The bytes right before the end of what was delivered.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    bytes: VecDeque<u8>,
}

impl Recent {
    pub(super) const fn new() -> Self {
        Self {
            bytes: VecDeque::new(),
        }
    }

    /// Adds what was delivered next.
    pub(super) fn push(&mut self, delivered: &[u8]) {
        let tail = delivered
            .get(delivered.len().saturating_sub(REMEMBERED_LEN)..)
            .unwrap_or_default();
        let excess = (self.bytes.len() + tail.len()).saturating_sub(REMEMBERED_LEN);
        self.bytes.drain(..excess);
        self.bytes.extend(tail);
    }

    /// Forgets everything, because a gap was delivered.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Number of bytes in `again` that differ from what was delivered; `again` begins `behind` bytes before the end.
    pub(super) fn conflicts(&self, behind: u64, again: &[u8]) -> u64 {
        let known = self.bytes.len() as u64;
        let (skip_known, skip_again) = (known.saturating_sub(behind), behind.saturating_sub(known));
        let known = self.bytes.iter().skip(skip_known as usize);
        let again = again
            .iter()
            .skip(usize::try_from(skip_again).unwrap_or(usize::MAX));
        known
            .zip(again)
            .filter(|(first, second)| first != second)
            .count() as u64
    }
}
