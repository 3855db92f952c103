//! An interleaved frame whose bytes come in several chunks.

use super::InterleavedFrame;
use super::input::Input;
use crate::tcp::Place;

/// `$`, channel, length (RFC 2326 §10.12).
pub(super) const HEADER_LEN: usize = 4;
/// Payload bytes that are kept: enough for the RTP header with extensions and the first bytes of the media.
const KEPT_RTP_LEN: usize = 128;
/// Payload bytes that are kept of RTCP: a compound packet is to be read whole (RFC 3550 §6.1: one MTU).
const KEPT_RTCP_LEN: usize = 1500;
/// Second byte of an RTCP packet: SR, RR, SDES, BYE, APP, RTPFB, PSFB, XR (RFC 3550 §12.1, RFC 4585, RFC 3611).
const RTCP_TYPES: std::ops::RangeInclusive<u8> = 200..=207;

/// A frame that lies whole in `bytes`, which begin with its `$`: channel, payload.
pub(super) fn whole(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&[_, channel, high, low], payload) = bytes.split_first_chunk::<HEADER_LEN>()?;
    let len = u16::from_be_bytes([high, low]);
    Some((channel, payload.get(..usize::from(len))?))
}

/// What has come of a frame.
#[derive(Clone, Debug, Default)]
pub(super) struct PartialFrame {
    offset: u64,
    header: [u8; HEADER_LEN],
    header_len: usize,
    kept: Vec<u8>,
    /// Payload bytes that have passed, captured or missing.
    passed_len: u16,
    captured_len: u16,
    /// What comes does not follow what is kept.
    is_kept: bool,
}

impl PartialFrame {
    /// A frame of which someone else has read the first bytes, up to `offset` of the stream: `head`, or more than that
    /// where only `left` bytes are to come.
    pub(super) fn begun(offset: u64, head: &[u8], left: Option<u16>) -> Self {
        let mut frame = Self::new(offset, Vec::new());
        frame.take(Input {
            offset,
            bytes: head,
            place: Place::default(),
        });
        if let Some(left) = left.filter(|left| *left < frame.missing_len()) {
            frame.is_kept = true;
            frame.passed_len = frame.len() - left;
            frame.captured_len = frame.passed_len;
        }
        let header_len = frame.header_len as u64;
        frame.offset = offset.saturating_sub(header_len + u64::from(frame.passed_len));
        frame
    }

    /// A frame whose `$` is at `offset`; `buffer` is used for what is kept.
    pub(super) fn new(offset: u64, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        Self {
            offset,
            kept: buffer,
            ..Self::default()
        }
    }

    /// Takes what belongs to the frame and returns how many bytes that was.
    pub(super) fn take(&mut self, input: Input<'_>) -> usize {
        let header_part_len = self.take_header(input.bytes);
        let payload = input.bytes.get(header_part_len..).unwrap_or_default();
        let payload = payload
            .get(..usize::from(self.missing_len()))
            .unwrap_or(payload);
        self.keep(payload);
        self.passed_len += payload.len() as u16;
        self.captured_len += payload.len() as u16;
        header_part_len + payload.len()
    }

    /// Takes what belongs to the header and returns how many bytes that was.
    fn take_header(&mut self, bytes: &[u8]) -> usize {
        if self.has_header() {
            return 0;
        }
        if let Some(header) = bytes.first_chunk()
            && self.header_len == 0
        {
            (self.header, self.header_len) = (*header, HEADER_LEN);
            return HEADER_LEN;
        }
        let part = bytes.get(..HEADER_LEN - self.header_len).unwrap_or(bytes);
        for (to, from) in self.header.iter_mut().skip(self.header_len).zip(part) {
            *to = *from;
        }
        self.header_len += part.len();
        part.len()
    }

    /// Takes note of a gap of `len` bytes; returns how many of them belong to the frame. 0 where its header is not known.
    pub(super) fn take_gap(&mut self, len: u64) -> u64 {
        let part = len.min(self.missing_len().into());
        self.passed_len += part as u16;
        part
    }

    /// True when the header and all of the payload have passed.
    pub(super) fn is_complete(&self) -> bool {
        self.has_header() && self.missing_len() == 0
    }

    pub(super) const fn has_header(&self) -> bool {
        self.header_len == HEADER_LEN
    }

    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes that have been captured, with the header.
    pub(super) fn captured_len(&self) -> u64 {
        self.header_len as u64 + u64::from(self.captured_len)
    }

    pub(super) fn view(&self, place: Place) -> InterleavedFrame<'_> {
        let [_, channel, _, _] = self.header;
        InterleavedFrame {
            channel,
            len: self.len(),
            bytes: &self.kept,
            captured_len: self.captured_len,
            offset: self.offset,
            place,
        }
    }

    /// Gives the buffer back for the next frame; this one is over.
    pub(super) fn take_buffer(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.kept)
    }

    fn len(&self) -> u16 {
        let [_, _, high, low] = self.header;
        u16::from_be_bytes([high, low])
    }

    pub(super) fn missing_len(&self) -> u16 {
        if self.has_header() {
            self.len() - self.passed_len
        } else {
            0
        }
    }

    /// Keeps the first bytes; nothing behind a gap, since `kept` has no holes.
    #[inline]
    fn keep(&mut self, payload: &[u8]) {
        let is_rtcp = |second: Option<&u8>| second.is_some_and(|kind| RTCP_TYPES.contains(kind));
        let has_enough = self.kept.len() >= KEPT_RTP_LEN && !is_rtcp(self.kept.get(1));
        if has_enough || self.is_kept || self.passed_len != self.captured_len {
            return;
        }
        let second = self
            .kept
            .get(1)
            .or_else(|| payload.get(1 - self.kept.len().min(1)));
        let limit = if is_rtcp(second) {
            KEPT_RTCP_LEN
        } else {
            KEPT_RTP_LEN
        };
        let room = limit.saturating_sub(self.kept.len());
        self.kept
            .extend_from_slice(payload.get(..room).unwrap_or(payload));
    }
}
