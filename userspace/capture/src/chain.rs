//! Files whose captures go on in one another: what the next takes over, and where the frames of which number are.

use std::path::{Path, PathBuf};

use rtspscope_engine::TapFile;
use rtspscope_wire::TapId;

use super::clocks::Clocks;
use super::cooked::Cooked;
use super::format::Format;
use super::item::Tap;
use super::opening::subject;
use super::{Host, names};

/// What a file takes over from those whose capture it goes on with; nothing for the first.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// The files, the first of them first.
    files: Vec<PathBuf>,
    /// Frames in them.
    frames: u64,
    /// How the clocks went.
    pub(super) clocks: Clocks,
    /// Sides of cooked interfaces.
    pub(super) cooked: Vec<Cooked>,
    /// No other capture is read with it, so that its taps are all the taps.
    pub(super) alone: bool,
}

impl Chain {
    /// Frames before those of the file that has this.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// What the next file takes over from one at `path` that ended with frame `last_number`.
    pub(super) fn take_over(&mut self, path: &Path, last_number: u64) -> Self {
        let mut files = std::mem::take(&mut self.files);
        files.push(path.to_owned());
        Self {
            files,
            frames: last_number,
            clocks: std::mem::take(&mut self.clocks),
            cooked: std::mem::take(&mut self.cooked),
            alone: self.alone,
        }
    }

    /// Says of all taps that their next frames are in the file at `path`, and of netfilter's messages that they were in the
    /// one at `before`, behind `frames_before` frames.
    pub(super) fn tell_where_frames_are(
        &self,
        path: &Path,
        format: &Format,
        (before, frames_before): (&Path, u64),
        host: &mut dyn Host,
    ) {
        let place = |path: &Path, frames_before| TapFile {
            source: path.display().to_string(),
            frames_before,
        };
        let own = place(path, self.frames);
        for tap in format.taps() {
            match tap {
                Tap::Open(tap) => host.begin_file(tap, own.clone()),
                Tap::Netlink => {
                    host.begin_file(TapId::NETFILTER, place(before, frames_before));
                    host.begin_file(TapId::NETFILTER, own.clone());
                }
                Tap::Cooked(_) => {}
            }
        }
        for tap in self.cooked.iter().flat_map(Cooked::taps) {
            host.begin_file(tap, own.clone());
        }
    }

    /// Says what is known only when the whole capture was read, of which the file at `path` is the last: how many frames were
    /// left out, whether a clock was set, and in how many files it was.
    pub(super) fn tell_end(&self, path: &Path, host: &mut dyn Host) {
        let first = subject(self.files.first().map_or(path, PathBuf::as_path));
        let copies: u64 = self.cooked.iter().map(Cooked::copy_count).sum();
        if copies > 0 {
            let what =
                format!("{copies} frames are copies from stacked interfaces and are left out");
            host.note(&first, &what);
        }
        if let Some(what) = self.clocks.told() {
            host.note(&first, &what);
        }
        let last = names::of_file(path);
        let others = match &self.files[..] {
            [] => return,
            [_] => last,
            [_, second, ..] => format!("{} to {last}", names::of_file(second)),
        };
        let count = self.files.len() + 1;
        let what = format!("goes on in {others}: the {count} files are read as one capture");
        host.note(&first, &what);
    }
}
