//! One run: a source's taps and inputs go to the engine, to the recording and to what the user looks at.
//!
//! A source opens its taps ([`Host::open_tap`]), says that it observes ([`Run::observing`]), hands over what it sees
//! ([`Run::handle_input`]) and gives way between batches ([`Run::turn`]). It knows nothing of what comes of it.

mod filter;
mod lookout;
mod pace;

use std::collections::BTreeSet;
use std::net::SocketAddr;

#[cfg(feature = "ebpf")]
use rtspscope_engine::{Carrier, Passing, Session};
use rtspscope_engine::{
    ChannelTotals, Conntrack, Engine, EngineOptions, Event, FlowCounters, Input, PictureTotals,
    Retention, Severity, Snapshot, TapFile, TapInfo,
};
use rtspscope_wire::rtsp::{message, transport};
use rtspscope_wire::{FrameRef, TapId, Timestamp};

pub(crate) use filter::Filter;
use lookout::Lookout;
pub(crate) use lookout::{Look, News};
pub(crate) use pace::Pace;

use crate::bundle::Backlog;
use crate::failure::Failure;
use crate::live::Gauges;
use crate::metrics::Metrics;
use crate::output::privacy::own;
use rtspscope_capture::Host;
use rtspscope_capture::Recorder;

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There is more to see.
    GoOn,
    /// The user wants to leave.
    Stop,
}

/// What a user looks at while and after packets come.
pub(crate) trait View {
    /// A tap was opened; taps are numbered in the order of the calls.
    fn open_tap(&mut self, info: &TapInfo);
    /// The next frames of a tap come from another file of its capture.
    fn begin_file(&mut self, _tap: TapId, _file: &TapFile) {}
    /// The taps that are known are open, packets come from now on.
    fn observing(&mut self) -> Result<(), Failure>;
    /// Whether it takes inputs itself ([`View::handle_input`]).
    fn takes_inputs(&self) -> bool {
        false
    }
    /// An input is about to go to the engine.
    fn handle_input(&mut self, _input: &Input<'_>) {}
    /// A live run tells how it is, by label and value.
    fn note_health(&mut self, _health: Vec<(String, String)>) {}
    /// The engine saw something.
    fn handle_event(&mut self, event: &Event) -> Result<(), Failure>;
    /// A live run looked at what it knows.
    fn look(&mut self, _look: &Look) -> Result<(), Failure> {
        Ok(())
    }
    /// The user asked to begin files anew that were moved away.
    fn reopen(&mut self) -> Result<(), Failure> {
        Ok(())
    }
    /// Draws what changed and reads the keyboard.
    fn turn(&mut self, engine: &mut Engine) -> Result<Turn, Failure>;
    /// No more input comes. `news` is what no look told of.
    fn finish(&mut self, snapshot: &Snapshot, news: &News) -> Result<(), Failure>;
    /// Whether lines on standard error would disturb the view, so that they must wait for its end.
    fn owns_screen(&self) -> bool;
}

/// What a run came to know.
#[derive(Debug)]
pub(crate) struct Known {
    /// The report.
    pub snapshot: Snapshot,
    /// What was counted of the UDP flows, where it was asked for.
    pub counters: Vec<FlowCounters>,
    /// The same of the channels of RTSP connections.
    pub channels: Vec<ChannelTotals>,
    /// What the pictures of each video were.
    pub pictures: Vec<PictureTotals>,
    /// What a live run kept for its bundle.
    pub backlog: Option<Backlog>,
}

impl Known {
    /// The worst severity that was found.
    pub(crate) fn worst(&self) -> Option<Severity> {
        let findings = self.snapshot.findings.iter();
        findings.map(|finding| finding.severity).max()
    }
}

/// What a run is made of besides its view.
#[derive(Debug, Default)]
pub(crate) struct RunOptions {
    /// What the engine is told.
    pub engine: EngineOptions,
    /// Where inputs are recorded.
    pub recorder: Option<Recorder>,
    /// Which frames are of interest.
    pub filter: Option<Filter>,
    /// Number frames in the order in which they come, as a recording of them is.
    pub number_frames: bool,
    /// Give what was counted of each flow at the end.
    pub keep_counters: bool,
    /// Where a live run keeps what it sees for its bundle.
    pub backlog: Option<Backlog>,
    /// What a live run keeps of the past; `None` for saved captures, of which all is kept.
    pub retention: Option<Retention>,
    /// Where figures go.
    pub metrics: Option<Metrics>,
}

/// A run under way.
pub(crate) struct Run {
    engine: Engine,
    recorder: Option<Recorder>,
    filter: Option<Filter>,
    number_frames: bool,
    keep_counters: bool,
    backlog: Option<Backlog>,
    lookout: Option<Lookout>,
    metrics: Option<Metrics>,
    /// Inputs go to the engine as they are, and nowhere else.
    is_plain: bool,
    frames: u64,
    view: Box<dyn View>,
    notes: Vec<String>,
    /// What the source cannot see.
    unseen: Vec<String>,
    observing: bool,
    /// An answer to SETUP named ports that nobody has been told of.
    ports_agreed: bool,
    /// Open connections in which a SETUP was answered, client first, as any tap shows them.
    set_up: BTreeSet<(SocketAddr, SocketAddr)>,
    /// Connections that turned out to speak RTSP, until somebody asks.
    started: Vec<(SocketAddr, SocketAddr)>,
}

/// Things not seen that are kept for the report; an interface may come and go for weeks.
const MAX_UNSEEN: usize = 64;

/// Connections that wait to be asked for; a run without anyone who asks keeps no more.
const MAX_STARTED: usize = 1_024;

impl Run {
    /// A run without taps.
    pub(crate) fn new(options: RunOptions, view: Box<dyn View>) -> Self {
        let is_plain = options.recorder.is_none()
            && options.filter.is_none()
            && options.backlog.is_none()
            && !options.number_frames
            && options.retention.is_none()
            && !view.takes_inputs();
        Self {
            is_plain,
            engine: Engine::new(options.engine),
            recorder: options.recorder,
            filter: options.filter,
            number_frames: options.number_frames,
            keep_counters: options.keep_counters,
            backlog: options.backlog,
            lookout: options.retention.map(Lookout::new),
            metrics: options.metrics,
            frames: 0,
            view,
            notes: Vec::new(),
            unseen: Vec::new(),
            observing: false,
            ports_agreed: false,
            set_up: BTreeSet::new(),
            started: Vec::new(),
        }
    }

