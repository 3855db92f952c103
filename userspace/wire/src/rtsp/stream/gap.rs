//! What a hole in the capture does to a stream: where a length tells how the stream goes on behind it, the reader stays in
//! step; else it has to search.

use std::ops::Range;

use super::collect::Ending;
use super::frame::PartialFrame;
use super::reader::{MessageStream, State, searching};
use super::search::skipped;
use super::{Item, NOT_CAPTURED, SkipReason};
use crate::tcp::Place;

impl MessageStream {
    /// Takes note that the bytes of `gap` are missing; they begin where reading stopped.
    pub(super) fn pass_gap(
        &mut self,
        gap: Range<u64>,
        place: Place,
        sink: &mut impl FnMut(Item<'_>),
    ) {
        self.end_overshot_message(sink);
        self.position = gap.end;
        match &mut self.state {
            // A search sees the hole between the offsets.
            State::Ignoring | State::Searching(_) => {}
            State::Undecided(parts) => {
                let from = parts.front().map_or(gap.start, |part| part.offset);
                parts.clear();
                self.start_known = false;
                skipped(&(from..gap.start), SkipReason::Unaligned, sink);
                skipped(&gap, SkipReason::Missing, sink);
            }
            &mut State::Passing { left } => {
                self.pass_body(left, &gap);
                skipped(&gap, SkipReason::Missing, sink);
            }
            State::InStep => {
                self.pass_gap_in_step(&gap, place, sink);
                skipped(&gap, SkipReason::Missing, sink);
            }
        }
    }

    fn pass_gap_in_step(
        &mut self,
        gap: &Range<u64>,
        place: Place,
        sink: &mut impl FnMut(Item<'_>),
    ) {
        let mut rest = gap.clone();
        let mut in_step = true;
        if let Some(frame) = &mut self.frame {
            rest.start += frame.take_gap(gap.end - gap.start);
            in_step = frame.has_header();
        }
        self.end_frame_if(PartialFrame::is_complete, place, sink);
        if let Some(frame) = self.frame.take_if(|_| !in_step) {
            skipped(&(frame.offset()..gap.start), SkipReason::Unaligned, sink);
        }
        if rest.is_empty() {
            return;
        }
        let left = match self.message.take() {
            Some(message) => {
                let left = if in_step {
                    message.missing_body_len()
                } else {
                    0
                };
                self.end_message(*message, Ending::Cut(NOT_CAPTURED), sink);
                left
            }
            None => 0,
        };
        if matches!(self.state, State::InStep) {
            self.pass_body(left, &rest);
        }
    }

    /// `left` bytes of a body are to come, and those of `gap` are missing.
    fn pass_body(&mut self, left: u64, gap: &Range<u64>) {
        self.state = match left.checked_sub(gap.end - gap.start) {
            Some(0) => State::InStep,
            Some(left) => State::Passing { left },
            None => searching(gap.end, SkipReason::Unaligned),
        };
    }
}
