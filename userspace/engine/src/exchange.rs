//! Requests and responses of one connection, put together by `CSeq` (RFC 2326 §12.17).
//!
//! Either end may ask, and each end numbers its own requests, so the two directions are matched apart. Peers that leave
//! the number out are matched by order, as a pipeline is answered in order (RFC 2326 §9.1). So are servers that answer
//! with a number of their own (always 0, one less than was asked): players that go by order play from them. Where the
//! right answer comes after all, it takes the place of the one that order gave.
//!
//! A capture need not keep the order between the directions: two cards, or two queues of one, that are merged may show an answer
//! before its request. What tells is TCP: the segment of an answer acknowledges the request that it is for, seen or not. So an
//! answer that acknowledges more than was seen waits for a request that ends within what it acknowledges.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use rtspscope_wire::Anomaly;
use rtspscope_wire::rtsp::message::{self, StartLine};

use crate::limits::Limits;
use crate::model::{Exchange, Message, Side};
use crate::reading;

/// What the matching needs to know of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The method of a request; `None` for a response.
    pub(crate) method: Option<String>,
    /// Its `CSeq`.
    pub(crate) cseq: Option<u32>,
    /// Where that stands in the message.
    pub(crate) cseq_at: Range<usize>,
    /// Status code of a response.
    pub(crate) status: Option<u16>,
    /// Neither a request nor a status line could be read.
    pub(crate) unreadable: bool,
}

impl Facts {
    /// Reads them from a message's bytes, with what is odd about its fields.
    pub(crate) fn of(raw: &[u8]) -> (Self, Vec<Anomaly>) {
        let parsed = message::parse(raw);
        let message = parsed.value;
        let number = message.header("CSeq");
        let facts = Self {
            method: message.method().map(|method| method.text().into_owned()),
            cseq: message.cseq(),
            cseq_at: number.map_or(0..0, |field| field.value.at.clone()),
            status: message.status(),
            unreadable: matches!(message.start, StartLine::Unreadable(_)),
        };
        (facts, parsed.anomalies)
    }
}

/// Where a message stands in the streams of its connection, as far as TCP's numbers tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Standing {
    /// Sequence number behind its last byte.
    pub(crate) ends: Option<u32>,
    /// Up to where its sender had acknowledged the other direction.
    pub(crate) acknowledges: Option<u32>,
    /// That is more than was seen of the other direction.
    pub(crate) is_ahead: bool,
}

/// An answer that came before its request.
#[derive(Clone, Copy, Debug)]
struct Early {
    index: usize,
    acknowledges: u32,
}

/// Answers that wait for their requests: more come in 100 ms from no server.
const EARLY_KEPT: usize = 64;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is the request of the exchange with this index, for the first time.
    Request(usize),
    /// The same request came again.
    Repeat(usize),
    /// It is the final response of the exchange with this index.
    Response(usize),
    /// It is the request of the exchange with this index, whose final response came before it.
    Answered(usize),
    /// A response to nothing that was seen.
    Orphan(usize),
    /// A provisional response (1xx); it ends nothing and is not kept.
    Provisional,
    /// A cap was met.
    Dropped,
}

/// What tells which request an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Number,
    /// One of the two messages has no number.
    Order,
    /// Both have one, and the numbers differ.
    OrderInstead,
}

/// What is odd about an answer that only its place tells to be one.
pub(crate) const OTHER_NUMBER: &str = "the CSeq is not that of a request that waits for an answer";

/// The exchanges of one connection in order of the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchanges {
    /// Shared with the snapshots that show it, until something is said again.
    list: Arc<Vec<Exchange>>,
    unanswered_client: VecDeque<usize>,
    unanswered_server: VecDeque<usize>,
    early: VecDeque<Early>,
    kept_bytes: usize,
    dropped: u64,
    /// Keepalives in the list, and those that were let go.
    keepalives: usize,
    forgotten: u64,
}

/// Exchanges at the beginning and at the end of a connection that stay, whatever becomes of those between them.
const FIRST_KEPT: usize = 32;
const LAST_KEPT: usize = 96;

impl Exchanges {
    pub(crate) fn list(&self) -> &[Exchange] {
        &self.list
    }

