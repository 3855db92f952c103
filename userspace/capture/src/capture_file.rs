//! One capture file: told apart by its first bytes, then read item by item, with all that can be wrong said in one line.

use std::collections::{BTreeSet, VecDeque};
use std::io::{Cursor, Read};
use std::ops::Range;

use rtspscope_engine::{
    CaptureLoss, ChannelCounters, ChannelReport, Conntrack, FlowCounters, Handover, Input,
    LossKind, RouterSetup, TapInfo,
};
use rtspscope_wire::netfilter;
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId, TapRole, Timestamp};

use super::compression::early_end;
use super::cooked::{Cooked, Placed, is_cooked};
use super::legacy::Legacy;
use super::link_types::{is_readable, named};
use super::opening::{
    Meter, Opened, cut_before_packets, cut_header, not_a_capture, open_file, open_stream, subject,
    unreadable,
};
use super::pcapng::Pcapng;
use super::window::Window;
use super::{Host, NamedFile, Reading, names};
use crate::failure::Failure;
use crate::record::Described;

/// Cooked captures in one file that are taken apart each for itself; what is beyond belongs to the last.
const MAX_COOKED: usize = 8;

/// Where to capture what can be read.
const USABLE_INTERFACES: &str = "capture on an Ethernet or IP interface";

/// One thing that a capture file holds, at its time.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// When.
    pub at: Timestamp,
    /// At which tap.
    pub tap: Tap,
    /// What.
    pub what: What,
}

/// Where an [`Item`] was seen, as far as the format tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tap {
    /// At none: the machine's own word in messages of netlink.
    Netlink,
    /// At this tap.
    Open(TapId),
    /// At one of the sides that a cooked capture is taken apart into; the number counts the cooked captures of the file.
    Cooked(usize),
}

/// What an [`Item`] is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A frame; its bytes lie in the window, counted from the front.
    Frame {
        number: u64,
        link_type: LinkType,
        direction: Direction,
        original_len: u32,
        bytes: Range<usize>,
    },
    /// What netfilter told, in a message that lies in the window.
    Conntrack {
        number: u64,
        bytes: Range<usize>,
        event: Box<netfilter::Event>,
    },
    /// Counters of a flow, from a recording.
    Counters(Box<FlowCounters>),
    /// How the router's netfilter is set up, from a recording.
    Setup(Box<RouterSetup>),
    /// Who reads the media of a connection, from a recording.
    Handover(Box<Handover>),
    /// Counters of an interleaved channel, from a recording.
    Channel(Box<ChannelCounters>),
    /// A report on such a channel, from a recording.
    Report(Box<ChannelReport>),
    /// Something is missing.
    Loss {
        kind: LossKind,
        count: u64,
        of_tap: bool,
    },
    /// Until when all taps of a recording watched.
    Watched { until: Timestamp },
}

impl Item {
    /// A frame of a cooked capture, at the tap of its side.
    fn at_side(mut self, placed: Placed) -> Self {
        self.tap = Tap::Open(placed.tap);
        if let What::Frame { direction, .. } = &mut self.what
            && placed.direction != Direction::Unknown
        {
            *direction = placed.direction;
        }
        self
    }
}

/// A frame seen at `tap`, with its bytes in the window; `None` for other items.
#[inline]
fn frame_of<'w>(item: &Item, tap: TapId, window: &'w [u8]) -> Option<FrameRef<'w>> {
    let What::Frame {
        number,
        link_type,
        direction,
        original_len,
        bytes,
    } = &item.what
    else {
        return None;
    };
    Some(FrameRef {
        at: item.at,
        tap,
        direction: *direction,
        link_type: *link_type,
        number: *number,
        original_len: *original_len,
        bytes: window.get(bytes.clone()).unwrap_or_default(),
    })
}

/// What reading one step further gave.
#[derive(Debug)]
pub(crate) enum Step {
    /// An item, and how many bytes of the window hold it.
    Item(Item, usize),
    /// The end of the file.
    End,
    /// The end of what can be read, and why.
    Cut(String),
}

/// What a format's reader needs to open a tap.
pub(crate) struct TapOpener<'a> {
    host: &'a mut dyn Host,
    taken: &'a mut BTreeSet<String>,
    file: &'a NamedFile,
    cooked: &'a mut Vec<Cooked>,
}

impl TapOpener<'_> {
    /// Opens a tap of this file. `name` is the interface's; without it the file's is taken. A cooked capture of
    /// all interfaces opens its taps when it is read; netlink is no tap.
    pub(crate) fn open(
        &mut self,
        name: Option<&str>,
        described: Option<Described>,
        link_type: LinkType,
    ) -> Tap {
        if link_type == LinkType::NETLINK {
            return Tap::Netlink;
        }
        if is_cooked(link_type) && name.is_none_or(|name| name == "any") {
            if self.file.role != TapRole::Unknown {
                let what = "holds both sides of the router: which is which is told by the packets";
                self.host.note(&subject(&self.file.path), what);
            }
            if self.cooked.len() < MAX_COOKED {
                self.cooked.push(Cooked::default());
            }
            return Tap::Cooked(self.cooked.len() - 1);
        }
        let own_name = names::of_file(&self.file.path);
        let role = if self.file.role == TapRole::Unknown {
            described.map_or(TapRole::Unknown, |described| described.role)
        } else {
            self.file.role
        };
        let unfiltered = described.is_some_and(|described| described.unfiltered);
        Tap::Open(self.open_named(name.unwrap_or(&own_name), role, Some(link_type), unfiltered))
    }

    /// Opens a tap for one side of a cooked capture. What the user said of the file holds for no single side.
    pub(super) fn open_side(&mut self, name: &str, link_type: LinkType) -> TapId {
        self.open_named(name, TapRole::Unknown, Some(link_type), false)
    }

    /// Opens the tap of a file without frames that describes none.
    pub(super) fn open_empty(&mut self) -> TapId {
        let own_name = names::of_file(&self.file.path);
        self.open_named(&own_name, self.file.role, None, false)
    }

    fn open_named(
        &mut self,
        name: &str,
        role: TapRole,
        link_type: Option<LinkType>,
        unfiltered: bool,
    ) -> TapId {
        let name = names::distinct(name, &self.file.path, self.taken);
        self.taken.insert(name.clone());
        let source = self.file.path.display().to_string();
        self.host.open_tap(TapInfo {
            name,
            role,
            source,
            link_type,
            unfiltered,
        })
    }
}

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
