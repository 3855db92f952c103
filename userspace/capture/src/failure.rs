//! Why a capture cannot be read or written, as one line: what, what is wrong with it, what to do.

use std::fmt::Display;
use std::io;

/// The end of reading or writing a capture.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The reader of what is written has gone: nothing is left to do, and nothing to complain about.
    #[error("the reader of the output has gone")]
    OutputClosed,
    /// Something that the user can repair.
    #[error("{subject}: {what}: {remedy}")]
    Told {
        /// The file, interface or option.
        subject: String,
        /// What is wrong with it.
        what: String,
        /// What to do about it.
        remedy: String,
    },
}

impl Failure {
    /// A failure with its three parts; control characters in them are shown escaped.
    pub fn new(subject: impl Display, what: impl Display, remedy: impl Display) -> Self {
        Self::Told {
            subject: shown(&subject),
            what: shown(&what),
            remedy: shown(&remedy),
        }
    }

    /// A failure to write to `subject`; a closed pipe is the quiet one.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the kinds of I/O errors are an open set"
    )]
    pub fn writing(subject: impl Display, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        let remedy = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some space or choose another place"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "choose a place that you may write to"
            }
            io::ErrorKind::NotFound => "create its directory first",
            io::ErrorKind::IsADirectory => "name a file in it",
            _ => "choose another place",
        };
        Self::new(
            subject,
            format_args!("cannot write: {}", reason(error)),
            remedy,
        )
    }
}

/// The system's words for an error, in lower case and without the number that Rust appends.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_lowercase(),
        None => text.to_lowercase(),
    }
}

fn shown(text: &dyn Display) -> String {
    rtspscope_wire::text::escape_controls(&text.to_string()).into_owned()
}
