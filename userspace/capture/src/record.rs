//! A run as a pcapng file: one interface per tap, the direction of each packet, what the kernel counted, and what netfilter
//! told.
//!
//! What netfilter told is kept as it came, as packets of netlink on an interface of their own: Wireshark shows them among
//! the frames that they explain, and a finding names them by their number there.
//!
//! Counters and losses are kept as a custom option of Interface Statistics Blocks and not as Custom Blocks: Wireshark
//! numbers Custom Blocks among the packets, and the frame numbers of reports must be Wireshark's.

pub mod blocks;
mod fact;
mod setup;

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rtspscope_engine::{Conntrack, Input, RouterSetup, TapInfo};
use rtspscope_wire::{LinkType, TapId, TapRole, Timestamp};

pub use fact::Fact;

use crate::failure::Failure;

/// Code of a custom option with binary content that may be copied (draft-ietf-opsawg-pcapng §3.5.1).
pub(crate) const FACT_OPTION: u16 = 2989;

/// Begins an `if_description` that names the role of a tap which offered every packet.
const DESCRIPTION: &str = "rtspscope tap, role ";

/// The same for a tap of which a filter may have left packets out.
const FILTERED: &str = "rtspscope filtered tap, role ";

/// Name of the interface of what netfilter told.
const NETFILTER: &str = "netfilter";

/// What an `if_description` of this program says of its tap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// Side of the router.
    pub role: TapRole,
    /// Every packet of the interface was offered.
    pub unfiltered: bool,
}

impl Described {
    /// The description's text.
    pub fn text(self) -> String {
        let begin = if self.unfiltered {
            DESCRIPTION
        } else {
            FILTERED
        };
        format!("{begin}{}", role_word(self.role))
    }

    /// Reads a description; `None` for another program's.
    pub fn read(text: &str) -> Option<Self> {
        let (name, unfiltered) = match (text.strip_prefix(DESCRIPTION), text.strip_prefix(FILTERED))
        {
            (Some(name), _) => (name, true),
            (None, Some(name)) => (name, false),
            (None, None) => return None,
        };
        let role = [
            TapRole::Lan,
            TapRole::Wan,
            TapRole::Mirror,
            TapRole::Unknown,
        ]
        .into_iter()
        .find(|known| role_word(*known) == name)?;
        Some(Self { role, unfiltered })
    }
}

/// Whether a path still leads to an open file, and not to nothing or to another that took its place.
pub fn is_in_place(file: &File, path: &Path) -> bool {
    let Ok((open, named)) = file
        .metadata()
        .and_then(|open| Ok((open, std::fs::metadata(path)?)))
    else {
        return false;
    };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

/// The word for a role in a recording.
const fn role_word(role: TapRole) -> &'static str {
    match role {
        TapRole::Lan => "lan",
        TapRole::Wan => "wan",
        TapRole::Mirror => "mirror",
        TapRole::Unknown => "unknown",
    }
}

/// Bytes after which blocks go to the file.
const FLUSH_LEN: usize = 64 << 10;

/// Time after which blocks go to the file, so that a killed run loses little.
const FLUSH_NANOS: i64 = 1_000_000_000;

/// Writes inputs to a file as they come. The file ends on a whole block at any time.
#[derive(Debug)]
pub struct Recorder {
    file: File,
    path: PathBuf,
    /// Whole blocks that are not in the file yet.
    pending: Vec<u8>,
    /// Bytes of whole blocks in the file.
    written_len: u64,
    taps: Vec<TapInfo>,
    /// Which tap, with which link type, each interface of the file is.
    interfaces: Vec<(TapId, LinkType)>,
    /// The last one, for a file that is begun anew.
    setup: Option<Box<RouterSetup>>,
    last_at: Timestamp,
    /// A clock told the time beside the packets.
    has_clock: bool,
    /// Until when all taps watched, where that was said.
    watched: Option<Timestamp>,
    flushed_at: Timestamp,
}

