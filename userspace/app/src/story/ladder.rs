//! A session as a ladder: client, taps and server side by side, and a row for all that went from one to the other.
//!
//! A row says of each tap whether it saw the thing. From that follows how far it came: what a tap saw and the next one,
//! which was watching, did not see, was lost between them, and that is the place a person has to look at.

mod media;
mod messages;
#[cfg(test)]
mod tests;

use rtspscope_engine::model::{Session, Side};
use rtspscope_engine::{Locator, Snapshot};
use rtspscope_wire::{Span, Timestamp};

use super::{Place, on_first_clock, places, tap_of};
use crate::output::privacy::{Privacy, own};

/// Time between two rows that is shown as a row of its own.
const PAUSE: Span = Span::from_secs(1);

/// A session from left to right and from top to bottom.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    /// The client, the taps on the way, the server.
    pub(crate) lanes: Vec<Lane>,
    /// What happened, in order of time.
    pub(crate) rows: Vec<Row>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lane {
    /// `client`, `LAN`, `WAN`, `server`, or a tap's name.
    pub(crate) title: String,
    /// The address of an end, the name of a tap.
    pub(crate) name: String,
    /// The client's and the server's address as seen at a tap.
    pub(crate) ends: Option<(String, String)>,
    /// Where it is, of a tap.
    pub(crate) place: Option<Place>,
}

/// One thing that went along the lanes, or did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// When, on the clock of the first tap.
    pub(crate) at: Timestamp,
    /// Since the session's first packet.
    pub(crate) since_start: Span,
    /// Who sent it; `None` for what is no packet.
    pub(crate) from: Option<Side>,
    /// What it is.
    pub(crate) what: What,
    /// What it says, in one line.
    pub(crate) label: String,
    /// What each tap lane saw of it, in the order of the lanes.
    pub(crate) seen: Vec<Seen>,
    /// Findings that it proves, as indices into [`Snapshot::findings`].
    pub(crate) findings: Vec<usize>,
}

/// What a tap saw of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It passed: the first frame of it, and how many packets of media.
    Passed { at: Locator, packets: Option<u64> },
    /// It did not pass, and the tap was watching.
    Not,
    /// The tap cannot tell.
    Unknown,
}

/// What a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The connection begins.
    Open { encrypted: bool },
    /// A request or a response.
    Message(Said),
    /// Datagrams that the client sent from a media port.
    Punch { media: usize },
    /// RTP of a medium from the server.
    Media { media: usize },
    /// RTCP of a medium from the server.
    Reports { media: usize },
    /// Media stopped for a while and went on.
    Silence { media: usize, lasted: Span },
    /// A request that got no answer for so long.
    Unanswered { waited: Span },
    /// Nothing at all for so long.
    Pause(Span),
    /// The connection ends.
    Close { reset: bool },
}

/// A message of a ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// Method of its exchange.
    pub(crate) method: String,
    pub(crate) cseq: Option<u32>,
    /// Of a response.
    pub(crate) status: Option<u16>,
    /// A response rather than a request.
    pub(crate) is_response: bool,
    /// Index of the exchange at each leg.
    pub(crate) exchange: Vec<Option<usize>>,
    /// Fields that differ between the legs, as indices into the session's rewrites.
    pub(crate) changes: Vec<usize>,
    /// Whether one of them breaks the message.
    pub(crate) is_broken: bool,
    /// How many oddities the parser noted, at the leg with most.
    pub(crate) anomalies: usize,
    /// How often the request was sent again.
    pub(crate) repeats: u32,
}

/// What lies between two neighbouring lanes in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// It passed here.
    Passed,
    /// It went in and did not come out: the next tap was watching and did not see it.
    Lost,
    /// It never got here, or nobody sent it.
    Empty,
}

impl Row {
    /// The message that it is.
    pub(crate) const fn said(&self) -> Option<&Said> {
        match &self.what {
            What::Message(said) => Some(said),
            What::Open { .. }
            | What::Punch { .. }
            | What::Media { .. }
            | What::Reports { .. }
            | What::Silence { .. }
            | What::Unanswered { .. }
            | What::Pause(_)
            | What::Close { .. } => None,
        }
    }

    /// What lies between the lanes, from left to right; one less than there are lanes.
    pub(crate) fn segments(&self) -> Vec<Segment> {
        let taps = self.seen.len();
        let Some(from) = self.from else {
            return vec![Segment::Empty; taps + 1];
        };
        // Along the way of the packet.
        let mut way: Vec<Seen> = self.seen.clone();
        if from == Side::Server {
            way.reverse();
        }
        let passed = |seen: &Seen| matches!(seen, Seen::Passed { .. });
        let first = way.iter().position(passed);
        let last = way.iter().rposition(passed);
        let segment = |to: usize| match (first, last) {
            (Some(first), _) if to < first => Segment::Empty,
            (_, Some(last)) if to <= last => Segment::Passed,
            (_, Some(last)) => match way.get(last + 1) {
                Some(Seen::Not) if to == last + 1 => Segment::Lost,
                Some(Seen::Not) => Segment::Empty,
                Some(_) | None => Segment::Passed,
            },
            (_, None) => Segment::Empty,
        };
        let mut segments: Vec<Segment> = (0..=taps).map(segment).collect();
        if first.is_some_and(|first| way.iter().take(first).all(|seen| *seen == Seen::Unknown)) {
            // Nobody was there to see it come.
            let first = first.unwrap_or(0);
            segments
                .iter_mut()
                .take(first)
                .for_each(|segment| *segment = Segment::Passed);
        }
        if from == Side::Server {
            segments.reverse();
        }
        segments
    }

