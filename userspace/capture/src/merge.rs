//! Several files as one stream of inputs, ordered by time; within one file the file's own order stays.
//!
//! Files that one capture was rotated into are one tap: the decision falls when the merge gets to them ([`MergedFiles`] opens
//! them only then), because not before it is known whether their times overlap.

use std::collections::BTreeSet;
use std::io::Read;

use rtspscope_engine::Input;
use rtspscope_wire::{FrameRef, Span, Timestamp};

use super::capture_file::{CaptureFile, tell_empty};
use super::identity::is_one_file;
use super::later::LaterFiles;
use super::opening::subject;
use super::{Host, NamedFile, Reading};
use crate::failure::Failure;

/// Stands among the numbers of files for the next of those that are not open yet. It is the highest, so that of items with
/// equal times those of open files come first: a file that goes on with another begins when that has ended.
const LATER: usize = usize::MAX;

/// The inputs of all named files.
#[derive(Debug)]
pub struct MergedFiles {
    files: Vec<CaptureFile>,
    later: LaterFiles,
    /// What was read of files that others went on with.
    finished: Vec<Reading>,
    names: BTreeSet<String>,
    current: Option<usize>,
    /// Time and number of the file whose item comes next after the current one.
    runner_up: Option<(Timestamp, usize)>,
    ended: bool,
}

impl MergedFiles {
    /// Opens the files, in the given order, up to their first item; of those that may be parts of one capture the first part.
    pub fn open(named: &[NamedFile], host: &mut dyn Host) -> Result<Self, Failure> {
        refuse_twice(named)?;
        let mut merged = Self::of(LaterFiles::among(named)?);
        let at_once = named.iter().filter(|file| !merged.later.hold(file));
        let at_once: Vec<&NamedFile> = at_once.collect();
        for file in &at_once {
            let mut opened = CaptureFile::open(file, host, &mut merged.names)?;
            opened.set_alone(at_once.len() == 1);
            opened.advance(host, &mut merged.names)?;
            merged.files.push(opened);
        }
        tell_empty(merged.later.empty(), host);
        Ok(merged)
    }

    /// One capture from a stream; `named` is only what it is called.
    pub fn of_stream(
        named: &NamedFile,
        stream: impl Read + 'static,
        host: &mut dyn Host,
    ) -> Result<Self, Failure> {
        let mut merged = Self::of(LaterFiles::default());
        let stream = Box::new(stream);
        let mut file = CaptureFile::of_stream(named, stream, host, &mut merged.names)?;
        file.set_alone(true);
        file.advance(host, &mut merged.names)?;
        merged.files.push(file);
        Ok(merged)
    }

    fn of(later: LaterFiles) -> Self {
        Self {
            files: Vec::new(),
            later,
            finished: Vec::new(),
            names: BTreeSet::new(),
            current: None,
            runner_up: None,
            ended: false,
        }
    }

    /// Bytes of the files that there is room for in memory.
    pub fn room(&self) -> usize {
        self.files.iter().map(CaptureFile::room).sum()
    }

    /// How much of all files was read; their length is known if that of each is.
    pub fn reading(&self) -> Reading {
        let files = self.files.iter().map(CaptureFile::reading);
        let finished = self.finished.iter().copied();
        let files = files.chain(finished).chain(self.later.reading());
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
        self.choose();
        while self.current == Some(LATER) {
            self.open_next(host)?;
            self.choose();
        }
        let input = self
            .current
            .and_then(|index| self.files.get(index)?.input());
        if input.is_none() && !std::mem::replace(&mut self.ended, true) {
            for file in &self.files {
                file.tell_end(host);
            }
        }
        Ok(input)
    }

    /// Works out whose item comes next, and whose after it.
    fn choose(&mut self) {
        let mut first = None;
        self.runner_up = None;
        let files = self.files.iter().enumerate();
        let files = files.filter_map(|(index, file)| Some((file.at()?, index)));
        let behind = self.files.iter().map(CaptureFile::behind).max();
        let behind = behind.unwrap_or(Span(0));
        let later = self.later.next_at().map(|at| (at + behind, LATER));
        for candidate in files.chain(later) {
            if first.is_none_or(|first| candidate < first) {
                self.runner_up = first.replace(candidate);
            } else if self.runner_up.is_none_or(|second| candidate < second) {
                self.runner_up = Some(candidate);
            }
        }
        self.current = first.map(|(_, index)| index);
    }

    /// Opens the next of the later files: all items of the others before its first have been given. So if the file that it
    /// may go on with has ended, it does go on with it, and else the two overlap and are different taps.
    fn open_next(&mut self, host: &mut dyn Host) -> Result<(), Failure> {
        let Some(later) = self.later.take_next() else {
            return Ok(());
        };
        let predecessor = later.predecessor(&self.files);
        let before = predecessor.and_then(|index| self.files.get_mut(index));
        let Some(before) = before else {
            return self.open_beside(&later.file, host);
        };
        let mut file = CaptureFile::open_after(before, &later.file, host, &mut self.names)?;
        file.advance(host, &mut self.names)?;
        let ended = std::mem::replace(before, file);
        self.finished.push(ended.reading());
        Ok(())
    }

    /// Opens a file whose taps are others than those of the files that are open.
    fn open_beside(&mut self, file: &NamedFile, host: &mut dyn Host) -> Result<(), Failure> {
        for open in &mut self.files {
            open.set_alone(false);
            while open.holds_word_of_all() {
                open.advance(host, &mut self.names)?;
            }
        }
        let mut opened = CaptureFile::open(file, host, &mut self.names)?;
        opened.advance(host, &mut self.names)?;
        self.files.push(opened);
        Ok(())
    }
}

fn refuse_twice(named: &[NamedFile]) -> Result<(), Failure> {
    for (index, file) in named.iter().enumerate() {
        let mut earlier = named[..index].iter();
        let is_same = |earlier: &NamedFile| {
            earlier.path == file.path || is_one_file(&earlier.path, &file.path)
        };
        if earlier.any(is_same) {
            return Err(Failure::new(
                subject(&file.path),
                "is named twice",
                "name each capture once",
            ));
        }
    }
    Ok(())
}
