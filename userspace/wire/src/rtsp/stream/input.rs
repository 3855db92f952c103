//! Bytes with their place in the stream, borrowed or kept.

use crate::tcp::Place;

/// Bytes that one step takes at most where it keeps them: what is read again after a proof or a cut is bounded so.
pub(super) const STEP_LEN: usize = 2048;

/// Bytes of the stream that are to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    /// Offset of the first byte in the stream.
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
    pub(super) place: Place,
}

impl Input<'_> {
    /// The first `len` bytes, or all if there are fewer.
    pub(super) fn first(self, len: usize) -> Self {
        Self {
            bytes: self.bytes.get(..len).unwrap_or(self.bytes),
            ..self
        }
    }

    /// The same without its first `len` bytes.
    pub(super) fn skip(self, len: usize) -> Self {
        let len = len.min(self.bytes.len());
        Self {
            offset: self.offset + len as u64,
            bytes: self.bytes.get(len..).unwrap_or_default(),
            place: self.place,
        }
    }

    /// The first [`STEP_LEN`] bytes.
    pub(super) fn first_step(self) -> Self {
        self.first(STEP_LEN)
    }

    /// Offset after the last byte.
    pub(super) const fn end(self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

/// A kept copy of an [`Input`] of one step.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) place: Place,
}

impl Part {
    pub(super) fn copy(input: Input<'_>) -> Self {
        Self {
            offset: input.offset,
            bytes: input.bytes.to_vec(),
            place: input.place,
        }
    }

    pub(super) fn input(&self) -> Input<'_> {
        Input {
            offset: self.offset,
            bytes: &self.bytes,
            place: self.place,
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.input().end()
    }

    /// Forgets the bytes before `offset`.
    pub(super) fn drop_before(&mut self, offset: u64) {
        let len = offset.saturating_sub(self.offset) as usize;
        self.bytes.drain(..len.min(self.bytes.len()));
        self.offset = offset;
    }
}
