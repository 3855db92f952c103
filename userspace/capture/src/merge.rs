//! Several files as one stream of inputs, ordered by time; within one file the file's own order stays.

use std::collections::BTreeSet;
use std::io::Read;

use rtspscope_engine::Input;
use rtspscope_wire::{FrameRef, Timestamp};

use super::capture_file::CaptureFile;
use super::opening::subject;
use super::{Host, NamedFile, Reading};
use crate::failure::Failure;

/// The inputs of all named files.
#[derive(Debug)]
pub struct MergedFiles {
    files: Vec<CaptureFile>,
    names: BTreeSet<String>,
    current: Option<usize>,
    /// Time and number of the file whose item comes next after the current one.
    runner_up: Option<(Timestamp, usize)>,
}

impl MergedFiles {
    /// Opens all files, in the given order, up to their first item.
    pub fn open(named: &[NamedFile], host: &mut dyn Host) -> Result<Self, Failure> {
        let mut merged = Self {
            files: Vec::with_capacity(named.len()),
            names: BTreeSet::new(),
            current: None,
            runner_up: None,
        };
        for (index, file) in named.iter().enumerate() {
            if named[..index]
                .iter()
                .any(|earlier| earlier.path == file.path)
            {
                return Err(Failure::new(
                    subject(&file.path),
                    "is named twice",
                    "name each capture once",
                ));
            }
            let mut opened = CaptureFile::open(file, host, &mut merged.names)?;
            if named.len() == 1 {
                opened.set_alone();
            }
            opened.advance(host, &mut merged.names)?;
            merged.files.push(opened);
        }
        Ok(merged)
    }

    /// One capture from a stream; `named` is only what it is called.
    pub fn of_stream(
        named: &NamedFile,
        stream: impl Read + 'static,
        host: &mut dyn Host,
    ) -> Result<Self, Failure> {
        let mut names = BTreeSet::new();
        let mut file = CaptureFile::of_stream(named, Box::new(stream), host, &mut names)?;
        file.set_alone();
        file.advance(host, &mut names)?;
        Ok(Self {
            files: vec![file],
            names,
            current: None,
            runner_up: None,
        })
    }

    /// Bytes of the files that there is room for in memory.
    pub fn room(&self) -> usize {
        self.files.iter().map(CaptureFile::room).sum()
    }

    /// How much of all files was read; their length is known if that of each is.
    pub fn reading(&self) -> Reading {
        let files = self.files.iter().map(CaptureFile::reading);
        let begin = Reading {
            read: 0,
            len: Some(0),
        };
        files.fold(begin, |all, file| Reading {
            read: all.read + file.read,
            len: all.len.zip(file.len).map(|(all, file)| all + file),
        })
    }

    /// The next input, a frame, where the file that gave the last one has it ready and it comes first; `None` says
    /// nothing, and then [`MergedFiles::next`] is to be asked. A short cut for nearly all frames.
    #[inline]
    pub fn next_ready(&mut self) -> Option<FrameRef<'_>> {
        let index = self.current?;
        let frame = self.files.get_mut(index)?.advance_in_place()?;
        if self
            .runner_up
            .is_some_and(|other| other < (frame.at, index))
        {
            // It has gone on already.
            self.current = None;
            return None;
        }
        Some(frame)
    }

    /// The next input. What it borrows is valid until the next call.
    pub fn next(&mut self, host: &mut dyn Host) -> Result<Option<Input<'_>>, Failure> {
        if let Some(file) = self
            .current
            .take()
            .and_then(|index| self.files.get_mut(index))
        {
            file.advance(host, &mut self.names)?;
        }
        let mut first = None;
        self.runner_up = None;
        for (index, file) in self.files.iter().enumerate() {
            let Some(candidate) = file.at().map(|at| (at, index)) else {
                continue;
            };
            if first.is_none_or(|first| candidate < first) {
                self.runner_up = first.replace(candidate);
            } else if self.runner_up.is_none_or(|second| candidate < second) {
                self.runner_up = Some(candidate);
            }
        }
        self.current = first.map(|(_, index)| index);
        Ok(self
            .current
            .and_then(|index| self.files.get(index))
            .and_then(CaptureFile::input))
    }
}
