//! Reads one TCP connection: two reassemblers and two message streams feed one [`Record`].
//!
//! Most connections that pass a router are not RTSP. Each is read only until its first bytes tell, and then let go.

use std::net::SocketAddr;

use rtspscope_wire::decode::Segment;
use rtspscope_wire::rtsp::stream::{MessageStream, Protocol, StreamLimits};
use rtspscope_wire::tcp::{Place, Reassembler, ReassemblyLimits, Recall};

use crate::input::Returned;
use crate::limits::Limits;
use crate::locator::Locator;
use crate::model::{OtherAnswer, OtherProtocol};
use crate::record::{Notice, Record, Room, Speech};
use crate::tunnel::Tunnel;

mod http;

use http::{Http, read_piece};

/// Memory that a piece of waiting bytes takes besides the bytes: its entry in a table, its place, its allocation.
const PIECE_COST: usize = 128;

/// Whether a connection is worth following any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Keep,
    LetGo,
}

/// One direction.
#[derive(Clone, Debug)]
struct Half {
    reassembler: Reassembler,
    stream: MessageStream,
    http: Http,
    /// The kernel reads it.
    is_away: bool,
    /// Where the kernel has stopped to read within the next segment: its begin, and the first byte that is new.
    resumes: Option<(u32, u32)>,
}

impl Half {
    fn waiting_bytes(&self) -> usize {
        if self.is_at_rest() {
            return 0;
        }
        let inner = self.http.tunnel().map(Tunnel::inner);
        let streams = [Some(&self.stream), inner].into_iter().flatten();
        let (bytes, pieces) = streams.fold((0, 0), |(bytes, pieces), stream| {
            (
                bytes + stream.buffered_bytes(),
                pieces + stream.buffered_pieces(),
            )
        });
        let pieces = pieces + self.reassembler.buffered_segments();
        bytes + self.reassembler.buffered_bytes() + pieces * PIECE_COST
    }
}

impl Half {
    /// Whether nothing waits, as while media passes in order.
    fn is_at_rest(&self) -> bool {
        self.stream.is_at_rest()
            && self.reassembler.buffered_segments() == 0
            && matches!(self.http, Http::None)
    }
}

/// One connection with its readers.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) record: Record,
    /// Gone once nothing can be read any more (TLS).
    halves: Option<Box<[Half; 2]>>,
    /// One end listens on an RTSP port.
    on_rtsp_port: bool,
}

impl Connection {
    pub(crate) fn new(
        at: Locator,
        ends: [SocketAddr; 2],
        rtsp_ports: &[u16],
        limits: &Limits,
    ) -> Self {
        let listens = ends.map(|end| rtsp_ports.contains(&end.port()));
        let mut record = Record::new(at, ends);
        record.listener = (listens[0] != listens[1]).then_some(usize::from(listens[1]));
        let half = || Half {
            reassembler: Reassembler::new(ReassemblyLimits {
                max_buffered_bytes: limits.buffered_bytes,
                max_buffered_segments: limits.buffered_segments,
            }),
            stream: MessageStream::new(stream_limits(limits)),
            http: Http::None,
            is_away: false,
            resumes: None,
        };
        let halves = Some(Box::new([half(), half()]));
        Self {
            record,
            halves,
            on_rtsp_port: listens[0] || listens[1],
        }
    }

    /// Whether the segment, sent by `end`, opens another connection on the same addresses and ports.
    pub(crate) fn is_reopened_by(&self, end: usize, segment: &Segment<'_>) -> bool {
        if !segment.flags.syn() || self.is_answered_again_by(end, segment) {
            return false;
        }
        match self.record.isn[end] {
            Some(isn) => isn != segment.seq,
            None => self.record.payload_bytes[end] > 0 || self.record.closed.is_some(),
        }
    }

    /// Whether the segment answers once more the SYN that was answered before and of which nothing came: a server that was
    /// refused by RST counts from another number when the same SYN comes again.
    fn is_answered_again_by(&self, end: usize, segment: &Segment<'_>) -> bool {
        let asked = self.record.isn[1 - end];
        segment.flags.ack()
            && self.record.payload_bytes == [0, 0]
            && asked == Some(segment.ack.wrapping_sub(1))
    }

    /// Whether this may end up in a session: RTSP was spoken, or tried on an RTSP port and not answered.
    pub(crate) fn is_of_interest(&self) -> bool {
        self.record.speech != Speech::Undecided || self.is_attempt()
    }

    /// Whether someone tried to connect to an RTSP port and no data came of it.
    pub(crate) fn is_attempt(&self) -> bool {
        let silent = self.record.payload_bytes == [0, 0];
        self.on_rtsp_port && self.record.opener.is_some() && silent
    }

