//! One capture file: told apart by its first bytes, then read item by item, with all that can be wrong said in one line.

use std::collections::{BTreeSet, VecDeque};
use std::io::Read;

use rtspscope_engine::{CaptureLoss, Conntrack, Input, LossKind};
use rtspscope_wire::netfilter;
use rtspscope_wire::{FrameRef, Span, TapId, Timestamp};

use super::chain::Chain;
use super::compression::early_end;
use super::format::Format;
use super::item::{Item, Step, Tap, What, frame_of};
use super::later::Beginning;
use super::opening::{
    Extent, Meter, Opened, cut_before_packets, open_file, open_stream, subject, unreadable,
};
use super::tap_opener::TapOpener;
use super::unread::{self, LinkTypes};
use super::window::Window;
use super::{Host, NamedFile, Reading, names};
use crate::failure::Failure;

/// A capture file that is being read.
#[derive(Debug)]
pub(crate) struct CaptureFile {
    file: NamedFile,
    window: Window,
    meter: Meter,
    format: Format,
    /// What was before it.
    chain: Chain,
    /// What else a packet of netlink tells after the current item.
    told_too: VecDeque<Item>,
    current: Option<Item>,
    current_len: usize,
    last_at: Timestamp,
    link_types: LinkTypes,
    /// It holds something besides frames.
    holds_facts: bool,
    ended: bool,
    finale: Vec<Item>,
}

impl CaptureFile {
    /// Opens a file and reads its header. A pcap file opens its tap here, a pcapng file when it describes one.
    pub(crate) fn open(
        file: &NamedFile,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let opened = open_file(&file.path, file.kept_at.as_deref(), Extent::Whole)?;
        Self::begin(file, opened, None, host, taken)
    }

    /// The same for a file of which no more than its begin will be read.
    pub(crate) fn look_at(
        file: &NamedFile,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let opened = open_file(&file.path, file.kept_at.as_deref(), Extent::Begin)?;
        Self::begin(file, opened, None, host, taken)
    }

    /// The same for a file that goes on with the capture of one that has ended, with its taps and all that was learnt of
    /// them.
    pub(crate) fn open_after(
        before: &mut Self,
        file: &NamedFile,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let opened = open_file(&file.path, file.kept_at.as_deref(), Extent::Whole)?;
        let after = Self::begin(file, opened, Some(before), host, taken)?;
        let earlier = (before.file.path.as_path(), before.chain.frames());
        after
            .chain
            .tell_where_frames_are(&file.path, &after.format, earlier, host);
        Ok(after)
    }

    /// The same for bytes that come from `stream`; the file is only what it is called.
    pub(crate) fn of_stream(
        file: &NamedFile,
        stream: Box<dyn Read>,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let opened = open_stream(&file.path, stream)?;
        Self::begin(file, opened, None, host, taken)
    }

    fn begin(
        file: &NamedFile,
        opened: Opened,
        mut before: Option<&mut Self>,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let Opened {
            magic,
            mut window,
            meter,
        } = opened;
        let mut chain = before.as_mut().map_or_else(Chain::default, |before| {
            let last_number = before.format.last_number();
            before.chain.take_over(&before.file.path, last_number)
        });
        let before = before.map(|before| &before.format);
        let mut taps = TapOpener {
            host,
            taken,
            file,
            frames_before: chain.frames(),
            cooked: &mut chain.cooked,
        };
        let format = Format::open(magic, &file.path, &mut window, &mut taps, before)?;
        Ok(Self {
            file: file.clone(),
            window,
            meter,
            format,
            chain,
            told_too: VecDeque::new(),
            current: None,
            current_len: 0,
            last_at: Timestamp::default(),
            link_types: LinkTypes::default(),
            holds_facts: false,
            ended: false,
            finale: Vec::new(),
        })
    }

    /// Says whether no other capture is read with this one.
    pub(crate) fn set_alone(&mut self, alone: bool) {
        self.chain.alone = alone;
    }

