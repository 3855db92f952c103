//! One capture file: told apart by its first bytes, then read item by item, with all that can be wrong said in one line.

use std::collections::{BTreeSet, VecDeque};
use std::io::{Cursor, Read};

use rtspscope_engine::{CaptureLoss, Conntrack, Input, LossKind};
use rtspscope_wire::netfilter;
use rtspscope_wire::{FrameRef, LinkType, TapId, Timestamp};

use super::compression::early_end;
use super::cooked::Cooked;
use super::item::{Item, Step, Tap, What, frame_of};
use super::legacy::Legacy;
use super::link_types::{is_readable, named};
use super::opening::{
    Meter, Opened, cut_before_packets, cut_header, not_a_capture, open_file, open_stream, subject,
    unreadable,
};
use super::pcapng::Pcapng;
use super::tap_opener::TapOpener;
use super::window::Window;
use super::{Host, NamedFile, Reading};
use crate::failure::Failure;

/// Where to capture what can be read.
const USABLE_INTERFACES: &str = "capture on an Ethernet or IP interface";

#[derive(Debug)]
enum Format {
    Legacy(Legacy),
    Pcapng(Pcapng),
}

/// A capture file that is being read.
#[derive(Debug)]
pub(crate) struct CaptureFile {
    file: NamedFile,
    window: Window,
    meter: Meter,
    format: Format,
    cooked: Vec<Cooked>,
    /// What else a packet of netlink tells after the current item.
    told_too: VecDeque<Item>,
    current: Option<Item>,
    current_len: usize,
    last_at: Timestamp,
    frames: u64,
    /// Frames of link types that nothing here reads. The engine counts them.
    unreadable: u64,
    /// Those link types.
    unreadable_types: BTreeSet<u16>,
    /// It holds something besides frames.
    holds_facts: bool,
    ended: bool,
    finale: Vec<Item>,
    /// No other file is read with it, so that its taps are all the taps.
    alone: bool,
}

