//! Rows of what was said on the connection: its begin, its messages, answers that never came, its end.

use rtspscope_engine::Locator;
use rtspscope_engine::model::{DiffClass, Exchange, FieldDiff, Leg, Message, Side};
use rtspscope_engine::nat::align::align;
use rtspscope_wire::Span;

use super::{Making, Row, Said, Seen, What, on_first_clock};
use crate::output::privacy::own;

/// One exchange: its index at each leg.
type Aligned = Vec<Option<usize>>;

/// Time after which an answer counts as missing, and not merely as not come yet.
const PATIENCE: Span = Span::from_millis(500);

pub(super) fn rows(making: &Making<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(open(making));
    for aligned in exchanges(making) {
        rows.extend(message(making, &aligned, false));
        rows.extend(message(making, &aligned, true));
        rows.extend(unanswered(making, &aligned));
    }
    rows.extend(close(making));
    rows
}

fn open(making: &Making<'_>) -> Option<Row> {
    let encrypted = making.session.legs.iter().any(|leg| leg.encrypted);
    let seen = of_legs(making, |leg| Seen::Passed {
        at: leg.first,
        packets: None,
    });
    let label = if encrypted {
        "connects (TLS: nothing more can be read)"
    } else {
        "connects"
    };
    let at = making.first(&seen)?;
    let what = What::Open { encrypted };
    Some(making.row(at, Some(Side::Client), what, label.to_owned(), seen))
}

/// The end as each side of the connection made it: taps need not agree who did, where something between them did.
fn close(making: &Making<'_>) -> Vec<Row> {
    let sides = [Side::Client, Side::Server].into_iter();
    sides.filter_map(|by| close_by(making, by)).collect()
}

fn close_by(making: &Making<'_>, by: Side) -> Option<Row> {
    let of_leg = |leg: &Leg| leg.closed.filter(|close| close.by == by);
    let closed = making.session.legs.iter().find_map(of_leg)?;
    let passed = |leg: &Leg| {
        of_leg(leg).map(|close| Seen::Passed {
            at: close.at,
            packets: None,
        })
    };
    let first = making.first(&of_legs(making, |leg| passed(leg).unwrap_or(Seen::Unknown)))?;
    let seen = making.seen(|index| {
        let leg = making.session.legs.get(index);
        leg.and_then(passed)
            .unwrap_or_else(|| not_closed(making, index, first))
    });
    let label = match (closed.reset, is_made_on_the_way(&seen, by)) {
        (true, true) => "the connection is reset in its name, by something on the way",
        (false, true) => "the connection is closed in its name, by something on the way",
        (true, false) => "resets the connection",
        (false, false) => "closes the connection",
    };
    let what = What::Close {
        reset: closed.reset,
    };
    Some(making.row(first, Some(by), what, label.to_owned(), seen))
}

/// What a leg without that end says: it did not pass, where its tap watched on and lacks nothing.
fn not_closed(making: &Making<'_>, index: usize, first: Locator) -> Seen {
    let clock = |tap, at| on_first_clock(making.snapshot, tap, at);
    let went_on = making.session.legs.get(index).is_some_and(|leg| {
        let tap = super::tap_of(making.snapshot, leg.tap);
        let until = tap.and_then(|tap| tap.watched_until);
        let until = until
            .is_some_and(|until| clock(leg.tap, until) >= clock(first.tap, first.at) + PATIENCE);
        until && leg.closed.is_none()
    });
    if went_on && making.snapshot.losses.is_empty() {
        absent(making, index)
    } else {
        Seen::Unknown
    }
}

/// Whether the tap nearest to the end that is said to have sent it did not see it, and another one did.
fn is_made_on_the_way(seen: &[Seen], by: Side) -> bool {
    let nearest = match by {
        Side::Client => seen.first(),
        Side::Server => seen.last(),
    };
    nearest == Some(&Seen::Not)
}

/// All exchanges, each once.
fn exchanges(making: &Making<'_>) -> Vec<Aligned> {
    let legs = &making.session.legs;
    let Some((near, others)) = legs.split_first() else {
        return Vec::new();
    };
    let with = |leg: usize, index: Option<usize>| {
        let mut aligned = vec![None; legs.len()];
        if let Some(slot) = aligned.get_mut(leg) {
            *slot = index;
        }
        aligned
    };
    let mut all: Vec<Aligned> = (0..near.exchanges.len())
        .map(|index| with(0, Some(index)))
        .collect();
    for (leg, other) in (1..).zip(others) {
        for pair in align(near, other) {
            let known = pair.a.and_then(|near| all.get_mut(near)?.get_mut(leg));
            match known {
                Some(slot) => *slot = pair.b,
                None if pair.b.is_some() => all.push(with(leg, pair.b)),
                None => {}
            }
        }
    }
    all
}

