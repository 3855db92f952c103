//! How far each tap's clock is from the first tap's, and how fast the two part.
//!
//! Two machines have two clocks. Of a message that both saw, the times tell how far the clocks are apart, and the way between
//! the taps besides: it makes the distance larger for what goes one way and smaller for what goes the other. So a message of
//! each way bounds the offset from each side, and its best estimate is the middle of the tightest bounds, as in NTP
//! (RFC 5905 §8). Over a long session even good clocks part: some ten microseconds in a second (ppm) are usual.

use std::sync::Arc;

use rtspscope_wire::Span;

use crate::model::{Exchange, Leg, Message, Session, Side, Tap};

/// Distance between two taps' times of one message that a router's delay does not explain.
const PLAUSIBLE_DELAY: Span = Span::from_millis(200);

/// What one machine's times of two interfaces may be wrong by.
const SLACK: Span = Span::from_millis(1);

/// Over a shorter time a drift is smaller than what a router's queue does to single messages.
const DRIFT_BASE: Span = Span::from_secs(30);

/// Messages without which a slope tells nothing.
const DRIFT_MESSAGES: usize = 8;

/// Messages whose pairwise slopes are compared: the square of it is the work.
const MAX_MESSAGES: usize = 128;

/// One message at two taps: when this tap saw it, and by how many ns that is later than the first tap's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    distance: i64,
    at: i64,
}

/// One exchange at two taps: the message of the client and that of the server, where both taps saw it.
type Both = [Option<Pair>; 2];

/// Estimates each tap's clock offset and drift from the messages that it shares with a tap whose offset is known.
pub(crate) fn assign(taps: &mut [Tap], sessions: &[Session]) {
    if let Some(first) = taps.first_mut() {
        first.clock_offset = Some(Span(0));
    }
    for _ in 1..taps.len().max(1) {
        let known: Vec<Option<Span>> = taps.iter().map(|tap| tap.clock_offset).collect();
        for (index, tap) in taps
            .iter_mut()
            .enumerate()
            .filter(|(_, tap)| tap.clock_offset.is_none())
        {
            let exchanges = exchanges(sessions, index, &known);
            let pairs: Vec<Pair> = exchanges.iter().flatten().flatten().copied().collect();
            let drift_ppm = drift_ppm(pairs.clone());
            let Some(apart) = apart(&exchanges, pairs, drift_ppm) else {
                continue;
            };
            tap.clock_offset = Some(apart.offset());
            tap.clock_drift_ppm = drift_ppm;
        }
    }
}

/// How far two clocks are apart.
#[derive(Clone, Copy, Debug)]
struct Apart {
    /// The best estimate.
    offset: Span,
    /// What it lies within; `None` where nothing went both ways, so that the way between the taps is in the estimate.
    bounds: Option<(i64, i64)>,
}

impl Apart {
    /// The estimate; 0 where it may as well be one clock.
    fn offset(self) -> Span {
        let may_be_one = match self.bounds {
            Some((lower, upper)) => (lower - SLACK.0..=upper + SLACK.0).contains(&0),
            None => self.offset.abs() <= PLAUSIBLE_DELAY,
        };
        if may_be_one { Span(0) } else { self.offset }
    }
}

/// How far the clocks are apart in the middle of what is known.
fn apart(exchanges: &[Both], mut pairs: Vec<Pair>, drift_ppm: Option<f64>) -> Option<Apart> {
    let ends =
        |at: fn(&Pair) -> i64| Some((pairs.iter().map(at).min()?, pairs.iter().map(at).max()?));
    let (first, last) = ends(|pair| pair.at)?;
    let middle = first.midpoint(last);
    let slope = drift_ppm.unwrap_or(0.0) / 1e6;
    // As far as the clocks would have been apart in the middle.
    let level = |pair: &Pair| {
        let parted = slope * pair.at.saturating_sub(middle) as f64;
        pair.distance.saturating_sub(parted.round() as i64)
    };
    pairs.sort_unstable_by_key(level);
    let median = level(pairs.get(pairs.len() / 2)?);
    let whole = exchanges.iter().filter_map(|both| match both {
        [Some(client), Some(server)] => Some([level(client), level(server)]),
        _ => None,
    });
    // Of two other messages that were taken for one, both distances are far off.
    let near = |[client, server]: &[i64; 2]| {
        Span(client.midpoint(*server).saturating_sub(median)).abs() <= PLAUSIBLE_DELAY
    };
    let tightest = whole
        .filter(near)
        .min_by_key(|[client, server]| client.abs_diff(*server));
    let Some([client, server]) = tightest else {
        return Some(Apart {
            offset: Span(median),
            bounds: None,
        });
    };
    // The client's messages go away from the first tap, or the server's do.
    let [above, below] = if client >= server { [0, 1] } else { [1, 0] };
    let within = client.min(server)..=client.max(server);
    let bounds = |way: usize| {
        let of_way = exchanges.iter().filter_map(move |both| both[way].as_ref());
        of_way.map(level).filter(|bound| within.contains(bound))
    };
    let (upper, lower) = (bounds(above).min()?, bounds(below).max()?);
    let (lower, upper) = if lower <= upper {
        (lower, upper)
    } else {
        (client.min(server), client.max(server))
    };
    Some(Apart {
        offset: Span(lower.midpoint(upper)),
        bounds: Some((lower, upper)),
    })
}

