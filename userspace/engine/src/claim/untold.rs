//! Media over UDP whose SETUP no message shows: it came before the capture began, or the connection is encrypted.
//!
//! Then packets alone can tell, and they are believed only where several signs agree: RTP that goes on in sequence, between
//! the hosts of the RTSP connection, with no other connection between those hosts that might have set it up. What else
//! fits, reports, the same source at another tap, the RTP-Info of a later PLAY, is told with the medium.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::FixedState;
use rtspscope_wire::TapId;

use super::Unit;
use super::medium::{self, Found};
use super::seat::Seat;
use crate::model::{Leg, MediaDirection, Session, SessionState, TransportKind};

/// Packets of one source that are taken for media without any message that tells of them.
const SURE_PACKETS: u64 = 10;

/// Connections between two hosts that are told apart by time; of more nobody can say whose a flow is.
const MAX_OWNERS: usize = 64;

/// Tap, client and server.
type Hosts = (TapId, IpAddr, IpAddr);

/// A leg whose session may have set up media of which no message tells.
#[derive(Clone, Copy, Debug)]
struct Owner {
    session: usize,
    leg: usize,
    /// Its SETUPs cannot be seen; otherwise it only lacks the media that it set up.
    hides_setups: bool,
}

/// Gives such media to their sessions, with seats for them, and marks what they took.
pub(super) fn adopt(
    sessions: &mut [Session],
    seats: &mut Vec<Seat>,
    units: &[Unit<'_>],
    taken: &mut [bool],
) {
    let owners = owners(sessions, seats, units);
    if owners.is_empty() {
        return;
    }
    let mut found = sure(sessions, &owners, units, taken);
    if found.is_empty() {
        return;
    }
    add_beside(sessions, &owners, units, taken, &mut found);
    for (index, session) in sessions.iter_mut().enumerate() {
        let own: Vec<&Found> = found
            .iter()
            .filter(|found| found.session == index)
            .collect();
        if own.is_empty() {
            continue;
        }
        for at_legs in medium::across_legs(&own, session.legs.len(), units) {
            seats.extend(medium::seats(session, index, &at_legs));
            session.media.push(medium::stream(session, &at_legs, units));
        }
        if session.transport == TransportKind::Unknown {
            session.transport = TransportKind::Udp;
        }
        if session.state == SessionState::Negotiating {
            session.state = SessionState::Playing;
        }
    }
}

/// Units of RTP that nobody has and that are no look-alikes, those with most packets first.
pub(super) fn unclaimed(units: &[Unit<'_>], taken: &[bool]) -> Vec<usize> {
    let free = (0..units.len()).filter(|index| !taken[*index]);
    let mut sure: Vec<usize> = free.filter(|index| is_sure(&units[*index])).collect();
    sure.sort_by_key(|index| std::cmp::Reverse(units[*index].rtp_packets()));
    sure
}

/// Whether it is RTP in sequence, of which at least half came.
fn is_sure(unit: &Unit<'_>) -> bool {
    let media = unit.epoch.media.as_deref();
    let main = media.and_then(|media| media.stats.main_source());
    unit.epoch.is_media()
        && main.is_some_and(|main| {
            main.packets >= SURE_PACKETS && main.lost().saturating_mul(2) <= main.expected()
        })
}

type Owners = HashMap<Hosts, Vec<Owner>, FixedState>;

/// The legs that may own media beyond what their messages tell; none where all of them are as they should be.
fn owners(sessions: &[Session], seats: &[Seat], units: &[Unit<'_>]) -> Owners {
    let mut lacking: Vec<(usize, usize)> = seats
        .iter()
        .filter(|seat| seat.by_udp && !has_rtp(seat, units))
        .map(|seat| (seat.session, seat.leg))
        .collect();
    lacking.sort_unstable();
    let mut owners = Owners::default();
    let mut any_hides = false;
    for (session_index, session) in sessions.iter().enumerate() {
        for (leg_index, leg) in session.legs.iter().enumerate() {
            let hides_setups = hides_setups(session, leg);
            if !hides_setups && lacking.binary_search(&(session_index, leg_index)).is_err() {
                continue;
            }
            any_hides |= hides_setups;
            let hosts = (leg.tap, leg.client.ip(), leg.server.ip());
            owners.entry(hosts).or_default().push(Owner {
                session: session_index,
                leg: leg_index,
                hides_setups,
            });
        }
    }
    if any_hides { owners } else { Owners::default() }
}

fn has_rtp(seat: &Seat, units: &[Unit<'_>]) -> bool {
    let own = seat.own().iter().filter_map(|index| units.get(*index));
    own.into_iter().any(|unit| unit.rtp_packets() > 0)
}

/// Whether SETUPs of a leg may be unseen, and its media are not known to come in the connection.
fn hides_setups(session: &Session, leg: &Leg) -> bool {
    let in_band = |transport| matches!(transport, TransportKind::Tcp | TransportKind::HttpTunnel);
    (leg.began_before() || leg.encrypted) && !in_band(session.transport)
}

/// The flow's way as seen from a connection: its hosts at that tap, the client's end, the server's, and who sends.
fn ways(unit: &Unit<'_>) -> [(Hosts, SocketAddr, SocketAddr, MediaDirection); 2] {
    let (tap, from, to) = (unit.flow.tap, unit.flow.from, unit.flow.to);
    [
        (
            (tap, to.ip(), from.ip()),
            to,
            from,
            MediaDirection::FromServer,
        ),
        (
            (tap, from.ip(), to.ip()),
            from,
            to,
            MediaDirection::FromClient,
        ),
    ]
}

/// The one leg that can have set up what the unit carries.
fn owner(sessions: &[Session], owners: &[Owner], unit: &Unit<'_>) -> Option<Owner> {
    if owners.len() > MAX_OWNERS {
        return None;
    }
    let is_open = |owner: &&Owner| {
        let leg = &sessions[owner.session].legs[owner.leg];
        let is_closed_before = leg
            .closed
            .is_some_and(|close| close.at.at < unit.epoch.first.at);
        let begins_after = !owner.hides_setups && leg.first.at > unit.epoch.last.at;
        !is_closed_before && !begins_after
    };
    let open: Vec<&Owner> = owners.iter().filter(is_open).collect();
    match open[..] {
        [owner] if owner.hides_setups => Some(*owner),
        _ => None,
    }
}

/// What is media without doubt, by leg and pair of ends.
fn sure(
    sessions: &[Session],
    owners: &Owners,
    units: &[Unit<'_>],
    taken: &mut [bool],
) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        if taken[index] || !is_sure(unit) {
            continue;
        }
        for (hosts, client_end, server_end, direction) in ways(unit) {
            let Some(owner) = owners
                .get(&hosts)
                .and_then(|owners| owner(sessions, owners, unit))
            else {
                continue;
            };
            taken[index] = true;
            let new = Found {
                session: owner.session,
                leg: owner.leg,
                direction,
                client_end,
                server_end,
                own: vec![index],
                answers: Vec::new(),
            };
            let known = found.iter().position(|found| found.is_same_way(&new));
            match known {
                Some(known) => found[known].own.push(index),
                None if found.len() < medium::MAX_FOUND => found.push(new),
                None => taken[index] = false,
            }
            break;
        }
    }
    found
}

/// Adds what goes beside the media: reports, hole punches, a few packets of RTP more.
fn add_beside(
    sessions: &[Session],
    owners: &Owners,
    units: &[Unit<'_>],
    taken: &mut [bool],
    found: &mut [Found],
) {
    for (index, unit) in units.iter().enumerate() {
        if taken[index] {
            continue;
        }
        for (hosts, client_end, server_end, direction) in ways(unit) {
            let Some(owner) = owners
                .get(&hosts)
                .and_then(|owners| owner(sessions, owners, unit))
            else {
                continue;
            };
            let Some(place) =
                medium::beside(found, (owner.session, owner.leg), client_end, server_end)
            else {
                continue;
            };
            taken[index] = true;
            let medium = &mut found[place];
            if medium.direction == direction {
                medium.own.push(index);
            } else {
                medium.answers.push(index);
            }
            break;
        }
    }
}
