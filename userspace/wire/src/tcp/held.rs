//! Data that came before its turn.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Place;

/// One piece that waits; `bytes` is shorter than `len` where the capture cut the segment.
#[derive(Clone, Debug)]
pub(super) struct HeldPiece {
    pub(super) bytes: Vec<u8>,
    pub(super) len: u64,
    pub(super) place: Place,
}

/// Pieces by stream offset; they never overlap.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    pieces: BTreeMap<u64, HeldPiece>,
    bytes: usize,
}

impl Held {
    pub(super) const fn new() -> Self {
        Self {
            pieces: BTreeMap::new(),
            bytes: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn count(&self) -> usize {
        self.pieces.len()
    }

    /// Offset and place of the first piece.
    pub(super) fn first(&self) -> Option<(u64, Place)> {
        self.pieces
            .first_key_value()
            .map(|(&offset, piece)| (offset, piece.place))
    }

    /// Adds a piece that overlaps no other.
    pub(super) fn insert(&mut self, offset: u64, piece: HeldPiece) {
        self.bytes += piece.bytes.len();
        self.pieces.insert(offset, piece);
    }

    /// Takes the first piece out if it begins at `offset`.
    pub(super) fn take_at(&mut self, offset: u64) -> Option<HeldPiece> {
        let entry = self
            .pieces
            .first_entry()
            .filter(|entry| *entry.key() == offset)?;
        let piece = entry.remove();
        self.bytes -= piece.bytes.len();
        Some(piece)
    }

    /// The first piece that shares an offset with `range`: its own range and its bytes.
    pub(super) fn first_overlap(&self, range: &Range<u64>) -> Option<(Range<u64>, &[u8])> {
        let before = self.pieces.range(..=range.start).next_back();
        let within = self.pieces.range(range.clone()).next();
        before
            .into_iter()
            .chain(within)
            .find_map(|(&offset, piece)| {
                let end = offset.saturating_add(piece.len);
                (end > range.start).then_some((offset..end, piece.bytes.as_slice()))
            })
    }
}