/// The median of the slopes between all pairs far apart (Theil and Sen), in parts per million; `None` where they are too
/// few, too near, or the slope explains no more than chance.
fn drift_ppm(mut pairs: Vec<Pair>) -> Option<f64> {
    pairs.sort_unstable_by_key(|pair| pair.at);
    let step = pairs.len().div_ceil(MAX_MESSAGES).max(1);
    let pairs: Vec<Pair> = pairs.into_iter().step_by(step).collect();
    let (first, last) = (pairs.first()?, pairs.last()?);
    let base = last.at.saturating_sub(first.at);
    if pairs.len() < DRIFT_MESSAGES || base < DRIFT_BASE.0 {
        return None;
    }
    let mut slopes: Vec<f64> = Vec::new();
    for (index, a) in pairs.iter().enumerate() {
        let behind = pairs.iter().skip(index + 1);
        let far = behind.filter(|b| b.at.saturating_sub(a.at) >= base / 3);
        slopes.extend(far.map(|b| {
            let rise = b.distance.saturating_sub(a.distance);
            rise as f64 / b.at.saturating_sub(a.at) as f64
        }));
    }
    slopes.sort_by(f64::total_cmp);
    let slope = *slopes.get(slopes.len() / 2)?;
    // What single messages stray from the line is what the slope must beat.
    let mut strays: Vec<f64> = pairs
        .iter()
        .map(|pair| {
            let expected = slope * pair.at.saturating_sub(first.at) as f64;
            pair.distance.saturating_sub(first.distance) as f64 - expected
        })
        .collect();
    strays.sort_by(f64::total_cmp);
    let quarter = strays.len() / 4;
    let spread = strays.get(strays.len() - 1 - quarter)? - strays.get(quarter)?;
    (slope.abs() * base as f64 > 2.0 * spread.max(1e5)).then_some(slope * 1e6)
}

/// Of each exchange what both this tap and a tap of known offset saw of it.
fn exchanges(sessions: &[Session], tap: usize, known: &[Option<Span>]) -> Vec<Both> {
    let mut exchanges = Vec::new();
    for session in sessions {
        let own = session
            .legs
            .iter()
            .filter(|leg| usize::from(leg.tap.0) == tap);
        for leg in own {
            for other in &session.legs {
                let offset = known.get(usize::from(other.tap.0)).copied().flatten();
                if let Some(offset) = offset.filter(|_| other.tap != leg.tap) {
                    exchanges.extend(between(leg, other, offset));
                }
            }
        }
    }
    exchanges
}