impl Recorder {
    /// Creates the file and begins its section.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| Failure::writing(path.display(), &error))?;
        Self::begin(file, path)
    }

    /// Begins a section in a file that is open and empty; `path` is what it is called.
    pub fn begin(file: File, path: &Path) -> Result<Self, Failure> {
        let mut recorder = Self {
            file,
            path: path.to_owned(),
            pending: Vec::with_capacity(2 * FLUSH_LEN),
            written_len: 0,
            taps: Vec::new(),
            interfaces: Vec::new(),
            setup: None,
            last_at: Timestamp::default(),
            has_clock: false,
            watched: None,
            flushed_at: Timestamp::default(),
        };
        blocks::section(&mut recorder.pending, None);
        recorder.flush()?;
        Ok(recorder)
    }

    /// Takes over a tap; the recorder's taps are numbered as the engine's, in the order of the calls.
    pub fn open_tap(&mut self, info: TapInfo) -> TapId {
        let tap = TapId(u16::try_from(self.taps.len()).unwrap_or(u16::MAX));
        let link_type = info.link_type;
        self.taps.push(info);
        if let Some(link_type) = link_type {
            self.interface(tap, link_type);
        }
        tap
    }

    /// Writes one input; of the ticks the last is kept, when the recording ends.
    pub fn handle_input(&mut self, input: &Input<'_>) -> Result<(), Failure> {
        match input {
            Input::Frame(frame) => {
                let interface = self.interface(frame.tap, frame.link_type);
                self.last_at = frame.at;
                blocks::packet(&mut self.pending, interface, frame, None);
            }
            Input::Conntrack(told) => self.write_netlink(told),
            Input::RouterSetup(setup) => {
                self.write_setup(setup);
                self.setup = Some(Box::new((*setup).clone()));
            }
            Input::FlowCounters(counters) => {
                let fact = Fact::Counters {
                    from: counters.from,
                    to: counters.to,
                    stats: Box::new(counters.stats),
                };
                self.write_fact(Some(counters.tap), &fact);
            }
            Input::Handover(handover) => {
                let fact = Fact::Handover {
                    from: handover.from,
                    to: handover.to,
                    returned: handover.returned,
                };
                self.write_fact(Some(handover.tap), &fact);
            }
            Input::ChannelCounters(counters) => {
                let fact = Fact::Channel {
                    from: counters.from,
                    to: counters.to,
                    channel: counters.channel,
                    clock_rate: counters.clock_rate,
                    stats: Box::new(counters.stats),
                };
                self.write_fact(Some(counters.tap), &fact);
            }
            Input::Pictures(totals) => {
                self.write_fact(Some(totals.tap), &Fact::Pictures(Box::new(**totals)));
            }
            Input::ChannelTotals(totals) => {
                self.write_fact(Some(totals.counted.tap), &Fact::of_totals(totals));
            }
            Input::ChannelReport(report) => {
                let fact = Fact::Report {
                    from: report.from,
                    to: report.to,
                    channel: report.channel,
                    at: report.at,
                    bytes: report.bytes.clone(),
                };
                self.last_at = self.last_at.max(report.at);
                self.write_fact(Some(report.tap), &fact);
            }
            Input::CaptureLoss(loss) => {
                let fact = Fact::Loss {
                    kind: loss.kind,
                    count: loss.count,
                    of_tap: loss.tap.is_some(),
                };
                self.write_fact(loss.tap, &fact);
            }
            Input::Blind(tap, blind) => {
                self.last_at = self.last_at.max(blind.until.unwrap_or(blind.since));
                self.write_fact(Some(*tap), &Fact::Blind(*blind));
            }
            Input::Tick(at) => {
                self.has_clock = true;
                self.last_at = self.last_at.max(*at);
            }
            Input::Watched(until) => self.watched = Some(*until),
        }
        let due = (self.last_at - self.flushed_at).abs().0 >= FLUSH_NANOS;
        if due || self.pending.len() >= FLUSH_LEN {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Begins the file anew, with the same taps, if it was moved away; one that is in its place goes on. Where that fails
    /// the old file goes on.
    pub fn reopen(&mut self) -> Result<(), Failure> {
        if is_in_place(&self.file, &self.path) {
            return Ok(());
        }
        let mut renewed = Self::create(&self.path)?;
        for tap in &self.taps {
            renewed.open_tap(tap.clone());
        }
        (renewed.last_at, renewed.has_clock) = (self.last_at, self.has_clock);
        renewed.watched = self.watched;
        if let Some(setup) = self.setup.take() {
            renewed.write_setup(&setup);
            renewed.setup = Some(setup);
        }
        std::mem::replace(self, renewed).finish()
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<(), Failure> {
        if !self.interfaces.is_empty() {
            let watched = Fact::Watched {
                until: self.watched.unwrap_or(self.last_at),
                by_clock: self.has_clock,
            };
            self.write_fact(None, &watched);
        }
        self.flush()
    }

    fn write_netlink(&mut self, told: &Conntrack<'_>) {
        let interface = self.interface(TapId::NETFILTER, LinkType::NETLINK);
        self.last_at = self.last_at.max(told.at);
        let packet = told.packet();
        blocks::packet(&mut self.pending, interface, &told.frame(&packet), None);
    }

    /// It belongs to netfilter and to no tap.
    fn write_setup(&mut self, setup: &RouterSetup) {
        let interface = self.interface(TapId::NETFILTER, LinkType::NETLINK);
        self.last_at = self.last_at.max(setup.at);
        let fact = Fact::Setup(Box::new(setup.clone())).encode();
        blocks::statistics(&mut self.pending, interface, self.last_at, &fact);
    }

    fn write_fact(&mut self, tap: Option<TapId>, fact: &Fact) {
        let tap = tap.unwrap_or(TapId(0));
        let known = self
            .taps
            .get(usize::from(tap.0))
            .and_then(|info| info.link_type);
        let seen = self
            .interfaces
            .iter()
            .find(|(of, _)| *of == tap)
            .map(|(_, link_type)| *link_type);
        let interface = self.interface(tap, known.or(seen).unwrap_or(LinkType::ETHERNET));
        blocks::statistics(&mut self.pending, interface, self.last_at, &fact.encode());
    }

    /// Number of the interface of a tap; describes it first where that was not done.
    fn interface(&mut self, tap: TapId, link_type: LinkType) -> u32 {
        let known = self
            .interfaces
            .iter()
            .position(|interface| *interface == (tap, link_type));
        let number = known.unwrap_or_else(|| {
            let info = self.taps.get(usize::from(tap.0));
            let other = if tap == TapId::NETFILTER {
                NETFILTER
            } else {
                ""
            };
            let name = info.map_or(other, |info| info.name.as_str());
            let role = info.map_or(TapRole::Unknown, |info| info.role);
            let unfiltered = info.is_some_and(|info| info.unfiltered);
            let description = Described { role, unfiltered }.text();
            blocks::interface(&mut self.pending, link_type, name, &description);
            self.interfaces.push((tap, link_type));
            self.interfaces.len() - 1
        });
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Brings the pending blocks to the file; where that fails, cuts off what got there in part.
    fn flush(&mut self) -> Result<(), Failure> {
        self.flushed_at = self.last_at;
        let result = self.file.write_all(&self.pending);
        if let Err(error) = result {
            // Without this the file ends in the middle of a block, which readers survive but complain of.
            let _cut = self.file.set_len(self.written_len);
            return Err(Failure::writing(self.path.display(), &error));
        }
        self.written_len += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