    /// Between which two lanes it was lost: the index of the left one.
    pub(crate) fn lost_at(&self) -> Option<usize> {
        let segments = self.segments();
        segments
            .iter()
            .position(|segment| *segment == Segment::Lost)
    }
}

impl Ladder {
    /// The row that a proof speaks of: the one with its frame, else the medium's, else the last before it.
    pub(crate) fn row_of(&self, at: Locator, media: Option<usize>) -> Option<usize> {
        let exact = |row: &Row| {
            at.frame.is_some()
                && row.seen.iter().any(|seen| {
                    matches!(seen, Seen::Passed { at: place, .. } if (place.tap, place.frame) == (at.tap, at.frame))
                })
        };
        let of_media =
            |row: &Row| matches!(row.what, What::Media { media: of } if Some(of) == media);
        self.rows
            .iter()
            .position(exact)
            .or_else(|| self.rows.iter().position(of_media))
            .or_else(|| {
                self.rows
                    .iter()
                    .rposition(|row| row.from.is_some() && row.at <= at.at)
            })
            .or(if self.rows.is_empty() { None } else { Some(0) })
    }
}

/// The ladder of a session.
pub(crate) fn of(snapshot: &Snapshot, session: &Session, privacy: Privacy) -> Ladder {
    let making = Making {
        snapshot,
        session,
        privacy,
        places: places(session),
    };
    let mut rows = messages::rows(&making);
    rows.extend(media::rows(&making));
    rows.sort_by_key(|row| row.at);
    let rows = with_pauses(rows);
    let mut ladder = Ladder {
        lanes: making.lanes(),
        rows,
    };
    attach_findings(&mut ladder, snapshot, session);
    ladder
}

/// What the rows are made of.
struct Making<'a> {
    snapshot: &'a Snapshot,
    session: &'a Session,
    privacy: Privacy,
    /// The tap lanes from the client to the server.
    places: Vec<Place>,
}

impl Making<'_> {
    fn lanes(&self) -> Vec<Lane> {
        let end = |title: &str, name: String| Lane {
            title: title.to_owned(),
            name,
            ends: None,
            place: None,
        };
        let mut lanes = vec![end("client", self.session.client.to_string())];
        lanes.extend(self.places.iter().map(|place| {
            let leg = place.leg.and_then(|leg| self.session.legs.get(leg));
            let known = tap_of(self.snapshot, place.tap);
            Lane {
                title: place.title(self.snapshot, self.session),
                name: known.map_or_else(String::new, |tap| own(&tap.name)),
                ends: leg.map(|leg| (leg.client.to_string(), leg.server.to_string())),
                place: Some(*place),
            }
        }));
        lanes.push(end("server", self.session.server.to_string()));
        lanes
    }

    fn row(
        &self,
        at: Locator,
        from: Option<Side>,
        what: What,
        label: String,
        seen: Vec<Seen>,
    ) -> Row {
        let at = on_first_clock(self.snapshot, at.tap, at.at);
        Row {
            at,
            since_start: at - self.session.started_at,
            from,
            what,
            label,
            seen,
            findings: Vec::new(),
        }
    }

    /// What each tap lane saw, where `of` tells it of a leg.
    fn seen(&self, of: impl Fn(usize) -> Seen) -> Vec<Seen> {
        let lanes = self.places.iter();
        lanes
            .map(|place| place.leg.map_or(Seen::Unknown, &of))
            .collect()
    }

    /// Of what is no packet no tap saw anything.
    fn unseen(&self) -> Vec<Seen> {
        vec![Seen::Unknown; self.places.len()]
    }

    /// The earliest sighting on the clock of the first tap.
    fn first(&self, seen: &[Seen]) -> Option<Locator> {
        let places = seen.iter().filter_map(|seen| match seen {
            Seen::Passed { at, .. } => Some(*at),
            Seen::Not | Seen::Unknown => None,
        });
        places.min_by_key(|at| on_first_clock(self.snapshot, at.tap, at.at))
    }
}

fn with_pauses(rows: Vec<Row>) -> Vec<Row> {
    let mut all: Vec<Row> = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(before) = all.last()
            && row.at - before.at >= PAUSE
        {
            let pause = row.at - before.at;
            all.push(Row {
                from: None,
                what: What::Pause(pause),
                label: format!("{:.1} s", pause.as_secs_f64()),
                seen: vec![Seen::Unknown; row.seen.len()],
                findings: Vec::new(),
                at: before.at,
                since_start: before.since_start,
            });
        }
        all.push(row);
    }
    all
}

fn attach_findings(ladder: &mut Ladder, snapshot: &Snapshot, session: &Session) {
    let own = snapshot
        .findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| finding.subject.session == Some(session.id));
    for (index, finding) in own {
        for evidence in &finding.evidence {
            let row = ladder.row_of(evidence.at, finding.subject.media);
            if let Some(row) = row.and_then(|row| ladder.rows.get_mut(row))
                && !row.findings.contains(&index)
            {
                row.findings.push(index);
            }
        }
    }
}
