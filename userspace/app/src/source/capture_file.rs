//! One capture file: told apart by its first bytes, then read item by item, with all that can be wrong said in one line.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;

use rtsp_ebpf_common::flow::FlowStats;
use rtspscope_engine::{CaptureLoss, FlowCounters, Input, LossKind, TapInfo};
use rtspscope_wire::{Direction, FrameRef, LinkType, TapId, TapRole, Timestamp};

use super::legacy::Legacy;
use super::pcapng::Pcapng;
use super::window::Window;
use super::{Host, NamedFile, names};
use crate::failure::{Failure, reason};

/// Bytes that tell what a file is: the longest fixed header of the formats (pcap) and more than any magic number.
const HEAD_LEN: usize = 24;

/// One thing that a capture file holds, at its time.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// When.
    pub at: Timestamp,
    /// At which tap.
    pub tap: TapId,
    /// What.
    pub what: What,
}

/// What an [`Item`] is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A frame; its bytes lie in the window, counted from the front.
    Frame { number: u64, link_type: LinkType, direction: Direction, original_len: u32, bytes: Range<usize> },
    /// Counters of a flow, from a recording.
    Counters { from: SocketAddr, to: SocketAddr, stats: Box<FlowStats> },
    /// Something is missing.
    Loss { kind: LossKind, count: u64, of_tap: bool },
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
    taken: &'a mut Vec<String>,
    file: &'a NamedFile,
}

impl TapOpener<'_> {
    /// Opens a tap of this file. `name` is the interface's; without it the file's is taken.
    pub(crate) fn open(&mut self, name: Option<&str>, recorded_role: TapRole, link_type: LinkType) -> TapId {
        let own_name = names::of_file(&self.file.path);
        let name = names::distinct(name.unwrap_or(&own_name), &self.file.path, self.taken);
        self.taken.push(name.clone());
        let role = if self.file.role == TapRole::Unknown { recorded_role } else { self.file.role };
        let source = self.file.path.display().to_string();
        self.host.open_tap(TapInfo { name, role, source, link_type: Some(link_type) })
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
    format: Format,
    current: Option<Item>,
    current_len: usize,
    last_at: Timestamp,
    frames: u64,
    /// Link types that nothing here reads and that the user was told of. The engine counts their frames.
    told: BTreeSet<u16>,
    ended: bool,
    finale: Vec<Item>,
}

impl CaptureFile {
    /// Opens a file and reads its header. A pcap file opens its tap here, a pcapng file when it describes one.
    pub(crate) fn open(file: &NamedFile, host: &mut dyn Host, taken: &mut Vec<String>) -> Result<Self, Failure> {
        let (head, rest) = open_stream(&file.path)?;
        let magic = head.first_chunk::<4>().copied().unwrap_or_default();
        let mut window = Window::new(Box::new(Cursor::new(head).chain(rest)));
        let mut taps = TapOpener { host, taken, file };
        let format = match magic {
            pcapng_magic if Pcapng::is_magic(pcapng_magic) => Some(Format::Pcapng(Pcapng::new())),
            pcap_magic if Legacy::is_magic(pcap_magic) => {
                Legacy::open(&mut window, &mut taps).map_err(|error| unreadable(file, &error))?.map(Format::Legacy)
            }
            _ => return Err(not_a_capture(&file.path, magic)),
        };
        let format = format.ok_or_else(|| cut_header(file))?;
        Ok(Self {
            file: file.clone(),
            window,
            format,
            current: None,
            current_len: 0,
            last_at: Timestamp::default(),
            frames: 0,
            told: BTreeSet::new(),
            ended: false,
            finale: Vec::new(),
        })
    }

    /// Time of the item that [`CaptureFile::input`] gives.
    pub(crate) fn at(&self) -> Option<Timestamp> {
        self.current.as_ref().map(|item| item.at)
    }

    /// Goes on to the next item.
    pub(crate) fn advance(&mut self, host: &mut dyn Host, taken: &mut Vec<String>) -> Result<(), Failure> {
        self.window.consume(std::mem::take(&mut self.current_len));
        self.current = None;
        if !self.ended {
            let mut taps = TapOpener { host, taken, file: &self.file };
            let step = match &mut self.format {
                Format::Legacy(reader) => reader.step(&mut self.window),
                Format::Pcapng(reader) => reader.step(&mut self.window, &mut taps),
            };
            match step.map_err(|error| unreadable(&self.file, &error))? {
                Step::Item(item, len) => {
                    self.last_at = item.at;
                    self.note_frame(&item, host);
                    (self.current, self.current_len) = (Some(item), len);
                    return Ok(());
                }
                Step::End => self.end(None, host)?,
                Step::Cut(why) => self.end(Some(&why), host)?,
            }
        }
        self.current = self.finale.pop();
        Ok(())
    }

