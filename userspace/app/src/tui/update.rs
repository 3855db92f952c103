//! What a key does: a pure function from what the user sees and typed to what the user sees next.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use rtspscope_engine::model::Session;

use super::columns::Column;
use super::keys::{self, Command};
use super::save::{self, Format, Request};
use super::scene::Scene;
use super::state::{Cursor, Drawn, Note, Prompt, State, View, Zoom};
use super::views;
use crate::story::ladder::{Row, What};

/// What has to be done outside, besides drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    None,
    /// Leave.
    Quit,
    /// Draw everything anew, as if nothing stood on the screen.
    Redraw,
    /// Write a session to a file.
    Save(Request),
    /// Put text on the clipboard.
    Copy(String),
}

/// Takes in a key.
pub(super) fn update(state: &mut State, scene: &Scene, drawn: &Drawn, key: KeyEvent) -> Action {
    if let Some(prompt) = state.prompt.take() {
        return answer(state, scene, prompt, key);
    }
    state.note = None;
    let Some(command) = keys::command(state.view, key) else {
        return Action::None;
    };
    let action = obey(state, scene, drawn, command);
    settle(state, scene);
    action
}

/// Keeps what is chosen within what there is.
pub(super) fn settle(state: &mut State, scene: &Scene) {
    let visible = scene.visible(state);
    let id_at = |at: usize| {
        visible
            .get(at)
            .and_then(|index| scene.rows.get(*index))
            .map(|row| row.id)
    };
    if state.follow {
        let newest = visible.iter().filter_map(|index| scene.rows.get(*index));
        state.session = newest
            .max_by_key(|row| (row.start, row.id))
            .map(|row| row.id);
    }
    let place = state
        .session
        .and_then(|id| (0..visible.len()).find(|at| id_at(*at) == Some(id)));
    if let Some(at) = place {
        state.list.at = at;
    } else {
        state.list.at = state.list.at.min(visible.len().saturating_sub(1));
        // A filter that hides the chosen session chooses another, unless the user is reading it.
        let is_gone = state.session.is_none_or(|id| scene.by_id(id).is_none());
        if state.view == View::Sessions || is_gone {
            state.session = id_at(state.list.at);
            forget_places(state);
        }
    }
    let findings = scene.findings(state);
    state.findings.at = state.findings.at.min(findings.len().saturating_sub(1));
    let proofs = findings
        .get(state.findings.at)
        .map_or(0, |finding| finding.evidence.len());
    state.proof = state.proof.min(proofs.saturating_sub(1));
    let Some(session) = scene.session(state) else {
        return;
    };
    let rows = views::ladder::rows(scene, session, state.zoom).len();
    state.ladder.at = state.ladder.at.min(rows.saturating_sub(1));
    state.copy = state.copy.min(session.legs.len().saturating_sub(1));
    let changes = session.nat.as_ref().map_or(0, |nat| nat.rewrites.len());
    state.change = state.change.min(changes.saturating_sub(1));
}

/// Another session was chosen: places within the last one mean nothing.
fn forget_places(state: &mut State) {
    state.findings = Cursor::default();
    state.ladder = Cursor::default();
    (state.proof, state.copy, state.change, state.scroll) = (0, 0, 0, 0);
}

