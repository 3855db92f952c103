//! Where output goes: standard output or a file, opened when the first of it is ready.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::cli::ColorChoice;
use crate::failure::Failure;
use rtspscope_capture::record::is_in_place;

/// Columns of a report that does not go to a terminal.
const DEFAULT_WIDTH: usize = 80;

/// Columns of the narrowest report: a telephone upright.
const MIN_WIDTH: usize = 32;

/// Wider lines than this are hard to read.
const MAX_WIDTH: usize = 110;

/// Standard output or a file.
pub(crate) struct Destination {
    path: Option<PathBuf>,
    writer: Option<BufWriter<Box<dyn Write>>>,
    /// The file that is written, where it is one.
    file: Option<File>,
}

impl Destination {
    /// The file `path`, else standard output.
    pub(crate) fn new(path: Option<&Path>) -> Self {
        Self {
            path: path.map(Path::to_owned),
            writer: None,
            file: None,
        }
    }

    /// Creates the file, so that a place that cannot be written is told before the work.
    pub(crate) fn open(&mut self) -> Result<(), Failure> {
        self.writer().map(|_| ())
    }

    /// Begins a file anew that was moved away; one that is in its place goes on.
    pub(crate) fn reopen(&mut self) -> Result<(), Failure> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let moved = self
            .file
            .as_ref()
            .is_some_and(|file| !is_in_place(file, path));
        if moved {
            let file = File::create(path).map_err(|error| self.failure(&error))?;
            self.writer = Some(self.take(file)?);
        }
        Ok(())
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
            ColorChoice::Auto => wish(|name| std::env::var(name).ok(), self.is_terminal()),
        }
    }

    /// Columns of a line: what `COLUMNS` says (POSIX), else the terminal.
    pub(crate) fn width(&self) -> usize {
        let told = std::env::var("COLUMNS").ok();
        let told = told.and_then(|columns| columns.parse().ok());
        let columns = told.filter(|columns| *columns > 0).or_else(|| {
            let size = self.is_terminal().then(crossterm::terminal::size)?;
            size.ok().map(|(columns, _)| usize::from(columns))
        });
        columns.map_or(DEFAULT_WIDTH, |columns| columns.clamp(MIN_WIDTH, MAX_WIDTH))
    }

    fn is_terminal(&self) -> bool {
        self.path.is_none() && io::stdout().is_terminal()
    }

    fn writer(&mut self) -> Result<&mut BufWriter<Box<dyn Write>>, Failure> {
        let writer = match (self.writer.take(), &self.path) {
            (Some(writer), _) => writer,
            (None, None) => BufWriter::new(Box::new(io::stdout()) as Box<dyn Write>),
            (None, Some(path)) => {
                let file = File::create(path).map_err(|error| self.failure(&error))?;
                self.take(file)?
            }
        };
        Ok(self.writer.insert(writer))
    }

    /// Writes to a file from now on, and remembers which one it is.
    fn take(&mut self, file: File) -> Result<BufWriter<Box<dyn Write>>, Failure> {
        let same = file.try_clone().map_err(|error| self.failure(&error))?;
        self.file = Some(same);
        Ok(BufWriter::new(Box::new(file)))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        match &self.path {
            Some(path) => Failure::writing(path.display(), error),
            None => Failure::writing("standard output", error),
        }
    }
}

/// Whether the environment wants colours: `NO_COLOR` (no-color.org) forbids them, `CLICOLOR_FORCE` asks for them, and
/// `CLICOLOR=0` or a dumb terminal does without.
fn wish(variable: impl Fn(&str) -> Option<String>, is_terminal: bool) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    let declined = set("CLICOLOR").is_some_and(|value| value == "0");
    is_terminal && !declined && set("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::wish;

    fn with(variables: &[(&str, &str)], is_terminal: bool) -> bool {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        wish(
            |name| find(name).map(|(_, value)| (*value).to_owned()),
            is_terminal,
        )
    }

    #[test]
    fn a_terminal_gets_colours_and_a_pipe_does_not() {
        assert!(with(&[("TERM", "xterm")], true));
        assert!(with(&[], true));
        assert!(!with(&[("TERM", "xterm")], false));
    }

    #[test]
    fn no_color_is_stronger_than_all() {
        assert!(!with(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true));
        assert!(with(&[("NO_COLOR", "")], true));
    }

    #[test]
    fn colours_can_be_forced_and_declined() {
        assert!(with(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!with(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!with(&[("CLICOLOR", "0")], true));
        assert!(!with(&[("TERM", "dumb")], true));
    }
}
