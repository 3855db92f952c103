//! Whether two messages may be one although they do not say so: by where they stand in their streams, else by their times.
//!
//! Of captures that did not begin and end together, and of those that keep too little of a frame, each leg has messages that
//! the other lacks. As many on both sides are then no proof that they are the same ones.

use rtspscope_wire::Span;

use super::AlignedPair;
use crate::model::{Exchange, Leg, Message, Side};

/// Times of one message at two taps may differ by so much more than those of its neighbours: queues, retransmissions.
const TOLERANCE: Span = Span::from_millis(1500);

/// Sequence numbers that are farther apart are not counted from the same begin, where nothing else relates them.
const FAR: u32 = 1 << 24;

/// What the messages that both legs have tell of the others.
#[derive(Debug)]
pub(super) struct Likely<'a> {
    legs: [&'a Leg; 2],
    /// Neither places nor times of two connections can be held against each other.
    proxied: bool,
    /// By how much the second leg's sequence numbers are ahead, of what the client sends and of what the server sends.
    ahead: [Option<u32>; 2],
    /// By how much its times are.
    later: Option<Span>,
}

impl<'a> Likely<'a> {
    /// Knows what the handshake tells, and `first`, the first pair of exchanges of one identity.
    pub(super) fn new(legs: [&'a Leg; 2], first: Option<AlignedPair>) -> Self {
        let [a, b] = legs;
        let ahead = |x: Option<u32>, y: Option<u32>| Some(y?.wrapping_sub(x?));
        let ahead = [
            ahead(a.client_isn, b.client_isn),
            ahead(a.server_isn, b.server_isn),
        ];
        let mut likely = Self {
            legs,
            proxied: ahead.iter().flatten().all(|ahead| *ahead != 0) && ahead != [None; 2],
            ahead,
            later: None,
        };
        likely.take_in(first, |_, _| 0);
        likely
    }

    /// Takes in what a pair tells of the messages behind it.
    pub(super) fn note(&mut self, pair: AlignedPair) {
        self.take_in(Some(pair), |x, y| {
            // How much longer a message became is not known where a capture has not all of it.
            let whole = !x.is_cut() && !y.is_cut();
            let len = |message: &Message| message.raw.len() as u32;
            if whole {
                len(y).wrapping_sub(len(x))
            } else {
                0
            }
        });
    }

    /// Takes in how far the messages of a pair are apart, and by how much more what is behind them.
    fn take_in(&mut self, pair: Option<AlignedPair>, grown: fn(&Message, &Message) -> u32) {
        let [a, b] = self.legs;
        let at = |leg: &'a Leg, index: Option<usize>| leg.exchanges.get(index?);
        let both = pair.and_then(|pair| Some((at(a, pair.a)?, at(b, pair.b)?)));
        let Some((x, y)) = both else {
            return;
        };
        for (x, y) in copies(x, y) {
            if let Some(apart) = self.apart(x, y) {
                self.ahead[way(x)] = Some(apart.wrapping_add(grown(x, y)));
            }
        }
        let later = copies(x, y).next().map(|(x, y)| y.at.at - x.at.at);
        self.later = later.or(self.later);
    }

    /// Whether two exchanges may be one: all that both legs have of them, since the answer of another may stand with a
    /// request whose own is not readable.
    pub(super) fn may_be_one(&self, x: &Exchange, y: &Exchange) -> bool {
        self.proxied
            || copies(x, y).all(|(x, y)| {
                let by_place = self.stand_together(x, y);
                by_place
                    .or_else(|| self.pass_together(x, y))
                    .unwrap_or(true)
            })
    }

    /// Whether two messages share a place in their streams; `None` where that is not known.
    fn stand_together(&self, x: &Message, y: &Message) -> Option<bool> {
        let apart = self.apart(x, y)?;
        let ahead = self.ahead[way(x)];
        let off = apart.wrapping_sub(ahead.unwrap_or(0)).cast_signed();
        let comparable = ahead.is_some() || off.unsigned_abs() < FAR;
        let earlier = if off < 0 { y } else { x };
        let off = off.unsigned_abs();
        comparable.then_some((off as usize) < earlier.raw.len())
    }

    /// Whether two messages passed their taps together; `None` where nothing tells what that means.
    fn pass_together(&self, x: &Message, y: &Message) -> Option<bool> {
        let off = (y.at.at - x.at.at) - self.later?;
        Some(off.abs() <= TOLERANCE)
    }

    /// By how much the sequence number of the second message is ahead.
    fn apart(&self, x: &Message, y: &Message) -> Option<u32> {
        let number = |leg: &Leg, message: &Message| {
            let begin = leg.delivery(message.from).begin?;
            Some(begin.wrapping_add(message.at.stream_offset? as u32))
        };
        let [a, b] = self.legs;
        Some(number(b, y)?.wrapping_sub(number(a, x)?))
    }
}

/// The request and the response of two exchanges, where both legs have it and the same end sent it.
fn copies<'b>(
    x: &'b Exchange,
    y: &'b Exchange,
) -> impl Iterator<Item = (&'b Message, &'b Message)> {
    let requests = x.request.as_deref().zip(y.request.as_deref());
    let responses = x.response.as_deref().zip(y.response.as_deref());
    let copies = requests.into_iter().chain(responses);
    copies.filter(|(x, y)| x.from == y.from)
}

fn way(message: &Message) -> usize {
    usize::from(message.from == Side::Server)
}
