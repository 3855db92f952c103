//! Streams: any cut of the same bytes gives the same messages and frames.

use rtsp_ebpf_common::interleaved::{InterleavedWalker, Piece as WalkerPiece};
use rtspscope_wire::rtsp::stream::{Item, MessageStream, RawMessage, SkipReason, StreamLimits};
use rtspscope_wire::tcp::{Piece, Place};

use crate::spans;
use crate::split::{Numbers, parts, seeded};

/// Small caps, so that short inputs reach them.
const LIMITS: StreamLimits = StreamLimits {
    max_head_len: 2_048,
    max_body_len: 4_096,
    max_search_len: 8_192,
};

/// What a stream may hold beyond its caps: a frame that is not whole yet and a step of input.
const SLACK: usize = 16 << 10;

/// First bytes of a frame that are given whatever the cut.
const SURE_FRAME_BYTES: usize = 64;

/// An item without what may depend on the cut.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Message(RawMessage),
    Frame {
        channel: u8,
        len: u16,
        captured_len: u16,
        offset: u64,
        head: Vec<u8>,
    },
    Skipped {
        offset: u64,
        len: u64,
        why: SkipReason,
    },
}

/// The first eight bytes decide the cuts and whether there is a gap; the rest is the stream.
pub fn stream(data: &[u8]) {
    let Some((mut numbers, bytes)) = seeded(data) else {
        return;
    };
    let gap = gap(bytes.len(), &mut numbers);
    let start_known = numbers.below(2) == 0;
    let whole = read(bytes, gap, start_known, |bytes| vec![bytes]);
    let cut = read(bytes, gap, start_known, |bytes| parts(bytes, &mut numbers));
    assert_eq!(skipped(&whole), skipped(&cut));
    assert_eq!(understood(&whole), understood(&cut));
}

/// Bytes passed over for each reason. Where a frame stands among them, the cut decides how they are shared out.
fn skipped(told: &[Told]) -> [u64; 4] {
    let mut sums = [0; 4];
    for item in told {
        if let Told::Skipped { len, why, .. } = item {
            sums[*why as usize] += len;
        }
    }
    sums
}

/// What is no skipped byte.
fn understood(told: &[Told]) -> Vec<&Told> {
    let is_understood = |item: &&Told| !matches!(item, Told::Skipped { .. });
    told.iter().filter(is_understood).collect()
}

/// A gap in one of two streams: where it begins, and how long it is.
fn gap(len: usize, numbers: &mut Numbers) -> Option<(usize, u64)> {
    (numbers.below(2) == 0).then(|| (numbers.below(len + 1), 1 + numbers.below(3_000) as u64))
}

fn read<'a>(
    bytes: &'a [u8],
    gap: Option<(usize, u64)>,
    start_known: bool,
    mut cut: impl FnMut(&'a [u8]) -> Vec<&'a [u8]>,
) -> Vec<Told> {
    let mut stream = MessageStream::new(LIMITS);
    if start_known {
        stream.set_start_known();
    }
    let mut told = Vec::new();
    let mut offset = 0;
    let (before, behind) = bytes.split_at(gap.map_or(bytes.len(), |(at, _)| at));
    let place = Place::default();
    for part in cut(before) {
        feed(&mut stream, &mut offset, part, &mut told);
    }
    if let Some((_, len)) = gap {
        stream.handle_piece(Piece::Gap { offset, len, place }, &mut |item| {
            tell(item, &mut told);
        });
        offset += len;
    }
    for part in cut(behind) {
        feed(&mut stream, &mut offset, part, &mut told);
    }
    stream.finish(&mut |item| tell(item, &mut told));
    assert_eq!(stream.buffered_bytes(), 0);
    check_account(&told, offset);
    told
}

fn feed(stream: &mut MessageStream, offset: &mut u64, bytes: &[u8], told: &mut Vec<Told>) {
    let piece = Piece::Chunk {
        offset: *offset,
        bytes,
        place: Place::default(),
    };
    stream.handle_piece(piece, &mut |item| tell(item, told));
    *offset += bytes.len() as u64;
    let caps = LIMITS.max_head_len + LIMITS.max_body_len + LIMITS.max_search_len;
    assert!(stream.buffered_bytes() <= caps + SLACK);
}

fn tell(item: Item<'_>, told: &mut Vec<Told>) {
    match item {
        Item::Message(message) => {
            assert!(message.head_len <= message.raw.len());
            assert!(message.raw.len() <= LIMITS.max_head_len + LIMITS.max_body_len);
            spans::check_anomalies(&message.anomalies, &(0..message.raw.len()));
            told.push(Told::Message(message));
        }
        Item::Interleaved(frame) => {
            assert!(frame.bytes.len() <= usize::from(frame.captured_len));
            assert!(frame.captured_len <= frame.len);
            // Behind a gap nothing is kept of a frame.
            let whole = frame.captured_len == frame.len;
            let sure = SURE_FRAME_BYTES.min(frame.bytes.len());
            assert!(!whole || sure == SURE_FRAME_BYTES.min(usize::from(frame.len)));
            told.push(Told::Frame {
                channel: frame.channel,
                len: frame.len,
                captured_len: frame.captured_len,
                offset: frame.offset,
                head: frame.bytes[..sure].to_vec(),
            });
        }
        Item::Skipped { offset, len, why } => told.push(Told::Skipped { offset, len, why }),
    }
}

/// Items lie within the stream, and none of its bytes is told twice.
fn check_account(told: &[Told], end: u64) {
    let account = told.iter().map(|item| {
        let (offset, len) = match item {
            Told::Message(message) => (message.offset, message.raw.len() as u64),
            Told::Skipped { offset, len, .. } => (*offset, *len),
            Told::Frame {
                offset,
                captured_len,
                ..
            } => (*offset, 4 + u64::from(*captured_len)),
        };
        assert!(len > 0 && offset + len <= end, "{item:?}");
        len
    });
    assert!(account.sum::<u64>() <= end, "{told:?}");
}

/// What the kernel's walker makes of a stream, with neighbouring pieces of one kind joined.
#[derive(Debug, PartialEq, Eq)]
enum Walked {
    Text(usize),
    Frame(u8, u16),
    Payload(usize),
}

/// The kernel's walker hands out each byte once, in order, whatever the cut.
pub fn walker(data: &[u8]) {
    let Some((mut numbers, bytes)) = seeded(data) else {
        return;
    };
    assert_eq!(walk(&[bytes]), walk(&parts(bytes, &mut numbers)));
}

fn walk(parts: &[&[u8]]) -> (Vec<Walked>, InterleavedWalker) {
    let mut walker = InterleavedWalker::default();
    let mut walked = Vec::new();
    let mut headers = 0;
    let (mut handed, mut fed) = (0, 0);
    for part in parts {
        walker.feed(part, |piece| {
            let (kind, len) = match piece {
                WalkerPiece::Text(bytes) => (Walked::Text(bytes.len()), bytes.len()),
                WalkerPiece::Payload(bytes) => (Walked::Payload(bytes.len()), bytes.len()),
                WalkerPiece::Frame { channel, len } => {
                    headers += 1;
                    (Walked::Frame(channel, len), 0)
                }
            };
            handed += len;
            match (walked.last_mut(), kind) {
                (Some(Walked::Text(known)), Walked::Text(more))
                | (Some(Walked::Payload(known)), Walked::Payload(more)) => *known += more,
                (_, kind) => walked.push(kind),
            }
        });
        fed += part.len();
        assert!(handed + 4 * headers <= fed && fed - handed - 4 * headers < 4);
    }
    (walked, walker)
}