    /// Says that all taps are open and packets come from now on; only the first call tells the view.
    pub(crate) fn observing(&mut self) -> Result<(), Failure> {
        if std::mem::replace(&mut self.observing, true) {
            Ok(())
        } else {
            self.view.observing()
        }
    }

    /// Takes in one thing that happened.
    #[inline]
    pub(crate) fn handle_input(&mut self, input: &Input<'_>) -> Result<(), Failure> {
        if !self.is_plain {
            return self.handle_with_care(input);
        }
        self.engine.handle_input(*input);
        if self.engine.has_output() {
            self.drain_events()?;
        }
        Ok(())
    }

    /// What is to be filtered, numbered or recorded before the engine gets it.
    #[inline(never)]
    fn handle_with_care(&mut self, input: &Input<'_>) -> Result<(), Failure> {
        if let Input::Frame(frame) = input
            && let Some(filter) = &mut self.filter
            && !filter.matches(frame)
        {
            return Ok(());
        }
        match input {
            Input::Frame(frame) if self.number_frames => {
                let numbered = Input::Frame(self.numbered(frame));
                self.record_and_handle(&numbered)?;
            }
            Input::Conntrack(told) if self.number_frames => {
                let number = self.next_number();
                self.record_and_handle(&Input::Conntrack(Conntrack { number, ..*told }))?;
            }
            Input::Frame(_)
            | Input::Conntrack(_)
            | Input::RouterSetup(_)
            | Input::FlowCounters(_)
            | Input::Handover(_)
            | Input::ChannelCounters(_)
            | Input::ChannelTotals(_)
            | Input::Pictures(_)
            | Input::ChannelReport(_)
            | Input::CaptureLoss(_)
            | Input::Blind(..)
            | Input::Tick(_)
            | Input::Watched(_) => self.record_and_handle(input)?,
        }
        if self.engine.has_output() {
            self.drain_events()?;
        }
        if let Input::Tick(now) = input {
            self.look(*now)?;
        }
        Ok(())
    }

