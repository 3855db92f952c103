//! What is known of one TCP connection at one tap: who is who, what was said, what the channels carried.
//!
//! Ends are numbered 0 and 1 until it is known which is the client: by the SYN, else by who asks, else by who gets the
//! media, never by the port alone.

use std::net::SocketAddr;
use std::sync::Arc;

use rtspscope_wire::decode::Segment;
use rtspscope_wire::rtsp::stream::{InterleavedFrame, Item, NOT_CAPTURED, RawMessage, SkipReason};
use rtspscope_wire::tcp::Place;
use rtspscope_wire::{TapId, Timestamp};

use crate::copies::Copies;
use crate::counting::GoesOn;
use crate::delivery::Progress;
use crate::exchange::{Exchanges, Facts, Placed, Standing};
use crate::input::ChannelReport;
use crate::interleaved::Channels;
use crate::limits::Limits;
use crate::locator::Locator;
use crate::media;
use crate::model::{
    Close, Delivery, Desync, Exchange, Hole, Leg, Memo, Message, OtherAnswer, Side, Unseen,
};
use crate::numbers::Numbers;
use crate::reading;
use crate::step::{self, Step};
use crate::window::Window;

mod excerpt;

/// What a connection speaks, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Speech {
    /// Too little was said.
    #[default]
    Undecided,
    /// RTSP, plain.
    Rtsp,
    /// RTSP in an HTTP tunnel: this is the connection of the GET.
    TunnelGet,
    /// RTSP in an HTTP tunnel: this is the connection of the POST.
    TunnelPost,
    /// TLS on an RTSP port.
    Tls,
}

/// Something that the engine has to act on or to tell.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    Started {
        at: Locator,
    },
    Message {
        message: Arc<Message>,
        method: String,
        cseq: Option<u32>,
    },
    SetUp {
        exchange: Exchange,
    },
    GoesOn(GoesOn),
    Playing {
        at: Locator,
    },
    MediaBegan {
        at: Locator,
        sender: usize,
        ssrc: u32,
    },
    Ended {
        at: Locator,
        by: Side,
        reset: bool,
    },
    ChannelRefused,
    MessageDropped,
}

/// Room that the engine has left for this connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room<'a> {
    pub(crate) limits: &'a Limits,
    /// Whether the messages of all connections together may grow.
    pub(crate) messages: bool,
    /// Whether the channels of all connections together may grow.
    pub(crate) channels: bool,
    /// Whether channels may be followed over time.
    pub(crate) timelines: bool,
}

/// Times without bytes that are kept of one connection.
const MAX_HOLES: usize = 16;

/// One connection at one tap.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) tap: TapId,
    pub(crate) ends: [SocketAddr; 2],
    pub(crate) speech: Speech,
    /// Cookie that joins the connections of an HTTP tunnel.
    pub(crate) cookie: Option<String>,
    /// The last head with which the server refused the GET or the POST of a tunnel, unless it let it be since.
    pub(crate) http_refusal: Option<Locator>,
    /// The end that sent the SYN.
    pub(crate) opener: Option<usize>,
    /// The end that sent the first request, or got the first response.
    pub(crate) asker: Option<usize>,
    /// The end whose port is a known RTSP port, where only one is.
    pub(crate) listener: Option<usize>,
    pub(crate) isn: [Option<u32>; 2],
    pub(crate) first: Locator,
    pub(crate) last: Locator,
    pub(crate) closed: Option<(usize, bool, Locator)>,
    /// Payload bytes of each end on the wire.
    pub(crate) payload_bytes: [u64; 2],
    /// Whether the capture kept less than the whole of a segment of each end.
    pub(crate) cut_short: [bool; 2],
    pub(crate) exchanges: Exchanges,
    pub(crate) channels: Channels,
    pub(crate) missing_bytes: u64,
    pub(crate) first_gap: Option<Locator>,
    /// Totals stand for what is missing.
    is_excerpt: bool,
    /// When bytes of each end came last without a gap before them.
    heard: [Option<Timestamp>; 2],
    pub(crate) holes: Vec<Hole>,
    /// Last segment in which each end repeated what the other has not acknowledged.
    pub(crate) unheard: [Option<Locator>; 2],
    /// How far what each end sends has come.
    pub(crate) progress: [Progress; 2],
    /// Whether the kernel reads what each end sends.
    pub(crate) away: [bool; 2],
    /// What each end advertises.
    pub(crate) windows: [Window; 2],
    numbers: [Numbers; 2],
    pub(crate) copies: Copies,
    pub(crate) step: Step,
    /// Up to where the first FIN acknowledges what had not come.
    closed_ahead: Option<u32>,
    /// Sender, bytes and first place of what is neither message nor frame.
    desync: Option<(usize, u64, Locator)>,
    /// What the server answers in, if that is no RTSP.
    pub(crate) other_answer: Option<OtherAnswer>,
    ended: bool,
}