impl CaptureFile {
    /// Opens a file and reads its header. A pcap file opens its tap here, a pcapng file when it describes one.
    pub(crate) fn open(
        file: &NamedFile,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Result<Self, Failure> {
        Self::begin(
            file,
            open_file(&file.path, file.kept_at.as_deref())?,
            host,
            taken,
        )
    }

    /// The same for bytes that come from `stream`; the file is only what it is called.
    pub(crate) fn of_stream(
        file: &NamedFile,
        stream: Box<dyn Read>,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Result<Self, Failure> {
        Self::begin(file, open_stream(&file.path, stream, None)?, host, taken)
    }

    fn begin(
        file: &NamedFile,
        opened: Opened,
        host: &mut dyn Host,
        taken: &mut BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let Opened { head, rest, meter } = opened;
        let magic = head.first_chunk::<4>().copied().unwrap_or_default();
        let mut window = Window::new(Box::new(Cursor::new(head).chain(rest)));
        let mut cooked = Vec::new();
        let mut taps = TapOpener {
            host,
            taken,
            file,
            cooked: &mut cooked,
        };
        let format = match magic {
            pcapng_magic if Pcapng::is_magic(pcapng_magic) => Some(Format::Pcapng(Pcapng::new())),
            pcap_magic if Legacy::is_magic(pcap_magic) => {
                match Legacy::open(&mut window, &mut taps) {
                    Ok(legacy) => legacy.map(Format::Legacy),
                    Err(error) if early_end(&error).is_some() => None,
                    Err(error) => return Err(unreadable(&file.path, &error)),
                }
            }
            _ => return Err(not_a_capture(&file.path)),
        };
        let format = format.ok_or_else(|| cut_header(&file.path))?;
        Ok(Self {
            file: file.clone(),
            window,
            meter,
            format,
            cooked,
            told_too: VecDeque::new(),
            current: None,
            current_len: 0,
            last_at: Timestamp::default(),
            frames: 0,
            unreadable: 0,
            unreadable_types: BTreeSet::new(),
            holds_facts: false,
            ended: false,
            finale: Vec::new(),
            alone: false,
        })
    }

    /// Says that no other file is read with this one.
    pub(crate) fn set_alone(&mut self) {
        self.alone = true;
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
                cooked: &mut self.cooked,
            };
            let step = match &mut self.format {
                Format::Legacy(reader) => reader.step(&mut self.window),
                Format::Pcapng(reader) => reader.step(&mut self.window, &mut taps),
            };
            match step {
                Ok(Step::Item(item, len)) => {
                    self.last_at = item.at;
                    self.current_len = len;
                    self.note_item(&item, host)?;
                    self.current = match item.tap {
                        Tap::Open(_) => Some(item),
                        Tap::Netlink => self.told(item),
                        Tap::Cooked(number) => self.placed(number, item, host, taken),
                    };
                    if !self.alone {
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

    /// Goes on to the next frame if that lies whole in the window and is like the last one but for its own header: what
    /// nearly every step is. Else all is as it was.
    #[inline]
    pub(crate) fn advance_in_place(&mut self) -> Option<FrameRef<'_>> {
        let Format::Legacy(reader) = &mut self.format else {
            return None;
        };
        let Some(Item {
            at,
            tap: Tap::Open(tap),
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
        if !self.cooked.is_empty() {
            return None;
        }
        self.window.consume(std::mem::take(&mut self.current_len));
        let data = self.window.data();
        let record = reader.ready(data)?;
        *at = record.at;
        *number = record.number;
        *original_len = record.original_len;
        *bytes = record.bytes.clone();
        self.current_len = record.bytes.end;
        self.last_at = record.at;
        self.frames += 1;
        Some(FrameRef {
            at: record.at,
            tap: *tap,
            direction: *direction,
            link_type: *link_type,
            number: record.number,
            original_len: record.original_len,
            bytes: data.get(record.bytes).unwrap_or_default(),
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
            What::Watched { until } => Input::Tick(*until),
        })
    }

    fn subject(&self) -> String {
        subject(&self.file.path)
    }

    /// Counts a frame. Where some frames can be read, the user is told of the link types of those that cannot; where none
    /// can, that is the end: at the first frame of a pcap file, which has one link type, else at the end of the file.
    fn note_item(&mut self, item: &Item, host: &mut dyn Host) -> Result<(), Failure> {
        let What::Frame { link_type, .. } = &item.what else {
            self.holds_facts = true;
            return Ok(());
        };
        self.frames += 1;
        let subject = self.subject();
        let note = |host: &mut dyn Host, number: u16| {
            let what = format!(
                "frames of {} cannot be read: {USABLE_INTERFACES}",
                named(LinkType(number))
            );
            host.note(&subject, &what);
        };
        if is_readable(*link_type) {
            if self.unreadable > 0 && self.frames == self.unreadable + 1 {
                for number in &self.unreadable_types {
                    note(host, *number);
                }
            }
            return Ok(());
        }
        self.unreadable += 1;
        let is_new = self.unreadable_types.insert(link_type.0);
        if is_new && self.frames > self.unreadable {
            note(host, link_type.0);
        }
        match self.format {
            Format::Legacy(_) => Err(self.all_unreadable()),
            Format::Pcapng(_) => Ok(()),
        }
    }

    fn all_unreadable(&self) -> Failure {
        let types = self.unreadable_types.iter();
        let types: Vec<String> = types.map(|number| named(LinkType(*number))).collect();
        let what = format!(
            "holds frames of {} only, which cannot be read",
            types.join(" and ")
        );
        Failure::new(self.subject(), what, USABLE_INTERFACES)
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
        };
        let placed = self.cooked.get_mut(number)?.place(&frame, &mut taps)?;
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
            Tap::Cooked(number) => self.cooked.get(number)?.last_tap(),
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
        if self.unreadable > 0 && self.unreadable == self.frames {
            return Err(self.all_unreadable());
        }
        if self.frames == 0 && !self.holds_facts {
            if let Some(why) = cut {
                return Err(cut_before_packets(&self.file.path, why));
            }
            self.end_empty(host, taken);
            return Ok(());
        }
        let copies: u64 = self.cooked.iter().map(Cooked::copy_count).sum();
        if copies > 0 {
            let what =
                format!("{copies} frames are copies from stacked interfaces and are left out");
            host.note(&self.subject(), &what);
        }
        if let (Some(why), Some(tap)) = (cut, self.last_tap()) {
            let what = format!(
                "{why}; what comes before is analyzed ({} frames)",
                self.frames
            );
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
        let what = "holds no frames: nothing passed while it was recorded, or its filter let nothing through";
        host.note(&self.subject(), what);
        if matches!(self.last_tap(), None | Some(Tap::Cooked(_))) {
            let mut taps = TapOpener {
                host,
                taken,
                file: &self.file,
                cooked: &mut self.cooked,
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
