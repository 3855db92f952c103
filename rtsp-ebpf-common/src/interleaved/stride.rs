//! Steps over frames of RTP and nothing else, as the kernel does: a few bytes of each frame are looked at.
//!
//! [`InterleavedWalker`](super::InterleavedWalker) understands all that an RTSP connection may carry. The kernel's
//! program is no place for that. A stride goes from frame to frame while each is RTP whose number lies a little ahead
//! of the last one on its channel, in order and without repetition. Anything else is out of step, and leaves the stride
//! as it was before: whoever reads the stream then goes on from there and knows every byte of the frame that was begun,
//! as far as it matters.

use crate::flow::Payload;
use crate::rtp::MAX_DROPOUT;
use crate::verifier::hide;

/// Bytes of a frame that are looked at: `$`, channel and length (RFC 2326 §10.12), and the fixed RTP header.
pub const FRAME_HEAD_LEN: usize = 16;

/// Length of `$`, channel and length.
const PREFIX_LEN: u32 = 4;

/// Length of the fixed RTP header (RFC 3550 §5.1).
const RTP_LEN: u32 = 12;

/// Length of the shortest RTCP packet that tells anything (RFC 3550 §6.4.2: a receiver report without blocks).
const RTCP_LEN: u32 = 8;

/// Frames from this length on are not looked for.
const MAX_FOUND_LEN: u32 = 1 << 12;

/// Channels that can be followed: those below this number.
pub const STRIDE_CHANNELS: usize = 16;

/// Where in the stream it stands, and the last number of each channel.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stride {
    /// First bytes of the frame that is passing. Twice as long as they are, so that old verifiers believe that any part
    /// of them fits behind any other.
    pub head: [u8; 2 * FRAME_HEAD_LEN],
    /// How many of them have come.
    pub head_len: u32,
    /// Bytes of the frame behind its head that have not come.
    pub left: u32,
    /// One bit for each channel of which a frame has passed.
    seen: u32,
    /// Whether the frame that is passing is the first of its channel: nobody knows whether its number is next.
    pub is_first: u32,
    numbers: [u16; STRIDE_CHANNELS],
}

impl Stride {
    /// At the begin of a frame, with nothing seen.
    pub const START: Self = Self {
        head: [0; 2 * FRAME_HEAD_LEN],
        head_len: 0,
        left: 0,
        seen: 0,
        is_first: 0,
        numbers: [0; STRIDE_CHANNELS],
    };

    /// Begins anew where a frame begins.
    #[inline(always)]
    pub fn start(&mut self) {
        self.head_len = 0;
        self.left = 0;
        self.seen = 0;
    }

    /// Bytes of the frame that is passing which have passed; 0 where one begins with the next byte.
    #[inline(always)]
    pub fn passed_len(&self) -> u32 {
        if self.head_len < FRAME_HEAD_LEN as u32 {
            return self.head_len;
        }
        let [_, _, high, low, ..] = self.head;
        let len = PREFIX_LEN + u32::from(u16::from_be_bytes([high, low]));
        len.wrapping_sub(self.left)
    }

    /// Whether a frame of RTP may begin with these bytes. Of longer ones than are sent over any network it is not
    /// believed: in media all bytes occur.
    #[inline(always)]
    pub fn may_begin(head: [u8; 6]) -> bool {
        let [sign, channel, high, low, first, second] = head;
        let len = u32::from(u16::from_be_bytes([high, low]));
        sign == b'$'
            && (channel as usize) < STRIDE_CHANNELS
            && (RTP_LEN..MAX_FOUND_LEN).contains(&len)
            && Payload::is_rtp(first, second, len)
    }

    /// Bytes of the head that are still to come.
    #[inline(always)]
    pub fn wanted_len(&self) -> u32 {
        (FRAME_HEAD_LEN as u32).saturating_sub(self.head_len)
    }

