//! TCP segments: all of each message, also repeated and out of order, and how the connection began and ended.

use std::collections::{HashMap, VecDeque};

use rtspscope_wire::FrameRef;
use rtspscope_wire::decode::{Segment, TcpFlags};

use super::super::plan::{Flow, Message, Plan};
use super::super::{Kept, Reason};

/// SYN, FIN and RST segments that are kept of one direction, each, and heads of HTTP.
const OF_A_FLAG: u8 = 4;

/// Segments that are remembered of one direction, for a message whose first byte comes after others of it.
const REMEMBERED: usize = 4;

/// Messages of one direction of which repeated bytes are recognised.
const MAX_RANGES: usize = 64;

/// What is known of each direction of the connections that carry messages.
#[derive(Debug, Default)]
pub(super) struct Segments {
    talks: HashMap<Flow, Talk>,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Talk {
    /// Messages that are not complete yet.
    open: Vec<Message>,
    /// Where bytes of messages were, as sequence numbers with lengths.
    ranges: VecDeque<(u32, u32)>,
    /// Segments that passed lately and were not kept, with their sequence numbers.
    recent: VecDeque<(u32, u64, Kept)>,
    flags: [u8; 3],
    has_spoken: bool,
    /// Heads of HTTP that were kept besides the first.
    heads: u8,
}

impl Segments {
    /// Says why a segment is to be kept; gives earlier ones that are to be kept for its sake.
    pub(super) fn judge(
        &mut self,
        plan: &Plan,
        frame: &FrameRef<'_>,
        segment: &Segment<'_>,
        reasons: &mut Vec<Reason>,
    ) -> Vec<(u64, Kept)> {
        let flow = (frame.tap, segment.source, segment.destination);
        let begin = plan.messages((frame.tap, frame.number));
        let connection = plan.connection(flow, frame.number);
        if begin.is_empty() && connection.is_none() && !self.talks.contains_key(&flow) {
            return Vec::new();
        }
        let talk = self.talks.entry(flow).or_default();
        if let Some(from_client) = connection {
            talk.judge_flags(segment.flags, from_client, reasons);
        }
        let earlier = if begin.is_empty() {
            Vec::new()
        } else {
            talk.begin(segment, begin)
        };
        talk.judge_bytes(frame.number, segment, connection.is_some(), reasons);
        earlier
    }

    /// Keeps a copy of a segment for a while, in a direction with messages.
    pub(super) fn remember(&mut self, frame: &FrameRef<'_>, segment: &Segment<'_>, order: u64) {
        let flow = (frame.tap, segment.source, segment.destination);
        let Some(talk) = self.talks.get_mut(&flow) else {
            return;
        };
        if !segment.payload.is_empty() {
            if talk.recent.len() >= REMEMBERED {
                talk.recent.pop_front();
            }
            let kept = Kept::new(frame, Vec::new());
            talk.recent.push_back((segment.seq, order, kept));
        }
    }
}

impl Talk {
    /// Messages begin in this segment; gives segments with later bytes of them that came before it.
    fn begin(&mut self, segment: &Segment<'_>, messages: &[Message]) -> Vec<(u64, Kept)> {
        self.open.extend_from_slice(messages);
        let is_ahead = |seq: u32| (1..1 << 16).contains(&seq.wrapping_sub(segment.seq));
        let mut earlier = Vec::new();
        for (seq, order, kept) in &self.recent {
            if is_ahead(*seq) {
                let mut kept = kept.clone();
                kept.reasons = vec![plain(
                    "later bytes of a message, before its first".to_owned(),
                )];
                earlier.push((*order, kept));
            }
        }
        earlier
    }

    fn judge_bytes(
        &mut self,
        number: u64,
        segment: &Segment<'_>,
        is_connection: bool,
        reasons: &mut Vec<Reason>,
    ) {
        if segment.payload_len == 0 {
            return;
        }
        self.open.retain(|message| number <= message.last);
        let repeats = self.repeats(segment);
        let is_first = !std::mem::replace(&mut self.has_spoken, true);
        if self.open.is_empty() {
            if repeats && segment.payload_len > 1 {
                reasons.push(plain("repeats bytes of a message".to_owned()));
            } else if is_first && is_connection {
                reasons.push(plain("first bytes of the connection".to_owned()));
            } else if is_connection && is_http_head(segment.payload) && self.heads < OF_A_FLAG {
                self.heads += 1;
                reasons.push(plain("head of an HTTP message".to_owned()));
            }
            return;
        }
        reasons.extend(self.open.iter().map(|message| plain(message.text.clone())));
        if self.ranges.len() >= MAX_RANGES {
            self.ranges.pop_front();
        }
        self.ranges.push_back((segment.seq, segment.payload_len));
    }

    fn repeats(&self, segment: &Segment<'_>) -> bool {
        self.ranges.iter().any(|(seq, len)| {
            segment.seq.wrapping_sub(*seq) < *len
                || seq.wrapping_sub(segment.seq) < segment.payload_len
        })
    }

    fn judge_flags(&mut self, flags: TcpFlags, from_client: bool, reasons: &mut Vec<Reason>) {
        let who = if from_client { "client" } else { "server" };
        let (index, text) = match (flags.syn(), flags.rst(), flags.fin()) {
            (true, _, _) if flags.ack() => (0, format!("{who} accepts the connection (SYN, ACK)")),
            (true, _, _) => (0, format!("{who} opens the connection (SYN)")),
            (_, true, _) => (1, format!("{who} resets the connection (RST)")),
            (_, _, true) => (2, format!("{who} ends the connection (FIN)")),
            _ => return,
        };
        if let Some(count) = self
            .flags
            .get_mut(index)
            .filter(|count| **count < OF_A_FLAG)
        {
            *count += 1;
            reasons.push(plain(text));
        }
    }
}

/// Of a tunnel that was refused at first, several stand on one connection.
fn is_http_head(payload: &[u8]) -> bool {
    [&b"GET "[..], b"POST ", b"HTTP/"]
        .iter()
        .any(|start| payload.starts_with(start))
}

const fn plain(text: String) -> Reason {
    Reason { text, proves: None }
}
