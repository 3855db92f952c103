//! Where output goes: standard output or a file, opened when the first of it is ready.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::cli::ColorChoice;
use crate::failure::Failure;

/// Columns of a report that does not go to a terminal.
const DEFAULT_WIDTH: usize = 80;

/// Columns that the table of arrivals needs.
const MIN_WIDTH: usize = 64;

/// Wider lines than this are hard to read.
const MAX_WIDTH: usize = 110;

/// Standard output or a file.
pub(crate) struct Destination {
    path: Option<PathBuf>,
    writer: Option<BufWriter<Box<dyn Write>>>,
}

impl Destination {
    /// The file `path`, else standard output.
    pub(crate) fn new(path: Option<&Path>) -> Self {
        Self {
            path: path.map(Path::to_owned),
            writer: None,
        }
    }

    /// Creates the file, so that a place that cannot be written is told before the work.
    pub(crate) fn open(&mut self) -> Result<(), Failure> {
        self.writer().map(|_| ())
    }

    /// Writes and makes it visible at once.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Failure> {
        let writer = self.writer()?;
        let result = writer
            .write_all(text.as_bytes())
            .and_then(|()| writer.flush());
        result.map_err(|error| self.failure(&error))
    }

    /// Whether to use colours.
    pub(crate) fn wants_color(&self, choice: ColorChoice) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                self.is_terminal() && !forbidden
            }
        }
    }

    /// Columns of a line.
    pub(crate) fn width(&self) -> usize {
        if !self.is_terminal() {
            return DEFAULT_WIDTH;
        }
        crossterm::terminal::size().map_or(DEFAULT_WIDTH, |(columns, _)| {
            usize::from(columns).clamp(MIN_WIDTH, MAX_WIDTH)
        })
    }

    fn is_terminal(&self) -> bool {
        self.path.is_none() && io::stdout().is_terminal()
    }

    fn writer(&mut self) -> Result<&mut BufWriter<Box<dyn Write>>, Failure> {
        let writer: Box<dyn Write> = match (&self.writer, &self.path) {
            (Some(_), _) => Box::new(io::empty()),
            (None, None) => Box::new(io::stdout()),
            (None, Some(path)) => {
                Box::new(File::create(path).map_err(|error| self.failure(&error))?)
            }
        };
        Ok(self.writer.get_or_insert_with(|| BufWriter::new(writer)))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        match &self.path {
            Some(path) => Failure::writing(path.display(), error),
            None => Failure::writing("standard output", error),
        }
    }
}