    /// Looks at what is known, where it is time.
    fn look(&mut self, now: Timestamp) -> Result<(), Failure> {
        let lookout = self.lookout.as_mut();
        let Some(look) = lookout.and_then(|lookout| lookout.look(now, &mut self.engine)) else {
            return Ok(());
        };
        if let Some(metrics) = &self.metrics {
            let findings = &look.snapshot.findings;
            let fresh: Vec<_> = look
                .news
                .fresh
                .iter()
                .filter_map(|at| findings.get(*at))
                .collect();
            metrics.update(|tally| tally.look(&look.snapshot, &fresh));
        }
        self.view.look(&look)
    }

    fn record_and_handle(&mut self, input: &Input<'_>) -> Result<(), Failure> {
        if let Some(recorder) = &mut self.recorder {
            recorder.handle_input(input)?;
        }
        let backlog = self.backlog.as_mut();
        if let Some(Err(failure)) = backlog.map(|backlog| backlog.handle_input(input)) {
            self.note("--bundle", &format!("{failure}; it keeps what came before"));
        }
        self.view.handle_input(input);
        self.engine.handle_input(*input);
        Ok(())
    }

    /// Lets the view draw and the keyboard speak.
    pub(crate) fn turn(&mut self) -> Result<Turn, Failure> {
        self.view.turn(&mut self.engine)
    }

    /// Ends the run: the recording is complete and the view has shown all.
    pub(crate) fn finish(mut self) -> Result<Known, Failure> {
        if let Some(recorder) = self.recorder.take() {
            recorder.finish()?;
        }
        self.engine.finish();
        self.drain_events()?;
        let mut snapshot = self.engine.snapshot();
        snapshot.notes = std::mem::take(&mut self.unseen);
        let news = match &mut self.lookout {
            Some(lookout) => lookout.last(&snapshot),
            None => News {
                fresh: (0..snapshot.findings.len()).collect(),
                ..News::default()
            },
        };
        let shown = self.view.finish(&snapshot, &news);
        // The view gives the terminal back when it is dropped, and only then lines may be written again.
        drop(self.view);
        for note in &self.notes {
            crate::output::complain(note);
        }
        shown?;
        let counters = self.keep_counters.then(|| self.engine.flow_counters());
        let channels = self.keep_counters.then(|| self.engine.channel_totals());
        let pictures = self.keep_counters.then(|| self.engine.picture_totals());
        Ok(Known {
            counters: counters.into_iter().flatten().collect(),
            channels: channels.into_iter().flatten().collect(),
            pictures: pictures.into_iter().flatten().collect(),
            backlog: self.backlog,
            snapshot,
        })
    }

    #[cold]
    fn drain_events(&mut self) -> Result<(), Failure> {
        while let Some(event) = self.engine.poll_output() {
            self.note_agreement(&event);
            if let Event::SessionStarted { client, server, .. } = &event
                && self.started.len() < MAX_STARTED
            {
                self.started.push((*client, *server));
            }
            self.view.handle_event(&event)?;
        }
        Ok(())
    }

    /// Notes where ports are agreed on. Where PLAY comes in another connection than SETUP it shows only then that both are one session,
    /// with the description of yet another.
    fn note_agreement(&mut self, event: &Event) {
        match event {
            Event::Message {
                method,
                message,
                client,
                server,
                ..
            } if method == "SETUP" && message.status.is_some() => {
                self.ports_agreed |= !is_interleaved(&message.raw);
                if self.set_up.len() < MAX_STARTED {
                    self.set_up.insert((*client, *server));
                }
            }
            Event::Playing { client, server, .. } => {
                self.ports_agreed |= !self.set_up.contains(&(*client, *server));
            }
            Event::Ended { client, server, .. } => {
                self.set_up.remove(&(*client, *server));
            }
            Event::Message { .. } | Event::SessionStarted { .. } | Event::MediaArrived { .. } => {}
        }
    }

