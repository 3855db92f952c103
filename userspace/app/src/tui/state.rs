//! What the user is looking at: small, plain, and all that a drawing depends on besides the scene.

use super::columns::Column;
use super::save::Format;

/// The views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Sessions,
    Findings,
    Ladder,
    Message,
    Diff,
    Media,
    Health,
    Compare,
    Help,
}

impl View {
    /// All of them in the order of their keys.
    pub(super) const ALL: [Self; 9] = [
        Self::Sessions,
        Self::Findings,
        Self::Ladder,
        Self::Message,
        Self::Diff,
        Self::Media,
        Self::Health,
        Self::Compare,
        Self::Help,
    ];

    /// Those that have a tab.
    pub(super) const TABS: [Self; 7] = [
        Self::Sessions,
        Self::Findings,
        Self::Ladder,
        Self::Message,
        Self::Diff,
        Self::Media,
        Self::Health,
    ];

    /// What it is called.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Sessions => "Sessions",
            Self::Findings => "Findings",
            Self::Ladder => "Ladder",
            Self::Message => "Message",
            Self::Diff => "NAT diff",
            Self::Media => "Media",
            Self::Health => "Health",
            Self::Compare => "Compare",
            Self::Help => "Help",
        }
    }
}

/// What the ladder shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Zoom {
    /// Messages, and a row for each medium.
    #[default]
    All,
    /// Messages alone.
    Messages,
    /// Media in steps of time.
    Media,
}

/// One message of a session: its exchange by the ladder's row, and which copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Chosen row, by its index in the whole list.
    pub(super) at: usize,
    /// First row or line that is shown.
    pub(super) scroll: usize,
}

/// A question at the bottom of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    /// The filter, being typed.
    Filter { before: String },
    /// What to save, and where.
    Save { format: Format, path: String },
    /// Which columns to show.
    Columns { at: usize },
}

/// A line that tells what came of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) text: String,
    pub(super) is_bad: bool,
}

/// Everything the user chose.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) view: View,
    /// Views behind the present one.
    pub(super) behind: Vec<View>,
    /// The chosen session, by its number.
    pub(super) session: Option<u32>,
    pub(super) list: Cursor,
    pub(super) sort: Column,
    pub(super) descending: bool,
    pub(super) columns: Vec<Column>,
    pub(super) filter: String,
    /// Keep the newest session chosen.
    pub(super) follow: bool,
    pub(super) marked: Vec<u32>,
    pub(super) findings: Cursor,
    /// Chosen proof of the chosen finding.
    pub(super) proof: usize,
    pub(super) ladder: Cursor,
    pub(super) zoom: Zoom,
    /// Which copy of the message is read.
    pub(super) copy: usize,
    /// Chosen change, and how far its message is scrolled.
    pub(super) change: usize,
    /// How far the present view is scrolled, where it has no cursor.
    pub(super) scroll: usize,
    pub(super) prompt: Option<Prompt>,
    pub(super) note: Option<Note>,
    pub(super) paused: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            view: View::Sessions,
            behind: Vec::new(),
            session: None,
            list: Cursor::default(),
            sort: Column::Start,
            descending: false,
            columns: Column::ALL.to_vec(),
            filter: String::new(),
            follow: false,
            marked: Vec::new(),
            findings: Cursor::default(),
            proof: 0,
            ladder: Cursor::default(),
            zoom: Zoom::default(),
            copy: 0,
            change: 0,
            scroll: 0,
            prompt: None,
            note: Some(Note {
                text: "↑↓ choose  Enter ladder  i findings  d change  m media  ? all keys"
                    .to_owned(),
                is_bad: false,
            }),
            paused: false,
        }
    }
}

/// What the last drawing came to: sizes that keys and mouse need.
#[derive(Clone, Debug, Default)]
pub(super) struct Drawn {
    /// Rows of content that fit.
    pub(super) page: usize,
    /// Rows of content there are.
    pub(super) len: usize,
    /// What the rows on the screen stand for: line and index of the row.
    pub(super) rows: Vec<(u16, usize)>,
    /// Where the tabs are: line, columns, view.
    pub(super) tabs: Vec<(u16, std::ops::Range<u16>, View)>,
}