    /// Takes a segment sent by `end` that brings media in order and nothing else, or nothing at all: what nearly all
    /// segments of a connection with media are. Returns false for any other, which is to be handled in full.
    #[inline]
    pub(crate) fn pass(
        &mut self,
        end: usize,
        segment: &Segment<'_>,
        place: Place,
        room: Room<'_>,
        notices: &mut Vec<Notice>,
    ) -> bool {
        let Some(halves) = &mut self.halves else {
            return false;
        };
        let record = &mut self.record;
        let [low, high] = &mut **halves;
        let (own, peer) = if end == 0 { (low, high) } else { (high, low) };
        let is_plain = record.speech == Speech::Rtsp
            && segment.window != 0
            && record.is_heard_and_heeded()
            && own.reassembler.expects(segment)
            && peer.reassembler.has_delivered(segment.ack)
            && peer.is_at_rest()
            && !own.is_away
            && own.resumes.is_none()
            && matches!(own.http, Http::None)
            && own.stream.brings_frames_only(segment.payload);
        if !is_plain {
            return false;
        }
        let at = Locator::of(record.tap, place);
        record.pass(at);
        record.progress[1 - end].hear(segment.ack, at);
        record.progress[end].pass(segment, at);
        if let Some(bytes) = record.payload_bytes.get_mut(end) {
            *bytes = bytes.saturating_add(u64::from(segment.payload_len));
        }
        peer.reassembler
            .handle_peer_ack(segment.ack, &mut |_| Recall::Forget);
        if !segment.payload.is_empty() {
            record.copies.note_new(end, segment, at.at);
            let piece = own.reassembler.pass(segment, place);
            own.stream.handle_piece(piece, &mut |item| {
                record.handle_item(end, item, room, notices);
            });
        }
        true
    }

    /// Takes a segment sent by `end`.
    pub(crate) fn handle_segment(
        &mut self,
        end: usize,
        segment: &Segment<'_>,
        place: Place,
        room: Room<'_>,
        notices: &mut Vec<Notice>,
    ) -> Fate {
        let at = Locator::of(self.record.tap, place);
        self.record.pass(at);
        self.record.note_step(end, segment, at);
        self.record.progress[end].note(segment, at);
        self.note_opening(end, segment);
        self.record.note_numbers(end, segment, at);
        self.record.copies.note(end, segment, at);
        if let Some(bytes) = self.record.payload_bytes.get_mut(end) {
            *bytes = bytes.saturating_add(u64::from(segment.payload_len));
        }
        if segment.payload.len() < segment.payload_len as usize
            && let Some(cut) = self.record.cut_short.get_mut(end)
        {
            *cut = true;
        }
        if segment.flags.ack()
            && !segment.flags.rst()
            && let Some(window) = self.record.windows.get_mut(end)
        {
            window.note(segment.window, at);
        }
        let told = notices.len();
        let unread = self.unread_part(end, segment);
        self.read(end, &unread, place, room, notices);
        self.note_repeats(at);
        self.note_other_answer(end, at);
        let fate = self.decide(at, room.limits, notices, told);
        if segment.flags.fin() || segment.flags.rst() {
            let first = self.first_to_end(end, segment);
            if first == end {
                self.record.note_early_close(end, segment);
            }
            self.record
                .handle_close(first, segment.flags.rst(), at, notices);
        }
        fate
    }

    /// Which end had hung up first, once `end` does: the other one, where this FIN acknowledges its FIN, which the capture
    /// then lacks.
    fn first_to_end(&self, end: usize, segment: &Segment<'_>) -> usize {
        let other = 1 - end;
        let acknowledges = segment.flags.fin() && segment.flags.ack();
        let begin = self.record.isn[other];
        if acknowledges && self.record.progress[other].is_one_short_of(segment.ack, begin) {
            other
        } else {
            end
        }
    }