    /// The same for a snapshot.
    pub(crate) fn shared(&self) -> Arc<Vec<Exchange>> {
        Arc::clone(&self.list)
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Exchange> {
        self.list.get(index)
    }

    /// Messages that a cap kept out.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Keepalives that are kept.
    pub(crate) const fn keepalives(&self) -> usize {
        self.keepalives
    }

    /// Keepalives that were let go ([`Self::forget_keepalives`]).
    pub(crate) const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Lets go of the keepalives in the middle of a long connection: each says what the one before it said.
    pub(crate) fn forget_keepalives(&mut self) {
        let end = self.list.len().saturating_sub(LAST_KEPT);
        let goes = |(index, exchange): &(usize, &Exchange)| {
            (FIRST_KEPT..end).contains(index) && exchange.is_keepalive()
        };
        let going = self.list.iter().enumerate().filter(goes);
        let going: Vec<usize> = going.map(|(index, _)| index).collect();
        for open in [&mut self.unanswered_client, &mut self.unanswered_server] {
            for index in open {
                *index -= going.partition_point(|gone| gone < index);
            }
        }
        for Early { index, .. } in &mut self.early {
            *index -= going.partition_point(|gone| *gone < *index);
        }
        let mut rest = going.iter().copied().peekable();
        let mut index = 0;
        let freed = &mut self.kept_bytes;
        Arc::make_mut(&mut self.list).retain(|exchange| {
            let stays = rest.next_if_eq(&index).is_none();
            index += 1;
            if !stays {
                *freed = freed.saturating_sub(exchange.messages().map(cost).sum());
            }
            stays
        });
        self.keepalives -= going.len();
        self.forgotten += going.len() as u64;
    }

    /// Bytes that the messages kept take.
    pub(crate) const fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// What is odd about the number of a message that is about to be added.
    pub(crate) fn number_oddity(
        &self,
        from: Side,
        raw: &[u8],
        facts: &Facts,
        standing: Standing,
        is_whole: bool,
    ) -> Option<Anomaly> {
        let is_answer = facts.status.is_some_and(|status| status >= 200);
        let found = self.find_open(from.other(), raw, facts, is_whole && !standing.is_ahead);
        let is_odd = is_answer && found.is_some_and(|(_, by)| by == By::OrderInstead);
        is_odd.then(|| Anomaly {
            at: facts.cseq_at.clone(),
            what: OTHER_NUMBER.to_owned(),
        })
    }

    /// Adds a message and says where it belongs. In a connection that `is_whole` no byte is missing, so that order tells
    /// where numbers do not.
    pub(crate) fn add(
        &mut self,
        message: &Arc<Message>,
        facts: &Facts,
        standing: Standing,
        limits: &Limits,
        is_whole: bool,
    ) -> Placed {
        let is_request =
            facts.method.is_some() || (facts.unreadable && message.from == Side::Client);
        if is_request {
            if let Some(index) = self.repeated(message, facts) {
                return Placed::Repeat(index);
            }
        } else if facts.status.is_some_and(|status| status < 200) {
            return Placed::Provisional;
        }
        let cost = cost(message);
        let is_full = |exchanges: &Self| {
            exchanges.kept_bytes.saturating_add(cost) > limits.connection_message_bytes
        };
        let is_long = is_full(self) || self.list.len() >= limits.exchanges;
        if is_long && self.keepalives > FIRST_KEPT + LAST_KEPT {
            self.forget_keepalives();
        }
        if is_full(self) {
            return self.drop_one();
        }
        if is_request && let Some(index) = self.take_early(message.from, facts, standing) {
            self.kept_bytes += cost;
            return self.put_before(index, message, facts);
        }
        let answered = if is_request {
            None
        } else {
            self.take_open(message, facts, is_whole && !standing.is_ahead)
        };
        if answered.is_none() && self.list.len() >= limits.exchanges {
            return self.drop_one();
        }
        self.kept_bytes += cost;
        match answered {
            Some(index) => self.answer(index, message),
            None if is_request => self.add_request(message, facts),
            None => (self.put_right(message, facts)).unwrap_or_else(|| {
                let placed = self.add_orphan(message, facts.cseq);
                self.note_early(standing);
                placed
            }),
        }
    }

    fn drop_one(&mut self) -> Placed {
        self.dropped += 1;
        Placed::Dropped
    }

    fn add_request(&mut self, message: &Arc<Message>, facts: &Facts) -> Placed {
        let index = self.list.len();
        Arc::make_mut(&mut self.list).push(Exchange {
            by: message.from,
            method: facts.method.clone().unwrap_or_default(),
            cseq: facts.cseq,
            request: Some(Arc::clone(message)),
            response: None,
            repeats: 0,
        });
        self.unanswered(message.from).push_back(index);
        Placed::Request(index)
    }

    fn answer(&mut self, index: usize, message: &Arc<Message>) -> Placed {
        if let Some(exchange) = Arc::make_mut(&mut self.list).get_mut(index) {
            exchange.response = Some(Arc::clone(message));
            self.keepalives += usize::from(exchange.is_keepalive());
        }
        Placed::Response(index)
    }

    fn add_orphan(&mut self, message: &Arc<Message>, cseq: Option<u32>) -> Placed {
        Arc::make_mut(&mut self.list).push(Exchange {
            by: message.from.other(),
            method: String::new(),
            cseq,
            request: None,
            response: Some(Arc::clone(message)),
            repeats: 0,
        });
        Placed::Orphan(self.list.len() - 1)
    }

    /// Lets the answer that was added last wait for its request, where it acknowledges what was not seen yet.
    fn note_early(&mut self, standing: Standing) {
        let Some(acknowledges) = standing.acknowledges.filter(|_| standing.is_ahead) else {
            return;
        };
        if self.early.len() >= EARLY_KEPT {
            self.early.pop_front();
        }
        self.early.push_back(Early {
            index: self.list.len() - 1,
            acknowledges,
        });
    }

    /// Takes the answer to a request that came before it: of those that acknowledge all of the request the oldest with its
    /// number; where either message has none, simply the oldest.
    fn take_early(&mut self, asker: Side, facts: &Facts, standing: Standing) -> Option<usize> {
        let ends = standing.ends?;
        let answers = |early: &Early| {
            let exchange = self.list.get(early.index);
            let is_numbered = |exchange: &Exchange| {
                exchange.cseq == facts.cseq || exchange.cseq.is_none() || facts.cseq.is_none()
            };
            let is_it = |exchange: &Exchange| exchange.by == asker && is_numbered(exchange);
            exchange.is_some_and(is_it) && early.acknowledges.wrapping_sub(ends).cast_signed() >= 0
        };
        let position = self.early.iter().position(answers)?;
        Some(self.early.remove(position)?.index)
    }

    /// Puts a request before the answer that it got.
    fn put_before(&mut self, index: usize, message: &Arc<Message>, facts: &Facts) -> Placed {
        if let Some(exchange) = Arc::make_mut(&mut self.list).get_mut(index) {
            exchange.method = facts.method.clone().unwrap_or_default();
            exchange.cseq = facts.cseq.or(exchange.cseq);
            exchange.request = Some(Arc::clone(message));
            self.keepalives += usize::from(exchange.is_keepalive());
        }
        Placed::Answered(index)
    }

    /// Gives an answer to the request with its number that got another one by order; that one goes to the request with its
    /// own number in the same way, or to none. `None` where no request got another's answer.
    fn put_right(&mut self, message: &Arc<Message>, facts: &Facts) -> Option<Placed> {
        let asker = message.from.other();
        let mut cseq = facts.cseq;
        let mut answer = Arc::clone(message);
        let first = self.answered_by_order(asker, cseq)?;
        while let Some(index) = self.answered_by_order(asker, cseq) {
            let exchange = Arc::make_mut(&mut self.list).get_mut(index)?;
            self.keepalives -= usize::from(exchange.is_keepalive());
            let other = exchange.response.replace(answer);
            self.keepalives += usize::from(exchange.is_keepalive());
            answer = other?;
            cseq = reading::fields(&answer).cseq();
        }
        self.add_orphan(&answer, cseq);
        Some(Placed::Response(first))
    }

    /// The last request with this number whose answer has another.
    fn answered_by_order(&self, asker: Side, cseq: Option<u32>) -> Option<usize> {
        let is_it = |exchange: &Exchange| {
            exchange.by == asker
                && cseq.is_some()
                && exchange.cseq == cseq
                && exchange.other_number().is_some()
        };
        self.list.iter().rposition(is_it)
    }

    /// The unanswered request of which `message` is a copy.
    fn repeated(&mut self, message: &Arc<Message>, facts: &Facts) -> Option<usize> {
        facts.cseq?;
        let open = self.open(message.from);
        let index = open.iter().copied().find(|index| {
            self.list.get(*index).is_some_and(|exchange| {
                exchange.cseq == facts.cseq
                    && exchange
                        .request
                        .as_ref()
                        .is_some_and(|request| request.raw == message.raw)
            })
        })?;
        if let Some(exchange) = Arc::make_mut(&mut self.list).get_mut(index) {
            exchange.repeats = exchange.repeats.saturating_add(1);
        }
        Some(index)
    }

    /// Takes the open request that the message answers.
    fn take_open(&mut self, message: &Message, facts: &Facts, is_whole: bool) -> Option<usize> {
        let asker = message.from.other();
        let (position, _) = self.find_open(asker, &message.raw, facts, is_whole)?;
        self.unanswered(asker).remove(position)
    }

    /// Where among the open requests the one is that an answer is for: the oldest with its number; where either message has
    /// none, simply the oldest. That one, too, where no open request has the number and nothing is missing that might have.
    fn find_open(
        &self,
        asker: Side,
        raw: &[u8],
        facts: &Facts,
        is_whole: bool,
    ) -> Option<(usize, By)> {
        let open = self.open(asker);
        let oldest = |by| (!open.is_empty()).then_some((0, by));
        if facts.cseq.is_none() {
            return oldest(By::Order);
        }
        let number = |index: &usize| self.list.get(*index).and_then(|exchange| exchange.cseq);
        let numbered = |wanted| open.iter().position(|index| number(index) == wanted);
        if let Some(position) = numbered(facts.cseq) {
            return Some((position, By::Number));
        }
        if let Some(position) = numbered(None) {
            return Some((position, By::Order));
        }
        let may_be = is_whole && !open.is_empty() && !self.is_said_again(asker, raw, facts);
        oldest(By::OrderInstead).filter(|_| may_be)
    }

    /// Whether an answer is the one that the request with its number has already, or that request was sent again and is
    /// answered again.
    fn is_said_again(&self, asker: Side, raw: &[u8], facts: &Facts) -> bool {
        let mut answered = self.list.iter().rev().filter(|exchange| {
            exchange.by == asker && exchange.cseq == facts.cseq && exchange.response.is_some()
        });
        answered.any(|exchange| {
            let answer = exchange.response.as_ref();
            let is_same = answer.is_some_and(|answer| *answer.raw == *raw);
            exchange.repeats > 0 || (is_same && exchange.other_number().is_none())
        })
    }

    fn open(&self, asker: Side) -> &VecDeque<usize> {
        match asker {
            Side::Client => &self.unanswered_client,
            Side::Server => &self.unanswered_server,
        }
    }

    fn unanswered(&mut self, asker: Side) -> &mut VecDeque<usize> {
        match asker {
            Side::Client => &mut self.unanswered_client,
            Side::Server => &mut self.unanswered_server,
        }
    }
}

/// What a message and what is noted of it take besides their text, in bytes. Numbers rather than sizes of types, so that a
/// cap is reached at the same packet on machines whose pointers are shorter.
const MESSAGE_BYTES: usize = 208;
const ANOMALY_BYTES: usize = 40;
const _: () = assert!(size_of::<Message>() + size_of::<Exchange>() <= MESSAGE_BYTES);
const _: () = assert!(size_of::<Anomaly>() <= ANOMALY_BYTES);

/// Bytes that keeping a message takes: small messages in great number cost more than their text.
fn cost(message: &Message) -> usize {
    let noted = message.anomalies.iter();
    let noted = noted.map(|odd| ANOMALY_BYTES + odd.what.len());
    MESSAGE_BYTES + message.raw.len() + noted.sum::<usize>()
}

#[cfg(test)]
mod tests;