/// The same of two legs; `offset` is the known one of the other's tap.
fn between<'l>(leg: &'l Leg, other: &'l Leg, offset: Span) -> impl Iterator<Item = Both> + 'l {
    let pair = move |own: &Message, twin: &Message| Pair {
        distance: (own.at.at - twin.at.at).0.saturating_add(offset.0),
        at: own.at.at.0,
    };
    leg.exchanges
        .iter()
        .filter(|exchange| exchange.cseq.is_some())
        .filter_map(move |exchange| {
            let same = |twin: &&Exchange| {
                (twin.by, twin.cseq, &twin.method) == (exchange.by, exchange.cseq, &exchange.method)
            };
            let twin = other.exchanges.iter().find(same)?;
            let both =
                |of: fn(&Exchange) -> Option<&Arc<Message>>| Some(pair(of(exchange)?, of(twin)?));
            let request = both(|exchange| exchange.request.as_ref());
            let response = both(|exchange| exchange.response.as_ref());
            Some(match exchange.by {
                Side::Client => [request, response],
                Side::Server => [response, request],
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message a second, with the distance in µs that `distance` gives for its number.
    fn drift(messages: i64, distance: impl Fn(i64) -> i64) -> Option<f64> {
        let pair = |second: i64| Pair {
            distance: distance(second) * 1_000,
            at: second * 1_000_000_000,
        };
        drift_ppm((0..messages).map(pair).collect())
    }

    #[test]
    fn clocks_that_part_by_so_many_microseconds_a_second_drift_by_as_many_ppm() {
        let found = drift(61, |second| 3_600_000_000 + 80 * second).expect("a drift");
        assert!((found - 80.0).abs() < 0.1, "{found}");
        let found = drift(61, |second| -25 * second).expect("a drift");
        assert!((found + 25.0).abs() < 0.1, "{found}");
    }

    #[test]
    fn the_way_between_the_taps_is_no_drift() {
        assert_eq!(
            drift(61, |second| if second % 2 == 0 { 400 } else { -400 }),
            None
        );
        let found = drift(61, |second| {
            50 * second + if second % 2 == 0 { 400 } else { -400 }
        });
        assert!(
            found.is_some_and(|found| (found - 50.0).abs() < 5.0),
            "{found:?}"
        );
    }

    #[test]
    fn a_single_late_message_is_no_drift() {
        assert_eq!(
            drift(61, |second| if second == 60 { 90_000 } else { 0 }),
            None
        );
    }

    #[test]
    fn a_short_talk_tells_no_drift() {
        assert_eq!(drift(30, |second| 80 * second), None);
        assert_eq!(drift(7, |second| 80_000 * second), None);
    }

    /// An exchange in µs: when it was, and the distances of the client's and of the server's message.
    fn exchange(at: i64, client: i64, server: i64) -> Both {
        [client, server].map(|distance| {
            Some(Pair {
                distance: distance * 1_000,
                at: at * 1_000,
            })
        })
    }

    #[test]
    fn an_offset_that_no_delay_explains_is_told_however_small() {
        let told = |exchanges: &[Both]| {
            let pairs: Vec<Pair> = exchanges.iter().flatten().flatten().copied().collect();
            apart(exchanges, pairs, None).unwrap().offset().0 / 1_000
        };
        // The clock is 150 ms ahead, the way 300 µs.
        let ahead = [exchange(0, 150_300, 149_700), exchange(9, 150_300, 149_700)];
        assert_eq!(told(&ahead), 150_000);
        assert_eq!(
            told(&[exchange(0, 60_000, -70_000), exchange(9, 50_000, -80_000)]),
            0
        );
        assert_eq!(
            told(&[exchange(0, 1_300, 700)]),
            0,
            "one machine may be wrong by so much"
        );
    }

    fn offset_us(exchanges: &[Both]) -> Option<i64> {
        let pairs: Vec<Pair> = exchanges.iter().flatten().flatten().copied().collect();
        let drift = drift_ppm(pairs.clone());
        Some(apart(exchanges, pairs, drift)?.offset.0 / 1_000)
    }

    #[test]
    fn the_way_between_the_taps_falls_out() {
        for hour in [3_600_000_000, -3_600_000_000] {
            let exchanges = [
                exchange(0, hour + 900, hour - 300),
                exchange(100, hour + 300, hour - 800),
                exchange(200, hour + 400, hour - 400),
            ];
            assert_eq!(offset_us(&exchanges), Some(hour));
            let turned = exchanges.map(|[client, server]| [server, client]);
            assert_eq!(offset_us(&turned), Some(hour));
        }
    }

    #[test]
    fn a_message_that_one_tap_saw_at_its_second_try_only_bounds_nothing() {
        let exchanges = [
            exchange(0, 137_250_300, 137_249_700),
            exchange(100, 137_050_300, 137_249_700),
            exchange(200, 137_250_300, 137_449_700),
        ];
        assert_eq!(offset_us(&exchanges), Some(137_250_000));
    }

    #[test]
    fn an_exchange_that_was_taken_for_another_one_tells_nothing() {
        let mut exchanges = vec![exchange(0, 9_000_001, 8_999_999)];
        exchanges.extend((1..4).map(|at| exchange(at, 5_000_300, 4_999_700)));
        assert_eq!(offset_us(&exchanges), Some(5_000_000));
    }

    #[test]
    fn clocks_that_part_are_compared_in_the_middle() {
        let parted = |second: i64| 7_000_000 + 80 * second;
        let exchanges: Vec<Both> = (0..61)
            .map(|second| {
                let way = 300 + 10 * (second % 7);
                exchange(
                    second * 1_000_000,
                    parted(second) + way,
                    parted(second) - way,
                )
            })
            .collect();
        let found = offset_us(&exchanges).expect("an offset");
        assert!((found - parted(30)).abs() <= 20, "{found}");
    }

    #[test]
    fn one_way_alone_leaves_the_way_in_it() {
        let requests: Vec<Both> = (0..3)
            .map(|at| [exchange(at, 5_000_300, 0)[0], None])
            .collect();
        assert_eq!(offset_us(&requests), Some(5_000_300));
        assert_eq!(offset_us(&[]), None);
    }
}