fn message(making: &Making<'_>, aligned: &Aligned, is_response: bool) -> Option<Row> {
    let at_leg = |leg: usize| {
        let exchange = exchange(making, aligned, leg)?;
        Some((exchange, part(exchange, is_response)?))
    };
    let (exchange, shown) = (0..aligned.len()).find_map(at_leg)?;
    let passed = |message: &Message| Seen::Passed {
        at: message.at,
        packets: None,
    };
    let seen = making.seen(|leg| {
        at_leg(leg).map_or_else(|| absent(making, leg), |(_, message)| passed(message))
    });
    let at = making.first(&seen)?;
    let of_legs = || (0..aligned.len()).filter_map(at_leg);
    let changes = changes(making, of_legs().map(|(_, message)| message), is_response);
    let repeats = of_legs().map(|(exchange, _)| exchange.repeats).max();
    let said = Said {
        method: own(&exchange.method),
        cseq: exchange.cseq,
        status: shown.status,
        is_response,
        exchange: aligned.clone(),
        is_broken: changes
            .iter()
            .any(|(_, diff)| diff.class == DiffClass::Corruption),
        changes: changes.iter().map(|(index, _)| *index).collect(),
        anomalies: of_legs()
            .map(|(_, message)| message.anomalies.len())
            .max()
            .unwrap_or(0),
        repeats: repeats.filter(|_| !is_response).unwrap_or(0),
    };
    let label = label(making, shown, &said);
    Some(making.row(at, Some(shown.from), What::Message(said), label, seen))
}

fn exchange<'a>(making: &Making<'a>, aligned: &Aligned, leg: usize) -> Option<&'a Exchange> {
    let index = (*aligned.get(leg)?)?;
    making.session.legs.get(leg)?.exchanges.get(index)
}

fn part(exchange: &Exchange, is_response: bool) -> Option<&Message> {
    if is_response {
        exchange.response.as_deref()
    } else {
        exchange.request.as_deref()
    }
}

/// What a leg without the message says: it did not pass, unless bytes of it are missing.
fn absent(making: &Making<'_>, leg: usize) -> Seen {
    match making.session.legs.get(leg) {
        Some(leg) if !leg.encrypted && leg.missing_bytes == 0 && !leg.lacks_messages() => Seen::Not,
        Some(_) | None => Seen::Unknown,
    }
}

/// The differences between these copies of one message.
fn changes<'a, 'm>(
    making: &Making<'a>,
    copies: impl Iterator<Item = &'m Message>,
    is_response: bool,
) -> Vec<(usize, &'a FieldDiff)> {
    let Some(nat) = &making.session.nat else {
        return Vec::new();
    };
    let places: Vec<Locator> = copies.map(|message| message.at).collect();
    let is_own = |diff: &FieldDiff| {
        diff.in_response == is_response
            && places.contains(&diff.pre_at)
            && places.contains(&diff.post_at)
    };
    let rewrites = nat.rewrites.iter().enumerate();
    rewrites.filter(|(_, diff)| is_own(diff)).collect()
}

/// The first line, without what all of them have in common.
fn label(making: &Making<'_>, message: &Message, said: &Said) -> String {
    let start = message
        .raw
        .split(|byte| matches!(byte, b'\r' | b'\n'))
        .next()
        .unwrap_or_default();
    let start = making.privacy.text(&String::from_utf8_lossy(start));
    let start = start.trim_start_matches("RTSP/1.0 ");
    let start = start.trim_end_matches(" RTSP/1.0");
    if said.is_response && !said.method.is_empty() {
        format!("{start} ({})", said.method)
    } else {
        start.to_owned()
    }
}

/// A request without an answer at the leg next to the one who asked.
fn unanswered(making: &Making<'_>, aligned: &Aligned) -> Option<Row> {
    let at_leg = |leg: usize| exchange(making, aligned, leg);
    let mut legs = 0..aligned.len();
    let asker = legs.clone().find_map(at_leg)?.by;
    let near = if asker == Side::Client {
        legs.find(|leg| at_leg(*leg).is_some())?
    } else {
        legs.rfind(|leg| at_leg(*leg).is_some())?
    };
    let exchange = at_leg(near)?;
    let request = exchange.request.as_deref()?;
    if exchange.response.is_some() || exchange.is("TEARDOWN") {
        return None;
    }
    let until = watched_until(making, making.session.legs.get(near)?);
    let waited = until.at - request.at.at;
    if waited < PATIENCE {
        return None;
    }
    let method = own(&exchange.method);
    let label = format!("no answer to {method} in {:.1} s", waited.as_secs_f64());
    let what = What::Unanswered { waited };
    Some(making.row(until, None, what, label, making.unseen()))
}

/// Until when an answer could have been seen: the end of the connection, else of the tap's watch.
fn watched_until(making: &Making<'_>, leg: &Leg) -> Locator {
    let tap = super::tap_of(making.snapshot, leg.tap);
    let watched = tap.and_then(|tap| tap.watched_until);
    let end = leg.closed.map_or(watched, |close| Some(close.at.at));
    Locator {
        at: end.unwrap_or(leg.last.at),
        ..leg.last
    }
}

fn of_legs(making: &Making<'_>, of: impl Fn(&Leg) -> Seen) -> Vec<Seen> {
    making.seen(|leg| making.session.legs.get(leg).map_or(Seen::Unknown, &of))
}
