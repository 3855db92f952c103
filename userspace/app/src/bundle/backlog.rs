//! What a live run saw, kept on the disk until its bundle is written.
//!
//! Which frames matter is known only at the end, as for saved captures, so that a live run records all inputs and reads
//! them again. The recording lies in the bundle's directory, in files without a name, of which nothing is left however the
//! program ends. It is one of its own beside `--record`, because that one may be moved away under way.
//!
//! A run may have no end, and the disk has one: of two parts the older one gives way when the newer one is full. Where
//! nothing can be written any more, the run goes on without.

use std::fs::{self, File};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

use rtspscope_capture::{Host, MergedFiles, NamedFile, Recorder};
use rtspscope_engine::{Conntrack, Input, TapInfo};
use rtspscope_wire::{FrameRef, TapId, TapRole};

use super::limits::BACKLOG_BYTES;
use crate::failure::Failure;
use crate::output::evidence::Reach;

/// Bytes after which the length of a part is looked at.
const LOOK_BYTES: usize = 1 << 20;

/// About as many bytes as an input without a packet takes.
const FACT_BYTES: usize = 512;

/// The recording of a live run for its bundle.
#[derive(Debug)]
pub(crate) struct Backlog {
    directory: PathBuf,
    /// Longest length of a part.
    part_bytes: u64,
    taps: Vec<TapInfo>,
    /// The part before the current one.
    before: Option<Part>,
    /// The current part and its recorder; `None` once nothing can be written any more.
    current: Option<(Part, Recorder)>,
    /// Bytes since the length was looked at.
    unlooked: usize,
    /// Packets that came, which is the number of the last one.
    packets: u64,
}

/// A file of the recording.
#[derive(Debug)]
struct Part {
    file: File,
    /// Packets of the run before its first one.
    packets_before: u64,
}

impl Backlog {
    /// Begins to keep what comes, in this directory.
    pub(super) fn begin(directory: &Path) -> Result<Self, Failure> {
        Self::with_room(directory, BACKLOG_BYTES)
    }

    fn with_room(directory: &Path, bytes: u64) -> Result<Self, Failure> {
        Ok(Self {
            directory: directory.to_owned(),
            part_bytes: bytes / 2,
            taps: Vec::new(),
            before: None,
            current: Some(part(directory, 0, &[])?),
            unlooked: 0,
            packets: 0,
        })
    }

    /// Takes over a tap, in the order of the engine's.
    pub(crate) fn open_tap(&mut self, info: &TapInfo) {
        if let Some((_, recorder)) = &mut self.current {
            recorder.open_tap(info.clone());
        }
        self.taps.push(info.clone());
    }

    /// Keeps an input. Tells once, in a failure, that nothing more can be kept.
    pub(crate) fn handle_input(&mut self, input: &Input<'_>) -> Result<(), Failure> {
        let is_packet = matches!(input, Input::Frame(_) | Input::Conntrack(_));
        self.packets += u64::from(is_packet);
        self.keep(input).inspect_err(|_| self.end_part())
    }

    fn keep(&mut self, input: &Input<'_>) -> Result<(), Failure> {
        let Some((part, recorder)) = &mut self.current else {
            return Ok(());
        };
        recorder.handle_input(input)?;
        self.unlooked += match input {
            Input::Frame(frame) => frame.bytes.len() + FACT_BYTES,
            Input::Conntrack(told) => told.raw.len() + FACT_BYTES,
            Input::ChannelReport(report) => report.bytes.len() + FACT_BYTES,
            Input::RouterSetup(_)
            | Input::FlowCounters(_)
            | Input::Handover(_)
            | Input::ChannelCounters(_)
            | Input::ChannelTotals(_)
            | Input::Pictures(_)
            | Input::CaptureLoss(_)
            | Input::Blind(..)
            | Input::Tick(_)
            | Input::Watched(_) => FACT_BYTES,
        };
        if self.unlooked < LOOK_BYTES.min(self.part_bytes as usize) {
            return Ok(());
        }
        self.unlooked = 0;
        let len = part.file.metadata().map_or(u64::MAX, |file| file.len());
        if len < self.part_bytes {
            return Ok(());
        }
        // The one before gives way first, so that there is room for the next.
        self.before = None;
        self.end_part();
        self.current = Some(self::part(&self.directory, self.packets, &self.taps)?);
        Ok(())
    }

