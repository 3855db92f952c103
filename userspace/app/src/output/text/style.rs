//! How wide and how colourful a report is.

use std::fmt::Write;

use crate::output::sentences::Standing;

/// Width, colours and depth of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Columns of a line.
    pub width: usize,
    /// Use colours.
    pub color: bool,
    /// Show every message and all evidence.
    pub verbose: bool,
}

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Something is broken.
    Bad,
    /// Something is not as it should be.
    Doubtful,
    /// Something is as it should be.
    Good,
    /// A heading.
    Strong,
    /// Of less weight.
    Faint,
}

impl Paint {
    /// The paint of a mark.
    pub(in crate::output) const fn of(standing: Standing) -> Self {
        match standing {
            Standing::Good => Self::Good,
            Standing::Doubtful => Self::Doubtful,
            Standing::Bad => Self::Bad,
            Standing::Remark => Self::Faint,
        }
    }
}

/// Below this, labels and tables take too much of a line to stand beside the text.
const NARROW: usize = 60;

impl Style {
    /// Whether labels and tables must give way to the text.
    pub(super) const fn is_narrow(&self) -> bool {
        self.width < NARROW
    }

    /// The text in its colour (ANSI SGR), or as it is.
    pub(crate) fn paint(&self, paint: Paint, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Bad => "1;31",
            Paint::Doubtful => "1;33",
            Paint::Good => "1;32",
            Paint::Strong => "1",
            Paint::Faint => "2",
        };
        let mut painted = String::with_capacity(text.len() + 12);
        // Writing to a String cannot fail.
        let _ = write!(painted, "\u{1b}[{code}m{text}\u{1b}[0m");
        painted
    }
}
