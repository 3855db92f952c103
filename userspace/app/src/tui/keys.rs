//! The keys, in one table: what a key does in which view, and how help and documentation call it.
//!
//! Where sngrep has the same thing it has the same key; beside it stand those of vi and the arrows.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::state::View;

/// What the user can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Quit,
    Back,
    Help,
    Go(View),
    NextView,
    PreviousView,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Left,
    Right,
    Open,
    Next,
    Previous,
    Zoom,
    SortLeft,
    SortRight,
    SortReverse,
    Columns,
    Filter,
    Mark,
    ClearMarks,
    Compare,
    Follow,
    Pause,
    Save,
    Copy,
    Redraw,
}

/// One key as the table names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A character, in its case.
    Char(char),
    /// A character with Control.
    Ctrl(char),
    /// A key that has a name.
    Named(KeyCode),
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    /// Views in which it holds; empty for all.
    pub(super) views: &'static [View],
    /// Keys that do it; the first stands in the hints.
    pub(super) keys: &'static [Key],
    pub(super) command: Command,
    /// What it does, in help and documentation.
    pub(super) says: &'static str,
    /// What it is called in the line at the bottom, where it stands there.
    pub(super) hint: Option<&'static str>,
}

use Command as C;
use Key::{Char, Ctrl, Named};
use View as V;

const fn all(keys: &'static [Key], command: Command, says: &'static str) -> Binding {
    Binding {
        views: &[],
        keys,
        command,
        says,
        hint: None,
    }
}

const fn within(
    views: &'static [View],
    keys: &'static [Key],
    command: Command,
    says: &'static str,
    hint: Option<&'static str>,
) -> Binding {
    Binding {
        views,
        keys,
        command,
        says,
        hint,
    }
}

