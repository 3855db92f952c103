//! Saves one session: its packets as pcapng, or its report as JSON or Markdown.
//!
//! Packets of saved captures are read again from their files; those of a live run, or of a pipe, come from what was
//! kept of them ([`Kept`]).

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rtspscope_engine::model::Session;
use rtspscope_engine::{
    ChannelCounters, ChannelReport, Conntrack, FlowCounters, Handover, Input, RouterSetup,
    Snapshot, TapInfo,
};
use rtspscope_wire::decode::{self, Body};
use rtspscope_wire::netfilter::{self, Subject};
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId, Timestamp};

use crate::failure::Failure;
use crate::output::privacy::{Privacy, own};
use crate::output::{json, markdown};
use crate::progress::Progress;
use rtspscope_capture::Recorder;
use rtspscope_capture::{Host, MergedFiles, NamedFile};

/// Bytes of frames that are kept of a run whose packets cannot be read again; the oldest fall.
const KEPT_BYTES: usize = 16 << 20;

/// Flows whose counters are kept beside them.
const KEPT_FLOWS: usize = 4_096;

/// How a session is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Pcapng,
    Json,
    Markdown,
}

impl Format {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pcapng => "pcapng",
            Self::Json => "JSON",
            Self::Markdown => "Markdown",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Pcapng => "pcapng",
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::Pcapng => Self::Json,
            Self::Json => Self::Markdown,
            Self::Markdown => Self::Pcapng,
        }
    }
}

/// What the user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) session: u32,
    pub(super) format: Format,
    pub(super) path: String,
}

/// Where a session goes unless the user says otherwise.
pub(super) fn default_path(session: &Session, format: Format) -> String {
    format!("session-{}.{}", session.id, format.extension())
}

/// Where packets can be had from again.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// Files, in the order of their taps.
    Files(Vec<NamedFile>),
    /// What was kept in memory.
    Kept(Arc<Mutex<Kept>>),
}

