//! Saved captures: files of any number as inputs of the engine, merged by time and read with a fixed amount of memory;
//! and a run's inputs as a file.
//!
//! A crate of its own and not a part of the program, so that what holds for any bytes of a file can be checked by the
//! fuzzer, as for the other readers of strangers' bytes.

mod capture_file;
mod chain;
mod clocks;
mod compression;
mod cooked;
mod failure;
mod format;
mod identity;
mod item;
mod later;
mod legacy;
mod link_types;
mod merge;
mod names;
mod opening;
mod options;
mod pages;
mod pcapng;
pub mod record;
mod rotation;
mod tap_opener;
mod unread;
mod window;

use std::path::PathBuf;

use rtspscope_engine::{TapFile, TapInfo};
use rtspscope_wire::{TapId, TapRole};

pub use failure::{Failure, reason};
pub use identity::is_one_file;
pub use merge::MergedFiles;
pub use record::Recorder;

/// One capture that the user named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// Side of the router that the user gave it.
    pub role: TapRole,
    /// Where its bytes are instead, for standard input that is read twice.
    pub kept_at: Option<PathBuf>,
}

/// How much of a source was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Bytes read so far, compressed as they are.
    pub read: u64,
    /// Bytes there were when reading began; `None` for a pipe.
    pub len: Option<u64>,
}

/// What a source needs from its surroundings while it reads.
pub trait Host {
    /// Opens a tap; inputs of it carry the returned number.
    fn open_tap(&mut self, info: TapInfo) -> TapId;
    /// The next frames of a tap come from another file of its capture, and their numbers go on. Only who shows numbers need
    /// know it.
    fn begin_file(&mut self, _tap: TapId, _file: TapFile) {}
    /// Tells the user one line about the capture `subject`.
    fn note(&mut self, subject: &str, what: &str);
}

#[cfg(test)]
mod tests;
