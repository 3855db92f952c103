//! Frames from the ring, put in the order of their times.
//!
//! Taps and processors share one ring. A record's time is taken before its place in the ring, so neighbours may be
//! swapped; and a remembered SYN is older than everything around it. Frames wait here for [`HOLD`] before they leave.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::time::Duration;

use rtsp_ebpf_common::abi::{Direction as Way, RecordHeader};
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId, Timestamp};

/// How long a frame waits for an older one.
const HOLD: Duration = Duration::from_millis(3);

/// A frame so far ahead of the clock was stamped before the clock was set back.
const AHEAD: Duration = Duration::from_secs(1);

/// Frames that may wait; beyond it the oldest leave at once.
const MAX_WAITING: usize = 4096;

/// A frame that waits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) header: RecordHeader,
    /// The frame, with the VLAN tag that the device had taken out put back.
    pub(super) bytes: Vec<u8>,
    /// Place in the ring, which decides between equal times.
    arrival: u64,
}

impl Waiting {
    /// The frame as the engine takes it, seen at a tap at this time and with this number.
    pub(super) fn frame(
        &self,
        at: Timestamp,
        tap: TapId,
        link_type: LinkType,
        number: u64,
    ) -> FrameRef<'_> {
        FrameRef {
            at,
            tap,
            direction: if self.header.direction == Way::Egress as u8 {
                Direction::Egress
            } else {
                Direction::Ingress
            },
            link_type,
            number,
            original_len: self.original_len(),
            bytes: &self.bytes,
        }
    }

    /// Length of the frame on the wire in bytes.
    pub(super) fn original_len(&self) -> u32 {
        let tag_len = if self.header.vlan_protocol == 0 {
            0
        } else {
            TAG_LEN as u32
        };
        self.header.original_len + tag_len
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.header.at_ns, self.arrival).cmp(&(other.header.at_ns, other.arrival))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The frames that wait, oldest first.
#[derive(Debug, Default)]
pub(super) struct Frames {
    waiting: BinaryHeap<Reverse<Waiting>>,
    arrivals: u64,
}

impl Frames {
    /// Takes in a record of the ring; one that is shorter than it says is not ours.
    #[cfg(feature = "ebpf")]
    pub(super) fn push(&mut self, record: &[u8]) {
        if let Some((header, frame)) = RecordHeader::split(record) {
            self.take(header, frame);
        }
    }

    /// Takes in a frame.
    pub(super) fn take(&mut self, header: RecordHeader, frame: &[u8]) {
        let bytes = with_tag(&header, frame);
        self.waiting.push(Reverse(Waiting {
            header,
            bytes,
            arrival: self.arrivals,
        }));
        self.arrivals += 1;
    }

    /// Takes the oldest frame if it has waited long enough at `now_ns` of the clock that stamped it. A clock that was set
    /// back holds nothing up.
    pub(super) fn pop_due(&mut self, now_ns: u64) -> Option<Waiting> {
        let Reverse(oldest) = self.waiting.peek()?;
        let hold_ns = HOLD.as_nanos() as u64;
        let at_ns = oldest.header.at_ns;
        let due = at_ns.saturating_add(hold_ns) <= now_ns
            || at_ns > now_ns.saturating_add(AHEAD.as_nanos() as u64)
            || self.waiting.len() > MAX_WAITING;
        if due { self.pop() } else { None }
    }

    /// Takes the oldest frame.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        self.waiting.pop().map(|Reverse(frame)| frame)
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// Both MAC addresses stand before a VLAN tag.
const ADDRESSES_LEN: usize = 12;

/// Length of a VLAN tag.
const TAG_LEN: usize = 4;

fn with_tag(header: &RecordHeader, frame: &[u8]) -> Vec<u8> {
    match frame.split_at_checked(ADDRESSES_LEN) {
        Some((addresses, rest)) if header.vlan_protocol != 0 => {
            let [protocol, tci] = [header.vlan_protocol, header.vlan_tci].map(u16::to_be_bytes);
            [addresses, &protocol, &tci, rest].concat()
        }
        _ => frame.to_vec(),
    }
}

#[cfg(all(test, feature = "ebpf"))]
mod tests {
    use super::*;

    fn record(at_ns: u64, vlan: (u16, u16), frame: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        record.extend(at_ns.to_ne_bytes());
        for word in [7, frame.len() as u32, frame.len() as u32, 0] {
            record.extend(word.to_ne_bytes());
        }
        record.extend(vlan.0.to_ne_bytes());
        record.extend(vlan.1.to_ne_bytes());
        record.extend([0; 4]);
        record.extend(frame);
        record
    }

    fn times(frames: &mut Frames, now_ns: u64) -> Vec<u64> {
        std::iter::from_fn(|| frames.pop_due(now_ns))
            .map(|frame| frame.header.at_ns)
            .collect()
    }

    #[test]
    fn frames_leave_in_the_order_of_their_times() {
        let mut frames = Frames::default();
        for at_ns in [300, 100, 200] {
            frames.push(&record(at_ns, (0, 0), b"frame"));
        }
        assert_eq!(times(&mut frames, 10_000_000), [100, 200, 300]);
    }

    #[test]
    fn equal_times_keep_the_order_of_the_ring() {
        let mut frames = Frames::default();
        frames.push(&record(5, (0, 0), b"first"));
        frames.push(&record(5, (0, 0), b"second"));
        let bytes: Vec<_> = std::iter::from_fn(|| frames.pop())
            .map(|frame| frame.bytes)
            .collect();
        assert_eq!(bytes, [b"first".to_vec(), b"second".to_vec()]);
    }

    #[test]
    fn a_young_frame_waits() {
        let mut frames = Frames::default();
        frames.push(&record(1_000_000, (0, 0), b"frame"));
        assert_eq!(times(&mut frames, 3_999_999), [0; 0]);
        assert_eq!(times(&mut frames, 4_000_000), [1_000_000]);
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_up() {
        let mut frames = Frames::default();
        frames.push(&record(5_000_000_000, (0, 0), b"frame"));
        assert_eq!(times(&mut frames, 4_500_000_000), [0; 0]);
        assert_eq!(times(&mut frames, 3_000_000_000), [5_000_000_000]);
    }

    #[test]
    fn a_tag_goes_back_behind_the_addresses() {
        let mut frames = Frames::default();
        frames.push(&record(0, (0x8100, 42), b"ddddddssssss\x08\x00rest"));
        let frame = frames.pop().unwrap();
        assert_eq!(frame.bytes, b"ddddddssssss\x81\x00\x00\x2a\x08\x00rest");
        assert_eq!(frame.original_len(), 22);
    }
}
