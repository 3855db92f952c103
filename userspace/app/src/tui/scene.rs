//! What there is to look at: one snapshot, with what a list of thousands of sessions needs worked out once.

use std::cell::RefCell;
use std::sync::Arc;

use rtspscope_engine::model::{Arrival, Session, SessionState, Side, Tap};
use rtspscope_engine::{Finding, Severity, Snapshot};
use rtspscope_wire::{TapRole, Timestamp};

use super::columns;
use super::filter;
use super::state::State;
use crate::output::names;
use crate::output::privacy::Privacy;
use crate::story::ladder::{self, Ladder};
use crate::story::rates::{self, Of};

/// Where the packets come from, and whether more will.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Source {
    /// Interfaces of this machine.
    Live,
    /// Captures, still being read.
    Reading,
    /// Captures, shown at the pace at which they were taken.
    Replaying,
    /// Captures, read to the end.
    #[default]
    Saved,
}

/// One snapshot and what is drawn of it.
pub(super) struct Scene {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) source: Source,
    pub(super) privacy: Privacy,
    /// One for each session, in the order of the snapshot.
    pub(super) rows: Vec<SessionRow>,
    /// Frames in a second at each tap, where that can be told.
    pub(super) paces: Vec<Option<f64>>,
    /// What a live run says of itself.
    pub(super) health: Vec<(String, String)>,
    ladder: RefCell<Option<(u32, Arc<Ladder>)>>,
}

/// What the list shows of a session, fit to be shown.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionRow {
    pub(super) id: u32,
    pub(super) start: Timestamp,
    pub(super) client: String,
    pub(super) camera: String,
    pub(super) url: String,
    pub(super) state: &'static str,
    pub(super) via: &'static str,
    pub(super) alg: String,
    pub(super) worst: Option<Severity>,
    pub(super) worst_code: &'static str,
    /// Media was seen.
    pub(super) shows_media: bool,
    pub(super) codes: Vec<&'static str>,
    /// Ends at all taps.
    pub(super) addresses: Vec<String>,
    /// RTP packets at the LAN and at the WAN; at the tap's own column where there is one only.
    pub(super) packets: [Option<u64>; 2],
    /// Bits in a second at the same: now while packets come, else on average.
    pub(super) rates: [Option<u64>; 2],
    /// The rate over time next to the client.
    pub(super) spark: Vec<u64>,
    /// All its texts in lower case.
    pub(super) haystack: String,
}

fn shows_media(session: &Session) -> bool {
    let mut arrivals = session.media.iter().flat_map(|media| &media.arrivals);
    arrivals.any(|arrival| arrival.rtp.packets > 0)
}

impl Scene {
    /// A scene of a snapshot; `before` is the one that it follows.
    pub(super) fn new(
        snapshot: Arc<Snapshot>,
        source: Source,
        privacy: Privacy,
        before: Option<&Self>,
    ) -> Self {
        let making = RowMaking {
            snapshot: &snapshot,
            privacy,
            is_moving: matches!(source, Source::Live | Source::Replaying),
            findings: by_session(&snapshot),
        };
        let rows = snapshot
            .sessions
            .iter()
            .map(|session| making.row(session))
            .collect();
        let paces = snapshot.taps.iter().enumerate().map(|(index, tap)| {
            let earlier = before.filter(|_| making.is_moving);
            pace(
                tap,
                earlier.and_then(|scene| scene.snapshot.taps.get(index)),
            )
        });
        let paces = paces.collect();
        Self {
            rows,
            paces,
            snapshot,
            source,
            privacy,
            health: Vec::new(),
            ladder: RefCell::new(None),
        }
    }

    /// Indices of the sessions that the filter leaves, in the chosen order.
    pub(super) fn visible(&self, state: &State) -> Vec<usize> {
        let all = 0..self.rows.len();
        let mut visible: Vec<usize> = all
            .filter(|index| {
                let row = self.rows.get(*index);
                row.is_some_and(|row| filter::matches(&state.filter, row))
            })
            .collect();
        visible.sort_by(|a, b| {
            let order = match (self.rows.get(*a), self.rows.get(*b)) {
                (Some(a), Some(b)) => columns::compare(state.sort, a, b),
                _ => std::cmp::Ordering::Equal,
            };
            if state.descending {
                order.reverse()
            } else {
                order
            }
        });
        visible
    }

