//! Proposes links between legs, the surest first.

use std::collections::{BTreeMap, BTreeSet};

use rtspscope_wire::Span;

use super::Link;
use super::content::{self, Likeness};
use crate::model::{Leg, PairEvidence};

/// How many legs of one presentation are compared with a leg, those nearest in time first.
const CONTENT_NEIGHBOURS: usize = 64;

/// So much later a tap that sees both sides of the router has the same SYN again, at most.
const SAME_SYN: Span = Span::from_secs(1);

/// Clocks of two taps are believed this far apart when only one direction's initial sequence number is known.
const HALF_KNOWN_CLOCK_OFFSET: Span = Span::from_secs(48 * 3600);

/// Links by equal initial sequence numbers: 64 bits where both directions are known; where one is, the other must not
/// contradict it and one end must agree as well. Two legs of one tap are between other ends besides, and of a SYN that
/// nobody answered the tap sees the other side's at once.
pub(super) fn by_sequence(legs: &[Leg]) -> Vec<Link> {
    let mut found: Vec<(u32, i64, Link)> = Vec::new();
    let mut seen = BTreeSet::new();
    for isn in [|leg: &Leg| leg.client_isn, |leg: &Leg| leg.server_isn] {
        let mut alike: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (index, leg) in legs.iter().enumerate() {
            if let Some(number) = isn(leg) {
                alike.entry(number).or_default().push(index);
            }
        }
        for same in alike.values().filter(|same| distinctive(legs, same)) {
            for (position, &a) in same.iter().enumerate() {
                for &b in same.iter().skip(position + 1) {
                    if seen.insert((a, b)) {
                        found.extend(sequence_link(legs, a, b));
                    }
                }
            }
        }
    }
    found.sort_by_key(|(bits, offset, link)| (std::cmp::Reverse(*bits), *offset, link.a, link.b));
    found.into_iter().map(|(_, _, link)| link).collect()
}

/// A sequence number that several different connections of one tap began with tells nothing (made-up captures do that).
fn distinctive(legs: &[Leg], same: &[usize]) -> bool {
    let mut flows: Vec<_> = same
        .iter()
        .filter_map(|&index| legs.get(index))
        .map(|leg| (leg.tap, leg.client, leg.server))
        .collect();
    flows.sort_unstable();
    flows.dedup();
    // An `any` capture of the router itself sees both sides of a NAT at one tap: two flows at a tap, not more.
    flows
        .chunk_by(|x, y| x.0 == y.0)
        .all(|at_one_tap| at_one_tap.len() <= 2)
}

fn sequence_link(legs: &[Leg], a: usize, b: usize) -> Option<(u32, i64, Link)> {
    let (x, y) = (legs.get(a)?, legs.get(b)?);
    let client = agreement(x.client_isn, y.client_isn);
    let server = agreement(x.server_isn, y.server_isn);
    let likeness = content::likeness(x, y);
    let offset = (y.first.at - x.first.at).abs();
    let known_end = have_one_end(x, y);
    let both = client == Some(true) && server == Some(true);
    // One equal number: the other direction was not seen, or a firewall renumbers one direction (then content decides).
    let half = match (client, server) {
        (Some(true), None) | (None, Some(true)) => {
            offset <= HALF_KNOWN_CLOCK_OFFSET && (known_end || likeness.matches >= 2)
        }
        (Some(true), Some(false)) | (Some(false), Some(true)) => likeness.matches >= 2,
        _ => false,
    };
    let one_tap = x.tap == y.tap;
    let is_other_side = (x.client, x.server) != (y.client, y.server)
        && (both
            || (half
                && client == Some(true)
                && server.is_none()
                && known_end
                && offset <= SAME_SYN));
    if (one_tap && !is_other_side) || likeness.contradicts || !(both || half) {
        return None;
    }
    let mut evidence = vec![PairEvidence::TcpSequence];
    if likeness.convinces() {
        evidence.push(PairEvidence::Content);
    }
    Some((
        if both { 64 } else { 32 },
        offset.0,
        Link {
            a,
            b,
            evidence,
            proxied: false,
        },
    ))
}

/// Bytes by which a direction of one connection may be farther at one of two taps: one of them was stopped a moment later.
const A_MOMENT: u32 = 1 << 20;

