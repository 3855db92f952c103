//! Makes the model of one moment out of what the tables hold.

use std::sync::Arc;

use rtspscope_wire::{TapId, TapRole, Timestamp};

use crate::claim::{self, Heard};
use crate::connections::Connections;
use crate::input::{Carrier, LossKind};
use crate::model::{Leg, Session, Snapshot, Tap, UnclaimedRtp};
use crate::nat::pairing;
use crate::record::Record;
use crate::router_setup::RouterSetup;
use crate::session::{self, Source};
use crate::{alg, roles, rules, tap_clocks};

/// What was watched, and how.
pub(crate) struct Watched {
    pub(crate) taps: Vec<Tap>,
    pub(crate) losses: Vec<(LossKind, u64)>,
    pub(crate) setup: Option<Arc<RouterSetup>>,
    pub(crate) ticked_at: Option<Timestamp>,
}

/// Puts legs together, claims media, judges, and lets the rules speak. `numbers` counts the numbers given so far.
pub(crate) fn take(
    watched: Watched,
    connections: &mut Connections,
    heard: Heard<'_>,
    numbers: &mut u32,
) -> Snapshot {
    let Watched {
        mut taps,
        losses,
        setup,
        ticked_at,
    } = watched;
    let (mut sessions, slots, unclaimed) = assemble(&connections.of_interest(), heard, &taps);
    number(&mut sessions, &slots, connections, numbers);
    roles::assign_roles(&mut taps, &sessions);
    tap_clocks::assign(&mut taps, &sessions);
    alg::judge_all(&mut sessions, &taps, &losses);
    sessions.sort_by_key(|session| (session.started_at, session.id));
    let mut snapshot = Snapshot {
        taps,
        losses,
        sessions,
        unclaimed,
        setup,
        ticked_at,
        datagram_talks: heard.datagram_talks.list().to_vec(),
        ..Snapshot::default()
    };
    rules::check(&mut snapshot);
    snapshot
}

/// Sessions that are not over, not judged and without numbers: what they have agreed on, and nothing of those that have ended.
pub(crate) fn open_sessions(
    taps: &[Tap],
    connections: &Connections,
    heard: Heard<'_>,
) -> Vec<Session> {
    assemble(&connections.not_over(), heard, taps).0
}

/// The sessions of these carriers' connections alone, not judged, without numbers and other legs.
pub(crate) fn sessions_of(
    taps: &[Tap],
    connections: &Connections,
    heard: Heard<'_>,
    carriers: &[Carrier],
) -> Vec<Session> {
    assemble(&connections.of_carriers(carriers), heard, taps).0
}

fn role_of(taps: &[Tap], tap: TapId) -> TapRole {
    let tap = taps.get(usize::from(tap.0));
    tap.map_or(TapRole::Unknown, |tap| tap.role)
}

/// The sessions of these connections with their arrivals, the slots of each one's connections, and the RTP that is nobody's.
fn assemble(
    records: &[(usize, &Record)],
    heard: Heard<'_>,
    taps: &[Tap],
) -> (Vec<Session>, Vec<Vec<usize>>, Vec<UnclaimedRtp>) {
    let sources = session::sources(records);
    let legs: Vec<Leg> = sources.iter().map(Source::leg).collect();
    let tracked = heard.netfilter.pairs(&legs);
    let groups = pairing::pair_knowing(&legs, |tap| role_of(taps, tap), &tracked);
    let mut sessions = Vec::new();
    let mut slots = Vec::new();
    let mut session_records: Vec<Vec<&Record>> = Vec::new();
    for group in groups {
        let members: Vec<&Source<'_>> = group
            .legs
            .iter()
            .filter_map(|leg| sources.get(*leg))
            .collect();
        let own = group
            .legs
            .iter()
            .filter_map(|leg| legs.get(*leg).cloned())
            .collect();
        if let Some(mut session) = session::session(own, &members, &group, taps) {
            session.netfilter = heard.netfilter.of_session(&session);
            sessions.push(session);
            slots.push(members.iter().flat_map(|source| source.slots()).collect());
            session_records.push(members.iter().map(|source| source.record).collect());
        }
    }
    let unclaimed = claim::fill_arrivals(&mut sessions, &session_records, heard);
    sessions.iter_mut().for_each(session::settle);
    (sessions, slots, unclaimed)
}

/// A session keeps the lowest number that any of its connections had; the rest get new ones in the order of their first packets, so that
/// it hardly matters how often a run was looked at.
fn number(
    sessions: &mut [Session],
    slots: &[Vec<usize>],
    connections: &mut Connections,
    numbers: &mut u32,
) {
    let mut taken = Vec::new();
    let mut in_order: Vec<_> = sessions.iter_mut().zip(slots).collect();
    in_order.sort_by_key(|(session, _)| session.started_at);
    for (session, slots) in in_order {
        let known = slots
            .iter()
            .filter_map(|slot| connections.session(*slot))
            .filter(|id| !taken.contains(id))
            .min();
        session.id = known.unwrap_or_else(|| {
            *numbers += 1;
            *numbers
        });
        taken.push(session.id);
        for slot in slots {
            connections.set_session(*slot, session.id);
        }
    }
}