/// All keys; a line for one view comes before one for all.
pub(super) const TABLE: &[Binding] = &[
    within(
        &[V::Sessions],
        &[Named(KeyCode::Enter)],
        C::Open,
        "open the ladder of the session",
        Some("ladder"),
    ),
    within(
        &[V::Ladder],
        &[Named(KeyCode::Enter)],
        C::Open,
        "read the message, its change, or the medium",
        Some("read"),
    ),
    within(
        &[V::Findings],
        &[Named(KeyCode::Enter)],
        C::Open,
        "go to the proof in the ladder",
        Some("proof"),
    ),
    within(
        &[V::Diff, V::Message, V::Media],
        &[Named(KeyCode::Enter)],
        C::Open,
        "go to its place in the ladder",
        Some("ladder"),
    ),
    within(
        &[V::Sessions],
        &[Char('/'), Named(KeyCode::F(3)), Named(KeyCode::F(7))],
        C::Filter,
        "show sessions that match only",
        Some("filter"),
    ),
    within(
        &[V::Sessions],
        &[Char(' ')],
        C::Mark,
        "mark the session (two can be compared)",
        Some("mark"),
    ),
    within(
        &[V::Sessions],
        &[Char('x')],
        C::Compare,
        "compare the two marked sessions, or the marked with the selected one",
        Some("compare"),
    ),
    within(
        &[V::Sessions],
        &[Named(KeyCode::F(5))],
        C::ClearMarks,
        "clear the marks",
        None,
    ),
    within(
        &[V::Sessions],
        &[Char('<')],
        C::SortLeft,
        "sort by the column before",
        None,
    ),
    within(
        &[V::Sessions],
        &[Char('>')],
        C::SortRight,
        "sort by the column behind",
        Some("sort"),
    ),
    within(
        &[V::Sessions],
        &[Char('z')],
        C::SortReverse,
        "turn the order round",
        None,
    ),
    within(
        &[V::Sessions],
        &[Char('t'), Named(KeyCode::F(10))],
        C::Columns,
        "choose the columns",
        Some("columns"),
    ),
    within(
        &[V::Sessions],
        &[Char('a')],
        C::Follow,
        "follow the newest session, or stop to",
        None,
    ),
    within(
        &[V::Ladder],
        &[Char('z')],
        C::Zoom,
        "zoom: all, messages only, media in steps of time",
        Some("zoom"),
    ),
    within(
        &[V::Ladder],
        &[Char('n')],
        C::Next,
        "next row that a finding or a change speaks of",
        Some("next mark"),
    ),
    within(
        &[V::Ladder],
        &[Char('N')],
        C::Previous,
        "the one before",
        None,
    ),
    within(
        &[V::Diff],
        &[Char('n'), Named(KeyCode::Down), Char('j')],
        C::Next,
        "next change",
        Some("next change"),
    ),
    within(
        &[V::Diff],
        &[Char('N'), Named(KeyCode::Up), Char('k')],
        C::Previous,
        "the change before",
        None,
    ),
    within(
        &[V::Message],
        &[Char('n')],
        C::Next,
        "next message",
        Some("next"),
    ),
    within(
        &[V::Message],
        &[Char('N')],
        C::Previous,
        "the message before",
        None,
    ),
    within(
        &[V::Message],
        &[Named(KeyCode::Left), Char('h')],
        C::Left,
        "the copy at the tap before",
        None,
    ),
    within(
        &[V::Message],
        &[Named(KeyCode::Right), Char('l')],
        C::Right,
        "the copy at the next tap",
        Some("other tap"),
    ),
    within(
        &[V::Findings],
        &[Named(KeyCode::Left), Char('h')],
        C::Left,
        "the proof before",
        None,
    ),
    within(
        &[V::Findings],
        &[Named(KeyCode::Right), Char('l')],
        C::Right,
        "next proof",
        Some("next proof"),
    ),
    all(&[Char('1')], C::Go(V::Sessions), "sessions"),
    all(
        &[Char('2'), Char('i')],
        C::Go(V::Findings),
        "findings: what, proof, what to do",
    ),
    all(
        &[Char('3')],
        C::Go(V::Ladder),
        "ladder: who sent what, and how far it came",
    ),
    all(
        &[Char('4'), Char('r'), Named(KeyCode::F(6))],
        C::Go(V::Message),
        "text of the message",
    ),
    all(
        &[Char('5'), Char('d'), Char('c')],
        C::Go(V::Diff),
        "what the router changed",
    ),
    all(
        &[Char('6'), Char('m')],
        C::Go(V::Media),
        "media: arrival at each tap, rates, loss",
    ),
    all(
        &[Char('7')],
        C::Go(V::Health),
        "health: taps, what was lost, blind spots",
    ),
    all(&[Named(KeyCode::Tab)], C::NextView, "next view"),
    all(&[Named(KeyCode::BackTab)], C::PreviousView, "view before"),
    all(&[Named(KeyCode::Up), Char('k')], C::Up, "up"),
    all(&[Named(KeyCode::Down), Char('j')], C::Down, "down"),
    all(&[Named(KeyCode::PageUp), Ctrl('b')], C::PageUp, "a page up"),
    all(
        &[Named(KeyCode::PageDown), Ctrl('f')],
        C::PageDown,
        "a page down",
    ),
    all(&[Named(KeyCode::Home), Char('g')], C::Top, "to the top"),
    all(
        &[Named(KeyCode::End), Char('G')],
        C::Bottom,
        "to the bottom",
    ),
    all(
        &[Char('s'), Named(KeyCode::F(2))],
        C::Save,
        "save the session as pcapng, JSON or Markdown",
    ),
    all(
        &[Char('y')],
        C::Copy,
        "copy what is selected to the clipboard (OSC 52)",
    ),
    all(&[Char('p')], C::Pause, "hold the picture, or let it go on"),
    all(&[Ctrl('l')], C::Redraw, "draw the screen anew"),
    all(&[Char('?'), Named(KeyCode::F(1))], C::Help, "help"),
    all(
        &[Named(KeyCode::Esc), Char('q')],
        C::Back,
        "back; from the sessions: leave",
    ),
    all(&[Ctrl('c')], C::Quit, "leave"),
];

/// What a key asks for in a view.
pub(super) fn command(view: View, key: KeyEvent) -> Option<Command> {
    let fits = |binding: &&Binding| {
        (binding.views.is_empty() || binding.views.contains(&view))
            && binding.keys.iter().any(|known| known.is(key))
    };
    TABLE.iter().find(fits).map(|binding| binding.command)
}