impl Record {
    pub(crate) fn new(at: Locator, ends: [SocketAddr; 2]) -> Self {
        Self {
            tap: at.tap,
            ends,
            speech: Speech::default(),
            cookie: None,
            http_refusal: None,
            opener: None,
            asker: None,
            listener: None,
            isn: [None; 2],
            first: at,
            last: at,
            closed: None,
            payload_bytes: [0; 2],
            cut_short: [false; 2],
            exchanges: Exchanges::default(),
            channels: Channels::default(),
            missing_bytes: 0,
            first_gap: None,
            is_excerpt: false,
            heard: [None; 2],
            holes: Vec::new(),
            unheard: [None; 2],
            progress: [Progress::default(); 2],
            away: [false; 2],
            windows: [Window::default(); 2],
            numbers: [Numbers::default(); 2],
            copies: Copies::default(),
            step: Step::default(),
            closed_ahead: None,
            desync: None,
            other_answer: None,
            ended: false,
        }
    }

    /// Which end is the client, by the best proof there is.
    pub(crate) fn client(&self) -> usize {
        let by_media = || self.channels.main_sender().map(|sender| 1 - sender);
        let by_port = || self.listener.map(|listener| 1 - listener);
        self.opener
            .or(self.asker)
            .or_else(by_media)
            .or_else(by_port)
            .unwrap_or(0)
    }

    pub(crate) fn client_address(&self) -> SocketAddr {
        self.ends[self.client()]
    }

    pub(crate) fn server_address(&self) -> SocketAddr {
        self.ends[1 - self.client()]
    }

    fn side(&self, end: usize) -> Side {
        if end == self.client() {
            Side::Client
        } else {
            Side::Server
        }
    }

    pub(crate) fn locate(&self, place: Place, offset: u64) -> Locator {
        Locator {
            stream_offset: Some(offset),
            ..Locator::of(self.tap, place)
        }
    }

    /// Whether neither end repeats itself in vain or has no room for what the other sends.
    #[inline]
    pub(crate) const fn is_heard_and_heeded(&self) -> bool {
        let [low, high] = &self.windows;
        matches!(self.unheard, [None, None]) && low.is_open() && high.is_open()
    }

    /// Takes note of a segment. One that came in IP fragments has the place of the first of them, which may lie before
    /// other segments.
    pub(crate) fn pass(&mut self, at: Locator) {
        if at.frame >= self.last.frame {
            self.last = at;
        }
    }

    /// Takes note of payload of an end that only the kernel has seen.
    pub(crate) fn hear(&mut self, end: usize, payload_bytes: u64, last: Timestamp) {
        if let Some(bytes) = self.payload_bytes.get_mut(end) {
            *bytes = bytes.saturating_add(payload_bytes);
        }
        if let Some(progress) = self.progress.get_mut(end) {
            progress.hear_of(last);
        }
        if last > self.last.at {
            self.last = Locator {
                tap: self.tap,
                frame: None,
                at: last,
                stream_offset: None,
            };
        }
    }

    /// Bytes of an end came in order.
    pub(crate) fn hear_in_order(&mut self, sender: usize, at: Timestamp) {
        self.heard[sender] = Some(at);
    }

    pub(crate) fn handle_gap(&mut self, sender: usize, offset: u64, len: u64, place: Place) {
        if self.is_excerpt {
            return;
        }
        self.missing_bytes = self.missing_bytes.saturating_add(len);
        let shown = Locator {
            stream_offset: Some(offset),
            ..Locator::of(self.tap, place)
        };
        self.first_gap.get_or_insert(shown);
        if self.holes.len() < MAX_HOLES {
            let since = self.heard[sender].unwrap_or(self.first.at);
            self.holes.push(Hole { since, shown });
        }
    }

