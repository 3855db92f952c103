//! A TCP sender whose segments get lost, doubled and late on their way into the capture.

use std::net::SocketAddr;
use std::ops::Range;

use super::Due;
use super::link::{self, Encapsulation, TcpPart};
use super::random::Random;
use super::recipe::{Faults, SessionRecipe};

/// Most bytes of one segment, unless the packets of the media are longer.
const MAX_SEGMENT: u64 = 1400;
/// Fewest bytes of one segment, unless it ends a flush.
const MIN_SEGMENT: u64 = 500;
/// Segments between two acknowledgements by the peer.
const SEGMENTS_PER_ACK: u32 = 6;

/// One direction of a connection.
#[derive(Debug)]
pub(crate) struct Sender {
    encapsulation: Encapsulation,
    from: SocketAddr,
    to: SocketAddr,
    faults: Faults,
    max_segment: u64,
    random: Random,
    isn: u32,
    /// Bytes handed over so far.
    written: u64,
    /// Bytes that are not yet in a segment.
    unsent: Vec<u8>,
    /// What was not captured, as offsets in the stream.
    missing: Vec<Range<u64>>,
    /// Latest moment at which a segment so far is captured.
    last_due_ns: u64,
    segments: u32,
}

impl Sender {
    pub(crate) fn new(
        recipe: &SessionRecipe,
        from: SocketAddr,
        to: SocketAddr,
        mut random: Random,
    ) -> Self {
        Self {
            encapsulation: recipe.encapsulation,
            from,
            to,
            faults: recipe.faults,
            max_segment: MAX_SEGMENT.max(recipe.payload_len as u64),
            isn: random.next() as u32,
            random,
            written: 0,
            unsent: Vec::new(),
            missing: Vec::new(),
            last_due_ns: 0,
            segments: 0,
        }
    }

    /// Offset of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        self.written
    }

    /// Whether every byte of the range was captured.
    pub(crate) fn captured(&self, range: &Range<u64>) -> bool {
        let after = self
            .missing
            .partition_point(|missing| missing.end <= range.start);
        self.missing
            .get(after)
            .is_none_or(|missing| missing.start >= range.end)
    }

    /// SYN, or SYN and ACK when the peer's is known.
    pub(crate) fn syn(&self, at_ns: u64, peer: Option<&Self>, due: &mut Vec<Due>) {
        let ack = peer.map_or(0, |peer| peer.isn.wrapping_add(1));
        self.emit(
            at_ns,
            TcpPart {
                seq: self.isn,
                ack,
                syn: true,
                fin: false,
            },
            &[],
            due,
        );
    }

    /// FIN after all that was sent.
    pub(crate) fn fin(&self, at_ns: u64, peer: &Self, due: &mut Vec<Due>) {
        let part = TcpPart {
            seq: self.seq_at(self.written),
            ack: peer.next_ack(),
            syn: false,
            fin: true,
        };
        self.emit(at_ns.max(self.last_due_ns + 1000), part, &[], due);
    }

    /// An empty segment that acknowledges all that the peer sent.
    pub(crate) fn acknowledge(&self, at_ns: u64, peer: &Self, due: &mut Vec<Due>) {
        let part = TcpPart {
            seq: self.seq_at(self.written),
            ack: peer.next_ack(),
            syn: false,
            fin: false,
        };
        self.emit(at_ns.max(peer.last_due_ns + 50_000), part, &[], due);
    }

    /// Sends a whole message in a segment of its own, without faults.
    pub(crate) fn send_text(&mut self, at_ns: u64, text: &[u8], peer: &Self, due: &mut Vec<Due>) {
        let at_ns = at_ns
            .max(self.last_due_ns + 1000)
            .max(peer.last_due_ns + 50_000);
        self.written += text.len() as u64;
        let seq = self.seq_at(self.written - text.len() as u64);
        let part = TcpPart {
            seq,
            ack: peer.next_ack(),
            syn: false,
            fin: false,
        };
        self.emit(at_ns, part, text, due);
        self.last_due_ns = at_ns;
    }

    /// Takes stream bytes; they leave in segments of changing size.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
        self.written += bytes.len() as u64;
    }

    /// Cuts what waits into segments; keeps a rest that is too short unless `all`. True when the peer's
    /// acknowledgement is due.
    pub(crate) fn cut(&mut self, at_ns: u64, all: bool, peer: &Self, due: &mut Vec<Due>) -> bool {
        let mut acknowledge = false;
        let mut spread_ns = 0;
        loop {
            let wanted = self.random.between(MIN_SEGMENT, self.max_segment) as usize;
            let len = if self.unsent.len() >= wanted {
                wanted
            } else if all && !self.unsent.is_empty() {
                self.unsent.len()
            } else {
                return acknowledge;
            };
            let segment: Vec<u8> = self.unsent.drain(..len).collect();
            let start = self.written - (self.unsent.len() + len) as u64;
            self.send_faulty(at_ns + spread_ns, start, &segment, peer, due);
            spread_ns += 10_000;
            acknowledge |= self.segments.is_multiple_of(SEGMENTS_PER_ACK);
        }
    }

    fn send_faulty(
        &mut self,
        at_ns: u64,
        start: u64,
        segment: &[u8],
        peer: &Self,
        due: &mut Vec<Due>,
    ) {
        self.segments += 1;
        if self.random.happens(self.faults.lost_per_mille) {
            self.missing.push(start..start + segment.len() as u64);
            return;
        }
        let delay_ns = if self.random.happens(self.faults.late_per_mille) {
            self.random.between(3, 12) * 1_000_000
        } else {
            0
        };
        let part = TcpPart {
            seq: self.seq_at(start),
            ack: peer.next_ack(),
            syn: false,
            fin: false,
        };
        self.emit(at_ns + delay_ns, part, segment, due);
        self.last_due_ns = self.last_due_ns.max(at_ns + delay_ns);
        if self.random.happens(self.faults.twice_per_mille) {
            let skipped = if self.random.happens(500) {
                segment.len() / 2
            } else {
                0
            };
            let again = TcpPart {
                seq: self.seq_at(start + skipped as u64),
                ..part
            };
            self.emit(
                at_ns + delay_ns + 20_000_000,
                again,
                &segment[skipped..],
                due,
            );
        }
    }

    fn seq_at(&self, offset: u64) -> u32 {
        self.isn.wrapping_add(1).wrapping_add(offset as u32)
    }

    /// Acknowledgement of everything that went out.
    fn next_ack(&self) -> u32 {
        self.seq_at(self.written - self.unsent.len() as u64)
    }

    fn emit(&self, at_ns: u64, part: TcpPart, payload: &[u8], due: &mut Vec<Due>) {
        due.push(Due {
            at_ns,
            bytes: link::tcp(self.encapsulation, self.from, self.to, part, payload),
        });
    }
}