fn obey(state: &mut State, scene: &Scene, drawn: &Drawn, command: Command) -> Action {
    match command {
        Command::Quit => return Action::Quit,
        Command::Back if state.view == View::Sessions => return Action::Quit,
        Command::Back => back(state),
        Command::Help => go(state, View::Help),
        Command::Go(view) => go(state, view),
        Command::NextView => turn(state, 1),
        Command::PreviousView => turn(state, View::TABS.len() - 1),
        Command::Up => step(state, scene, drawn, -1),
        Command::Down => step(state, scene, drawn, 1),
        Command::PageUp => step(state, scene, drawn, 1 - drawn.page.max(2).cast_signed()),
        Command::PageDown => step(state, scene, drawn, drawn.page.max(2).cast_signed() - 1),
        Command::Top => step(state, scene, drawn, isize::MIN),
        Command::Bottom => step(state, scene, drawn, isize::MAX),
        Command::Left => sideways(state, -1),
        Command::Right => sideways(state, 1),
        Command::Open => open(state, scene),
        Command::Next => next(state, scene, true),
        Command::Previous => next(state, scene, false),
        Command::Zoom => {
            state.zoom = match state.zoom {
                Zoom::All => Zoom::Messages,
                Zoom::Messages => Zoom::Media,
                Zoom::Media => Zoom::All,
            };
            state.ladder = Cursor::default();
        }
        Command::SortLeft => sort(state, Column::ALL.len() - 1),
        Command::SortRight => sort(state, 1),
        Command::SortReverse => state.descending = !state.descending,
        Command::Columns => state.prompt = Some(Prompt::Columns { at: 0 }),
        Command::Filter => {
            let before = state.filter.clone();
            state.prompt = Some(Prompt::Filter { before });
        }
        Command::Mark => mark(state, scene, drawn),
        Command::ClearMarks => state.marked.clear(),
        Command::Compare => compare(state),
        Command::Follow => {
            state.follow = !state.follow;
            tell(
                state,
                if state.follow {
                    "following the newest session"
                } else {
                    "not following"
                },
            );
        }
        Command::Pause => {
            state.paused = !state.paused;
            tell(
                state,
                if state.paused {
                    "held: packets go on being read"
                } else {
                    "going on"
                },
            );
        }
        Command::Save => ask_where(state, scene),
        Command::Copy => {
            let text = views::copied(state, scene);
            if text.is_empty() {
                tell(state, "nothing here to copy");
                return Action::None;
            }
            tell(state, "copied, if the terminal allows it (OSC 52)");
            return Action::Copy(text);
        }
        Command::Redraw => return Action::Redraw,
    }
    Action::None
}

fn tell(state: &mut State, text: &str) {
    state.note = Some(Note {
        text: text.to_owned(),
        is_bad: false,
    });
}

/// Opens a view on top of the present one.
pub(super) fn go(state: &mut State, view: View) {
    if state.view == view {
        return;
    }
    state.behind.retain(|behind| *behind != view);
    if view == View::Sessions {
        state.behind.clear();
    } else {
        state.behind.push(state.view);
    }
    state.view = view;
    state.scroll = 0;
}

fn back(state: &mut State) {
    state.view = state.behind.pop().unwrap_or(View::Sessions);
    state.scroll = 0;
}

fn turn(state: &mut State, steps: usize) {
    let present = View::TABS
        .iter()
        .position(|view| *view == state.view)
        .unwrap_or(0);
    if let Some(view) = View::TABS.get((present + steps) % View::TABS.len()) {
        go(state, *view);
    }
}

/// Moves the cursor of the view, or scrolls it where it has none.
fn step(state: &mut State, scene: &Scene, drawn: &Drawn, by: isize) {
    let moved = |at: usize, len: usize| at.saturating_add_signed(by).min(len.saturating_sub(1));
    match state.view {
        View::Sessions => {
            let visible = scene.visible(state);
            let at = moved(state.list.at, visible.len());
            let chosen = visible.get(at).and_then(|index| scene.rows.get(*index));
            state.follow = false;
            if let Some(row) = chosen
                && state.session != Some(row.id)
            {
                state.session = Some(row.id);
                forget_places(state);
            }
            state.list.at = at;
        }
        View::Findings => {
            let at = moved(state.findings.at, scene.findings(state).len());
            if at != state.findings.at {
                state.proof = 0;
            }
            state.findings.at = at;
        }
        View::Ladder => {
            let rows = scene.session(state).map_or(0, |session| {
                views::ladder::rows(scene, session, state.zoom).len()
            });
            state.ladder.at = moved(state.ladder.at, rows);
            state.copy = 0;
        }
        View::Message | View::Diff | View::Media | View::Health | View::Compare | View::Help => {
            let most = drawn.len.saturating_sub(drawn.page);
            state.scroll = state.scroll.saturating_add_signed(by).min(most);
        }
    }
}

