//! Opening a file or standard input, and the reasons for which it is refused, in one line each.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::NamedFile;
use crate::failure::{Failure, reason};

/// Bytes that tell what a file is: the longest fixed header of the formats (pcap) and more than any magic number.
const HEAD_LEN: usize = 24;

/// Opens a file or standard input and reads the bytes that tell what it is.
pub(super) fn open_stream(path: &Path) -> Result<(Vec<u8>, Box<dyn Read>), Failure> {
    let mut stream: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(path).map_err(|error| cannot_open(path, &error))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Err(Failure::new(
                subject(path),
                "is a directory",
                "name the capture files in it",
            ));
        }
        Box::new(file)
    };
    let mut head = Vec::with_capacity(HEAD_LEN);
    stream
        .by_ref()
        .take(HEAD_LEN as u64)
        .read_to_end(&mut head)
        .map_err(|error| {
            Failure::new(
                subject(path),
                format_args!("cannot be read: {}", reason(&error)),
                "check the disk or copy it again",
            )
        })?;
    if head.is_empty() {
        return Err(Failure::new(
            subject(path),
            "is empty",
            "record it again; tcpdump -U writes each packet at once",
        ));
    }
    Ok((head, stream))
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

pub(super) fn unreadable(file: &NamedFile, error: &io::Error) -> Failure {
    let what = format!("cannot be read: {}", reason(error));
    Failure::new(subject(&file.path), what, "check the disk or copy it again")
}

pub(super) fn cut_header(file: &NamedFile) -> Failure {
    Failure::new(
        subject(&file.path),
        "ends in the file header, before any packet",
        "record it again or copy it again",
    )
}

pub(super) fn not_a_capture(path: &Path, magic: [u8; 4]) -> Failure {
    let (what, remedy) = match magic {
        [0x1f, 0x8b, ..] => ("is compressed with gzip", "unpack it first: gzip -d"),
        [0x28, 0xb5, 0x2f, 0xfd] => ("is compressed with zstd", "unpack it first: zstd -d"),
        _ => (
            "is not a capture file",
            "give a pcap or pcapng file, as tcpdump -w and Wireshark write",
        ),
    };
    Failure::new(subject(path), what, remedy)
}

/// A file as the user knows it.
pub(super) fn subject(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}
