//! What a run without an end may forget: sessions that are long over, and the ends that no other session names.
//!
//! It is decided on a snapshot, where the legs of a session are together: one leg that is forgotten before the other
//! would look like a router that swallowed everything.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::FixedState;
use rtspscope_wire::Timestamp;

use crate::limits::Retention;
use crate::locator::Locator;
use crate::model::{
    Arrival, Leg, MediaDirection, MediaStream, Negotiated, Session, SessionState, Snapshot,
};

/// Clients' ends of media and connections, and groups. A server may serve all its clients from one port, which therefore
/// tells nothing of whose a flow is.
pub(crate) type Ends = HashSet<SocketAddr, FixedState>;

/// The time of the snapshot: up to when its taps were watched.
pub(crate) fn now(snapshot: &Snapshot) -> Option<Timestamp> {
    snapshot
        .taps
        .iter()
        .filter_map(|tap| tap.watched_until)
        .max()
}

/// Numbers of the sessions that are to be forgotten.
pub(crate) fn over(snapshot: &Snapshot, retention: Retention) -> BTreeSet<u32> {
    let Some(now) = now(snapshot) else {
        return BTreeSet::new();
    };
    let silent_since = |session: &Session| last_activity(session);
    let mut over: Vec<(Timestamp, u32)> = Vec::new();
    let mut forgotten = BTreeSet::new();
    for session in &snapshot.sessions {
        let since = silent_since(session);
        if now - since > retention.silent {
            forgotten.insert(session.id);
        } else if is_over(session) && now - since > retention.settled {
            over.push((since, session.id));
        }
    }
    over.sort_unstable();
    let surplus = over.len().saturating_sub(retention.over);
    forgotten.extend(over.into_iter().take(surplus).map(|(_, id)| id));
    forgotten
}

fn is_over(session: &Session) -> bool {
    match session.state {
        SessionState::Ended | SessionState::Failed => true,
        SessionState::Negotiating | SessionState::Playing => {
            session.legs.iter().all(|leg| leg.closed.is_some())
        }
    }
}

/// The last packet of its connections and media.
fn last_activity(session: &Session) -> Timestamp {
    let media = session.media.iter().flat_map(|media| &media.arrivals);
    let of_media = media.flat_map(|arrival| {
        let client = arrival.from_client.iter().map(|client| client.last);
        arrival
            .rtp
            .last
            .into_iter()
            .chain(arrival.rtcp.first)
            .chain(client)
    });
    let of_legs = session.legs.iter().map(|leg| leg.last);
    let last = of_legs.chain(of_media).map(|locator: Locator| locator.at);
    last.max().unwrap_or(session.started_at)
}

/// Every such end that a session names or uses which is not `over`.
pub(crate) fn named(snapshot: &Snapshot, over: &BTreeSet<u32>) -> Ends {
    let mut ends = Ends::default();
    let kept = snapshot.sessions.iter();
    for session in kept.filter(|session| !over.contains(&session.id)) {
        for leg in &session.legs {
            ends.insert(leg.client);
        }
        for media in &session.media {
            for (leg, negotiated) in session.legs.iter().zip(&media.per_leg) {
                add_negotiated(leg, negotiated, &mut ends);
            }
            add_used(media, &mut ends);
        }
    }
    ends
}

/// When the first of the sessions began that are kept.
pub(crate) fn oldest(snapshot: &Snapshot, over: &BTreeSet<u32>) -> Option<Timestamp> {
    let kept = snapshot.sessions.iter();
    let kept = kept.filter(|session| !over.contains(&session.id));
    kept.map(|session| session.started_at).min()
}

fn add_negotiated(leg: &Leg, negotiated: &Negotiated, ends: &mut Ends) {
    let ports = [
        negotiated.client_rtp_port,
        negotiated.client_rtcp_port,
        negotiated.answered_rtp_port,
        negotiated.answered_rtcp_port,
    ];
    let elsewhere = negotiated.destination.as_deref().and_then(host);
    for host in [leg.client.ip()].into_iter().chain(elsewhere) {
        let ports = ports.into_iter().flatten();
        ends.extend(ports.map(|port| SocketAddr::new(host, port)));
    }
    if let Some((group, rtp, rtcp)) = negotiated.multicast {
        ends.extend([rtp, rtcp].map(|port| SocketAddr::new(group, port)));
    }
}

/// The address that a `destination` names.
fn host(text: &str) -> Option<IpAddr> {
    let bare = text.trim_matches(|char| char == '[' || char == ']');
    bare.parse().ok()
}

fn add_used(media: &MediaStream, ends: &mut Ends) {
    for Arrival {
        rtp,
        rtcp,
        from_client,
        ..
    } in &media.arrivals
    {
        let own = match media.direction {
            MediaDirection::FromServer => [rtp.to, rtcp.to],
            MediaDirection::FromClient => [rtp.from, rtcp.from],
        };
        ends.extend(own.into_iter().flatten());
        ends.extend(from_client.iter().map(|client| client.from));
    }
}
