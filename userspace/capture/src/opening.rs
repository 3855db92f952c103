//! Opening a file or standard input, and the reasons for which it is refused, in one line each.

use std::cell::Cell;
use std::fs::{File, Metadata};
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use super::Reading;
use super::compression::{Compression, early_end};
use super::pages::Pages;
use super::window::{INITIAL_LEN, SMALL_LEN, Window};
use crate::failure::{Failure, reason};

/// Bytes that tell what a file is: the longest fixed header of the formats (pcap) and more than any magic number.
const HEAD_LEN: usize = 24;

/// A capture that is open.
pub(super) struct Opened {
    /// The bytes that tell what it is, unpacked.
    pub magic: [u8; 4],
    /// The unpacked bytes, these among them.
    pub window: Window,
    /// How far the file itself was read.
    pub meter: Meter,
}

/// How much of a capture is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    Begin,
}

/// A source as it is.
struct Raw {
    stream: Box<dyn Read>,
    /// Its length, which may still grow; `None` for a pipe.
    len: Option<u64>,
    /// It is a regular file.
    file: Option<File>,
}

/// How much of a file was read, compressed as it is.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    read: Rc<Cell<u64>>,
    /// Length of the file, which may still grow; `None` for a pipe.
    len: Option<u64>,
}

impl Meter {
    /// How much of the file was read.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            read: self.read.get(),
            len: self.len,
        }
    }
}

/// Counts what passes.
struct Metered {
    stream: Box<dyn Read>,
    read: Rc<Cell<u64>>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

/// Opens a file or standard input, or the place where its bytes are kept, and goes on as [`open_stream`].
pub(super) fn open_file(
    path: &Path,
    kept_at: Option<&Path>,
    extent: Extent,
) -> Result<Opened, Failure> {
    open(path, open_raw(kept_at.unwrap_or(path))?, extent)
}

/// Unpacks the stream if it is compressed, and reads the bytes that tell what it is. `path` is what it is called.
pub(super) fn open_stream(path: &Path, stream: Box<dyn Read>) -> Result<Opened, Failure> {
    let raw = Raw {
        stream,
        len: None,
        file: None,
    };
    open(path, raw, Extent::Whole)
}

fn open(path: &Path, raw: Raw, extent: Extent) -> Result<Opened, Failure> {
    let Raw { stream, len, file } = raw;
    let read = Rc::new(Cell::new(0));
    let meter = Meter {
        read: read.clone(),
        len,
    };
    let metered = read.clone();
    let mut stream: Box<dyn Read> = Box::new(Metered { stream, read });
    let head = read_head(path, &mut stream)?;
    let Some(compression) = Compression::of(&head) else {
        let pages = file
            .filter(|_| Pages::ARE_QUICK && extent == Extent::Whole)
            .and_then(|file| Pages::of(file, metered));
        return Ok(match pages {
            Some(pages) => Opened::of(&head, Window::over(pages), meter),
            None => Opened::read(head, stream, meter, extent),
        });
    };
    let packed = Cursor::new(head).chain(stream);
    let unpacked = compression
        .unpack(packed)
        .map_err(|error| unreadable(path, &error))?;
    let Some(mut rest) = unpacked else {
        let name = compression.name();
        let what = format_args!("is compressed with {name}, which this build cannot read");
        let remedy = format_args!("unpack it first: {name} -d");
        return Err(Failure::new(subject(path), what, remedy));
    };
    let head = read_head(path, &mut rest)?;
    Ok(Opened::read(head, rest, meter, extent))
}

impl Opened {
    /// What is read from `rest` behind `head`.
    fn read(head: Vec<u8>, rest: Box<dyn Read>, meter: Meter, extent: Extent) -> Self {
        let len = match extent {
            Extent::Whole => INITIAL_LEN,
            Extent::Begin => SMALL_LEN,
        };
        let magic = magic(&head);
        let window = Window::new(Box::new(Cursor::new(head).chain(rest)), len);
        Self {
            magic,
            window,
            meter,
        }
    }

    fn of(head: &[u8], window: Window, meter: Meter) -> Self {
        Self {
            magic: magic(head),
            window,
            meter,
        }
    }
}

fn magic(head: &[u8]) -> [u8; 4] {
    head.first_chunk().copied().unwrap_or_default()
}

fn open_raw(path: &Path) -> Result<Raw, Failure> {
    if path == Path::new("-") {
        return Ok(Raw {
            stream: Box::new(io::stdin()),
            len: None,
            file: None,
        });
    }
    let file = File::open(path).map_err(|error| cannot_open(path, &error))?;
    let metadata = file.metadata().ok();
    if metadata.as_ref().is_some_and(Metadata::is_dir) {
        return Err(Failure::new(
            subject(path),
            "is a directory",
            "name the capture files in it",
        ));
    }
    let regular = metadata.filter(Metadata::is_file);
    let seen = regular.as_ref().and_then(|_| file.try_clone().ok());
    Ok(Raw {
        stream: Box::new(file),
        len: regular.map(|file| file.len()),
        file: seen,
    })
}

fn read_head(path: &Path, stream: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    let mut head = Vec::with_capacity(HEAD_LEN);
    let read = stream.take(HEAD_LEN as u64).read_to_end(&mut head);
    match read {
        Err(error) if early_end(&error).is_some() && head.is_empty() => Err(cut_header(path)),
        Err(error) if early_end(&error).is_none() => Err(unreadable(path, &error)),
        Ok(0) => Err(Failure::new(
            subject(path),
            "is empty",
            "record it again; tcpdump -U writes each packet at once",
        )),
        Ok(_) | Err(_) => Ok(head),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kinds of I/O errors are an open set"
)]
fn cannot_open(path: &Path, error: &io::Error) -> Failure {
    let (what, remedy) = match error.kind() {
        io::ErrorKind::NotFound => ("does not exist".to_owned(), "check the path"),
        io::ErrorKind::PermissionDenied => (
            "may not be read".to_owned(),
            "give yourself read permission (chmod, sudo)",
        ),
        _ => (
            format!("cannot be opened: {}", reason(error)),
            "check the path",
        ),
    };
    Failure::new(subject(path), what, remedy)
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let what = format!("cannot be read: {}", reason(error));
    Failure::new(subject(path), what, "check the disk or copy it again")
}

pub(super) fn cut_header(path: &Path) -> Failure {
    cut_before_packets(path, "ends in the file header")
}

/// The end of what can be read, for the reason `why`, where nothing came before.
pub(super) fn cut_before_packets(path: &Path, why: &str) -> Failure {
    let what = format_args!("{why}, before any packet");
    Failure::new(subject(path), what, "record it again or copy it again")
}

pub(super) fn not_a_capture(path: &Path) -> Failure {
    Failure::new(
        subject(path),
        "is not a capture file",
        "give a pcap or pcapng file, as tcpdump -w and Wireshark write; gzip and zstd are unpacked",
    )
}

/// A file as the user knows it.
pub(super) fn subject(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}
