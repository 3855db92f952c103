//! Sums that only grow, although the sessions that they are made of are forgotten.

use std::collections::BTreeMap;

use rtspscope_engine::model::{Session, SessionState, Side, TransportKind};
use rtspscope_engine::{Finding, LossKind, Snapshot};

use crate::live::Gauges;
use crate::output::names;

/// Kinds of media that are told apart; what else an SDP names is `other`.
const KINDS: [&str; 3] = ["video", "audio", "application"];

/// What came of some media at a tap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Came {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) lost: u64,
}

/// Frames of a tap that reached the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frames {
    pub(super) tap: String,
    pub(super) role: &'static str,
    pub(super) count: u64,
    pub(super) bytes: u64,
}

/// The figures of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(super) taps: Vec<Frames>,
    /// Sessions of which the run knows, by state and transport.
    pub(super) sessions: BTreeMap<(&'static str, &'static str), u64>,
    pub(super) sessions_seen: u64,
    pub(super) sessions_retired: u64,
    /// Media by tap and kind.
    pub(super) media: BTreeMap<(String, &'static str), Came>,
    /// Findings that stand now, by code and severity.
    pub(super) findings: BTreeMap<(&'static str, &'static str), u64>,
    /// Findings that were news.
    pub(super) findings_told: BTreeMap<(&'static str, &'static str), u64>,
    pub(super) losses: BTreeMap<LossKind, u64>,
    pub(super) gauges: Gauges,
    /// What was added to the sums for each session, medium and tap.
    added: BTreeMap<Key, Came>,
}

impl Tally {
    /// Takes over what a look saw. `fresh` are the findings that are news.
    pub(crate) fn look(&mut self, snapshot: &Snapshot, fresh: &[&Finding]) {
        let taps = snapshot.taps.iter().map(|tap| Frames {
            tap: tap.name.clone(),
            role: names::role(tap.role),
            count: tap.frames,
            bytes: tap.bytes,
        });
        self.taps = taps.collect();
        self.sessions_retired = snapshot.retired;
        let seen = snapshot.retired + snapshot.sessions.len() as u64;
        self.sessions_seen = self.sessions_seen.max(seen);
        self.sessions.clear();
        for session in &snapshot.sessions {
            let labels = (
                names::state(session.state),
                names::transport(session.transport),
            );
            *self.sessions.entry(labels).or_default() += 1;
        }
        self.findings.clear();
        for finding in &snapshot.findings {
            *self.findings.entry(labels(finding)).or_default() += 1;
        }
        for finding in fresh {
            *self.findings_told.entry(labels(finding)).or_default() += 1;
        }
        self.losses = snapshot.losses.iter().copied().collect();
        self.add_media(snapshot);
    }

    /// Takes over what the source of the packets says of itself.
    pub(crate) fn note_gauges(&mut self, gauges: Gauges) {
        self.gauges = gauges;
    }

    fn add_media(&mut self, snapshot: &Snapshot) {
        let mut added = BTreeMap::new();
        for session in &snapshot.sessions {
            for (key, tap, kind, came) in of_session(session, snapshot) {
                let before = self.added.get(&key).copied().unwrap_or_default();
                let sum = self.media.entry((tap.to_owned(), kind)).or_default();
                sum.packets += came.packets.saturating_sub(before.packets);
                sum.bytes += came.bytes.saturating_sub(before.bytes);
                sum.lost += came.lost.saturating_sub(before.lost);
                // A packet that comes late after all makes a loss smaller, and a sum never does.
                added.insert(
                    key,
                    Came {
                        packets: came.packets.max(before.packets),
                        bytes: came.bytes.max(before.bytes),
                        lost: came.lost.max(before.lost),
                    },
                );
            }
        }
        self.added = added;
    }
}

/// A session, the number of its medium, a tap, and whether it is the leg next to the server of two that are there.
type Key = (u32, usize, usize, bool);

