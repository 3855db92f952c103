//! Which frames matter, as the finished report tells: by number where it names them, by flow where it names only ends.

mod media;
mod session;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use rtspscope_engine::model::Session;
use rtspscope_engine::{ChannelCounters, ChannelTotals, FlowCounters, Locator, Snapshot};
use rtspscope_wire::TapId;

use super::Reason;
use crate::output::privacy::Privacy;

/// A directed flow at a tap.
pub(super) type Flow = (TapId, SocketAddr, SocketAddr);

/// A frame by its tap and number.
pub(super) type Place = (TapId, u64);

/// Everything that the second reading looks for.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Frames that the report names, with why.
    frames: HashMap<Place, Vec<Reason>>,
    /// Messages by the frame with their first byte.
    messages: HashMap<Place, Vec<Message>>,
    /// RTSP connections from their client to their server, with the frames between which each lasted.
    connections: HashMap<Flow, Vec<Lasted>>,
    /// Client and server of sessions that have more than one connection: HTTP tunnels, and one for each request.
    many: HashSet<(TapId, IpAddr, SocketAddr)>,
    /// Media flows.
    media: HashMap<Flow, MediaFlow>,
}

/// A message of which every segment is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Number of the frame that completed it.
    pub(super) last: u64,
    /// What it is.
    pub(super) text: String,
}

/// The frames from the first to the last of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lasted {
    first: u64,
    last: u64,
}

/// A UDP flow of which the first datagrams are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MediaFlow {
    /// What it carries.
    pub(super) text: String,
    /// How many of the first datagrams are kept of each use of its ports.
    pub(super) wanted: u32,
    /// Numbers of the frames with which uses of its ports begin.
    pub(super) begins: HashSet<u64>,
}

impl Plan {
    /// The plan for a report.
    pub(super) fn new(snapshot: &Snapshot, privacy: Privacy) -> Self {
        let mut plan = Self::default();
        for (index, finding) in snapshot.findings.iter().enumerate() {
            for evidence in &finding.evidence {
                let reason = Reason {
                    text: privacy.text(&evidence.note),
                    proves: Some(index),
                };
                plan.frame(Some(evidence.at), reason);
            }
        }
        for session in &snapshot.sessions {
            plan.session(snapshot, session, privacy);
        }
        plan
    }

    /// Why the report names this frame.
    pub(super) fn reasons(&self, place: Place) -> &[Reason] {
        self.frames.get(&place).map_or(&[], Vec::as_slice)
    }

    /// Messages whose first byte is in this frame.
    pub(super) fn messages(&self, place: Place) -> &[Message] {
        self.messages.get(&place).map_or(&[], Vec::as_slice)
    }

    /// Whether the frame belongs to an RTSP connection, and whether its sender is the client.
    pub(super) fn connection(&self, (tap, from, to): Flow, number: u64) -> Option<bool> {
        let lasts = |flow| {
            let lasted = self.connections.get(&flow)?;
            lasted
                .iter()
                .any(|lasted| (lasted.first..=lasted.last).contains(&number))
                .then_some(())
        };
        let is_of_many = |client: SocketAddr, server| {
            self.many
                .contains(&(tap, client.ip(), server))
                .then_some(())
        };
        let from_client = lasts((tap, from, to)).or_else(|| is_of_many(from, to));
        let from_server = || lasts((tap, to, from)).or_else(|| is_of_many(to, from));
        from_client
            .map(|()| true)
            .or_else(|| from_server().map(|()| false))
    }

    /// Whether an RTSP connection or a media flow has these ends, in either direction.
    pub(super) fn knows(&self, (tap, from, to): Flow) -> bool {
        [(tap, from, to), (tap, to, from)]
            .iter()
            .any(|flow| self.media.contains_key(flow) || self.connections.contains_key(flow))
    }

    /// The media flow, where it is one.
    pub(super) fn media(&self, flow: Flow) -> Option<&MediaFlow> {
        self.media.get(&flow)
    }

    /// The counters of the media flows of the plan, in order of their last packet.
    pub(super) fn of_its_flows(&self, counters: &[FlowCounters]) -> Vec<FlowCounters> {
        let mut counters: Vec<FlowCounters> = counters
            .iter()
            .filter(|counters| {
                self.media
                    .contains_key(&(counters.tap, counters.from, counters.to))
            })
            .copied()
            .collect();
        counters.sort_by_key(|counters| counters.stats.last_ns);
        counters
    }

    /// The totals of the channels of its RTSP connections.
    pub(super) fn of_its_connections(&self, channels: &[ChannelTotals]) -> Vec<ChannelTotals> {
        let own = channels.iter().filter(|totals| {
            let ChannelCounters { tap, from, to, .. } = totals.counted;
            self.knows((tap, from, to))
        });
        own.copied().collect()
    }

    fn frame(&mut self, at: Option<Locator>, reason: Reason) {
        let Some((tap, number)) = at.and_then(|at| Some((at.tap, at.frame?))) else {
            return;
        };
        let reasons = self.frames.entry((tap, number)).or_default();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }

    fn session(&mut self, snapshot: &Snapshot, session: &Session, privacy: Privacy) {
        let among_many = snapshot.sessions.len() > 1;
        let suffix = if among_many {
            format!(", session {}", session.id)
        } else {
            String::new()
        };
        session::add(self, snapshot, session, &suffix, privacy);
        for medium in &session.media {
            media::add(self, medium, &suffix, privacy);
        }
    }
}

/// A reason that names no finding.
fn plain(text: impl Into<String>) -> Reason {
    Reason {
        text: text.into(),
        proves: None,
    }
}
