//! Walks through the stream: which of the states it is in, and what each makes of the next bytes.

use std::collections::VecDeque;

use super::collect::{Collector, Ending, Progress};
use super::frame::{self, PartialFrame};
use super::input::{Input, Part, STEP_LEN};
use super::recognise::{First, first_bytes};
use super::search::{self, Channels, Search};
use super::{InterleavedFrame, Item, Protocol, SkipReason, StreamLimits};
use crate::tcp::{Piece, Place, Recall};

/// Reads messages and interleaved frames from the pieces of one direction.
#[derive(Clone, Debug)]
pub struct MessageStream {
    limits: StreamLimits,
    pub(super) protocol: Protocol,
    pub(super) start_known: bool,
    pub(super) state: State,
    /// A message that is being collected; a frame may come in its midst.
    pub(super) message: Option<Box<Collector>>,
    pub(super) frame: Option<PartialFrame>,
    /// Memory that frames use in turn.
    buffer: Vec<u8>,
    channels: Channels,
    /// Kept bytes that are to be read again, before anything new.
    again: VecDeque<Part>,
    /// Offset up to which the stream was read.
    pub(super) position: u64,
    /// Offset behind the last message. Some servers send the NUL that ends their string with it.
    text_end: Option<u64>,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    /// The first bytes, while they tell too little.
    Undecided(VecDeque<Part>),
    /// A boundary, a message or a frame is next.
    InStep,
    /// The rest of a body whose middle is missing.
    Passing {
        left: u64,
    },
    Searching(Box<Search>),
    Ignoring,
}

impl MessageStream {
    /// A stream of which nothing has been seen.
    pub const fn new(limits: StreamLimits) -> Self {
        Self {
            limits,
            protocol: Protocol::Undecided,
            start_known: false,
            state: State::Undecided(VecDeque::new()),
            message: None,
            frame: None,
            buffer: Vec::new(),
            channels: Channels::new(),
            again: VecDeque::new(),
            position: 0,
            text_end: None,
        }
    }

    /// Tells that the first piece is the begin of the connection (its SYN was seen), so that first bytes which are no
    /// protocol known here settle the matter at once.
    pub const fn set_start_known(&mut self) {
        self.start_known = true;
    }

