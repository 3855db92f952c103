//! Files that may go on with the capture of another: looked at when reading begins, and opened when their time comes.
//!
//! Whether a file goes on where another ended shows when reading gets there, and until then it takes neither a window nor
//! a tap. So a capture that was rotated into hundreds of files is read with the memory and the open files of one.

use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::fs;

use rtspscope_engine::TapInfo;
use rtspscope_wire::{TapId, Timestamp};

use super::capture_file::CaptureFile;
use super::format::Format;
use super::rotation::{self, Numbers, Series};
use super::{Host, NamedFile, Reading};
use crate::failure::Failure;

/// What is known of a file of which the first item was read.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// Time of that item; `None` where there is none.
    pub at: Option<Timestamp>,
    /// Bytes of the file, compressed as they are.
    pub len: Option<u64>,
    /// Its reader, with the link type or the interfaces that came before that item.
    pub format: Format,
}

impl Beginning {
    /// Whether both can be parts of one capture.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        other.format.is_like(&self.format)
    }
}

/// A file whose time has not come.
#[derive(Debug)]
pub(crate) struct Later {
    pub(crate) file: NamedFile,
    pub(crate) beginning: Beginning,
    at: Timestamp,
    series: Series,
    numbers: Numbers,
}

/// All such files in the order of time; of those that begin at the same time, in that of their numbers.
#[derive(Debug, Default)]
pub(crate) struct LaterFiles {
    files: VecDeque<Later>,
    /// Files without frames, beside others of their series: no taps, and nothing to read.
    empty: Vec<NamedFile>,
}

impl LaterFiles {
    /// Those of the named files that may go on with another. The first of each series is none of them.
    pub(crate) fn among(named: &[NamedFile]) -> Result<Self, Failure> {
        let mut later = Self::default();
        for members in series_among(named) {
            later.add(members)?;
        }
        later.files.make_contiguous().sort_by(Later::order);
        Ok(later)
    }

    fn add(&mut self, members: Vec<(NamedFile, Series, Numbers)>) -> Result<(), Failure> {
        let mut with_frames = Vec::new();
        let mut empty = Vec::new();
        for (file, series, numbers) in members {
            let beginning = look_at(&file)?;
            match beginning.at {
                Some(at) => with_frames.push(Later {
                    file,
                    beginning,
                    at,
                    series,
                    numbers,
                }),
                None => empty.push((file, beginning)),
            }
        }
        with_frames.sort_by(Later::order);
        let mut with_frames = with_frames.into_iter();
        let Some(first) = with_frames.next() else {
            return Ok(());
        };
        let empty = empty
            .into_iter()
            .filter(|(_, beginning)| beginning.is_like(&first.beginning));
        self.empty.extend(empty.map(|(file, _)| file));
        self.files.extend(with_frames);
        Ok(())
    }

    /// Whether the file is not to be opened when reading begins.
    pub(crate) fn hold(&self, file: &NamedFile) -> bool {
        let mut waiting = self.files.iter().map(|later| &later.file);
        waiting.any(|later| later == file) || self.empty.contains(file)
    }

    /// Files that hold no frames.
    pub(crate) fn empty(&self) -> &[NamedFile] {
        &self.empty
    }

    /// When the next of them begins.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.files.front().map(|later| later.at)
    }

    /// The next of them.
    pub(crate) fn take_next(&mut self) -> Option<Later> {
        self.files.pop_front()
    }

    /// How much there is to be read.
    pub(crate) fn reading(&self) -> impl Iterator<Item = Reading> {
        self.files.iter().map(|later| Reading {
            read: 0,
            len: later.beginning.len,
        })
    }
}

impl Later {
    fn order(&self, other: &Self) -> Ordering {
        (self.at, &self.numbers).cmp(&(other.at, &other.numbers))
    }

    /// Which of the files that have ended this one goes on with. `None` where no file can be it, where the name does not tell
    /// which of several, and where one that has not ended is as near by its name: then that is the other part, and the two
    /// overlap.
    pub(crate) fn predecessor(&self, files: &[CaptureFile]) -> Option<usize> {
        let relatives = files.iter().enumerate().filter_map(|(index, file)| {
            let (series, numbers) = rotation::of(file.named())?;
            let differences = numbers.differences(&self.numbers);
            (series == self.series).then_some((index, differences))
        });
        let relatives: Vec<(usize, BTreeSet<usize>)> = relatives.collect();
        let is_nearest = |(index, differences): &&(usize, BTreeSet<usize>)| {
            let mut others = relatives.iter().filter(|(other, _)| other != index);
            !others.any(|(_, other)| other.is_subset(differences))
        };
        let fits = |index: &usize| {
            let file = files.get(*index);
            file.is_some_and(|file| file.has_ended() && file.is_like(&self.beginning))
        };
        let nearest = relatives.iter().filter(is_nearest).map(|(index, _)| *index);
        let mut fitting = nearest.filter(fits);
        fitting.next().filter(|_| fitting.next().is_none())
    }
}

/// The files that are named like another, by series.
fn series_among(named: &[NamedFile]) -> Vec<Vec<(NamedFile, Series, Numbers)>> {
    let mut all: Vec<Vec<(NamedFile, Series, Numbers)>> = Vec::new();
    for file in named.iter().filter(|file| can_be_opened_again(file)) {
        let Some((series, numbers)) = rotation::of(file) else {
            continue;
        };
        let known = all.iter_mut().find(|members| members[0].1 == series);
        let member = (file.clone(), series, numbers);
        match known {
            Some(members) => members.push(member),
            None => all.push(vec![member]),
        }
    }
    all.retain(|members| members.len() > 1);
    all
}

/// A pipe gives its bytes once.
fn can_be_opened_again(file: &NamedFile) -> bool {
    file.kept_at.is_none() && fs::metadata(&file.path).is_ok_and(|metadata| metadata.is_file())
}

/// Reads a file up to its first item and closes it.
fn look_at(file: &NamedFile) -> Result<Beginning, Failure> {
    let mut taken = BTreeSet::new();
    let mut opened = CaptureFile::look_at(file, &mut Nobody, &mut taken)?;
    opened.advance(&mut Nobody, &mut taken)?;
    Ok(opened.into_beginning())
}

/// Hears what is said when the file is opened in earnest.
struct Nobody;

impl Host for Nobody {
    fn open_tap(&mut self, _info: TapInfo) -> TapId {
        TapId(0)
    }

    fn note(&mut self, _subject: &str, _what: &str) {}
}
