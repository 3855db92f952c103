//! Requests and responses of one connection, put together by `CSeq` (RFC 2326 §12.17).
//!
//! Either end may ask, and each end numbers its own requests, so the two directions are matched apart. Peers that leave
//! the number out are matched by order, as a pipeline is answered in order (RFC 2326 §9.1).

use std::collections::VecDeque;
use std::sync::Arc;

use rtspscope_wire::Anomaly;
use rtspscope_wire::rtsp::message::{self, StartLine};

use crate::limits::Limits;
use crate::model::{Exchange, Message, Side};

/// What the matching needs to know of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The method of a request; `None` for a response.
    pub(crate) method: Option<String>,
    /// Its `CSeq`.
    pub(crate) cseq: Option<u32>,
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
        let facts = Self {
            method: message.method().map(|method| method.text().into_owned()),
            cseq: message.cseq(),
            status: message.status(),
            unreadable: matches!(message.start, StartLine::Unreadable(_)),
        };
        (facts, parsed.anomalies)
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is the request of the exchange with this index, for the first time.
    Request(usize),
    /// The same request came again.
    Repeat(usize),
    /// It is the final response of the exchange with this index.
    Response(usize),
    /// A response to nothing that was seen.
    Orphan(usize),
    /// A provisional response (1xx); it ends nothing and is not kept.
    Provisional,
    /// A cap was met.
    Dropped,
}

