//! One message while its bytes come in: where the head ends, how long the body is, and what stands inside that does not
//! belong to it.

use std::ops::Range;

use super::announced::AnnouncedBody;
use super::input::Input;
use super::recognise::{
    find_start_line, has_control, is_believable_start, is_control, is_frame_in_text, is_start_line,
    may_become_start_line,
};
use super::{HeadEnd, RawMessage, StreamLimits};
use crate::Anomaly;
use crate::tcp::Place;

/// Anomalies that are kept of one message's framing.
const MAX_ANOMALIES: usize = 16;
/// What every session description begins with (RFC 8866 §5.1).
const SDP_BEGIN: &[u8] = b"v=";

/// Why a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The next message or frame begins, or the length is reached.
    Boundary,
    /// It is cut, for this reason.
    Cut(&'static str),
}

/// How far a message has come after the bytes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// All bytes were taken, and more are to come.
    NeedMore,
    /// The message ends before this byte of it.
    Ends(usize),
    /// The message goes on after an interleaved frame that begins at this byte.
    Frame(usize),
    /// The first line is no start line; the bytes before this one are of no use to a search.
    NoMessage(usize),
    /// A cap was reached.
    TooLong,
}

/// What the bytes at `scanned` belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Head,
    /// The head has no Content-Length: the next bytes tell whether a description follows nevertheless.
    PerhapsBody,
    /// Up to the next boundary.
    OpenBody,
    /// Up to `end`; frames and start lines are looked for in text only.
    Body {
        end: u64,
        is_text: bool,
    },
}

/// A message that is being collected.
#[derive(Clone, Debug)]
pub(super) struct Collector {
    message: RawMessage,
    is_http: bool,
    phase: Phase,
    scanned: usize,
    line_start: usize,
}

impl Collector {
    /// A message that begins with the first byte of `input`.
    pub(super) fn new(input: Input<'_>, is_http: bool) -> Self {
        let message = RawMessage {
            raw: Vec::new(),
            head_len: 0,
            head_end: HeadEnd::Missing,
            offset: input.offset,
            first: input.place,
            last: input.place,
            anomalies: Vec::new(),
            complete: false,
        };
        Self {
            message,
            is_http,
            phase: Phase::Head,
            scanned: 0,
            line_start: 0,
        }
    }

    /// Bytes that are held.
    pub(super) fn len(&self) -> usize {
        self.message.raw.len()
    }

    pub(super) const fn offset(&self) -> u64 {
        self.message.offset
    }

    /// Bytes of the body that are still to come; 0 where its length is not known.
    pub(super) fn missing_body_len(&self) -> u64 {
        match self.phase {
            Phase::Body { end, .. } => end.saturating_sub(self.len() as u64),
            Phase::Head | Phase::PerhapsBody | Phase::OpenBody => 0,
        }
    }

    /// True where no length says when the message is over.
    pub(super) const fn is_open_ended(&self) -> bool {
        matches!(self.phase, Phase::PerhapsBody | Phase::OpenBody)
    }

    /// Bytes that may be taken before a cap is reached, with the one that reaches it; a cap so falls on the same byte
    /// whatever the steps.
    pub(super) fn room(&self, limits: &StreamLimits) -> usize {
        (self.cap(limits) + 1).saturating_sub(self.len()).max(1)
    }

    /// Appends the bytes of a step, which are no more than there is [`Self::room`] for, and looks through them.
    pub(super) fn take(&mut self, input: Input<'_>, limits: &StreamLimits) -> Progress {
        self.message.raw.extend_from_slice(input.bytes);
        let progress = self.scan();
        if progress == Progress::NeedMore && self.len() > self.cap(limits) {
            return Progress::TooLong;
        }
        progress
    }

    /// Where the body ends by its length, if bytes behind it are held until more of them tell what they are.
    pub(super) fn overshot_end(&self) -> Option<usize> {
        let end = self.body_end();
        (end < self.len()).then_some(end)
    }

    /// Keeps only the bytes before `len`.
    pub(super) fn cut_at(&mut self, len: usize) {
        self.message.raw.truncate(len);
        self.message.anomalies.retain(|odd| odd.at.end <= len);
    }

    /// The frame that completed it so far.
    pub(super) const fn last_place(&self) -> Place {
        self.message.last
    }

