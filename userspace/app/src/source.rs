//! Saved captures as inputs of the engine: files of any number, merged by time, read with a fixed amount of memory.

mod capture_file;
mod compression;
mod cooked;
mod legacy;
mod link_types;
mod merge;
mod names;
mod opening;
mod options;
mod pcapng;
mod window;

use std::path::PathBuf;

use rtspscope_engine::TapInfo;
use rtspscope_wire::{TapId, TapRole};

pub(crate) use merge::MergedFiles;

/// One capture that the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedFile {
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// Side of the router that the user gave it.
    pub role: TapRole,
    /// Where its bytes are instead, for standard input that is read twice.
    pub kept_at: Option<PathBuf>,
}

/// How much of a source was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Bytes read so far, compressed as they are.
    pub read: u64,
    /// Bytes there were when reading began; `None` for a pipe.
    pub len: Option<u64>,
}

/// What a source needs from its surroundings while it reads.
pub(crate) trait Host {
    /// Opens a tap; inputs of it carry the returned number.
    fn open_tap(&mut self, info: TapInfo) -> TapId;
    /// Tells the user one line about the capture `subject`.
    fn note(&mut self, subject: &str, what: &str);
}

#[cfg(test)]
mod tests;
