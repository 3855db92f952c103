//! Why the program cannot go on, as one line: what, what is wrong with it, what to do.

use std::fmt::Display;
use std::io;

pub(crate) use rtspscope_capture::reason;

/// The end of a run that could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The user left the screen: the run ends, and nothing went wrong.
    #[error("the user left")]
    UserLeft,
    /// Something that the user can repair, or a reader of the output that has gone.
    #[error(transparent)]
    Told(#[from] rtspscope_capture::Failure),
}

impl Failure {
    /// A failure with its three parts; control characters in them are shown escaped.
    pub(crate) fn new(subject: impl Display, what: impl Display, remedy: impl Display) -> Self {
        rtspscope_capture::Failure::new(subject, what, remedy).into()
    }

    /// A failure to write to `subject`; a closed pipe is the quiet one.
    pub(crate) fn writing(subject: impl Display, error: &io::Error) -> Self {
        rtspscope_capture::Failure::writing(subject, error).into()
    }
}