    /// Notes that bytes which stay came at `place`.
    pub(super) const fn came_at(&mut self, place: Place) {
        if place.frame >= self.message.last.frame {
            self.message.last = place;
        }
    }

    /// The bytes from `at` on, before they are cut off.
    pub(super) fn tail(&self, at: usize) -> &[u8] {
        self.message.raw.get(at..).unwrap_or_default()
    }

    /// Notes that the frame which was cut out stood here.
    pub(super) fn note_frame(&mut self) {
        self.note(self.len(), "an interleaved frame stands inside the message");
    }

    /// The message as it is.
    pub(super) fn finish(mut self, ending: Ending) -> RawMessage {
        if self.phase == Phase::Head {
            self.message.head_len = self.len();
        }
        self.message.complete = match self.phase {
            Phase::Head => false,
            Phase::PerhapsBody | Phase::OpenBody => ending == Ending::Boundary,
            Phase::Body { end, .. } => self.len() as u64 == end,
        };
        if !self.message.complete {
            self.note(
                self.len(),
                match ending {
                    Ending::Boundary => "the next message begins before this one is complete",
                    Ending::Cut(why) => why,
                },
            );
        }
        self.message.anomalies.sort_by_key(|odd| odd.at.start);
        self.message
    }

    fn scan(&mut self) -> Progress {
        loop {
            let end = self.body_end();
            let raw = self.message.raw.as_slice();
            if self.phase == Phase::PerhapsBody {
                match self.is_body(raw) {
                    Some(true) => self.open_body(),
                    Some(false) => return Progress::Ends(self.message.head_len),
                    None => return Progress::NeedMore,
                }
                continue;
            }
            let rest = raw
                .get(self.scanned..end.min(raw.len()))
                .unwrap_or_default();
            let special = if self.is_text() {
                memchr::memchr2(b'$', b'\n', rest)
            } else {
                None
            };
            let clean = rest.get(..special.unwrap_or(rest.len())).unwrap_or(rest);
            let control = clean.iter().copied().position(is_control);
            if let Some(control) = control.filter(|_| self.is_first_line()) {
                return Progress::NoMessage(self.scanned + control);
            }
            let Some(at) = special.map(|at| self.scanned + at) else {
                self.scanned += rest.len();
                return self.at_end_of_bytes(end);
            };
            let seen = if raw.get(at) == Some(&b'$') {
                self.dollar(at)
            } else {
                self.line_end(at)
            };
            if let Some(progress) = seen {
                return progress;
            }
            self.scanned = at + 1;
        }
    }

    /// All that is there was looked at.
    fn at_end_of_bytes(&self, end: usize) -> Progress {
        let raw = &self.message.raw;
        if raw.len() < end {
            return Progress::NeedMore;
        }
        let open_line = raw.get(self.line_start..end).unwrap_or_default();
        if !self.is_text() || !may_become_start_line(open_line) {
            return Progress::Ends(end);
        }
        // Content-Length may be too large: the end of the line tells whether the next message begins inside.
        let behind = raw.get(self.line_start..).unwrap_or_default();
        let line_end = memchr::memchr(b'\n', behind);
        let line = behind
            .get(..line_end.unwrap_or(behind.len()))
            .unwrap_or(behind);
        match line_end {
            _ if has_control(line) || !may_become_start_line(line) => Progress::Ends(end),
            Some(_) if is_start_line(line) => Progress::Ends(self.line_start),
            Some(_) => Progress::Ends(end),
            None => Progress::NeedMore,
        }
    }

    fn dollar(&mut self, at: usize) -> Option<Progress> {
        match is_frame_in_text(self.message.raw.get(at..).unwrap_or_default()) {
            Some(true) if self.phase == Phase::OpenBody => Some(Progress::Ends(at)),
            Some(true) => {
                self.scanned = at;
                Some(Progress::Frame(at))
            }
            Some(false) => None,
            // Also where the body ends by its length inside of what may be a frame's header: the bytes that follow decide,
            // be they here or not.
            None => {
                self.scanned = at;
                Some(Progress::NeedMore)
            }
        }
    }