/// What came of each medium of a session at each tap, beside each of its legs there.
fn of_session<'a>(
    session: &'a Session,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = (Key, &'a str, &'static str, Came)> {
    let media = session.media.iter().enumerate();
    media.flat_map(move |(number, media)| {
        let kind = KINDS
            .into_iter()
            .find(|kind| media.kind.as_deref() == Some(kind));
        media.arrivals.iter().filter_map(move |arrival| {
            let tap = usize::from(arrival.tap.0);
            let name = snapshot.taps.get(tap)?.name.as_str();
            let came = Came {
                packets: arrival.rtp.packets,
                bytes: arrival.rtp.bytes,
                lost: arrival.rtp.lost.unwrap_or(0),
            };
            let side = arrival.leg.and_then(|leg| session.side_at_one_tap(leg));
            let is_far = side == Some(Side::Server);
            Some((
                (session.id, number, tap, is_far),
                name,
                kind.unwrap_or("other"),
                came,
            ))
        })
    })
}

fn labels(finding: &Finding) -> (&'static str, &'static str) {
    (finding.code.name(), names::severity(finding.severity))
}

/// All states and transports, so that a figure is there before the first session is.
pub(super) fn all_kinds_of_sessions() -> impl Iterator<Item = (&'static str, &'static str)> {
    let states = [
        SessionState::Negotiating,
        SessionState::Playing,
        SessionState::Ended,
        SessionState::Failed,
    ];
    let transports = [
        TransportKind::Udp,
        TransportKind::Tcp,
        TransportKind::Multicast,
        TransportKind::HttpTunnel,
        TransportKind::Tls,
        TransportKind::Unknown,
    ];
    let pairs = states.into_iter().flat_map(move |state| {
        transports
            .into_iter()
            .map(move |transport| (names::state(state), names::transport(transport)))
    });
    pairs.collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    fn packets(tally: &Tally) -> u64 {
        tally.media.values().map(|came| came.packets).sum()
    }

    fn sent(snapshot: &Snapshot) -> u64 {
        let media = snapshot.sessions.iter().flat_map(|session| &session.media);
        let arrivals = media.flat_map(|media| &media.arrivals);
        arrivals.map(|arrival| arrival.rtp.packets).sum()
    }

    #[test]
    fn a_sum_grows_by_what_is_new_and_keeps_what_is_forgotten() {
        let mut snapshot = sample::snapshot();
        let sent_at_first = sent(&snapshot);
        assert!(sent_at_first > 0);
        let mut tally = Tally::default();
        tally.look(&snapshot, &[]);
        tally.look(&snapshot, &[]);
        assert_eq!(packets(&tally), sent_at_first);
        let sessions = std::mem::take(&mut snapshot.sessions);
        snapshot.retired = sessions.len() as u64;
        tally.look(&snapshot, &[]);
        assert_eq!(packets(&tally), sent_at_first);
        assert_eq!(tally.sessions_seen, sessions.len() as u64);
        assert_eq!(tally.sessions.values().sum::<u64>(), 0);
        assert!(
            tally.added.is_empty(),
            "nothing is kept of what is forgotten"
        );
    }

    #[test]
    fn a_loss_that_becomes_smaller_never_counts_twice() {
        let mut snapshot = sample::snapshot();
        let mut tally = Tally::default();
        for lost in [4, 2, 4, 5] {
            for session in &mut snapshot.sessions {
                session.media.truncate(1);
                for media in &mut session.media {
                    media.arrivals.truncate(1);
                    media.arrivals[0].rtp.lost = Some(lost);
                }
            }
            snapshot.sessions.truncate(1);
            tally.look(&snapshot, &[]);
        }
        assert_eq!(tally.media.values().map(|came| came.lost).sum::<u64>(), 5);
    }

    #[test]
    fn what_an_sdp_calls_its_media_makes_no_label() {
        let mut snapshot = sample::snapshot();
        for media in snapshot
            .sessions
            .iter_mut()
            .flat_map(|session| &mut session.media)
        {
            media.kind = Some("x-mine\" 1".to_owned());
        }
        let mut tally = Tally::default();
        tally.look(&snapshot, &[]);
        assert!(tally.media.keys().all(|(_, kind)| *kind == "other"));
    }
}
