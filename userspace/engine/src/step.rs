//! Whether the two directions of a connection are in step, and by how much they are not.
//!
//! Where one direction comes by another card, or another queue of one, its packets may all be stamped early or late by some
//! milliseconds. TCP tells: nobody acknowledges what was not sent, so what is acknowledged before it comes was stamped late, or
//! its acknowledgement early. What does not come at all is another matter: the capture lacks it.

use rtspscope_wire::decode::Segment;
use rtspscope_wire::{Span, Timestamp};

use crate::delivery::Progress;

/// Later than this it is no matter of two queues: the bytes were sent again.
const LONGEST: Span = Span::from_secs(1);

/// What is acknowledged ahead of what came, in each direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    /// Of each end: the number up to which it acknowledged what had not come, and when.
    ahead: [Option<(u32, Timestamp)>; 2],
    lead: Option<Span>,
}

impl Step {
    /// How long at most an acknowledgement came before what it acknowledges.
    pub(crate) const fn lead(&self) -> Option<Span> {
        self.lead
    }

    /// Takes note of a segment of `end` before it is read; `progress` is how far either end had come.
    pub(crate) fn note(
        &mut self,
        end: usize,
        segment: &Segment<'_>,
        at: Timestamp,
        progress: &[Progress; 2],
    ) {
        let other = 1 - end;
        if let Some((acknowledged, since)) = self.ahead[other]
            && brings(segment, acknowledged, &progress[end])
        {
            let lead = at - since;
            if lead <= LONGEST {
                self.lead = self.lead.max(Some(lead));
            }
            self.ahead[other] = None;
        }
        let is_ahead =
            segment.flags.ack() && !segment.flags.rst() && progress[other].is_behind(segment.ack);
        let waits = self.ahead[end].is_some_and(|(ack, _)| progress[other].is_behind(ack));
        if is_ahead && !waits {
            self.ahead[end] = Some((segment.ack, at));
        }
    }
}

/// Whether a segment brings the next bytes of its direction, and the other end had acknowledged some of them already.
pub(crate) fn brings(segment: &Segment<'_>, acknowledged: u32, own: &Progress) -> bool {
    let is_new = segment.payload_len > 0 || segment.flags.syn() || segment.flags.fin();
    is_new && own.is_next(segment.seq) && acknowledged.wrapping_sub(segment.seq).cast_signed() > 0
}