    /// The chosen session.
    pub(super) fn session(&self, state: &State) -> Option<&Session> {
        let id = state.session?;
        self.by_id(id)
    }

    /// Whether media of the chosen session was seen: where none was, nothing found is no good news.
    pub(super) fn shows_media(&self, state: &State) -> bool {
        self.session(state).is_some_and(shows_media)
    }

    /// A session by its number.
    pub(super) fn by_id(&self, id: u32) -> Option<&Session> {
        self.snapshot
            .sessions
            .iter()
            .find(|session| session.id == id)
    }

    /// The list's row of a session.
    pub(super) fn row_by_id(&self, id: u32) -> Option<&SessionRow> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// Findings about the chosen session, the worst first, then those about the capture as a whole.
    pub(super) fn findings(&self, state: &State) -> Vec<&Finding> {
        let all = &self.snapshot.findings;
        let mut own: Vec<&Finding> = all
            .iter()
            .filter(|finding| {
                finding.subject.session.is_some() && finding.subject.session == state.session
            })
            .collect();
        own.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        own.extend(
            all.iter()
                .filter(|finding| finding.subject.session.is_none()),
        );
        own
    }

    /// The ladder of a session; kept until another one is asked for.
    pub(super) fn ladder(&self, session: &Session) -> Arc<Ladder> {
        let mut kept = self.ladder.borrow_mut();
        if let Some((id, ladder)) = &*kept
            && *id == session.id
        {
            return Arc::clone(ladder);
        }
        let ladder = Arc::new(ladder::of(&self.snapshot, session, self.privacy));
        *kept = Some((session.id, Arc::clone(&ladder)));
        ladder
    }

    /// A text that came from the network, fit to be shown.
    pub(super) fn text(&self, text: &str) -> String {
        self.privacy.text(text)
    }
}

/// Findings of each session, in the order of the snapshot.
fn by_session(snapshot: &Snapshot) -> std::collections::BTreeMap<u32, Vec<&Finding>> {
    let mut found = std::collections::BTreeMap::<u32, Vec<&Finding>>::new();
    for finding in &snapshot.findings {
        if let Some(session) = finding.subject.session {
            found.entry(session).or_default().push(finding);
        }
    }
    found
}

/// Frames in a second: since the earlier snapshot, else over all the time.
fn pace(tap: &Tap, before: Option<&Tap>) -> Option<f64> {
    let (frames, from, until) = match before {
        Some(before) => (
            tap.frames.saturating_sub(before.frames),
            before.watched_until?,
            tap.watched_until?,
        ),
        None => (tap.frames, tap.first_at?, tap.last_at?),
    };
    let seconds = (until - from).as_secs_f64();
    (seconds > 0.05).then(|| frames as f64 / seconds)
}

/// What the rows are made of.
struct RowMaking<'a> {
    snapshot: &'a Snapshot,
    privacy: Privacy,
    is_moving: bool,
    findings: std::collections::BTreeMap<u32, Vec<&'a Finding>>,
}

