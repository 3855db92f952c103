//! Interleaved media that the kernel counts: where each direction of a connection stands, and who reads it.
//!
//! User space asks for a connection by giving it a [`WalkValue`]. For each direction the kernel then looks in a segment for
//! what may be a frame, goes on from there, and says so ([`WALK_CLAIM`]). Nothing depends on that guess yet: all segments
//! are still copied. User space, which has read every byte before, knows which frame is passing at the end of that
//! segment; it says where that began ([`TakeValue`]), and for each channel where its numbers stand ([`ChannelValue`]). If
//! the kernel means the same frame, it takes over with the next segment ([`WALK_TAKEN`]): from then on it counts, and
//! copies nothing, as long as all is RTP in order. A segment with a whole report (RTCP) is handed over for that
//! ([`WALK_PASSED`]), and the kernel reads on. With anything else it gives the direction back ([`WALK_RETURNED`],
//! [`Returned`]), and looks for a frame again.

use super::{FlowKey, bpf_spin_lock};
use crate::flow::FlowStats;
use crate::interleaved::stride::{FRAME_HEAD_LEN, Stride};

/// [`RecordHeader::walk`](super::RecordHeader::walk): frames may pass from within this segment on.
pub const WALK_CLAIM: u8 = 1;

/// The same: the kernel reads what follows this segment.
pub const WALK_TAKEN: u8 = 2;

/// The same: the kernel has given the direction back before this segment, or within it.
pub const WALK_RETURNED: u8 = 4;

/// The same: the kernel has read this segment too, but for reports that are whole in it.
pub const WALK_PASSED: u8 = 8;

/// Value of a connection of which all segments are copied.
pub const COPIED: u32 = 1;

/// Value of a connection that has a [`WalkValue`].
pub const WALKED: u32 = 2;

/// Who reads a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reader {
    /// User space; no begin has been found.
    User = 0,
    /// User space; the kernel goes along from a begin that is not confirmed.
    Both = 1,
    /// The kernel.
    Kernel = 2,
}

/// Where the kernel has stopped to read a direction.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// First bytes of the frame that had begun and not ended.
    pub head: [u8; FRAME_HEAD_LEN],
    /// Payload bytes of the segments that it read whole.
    pub bytes: u64,
    /// Time of the last of them on the kernel's monotonic clock in ns.
    pub last_ns: u64,
    /// Sequence number behind the last segment that it read whole.
    pub from_seq: u32,
    /// Sequence number of the first byte that it did not read.
    pub seq: u32,
    /// Highest acknowledgment of this direction by the other end.
    pub acked: u32,
    /// How many bytes of the frame's head had come.
    pub head_len: u32,
    /// How many bytes of the frame had not come, where its head had.
    pub left: u32,
    /// Zero.
    pub pad: u32,
}

/// One direction of a connection.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfValue {
    /// Where the last return was; not written again before user space has confirmed the next claim.
    pub returned: Returned,
    /// Where it stands in the present frame.
    pub stride: Stride,
    /// Time of the present claim.
    pub claimed_ns: u64,
    /// As in [`Returned`].
    pub bytes: u64,
    /// As in [`Returned`].
    pub last_ns: u64,
    /// [`Reader`] as a number.
    pub reader: u32,
    /// Sequence number of the next byte.
    pub next_seq: u32,
    /// Sequence number of the frame that was passing at the end of the claim's segment.
    pub claim: u32,
    /// As in [`Returned`].
    pub acked: u32,
    /// Whether its sender takes no more bytes of the other direction.
    pub is_shut: u32,
    /// Whether a return has not been told yet.
    pub owes: u32,
    /// Whether a processor is at work on a segment.
    pub busy: u32,
    /// Whether another came meanwhile, and went without.
    pub collided: u32,
    /// Sequence number behind the last new byte that has passed.
    pub highest_seq: u32,
    /// Whether any has.
    pub has_passed: u32,
}

/// Value of a connection of which the kernel may read the media; its key is that of the connection.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct WalkValue {
    /// Guards `busy` and `collided` of both.
    pub lock: bpf_spin_lock,
    /// Zero.
    pub pad: u32,
    /// What each end sends; the lower one's first.
    pub halves: [HalfValue; 2],
}

/// Where user space has seen frames begin, by direction as in [`WalkValue::halves`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakeValue {
    /// Sequence numbers.
    pub claims: [u32; 2],
    /// Whether they mean anything.
    pub given: [u32; 2],
}

/// One channel of one direction.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ChannelKey {
    /// The connection.
    pub connection: FlowKey,
    /// Which end sends, as in [`WalkValue::halves`].
    pub sender: u32,
    /// Number of the channel.
    pub channel: u32,
}

/// What the kernel has counted of a channel since it took over, and what user space knew by then.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ChannelValue {
    /// Guards `stats`.
    pub lock: bpf_spin_lock,
    /// RTP clock in Hz; 0 where it is not known.
    pub clock_rate: u32,
    /// Counts; times are of the kernel's monotonic clock.
    pub stats: FlowStats,
    /// The only source that is counted.
    pub ssrc: u32,
    /// Its highest sequence number behind the claim's segment.
    pub number: u16,
    /// Its payload type.
    pub payload_type: u8,
    /// Zero.
    pub pad: u8,
}

impl HalfValue {
    /// A direction of which the kernel knows nothing.
    pub const EMPTY: Self = Self {
        returned: Returned {
            head: [0; FRAME_HEAD_LEN],
            bytes: 0,
            last_ns: 0,
            from_seq: 0,
            seq: 0,
            acked: 0,
            head_len: 0,
            left: 0,
            pad: 0,
        },
        stride: Stride::START,
        claimed_ns: 0,
        bytes: 0,
        last_ns: 0,
        reader: Reader::User as u32,
        next_seq: 0,
        claim: 0,
        acked: 0,
        is_shut: 0,
        owes: 0,
        busy: 0,
        collided: 0,
        highest_seq: 0,
        has_passed: 0,
    };

    /// Where it stands, as if it were given back now.
    #[inline(always)]
    pub fn give_back(&mut self, from_seq: u32, seq: u32) {
        self.returned.head = self.stride.first_bytes();
        self.returned.bytes = self.bytes;
        self.returned.last_ns = self.last_ns;
        self.returned.from_seq = from_seq;
        self.returned.seq = seq;
        self.returned.acked = self.acked;
        self.returned.head_len = self.stride.head_len;
        self.returned.left = self.stride.left;
        self.reader = Reader::User as u32;
        self.owes = 1;
    }
}

impl WalkValue {
    /// A connection of which the kernel knows nothing.
    pub const EMPTY: Self = Self {
        lock: bpf_spin_lock { val: 0 },
        pad: 0,
        halves: [HalfValue::EMPTY; 2],
    };
}