    /// Takes what the reader of one direction made out.
    pub(crate) fn handle_item(
        &mut self,
        sender: usize,
        item: Item<'_>,
        room: Room<'_>,
        notices: &mut Vec<Notice>,
    ) {
        match item {
            Item::Message(raw) => self.handle_message(sender, raw, room, notices),
            Item::Interleaved(frame) if !self.arrived(sender, &frame) => {}
            Item::Interleaved(frame) => {
                let at = self.locate(frame.place, frame.offset);
                let counted =
                    self.channels
                        .count(sender, frame.channel, frame.bytes, frame.len, at, room);
                match counted {
                    Ok(Some(ssrc)) => notices.push(Notice::MediaBegan { at, sender, ssrc }),
                    Ok(None) => {}
                    Err(_) => notices.push(Notice::ChannelRefused),
                }
            }
            Item::Skipped { offset, len, why } => self.handle_skip(sender, offset, len, why),
        }
    }

    /// Takes in a report that the kernel has handed over. Tells whether there was no room for its channel.
    pub(crate) fn handle_report(
        &mut self,
        sender: usize,
        report: &ChannelReport,
        room: Room<'_>,
    ) -> bool {
        let at = Locator {
            tap: report.tap,
            frame: None,
            at: report.at,
            stream_offset: None,
        };
        let counted = self.channels.count_report(sender, report, at, room);
        self.hear(sender, 0, report.at);
        counted.is_err()
    }

    /// Whether the frame passed the tap. Of one that reaches into bytes that never passed, only the beginning did; in a
    /// capture that keeps the first bytes of each segment, the rest passed and was not kept.
    fn arrived(&self, sender: usize, frame: &InterleavedFrame<'_>) -> bool {
        let whole = frame.captured_len >= frame.len;
        whole || self.cut_short.get(sender).is_some_and(|&cut| cut)
    }

    /// Bytes that are missing, or follow what is missing, are told by the gap.
    fn handle_skip(&mut self, sender: usize, offset: u64, len: u64, why: SkipReason) {
        if why != SkipReason::Desync || self.is_excerpt {
            return;
        }
        let at = Locator {
            stream_offset: Some(offset),
            ..self.last
        };
        let (_, bytes, _) = self.desync.get_or_insert((sender, 0, at));
        *bytes = bytes.saturating_add(len);
    }

    fn handle_message(
        &mut self,
        sender: usize,
        raw: RawMessage,
        room: Room<'_>,
        notices: &mut Vec<Notice>,
    ) {
        let is_cut = raw.anomalies.iter().any(|odd| odd.what == NOT_CAPTURED);
        let (facts, mut anomalies) = Facts::of(reading::known_of(&raw.raw, is_cut));
        if self.asker.is_none() && !facts.unreadable {
            self.asker = Some(if facts.method.is_some() {
                sender
            } else {
                1 - sender
            });
        }
        let from = self.side(sender);
        let is_whole = self.missing_bytes == 0;
        let standing = self.standing(sender, &raw);
        let odd = &self.exchanges;
        anomalies.extend(odd.number_oddity(from, &raw.raw, &facts, standing, is_whole));
        let message = Arc::new(Message {
            at: self.locate(raw.first, raw.offset),
            last_frame: Some(raw.last.frame),
            from,
            status: facts.status,
            head_len: raw.head_len,
            anomalies: raw.anomalies.into_iter().chain(anomalies).collect(),
            raw: raw.raw.into(),
            memo: Memo::default(),
        });
        let placed = if room.messages {
            let exchanges = &mut self.exchanges;
            exchanges.add(&message, &facts, standing, room.limits, is_whole)
        } else {
            Placed::Dropped
        };
        let exchange = match placed {
            Placed::Request(index)
            | Placed::Repeat(index)
            | Placed::Response(index)
            | Placed::Answered(index)
            | Placed::Orphan(index) => self.exchanges.get(index),
            Placed::Provisional => None,
            Placed::Dropped => {
                notices.push(Notice::MessageDropped);
                None
            }
        };
        let method = exchange
            .map(|exchange| exchange.method.clone())
            .or(facts.method)
            .unwrap_or_default();
        let accepted = exchange
            .filter(|_| matches!(placed, Placed::Response(_) | Placed::Answered(_)))
            .filter(|exchange| exchange.succeeded());
        let accepted = accepted.cloned();
        let answered = accepted.as_ref().and_then(|exchange| {
            let response = exchange.response.as_ref()?;
            Some((response.at, exchange.by))
        });
        notices.push(Notice::Message {
            message,
            method,
            cseq: facts.cseq,
        });
        if let Placed::Orphan(index) = placed
            && standing.is_ahead
        {
            notices.extend(self.early_setup(index));
        }
        if let Some((exchange, (at, by))) = accepted.zip(answered) {
            self.begin_channels_anew(&exchange, room);
            // What follows the answer may have come meanwhile.
            let is_told = exchange.is("SETUP") && matches!(placed, Placed::Answered(_));
            if !is_told {
                self.handle_accepted(exchange, at, by, notices);
            }
        }
        if let Placed::Request(index) | Placed::Response(index) | Placed::Answered(index) = placed {
            self.go_on(index, notices);
        }
    }