    /// Ends the current part; what cannot be written of its end will be missed when it is read.
    fn end_part(&mut self) {
        if let Some((part, recorder)) = self.current.take() {
            let _told_already = recorder.finish();
            self.before = Some(part);
        }
    }

    /// Reads the packets that were kept, with their numbers in the run and the engine's taps. Returns how much of the run
    /// they are.
    pub(super) fn read(mut self, mut take: impl FnMut(&Input<'_>)) -> Result<Reach, Failure> {
        let current = self.current.take().map(|(part, recorder)| {
            let finished = recorder.finish().map_err(Failure::from);
            finished.map(|()| part)
        });
        let mut let_go = None;
        let mut last = 0;
        for part in self.before.take().map(Ok).into_iter().chain(current) {
            let part = part?;
            last = part.packets_before;
            let_go.get_or_insert(last);
            part.read(&self.directory, &self.taps, |number, input| {
                last = number;
                input.iter().for_each(&mut take);
            })?;
        }
        Ok(Reach {
            let_go: let_go.unwrap_or(self.packets),
            missed: self.packets.saturating_sub(last),
        })
    }
}

/// Makes a file without a name and begins a recording of these taps in it.
fn part(
    directory: &Path,
    packets_before: u64,
    taps: &[TapInfo],
) -> Result<(Part, Recorder), Failure> {
    let path = directory.join(".live");
    let failure = |error: io::Error| Failure::writing(path.display(), &error);
    let open = File::options()
        .write(true)
        .read(true)
        .create_new(true)
        .open(&path);
    let file = open.map_err(failure)?;
    fs::remove_file(&path).map_err(failure)?;
    let mut recorder = Recorder::begin(file.try_clone().map_err(failure)?, directory)?;
    for tap in taps {
        recorder.open_tap(tap.clone());
    }
    let part = Part {
        file,
        packets_before,
    };
    Ok((part, recorder))
}

impl Part {
    fn read(
        mut self,
        directory: &Path,
        taps: &[TapInfo],
        mut take: impl FnMut(u64, Option<Input<'_>>),
    ) -> Result<(), Failure> {
        let failure = |error: io::Error| Failure::writing(directory.display(), &error);
        self.file.rewind().map_err(failure)?;
        let packets_before = self.packets_before;
        let named = NamedFile {
            path: directory.to_owned(),
            role: TapRole::Unknown,
            kept_at: None,
        };
        let mut host = Again {
            taps,
            opened: Vec::new(),
        };
        let mut source = MergedFiles::of_stream(&named, self.file, &mut host)?;
        while let Some(input) = source.next(&mut host)? {
            match input {
                Input::Frame(frame) => {
                    let tap = host.opened.get(usize::from(frame.tap.0)).copied().flatten();
                    let number = packets_before + frame.number;
                    let frame = tap.map(|tap| FrameRef {
                        tap,
                        number,
                        ..frame
                    });
                    take(number, frame.map(Input::Frame));
                }
                Input::Conntrack(told) => {
                    let number = packets_before + told.number;
                    take(number, Some(Input::Conntrack(Conntrack { number, ..told })));
                }
                Input::RouterSetup(_)
                | Input::FlowCounters(_)
                | Input::Handover(_)
                | Input::ChannelCounters(_)
                | Input::ChannelTotals(_)
                | Input::Pictures(_)
                | Input::ChannelReport(_)
                | Input::CaptureLoss(_)
                | Input::Blind(..)
                | Input::Tick(_)
                | Input::Watched(_) => {}
            }
        }
        Ok(())
    }
}

/// Gives taps their numbers in the run: each part describes the taps that it has frames of, by name.
#[derive(Debug)]
struct Again<'a> {
    taps: &'a [TapInfo],
    /// The run's tap of each tap of the part.
    opened: Vec<Option<TapId>>,
}

impl Host for Again<'_> {
    fn open_tap(&mut self, info: TapInfo) -> TapId {
        let known = self.taps.iter().position(|tap| tap.name == info.name);
        let known = known.and_then(|place| u16::try_from(place).ok()).map(TapId);
        self.opened.push(known);
        TapId(u16::try_from(self.opened.len() - 1).unwrap_or(u16::MAX))
    }

    fn note(&mut self, _subject: &str, _what: &str) {}
}

#[cfg(test)]
mod tests;
