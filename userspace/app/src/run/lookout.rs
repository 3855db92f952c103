//! Looks at what a live run knows from time to time: which findings are new, and what may be forgotten.
//!
//! Time is the engine's, so a look comes where an input says that its time has come.

use std::collections::BTreeSet;

use rtspscope_engine::{Code, Engine, Finding, Retention, Snapshot};
use rtspscope_wire::{Span, Timestamp};

/// Time between two looks at few sessions and at many: what a look takes grows with them.
const INTERVAL: Span = Span::from_secs(2);
const MAX_INTERVAL: Span = Span::from_secs(8);

/// What each session adds to it.
const PER_SESSION: Span = Span::from_millis(20);

/// What makes a finding the same in two looks: its code, session and medium.
pub(crate) type Key = (Code, Option<u32>, Option<usize>);

/// What is to be told of findings.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Places in the snapshot's findings of those that nobody was told of.
    pub fresh: Vec<usize>,
    /// Findings that were told and do not stand any more, though their session is known: what came later speaks against them.
    pub withdrawn: Vec<Key>,
}

/// What was seen by the last look.
#[derive(Debug)]
pub(crate) struct Lookout {
    retention: Retention,
    due_at: Option<Timestamp>,
    /// Findings that the last look saw and that nobody was told of.
    young: BTreeSet<Key>,
    told: BTreeSet<Key>,
}

/// What a look saw.
#[derive(Debug)]
pub(crate) struct Look {
    /// The engine's state.
    pub snapshot: Snapshot,
    /// What of its findings is to be told.
    pub news: News,
}

impl Lookout {
    /// Nothing was seen yet.
    pub(crate) const fn new(retention: Retention) -> Self {
        Self {
            retention,
            due_at: None,
            young: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    /// Looks if it is time, and lets the engine forget what is long over.
    pub(crate) fn look(&mut self, now: Timestamp, engine: &mut Engine) -> Option<Look> {
        // A clock that was set back must not end the looking.
        if self
            .due_at
            .is_some_and(|due_at| now < due_at && due_at - now <= MAX_INTERVAL)
        {
            return None;
        }
        let snapshot = engine.snapshot();
        self.due_at = Some(now + interval(snapshot.sessions.len()));
        engine.retire(&snapshot, self.retention);
        let news = self.news(&snapshot);
        Some(Look { snapshot, news })
    }

    /// What stands at the end and was not told.
    pub(crate) fn last(&mut self, snapshot: &Snapshot) -> News {
        self.young.extend(snapshot.findings.iter().map(key));
        self.news(snapshot)
    }

    fn news(&mut self, snapshot: &Snapshot) -> News {
        News {
            withdrawn: self.withdrawn(snapshot),
            fresh: self.fresh(&snapshot.findings),
        }
    }

    /// Told findings that are gone. With its session a finding is only forgotten.
    fn withdrawn(&self, snapshot: &Snapshot) -> Vec<Key> {
        let standing: BTreeSet<Key> = snapshot.findings.iter().map(key).collect();
        let sessions: BTreeSet<u32> = snapshot.sessions.iter().map(|known| known.id).collect();
        let is_known = |session: Option<u32>| session.is_none_or(|id| sessions.contains(&id));
        let gone = self.told.difference(&standing).copied();
        gone.filter(|(_, session, _)| is_known(*session)).collect()
    }

    /// A finding is news once it has stood in two looks: what a session is like between two of its packets is none.
    fn fresh(&mut self, findings: &[Finding]) -> Vec<usize> {
        let standing: BTreeSet<Key> = findings.iter().map(key).collect();
        // What is not there any more is forgotten with its session, and may become news again.
        self.told.retain(|key| standing.contains(key));
        let mut fresh = Vec::new();
        for (place, finding) in findings.iter().enumerate() {
            let key = key(finding);
            if self.young.contains(&key) && self.told.insert(key) {
                fresh.push(place);
            }
        }
        self.young = standing.difference(&self.told).copied().collect();
        fresh
    }
}

fn key(finding: &Finding) -> Key {
    (finding.code, finding.subject.session, finding.subject.media)
}

/// Time until the next look, by the sessions that this one saw.
fn interval(sessions: usize) -> Span {
    let count = i64::try_from(sessions).unwrap_or(i64::MAX);
    let added = Span(PER_SESSION.0.saturating_mul(count));
    Span(INTERVAL.0.saturating_add(added.0)).min(MAX_INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::sample;

    fn lookout() -> Lookout {
        Lookout::new(Retention::LIVE)
    }

    #[test]
    fn a_finding_is_news_once_it_has_stood_and_only_once() {
        let findings = sample::snapshot().findings;
        let all: Vec<usize> = (0..findings.len()).collect();
        assert!(!all.is_empty());
        let mut lookout = lookout();
        assert_eq!(lookout.fresh(&findings), [0; 0]);
        assert_eq!(lookout.fresh(&findings), all);
        assert_eq!(lookout.fresh(&findings), [0; 0]);
        assert_eq!(lookout.last(&sample::snapshot()).fresh, [0; 0]);
    }

    #[test]
    fn what_does_not_stand_any_more_is_withdrawn_and_what_was_forgotten_is_not() {
        let whole = sample::snapshot();
        let mut lookout = lookout();
        lookout.last(&whole);
        let told: Vec<Key> = whole.findings.iter().map(key).collect();
        let without = Snapshot {
            findings: Vec::new(),
            ..sample::snapshot()
        };
        let withdrawn = lookout.news(&without).withdrawn;
        assert!(told.iter().all(|key| withdrawn.contains(key)));
        assert_eq!(lookout.news(&without).withdrawn, []);

        lookout.last(&whole);
        let forgotten = Snapshot {
            findings: Vec::new(),
            sessions: Vec::new(),
            ..sample::snapshot()
        };
        let withdrawn = lookout.news(&forgotten).withdrawn;
        assert!(withdrawn.iter().all(|(_, session, _)| session.is_none()));
    }

    #[test]
    fn a_look_at_many_sessions_comes_less_often() {
        let millis = [0, 1, 50, 300, usize::MAX].map(|count| interval(count).0 / 1_000_000);
        assert_eq!(millis, [2_000, 2_020, 3_000, 8_000, 8_000]);
    }

    #[test]
    fn what_did_not_stand_is_no_news_unless_it_is_the_end() {
        let findings = sample::snapshot().findings;
        let mut lookout = lookout();
        assert_eq!(lookout.fresh(&findings), [0; 0]);
        assert_eq!(lookout.fresh(&[]), [0; 0]);
        assert_eq!(lookout.fresh(&findings[..1]), [0; 0]);
        let all: Vec<usize> = (0..findings.len()).collect();
        assert_eq!(lookout.last(&sample::snapshot()).fresh, all);
    }

    #[test]
    fn a_look_comes_every_two_seconds_and_after_a_clock_that_was_set_back() {
        let mut engine = Engine::new(rtspscope_engine::EngineOptions::default());
        let mut lookout = lookout();
        let mut looks = |ms: i64| {
            let now = Timestamp(0) + Span::from_millis(ms);
            lookout.look(now, &mut engine).is_some()
        };
        let seen = [100_000, 101_999, 102_000, 102_001, 5_000, 6_000].map(&mut looks);
        assert_eq!(seen, [true, false, true, false, true, false]);
    }
}