/// Writes a session and tells where it went and what it holds.
pub(super) fn save(
    snapshot: &Snapshot,
    origin: &Origin,
    privacy: Privacy,
    request: &Request,
) -> Result<String, Failure> {
    let path = PathBuf::from(&request.path);
    if request.path.is_empty() {
        return Err(Failure::new("the name", "is empty", "name a file"));
    }
    if path.exists() {
        return Err(Failure::new(
            path.display(),
            "exists already",
            "choose another name",
        ));
    }
    let Some(only) = only(snapshot, request.session) else {
        return Err(Failure::new(
            "the session",
            "is no longer known",
            "choose another",
        ));
    };
    match request.format {
        Format::Pcapng => {
            let frames = packets(&only, origin, &path)?;
            Ok(format!(
                "saved {frames} frames to {} (with passwords as they were sent)",
                own(&request.path)
            ))
        }
        Format::Json => {
            let text = json::pretty(&json::report(&only, privacy))? + "\n";
            write(&path, &text)?;
            Ok(format!("saved the report to {}", own(&request.path)))
        }
        Format::Markdown => {
            write(&path, &markdown::report(&only, privacy, true))?;
            Ok(format!("saved the report to {}", own(&request.path)))
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::writing(path.display(), &error);
    let mut file = File::create_new(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// The snapshot with one session and what was found of it and of the capture as a whole.
fn only(snapshot: &Snapshot, id: u32) -> Option<Snapshot> {
    let session = snapshot.sessions.iter().find(|session| session.id == id)?;
    let findings = snapshot.findings.iter();
    let findings = findings.filter(|finding| finding.subject.session.is_none_or(|of| of == id));
    Some(Snapshot {
        taps: snapshot.taps.clone(),
        netfilter_files: snapshot.netfilter_files.clone(),
        losses: snapshot.losses.clone(),
        blind_spots: snapshot.blind_spots.clone(),
        sessions: vec![session.clone()],
        findings: findings.cloned().collect(),
        retired: snapshot.retired,
        unclaimed: snapshot.unclaimed.clone(),
        datagram_talks: snapshot.datagram_talks.clone(),
        notes: snapshot.notes.clone(),
        router: snapshot.router.clone(),
        setup: snapshot.setup.clone(),
        ticked_at: snapshot.ticked_at,
    })
}

/// Writes the session's packets; how many there were.
fn packets(only: &Snapshot, origin: &Origin, path: &Path) -> Result<u64, Failure> {
    let ends = Ends::of(&only.sessions);
    let mut writer = Writer {
        recorder: Recorder::create(path)?,
        frames: 0,
    };
    match origin {
        Origin::Files(files) => {
            let mut source = MergedFiles::open(files, &mut writer)?;
            let silent = Progress::new(false, source.reading());
            loop {
                let next = source.next(&mut silent.beside(&mut writer))?;
                let Some(input) = next else { break };
                writer.take(&input, &ends)?;
            }
        }
        Origin::Kept(kept) => {
            let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            for info in &kept.taps {
                writer.open_tap(info.clone());
            }
            if let Some(setup) = &kept.setup {
                writer.take(&Input::RouterSetup(setup), &ends)?;
            }
            for item in &kept.items {
                let told = item.told();
                let input = told.as_ref().map_or_else(|| item.borrow(), Told::borrow);
                writer.take(&input, &ends)?;
            }
            for counters in kept.channels.values() {
                writer.take(&Input::ChannelCounters(counters), &ends)?;
            }
            for counters in kept.counters.values() {
                writer.take(&Input::FlowCounters(counters), &ends)?;
            }
        }
    }
    if let Some(now) = only.ticked_at {
        writer.recorder.handle_input(&Input::Tick(now))?;
    }
    writer.recorder.finish()?;
    Ok(writer.frames)
}

struct Writer {
    recorder: Recorder,
    frames: u64,
}

impl Writer {
    fn take(&mut self, input: &Input<'_>, ends: &Ends) -> Result<(), Failure> {
        match input {
            Input::Frame(frame) if ends.have(frame) => {
                self.frames += 1;
                Ok(self.recorder.handle_input(input)?)
            }
            Input::FlowCounters(counters) if ends.have_flow(counters.from, counters.to) => {
                Ok(self.recorder.handle_input(input)?)
            }
            Input::Conntrack(told) if ends.have_told(told.event) => {
                Ok(self.recorder.handle_input(input)?)
            }
            Input::Handover(handover) if ends.are_of(handover.from, handover.to) => {
                Ok(self.recorder.handle_input(input)?)
            }
            Input::ChannelCounters(counters) if ends.are_of(counters.from, counters.to) => {
                Ok(self.recorder.handle_input(input)?)
            }
            Input::ChannelTotals(totals) if ends.are_of(totals.counted.from, totals.counted.to) => {
                Ok(self.recorder.handle_input(input)?)
            }
            Input::Pictures(totals)
                if ends.are_of(totals.from, totals.to)
                    || ends.have_flow(totals.from, totals.to) =>
            {
                Ok(self.recorder.handle_input(input)?)
            }
            Input::ChannelReport(report) if ends.are_of(report.from, report.to) => {
                Ok(self.recorder.handle_input(input)?)
            }
            Input::RouterSetup(_) => Ok(self.recorder.handle_input(input)?),
            Input::Frame(_)
            | Input::Conntrack(_)
            | Input::FlowCounters(_)
            | Input::Handover(_)
            | Input::ChannelCounters(_)
            | Input::ChannelTotals(_)
            | Input::Pictures(_)
            | Input::ChannelReport(_)
            | Input::CaptureLoss(_)
            | Input::Tick(_)
            | Input::Watched(_) => Ok(()),
        }
    }
}

impl Host for Writer {
    fn open_tap(&mut self, info: TapInfo) -> TapId {
        self.recorder.open_tap(info)
    }

    fn note(&mut self, _subject: &str, _what: &str) {}
}

/// The ends between which a session's packets go, at any tap.
struct Ends {
    connections: Vec<(SocketAddr, SocketAddr)>,
    flows: Vec<(SocketAddr, SocketAddr)>,
    /// Receivers of media as they were agreed on.
    receivers: Vec<SocketAddr>,
}

impl Ends {
    fn of(sessions: &[Session]) -> Self {
        let mut ends = Self {
            connections: Vec::new(),
            flows: Vec::new(),
            receivers: Vec::new(),
        };
        for session in sessions {
            ends.connections
                .extend(session.legs.iter().map(|leg| (leg.client, leg.server)));
            for media in &session.media {
                for arrival in &media.arrivals {
                    ends.flows.extend(arrival.rtp.from.zip(arrival.rtp.to));
                    ends.flows.extend(arrival.rtcp.from.zip(arrival.rtcp.to));
                    ends.flows
                        .extend(arrival.from_client.iter().map(|sent| (sent.from, sent.to)));
                }
                for (leg, agreed) in session.legs.iter().zip(&media.per_leg) {
                    let ports = [
                        agreed.client_rtp_port,
                        agreed.client_rtcp_port,
                        agreed.answered_rtp_port,
                        agreed.answered_rtcp_port,
                    ];
                    let at_client = |port| SocketAddr::new(leg.client.ip(), port);
                    ends.receivers
                        .extend(ports.into_iter().flatten().map(at_client));
                    if let Some((group, rtp, rtcp)) = agreed.multicast {
                        ends.receivers
                            .extend([rtp, rtcp].map(|port| SocketAddr::new(group, port)));
                    }
                }
            }
        }
        ends
    }

    fn have(&self, frame: &FrameRef<'_>) -> bool {
        match decode::decode(frame).body {
            Body::Tcp(segment) => self.are_of(segment.source, segment.destination),
            Body::Udp(datagram) => self.have_flow(datagram.source, datagram.destination),
            Body::Icmp(_) | Body::Membership(_) | Body::Other => false,
        }
    }

    /// Whether netfilter speaks of a connection of the session, or of one that its helper expects.
    fn have_told(&self, event: &netfilter::Event) -> bool {
        let have = |tuple: netfilter::Tuple| {
            self.are_of(tuple.from, tuple.to) || self.have_flow(tuple.from, tuple.to)
        };
        match &event.subject {
            Subject::Entry(entry) => have(entry.original) || have(entry.reply),
            Subject::Expectation(expectation) => have(expectation.master),
        }
    }

    fn are_of(&self, from: SocketAddr, to: SocketAddr) -> bool {
        self.connections
            .iter()
            .any(|ends| *ends == (from, to) || *ends == (to, from))
    }

    fn have_flow(&self, from: SocketAddr, to: SocketAddr) -> bool {
        self.flows
            .iter()
            .any(|ends| *ends == (from, to) || *ends == (to, from))
            || self
                .receivers
                .iter()
                .any(|receiver| *receiver == to || *receiver == from)
    }
}

/// The last frames of a run, and the last counters of its flows.
#[derive(Debug, Default)]
pub(super) struct Kept {
    taps: Vec<TapInfo>,
    setup: Option<RouterSetup>,
    items: VecDeque<Item>,
    bytes: usize,
    /// Of channels that the kernel reads now.
    channels: BTreeMap<(u16, SocketAddr, SocketAddr, u8), ChannelCounters>,
    counters: BTreeMap<(u16, SocketAddr, SocketAddr), FlowCounters>,
}

/// What is kept in the order in which it came.
#[derive(Debug)]
enum Item {
    Frame(Frame),
    Handover(Handover),
    /// What the kernel had counted when it gave a direction back.
    Counted(Box<ChannelCounters>),
    /// A report that it handed over.
    Report(Box<ChannelReport>),
}

impl Item {
    fn borrow(&self) -> Input<'_> {
        match self {
            Self::Frame(frame) => Input::Frame(frame.borrow()),
            Self::Handover(handover) => Input::Handover(handover),
            Self::Counted(counters) => Input::ChannelCounters(counters),
            Self::Report(report) => Input::ChannelReport(report),
        }
    }

    /// What it tells, where it is no frame but a message of netfilter.
    fn told(&self) -> Option<Told<'_>> {
        let Self::Frame(frame) = self else {
            return None;
        };
        let is_told = frame.tap == TapId::NETFILTER;
        let message = netfilter::messages(&frame.bytes).next().filter(|_| is_told);
        let event = message?.event()?;
        Some(Told { frame, event })
    }

    fn len(&self) -> usize {
        let beside = match self {
            Self::Frame(frame) => frame.bytes.len(),
            Self::Handover(_) => 0,
            Self::Counted(_) => size_of::<ChannelCounters>(),
            Self::Report(report) => size_of::<ChannelReport>() + report.bytes.len(),
        };
        size_of::<Self>() + beside
    }
}

#[derive(Debug)]
struct Frame {
    at: Timestamp,
    tap: TapId,
    direction: Direction,
    link_type: LinkType,
    number: u64,
    original_len: u32,
    bytes: Box<[u8]>,
}

impl Frame {
    fn borrow(&self) -> FrameRef<'_> {
        FrameRef {
            at: self.at,
            tap: self.tap,
            direction: self.direction,
            link_type: self.link_type,
            number: self.number,
            original_len: self.original_len,
            bytes: &self.bytes,
        }
    }
}

/// A message of netfilter that was kept, read again.
struct Told<'a> {
    frame: &'a Frame,
    event: netfilter::Event,
}