    /// Takes the next piece; what it completes comes out of `sink`. Tells whether there
    /// were messages in it rather than media and what nobody can read.
    pub fn handle_piece(&mut self, piece: Piece<'_>, sink: &mut impl FnMut(Item<'_>)) -> Recall {
        match piece {
            Piece::Chunk {
                offset,
                bytes,
                place,
            } => {
                let mut rest = Input {
                    offset,
                    bytes,
                    place,
                };
                rest = self.pass_frames(rest, sink);
                if rest.bytes.is_empty() {
                    return Recall::Forget;
                }
                while !rest.bytes.is_empty() {
                    rest = self.step(rest, sink);
                    self.read_again(sink);
                }
            }
            Piece::Gap { offset, len, place } => self.pass_gap(offset..offset + len, place, sink),
        }
        match self.state {
            State::InStep | State::Undecided(_) => Recall::Keep,
            State::Passing { .. } | State::Searching(_) | State::Ignoring => Recall::Forget,
        }
    }

    /// Goes on at `offset`, up to which someone else has read frames. `head` holds the first bytes of the frame that is
    /// passing there, if one is; `left` bytes of it are to come, where more than the head has.
    pub fn go_on(&mut self, offset: u64, head: &[u8], left: Option<u16>) {
        self.protocol = Protocol::Rtsp;
        self.state = State::InStep;
        self.message = None;
        self.again.clear();
        self.frame = (!head.is_empty()).then(|| PartialFrame::begun(offset, head, left));
        self.position = offset;
    }

    /// Stream offset at which the frame began that is passing, or at which the next may begin; `None` while the stream
    /// is out of step, or in a message.
    pub fn frame_begin(&self) -> Option<u64> {
        let in_step = self.is_at_rest() && self.again.is_empty();
        let frame = self.frame.as_ref().map(PartialFrame::offset);
        in_step.then(|| frame.unwrap_or(self.position))
    }

    /// Whether a chunk that comes next brings nothing but frames, the last of which may go on behind it.
    #[inline]
    pub fn brings_frames_only(&self, chunk: &[u8]) -> bool {
        if !self.is_at_rest() {
            return false;
        }
        let mut rest = match &self.frame {
            Some(frame) if !frame.has_header() => return false,
            Some(frame) => chunk.get(frame.missing_len().into()..),
            None => Some(chunk),
        };
        while let Some(bytes) = rest.filter(|rest| !rest.is_empty()) {
            rest = match *bytes {
                [b'$', _, high, low, ..] => {
                    let len = usize::from(u16::from_be_bytes([high, low]));
                    bytes.get(frame::HEADER_LEN + len..)
                }
                [b'$', ..] => None,
                _ => return false,
            };
        }
        true
    }

    /// Steps over frames as long as nothing else comes, which is nearly all that comes.
    fn pass_frames<'a>(
        &mut self,
        mut rest: Input<'a>,
        sink: &mut impl FnMut(Item<'_>),
    ) -> Input<'a> {
        if !matches!(self.state, State::InStep) || self.message.is_some() {
            return rest;
        }
        loop {
            rest = match rest.bytes.first() {
                Some(_) if self.frame.is_some() => self.step_frame(rest, sink),
                Some(b'$') => self.begin_frame(rest, sink),
                Some(_) | None => break,
            };
        }
        self.position = rest.offset;
        rest
    }

    /// Ends a body of unknown length (no Content-Length). The caller knows that it is over when the other side goes on.
    pub fn end_open_body(&mut self, sink: &mut impl FnMut(Item<'_>)) {
        if let Some(message) = self.message.take_if(|message| message.is_open_ended()) {
            sink(Item::Message(message.finish(Ending::Boundary)));
        }
    }

    /// Ends the stream: what is held comes out, marked as incomplete.
    pub fn finish(&mut self, sink: &mut impl FnMut(Item<'_>)) {
        loop {
            self.end_overshot_message(sink);
            let State::Searching(search) = &self.state else {
                break;
            };
            let Some(boundary) = search.best_guess() else {
                break;
            };
            self.resume_at(boundary, sink);
            self.read_again(sink);
        }
        if let Some(frame) = self.frame.take() {
            let (offset, len) = (frame.offset(), frame.captured_len());
            sink(Item::Skipped {
                offset,
                len,
                why: SkipReason::Unfinished,
            });
        }
        if let Some(message) = self.message.take() {
            let ending = if message.is_open_ended() {
                Ending::Boundary
            } else {
                Ending::Cut("the stream ends here")
            };
            sink(Item::Message(message.finish(ending)));
        }
        if let State::Searching(search) = std::mem::replace(&mut self.state, State::Ignoring) {
            search.end_at(self.position, sink);
        }
    }

    /// What the stream speaks.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Bytes that are held now, besides the first bytes of a frame, which are few.
    pub fn buffered_bytes(&self) -> usize {
        let state = match &self.state {
            State::Undecided(parts) => parts.iter().map(|part| part.bytes.len()).sum(),
            State::Searching(search) => search.kept_len(),
            State::InStep | State::Passing { .. } | State::Ignoring => 0,
        };
        let message = self.message.as_ref().map_or(0, |message| message.len());
        state + message
    }

    /// Whether nothing is held, as while media passes.
    pub const fn is_at_rest(&self) -> bool {
        matches!(self.state, State::InStep) && self.message.is_none()
    }

    /// Separate pieces in which bytes are held now; each costs some memory of its own.
    pub fn buffered_pieces(&self) -> usize {
        match &self.state {
            State::Undecided(parts) => parts.len(),
            State::Searching(search) => search.part_count(),
            State::InStep | State::Passing { .. } | State::Ignoring => 0,
        }
    }

    /// Reads kept bytes, now that it is known where to begin.
    fn read_again(&mut self, sink: &mut impl FnMut(Item<'_>)) {
        while let Some(mut part) = self.again.pop_front() {
            if part.offset > self.position {
                self.pass_gap(self.position..part.offset, part.place, sink);
            }
            let behind = self.again.len();
            let rest = self.step(part.input(), sink).offset;
            if rest < part.end() {
                part.drop_before(rest);
                // What this step wants to be read again comes first.
                let earlier = self.again.len() - behind;
                self.again.insert(earlier, part);
            }
        }
    }

    /// Ends a message whose body has its length, and of which only bytes that never came could have told that it does not
    /// reach so far; then reads what is held behind it.
    pub(super) fn end_overshot_message(&mut self, sink: &mut impl FnMut(Item<'_>)) {
        // What is to be read behind the missing bytes has to wait.
        let later = std::mem::take(&mut self.again);
        while let Some(mut message) = self
            .message
            .take_if(|message| message.overshot_end().is_some())
        {
            if let Some(end) = message.overshot_end() {
                let place = message.last_place();
                self.put_back(&mut message, end, self.position, place);
            }
            self.end_message(*message, Ending::Boundary, sink);
            self.read_again(sink);
        }
        self.again = later;
    }

    /// Cuts the bytes from `at` on off the message, which is held up to `end` of the stream, and has them read again.
    fn put_back(&mut self, message: &mut Collector, at: usize, end: u64, place: Place) {
        let tail = message.tail(at);
        let mut offset = end - tail.len() as u64;
        self.position = offset;
        for (index, bytes) in tail.chunks(STEP_LEN).enumerate() {
            let part = Part::copy(Input {
                offset,
                bytes,
                place,
            });
            offset = part.end();
            self.again.insert(index, part);
        }
        message.cut_at(at);
    }

    /// Reads some of the bytes, at least one, or changes the state; returns what is left.
    fn step<'a>(&mut self, input: Input<'a>, sink: &mut impl FnMut(Item<'_>)) -> Input<'a> {
        self.position = input.offset;
        let rest = match &mut self.state {
            State::Ignoring => input.skip(input.bytes.len()),
            State::Undecided(_) => self.step_undecided(input),
            State::Searching(_) => self.step_search(input, sink),
            State::Passing { left } => {
                let len = (*left).min(input.bytes.len() as u64);
                *left -= len;
                if *left == 0 {
                    self.state = State::InStep;
                }
                sink(Item::Skipped {
                    offset: input.offset,
                    len,
                    why: SkipReason::Unaligned,
                });
                input.skip(len as usize)
            }
            State::InStep if self.frame.is_some() => self.step_frame(input, sink),
            State::InStep if self.message.is_some() => self.step_message(input, sink),
            State::InStep => self.step_boundary(input, sink),
        };
        // Unless kept bytes are to be read first.
        if self.position == input.offset {
            self.position = rest.offset;
        }
        rest
    }

    fn step_undecided<'a>(&mut self, input: Input<'a>) -> Input<'a> {
        let State::Undecided(parts) = &mut self.state else {
            return input;
        };
        let first = if parts.is_empty() {
            first_bytes(input.bytes)
        } else {
            let known = parts.iter().flat_map(|part| &part.bytes);
            let bytes: Vec<u8> = known.chain(input.first_step().bytes).copied().collect();
            first_bytes(&bytes)
        };
        if first == First::NeedMore {
            let part = input.first_step();
            parts.push_back(Part::copy(part));
            return input.skip(part.bytes.len());
        }
        let begin = parts.front().map_or(input.offset, |part| part.offset);
        self.again = std::mem::take(parts);
        self.position = begin;
        (self.protocol, self.state) = match first {
            First::Rtsp => (Protocol::Rtsp, State::InStep),
            First::Http => (Protocol::Http, State::InStep),
            First::Tls => (Protocol::Tls, State::Ignoring),
            First::Unknown if self.start_known => (Protocol::Other, State::Ignoring),
            First::Unknown | First::NeedMore => {
                (Protocol::Undecided, searching(begin, SkipReason::Unaligned))
            }
        };
        input
    }

    fn step_search<'a>(&mut self, input: Input<'a>, sink: &mut impl FnMut(Item<'_>)) -> Input<'a> {
        let State::Searching(search) = &mut self.state else {
            return input;
        };
        let room = search.room(self.limits.max_search_len);
        let part = input.first_step().first(room);
        let rest = input.skip(part.bytes.len());
        match search.take(part, self.channels) {
            Some(boundary) => self.resume_at(boundary, sink),
            None if search.kept_len() <= self.limits.max_search_len => {}
            None if self.protocol == Protocol::Undecided => {
                self.protocol = Protocol::Other;
                self.state = State::Ignoring;
            }
            None => search.shrink_to(self.limits.max_search_len / 2, sink),
        }
        rest
    }

    /// Goes on in step at a boundary that the search has found.
    fn resume_at(&mut self, boundary: u64, sink: &mut impl FnMut(Item<'_>)) {
        if let State::Searching(search) = std::mem::replace(&mut self.state, State::InStep) {
            self.protocol = Protocol::Rtsp;
            self.position = boundary;
            for part in search.end_at(boundary, sink).into_iter().rev() {
                self.again.push_front(part);
            }
        }
    }

    fn step_boundary<'a>(
        &mut self,
        input: Input<'a>,
        sink: &mut impl FnMut(Item<'_>),
    ) -> Input<'a> {
        match input.bytes.first() {
            Some(b'$') => self.begin_frame(input, sink),
            Some(b'\r' | b'\n') => input.skip(1),
            Some(0) if self.text_end == Some(input.offset) => input.skip(1),
            Some(byte) if byte.is_ascii_alphabetic() => {
                self.message = Some(Box::new(Collector::new(
                    input,
                    self.protocol == Protocol::Http,
                )));
                input
            }
            Some(_) | None => {
                self.state = searching(input.offset, SkipReason::Desync);
                input
            }
        }
    }

    fn begin_frame<'a>(&mut self, input: Input<'a>, sink: &mut impl FnMut(Item<'_>)) -> Input<'a> {
        let Some((channel, bytes)) = frame::whole(input.bytes) else {
            let mut frame = PartialFrame::new(input.offset, std::mem::take(&mut self.buffer));
            let taken = frame.take(input);
            self.frame = Some(frame);
            return input.skip(taken);
        };
        self.channels.insert(channel);
        let len = bytes.len() as u16;
        let frame = InterleavedFrame {
            channel,
            len,
            bytes,
            captured_len: len,
            offset: input.offset,
            place: input.place,
        };
        sink(Item::Interleaved(frame));
        input.skip(frame::HEADER_LEN + bytes.len())
    }

    fn step_frame<'a>(&mut self, input: Input<'a>, sink: &mut impl FnMut(Item<'_>)) -> Input<'a> {
        let taken = self.frame.as_mut().map_or(0, |frame| frame.take(input));
        self.end_frame_if(PartialFrame::is_complete, input.place, sink);
        input.skip(taken)
    }

    pub(super) fn end_frame_if(
        &mut self,
        condition: impl Fn(&PartialFrame) -> bool,
        place: Place,
        sink: &mut impl FnMut(Item<'_>),
    ) {
        if let Some(frame) = &mut self.frame
            && condition(frame)
        {
            let view = frame.view(place);
            self.channels.insert(view.channel);
            sink(Item::Interleaved(view));
            self.buffer = frame.take_buffer();
            self.frame = None;
        }
    }

    fn step_message<'a>(&mut self, input: Input<'a>, sink: &mut impl FnMut(Item<'_>)) -> Input<'a> {
        let Some(mut message) = self.message.take() else {
            return input;
        };
        let known_len = message.len();
        let part = input.first_step().first(message.room(&self.limits));
        let progress = message.take(part, &self.limits);
        let end = match progress {
            Progress::Ends(at) | Progress::Frame(at) | Progress::NoMessage(at) => at,
            Progress::NeedMore | Progress::TooLong => message.len(),
        };
        let rest = input.skip(end.saturating_sub(known_len));
        let boundary = rest.offset - known_len.saturating_sub(end) as u64;
        message.cut_at(end.max(known_len));
        if end > known_len {
            message.came_at(input.place);
        } else if end < known_len {
            // Earlier bytes that turn out not to belong to the message.
            self.put_back(&mut message, end, rest.offset, input.place);
        }
        match progress {
            Progress::NeedMore => self.message = Some(message),
            Progress::Frame(_) => {
                message.note_frame();
                self.message = Some(message);
                self.frame = Some(PartialFrame::new(
                    boundary,
                    std::mem::take(&mut self.buffer),
                ));
            }
            Progress::Ends(_) => {
                self.text_end = Some(boundary);
                self.end_message(*message, Ending::Boundary, sink);
            }
            Progress::NoMessage(_) => {
                // Frames that stood among its bytes were told already.
                let own = message.offset()..message.offset() + message.len() as u64;
                search::skipped(&own, SkipReason::Desync, sink);
                self.state = searching(boundary, SkipReason::Desync);
            }
            Progress::TooLong => {
                self.end_message(*message, Ending::Cut("longer than what is kept"), sink);
                self.state = searching(boundary, SkipReason::Desync);
            }
        }
        rest
    }

    pub(super) fn end_message(
        &mut self,
        message: Collector,
        ending: Ending,
        sink: &mut impl FnMut(Item<'_>),
    ) {
        sink(Item::Message(message.finish(ending)));
        if self.protocol == Protocol::Http {
            self.state = State::Ignoring;
        }
    }
}

pub(super) fn searching(from: u64, why: SkipReason) -> State {
    State::Searching(Box::new(Search::new(from, why)))
}