    /// An answer that came before its request, where it is that to a SETUP.
    fn early_setup(&self, index: usize) -> Option<Notice> {
        let exchange = self.exchanges.get(index)?;
        let answer = exchange
            .response
            .as_ref()
            .filter(|_| exchange.succeeded())?;
        reading::fields(answer).header("Transport")?;
        Some(Notice::SetUp {
            exchange: exchange.clone(),
        })
    }

    /// Where a message stands in the streams. In an HTTP tunnel the directions are two connections, of which neither
    /// acknowledges what the other brings.
    fn standing(&self, sender: usize, raw: &RawMessage) -> Standing {
        let other = 1 - sender;
        let (Some(own), Some(others), Some(numbers)) = (
            self.progress.get(sender),
            self.progress.get(other),
            self.numbers.get(sender),
        ) else {
            return Standing::default();
        };
        if self.cookie.is_some() {
            return Standing::default();
        }
        let acknowledges = numbers.acknowledged.map(|(_, last, _)| last);
        Standing {
            ends: own.seq_at(raw.offset + raw.raw.len() as u64),
            acknowledges,
            is_ahead: acknowledges.is_some_and(|ack| others.is_behind(ack)),
        }
    }

    /// Of another PLAY: tells those who count where media goes on. In a connection of which no byte is missing nothing was
    /// lost on the way, whatever number comes next.
    fn go_on(&mut self, index: usize, notices: &mut Vec<Notice>) {
        let Some(how) = media::goes_on(self.exchanges.list(), index) else {
            return;
        };
        let is_whole = self.missing_bytes == 0;
        let server = 1 - self.client();
        match &how {
            GoesOn::With(told) if told.is_empty() && is_whole => {
                self.channels.go_on(server, &GoesOn::Anywhere);
            }
            GoesOn::With(_) | GoesOn::Asked | GoesOn::Anywhere | GoesOn::Unknown => {
                self.channels.go_on(server, &how);
            }
        }
        notices.push(Notice::GoesOn(how));
    }

    /// Of an accepted SETUP: what comes on its channels from now on may be another use of them.
    fn begin_channels_anew(&mut self, setup: &Exchange, room: Room<'_>) {
        if setup.is("SETUP")
            && let Some((rtp, rtcp)) = media::negotiated(setup, None).channels
            && media::begins_channels_anew(self.exchanges.list())
        {
            self.channels.begin_anew([rtp, rtcp], room);
        }
    }

    fn handle_accepted(
        &mut self,
        exchange: Exchange,
        at: Locator,
        by: Side,
        notices: &mut Vec<Notice>,
    ) {
        match exchange.method.as_str() {
            "SETUP" => notices.push(Notice::SetUp { exchange }),
            "PLAY" | "RECORD" => {
                self.ended = false;
                notices.push(Notice::Playing { at });
            }
            "TEARDOWN" if !self.ended => {
                self.ended = true;
                notices.push(Notice::Ended {
                    at,
                    by,
                    reset: false,
                });
            }
            _ => {}
        }
    }

    /// Takes note of what the numbers of a segment tell of what the capture should have.
    pub(crate) fn note_numbers(&mut self, end: usize, segment: &Segment<'_>, at: Locator) {
        if let Some(numbers) = self.numbers.get_mut(end) {
            numbers.note(segment, at);
        }
    }

