//! Finds the next boundary in a stream that is out of step.
//!
//! A `$` alone proves nothing: in compressed media every 256th byte is one. What counts is a chain: a header whose
//! length leads to the next header, each with the version bits of RTP and RTCP at the begin of its payload, or to a start
//! line. On channels that the connection has used, two headers leave about one false chain in a million gaps; where no
//! channel is known yet, three headers are asked for. Several chains are followed at once, and what they lead over is
//! kept until one of them is proved, so that its frames are not lost.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;

use super::frame::HEADER_LEN;
use super::input::{Input, Part};
use super::recognise::{find_start_line, has_rtp_version, may_become_start_line};
use super::{Item, SkipReason};

/// Chains that are followed at once, from their first header on; in random bytes one in a thousand begins one.
const MAX_CHAINS: usize = 256;
/// Longest start line that is found.
const MAX_LINE_LEN: usize = 4096;
/// Bytes in which the longest method or a frame header with the first payload byte shows.
const PEEK_LEN: usize = 5;

/// Channels of interleaved frames that were seen in step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Channels([u64; 4]);

impl Channels {
    pub(super) const fn new() -> Self {
        Self([0; 4])
    }

    pub(super) fn insert(&mut self, channel: u8) {
        if let Some(word) = self.0.get_mut(usize::from(channel >> 6)) {
            *word |= 1 << (channel & 63);
        }
    }

    fn contains(self, channel: u8) -> bool {
        self.0
            .get(usize::from(channel >> 6))
            .is_some_and(|word| word >> (channel & 63) & 1 == 1)
    }
}

/// Frame headers that lead from one to the next. Of two, the one comes first whose next header does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Chain {
    /// Where the next header must be.
    next: u64,
    start: u64,
    headers: u8,
    on_known_channels: bool,
}

impl Chain {
    const fn is_proved(&self) -> bool {
        self.headers >= if self.on_known_channels { 2 } else { 3 }
    }

    const fn proof(&self, complete_at: u64) -> Proof {
        Proof {
            complete_at,
            boundary: self.start,
        }
    }
}

/// A boundary that is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Proof {
    /// Offset behind the byte that completes the proof: of two proofs the earlier one counts, as if each byte came alone.
    complete_at: u64,
    boundary: u64,
}

/// Where a chain leads.
enum StepTo {
    /// To another frame.
    Next,
    /// To a start line.
    Boundary,
}

/// What stands at an offset.
enum Sight {
    Frame { channel: u8, len: u16 },
    StartLine,
    Nothing,
    NotYet,
}

/// A search from one offset on.
#[derive(Clone, Debug)]
pub(super) struct Search {
    why: SkipReason,
    from: u64,
    parts: VecDeque<Part>,
    kept_len: usize,
    /// The chain whose next header comes first is on top.
    chains: BinaryHeap<Reverse<Chain>>,
    /// Chains among them that have a header.
    followed: usize,
    /// Printable bytes up to the last one that came, and where they begin.
    text: Vec<u8>,
    text_at: u64,
}

impl Search {
    pub(super) const fn new(from: u64, why: SkipReason) -> Self {
        Self {
            why,
            from,
            parts: VecDeque::new(),
            kept_len: 0,
            chains: BinaryHeap::new(),
            followed: 0,
            text: Vec::new(),
            text_at: from,
        }
    }

    pub(super) const fn kept_len(&self) -> usize {
        self.kept_len
    }

    pub(super) fn part_count(&self) -> usize {
        self.parts.len()
    }

    /// Takes the bytes of one step; returns the offset of the boundary once it is proved.
    pub(super) fn take(&mut self, input: Input<'_>, channels: Channels) -> Option<u64> {
        if self
            .parts
            .back()
            .is_some_and(|part| part.end() != input.offset)
        {
            self.text.clear();
        }
        self.parts.push_back(Part::copy(input));
        self.kept_len += input.bytes.len();
        let line = self.scan(input);
        let chain = self.follow_chains(input.end(), channels);
        let proof = line.into_iter().chain(chain).min();
        proof.map(|proof| proof.boundary)
    }