fn sideways(state: &mut State, by: isize) {
    match state.view {
        View::Message => {
            state.copy = state.copy.saturating_add_signed(by);
            state.scroll = 0;
        }
        View::Findings => state.proof = state.proof.saturating_add_signed(by),
        View::Sessions
        | View::Ladder
        | View::Diff
        | View::Media
        | View::Health
        | View::Compare
        | View::Help => {}
    }
}

/// Enter: from a session to its ladder, from there to the text, from a proof to its place.
fn open(state: &mut State, scene: &Scene) {
    let Some(session) = scene.session(state) else {
        return;
    };
    match state.view {
        View::Sessions | View::Message => go(state, View::Ladder),
        View::Ladder => open_row(state, scene, session),
        View::Findings => {
            let findings = scene.findings(state);
            let finding = findings.get(state.findings.at);
            let proof = finding.and_then(|finding| finding.evidence.get(state.proof));
            let Some((finding, proof)) = finding.zip(proof) else {
                return;
            };
            let (at, media) = (proof.at, finding.subject.media);
            state.zoom = Zoom::All;
            if let Some(row) = scene.ladder(session).row_of(at, media) {
                state.ladder.at = row;
            }
            go(state, View::Ladder);
        }
        View::Diff => {
            let change = session
                .nat
                .as_ref()
                .and_then(|nat| nat.rewrites.get(state.change));
            let row = change.and_then(|change| scene.ladder(session).row_of(change.pre_at, None));
            state.zoom = Zoom::All;
            state.ladder.at = row.unwrap_or(state.ladder.at);
            go(state, View::Ladder);
        }
        View::Media => {
            let ladder = scene.ladder(session);
            let first = ladder
                .rows
                .iter()
                .position(|row| matches!(row.what, What::Media { .. }));
            state.zoom = Zoom::All;
            state.ladder.at = first.unwrap_or(state.ladder.at);
            go(state, View::Ladder);
        }
        View::Health | View::Compare | View::Help => {}
    }
}

fn open_row(state: &mut State, scene: &Scene, session: &Session) {
    let rows = views::ladder::rows(scene, session, state.zoom);
    let Some(row) = rows.get(state.ladder.at) else {
        return;
    };
    match &row.what {
        What::Message(said) => match said.changes.first() {
            Some(change) => {
                state.change = *change;
                go(state, View::Diff);
            }
            None => go(state, View::Message),
        },
        What::Media { .. } | What::Reports { .. } | What::Silence { .. } | What::Punch { .. } => {
            go(state, View::Media);
        }
        What::Open { .. } | What::Unanswered { .. } | What::Pause(_) | What::Close { .. } => {
            if !row.findings.is_empty() {
                go(state, View::Findings);
            }
        }
    }
}

/// The next thing of note in a view.
fn next(state: &mut State, scene: &Scene, forward: bool) {
    let Some(session) = scene.session(state) else {
        return;
    };
    if state.view == View::Diff {
        state.change = state
            .change
            .saturating_add_signed(if forward { 1 } else { -1 });
        state.scroll = 0;
        return;
    }
    if state.view == View::Message {
        state.zoom = Zoom::All;
    }
    let rows = views::ladder::rows(scene, session, state.zoom);
    let is_of_note = |row: &Row| {
        if state.view == View::Message {
            return row.said().is_some();
        }
        let is_changed = row.said().is_some_and(|said| !said.changes.is_empty());
        is_changed || !row.findings.is_empty() || row.lost_at().is_some()
    };
    let mut places = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| is_of_note(row))
        .map(|(at, _)| at);
    let at = state.ladder.at;
    let found = if forward {
        places.find(|place| *place > at)
    } else {
        places.take_while(|place| *place < at).last()
    };
    match found {
        Some(place) => {
            state.ladder.at = place;
            state.scroll = 0;
        }
        None => tell(
            state,
            if forward {
                "no further one"
            } else {
                "none before"
            },
        ),
    }
}