    /// The current item as the engine's input.
    pub(crate) fn input(&self) -> Option<Input<'_>> {
        let item = self.current.as_ref()?;
        Some(match &item.what {
            What::Frame { number, link_type, direction, original_len, bytes } => Input::Frame(FrameRef {
                at: item.at,
                tap: item.tap,
                direction: *direction,
                link_type: *link_type,
                number: *number,
                original_len: *original_len,
                bytes: self.window.data().get(bytes.clone()).unwrap_or_default(),
            }),
            What::Counters { from, to, stats } => {
                Input::FlowCounters(FlowCounters { tap: item.tap, from: *from, to: *to, stats: **stats })
            }
            What::Loss { kind, count, of_tap } => {
                Input::CaptureLoss(CaptureLoss { tap: of_tap.then_some(item.tap), kind: *kind, count: *count })
            }
        })
    }

    fn subject(&self) -> String {
        subject(&self.file.path)
    }

    fn note_frame(&mut self, item: &Item, host: &mut dyn Host) {
        let What::Frame { link_type, .. } = &item.what else { return };
        self.frames += 1;
        if !is_readable(*link_type) && self.told.insert(link_type.0) {
            let what = format!("frames of {} cannot be read: capture on an Ethernet or IP interface", named(*link_type));
            host.note(&subject(&self.file.path), &what);
        }
    }

    /// Prepares what is to be told after the last frame.
    fn end(&mut self, cut: Option<&str>, host: &mut dyn Host) -> Result<(), Failure> {
        self.ended = true;
        let tap = match &self.format {
            Format::Legacy(reader) => Some(reader.tap()),
            Format::Pcapng(reader) => reader.last_tap(),
        };
        if cut.is_some() && tap.is_none() {
            return Err(cut_header(&self.file));
        }
        if let (Some(why), Some(tap)) = (cut, tap) {
            let what = format!("{why}; what comes before is analyzed ({} frames)", self.frames);
            host.note(&self.subject(), &what);
            let what = What::Loss { kind: LossKind::FileCut, count: 1, of_tap: true };
            self.finale.push(Item { at: self.last_at, tap, what });
        }
        Ok(())
    }
}

/// Opens a file or standard input and reads the bytes that tell what it is.
fn open_stream(path: &Path) -> Result<(Vec<u8>, Box<dyn Read>), Failure> {
    let mut stream: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(path).map_err(|error| cannot_open(path, &error))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(Failure::new(subject(path), "is a directory", "name the capture files in it"));
        }
        Box::new(file)
    };
    let mut head = Vec::with_capacity(HEAD_LEN);
    stream.by_ref().take(HEAD_LEN as u64).read_to_end(&mut head).map_err(|error| {
        Failure::new(subject(path), format_args!("cannot be read: {}", reason(&error)), "check the disk or copy it again")
    })?;
    if head.is_empty() {
        return Err(Failure::new(subject(path), "is empty", "record it again; tcpdump -U writes each packet at once"));
    }
    Ok((head, stream))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of I/O errors are an open set")]
fn cannot_open(path: &Path, error: &io::Error) -> Failure {
    let (what, remedy) = match error.kind() {
        io::ErrorKind::NotFound => ("does not exist".to_owned(), "check the path"),
        io::ErrorKind::PermissionDenied => ("may not be read".to_owned(), "give yourself read permission (chmod, sudo)"),
        _ => (format!("cannot be opened: {}", reason(error)), "check the path"),
    };
    Failure::new(subject(path), what, remedy)
}

fn unreadable(file: &NamedFile, error: &io::Error) -> Failure {
    let what = format!("cannot be read: {}", reason(error));
    Failure::new(subject(&file.path), what, "check the disk or copy it again")
}

fn cut_header(file: &NamedFile) -> Failure {
    Failure::new(subject(&file.path), "ends in the file header, before any packet", "record it again or copy it again")
}

fn not_a_capture(path: &Path, magic: [u8; 4]) -> Failure {
    let (what, remedy) = match magic {
        [0x1f, 0x8b, ..] => ("is compressed with gzip", "unpack it first: gzip -d"),
        [0x28, 0xb5, 0x2f, 0xfd] => ("is compressed with zstd", "unpack it first: zstd -d"),
        _ => ("is not a capture file", "give a pcap or pcapng file, as tcpdump -w and Wireshark write"),
    };
    Failure::new(subject(path), what, remedy)
}

/// A file as the user knows it.
pub(crate) fn subject(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// A link type with its name in the libpcap registry, where people meet it.
fn named(link_type: LinkType) -> String {
    let name = match link_type.0 {
        9 => "PPP",
        50 => "PPP in HDLC framing",
        51 => "PPPoE",
        105 => "IEEE 802.11",
        127 => "IEEE 802.11 with radiotap header",
        189 | 220 => "USB",
        201 => "Bluetooth",
        _ => return format!("link type {}", link_type.0),
    };
    format!("link type {} ({name})", link_type.0)
}

/// Whether frames of this type can be decoded.
const fn is_readable(link_type: LinkType) -> bool {
    matches!(
        link_type,
        LinkType::NULL
            | LinkType::ETHERNET
            | LinkType::RAW
            | LinkType::LOOP
            | LinkType::LINUX_SLL
            | LinkType::IPV4
            | LinkType::IPV6
            | LinkType::LINUX_SLL2
    )
}

/// The link type of a file's header field: its low 16 bits, the numbers of raw IP that differ by platform made one.
pub(crate) fn link_type_of(field: u32) -> LinkType {
    match field as u16 {
        12 | 14 => LinkType::RAW,
        number => LinkType(number),
    }
}
