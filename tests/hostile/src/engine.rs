//! The whole engine on made-up traffic: the model fits together, every place that it names was seen, and looking at it
//! changes nothing.

use std::collections::BTreeSet;

use rtsp_ebpf_common::flow::FlowStats;
use rtspscope_engine::model::{Arrival, Leg, MediaStream, Session};
use rtspscope_engine::{
    CaptureLoss, Engine, EngineOptions, Event, FlowCounters, Input, Limits, Locator, LossKind,
    Snapshot, TapInfo,
};
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId, TapRole, Timestamp};

use crate::script::{Act, Script, Side};
use crate::spans;

/// Caps that a short script reaches.
const TIGHT: Limits = Limits {
    connections: 2,
    undecided_bytes: 256,
    buffered_bytes: 2_048,
    buffered_segments: 4,
    head_bytes: 1_024,
    body_bytes: 1_024,
    exchanges: 4,
    connection_message_bytes: 2_048,
    message_bytes_in_all: 4_096,
    channels: 2,
    channels_in_all: 3,
    flows: 3,
    epochs: 2,
    datagram_talks: 2,
    icmp_errors: 2,
    waiting_bytes_in_all: 4_096,
    cookie_bytes: 8,
    epochs_in_all: 2,
    timelines: 2,
    fragmented_packets: 2,
    fragment_bytes: 512,
    fragmented_flows: 2,
    group_members: 2,
    tracked_connections: 4,
    tracked_expectations: 2,
    events: 8,
};

/// The first byte chooses the caps and what is known of the taps; the rest is a script (see [`crate::script`]).
pub fn engine(data: &[u8]) {
    let Some((&choice, script)) = data.split_first() else {
        return;
    };
    let mut run = Run::new(choice);
    let mut script = Script::new(script);
    while let Some(acts) = script.next() {
        for act in acts {
            run.act(act);
        }
    }
    run.engine.finish();
    run.look();
}

/// An engine, and what it was shown.
struct Run {
    engine: Engine,
    now: Timestamp,
    /// Frames shown at each tap.
    frames: [u64; 2],
    began: Timestamp,
    tight: bool,
}

impl Run {
    fn new(choice: u8) -> Self {
        let tight = choice & 1 != 0;
        let limits = if tight { TIGHT } else { Limits::default() };
        let mut engine = Engine::new(EngineOptions {
            limits,
            ..EngineOptions::default()
        });
        let roles = if choice & 2 == 0 {
            [TapRole::Lan, TapRole::Wan]
        } else {
            [TapRole::Unknown; 2]
        };
        for (name, role) in ["lan", "wan"].into_iter().zip(roles) {
            engine.add_tap(TapInfo {
                name: name.to_owned(),
                role,
                source: "made up".to_owned(),
                link_type: Some(LinkType::ETHERNET),
                unfiltered: choice & 4 != 0,
            });
        }
        let began = Timestamp(1_700_000_000_000_000_000);
        Self {
            engine,
            now: began,
            frames: [0; 2],
            began,
            tight,
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Frame { side, bytes } => self.show(side, &bytes),
            Act::Counters {
                side,
                from,
                to,
                payload,
            } => {
                let mut stats = FlowStats::EMPTY;
                for packet in payload.chunks(40) {
                    stats.update(packet, packet.len() as u32, self.now.as_nanos(), 0);
                }
                // The kernel tells of a flow once a packet came.
                if stats.packets == 0 {
                    return;
                }
                let tap = TapId(side as u16);
                let counters = FlowCounters {
                    tap,
                    from,
                    to,
                    stats,
                };
                self.engine.handle_input(Input::FlowCounters(&counters));
            }
            Act::Wait { nanos } => {
                self.now = Timestamp(self.now.as_nanos().saturating_add(nanos));
                self.engine.handle_input(Input::Tick(self.now));
                let kind = LossKind::RingFull;
                let tap = Some(TapId(0));
                let loss = CaptureLoss {
                    tap,
                    kind,
                    count: 1,
                };
                self.engine.handle_input(Input::CaptureLoss(loss));
            }
            Act::Look => self.look(),
        }
    }

    fn show(&mut self, side: Side, bytes: &[u8]) {
        let frames = &mut self.frames[side as usize];
        *frames += 1;
        self.now = Timestamp(self.now.as_nanos().saturating_add(1_000));
        self.engine.handle_input(Input::Frame(FrameRef {
            at: self.now,
            tap: TapId(side as u16),
            direction: Direction::Unknown,
            link_type: LinkType::ETHERNET,
            number: *frames,
            original_len: bytes.len() as u32,
            bytes,
        }));
    }

    /// Takes all events and looks at the model, twice.
    fn look(&mut self) {
        let mut events = 0;
        while let Some(event) = self.engine.poll_output() {
            events += 1;
            self.check_locator(match &event {
                Event::SessionStarted { at, .. }
                | Event::Playing { at, .. }
                | Event::MediaArrived { at, .. }
                | Event::Ended { at, .. } => at,
                Event::Message { message, .. } => &message.at,
            });
        }
        assert!(!self.tight || events <= TIGHT.events);
        let snapshot = self.engine.snapshot();
        let again = self.engine.snapshot();
        assert_eq!(format!("{snapshot:?}"), format!("{again:?}"));
        self.check(&snapshot);
    }