impl Told<'_> {
    fn borrow(&self) -> Input<'_> {
        Input::Conntrack(Conntrack {
            at: self.frame.at,
            number: self.frame.number,
            raw: &self.frame.bytes,
            event: &self.event,
        })
    }
}

impl Kept {
    pub(super) fn open_tap(&mut self, info: &TapInfo) {
        self.taps.push(info.clone());
    }

    pub(super) fn take(&mut self, input: &Input<'_>) {
        match input {
            Input::Frame(frame) => self.keep(frame),
            Input::Conntrack(told) => self.keep(&FrameRef {
                at: told.at,
                tap: TapId::NETFILTER,
                direction: Direction::Unknown,
                link_type: LinkType::NETLINK,
                number: told.number,
                original_len: 0,
                bytes: told.raw,
            }),
            Input::RouterSetup(setup) => self.setup = Some((*setup).clone()),
            Input::Handover(handover) => {
                self.close_channels(handover);
                self.push(Item::Handover(**handover));
            }
            Input::ChannelCounters(counters) => {
                let key = (counters.tap.0, counters.from, counters.to, counters.channel);
                if self.channels.len() < KEPT_FLOWS || self.channels.contains_key(&key) {
                    self.channels.insert(key, **counters);
                }
            }
            Input::ChannelReport(report) => self.push(Item::Report(Box::new((*report).clone()))),
            Input::FlowCounters(counters) => {
                let key = (counters.tap.0, counters.from, counters.to);
                if self.counters.len() < KEPT_FLOWS || self.counters.contains_key(&key) {
                    self.counters.insert(key, **counters);
                }
            }
            // Totals are read from files, which are read again to save of them.
            Input::ChannelTotals(_)
            | Input::Pictures(_)
            | Input::CaptureLoss(_)
            | Input::Tick(_)
            | Input::Watched(_) => {}
        }
    }

