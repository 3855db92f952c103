//! Reassembly: pieces cover the stream from its first byte on, in order, and each byte is the one that was sent.

use rtspscope_wire::Timestamp;
use rtspscope_wire::decode::{Segment, TcpFlags};
use rtspscope_wire::tcp::{Piece, Place, Reassembler, ReassemblyLimits, Recall};

/// Small caps, so that short inputs reach them.
const LIMITS: ReassemblyLimits = ReassemblyLimits {
    max_buffered_bytes: 4_096,
    max_buffered_segments: 8,
};

/// Longest payload of one segment.
const MAX_LEN: usize = 2_048;

/// What one record of the input stands for.
struct Record {
    flags: u8,
    /// From the begin of the stream, in bytes; negative before it.
    start: i32,
    len: u16,
    cut: u8,
}

/// Four bytes are the initial sequence number; then each eight bytes are a segment or an acknowledgment.
pub fn reassembler(data: &[u8]) {
    let Some((isn, rest)) = data.split_first_chunk() else {
        return;
    };
    let isn = u32::from_le_bytes(*isn);
    let mut reassembler = Reassembler::new(LIMITS);
    let mut seen = Seen::default();
    for (frame, record) in (1..).zip(rest.as_chunks().0) {
        let record = read(*record);
        let place = Place {
            at: Timestamp(frame),
            frame: frame.cast_unsigned(),
        };
        let seq = isn.wrapping_add(record.start.cast_unsigned());
        // Only an acknowledgment of the other direction.
        if record.flags & 0x80 == 0 {
            reassembler.handle_peer_ack(seq, &mut |piece| {
                seen.take(piece);
                Recall::Keep
            });
        } else {
            let payload = content(seq, record.flags, usize::from(record.len) % MAX_LEN);
            let captured = payload.len().saturating_sub(usize::from(record.cut));
            let segment = segment(seq, record.flags, &payload, captured);
            reassembler.handle_segment(&segment, place, &mut |piece| {
                seen.take(piece);
                Recall::Keep
            });
        }
        assert!(reassembler.buffered_bytes() <= LIMITS.max_buffered_bytes);
        seen.check(&reassembler);
    }
    reassembler.finish(&mut |piece| {
        seen.take(piece);
        Recall::Keep
    });
    assert_eq!(reassembler.buffered_bytes(), 0);
    seen.check(&reassembler);
    let stats = reassembler.stats();
    assert_eq!(stats.missing_bytes, seen.missing);
    assert_eq!(stats.conflicting_bytes, 0, "what was sent never changes");
}

fn read([flags, s0, s1, s2, s3, l0, l1, cut]: [u8; 8]) -> Record {
    let far = i32::from_le_bytes([s0, s1, s2, s3]);
    // Mostly near, so that segments meet; now and then anywhere.
    let start = if flags & 0x40 == 0 { far & 0x3fff } else { far };
    Record {
        flags,
        start,
        len: u16::from_le_bytes([l0, l1]),
        // Mostly whole.
        cut: if flags & 0x20 == 0 { 0 } else { cut },
    }
}

/// A SYN takes a number of its own, before the first byte.
fn content(seq: u32, flags: u8, len: usize) -> Vec<u8> {
    let first = seq.wrapping_add(u32::from(flags & TcpFlags::SYN.0 != 0));
    (0..len as u32)
        .map(|at| byte_at(first.wrapping_add(at)))
        .collect()
}

/// The byte with this sequence number.
const fn byte_at(seq: u32) -> u8 {
    (seq.wrapping_mul(2_654_435_761) >> 24) as u8
}

fn segment(seq: u32, flags: u8, payload: &[u8], captured: usize) -> Segment<'_> {
    Segment {
        source: ([192, 0, 2, 1], 554).into(),
        destination: ([192, 0, 2, 2], 40_000).into(),
        seq,
        ack: 0,
        flags: TcpFlags(flags & 0x1f),
        window: 512,
        payload: &payload[..captured],
        payload_len: payload.len() as u32,
    }
}

/// What came out so far.
#[derive(Default)]
struct Seen {
    end: u64,
    missing: u64,
    /// Pairs of stream offset and byte that were not yet compared.
    fresh: Vec<(u64, Vec<u8>)>,
}

impl Seen {
    fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Chunk { offset, bytes, .. } => {
                assert!(offset == self.end && !bytes.is_empty());
                self.fresh.push((offset, bytes.to_vec()));
                self.end += bytes.len() as u64;
            }
            Piece::Gap { offset, len, .. } => {
                assert!(offset == self.end && len > 0);
                self.missing += len;
                self.end += len;
            }
        }
    }

    /// Offset and sequence number go together, and the bytes are those that were sent.
    fn check(&mut self, reassembler: &Reassembler) {
        let Some(next) = reassembler.next_seq() else {
            assert_eq!(self.end, 0);
            return;
        };
        let first = next.wrapping_sub(self.end as u32);
        if let Some(isn) = reassembler.isn()
            && self.end == 0
        {
            assert_eq!(first, isn.wrapping_add(1));
        }
        for (offset, bytes) in self.fresh.drain(..) {
            let start = first.wrapping_add(offset as u32);
            assert_eq!(bytes, content(start, 0, bytes.len()));
        }
    }
}
