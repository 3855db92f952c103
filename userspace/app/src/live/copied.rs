//! A live run that gets a copy of every frame: from packet sockets or from libpcap.
//!
//! The engine counts media itself here, packet by packet, with the same code that kernel programs run elsewhere.

use std::io;
use std::mem;

use rtsp_ebpf_common::abi::RecordHeader;
use rtspscope_engine::{CaptureLoss, Input, LossKind, TapInfo};
use rtspscope_wire::{LinkType, TapId, TapRole, Timestamp};
use tokio::time::Instant;

use super::clock::Clock;
use super::error::LiveError;
use super::frames::{Frames, Waiting};
use super::interfaces::{self, Interface};
use super::links::{self, Change, Links, Sight, tell_sight};
use super::{BUSY, CALM, Gauges, HEALTH_INTERVAL, LiveHost, LiveOptions, Pause, Source};
use crate::failure::Failure;
use crate::sandbox::Capability;

/// Frames that are read from one interface before the others get their turn and the host gets them.
const BATCH: usize = 512;

/// What hands over copies of one interface's frames.
pub(super) trait Reader {
    /// Takes frames that wait, at most `most`, and tells how many there were. Their times are of the real clock.
    fn read(&mut self, most: usize, take: &mut dyn FnMut(RecordHeader, &[u8]))
    -> io::Result<usize>;

    /// Frames that did not fit since the last call.
    fn newly_dropped(&mut self) -> u64;

    /// What the frames begin with.
    fn link_type(&self) -> LinkType;
}

/// Opens a reader on an interface.
pub(super) type Open = fn(&Interface, &LiveOptions) -> Result<Box<dyn Reader>, LiveError>;

/// One tapped interface.
struct Tap {
    name: String,
    ifindex: u32,
    role: TapRole,
    id: TapId,
    /// `None` while the interface is not there.
    reader: Option<Box<dyn Reader>>,
    link_type: LinkType,
    dropped: u64,
    sight: Sight,
}

/// A live run.
pub(super) struct Copied {
    way: &'static str,
    open: Open,
    options: LiveOptions,
    taps: Vec<Tap>,
    links: Links,
    /// When the interfaces were looked after the last time.
    looked_at: Timestamp,
    frames: Frames,
    handed_over: u64,
    /// Whether the last look found frames, and whether it left some.
    found: (bool, bool),
    health_told_at: Option<Instant>,
}

impl Copied {
    /// Opens a reader and a tap for each interface; where it fails, no tap was opened.
    pub(super) fn open(
        way: &'static str,
        open: Open,
        chosen: &[Interface],
        options: &LiveOptions,
        host: &mut dyn LiveHost,
    ) -> Result<Self, LiveError> {
        let readers: Result<Vec<_>, _> = chosen
            .iter()
            .map(|interface| open(interface, options))
            .collect();
        let taps = chosen.iter().zip(readers?).map(|(interface, reader)| Tap {
            name: interface.name.clone(),
            ifindex: interface.index,
            role: interface.role,
            id: host.open_tap(TapInfo {
                name: interface.name.clone(),
                role: interface.role,
                source: format!("{way}:{}", interface.name),
                link_type: Some(reader.link_type()),
                unfiltered: true,
            }),
            link_type: reader.link_type(),
            reader: Some(reader),
            dropped: 0,
            sight: Sight::default(),
        });
        let taps: Vec<Tap> = taps.collect();
        let named = taps.iter().map(|tap| (tap.name.clone(), tap.ifindex));
        Ok(Self {
            links: Links::new(named),
            looked_at: real_now(),
            way,
            open,
            options: options.clone(),
            taps,
            frames: Frames::default(),
            handed_over: 0,
            found: (false, false),
            health_told_at: None,
        })
    }

    /// Takes a batch from each interface.
    fn read(&mut self) {
        let mut found = (false, false);
        for tap in &mut self.taps {
            let Some(reader) = &mut tap.reader else {
                continue;
            };
            let ifindex = tap.ifindex;
            let frames = &mut self.frames;
            let read = reader.read(BATCH, &mut |header, bytes| {
                frames.take(RecordHeader { ifindex, ..header }, bytes);
            });
            // An interface that is down or has gone says so here; what comes of it is for `follow_links`.
            let count = read.unwrap_or(0);
            found = (found.0 || count > 0, found.1 || count == BATCH);
        }
        self.found = found;
    }

    fn hand_over_one(&mut self, frame: &Waiting, host: &mut dyn LiveHost) -> Result<(), Failure> {
        let ifindex = frame.header.ifindex;
        let Some(tap) = self.taps.iter().find(|tap| tap.ifindex == ifindex) else {
            return Ok(());
        };
        self.handed_over += 1;
        let at = Timestamp(frame.header.at_ns.cast_signed());
        let seen = frame.frame(at, tap.id, tap.link_type, self.handed_over);
        host.handle_input(&Input::Frame(seen))
    }

