//! Finds the legs that are one connection, seen at different taps or on both sides of the router at one.
//!
//! A NAT may change every address and port of a connection, the taps' clocks may be hours apart, and a proxy changes the
//! sequence numbers as well. So a leg is recognised by what a NAT keeps: its initial sequence numbers, or where
//! they ended, else what was said on it and in which rhythm. A port number or a time alone never joins two legs: two players behind one address
//! look alike in both. One tap has two legs of a connection where it sees both sides of the router, as where a connection
//! turns around in it and leaves by the interface by which it came (a hairpin). Where the router's own connection tracking was listened to, its word joins legs of which neither is
//! known: midstream ones, and those that cannot be read.

use rtspscope_wire::{TapId, TapRole};

use crate::model::{Leg, PairEvidence};
use crate::nat::order;

mod content;
mod links;

/// The legs of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Indices of the legs, the one next to the client first.
    pub legs: Vec<usize>,
    /// Position in `legs` of the leg on the private side; `None` with one leg, or where all legs are copies of one.
    pub pre: Option<usize>,
    /// Position in `legs` of the leg on the public side.
    pub post: Option<usize>,
    /// What shows that they belong together; empty with one leg.
    pub evidence: Vec<PairEvidence>,
    /// Two TCP connections: the initial sequence numbers of both directions differ.
    pub proxied: bool,
    /// The client's address differs between `pre` and `post`.
    pub client_translated: bool,
}

/// Groups every leg exactly once, without knowing on which side of the router a tap is.
pub fn pair(legs: &[Leg]) -> Vec<Group> {
    pair_with_roles(legs, |_| TapRole::Unknown)
}

/// Groups every leg exactly once; `role` helps where the addresses do not tell the sides apart.
/// Groups come in the order of their first leg in `legs`.
pub fn pair_with_roles(legs: &[Leg], role: impl Fn(TapId) -> TapRole) -> Vec<Group> {
    pair_knowing(legs, role, &[])
}

/// The same, knowing pairs of legs that the kernel's own connection tracking says to be one connection.
pub(crate) fn pair_knowing(
    legs: &[Leg],
    role: impl Fn(TapId) -> TapRole,
    tracked: &[(usize, usize)],
) -> Vec<Group> {
    let mut clusters: Vec<Cluster> = (0..legs.len()).map(Cluster::of_one).collect();
    let mut home: Vec<usize> = (0..legs.len()).collect();
    for link in links::by_sequence(legs) {
        join(legs, &mut clusters, &mut home, link);
    }
    for link in links::by_conntrack(legs, tracked) {
        join(legs, &mut clusters, &mut home, link);
    }
    for link in links::by_reached(legs) {
        join(legs, &mut clusters, &mut home, link);
    }
    for link in links::by_content(legs, |a, b| !could_join(legs, &clusters, &home, a, b)) {
        join(legs, &mut clusters, &mut home, link);
    }
    clusters
        .into_iter()
        .filter(|cluster| !cluster.legs.is_empty())
        .map(|cluster| cluster.into_group(legs, &role))
        .collect()
}

/// Two legs that were recognised as one connection.
#[derive(Clone, Debug)]
struct Link {
    a: usize,
    b: usize,
    evidence: Vec<PairEvidence>,
    proxied: bool,
}

#[derive(Clone, Debug)]
struct Cluster {
    legs: Vec<usize>,
    evidence: Vec<PairEvidence>,
    proxied: bool,
}

impl Cluster {
    fn of_one(leg: usize) -> Self {
        Self {
            legs: vec![leg],
            evidence: Vec::new(),
            proxied: false,
        }
    }

    /// Adds evidence, each kind once.
    fn believe(&mut self, evidence: Vec<PairEvidence>) {
        for evidence in evidence {
            if !self.evidence.contains(&evidence) {
                self.evidence.push(evidence);
            }
        }
    }

    fn into_group(self, legs: &[Leg], role: &impl Fn(TapId) -> TapRole) -> Group {
        let path = order::along_the_path(legs, &self.legs, role);
        Group {
            legs: path.legs,
            pre: path.pre,
            post: path.post,
            evidence: self.evidence,
            proxied: self.proxied,
            client_translated: path.client_translated,
        }
    }
}

/// Whether the clusters of two legs may become one: a tap sees a connection once, unless it sees both sides of the NAT, and
/// then the initial sequence numbers are the same, or what links the two legs knows them as such sides. Two players one
/// after the other are no such sides, however alike they talk: many cameras give everyone the same session id.
fn could_join(legs: &[Leg], clusters: &[Cluster], home: &[usize], a: usize, b: usize) -> bool {
    let members = |leg: usize| {
        home.get(leg)
            .and_then(|&at| clusters.get(at))
            .map_or(&[][..], |cluster| &cluster.legs[..])
    };
    if home.get(a) == home.get(b) {
        return false;
    }
    let (Some(leg_a), Some(leg_b)) = (legs.get(a), legs.get(b)) else {
        return false;
    };
    let ends = |leg: &Leg| (leg.client, leg.server);
    let linked_sides = leg_a.tap == leg_b.tap && ends(leg_a) != ends(leg_b);
    let are_copies = |x: &Leg, y: &Leg| ends(x) == ends(leg_a) && ends(y) == ends(leg_b);
    members(a).iter().all(|&x| {
        members(b)
            .iter()
            .all(|&y| match (legs.get(x), legs.get(y)) {
                (Some(x), Some(y)) => {
                    x.tap != y.tap || are_both_sides(x, y) || (linked_sides && are_copies(x, y))
                }
                _ => false,
            })
    })
}

/// Whether two legs of one tap are a connection before and behind the NAT.
fn are_both_sides(x: &Leg, y: &Leg) -> bool {
    let same = |x: Option<u32>, y: Option<u32>| x.is_some() && x == y;
    (x.client, x.server) != (y.client, y.server)
        && (same(x.client_isn, y.client_isn) || same(x.server_isn, y.server_isn))
}

fn join(legs: &[Leg], clusters: &mut [Cluster], home: &mut [usize], link: Link) {
    let (Some(&into), Some(&from)) = (home.get(link.a), home.get(link.b)) else {
        return;
    };
    if into == from {
        if let Some(cluster) = clusters.get_mut(into) {
            cluster.believe(link.evidence);
        }
        return;
    }
    if !could_join(legs, clusters, home, link.a, link.b) {
        return;
    }
    let (into, from) = (into.min(from), into.max(from));
    let moved = clusters.get_mut(from).map(|cluster| {
        std::mem::replace(
            cluster,
            Cluster {
                legs: Vec::new(),
                ..Cluster::of_one(0)
            },
        )
    });
    let (Some(moved), Some(target)) = (moved, clusters.get_mut(into)) else {
        return;
    };
    for &leg in &moved.legs {
        if let Some(place) = home.get_mut(leg) {
            *place = into;
        }
    }
    target.legs.extend(moved.legs);
    target.proxied |= moved.proxied || link.proxied;
    target.believe(moved.evidence);
    target.believe(link.evidence);
}

#[cfg(test)]
mod tests;