    /// Bytes that may be taken before more than `max_len` are kept, with the one that is too many.
    pub(super) const fn room(&self, max_len: usize) -> usize {
        let room = (max_len + 1).saturating_sub(self.kept_len);
        if room == 0 { 1 } else { room }
    }

    /// The best boundary that lacks its proof only because the stream ends here.
    pub(super) fn best_guess(&self) -> Option<u64> {
        let end = self.parts.back()?.end();
        let sound = self
            .chains
            .iter()
            .map(|Reverse(chain)| chain)
            .filter(|chain| {
                let enough = chain.headers >= if chain.on_known_channels { 1 } else { 2 };
                enough && !matches!(self.look_at(chain.next), Sight::Nothing)
            });
        let best =
            sound.max_by_key(|chain| (chain.next == end, chain.headers, Reverse(chain.start)));
        best.map(|chain| chain.start)
    }

    /// Reports what lies before `boundary` as skipped and returns the rest.
    pub(super) fn end_at(
        mut self,
        boundary: u64,
        sink: &mut impl FnMut(Item<'_>),
    ) -> VecDeque<Part> {
        self.skip_to(boundary, sink);
        self.parts
    }

    /// Forgets the oldest bytes until at most `len` are kept.
    pub(super) fn shrink_to(&mut self, len: usize, sink: &mut impl FnMut(Item<'_>)) {
        let mut excess = self.kept_len.saturating_sub(len);
        let mut boundary = self.from;
        for part in &self.parts {
            let step = excess.min(part.bytes.len());
            boundary = part.offset + step as u64;
            excess -= step;
            if excess == 0 {
                break;
            }
        }
        self.skip_to(boundary, sink);
        self.chains.retain(|Reverse(chain)| chain.start >= boundary);
        self.followed = self
            .chains
            .iter()
            .filter(|Reverse(chain)| chain.headers > 0)
            .count();
    }

    fn skip_to(&mut self, boundary: u64, sink: &mut impl FnMut(Item<'_>)) {
        let mut run = self.from..self.from;
        while let Some(mut part) = self.parts.pop_front() {
            self.kept_len -= part.bytes.len();
            if part.offset > run.end && run.end < boundary {
                skipped(&run, self.why, sink);
                skipped(
                    &(run.end..part.offset.min(boundary)),
                    SkipReason::Missing,
                    sink,
                );
                run = part.offset..part.offset;
            }
            run.end = run.end.max(part.end().min(boundary));
            if part.end() > boundary {
                let cut = boundary.saturating_sub(part.offset) as usize;
                part.bytes.drain(..cut);
                part.offset += cut as u64;
                self.kept_len += part.bytes.len();
                self.parts.push_front(part);
                break;
            }
        }
        skipped(&run, self.why, sink);
        skipped(&(run.end..boundary), SkipReason::Missing, sink);
        self.from = boundary;
    }

    /// Notes where chains may begin; finds the first start line that ends in `input`.
    fn scan(&mut self, input: Input<'_>) -> Option<Proof> {
        for at in memchr::memchr_iter(b'$', input.bytes) {
            let offset = input.offset + at as u64;
            self.chains.push(Reverse(Chain {
                next: offset,
                start: offset,
                headers: 0,
                on_known_channels: true,
            }));
        }
        let mut found = None;
        let mut line_at = 0;
        for end in memchr::memchr_iter(b'\n', input.bytes) {
            self.add_text(input, line_at..end);
            let line = find_start_line(&self.text).map(|at| Proof {
                complete_at: input.offset + end as u64 + 1,
                boundary: self.text_at + at as u64,
            });
            found = found.or(line);
            self.text.clear();
            line_at = end + 1;
        }
        self.add_text(input, line_at..input.bytes.len());
        found
    }

    /// Goes on with the text that is kept: the printable bytes at the end of `range`, which holds no line end, and all
    /// that came before if nothing else is in it.
    fn add_text(&mut self, input: Input<'_>, range: Range<usize>) {
        let from = range.start;
        let bytes = input.bytes.get(range).unwrap_or_default();
        let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\t');
        let other = bytes.iter().rposition(|byte| !is_text(byte));
        let begin = other.map_or(0, |other| other + 1);
        let text = bytes.get(begin..).unwrap_or_default();
        if other.is_some() {
            self.text.clear();
        }
        // Beyond the longest line it begins anew, at a byte that does not depend on the steps.
        let len = self.text.len() + text.len();
        let keep = len.saturating_sub(1) % MAX_LINE_LEN + usize::from(len > 0);
        if keep <= text.len() {
            self.text.clear();
        }
        let text = text.get(text.len().saturating_sub(keep)..).unwrap_or(text);
        if self.text.is_empty() {
            let end = input.offset + (from + bytes.len()) as u64;
            self.text_at = end - text.len() as u64;
        }
        self.text.extend_from_slice(text);
    }

    /// Follows the chains whose next header has come, in the order of these headers, to the first proof.
    fn follow_chains(&mut self, end: u64, channels: Channels) -> Option<Proof> {
        while let Some(Reverse(mut chain)) = self.chains.peek().copied() {
            let complete_at = chain.next + PEEK_LEN as u64;
            if complete_at > end {
                break;
            }
            self.chains.pop();
            let is_new = chain.headers == 0;
            let goes_on = self.step(&mut chain, channels);
            if goes_on.is_none() || chain.is_proved() {
                self.followed -= usize::from(!is_new);
            }
            match goes_on {
                Some(StepTo::Boundary) => return Some(chain.proof(complete_at)),
                Some(StepTo::Next) if chain.is_proved() => return Some(chain.proof(complete_at)),
                Some(StepTo::Next) if !is_new => self.chains.push(Reverse(chain)),
                Some(StepTo::Next) if self.followed < MAX_CHAINS => {
                    self.followed += 1;
                    self.chains.push(Reverse(chain));
                }
                Some(StepTo::Next) | None => {}
            }
        }
        None
    }

    /// Takes a chain over the header that it leads to; `None` if there is none.
    fn step(&self, chain: &mut Chain, channels: Channels) -> Option<StepTo> {
        match self.look_at(chain.next) {
            Sight::Frame { channel, len } => {
                chain.headers += 1;
                chain.on_known_channels &= channels.contains(channel);
                chain.next += HEADER_LEN as u64 + u64::from(len);
                Some(StepTo::Next)
            }
            Sight::StartLine if chain.headers > 0 => Some(StepTo::Boundary),
            Sight::StartLine | Sight::Nothing | Sight::NotYet => None,
        }
    }

    fn look_at(&self, offset: u64) -> Sight {
        let mut bytes = [0; PEEK_LEN];
        let Some(len) = self.peek(offset, &mut bytes) else {
            return Sight::Nothing;
        };
        match bytes.get(..len).unwrap_or_default() {
            [b'$', channel, high, low, first] => match u16::from_be_bytes([*high, *low]) {
                len if len > 0 && has_rtp_version(*first) => Sight::Frame {
                    channel: *channel,
                    len,
                },
                _ => Sight::Nothing,
            },
            [] | [b'$', ..] => Sight::NotYet,
            text if !may_become_start_line(text) => Sight::Nothing,
            text if text.len() < PEEK_LEN => Sight::NotYet,
            _ => Sight::StartLine,
        }
    }

    /// Copies the bytes at `offset` as far as they have come; `None` where they are missing.
    fn peek(&self, offset: u64, to: &mut [u8; PEEK_LEN]) -> Option<usize> {
        let first = self.parts.partition_point(|part| part.end() <= offset);
        let mut len = 0;
        for part in self.parts.range(first..) {
            let at = offset + len as u64;
            if len == PEEK_LEN {
                break;
            }
            let from = at.checked_sub(part.offset)? as usize;
            let bytes = part.bytes.get(from..).unwrap_or_default();
            for (to, from) in to.iter_mut().skip(len).zip(bytes) {
                *to = *from;
            }
            len = (len + bytes.len()).min(PEEK_LEN);
        }
        Some(len)
    }
}

pub(super) fn skipped(
    range: &std::ops::Range<u64>,
    why: SkipReason,
    sink: &mut impl FnMut(Item<'_>),
) {
    if range.start < range.end {
        sink(Item::Skipped {
            offset: range.start,
            len: range.end - range.start,
            why,
        });
    }
}