    fn check(&self, snapshot: &Snapshot) {
        assert_eq!(
            snapshot
                .taps
                .iter()
                .map(|tap| tap.frames)
                .collect::<Vec<_>>(),
            self.frames
        );
        let numbers: BTreeSet<u32> = snapshot.sessions.iter().map(|session| session.id).collect();
        assert_eq!(numbers.len(), snapshot.sessions.len());
        for session in &snapshot.sessions {
            self.check_session(session);
        }
        for finding in &snapshot.findings {
            assert!(!finding.evidence.is_empty(), "{finding:?}");
            assert!(
                !finding.summary.is_empty() && !finding.cause.is_empty(),
                "{finding:?}"
            );
            for evidence in &finding.evidence {
                self.check_locator(&evidence.at);
            }
            let session = finding.subject.session.map(|id| {
                snapshot
                    .sessions
                    .iter()
                    .find(|session| session.id == id)
                    .unwrap_or_else(|| panic!("{finding:?}"))
            });
            if let Some(media) = finding.subject.media {
                assert!(
                    session.is_some_and(|session| media < session.media.len()),
                    "{finding:?}"
                );
            }
        }
    }

    fn check_session(&self, session: &Session) {
        assert!(!session.legs.is_empty());
        assert!(
            session
                .ended_at
                .is_none_or(|ended| session.started_at <= ended)
        );
        for leg in &session.legs {
            self.check_leg(leg);
        }
        if let Some(nat) = &session.nat {
            assert!(nat.pre < session.legs.len() && nat.post < session.legs.len());
            assert!(nat.pre != nat.post && !nat.evidence.is_empty());
            for rewrite in &nat.rewrites {
                self.check_locator(&rewrite.pre_at);
                self.check_locator(&rewrite.post_at);
                assert!(
                    rewrite.pre.is_some() || rewrite.post.is_some(),
                    "{rewrite:?}"
                );
            }
        }
        for medium in &session.media {
            self.check_medium(session, medium);
        }
    }

    fn check_leg(&self, leg: &Leg) {
        self.check_locator(&leg.first);
        self.check_locator(&leg.last);
        assert!(leg.first.at <= leg.last.at);
        if let Some(close) = &leg.closed {
            self.check_locator(&close.at);
        }
        if let Some(gap) = &leg.first_gap {
            self.check_locator(gap);
        }
        assert_eq!(leg.first_gap.is_some(), leg.missing_bytes > 0);
        assert!(!self.tight || leg.exchanges.len() <= 2 * TIGHT.exchanges);
        for message in leg
            .exchanges
            .iter()
            .flat_map(|exchange| exchange.request.iter().chain(&exchange.response))
        {
            self.check_locator(&message.at);
            assert!(message.head_len <= message.raw.len());
            assert!(message.last_frame >= message.at.frame);
            let mut anomalies = message.anomalies.clone();
            anomalies.sort_by_key(|odd| odd.at.start);
            spans::check_anomalies(&anomalies, &(0..message.raw.len()));
        }
    }

    fn check_medium(&self, session: &Session, medium: &MediaStream) {
        assert_eq!(medium.per_leg.len(), session.legs.len());
        assert_eq!(medium.setup.len(), session.legs.len());
        for (leg, setup) in session.legs.iter().zip(&medium.setup) {
            assert!(setup.is_none_or(|setup| setup < leg.exchanges.len()));
        }
        for arrival in &medium.arrivals {
            self.check_arrival(arrival);
        }
    }

    fn check_arrival(&self, arrival: &Arrival) {
        let Arrival { rtp, rtcp, .. } = arrival;
        assert!(usize::from(arrival.tap.0) < self.frames.len());
        for locator in rtp.first.iter().chain(&rtp.last).chain(&rtcp.first) {
            self.check_locator(locator);
        }
        assert_eq!(rtp.first.is_some(), rtp.packets > 0);
        let (expected, lost) = (rtp.expected.unwrap_or(0), rtp.lost.unwrap_or(0));
        let again = rtp.duplicates.unwrap_or(0);
        assert!(lost <= expected && again <= rtp.packets, "{rtp:?}");
        for datagrams in &arrival.from_client {
            assert!(datagrams.packets > 0);
            self.check_locator(&datagrams.first);
            self.check_locator(&datagrams.last);
        }
        for refusal in &arrival.refused {
            self.check_locator(&refusal.at);
        }
    }

    /// The tap exists, the frame was shown, and its time is one that was.
    fn check_locator(&self, locator: &Locator) {
        let frames = self.frames.get(usize::from(locator.tap.0));
        let frames = frames.unwrap_or_else(|| panic!("{locator:?}"));
        assert!(
            locator
                .frame
                .is_none_or(|frame| (1..=*frames).contains(&frame)),
            "{locator:?}"
        );
        // A tap that saw nothing has no time.
        let is_timeless = *frames == 0 && locator.at == Timestamp::default();
        assert!(
            is_timeless || (self.began <= locator.at && locator.at <= self.now),
            "{locator:?}"
        );
    }
}