    fn keep(&mut self, frame: &FrameRef<'_>) {
        self.push(Item::Frame(Frame {
            at: frame.at,
            tap: frame.tap,
            direction: frame.direction,
            link_type: frame.link_type,
            number: frame.number,
            original_len: frame.original_len,
            bytes: frame.bytes.into(),
        }));
    }

    /// What was counted in a direction is final with the handover that follows.
    fn close_channels(&mut self, handover: &Handover) {
        let direction = |channel| (handover.tap.0, handover.from, handover.to, channel);
        let keys: Vec<_> = self
            .channels
            .range(direction(0)..=direction(u8::MAX))
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            if let Some(counters) = self.channels.remove(&key) {
                self.push(Item::Counted(Box::new(counters)));
            }
        }
    }

    /// Keeps an item; the oldest fall for it where there is no room.
    fn push(&mut self, item: Item) {
        self.bytes += item.len();
        self.items.push_back(item);
        while self.bytes > KEPT_BYTES
            && let Some(oldest) = self.items.pop_front()
        {
            self.bytes -= oldest.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::TapRole;

    use super::*;
    use crate::output::sample;

    #[test]
    fn a_report_holds_one_session_and_what_was_found_of_it() {
        let mut snapshot = sample::snapshot();
        let mut other = snapshot.sessions[0].clone();
        other.id = 2;
        snapshot.sessions.push(other);
        let only = only(&snapshot, 2).unwrap();
        assert_eq!((only.sessions.len(), only.findings.len()), (1, 0));
        assert_eq!(super::only(&snapshot, 1).unwrap().findings.len(), 1);
        assert!(super::only(&snapshot, 3).is_none());
    }

    #[test]
    fn packets_of_a_session_are_told_by_their_ends_at_any_tap() {
        let ends = Ends::of(&sample::snapshot().sessions);
        let end = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert!(ends.have_flow(end("203.0.113.10:5000"), end("203.0.113.1:9998")));
        assert!(ends.have_flow(end("203.0.113.1:9998"), end("203.0.113.10:5000")));
        assert!(!ends.have_flow(end("203.0.113.10:5000"), end("203.0.113.1:12345")));
    }

    struct Quiet;

    impl Host for Quiet {
        fn open_tap(&mut self, _info: TapInfo) -> TapId {
            TapId(0)
        }

        fn note(&mut self, _subject: &str, what: &str) {
            panic!("{what}");
        }
    }

    fn setups(file: &NamedFile) -> Vec<RouterSetup> {
        let mut source = MergedFiles::open(std::slice::from_ref(file), &mut Quiet).unwrap();
        let mut found = Vec::new();
        while let Some(input) = source.next(&mut Quiet).unwrap() {
            if let Input::RouterSetup(setup) = input {
                found.push(setup.clone());
            }
        }
        found
    }

    /// From what was kept of a run, and from a recording.
    #[test]
    fn what_is_saved_of_a_session_has_the_routers_setup() {
        let setup = RouterSetup {
            at: Timestamp(1_700_000_000_000_000_000),
            udp_timeout_secs: Some(30),
            ..RouterSetup::default()
        };
        let mut kept = Kept::default();
        kept.open_tap(&TapInfo {
            name: "lan0".to_owned(),
            role: TapRole::Lan,
            source: "ebpf:lan0".to_owned(),
            link_type: Some(LinkType::ETHERNET),
            unfiltered: true,
        });
        kept.take(&Input::RouterSetup(&setup));
        let file = |name: &str| NamedFile {
            path: std::env::temp_dir().join(format!(
                "rtspscope-save-{}-{name}.pcapng",
                std::process::id()
            )),
            role: TapRole::Unknown,
            kept_at: None,
        };
        let [run, again] = ["run", "again"].map(file);
        let only = Snapshot::default();
        let of_run = Origin::Kept(Arc::new(Mutex::new(kept)));
        packets(&only, &of_run, &run.path).unwrap();
        packets(&only, &Origin::Files(vec![run.clone()]), &again.path).unwrap();
        for file in [run, again] {
            assert_eq!(setups(&file), std::slice::from_ref(&setup));
            std::fs::remove_file(file.path).unwrap();
        }
    }

    #[test]
    fn the_oldest_frames_fall_first() {
        let mut kept = Kept::default();
        let bytes = vec![0; 1 << 20];
        for number in 1..=20 {
            kept.take(&Input::Frame(FrameRef {
                at: Timestamp(0),
                tap: TapId(0),
                direction: Direction::Unknown,
                link_type: LinkType::RAW,
                number,
                original_len: 1 << 20,
                bytes: &bytes,
            }));
        }
        assert!(kept.bytes <= KEPT_BYTES);
        let Some(Item::Frame(last)) = kept.items.back() else {
            panic!("{:?}", kept.items);
        };
        assert_eq!((last.number, kept.items.len()), (20, 15));
    }
}