impl RowMaking<'_> {
    fn row(&self, session: &Session) -> SessionRow {
        let findings = self
            .findings
            .get(&session.id)
            .map_or(&[][..], Vec::as_slice);
        let worst = findings.iter().max_by_key(|finding| finding.severity);
        let shown = |text: &Option<String>| {
            text.as_ref()
                .map_or_else(String::new, |text| self.privacy.text(text))
        };
        let mut codes: Vec<&'static str> =
            findings.iter().map(|finding| finding.code.name()).collect();
        codes.dedup();
        let legs = session.legs.iter();
        let addresses: Vec<String> = legs
            .flat_map(|leg| [leg.client.to_string(), leg.server.to_string()])
            .collect();
        let url = shown(&session.url);
        // Where two are equally bad, the first one is the rule that looks nearest at the cause.
        let first_worst = worst.and_then(|worst| {
            findings
                .iter()
                .find(|finding| finding.severity == worst.severity)
        });
        let haystack = [
            url.as_str(),
            &addresses.join(" "),
            &shown(&session.user_agent),
            &shown(&session.server_name),
            &codes.join(" "),
        ];
        SessionRow {
            id: session.id,
            start: session.started_at,
            client: session.client.ip().to_string(),
            camera: session.server.ip().to_string(),
            state: names::state(session.state),
            via: names::transport(session.transport),
            alg: format!(
                "{}/{}",
                names::action(session.alg.action),
                names::effect(session.alg.effect)
            ),
            worst: worst.map(|finding| finding.severity),
            worst_code: first_worst.map_or("", |finding| finding.code.name()),
            shows_media: shows_media(session),
            packets: [TapRole::Lan, TapRole::Wan].map(|role| self.packets(session, role)),
            rates: [TapRole::Lan, TapRole::Wan].map(|role| self.rate(session, role)),
            spark: self.spark(session),
            haystack: haystack.join(" ").to_lowercase(),
            codes,
            addresses,
            url,
        }
    }

    fn is_of_role(&self, tap: rtspscope_wire::TapId, role: TapRole) -> bool {
        let known = self
            .snapshot
            .taps
            .get(usize::from(tap.0))
            .map(|tap| tap.role);
        // A tap of no side stands in the column of the client's side.
        known.is_some_and(|known| match known {
            TapRole::Wan => role == TapRole::Wan,
            TapRole::Lan | TapRole::Mirror | TapRole::Unknown => role == TapRole::Lan,
        })
    }

    /// What came at taps of a side, once where a tap has two legs: beside the one next to the client.
    fn arrivals<'a>(
        &'a self,
        session: &'a Session,
        role: TapRole,
    ) -> impl Iterator<Item = &'a Arrival> {
        let arrivals = session.media_in_force().flat_map(|media| &media.arrivals);
        arrivals.filter(move |arrival| {
            let side = arrival.leg.and_then(|leg| session.side_at_one_tap(leg));
            self.is_of_role(arrival.tap, role) && side != Some(Side::Server)
        })
    }

    fn packets(&self, session: &Session, role: TapRole) -> Option<u64> {
        self.arrivals(session, role)
            .map(|arrival| arrival.rtp.packets)
            .reduce(|sum, packets| sum + packets)
    }

    /// Now, by the last two whole seconds before the last count; on average where packets come no more.
    fn rate(&self, session: &Session, role: TapRole) -> Option<u64> {
        let is_now = self.is_moving && session.state == SessionState::Playing;
        self.arrivals(session, role)
            .map(|arrival| match &arrival.timeline {
                Some(timeline) if is_now => self.rate_now(arrival.tap, &timeline.recent),
                Some(_) | None => arrival.rtp.bitrate_bps.unwrap_or(0),
            })
            .reduce(|sum, rate| sum + rate)
    }

    fn rate_now(
        &self,
        tap: rtspscope_wire::TapId,
        recent: &rtspscope_engine::model::Series,
    ) -> u64 {
        let watched = self
            .snapshot
            .taps
            .get(usize::from(tap.0))
            .and_then(|tap| tap.watched_until);
        let Some(now) = watched else { return 0 };
        let seconds = (now - recent.start).0.div_euclid(recent.bin.0.max(1));
        let whole = usize::try_from(seconds).unwrap_or(0);
        let bytes = |index: Option<usize>| {
            let bin = index.and_then(|index| recent.bins.get(index));
            bin.map_or(0, |bin| u64::from(bin.bytes))
        };
        let sum = bytes(whole.checked_sub(1)) + bytes(whole.checked_sub(2));
        let count = whole.clamp(1, 2) as u64;
        if whole == 0 {
            bytes(Some(0)) * 8
        } else {
            sum * 8 / count
        }
    }

    fn spark(&self, session: &Session) -> Vec<u64> {
        let part = if self.is_moving {
            Of::Recent
        } else {
            Of::Whole
        };
        let media = session.media_in_force().find(|media| {
            media
                .arrivals
                .iter()
                .any(|arrival| arrival.timeline.is_some())
        });
        let Some(rates) = media.and_then(|media| rates::of(media, part)) else {
            return Vec::new();
        };
        let zero = vec![0.0; rates.len];
        let of_tap = rates.taps.iter().find(|taps| taps.place.leg == Some(0));
        let bits = of_tap.map_or(&zero, |taps| &taps.bits_per_second);
        bits.iter().map(|bits| rates::whole(*bits)).collect()
    }
}
