//! Capture files: any bytes, in any drips, give the same items and the same notes, with bounded memory.

use std::io::{self, Read};
use std::path::PathBuf;

use rtspscope_capture::{Host, MergedFiles, NamedFile};
use rtspscope_engine::{Input, TapInfo};
use rtspscope_wire::{LinkType, TapId, TapRole};

use crate::split::{Numbers, seeded};

/// Room that a file may take: its longest block, which is more than the buffer that reading begins with.
const MAX_ROOM: usize = 16 << 20;

/// Taps that a file may open: those of its interfaces, and the sides of its cooked captures.
const MAX_TAPS: usize = 1_024 + 8 * 64;

/// Items that are looked at; a few bytes unpack to any number.
const MAX_ITEMS: usize = 20_000;

/// What a file gave, in words that can be compared.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    taps: Vec<(String, TapRole, Option<LinkType>)>,
    notes: Vec<String>,
    items: Vec<String>,
    end: Option<String>,
    last_frame: u64,
    frames: u64,
}

impl Host for Told {
    fn open_tap(&mut self, info: TapInfo) -> TapId {
        self.taps.push((info.name, info.role, info.link_type));
        assert!(self.taps.len() <= MAX_TAPS);
        TapId(self.taps.len() as u16 - 1)
    }

    fn note(&mut self, subject: &str, what: &str) {
        self.notes.push(format!("{subject}: {what}"));
    }
}

impl Told {
    fn handle_input(&mut self, input: &Input<'_>) {
        if let Input::Frame(frame) = input {
            assert!(frame.number > self.last_frame, "frame numbers rise");
            assert!(
                usize::from(frame.tap.0) < self.taps.len(),
                "its tap is open"
            );
            self.last_frame = frame.number;
            self.frames += 1;
        }
        self.items.push(format!("{input:?}"));
    }

    /// Frames that are left out are copies in a cooked capture, or packets of netlink that tell nothing; elsewhere none is missing.
    fn check_numbers(&self, bytes: &[u8]) {
        let cooked = [LinkType::LINUX_SLL, LinkType::LINUX_SLL2];
        let is_cooked =
            |link_type: &Option<LinkType>| link_type.is_some_and(|it| cooked.contains(&it));
        let mut taps = self.taps.iter();
        if !may_hold_netlink(bytes) && !taps.any(|(_, _, link_type)| is_cooked(link_type)) {
            assert_eq!(self.frames, self.last_frame);
        }
    }
}

impl Told {
    /// Whether nothing was said of damage.
    fn is_sound(&self) -> bool {
        self.end.is_none() && !self.notes.iter().any(|note| note.contains("damaged"))
    }
}

/// Whether a file may describe an interface of netlink, which is no tap: the begin of such a description, a block of type 1, is in
/// it in either byte order, or what it holds is packed.
fn may_hold_netlink(bytes: &[u8]) -> bool {
    let number = LinkType::NETLINK.0;
    let little = (1_u32.to_le_bytes(), number.to_le_bytes());
    let big = (1_u32.to_be_bytes(), number.to_be_bytes());
    let mut places = bytes.windows(10);
    is_packed(bytes)
        || places.any(|place| {
            let [kind, link_type] = [&place[..4], &place[8..]];
            [little, big]
                .iter()
                .any(|known| known.0 == *kind && known.1 == *link_type)
        })
}

fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// Gives a few bytes at a time, and is interrupted now and then.
struct Dripping {
    bytes: Vec<u8>,
    at: usize,
    numbers: Numbers,
    longest: usize,
}

impl Read for Dripping {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.numbers.below(16) == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let rest = &self.bytes[self.at..];
        let len = (1 + self.numbers.below(self.longest))
            .min(buffer.len())
            .min(rest.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }
}

/// The first eight bytes decide how the file drips; the rest is the file.
pub fn capture(data: &[u8]) {
    let Some((mut numbers, bytes)) = seeded(data) else {
        return;
    };
    let whole = read(io::Cursor::new(bytes.to_vec()), false);
    let longest = [1, 7, 100, 5_000][numbers.below(4)];
    let dripping = Dripping {
        bytes: bytes.to_vec(),
        at: 0,
        numbers,
        longest,
    };
    let dripped = read(dripping, true);
    // How much of damaged compressed data can be unpacked depends on how much of it is unpacked at once.
    if !is_packed(bytes) || (whole.is_sound() && dripped.is_sound()) {
        assert_eq!(whole, dripped);
    }
    whole.check_numbers(bytes);
    dripped.check_numbers(bytes);
}

/// Reads all, each item by the long way or, where there is one, by the short.
fn read(stream: impl Read + 'static, short_cuts: bool) -> Told {
    let named = NamedFile {
        path: PathBuf::from("capture"),
        role: TapRole::Unknown,
        kept_at: None,
    };
    let mut seen = Told::default();
    let mut source = match MergedFiles::of_stream(&named, stream, &mut seen) {
        Ok(source) => source,
        Err(error) => {
            seen.end = Some(error.to_string());
            return seen;
        }
    };
    while seen.items.len() < MAX_ITEMS {
        if short_cuts && let Some(frame) = source.next_ready() {
            seen.handle_input(&Input::Frame(frame));
            continue;
        }
        let mut host = Told::default();
        std::mem::swap(&mut host, &mut seen);
        match source.next(&mut host) {
            Ok(Some(input)) => host.handle_input(&input),
            Ok(None) => {
                seen = host;
                break;
            }
            Err(error) => {
                host.end = Some(error.to_string());
                seen = host;
                break;
            }
        }
        seen = host;
        assert!(source.room() <= MAX_ROOM, "{}", source.room());
    }
    seen
}