    fn line_end(&mut self, at: usize) -> Option<Progress> {
        let line = self
            .message
            .raw
            .get(self.line_start..at)
            .unwrap_or_default();
        // Text-mode servers double the CR.
        let content_len = line
            .iter()
            .rposition(|&byte| byte != b'\r')
            .map_or(0, |last| last + 1);
        let content = line.get(..content_len).unwrap_or_default();
        let is_first = self.is_first_line();
        if is_first && !self.is_http && !is_believable_start(content) {
            let begin = find_start_line(content).unwrap_or(at + 1);
            return Some(Progress::NoMessage(self.line_start + begin));
        }
        if !is_first && is_start_line(content) {
            return Some(Progress::Ends(self.line_start));
        }
        let is_empty = content.is_empty();
        self.line_start = at + 1;
        if self.phase == Phase::Head && is_empty {
            return self.end_head(at + 1);
        }
        None
    }

    fn end_head(&mut self, head_len: usize) -> Option<Progress> {
        self.message.head_len = head_len;
        self.note_head_end();
        let head = self.message.raw.get(..head_len).unwrap_or_default();
        let body = AnnouncedBody::read(head);
        self.phase = match body.len {
            _ if self.is_http => return Some(self.end_without_body(head_len)),
            Some(len) => Phase::Body {
                end: (head_len as u64).saturating_add(len),
                is_text: body.is_text,
            },
            None if body.is_description => Phase::PerhapsBody,
            None => return Some(self.end_without_body(head_len)),
        };
        None
    }

    /// Tells whether a strict receiver sees the end of the head.
    fn note_head_end(&mut self) {
        let head = self
            .message
            .raw
            .get(..self.message.head_len)
            .unwrap_or_default();
        self.message.head_end = if head.ends_with(b"\r\n\r\n") {
            HeadEnd::CrLf
        } else {
            HeadEnd::Lenient
        };
        if self.message.head_end == HeadEnd::Lenient {
            let last = head.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
            let at = last.map_or(0, |last| last + 1)..head.len();
            self.note_at(
                at,
                "no CR LF CR LF ends the head: a strict receiver waits for more",
            );
        }
    }

    const fn end_without_body(&mut self, head_len: usize) -> Progress {
        self.phase = Phase::Body {
            end: head_len as u64,
            is_text: true,
        };
        Progress::Ends(head_len)
    }

    /// Whether a description follows the head: `None` for too few bytes.
    fn is_body(&self, raw: &[u8]) -> Option<bool> {
        let body = raw.get(self.message.head_len..).unwrap_or_default();
        let agrees = SDP_BEGIN
            .iter()
            .zip(body)
            .all(|(expected, found)| expected == found);
        match body.len() {
            _ if !agrees => Some(false),
            0 | 1 => None,
            _ => Some(true),
        }
    }

    fn open_body(&mut self) {
        self.phase = Phase::OpenBody;
        self.note(
            self.message.head_len,
            "a body follows although no Content-Length announces it",
        );
    }

    /// Where the body ends; beyond any length where that is not known.
    fn body_end(&self) -> usize {
        match self.phase {
            Phase::Body { end, .. } => usize::try_from(end).unwrap_or(usize::MAX),
            Phase::Head | Phase::PerhapsBody | Phase::OpenBody => usize::MAX,
        }
    }

    const fn is_text(&self) -> bool {
        match self.phase {
            Phase::Body { is_text, .. } => is_text,
            Phase::Head | Phase::PerhapsBody | Phase::OpenBody => true,
        }
    }

    fn is_first_line(&self) -> bool {
        self.phase == Phase::Head && self.line_start == 0
    }

    /// Bytes that are kept at most.
    const fn cap(&self, limits: &StreamLimits) -> usize {
        match self.phase {
            Phase::Head => limits.max_head_len,
            Phase::PerhapsBody | Phase::OpenBody | Phase::Body { .. } => {
                self.message.head_len.saturating_add(limits.max_body_len)
            }
        }
    }

    fn note(&mut self, at: usize, what: &str) {
        self.note_at(at..at, what);
    }

    fn note_at(&mut self, at: Range<usize>, what: &str) {
        if self.message.anomalies.len() < MAX_ANOMALIES {
            self.message.anomalies.push(Anomaly {
                at,
                what: what.to_owned(),
            });
        }
    }
}