/// The hints of a view: key and what it does.
pub(super) fn hints(view: View) -> impl Iterator<Item = (String, &'static str)> {
    TABLE.iter().filter_map(move |binding| {
        let hint = binding.hint.filter(|_| binding.views.contains(&view))?;
        Some((binding.keys.first()?.name(), hint))
    })
}

impl Key {
    fn is(self, event: KeyEvent) -> bool {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        match self {
            Self::Char(wanted) => event.code == KeyCode::Char(wanted) && !control,
            Self::Ctrl(wanted) => event.code == KeyCode::Char(wanted) && control,
            Self::Named(wanted) => event.code == wanted,
        }
    }

    /// What is printed on it.
    pub(super) fn name(self) -> String {
        match self {
            Self::Char(' ') => "Space".to_owned(),
            Self::Char(character) => character.to_string(),
            Self::Ctrl(character) => format!("Ctrl-{}", character.to_ascii_uppercase()),
            Self::Named(KeyCode::Up) => "↑".to_owned(),
            Self::Named(KeyCode::Down) => "↓".to_owned(),
            Self::Named(KeyCode::Left) => "←".to_owned(),
            Self::Named(KeyCode::Right) => "→".to_owned(),
            Self::Named(KeyCode::PageUp) => "PgUp".to_owned(),
            Self::Named(KeyCode::PageDown) => "PgDn".to_owned(),
            Self::Named(KeyCode::BackTab) => "Shift-Tab".to_owned(),
            Self::Named(code) => code.to_string(),
        }
    }
}

impl Binding {
    /// All its keys, for people.
    pub(super) fn key_names(&self) -> String {
        let names: Vec<String> = self.keys.iter().map(|key| key.name()).collect();
        names.join(" ")
    }
}

/// The sections of help: a title and its lines, those for all views first.
pub(super) fn sections() -> Vec<(&'static str, Vec<&'static Binding>)> {
    let mut sections: Vec<(&'static str, Vec<&'static Binding>)> = Vec::new();
    let everywhere = TABLE.iter().filter(|binding| binding.views.is_empty());
    sections.push(("Everywhere", everywhere.collect()));
    for view in View::ALL {
        let own: Vec<&Binding> = TABLE
            .iter()
            .filter(|binding| binding.views.contains(&view))
            .collect();
        if !own.is_empty() {
            sections.push((view.title(), own));
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::PathBuf;

    use super::*;

    /// The page `docs/keys.md`.
    fn page() -> String {
        let mut page = String::from(
            "# Keys of the screen\n\n`rtspscope watch` opens the screen. Where sngrep has the same thing it has the same \
             key.\nThe mouse chooses rows and views; its wheel scrolls.\n",
        );
        for (title, bindings) in sections() {
            let _ = write!(page, "\n## {title}\n\n| key | does |\n|---|---|\n");
            for binding in bindings {
                let keys: Vec<String> = binding
                    .keys
                    .iter()
                    .map(|key| format!("`{}`", key.name()))
                    .collect();
                let _ = writeln!(page, "| {} | {} |", keys.join(" "), binding.says);
            }
        }
        page.push_str("\n## In the filter\n\n");
        for (term, says) in super::super::filter::TERMS {
            let _ = writeln!(page, "- `{term}` {says}");
        }
        page
    }

    /// `RTSPSCOPE_WRITE_PAGES=1 cargo test -p rtspscope keys` writes the page anew.
    #[test]
    fn the_page_says_what_the_table_says() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/keys.md");
        if std::env::var_os("RTSPSCOPE_WRITE_PAGES").is_some() {
            std::fs::write(&path, page()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page());
    }

    #[test]
    fn no_key_means_two_things_in_a_view() {
        for view in View::ALL {
            let own = TABLE.iter().filter(|binding| binding.views.contains(&view));
            let mut keys: Vec<String> = own
                .flat_map(|binding| binding.keys.iter().map(|key| key.name()))
                .collect();
            keys.sort();
            let all = keys.len();
            keys.dedup();
            assert_eq!(keys.len(), all, "{view:?}");
        }
    }
}