    /// Opens a reader on an interface that is back.
    fn reopen(&mut self, place: usize, index: u32) -> Result<(), LiveError> {
        let Some(tap) = self.taps.get_mut(place) else {
            return Ok(());
        };
        tap.ifindex = index;
        tap.reader = None;
        let interface = interfaces::by_name(&tap.name, tap.role)?;
        let reader = (self.open)(&interface, &self.options)?;
        tap.link_type = reader.link_type();
        tap.reader = Some(reader);
        Ok(())
    }
}

fn real_now() -> Timestamp {
    Timestamp(Clock::real_now().cast_signed())
}

impl Source for Copied {
    fn needs(&self) -> Vec<Capability> {
        vec![Capability::NET_RAW]
    }

    fn pause(&self) -> Pause {
        match self.found {
            (_, true) => Pause::None,
            (true, _) => Pause::For(BUSY),
            _ if !self.frames.is_empty() => Pause::For(BUSY),
            _ => Pause::For(CALM),
        }
    }

    fn hand_over(&mut self, host: &mut dyn LiveHost) -> Result<bool, Failure> {
        // What comes in while this reads is younger than this, and waits.
        let now_ns = Clock::real_now();
        self.read();
        let before = self.handed_over;
        while let Some(frame) = self.frames.pop_due(now_ns) {
            self.hand_over_one(&frame, host)?;
        }
        Ok(self.handed_over != before)
    }

    fn follow_links(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        let looked_at = mem::replace(&mut self.looked_at, real_now());
        for (place, name, change) in self.links.changes() {
            if matches!(change, Change::Gone | Change::Back(_))
                && let Some(tap) = self.taps.get_mut(place)
            {
                tell_sight(tap.id, tap.sight.lose(looked_at), host)?;
            }
            let told = match change {
                Change::Gone => {
                    if let Some(tap) = self.taps.get_mut(place) {
                        tap.reader = None;
                    }
                    links::HAS_GONE.to_owned()
                }
                Change::Renamed(new) => {
                    let told = format!("the interface is called {new} now and stays tapped");
                    if let Some(tap) = self.taps.get_mut(place) {
                        tap.name = new;
                    }
                    told
                }
                Change::Back(index) => match self.reopen(place, index) {
                    Ok(()) => {
                        if let Some(tap) = self.taps.get_mut(place) {
                            tell_sight(tap.id, tap.sight.regain(real_now()), host)?;
                        }
                        format!("the interface is back and tapped again ({})", self.way)
                    }
                    Err(error) => format!("the interface is back and cannot be tapped: {error}"),
                },
                Change::Silent => links::IS_SILENT.to_owned(),
                Change::Carrying => links::CARRIES.to_owned(),
            };
            links::tell(host, &name, &told);
        }
        Ok(())
    }

    fn read_counters(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        for tap in &mut self.taps {
            let count = tap
                .reader
                .as_mut()
                .map_or(0, |reader| reader.newly_dropped());
            tap.dropped += count;
            if count > 0 {
                host.handle_input(&Input::CaptureLoss(CaptureLoss {
                    tap: Some(tap.id),
                    kind: LossKind::DroppedByCapture,
                    count,
                }))?;
            }
        }
        host.handle_input(&Input::Tick(real_now()))
    }

    fn tell_health(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        let due = self
            .health_told_at
            .is_none_or(|told_at| told_at.elapsed() >= HEALTH_INTERVAL);
        if self.options.health && due {
            self.health_told_at = Some(Instant::now());
            let dropped: u64 = self.taps.iter().map(|tap| tap.dropped).sum();
            host.note_health(vec![
                ("attached by".to_owned(), self.way.to_owned()),
                (
                    "copied".to_owned(),
                    format!("{} frames read, {dropped} did not fit", self.handed_over),
                ),
            ]);
        }
        Ok(())
    }

    fn gauges(&self) -> Result<Gauges, Failure> {
        let taps = self.taps.iter();
        Ok(Gauges {
            backend: self.way,
            present: taps
                .map(|tap| (tap.name.clone(), tap.reader.is_some()))
                .collect(),
            ..Gauges::default()
        })
    }

    fn turn(&mut self, host: &mut dyn LiveHost) -> Result<(), Failure> {
        host.handle_batch().map(drop)
    }

    fn detach(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn drain_last(mut self: Box<Self>, host: &mut dyn LiveHost) -> Result<(), Failure> {
        loop {
            self.read();
            if !self.found.1 {
                break;
            }
        }
        while let Some(frame) = self.frames.pop() {
            self.hand_over_one(&frame, host)?;
        }
        self.read_counters(host)?;
        let dropped: u64 = self.taps.iter().map(|tap| tap.dropped).sum();
        let count = self.handed_over;
        host.note(
            self.way,
            &format!("{count} frames were copied, {dropped} did not fit"),
        );
        Ok(())
    }
}
