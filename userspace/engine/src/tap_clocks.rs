//! How far each tap's clock is from the first tap's, and how fast the two part.
//!
//! Two machines have two clocks. Of a message that both saw, the times tell how far the clocks are apart, give or take
//! the way between the taps; requests go one way and responses the other, so that the way falls out of the median. Over
//! a long session even good clocks part: some ten microseconds in a second (ppm) are usual.

use rtspscope_wire::{Span, Timestamp};

use crate::model::{Exchange, Leg, Session, Tap};

/// Distance between two taps' times of one message that a router's delay does not explain.
const PLAUSIBLE_DELAY: Span = Span::from_millis(200);

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
            let mut pairs = pairs(sessions, index, &known);
            pairs.sort_unstable();
            let Some(&Pair { distance, .. }) = pairs.get(pairs.len() / 2) else {
                continue;
            };
            let apart = Span(distance).abs() > PLAUSIBLE_DELAY;
            tap.clock_offset = Some(if apart { Span(distance) } else { Span(0) });
            tap.clock_drift_ppm = drift_ppm(pairs);
        }
    }
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

/// Of each message that both this tap and a tap of known offset saw.
fn pairs(sessions: &[Session], tap: usize, known: &[Option<Span>]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for session in sessions {
        let own = session
            .legs
            .iter()
            .filter(|leg| usize::from(leg.tap.0) == tap);
        for leg in own {
            for other in &session.legs {
                let offset = known.get(usize::from(other.tap.0)).copied().flatten();
                if let Some(offset) = offset.filter(|_| other.tap != leg.tap) {
                    pairs.extend(between(leg, other).map(|(at, distance)| Pair {
                        distance: distance.0.saturating_add(offset.0),
                        at: at.0,
                    }));
                }
            }
        }
    }
    pairs
}

/// Requests go one way and responses the other, so that the median of both cancels the delay.
fn between<'l>(leg: &'l Leg, other: &'l Leg) -> impl Iterator<Item = (Timestamp, Span)> + 'l {
    leg.exchanges
        .iter()
        .filter(|exchange| exchange.cseq.is_some())
        .flat_map(move |exchange| {
            let same = |twin: &&Exchange| {
                (twin.by, twin.cseq, &twin.method) == (exchange.by, exchange.cseq, &exchange.method)
            };
            let twin = other.exchanges.iter().find(same);
            let requests =
                twin.and_then(|twin| Some((exchange.request.as_ref()?, twin.request.as_ref()?)));
            let responses =
                twin.and_then(|twin| Some((exchange.response.as_ref()?, twin.response.as_ref()?)));
            requests
                .into_iter()
                .chain(responses)
                .map(|(own, twin)| (own.at.at, own.at.at - twin.at.at))
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
}