    /// Takes note of whether a segment is in step with the other direction, before it is read.
    pub(crate) fn note_step(&mut self, end: usize, segment: &Segment<'_>, at: Locator) {
        self.step.note(end, segment, at.at, &self.progress);
        let (Some((by, _, closed)), Some(acknowledged)) = (&mut self.closed, self.closed_ahead)
        else {
            return;
        };
        // What the FIN acknowledges was sent before it, whenever it came by.
        if *by != end && step::brings(segment, acknowledged, &self.progress[end]) {
            closed.at = closed.at.max(at.at);
            let behind = segment.seq.wrapping_add(segment.payload_len + 1);
            if segment.flags.fin() && acknowledged == behind {
                (*by, *closed) = (end, at);
                self.closed_ahead = None;
            }
        }
    }

    /// Notes that the first FIN acknowledges what has not come yet.
    pub(crate) fn note_early_close(&mut self, end: usize, segment: &Segment<'_>) {
        let is_early = self.closed.is_none()
            && segment.flags.fin()
            && segment.flags.ack()
            && self.progress[1 - end].is_behind(segment.ack);
        if is_early {
            self.closed_ahead = Some(segment.ack);
        }
    }

    /// Bytes of an end's stream from its SYN to its FIN.
    fn sent(&self, end: usize) -> Option<u64> {
        let begin = self.isn.get(end).copied().flatten()?.wrapping_add(1);
        let fin = self.numbers.get(end)?.fin?;
        Some(fin.wrapping_sub(begin).into())
    }

    /// The end that sent something, as the other acknowledges, of which there is nothing.
    fn unseen(&self) -> Option<Unseen> {
        (0..2).find_map(|end| {
            let other = self.numbers.get(1 - end)?;
            let (first, last, at) = other.acknowledged?;
            let is_seen = self.numbers.get(end)?.is_seen || self.payload_bytes.get(end)? > &0;
            (!is_seen && last != first).then_some(Unseen {
                from: self.side(end),
                acknowledged: last.wrapping_sub(first),
                at,
            })
        })
    }

    /// Notes the first FIN or RST.
    pub(crate) fn handle_close(
        &mut self,
        end: usize,
        reset: bool,
        at: Locator,
        notices: &mut Vec<Notice>,
    ) {
        if self.closed.is_some() {
            return;
        }
        self.closed = Some((end, reset, at));
        if !self.ended && self.speech != Speech::Undecided {
            self.ended = true;
            notices.push(Notice::Ended {
                at,
                by: self.side(end),
                reset,
            });
        }
    }

    /// How far what an end sends has come.
    pub(crate) fn delivery(&self, end: usize) -> Delivery {
        self.progress[end].delivery(self.tap, self.away[end])
    }

    /// The connection as outputs see it.
    pub(crate) fn leg(&self) -> Leg {
        let (client, server) = (self.client(), 1 - self.client());
        let unseen = self.unseen();
        let in_unseen = unseen.map_or(0, |unseen| u64::from(unseen.acknowledged));
        Leg {
            tap: self.tap,
            client: self.ends[client],
            server: self.ends[server],
            client_isn: self.isn[client],
            server_isn: self.isn[server],
            first: self.first,
            last: self.last,
            closed: self.closed.map(|(end, reset, at)| Close {
                by: self.side(end),
                reset,
                at,
            }),
            encrypted: self.speech == Speech::Tls,
            exchanges: self.exchanges.shared(),
            missing_bytes: self.missing_bytes.saturating_add(in_unseen),
            first_gap: self.first_gap.or(unseen.map(|unseen| unseen.at)),
            holes: self.holes.clone(),
            dropped_messages: self.exchanges.dropped(),
            forgotten_keepalives: self.exchanges.forgotten(),
            client_unheard: self.unheard[client],
            server_unheard: self.unheard[server],
            from_client: self.delivery(client),
            from_server: self.delivery(server),
            client_shut: self.windows[client].until(self.last.at),
            server_shut: self.windows[server].until(self.last.at),
            too_big: Vec::new(),
            cut_short: self.cut_short != [false; 2],
            client_sent: self.sent(client),
            unseen,
            doubled: self.copies.all_twice(),
            out_of_step: self.step.lead(),
            unreachable: None,
            desync: self.desync.map(|(end, bytes, first)| Desync {
                from: self.side(end),
                bytes,
                first,
            }),
            server_channels: self.channels.with_media(server),
            other_answer: self.other_answer,
            by_request: false,
        }
    }
}