/// Links of connections that began before a capture, by where their sequence numbers ended: at the same of one direction and at
/// nearly the same of the other. One end must agree as well.
pub(super) fn by_reached(legs: &[Leg]) -> Vec<Link> {
    let mut alike: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (index, leg) in legs.iter().enumerate() {
        let reached = [leg.from_client.reached, leg.from_server.reached];
        for reached in reached.into_iter().flatten() {
            alike.entry(reached).or_default().push(index);
        }
    }
    let mut pairs = BTreeSet::new();
    for same in alike.values().filter(|same| distinctive(legs, same)) {
        for (position, &a) in same.iter().enumerate() {
            let later = same.iter().skip(position + 1);
            pairs.extend(later.map(|&b| (a.min(b), a.max(b))));
        }
    }
    let links = pairs.into_iter().filter_map(|(a, b)| {
        let (x, y) = (legs.get(a)?, legs.get(b)?);
        let likeness = content::likeness(x, y);
        if x.tap == y.tap || !ended_alike(x, y) || !have_one_end(x, y) || likeness.contradicts {
            return None;
        }
        let mut evidence = vec![PairEvidence::TcpSequence];
        if likeness.convinces() {
            evidence.push(PairEvidence::Content);
        }
        Some(Link {
            a,
            b,
            evidence,
            proxied: false,
        })
    });
    links.collect()
}

/// Whether both directions came as far at two legs of which initial sequence numbers tell nothing.
fn ended_alike(x: &Leg, y: &Leg) -> bool {
    let apart = |x: Option<u32>, y: Option<u32>| {
        let apart = x?.wrapping_sub(y?).cast_signed();
        Some(apart.unsigned_abs())
    };
    let untold = agreement(x.client_isn, y.client_isn).is_none()
        && agreement(x.server_isn, y.server_isn).is_none();
    let client = apart(x.from_client.reached, y.from_client.reached);
    let server = apart(x.from_server.reached, y.from_server.reached);
    client.zip(server).is_some_and(|(client, server)| {
        untold && client.min(server) == 0 && client.max(server) <= A_MOMENT
    })
}

/// Links by the kernel's word, with what the messages add to it.
pub(super) fn by_conntrack(legs: &[Leg], tracked: &[(usize, usize)]) -> Vec<Link> {
    let links = tracked.iter().filter_map(|&(a, b)| {
        let mut evidence = vec![PairEvidence::Conntrack];
        if content::likeness(legs.get(a)?, legs.get(b)?).convinces() {
            evidence.push(PairEvidence::Content);
        }
        Some(Link {
            a,
            b,
            evidence,
            proxied: false,
        })
    });
    links.collect()
}

/// Whether an end, or the client's port, is the same at both.
fn have_one_end(x: &Leg, y: &Leg) -> bool {
    x.server == y.server || x.client == y.client || x.client.port() == y.client.port()
}

fn agreement(x: Option<u32>, y: Option<u32>) -> Option<bool> {
    Some(x? == y?)
}

/// Links by what was said, and by numbers that go on where nothing was said twice: for a connection that a proxy ends, and for
/// captures that began midstream.
///
/// Without a common session id only a leg with a single best partner is linked: two players that do the same at the
/// same pace cannot be told apart, and a guess would blame the wrong one. `taken` tells pairs that need no link.
pub(super) fn by_content(legs: &[Leg], taken: impl Fn(usize, usize) -> bool) -> Vec<Link> {
    let mut found: Vec<(Likeness, Link)> = Vec::new();
    for (a, b) in content::candidates(legs, CONTENT_NEIGHBOURS) {
        let (Some(x), Some(y)) = (legs.get(a), legs.get(b)) else {
            continue;
        };
        if taken(a, b) || (x.tap == y.tap && !content::is_passed_on(x, y)) {
            continue;
        }
        let likeness = content::likeness(x, y);
        let by_talk = likeness.convinces();
        if likeness.contradicts || !(by_talk || likeness.is_one_stream()) {
            continue;
        }
        let evidence = if by_talk {
            PairEvidence::Content
        } else {
            PairEvidence::TcpSequence
        };
        let proxied = agreement(x.client_isn, y.client_isn) == Some(false)
            || agreement(x.server_isn, y.server_isn) == Some(false);
        found.push((
            likeness,
            Link {
                a,
                b,
                evidence: vec![evidence],
                proxied,
            },
        ));
    }
    found.sort_by_key(|(likeness, link)| (likeness.rank(), link.a, link.b));
    let rivals: Vec<bool> = found
        .iter()
        .map(|(likeness, link)| has_rival(legs, &found, likeness, link))
        .collect();
    found
        .into_iter()
        .zip(rivals)
        .filter(|(_, rival)| !rival)
        .map(|((_, link), _)| link)
        .collect()
}

/// Whether one end of the link has another partner at the same tap that fits about as well.
fn has_rival(legs: &[Leg], found: &[(Likeness, Link)], likeness: &Likeness, link: &Link) -> bool {
    let tap = |index: usize| legs.get(index).map(|leg| leg.tap);
    found.iter().any(|(other_likeness, other)| {
        let shares_a = (other.a == link.a && other.b != link.b && tap(other.b) == tap(link.b))
            || (other.b == link.a && tap(other.a) == tap(link.b));
        let shares_b = (other.b == link.b && other.a != link.a && tap(other.a) == tap(link.a))
            || (other.a == link.b && tap(other.b) == tap(link.a));
        (shares_a || shares_b) && !likeness.clearly_better_than(other_likeness)
    })
}
