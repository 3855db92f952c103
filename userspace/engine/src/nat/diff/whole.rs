//! Damage to whole messages: one that came twice, out of turn, or inside the one before it.

use std::sync::Arc;

use super::message;
use crate::model::{DiffClass, Exchange, FieldDiff, Leg, Message, Side};
use crate::nat::align::AlignedPair;

/// Field name for how often a message came.
const COPIES: &str = "copies";
/// Field name for a message's place among the others of its sender.
const ORDER: &str = "order";
/// Field name for a message that is no longer one of its own.
pub(super) const MESSAGE: &str = "message";

/// What became of the whole messages, and which message of the receiver holds another one.
#[derive(Debug, Default)]
pub(super) struct Whole {
    /// The damage, in order of the pre-NAT leg.
    pub(super) diffs: Vec<FieldDiff>,
    /// The pair, and whether it is its response, that took the message behind it in.
    pub(super) holders: Vec<(usize, bool)>,
}

/// Whether both legs were seen whole, from their first packet on and inside one TCP connection.
fn comparable(pre: &Leg, post: &Leg) -> bool {
    let whole = |leg: &Leg| leg.missing_bytes == 0 && leg.dropped_messages == 0;
    let handshake = pre.client_isn.zip(post.client_isn);
    whole(pre) && whole(post) && handshake.is_some_and(|(x, y)| x == y)
}

/// Follows every message from its sender's leg to its receiver's. Nothing is concluded where a leg has gaps or began late.
pub(super) fn compare(pre: &Leg, post: &Leg, pairs: &[AlignedPair], client_inside: bool) -> Whole {
    let mut found = Whole::default();
    if !comparable(pre, post) {
        return found;
    }
    for in_response in [false, true] {
        for from in [Side::Client, Side::Server] {
            let way = Way {
                legs: [pre, post],
                from_pre: (from == Side::Client) == client_inside,
                from,
                in_response,
            };
            way.follow(pairs, &mut found);
        }
    }
    found
}

/// The requests or the responses of one side.
#[derive(Debug)]
struct Way<'a> {
    legs: [&'a Leg; 2],
    from_pre: bool,
    from: Side,
    in_response: bool,
}

type Carried<'a> = (usize, &'a Exchange, &'a Arc<Message>);

impl<'a> Way<'a> {
    fn follow(&self, pairs: &[AlignedPair], found: &mut Whole) {
        let mut last: Option<(usize, Carried<'a>)> = None;
        // What the receiver's last message does not hold of the next one, it does not hold of those behind it either.
        let mut may_hold = true;
        let mut earlier: Option<[Carried<'a>; 2]> = None;
        for (place, pair) in pairs.iter().enumerate() {
            let [sent, received] = self.by_travel([pair.a, pair.b]);
            let [sender, receiver] = self.by_travel(self.legs);
            let sent = self.carried(sender, sent);
            let received = self.carried(receiver, received);
            let diff = match (sent, received) {
                (Some(sent), Some(received)) => Some(received)
                    .filter(|received| received.1.repeats > sent.1.repeats)
                    .and_then(|received| self.doubled(sent, received))
                    .or_else(|| self.out_of_turn(sent, received, last.map(|(_, before)| before))),
                (Some(sent), None) => last
                    .filter(|(_, holder)| may_hold && holds(holder.2, sent.2))
                    .map(|(holder, (_, _, message))| {
                        found.holders.push((holder, self.in_response));
                        self.told(
                            MESSAGE,
                            sent,
                            ["by itself", "part of the one before"],
                            message,
                        )
                    }),
                (None, Some(copy)) => earlier
                    .filter(|[_, first]| first.2.raw == copy.2.raw)
                    .and_then(|[sent, _]| self.doubled(sent, copy)),
                (None, None) => None,
            };
            may_hold = received.is_some() || (may_hold && (sent.is_none() || diff.is_some()));
            found.diffs.extend(diff);
            if let Some(received) = received {
                if last.is_none_or(|(_, before)| before.0 < received.0) {
                    last = Some((place, received));
                }
                earlier = sent.map(|sent| [sent, received]).or(earlier);
            }
        }
    }

    fn by_travel<T>(&self, [pre, post]: [T; 2]) -> [T; 2] {
        if self.from_pre {
            [pre, post]
        } else {
            [post, pre]
        }
    }

    /// The message of this way in an exchange of a leg.
    fn carried(&self, leg: &'a Leg, index: Option<usize>) -> Option<Carried<'a>> {
        let index = index?;
        let exchange = leg.exchanges.get(index)?;
        let message = message(exchange, self.in_response)?;
        (message.from == self.from).then_some((index, exchange, message))
    }

    /// The receiver got the same message more often than its sender wrote it.
    fn doubled(&self, sent: Carried<'a>, received: Carried<'a>) -> Option<FieldDiff> {
        let [sender, receiver] = self.by_travel(self.legs);
        let wrote = self.copies(sender, sent.2);
        let got = self.copies(receiver, received.2);
        (got > wrote).then(|| {
            self.told(
                COPIES,
                sent,
                [&wrote.to_string(), &got.to_string()],
                received.2,
            )
        })
    }

    /// How often a leg has a message; a copy counts whether or not the first one was answered before it.
    fn copies(&self, leg: &'a Leg, of: &Message) -> u64 {
        let all = (0..leg.exchanges.len()).filter_map(|index| self.carried(leg, Some(index)));
        let equal = all.filter(|(_, _, message)| message.raw == of.raw);
        let each = equal.map(|(_, exchange, _)| {
            let again = if self.in_response {
                0
            } else {
                exchange.repeats
            };
            u64::from(again) + 1
        });
        each.sum()
    }

    /// The receiver got a request after one that its sender wrote later. Answers are told apart by their numbers.
    fn out_of_turn(
        &self,
        sent: Carried<'a>,
        received: Carried<'a>,
        last: Option<Carried<'a>>,
    ) -> Option<FieldDiff> {
        let overtaken = last.filter(|before| !self.in_response && before.0 > received.0)?;
        Some(self.told(ORDER, sent, ["in turn", "out of turn"], overtaken.2))
    }

    /// `values` as sent and as received; `at` is the place on the receiver's side.
    fn told(
        &self,
        field: &str,
        (_, exchange, sent): Carried<'a>,
        values: [&str; 2],
        at: &Message,
    ) -> FieldDiff {
        let [pre, post] = self.by_travel(values);
        let [pre_at, post_at] = self.by_travel([sent.at, at.at]);
        FieldDiff {
            method: exchange.method.clone(),
            in_response: self.in_response,
            cseq: exchange.cseq,
            field: field.to_owned(),
            pre: Some(pre.to_owned()),
            post: Some(post.to_owned()),
            pre_raw: None,
            post_raw: None,
            class: DiffClass::Corruption,
            pre_at,
            post_at,
        }
    }
}

/// Whether the first line of a message stands inside another one.
fn holds(holder: &Message, lost: &Message) -> bool {
    let line = lost.raw.split(|&byte| byte == b'\n').next();
    let line = line.unwrap_or_default().trim_ascii_end();
    let inner = holder.raw.get(1..).unwrap_or_default();
    !line.is_empty() && inner.windows(line.len()).any(|window| window == line)
}