    /// Whether the current item is for a file that is alone and this one is not, so that it is to be passed over.
    pub(crate) fn holds_word_of_all(&self) -> bool {
        let current = self.current.as_ref();
        !self.chain.alone && current.is_some_and(|item| matches!(item.what, What::Watched { .. }))
    }

    /// The file as the user named it.
    pub(crate) fn named(&self) -> &NamedFile {
        &self.file
    }

    /// Whether all of it was given.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended && self.current.is_none()
    }

    /// Whether a file with this begin can be a later part of the same capture.
    pub(crate) fn is_like(&self, beginning: &Beginning) -> bool {
        self.format.is_like(&beginning.format)
    }

    /// What is known of it after its first item.
    pub(crate) fn into_beginning(self) -> Beginning {
        Beginning {
            at: self.at(),
            len: self.meter.reading().len,
            format: self.format,
        }
    }

    /// Says what is known only when the whole capture was read.
    pub(crate) fn tell_end(&self, host: &mut dyn Host) {
        self.chain.tell_end(&self.file.path, host);
    }

    /// Bytes of the file that its window has room for.
    pub(crate) fn room(&self) -> usize {
        self.window.room()
    }

    /// How far the file was read.
    pub(crate) fn reading(&self) -> Reading {
        self.meter.reading()
    }

    /// Time of the item that [`CaptureFile::input`] gives.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.current.as_ref().map(|item| item.at)
    }

    /// How far the times of the file are behind those that it is given with, where a clock was set back.
    pub(crate) fn behind(&self) -> Span {
        self.chain.clocks.furthest_behind()
    }

    /// Goes on to the next item.
    #[inline]
    pub(crate) fn advance(
        &mut self,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Result<(), Failure> {
        if self.advance_in_place().is_some() {
            Ok(())
        } else {
            self.advance_anyhow(host, taken)
        }
    }

    fn advance_anyhow(
        &mut self,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Result<(), Failure> {
        self.current = self.told_too.pop_front();
        if self.current.is_some() {
            return Ok(());
        }
        while !self.ended {
            self.window.consume(std::mem::take(&mut self.current_len));
            let mut taps = TapOpener {
                host,
                taken,
                file: &self.file,
                frames_before: self.chain.frames(),
                cooked: &mut self.chain.cooked,
            };
            let step = match &mut self.format {
                Format::Legacy(reader) => reader.step(&mut self.window),
                Format::Pcapng(reader) => reader.step(&mut self.window, &mut taps),
            };
            match step {
                Ok(Step::Item(mut item, len)) => {
                    if let What::Frame { number, .. } = item.what {
                        item.at = self.chain.clocks.time_of(item.tap, item.at, number);
                    }
                    self.last_at = item.at;
                    self.current_len = len;
                    self.note_item(&item, host)?;
                    self.current = match item.tap {
                        Tap::Open(_) => Some(item),
                        Tap::Netlink => self.told(item),
                        Tap::Cooked(number) => self.placed(number, item, host, taken),
                    };
                    if !self.chain.alone {
                        self.current
                            .take_if(|item| matches!(item.what, What::Watched { .. }));
                    }
                    if self.current.is_some() {
                        return Ok(());
                    }
                }
                Ok(Step::End) => self.end(None, host, taken)?,
                Ok(Step::Cut(why)) => self.end(Some(&why), host, taken)?,
                Err(error) => match early_end(&error) {
                    Some(why) => self.end(Some(&why), host, taken)?,
                    None => return Err(unreadable(&self.file.path, &error)),
                },
            }
        }
        self.current = self.finale.pop();
        Ok(())
    }

    /// Goes on to the next frame if that lies whole in the window and follows on a frame: what nearly every step is. Else all is
    /// as it was.
    #[inline]
    pub(crate) fn advance_in_place(&mut self) -> Option<FrameRef<'_>> {
        let Some(Item {
            at,
            tap: tap @ Tap::Open(_),
            what:
                What::Frame {
                    number,
                    link_type,
                    direction,
                    original_len,
                    bytes,
                },
        }) = &mut self.current
        else {
            return None;
        };
        if !self.chain.cooked.is_empty() || self.link_types.are_some_unreadable() {
            return None;
        }
        self.window.consume(std::mem::take(&mut self.current_len));
        let data = self.window.data();
        let mut ready = match &mut self.format {
            Format::Legacy(reader) => reader.ready(data)?,
            Format::Pcapng(reader) => reader.ready(data)?,
        };
        let clocks = &mut self.chain.clocks;
        ready.at = clocks.time_of(Tap::Open(ready.tap), ready.at, ready.number);
        *at = ready.at;
        *tap = Tap::Open(ready.tap);
        *number = ready.number;
        *link_type = ready.link_type;
        *direction = ready.direction;
        *original_len = ready.original_len;
        *bytes = ready.bytes.clone();
        self.current_len = ready.len;
        self.last_at = ready.at;
        self.link_types.count_readable();
        Some(FrameRef {
            at: ready.at,
            tap: ready.tap,
            direction: ready.direction,
            link_type: ready.link_type,
            number: ready.number,
            original_len: ready.original_len,
            bytes: data.get(ready.bytes).unwrap_or_default(),
        })
    }

    /// The current item as the engine's input.
    #[inline]
    pub(crate) fn input(&self) -> Option<Input<'_>> {
        let item = self.current.as_ref()?;
        Some(match &item.what {
            What::Frame { .. } => {
                let tap = self.open_tap_of(item.tap)?;
                Input::Frame(frame_of(item, tap, self.window.data())?)
            }
            What::Conntrack {
                number,
                bytes,
                event,
            } => Input::Conntrack(Conntrack {
                at: item.at,
                number: *number,
                raw: self.window.data().get(bytes.clone())?,
                event,
            }),
            What::Counters(counters) => Input::FlowCounters(counters),
            What::Setup(setup) => Input::RouterSetup(setup),
            What::Handover(handover) => Input::Handover(handover),
            What::Channel(counters) => Input::ChannelCounters(counters),
            What::Totals(totals) => Input::ChannelTotals(totals),
            What::Pictures(totals) => Input::Pictures(totals),
            What::Report(report) => Input::ChannelReport(report),
            What::Loss {
                kind,
                count,
                of_tap,
            } => Input::CaptureLoss(CaptureLoss {
                tap: self.open_tap_of(item.tap).filter(|_| *of_tap),
                kind: *kind,
                count: *count,
            }),
            What::Blind(tap, blind) => Input::Blind(*tap, *blind),
            What::Watched {
                until,
                by_clock: true,
            } => Input::Tick(*until),
            What::Watched { until, .. } => Input::Watched(*until),
        })
    }

    fn subject(&self) -> String {
        subject(&self.file.path)
    }

    /// Counts a frame. Where none can be read, that is the end: at the first frame of a pcap file, which has one link type,
    /// else at the end of the file.
    fn note_item(&mut self, item: &Item, host: &mut dyn Host) -> Result<(), Failure> {
        let What::Frame { link_type, .. } = &item.what else {
            self.holds_facts = true;
            return Ok(());
        };
        let (is_readable, to_tell) = self.link_types.count(*link_type);
        for number in to_tell {
            host.note(&self.subject(), &unread::told(number));
        }
        match self.format {
            Format::Legacy(_) if !is_readable => Err(self.link_types.refuse(self.subject())),
            Format::Legacy(_) | Format::Pcapng(_) => Ok(()),
        }
    }

    /// The item of a cooked capture at the tap of its side; `None` for a copy of a packet that was given already.
    fn placed(
        &mut self,
        number: usize,
        item: Item,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Option<Item> {
        if !matches!(item.what, What::Frame { .. }) {
            return Some(item);
        }
        let frame = frame_of(&item, TapId(0), self.window.data())?;
        let mut taps = TapOpener {
            host,
            taken,
            file: &self.file,
            cooked: &mut Vec::new(),
            frames_before: self.chain.frames(),
        };
        let placed = self
            .chain
            .cooked
            .get_mut(number)?
            .place(&frame, &mut taps)?;
        Some(item.at_side(placed))
    }

    /// What a packet of netlink tells first; the rest waits. `None` for one that tells nothing of connections.
    fn told(&mut self, item: Item) -> Option<Item> {
        let What::Frame { number, bytes, .. } = &item.what else {
            return Some(item);
        };
        let packet = self.window.data().get(bytes.clone())?;
        let messages = netfilter::in_packet(packet)?;
        let mut begin = bytes.end - messages.len();
        for message in netfilter::messages(messages) {
            let end = begin + message.raw.len();
            if let Some(event) = message.event() {
                let what = What::Conntrack {
                    number: *number,
                    bytes: begin..end,
                    event: Box::new(event),
                };
                self.told_too.push_back(Item {
                    what,
                    ..item.clone()
                });
            }
            begin += message.raw.len().next_multiple_of(4);
        }
        self.told_too.pop_front()
    }

    /// The tap of an item that is no frame, where there is one.
    fn open_tap_of(&self, tap: Tap) -> Option<TapId> {
        match tap {
            Tap::Netlink => None,
            Tap::Open(tap) => Some(tap),
            Tap::Cooked(number) => self.chain.cooked.get(number)?.last_tap(),
        }
    }

    /// Prepares what is to be told after the last frame. A file of which nothing can be read is refused.
    fn end(
        &mut self,
        cut: Option<&str>,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Result<(), Failure> {
        self.ended = true;
        if self.link_types.are_all_unreadable() {
            return Err(self.link_types.refuse(self.subject()));
        }
        let frames = self.link_types.frames();
        if frames == 0 && !self.holds_facts {
            if let Some(why) = cut {
                return Err(cut_before_packets(&self.file.path, why));
            }
            self.end_empty(host, taken);
            return Ok(());
        }
        if let (Some(why), Some(tap)) = (cut, self.last_tap()) {
            let what = format!("{why}; what comes before is analyzed ({frames} frames)");
            host.note(&self.subject(), &what);
            let what = What::Loss {
                kind: LossKind::FileCut,
                count: 1,
                of_tap: true,
            };
            self.finale.push(Item {
                at: self.last_at,
                tap,
                what,
            });
        }
        Ok(())
    }

    /// Says that a whole file holds no frames. It is a tap all the same, so that the report names it.
    fn end_empty(&mut self, host: &mut dyn Host, taken: &mut BTreeSet<String>) {
        tell_empty(std::slice::from_ref(&self.file), host);
        if matches!(self.last_tap(), None | Some(Tap::Cooked(_))) {
            let mut taps = TapOpener {
                host,
                taken,
                file: &self.file,
                frames_before: self.chain.frames(),
                cooked: &mut self.chain.cooked,
            };
            taps.open_empty();
        }
    }

    /// The tap that was opened last.
    fn last_tap(&self) -> Option<Tap> {
        match &self.format {
            Format::Legacy(reader) => Some(reader.tap()),
            Format::Pcapng(reader) => reader.last_tap(),
        }
    }
}

/// Says that whole files hold no frames.
pub(crate) fn tell_empty(files: &[NamedFile], host: &mut dyn Host) {
    let [first, others @ ..] = files else { return };
    let also = match others {
        [] => String::new(),
        [other] => format!(", and so does {}", names::of_file(&other.path)),
        _ => format!(", and so do {} more files", others.len()),
    };
    let whose = if others.is_empty() {
        "it was recorded, or its"
    } else {
        "they were recorded, or their"
    };
    let what =
        format!("holds no frames{also}: nothing passed while {whose} filter let nothing through");
    host.note(&subject(&first.path), &what);
}