/// The exchanges of one connection in order of the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchanges {
    /// Shared with the snapshots that show it, until something is said again.
    list: Arc<Vec<Exchange>>,
    unanswered_client: VecDeque<usize>,
    unanswered_server: VecDeque<usize>,
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

    /// Adds a message and says where it belongs.
    pub(crate) fn add(&mut self, message: &Arc<Message>, facts: &Facts, limits: &Limits) -> Placed {
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
        let answered = if is_request {
            None
        } else {
            self.take_unanswered(message.from.other(), facts.cseq)
        };
        if answered.is_none() && self.list.len() >= limits.exchanges {
            return self.drop_one();
        }
        self.kept_bytes += cost;
        match answered {
            Some(index) => self.answer(index, message),
            None if is_request => self.add_request(message, facts),
            None => self.add_orphan(message, facts),
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

    fn add_orphan(&mut self, message: &Arc<Message>, facts: &Facts) -> Placed {
        Arc::make_mut(&mut self.list).push(Exchange {
            by: message.from.other(),
            method: String::new(),
            cseq: facts.cseq,
            request: None,
            response: Some(Arc::clone(message)),
            repeats: 0,
        });
        Placed::Orphan(self.list.len() - 1)
    }

    /// The unanswered request of which `message` is a copy.
    fn repeated(&mut self, message: &Arc<Message>, facts: &Facts) -> Option<usize> {
        facts.cseq?;
        let open = match message.from {
            Side::Client => &self.unanswered_client,
            Side::Server => &self.unanswered_server,
        };
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

    /// The oldest unanswered request with that number; where either message has none, simply the oldest.
    fn take_unanswered(&mut self, asker: Side, cseq: Option<u32>) -> Option<usize> {
        let list = &self.list;
        let number = |index: &usize| list.get(*index).and_then(|exchange| exchange.cseq);
        let open = match asker {
            Side::Client => &mut self.unanswered_client,
            Side::Server => &mut self.unanswered_server,
        };
        let position = match cseq {
            None => (!open.is_empty()).then_some(0),
            Some(_) => open
                .iter()
                .position(|index| number(index) == cseq)
                .or_else(|| open.iter().position(|index| number(index).is_none())),
        }?;
        open.remove(position)
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
mod tests {
    use rtspscope_wire::{TapId, Timestamp};

    use super::*;
    use crate::locator::Locator;

    fn message(from: Side, text: &str) -> (Arc<Message>, Facts) {
        let raw: Arc<[u8]> = text.replace('\n', "\r\n").into_bytes().into();
        let (facts, _) = Facts::of(&raw);
        let at = Locator {
            tap: TapId(0),
            frame: Some(1),
            at: Timestamp(0),
            stream_offset: Some(0),
        };
        let head_len = raw.len();
        let message = Message {
            at,
            last_frame: Some(1),
            from,
            status: facts.status,
            raw,
            head_len,
            anomalies: Vec::new(),
            memo: crate::model::Memo::default(),
        };
        (Arc::new(message), facts)
    }

    fn fill(texts: &[(Side, &str)]) -> (Exchanges, Vec<Placed>) {
        let mut exchanges = Exchanges::default();
        let placed = texts
            .iter()
            .map(|(from, text)| {
                let (message, facts) = message(*from, text);
                exchanges.add(&message, &facts, &Limits::default())
            })
            .collect();
        (exchanges, placed)
    }

    use Side::{Client, Server};

    #[test]
    fn a_pipeline_answered_out_of_order_is_matched_by_number() {
        let (exchanges, placed) = fill(&[
            (Client, "SETUP rtsp://a/1 RTSP/1.0\nCSeq: 3\n\n"),
            (Client, "SETUP rtsp://a/2 RTSP/1.0\nCSeq: 4\n\n"),
            (Server, "RTSP/1.0 461 Unsupported\nCSeq: 4\n\n"),
            (Server, "RTSP/1.0 200 OK\nCSeq: 3\n\n"),
        ]);
        assert_eq!(placed[2..], [Placed::Response(1), Placed::Response(0)]);
        assert_eq!(exchanges.list()[0].status(), Some(200));
        assert_eq!(exchanges.list()[1].status(), Some(461));
    }

    #[test]
    fn both_ends_number_their_own_requests() {
        let (exchanges, placed) = fill(&[
            (Client, "PLAY rtsp://a/ RTSP/1.0\nCSeq: 1\n\n"),
            (Server, "SET_PARAMETER rtsp://a/ RTSP/1.0\nCSeq: 1\n\n"),
            (Server, "RTSP/1.0 200 OK\nCSeq: 1\n\n"),
            (Client, "RTSP/1.0 501 Not Implemented\nCSeq: 1\n\n"),
        ]);
        assert_eq!(placed[2..], [Placed::Response(0), Placed::Response(1)]);
        assert_eq!(exchanges.list()[1].by, Server);
    }

    #[test]
    fn a_request_sent_again_is_a_repeat_and_no_second_exchange() {
        let setup = "SETUP rtsp://a/1 RTSP/1.0\nCSeq: 3\n\n";
        let (exchanges, placed) = fill(&[(Client, setup), (Client, setup), (Client, setup)]);
        assert_eq!(
            placed,
            [Placed::Request(0), Placed::Repeat(0), Placed::Repeat(0)]
        );
        assert_eq!(exchanges.list()[0].repeats, 2);
    }

    #[test]
    fn messages_without_a_number_are_matched_by_order() {
        let (_, placed) = fill(&[
            (Client, "OPTIONS * RTSP/1.0\n\n"),
            (Client, "DESCRIBE rtsp://a/ RTSP/1.0\nCSeq: 2\n\n"),
            (Server, "RTSP/1.0 200 OK\n\n"),
            (Server, "RTSP/1.0 200 OK\nCSeq: 2\n\n"),
        ]);
        assert_eq!(placed[2..], [Placed::Response(0), Placed::Response(1)]);
    }

    #[test]
    fn a_provisional_response_leaves_the_request_open() {
        let (exchanges, placed) = fill(&[
            (Client, "PLAY rtsp://a/ RTSP/1.0\nCSeq: 5\n\n"),
            (Server, "RTSP/1.0 100 Continue\nCSeq: 5\n\n"),
            (Server, "RTSP/1.0 200 OK\nCSeq: 5\n\n"),
        ]);
        assert_eq!(placed[1..], [Placed::Provisional, Placed::Response(0)]);
        assert_eq!(exchanges.list().len(), 1);
    }

    #[test]
    fn a_response_to_an_unseen_request_is_kept() {
        let (exchanges, placed) = fill(&[(Server, "RTSP/1.0 200 OK\nCSeq: 9\n\n")]);
        assert_eq!(placed, [Placed::Orphan(0)]);
        assert_eq!(exchanges.list()[0].method, "");
        assert_eq!(exchanges.list()[0].cseq, Some(9));
    }

    #[test]
    fn what_falls_to_the_cap_is_counted() {
        let limits = Limits {
            exchanges: 1,
            ..Limits::default()
        };
        let mut exchanges = Exchanges::default();
        let (first, facts) = message(Client, "OPTIONS * RTSP/1.0\nCSeq: 1\n\n");
        assert_eq!(exchanges.add(&first, &facts, &limits), Placed::Request(0));
        let (second, facts) = message(Client, "OPTIONS * RTSP/1.0\nCSeq: 2\n\n");
        assert_eq!(exchanges.add(&second, &facts, &limits), Placed::Dropped);
        assert_eq!(exchanges.dropped(), 1);
    }

    /// A PLAY, that many keepalives, and a request in their middle that is answered at the very end.
    fn long_talk(keepalives: u32, limits: &Limits) -> Exchanges {
        let mut exchanges = Exchanges::default();
        let mut say = |from: Side, text: String| {
            let (message, facts) = message(from, &text);
            exchanges.add(&message, &facts, limits)
        };
        for cseq in 1..=keepalives {
            let method = if cseq == 1 { "PLAY" } else { "GET_PARAMETER" };
            say(
                Client,
                format!("{method} rtsp://a/ RTSP/1.0\nCSeq: {cseq}\n\n"),
            );
            if cseq != keepalives / 2 {
                say(Server, format!("RTSP/1.0 200 OK\nCSeq: {cseq}\n\n"));
            }
        }
        exchanges
    }

    #[test]
    fn keepalives_in_the_middle_go_and_what_is_open_is_still_answered() {
        let mut exchanges = long_talk(1_000, &Limits::default());
        assert_eq!((exchanges.keepalives(), exchanges.forgotten()), (998, 0));
        let before = exchanges.kept_bytes();
        exchanges.forget_keepalives();
        // The first and the last stay, and the one without an answer.
        assert_eq!(exchanges.list().len(), FIRST_KEPT + 1 + LAST_KEPT);
        assert_eq!(exchanges.keepalives(), FIRST_KEPT + LAST_KEPT - 1);
        assert_eq!(exchanges.forgotten(), 998 - 127);
        let sum: usize = exchanges
            .list()
            .iter()
            .flat_map(Exchange::messages)
            .map(cost)
            .sum();
        assert_eq!(exchanges.kept_bytes(), sum);
        assert!(before > 7 * sum);
        let (late, facts) = message(Server, "RTSP/1.0 200 OK\nCSeq: 500\n\n");
        let placed = exchanges.add(&late, &facts, &Limits::default());
        assert_eq!(placed, Placed::Response(FIRST_KEPT));
        assert_eq!(exchanges.list()[FIRST_KEPT].status(), Some(200));
    }

    #[test]
    fn a_cap_takes_keepalives_before_it_takes_news() {
        let limits = Limits {
            exchanges: 300,
            ..Limits::default()
        };
        let exchanges = long_talk(10_000, &limits);
        assert_eq!(exchanges.dropped(), 0);
        assert_eq!(
            exchanges.forgotten() + exchanges.list().len() as u64,
            10_000
        );
        assert!(exchanges.list().len() <= 300);
        assert_eq!(
            exchanges.list().last().and_then(|last| last.cseq),
            Some(10_000)
        );
    }
}