    /// What of a segment the kernel has not read.
    fn unread_part<'a>(&mut self, end: usize, segment: &Segment<'a>) -> Segment<'a> {
        let half = self.halves.as_mut().and_then(|halves| halves.get_mut(end));
        let resumes = half.and_then(|half| half.resumes.take());
        let read = match resumes {
            Some((from_seq, seq)) if from_seq == segment.seq => seq.wrapping_sub(from_seq),
            Some(_) | None => 0,
        };
        if read == 0 || read > segment.payload_len {
            return *segment;
        }
        Segment {
            seq: segment.seq.wrapping_add(read),
            payload: segment.payload.get(read as usize..).unwrap_or_default(),
            payload_len: segment.payload_len - read,
            ..*segment
        }
    }

    /// Sequence number at which the interleaved frame began that is passing in what an end sends, or at which the next
    /// may begin. `None` where that is not known, or where bytes before are missing.
    pub(crate) fn frame_begin(&self, end: usize) -> Option<u32> {
        let half = self.halves.as_ref()?.get(end)?;
        let readable = self.record.speech == Speech::Rtsp
            && !half.is_away
            && matches!(half.http, Http::None)
            && half.reassembler.buffered_segments() == 0;
        let (seq, offset) = half.reassembler.position().filter(|_| readable)?;
        let passed = offset.checked_sub(half.stream.frame_begin()?)?;
        Some(seq.wrapping_sub(u32::try_from(passed).ok()?))
    }

    /// The kernel reads what an end sends from here on.
    pub(crate) fn take_over(&mut self, end: usize) {
        if let Some(half) = self.halves.as_mut().and_then(|halves| halves.get_mut(end)) {
            half.is_away = true;
            self.record.away[end] = true;
            self.record.progress[end].take_over();
            self.record.channels.take_over(end);
        }
    }

    /// The kernel reads it no longer.
    pub(crate) fn give_back(
        &mut self,
        end: usize,
        returned: &Returned,
        room: Room<'_>,
        notices: &mut Vec<Notice>,
    ) {
        let record = &mut self.record;
        record.channels.give_back(end);
        record.away[end] = false;
        record.hear(end, returned.bytes, returned.last);
        let Some(half) = self.halves.as_mut().and_then(|halves| halves.get_mut(end)) else {
            return;
        };
        let Half {
            reassembler,
            stream,
            http,
            is_away,
            resumes,
        } = half;
        *is_away = false;
        let Some(offset) = reassembler.skip_to(returned.seq) else {
            return;
        };
        *resumes = Some((returned.from_seq, returned.seq));
        let known = returned.head.get(..returned.head_len.into());
        let head = known.unwrap_or_default();
        let left = (head.len() == returned.head.len()).then_some(returned.left);
        stream.go_on(offset, head, left);
        reassembler.deliver_waiting(&mut |piece| {
            read_piece(end, piece, stream, http, record, room, notices)
        });
        reassembler.handle_peer_ack(returned.acked, &mut |piece| {
            read_piece(end, piece, stream, http, record, room, notices)
        });
    }

    /// Reads what waits for missing bytes as far as it goes.
    pub(crate) fn finish(&mut self, room: Room<'_>, notices: &mut Vec<Notice>) {
        let told = notices.len();
        let Some(halves) = &mut self.halves else {
            return;
        };
        let record = &mut self.record;
        for (end, half) in halves.iter_mut().enumerate() {
            let Half {
                reassembler,
                stream,
                http,
                ..
            } = half;
            reassembler
                .finish(&mut |piece| read_piece(end, piece, stream, http, record, room, notices));
            stream.finish(&mut |item| record.handle_item(end, item, room, notices));
            if let Http::Tunnel(tunnel) = http {
                tunnel.finish(&mut |item| record.handle_item(end, item, room, notices));
            }
        }
        let at = self.record.last;
        self.note_repeats(at);
        self.decide(at, room.limits, notices, told);
    }

    /// Bytes that wait for what completes them, with what keeping each piece of them costs.
    pub(crate) fn waiting_bytes(&self) -> usize {
        let halves = self.halves.iter().flat_map(|halves| halves.iter());
        halves.map(Half::waiting_bytes).sum()
    }

    /// Reads what waits as far as it goes, and goes on from the next message or frame that proves itself.
    pub(crate) fn give_up(&mut self, room: Room<'_>, notices: &mut Vec<Notice>) {
        self.finish(room, notices);
        let limits = stream_limits(room.limits);
        let record = &mut self.record;
        for (end, half) in self
            .halves
            .iter_mut()
            .flat_map(|halves| halves.iter_mut())
            .enumerate()
        {
            match &mut half.http {
                Http::None => half.stream = MessageStream::new(limits),
                Http::Plain => {}
                Http::Tunnel(tunnel) => {
                    tunnel.give_up(limits, &mut |item| {
                        record.handle_item(end, item, room, notices);
                    });
                }
            }
        }
    }

    /// How far each direction has come and which end asks in vain, as of now.
    fn note_repeats(&mut self, now: Locator) {
        let Some(halves) = &self.halves else {
            return;
        };
        let record = &mut self.record;
        for (end, half) in halves.iter().enumerate() {
            let reader = &half.reassembler;
            let is_over = record.closed.is_some_and(|(by, ..)| by != end);
            record.progress[end].read(record.tap, reader, is_over, now);
            record.unheard[end] = reader
                .unheard()
                .map(|unheard| Locator::of(record.tap, unheard.last));
        }
    }

    /// Takes note of an end that answers RTSP in another protocol. In an HTTP tunnel the client speaks HTTP as well.
    fn note_other_answer(&mut self, end: usize, at: Locator) {
        let Some(halves) = self.halves.as_deref() else {
            return;
        };
        let protocol = match halves[end].stream.protocol() {
            Protocol::Http => OtherProtocol::Http,
            Protocol::Tls => OtherProtocol::Tls,
            Protocol::Undecided | Protocol::Rtsp | Protocol::Other => return,
        };
        if halves[1 - end].stream.protocol() == Protocol::Rtsp && end != self.record.client() {
            let answer = OtherAnswer { protocol, at };
            self.record.other_answer.get_or_insert(answer);
        }
    }

    fn note_opening(&mut self, end: usize, segment: &Segment<'_>) {
        if !segment.flags.syn() {
            return;
        }
        let opener = if segment.flags.ack() { 1 - end } else { end };
        self.record.opener = Some(opener);
        // The answer to a SYN tells its number, where the SYN itself went another way.
        if segment.flags.ack() {
            self.record.isn[opener].get_or_insert(segment.ack.wrapping_sub(1));
        }
        if let Some(isn) = self.record.isn.get_mut(end) {
            *isn = Some(segment.seq);
        }
        if let Some(half) = self.halves.as_mut().and_then(|halves| halves.get_mut(end)) {
            half.stream.set_start_known();
        }
    }

    fn read(
        &mut self,
        end: usize,
        segment: &Segment<'_>,
        place: Place,
        room: Room<'_>,
        notices: &mut Vec<Notice>,
    ) {
        let Some(halves) = &mut self.halves else {
            return;
        };
        let record = &mut self.record;
        let [low, high] = &mut **halves;
        let (own, peer) = if end == 0 { (low, high) } else { (high, low) };
        if segment.flags.ack() && !peer.is_away {
            let Half {
                reassembler,
                stream,
                http,
                ..
            } = peer;
            let peer_end = 1 - end;
            reassembler.handle_peer_ack(segment.ack, &mut |piece| {
                read_piece(peer_end, piece, stream, http, record, room, notices)
            });
            if segment.payload_len > 0 {
                stream.end_open_body(&mut |item| record.handle_item(peer_end, item, room, notices));
            }
        }
        let Half {
            reassembler,
            stream,
            http,
            ..
        } = own;
        reassembler.handle_segment(segment, place, &mut |piece| {
            read_piece(end, piece, stream, http, record, room, notices)
        });
    }

    /// Settles what the connection speaks, as soon as its first bytes tell. What those bytes said stands in `notices`
    /// from `told` on, and comes after the begin.
    fn decide(
        &mut self,
        at: Locator,
        limits: &Limits,
        notices: &mut Vec<Notice>,
        told: usize,
    ) -> Fate {
        if self.record.speech != Speech::Undecided {
            return Fate::Keep;
        }
        let Some(halves) = &self.halves else {
            return Fate::Keep;
        };
        let spoken = [halves[0].stream.protocol(), halves[1].stream.protocol()];
        let any = |protocol| spoken.contains(&protocol);
        if any(Protocol::Rtsp) {
            return self.settle(Speech::Rtsp, at, notices, told);
        }
        if any(Protocol::Tls) && self.on_rtsp_port {
            let fate = self.settle(Speech::Tls, at, notices, told);
            self.halves = None;
            return fate;
        }
        if let Some(speech) = halves.iter().find_map(|half| half.http.tunnel()?.speech()) {
            return self.settle(speech, at, notices, told);
        }
        let is_other = any(Protocol::Other)
            || any(Protocol::Tls)
            || halves.iter().any(|half| matches!(half.http, Http::Plain));
        let bytes: u64 = self.record.payload_bytes.iter().sum();
        if !is_other && bytes <= limits.undecided_bytes {
            Fate::Keep
        } else {
            Fate::LetGo
        }
    }

    fn settle(
        &mut self,
        speech: Speech,
        at: Locator,
        notices: &mut Vec<Notice>,
        told: usize,
    ) -> Fate {
        self.record.speech = speech;
        notices.insert(told.min(notices.len()), Notice::Started { at });
        Fate::Keep
    }
}

fn stream_limits(limits: &Limits) -> StreamLimits {
    StreamLimits {
        max_head_len: limits.head_bytes,
        max_body_len: limits.body_bytes,
        ..StreamLimits::default()
    }
}