    /// Takes in `count` bytes, at most as many as are wanted, that were put behind those of the head which were there.
    /// Tells whether it is in step; where it is not, nothing has changed.
    #[inline(always)]
    pub fn take_head(&mut self, count: u32) -> bool {
        let known = self.head_len + count;
        let [sign, channel, high, low, first, second, number @ ..] = &self.head;
        let len = u32::from(u16::from_be_bytes([*high, *low]));
        if *sign != b'$' || known >= PREFIX_LEN && len < RTP_LEN {
            return false;
        }
        if known >= PREFIX_LEN + 2 && !Payload::is_rtp(*first, *second, len) {
            return false;
        }
        if known == FRAME_HEAD_LEN as u32 {
            let number = u16::from_be_bytes([number[0], number[1]]);
            if !self.note(*channel, number) {
                return false;
            }
            self.left = len - RTP_LEN;
        }
        self.head_len = known;
        true
    }

    /// Length of the frame of which the first bytes are in the head, if it is a report (RTCP, RFC 5761 §4) and whole within
    /// the `available` bytes from its beginning to the end of its segment; else 0.
    #[inline(always)]
    pub fn whole_report(&self, available: u32) -> u32 {
        let [sign, _, high, low, first, second, ..] = self.head;
        let len = u32::from(u16::from_be_bytes([high, low]));
        let is_whole = (RTCP_LEN..MAX_FOUND_LEN).contains(&len) && PREFIX_LEN + len <= available;
        if is_whole && sign == b'$' && Payload::is_rtcp(first, second) {
            PREFIX_LEN + len
        } else {
            0
        }
    }

    /// Takes note of the number of a frame; tells whether it is a little ahead of the last one.
    #[inline(always)]
    fn note(&mut self, channel: u8, number: u16) -> bool {
        if channel as usize >= STRIDE_CHANNELS {
            return false;
        }
        let place = hide(u64::from(channel)) as usize & (STRIDE_CHANNELS - 1);
        let bit = 1_u32 << (place as u32 & 15);
        let is_first = self.seen & bit == 0;
        if !is_first && !is_next(self.numbers[place], number) {
            return false;
        }
        self.is_first = u32::from(is_first);
        self.seen |= bit;
        self.numbers[place] = number;
        true
    }

    /// Takes in what follows the head, of `available` bytes; how many of them belong to the frame.
    #[inline(always)]
    pub fn take_payload(&mut self, available: u32) -> u32 {
        let taken = if self.left < available {
            self.left
        } else {
            available
        };
        self.left -= taken;
        taken
    }

    /// Whether the frame has passed.
    #[inline(always)]
    pub fn is_whole(&self) -> bool {
        self.head_len == FRAME_HEAD_LEN as u32 && self.left == 0
    }

    /// Turns to the next frame.
    #[inline(always)]
    pub fn turn(&mut self) {
        self.head_len = 0;
    }

    /// Channel of the frame whose head has come.
    #[inline(always)]
    pub fn channel(&self) -> u8 {
        self.head[1]
    }

    /// What is counted of that frame.
    #[inline(always)]
    pub fn payload(&self) -> Payload {
        let head = &self.head;
        Payload::rtp(
            head[5],
            u16::from_be_bytes([head[6], head[7]]),
            u32::from_be_bytes([head[8], head[9], head[10], head[11]]),
            u32::from_be_bytes([head[12], head[13], head[14], head[15]]),
            u32::from(u16::from_be_bytes([head[2], head[3]])),
        )
    }

    /// The first bytes of the frame that is passing, as far as they have come.
    #[inline(always)]
    pub fn first_bytes(&self) -> [u8; FRAME_HEAD_LEN] {
        self.head.first_chunk().copied().unwrap_or_default()
    }
}

/// Whether a number lies so little ahead of the last that neither reordering nor a restart is in question.
#[inline(always)]
pub fn is_next(last: u16, number: u16) -> bool {
    let ahead = number.wrapping_sub(last);
    ahead != 0 && ahead <= MAX_DROPOUT
}

#[cfg(test)]
mod tests;
