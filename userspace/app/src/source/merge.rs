//! Several files as one stream of inputs, ordered by time; within one file the file's own order stays.

use rtspscope_engine::Input;

use super::capture_file::CaptureFile;
use super::opening::subject;
use super::{Host, NamedFile, Reading};
use crate::failure::Failure;

/// The inputs of all named files.
#[derive(Debug)]
pub(crate) struct MergedFiles {
    files: Vec<CaptureFile>,
    names: Vec<String>,
    current: Option<usize>,
}

impl MergedFiles {
    /// Opens all files, in the given order, up to their first item.
    pub(crate) fn open(named: &[NamedFile], host: &mut dyn Host) -> Result<Self, Failure> {
        let mut merged = Self {
            files: Vec::with_capacity(named.len()),
            names: Vec::new(),
            current: None,
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

    /// How much of all files was read; their length is known if that of each is.
    pub(crate) fn reading(&self) -> Reading {
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

    /// The next input. What it borrows is valid until the next call.
    pub(crate) fn next(&mut self, host: &mut dyn Host) -> Result<Option<Input<'_>>, Failure> {
        if let Some(file) = self
            .current
            .take()
            .and_then(|index| self.files.get_mut(index))
        {
            file.advance(host, &mut self.names)?;
        }
        if let [file] = &self.files[..] {
            self.current = file.at().map(|_| 0);
            return Ok(file.input());
        }
        self.current = self
            .files
            .iter()
            .enumerate()
            .filter_map(|(index, file)| Some((file.at()?, index)))
            .min()
            .map(|(_, index)| index);
        Ok(self
            .current
            .and_then(|index| self.files.get(index))
            .and_then(CaptureFile::input))
    }
}