    fn numbered<'a>(&mut self, frame: &FrameRef<'a>) -> FrameRef<'a> {
        FrameRef {
            number: self.next_number(),
            ..*frame
        }
    }

    /// Packets of netlink take their place among the frames, as they do in the recording.
    fn next_number(&mut self) -> u64 {
        self.frames += 1;
        self.frames
    }
}

impl Host for Run {
    fn open_tap(&mut self, mut info: TapInfo) -> TapId {
        info.unfiltered &= self.filter.is_none();
        if let Some(recorder) = &mut self.recorder {
            recorder.open_tap(info.clone());
        }
        if let Some(backlog) = &mut self.backlog {
            backlog.open_tap(&info);
        }
        self.view.open_tap(&info);
        self.engine.add_tap(info)
    }

    fn begin_file(&mut self, tap: TapId, file: TapFile) {
        self.view.begin_file(tap, &file);
        self.engine.begin_file(tap, file);
    }

    fn note(&mut self, subject: &str, what: &str) {
        let line = format!("{subject}: {what}");
        if self.view.owns_screen() {
            self.notes.push(line);
        } else {
            crate::output::complain(&line);
        }
    }
}

impl crate::live::LiveHost for Run {
    fn handle_input(&mut self, input: &Input<'_>) -> Result<(), Failure> {
        Self::handle_input(self, input)
    }

    fn handle_batch(&mut self) -> Result<bool, Failure> {
        self.observing()?;
        match self.turn()? {
            Turn::GoOn => Ok(std::mem::take(&mut self.ports_agreed)),
            Turn::Stop => Err(Failure::UserLeft),
        }
    }

    fn new_connections(&mut self) -> Vec<(SocketAddr, SocketAddr)> {
        std::mem::take(&mut self.started)
    }

    fn note_unseen(&mut self, subject: &str, what: &str) {
        self.note(subject, what);
        if self.unseen.len() < MAX_UNSEEN {
            self.unseen.push(own(&format!("{subject}: {what}")));
        }
    }

    fn note_health(&mut self, mut health: Vec<(String, String)>) {
        let unseen = self.unseen.iter();
        health.extend(unseen.map(|what| ("not seen".to_owned(), what.clone())));
        self.view.note_health(health);
    }

    fn note_gauges(&mut self, gauges: Gauges) {
        if let Some(metrics) = &self.metrics {
            metrics.update(|tally| tally.note_gauges(gauges));
        }
    }

    fn wants_gauges(&self) -> bool {
        self.metrics.is_some()
    }

    fn has_screen(&self) -> bool {
        self.view.owns_screen()
    }

    /// What cannot be opened anew is said, and the run goes on with what it has.
    fn reopen(&mut self) {
        let recorder = self.recorder.as_mut().map_or(Ok(()), Recorder::reopen);
        for failure in [recorder.map_err(Failure::from), self.view.reopen()]
            .into_iter()
            .filter_map(Result::err)
        {
            self.note("SIGHUP", &failure.to_string());
        }
    }

    #[cfg(feature = "ebpf")]
    fn open_sessions(&mut self) -> Vec<Session> {
        self.engine.open_sessions()
    }

    #[cfg(feature = "ebpf")]
    fn sessions_of(&mut self, carriers: &[Carrier]) -> Vec<Session> {
        self.engine.sessions_of(carriers)
    }

    #[cfg(feature = "ebpf")]
    fn take_carriers(&mut self) -> Vec<Carrier> {
        self.engine.take_carriers()
    }

    #[cfg(feature = "ebpf")]
    fn passing(&self, carrier: &Carrier) -> Option<Passing> {
        self.engine.passing(carrier)
    }
}

/// Whether a message's Transport names channels of its connection.
fn is_interleaved(raw: &[u8]) -> bool {
    let message = message::parse(raw).value;
    message.header("Transport").is_some_and(|field| {
        let specs = transport::parse(field.value.clone()).value;
        specs.iter().any(|spec| spec.interleaved.is_some())
    })
}