fn sort(state: &mut State, steps: usize) {
    let present = Column::ALL
        .iter()
        .position(|column| *column == state.sort)
        .unwrap_or(0);
    if let Some(column) = Column::ALL.get((present + steps) % Column::ALL.len()) {
        state.sort = *column;
        let text = format!("sorted by {}", column.says());
        tell(state, &text);
    }
}

fn mark(state: &mut State, scene: &Scene, drawn: &Drawn) {
    let Some(id) = state.session else { return };
    if state.marked.contains(&id) {
        state.marked.retain(|marked| *marked != id);
    } else {
        state.marked.push(id);
        let over = state.marked.len().saturating_sub(2);
        state.marked.drain(..over);
    }
    step(state, scene, drawn, 1);
}

fn compare(state: &mut State) {
    if let ([marked], Some(id)) = (state.marked.as_slice(), state.session)
        && *marked != id
    {
        state.marked.push(id);
    }
    if state.marked.len() == 2 {
        go(state, View::Compare);
    } else {
        tell(state, "mark two sessions with Space first");
    }
}

fn ask_where(state: &mut State, scene: &Scene) {
    match scene.session(state) {
        Some(session) => {
            let format = Format::Pcapng;
            let path = save::default_path(session, format);
            state.prompt = Some(Prompt::Save { format, path });
        }
        None => tell(state, "no session to save"),
    }
}

/// Takes in a key while a question is open.
fn answer(state: &mut State, scene: &Scene, prompt: Prompt, key: KeyEvent) -> Action {
    if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
        return Action::Quit;
    }
    let action = match prompt {
        Prompt::Filter { before } => {
            filter(state, before, key);
            Action::None
        }
        Prompt::Save { format, path } => return where_to(state, scene, format, path, key),
        Prompt::Columns { at } => {
            choose_columns(state, at, key);
            Action::None
        }
    };
    settle(state, scene);
    action
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other keys do nothing")]
fn filter(state: &mut State, before: String, key: KeyEvent) {
    match key.code {
        KeyCode::Enter => return,
        KeyCode::Esc => {
            state.filter = before;
            return;
        }
        KeyCode::Backspace => {
            state.filter.pop();
        }
        KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => state.filter.clear(),
        KeyCode::Char(character) => state.filter.push(character),
        _ => {}
    }
    state.prompt = Some(Prompt::Filter { before });
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other keys do nothing")]
fn where_to(
    state: &mut State,
    scene: &Scene,
    format: Format,
    mut path: String,
    key: KeyEvent,
) -> Action {
    let mut format = format;
    match key.code {
        KeyCode::Esc => return Action::None,
        KeyCode::Enter => {
            let Some(session) = scene.session(state) else {
                return Action::None;
            };
            return Action::Save(Request {
                session: session.id,
                format,
                path,
            });
        }
        KeyCode::Tab | KeyCode::Down | KeyCode::Up => {
            let was_default = scene
                .session(state)
                .is_some_and(|session| save::default_path(session, format) == path);
            format = format.next();
            if let Some(session) = scene.session(state).filter(|_| was_default) {
                path = save::default_path(session, format);
            }
        }
        KeyCode::Backspace => {
            path.pop();
        }
        KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => path.clear(),
        KeyCode::Char(character) => path.push(character),
        _ => {}
    }
    state.prompt = Some(Prompt::Save { format, path });
    Action::None
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other keys do nothing")]
fn choose_columns(state: &mut State, mut at: usize, key: KeyEvent) {
    match key.code {
        KeyCode::Enter | KeyCode::Esc | KeyCode::Char('q' | 't') => return,
        KeyCode::Down | KeyCode::Char('j') => at = (at + 1).min(Column::ALL.len() - 1),
        KeyCode::Up | KeyCode::Char('k') => at = at.saturating_sub(1),
        KeyCode::Char(' ') => {
            if let Some(column) = Column::ALL.get(at) {
                if state.columns.contains(column) {
                    state.columns.retain(|kept| kept != column);
                } else {
                    state.columns.push(*column);
                }
            }
        }
        _ => {}
    }
    state.prompt = Some(Prompt::Columns { at });
}
