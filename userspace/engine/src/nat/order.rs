//! Puts the legs of one connection in order along the path and tells the private from the public side.

use std::cmp::Ordering;

use rtspscope_wire::{TapId, TapRole};

use crate::model::{Leg, Side};
use crate::nat::address::privacy;
use crate::nat::align::align;

/// The legs of one connection in order from client to server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// Indices of the legs, the one next to the client first.
    pub(crate) legs: Vec<usize>,
    /// Position in `legs` of the private side.
    pub(crate) pre: Option<usize>,
    /// Position in `legs` of the public side.
    pub(crate) post: Option<usize>,
    /// The client's address differs between them.
    pub(crate) client_translated: bool,
}

/// Orders `members` (indices into `legs`).
pub(crate) fn along_the_path(
    legs: &[Leg],
    members: &[usize],
    role: &impl Fn(TapId) -> TapRole,
) -> Path {
    let mut ordered: Vec<(usize, &Leg)> = members
        .iter()
        .filter_map(|&index| Some((index, legs.get(index)?)))
        .collect();
    ordered.sort_by_key(|(index, _)| *index);
    let votes: Vec<usize> = ordered
        .iter()
        .map(|(_, leg)| {
            ordered
                .iter()
                .filter(|(_, other)| client_side(leg, other, role) == Ordering::Less)
                .count()
        })
        .collect();
    let mut by_votes: Vec<(usize, (usize, &Leg))> = votes.into_iter().zip(ordered).collect();
    by_votes.sort_by_key(|(votes, (index, _))| (std::cmp::Reverse(*votes), *index));
    let ordered: Vec<(usize, &Leg)> = by_votes.into_iter().map(|(_, leg)| leg).collect();
    let sides = sides(&ordered, role);
    let translated = |(pre, post): (usize, usize)| match (ordered.get(pre), ordered.get(post)) {
        (Some((_, pre)), Some((_, post))) => pre.client.ip() != post.client.ip(),
        _ => false,
    };
    Path {
        client_translated: sides.is_some_and(translated),
        legs: ordered.into_iter().map(|(index, _)| index).collect(),
        pre: sides.map(|(pre, _)| pre),
        post: sides.map(|(_, post)| post),
    }
}

/// The positions of the private and of the public side: the two neighbours between which an address changes, else the
/// ends of the path. Copies of one leg have no sides.
fn sides(ordered: &[(usize, &Leg)], role: &impl Fn(TapId) -> TapRole) -> Option<(usize, usize)> {
    let last = ordered.len().checked_sub(1).filter(|&last| last > 0)?;
    let changes =
        |(x, y): (&Leg, &Leg)| x.client.ip() != y.client.ip() || x.server.ip() != y.server.ip();
    let at_change = ordered
        .windows(2)
        .position(|pair| matches!(pair, [x, y] if changes((x.1, y.1))));
    let (near, far) = at_change.map_or((0, last), |at| (at, at + 1));
    let (client_side, server_side) = (ordered.get(near)?.1, ordered.get(far)?.1);
    if is_copy(client_side, server_side) {
        return None;
    }
    let private = private_side(client_side, server_side)
        .then_with(|| role_order(role(client_side.tap), role(server_side.tap)));
    let server_side_is_private = private == Ordering::Greater
        || (private == Ordering::Equal && inside_is_server(client_side, server_side));
    Some(if server_side_is_private {
        (far, near)
    } else {
        (near, far)
    })
}

/// `Less` where `x` is nearer to the client than `y`.
fn client_side(x: &Leg, y: &Leg, role: &impl Fn(TapId) -> TapRole) -> Ordering {
    let inside_first =
        private_side(x, y).then_with(|| match role_order(role(x.tap), role(y.tap)) {
            by_role if translated(x, y) => by_role,
            _ => Ordering::Equal,
        });
    let by_address = if inside_is_server(x, y) {
        inside_first.reverse()
    } else {
        inside_first
    };
    by_address
        .then_with(|| answer_delay_order(x, y))
        .then_with(|| role_order(role(x.tap), role(y.tap)))
        .then_with(|| first_syn_order(x, y))
}

/// `Less` where one tap saw the SYN at `x` first.
fn first_syn_order(x: &Leg, y: &Leg) -> Ordering {
    if x.tap == y.tap && x.client_isn.is_some() && y.client_isn.is_some() {
        x.first.at.cmp(&y.first.at)
    } else {
        Ordering::Equal
    }
}

fn translated(x: &Leg, y: &Leg) -> bool {
    x.client.ip() != y.client.ip() || x.server.ip() != y.server.ip()
}

/// Whether the router translated the server's address: a port forward to a camera inside.
///
/// With both ends translated it is the end that is private on one side only which is inside.
pub(crate) fn inside_is_server(x: &Leg, y: &Leg) -> bool {
    let client_changes = x.client.ip() != y.client.ip();
    let server_changes = x.server.ip() != y.server.ip();
    server_changes && (!client_changes || privacy(x.server.ip()) != privacy(y.server.ip()))
}

/// `Less` where `x` is the private side, by the end that was translated.
fn private_side(x: &Leg, y: &Leg) -> Ordering {
    if inside_is_server(x, y) {
        privacy(y.server.ip()).cmp(&privacy(x.server.ip()))
    } else {
        privacy(y.client.ip()).cmp(&privacy(x.client.ip()))
    }
}

fn role_order(x: TapRole, y: TapRole) -> Ordering {
    match (x, y) {
        (TapRole::Lan, TapRole::Wan) => Ordering::Less,
        (TapRole::Wan, TapRole::Lan) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

/// `Less` where the client's requests wait longer for their answers at `x`: the time between a request and its answer
/// shrinks towards the server, whatever the taps' clocks say.
fn answer_delay_order(x: &Leg, y: &Leg) -> Ordering {
    let longer_at_x: i64 = align(x, y)
        .into_iter()
        .filter_map(|pair| {
            let (a, b) = (x.exchanges.get(pair.a?)?, y.exchanges.get(pair.b?)?);
            let wait = |exchange: &crate::model::Exchange| {
                let (request, response) = (exchange.request.as_ref()?, exchange.response.as_ref()?);
                (exchange.by == Side::Client).then_some((response.at.at - request.at.at).0)
            };
            Some(wait(a)?.saturating_sub(wait(b)?).signum())
        })
        .sum();
    0.cmp(&longer_at_x)
}

/// Whether two legs are the same packets given twice: no address differs and no message took any time between them.
fn is_copy(x: &Leg, y: &Leg) -> bool {
    let times = |leg: &Leg| -> Vec<_> {
        let messages = leg
            .exchanges
            .iter()
            .flat_map(|exchange| [&exchange.request, &exchange.response]);
        messages.flatten().map(|message| message.at.at).collect()
    };
    (x.client, x.server, x.first.at, x.last.at) == (y.client, y.server, y.first.at, y.last.at)
        && times(x) == times(y)
}
