//! What the numbers of TCP segments tell of what a capture should have.

use rtspscope_wire::decode::Segment;

use crate::locator::Locator;

/// What an end's segments tell by their numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbers {
    /// It sent a segment that the capture has.
    pub(crate) is_seen: bool,
    /// Sequence number of its FIN.
    pub(crate) fin: Option<u32>,
    /// First and last of what it acknowledged of the other end's stream, and where it last went on.
    pub(crate) acknowledged: Option<(u32, u32, Locator)>,
}

impl Numbers {
    pub(crate) fn note(&mut self, segment: &Segment<'_>, at: Locator) {
        self.is_seen = true;
        if segment.flags.fin() {
            self.fin = Some(segment.seq.wrapping_add(segment.payload_len));
        }
        if !segment.flags.ack() || segment.flags.rst() {
            return;
        }
        let (_, last, place) = self
            .acknowledged
            .get_or_insert((segment.ack, segment.ack, at));
        if segment.ack.wrapping_sub(*last).cast_signed() > 0 {
            (*last, *place) = (segment.ack, at);
        }
    }
}
