//! The screen's own thread: reads keys and mouse, takes the newest snapshot, draws when something changed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crossterm::event::{self, Event, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use rtspscope_engine::Snapshot;

use super::link::Link;
use super::save::{self, Origin, Request};
use super::scene::{Scene, Source};
use super::state::{Drawn, Note, State, View};
use super::terminal::{self, Keyboard, Terminal};
use super::theme::Theme;
use super::update::{self, Action};
use super::{copy, draw};
use crate::failure::Failure;
use crate::output::privacy::Privacy;

/// Shortest time between two drawings: ten in a second.
const FRAME: Duration = Duration::from_millis(100);

/// Keys and mouse events that are taken in before the next drawing.
const EVENTS_PER_DRAWING: usize = 64;

/// Everything the screen works with.
pub(super) struct Ui {
    link: Arc<Link>,
    keyboard: Keyboard,
    theme: Theme,
    privacy: Privacy,
    origin: Origin,
    state: State,
    scene: Scene,
    drawn: Drawn,
    stale: bool,
    drawn_at: Option<Instant>,
    saved: (Sender<Note>, Receiver<Note>),
}

impl Ui {
    pub(super) fn new(
        link: Arc<Link>,
        theme: Theme,
        privacy: Privacy,
        origin: Origin,
        source: Source,
    ) -> Self {
        Self {
            link,
            keyboard: Keyboard::open(),
            theme,
            privacy,
            origin,
            state: State::default(),
            scene: Scene::new(Arc::new(Snapshot::default()), source, privacy, None),
            drawn: Drawn::default(),
            stale: true,
            drawn_at: None,
            saved: channel(),
        }
    }

    /// Until the user leaves or the run is over.
    pub(super) fn run(mut self, mut terminal: Terminal) -> Result<(), Failure> {
        let ended = self.serve(&mut terminal);
        self.link.leave();
        terminal::give_back();
        ended
    }

    fn serve(&mut self, terminal: &mut Terminal) -> Result<(), Failure> {
        while !self.link.is_over() && terminal::is_taken() {
            if !self.keyboard.wait(self.patience()) {
                return Ok(());
            }
            if event::poll(Duration::ZERO).map_err(|error| terminal::failure(&error))? {
                for _ in 0..EVENTS_PER_DRAWING {
                    let event = event::read().map_err(|error| terminal::failure(&error))?;
                    match self.handle(&event) {
                        Action::Quit => return Ok(()),
                        Action::Redraw => terminal
                            .clear()
                            .map_err(|error| terminal::failure(&error))?,
                        Action::Save(request) => self.save(request),
                        Action::Copy(text) => {
                            terminal::send(&copy::sequence(&text))
                                .map_err(|error| terminal::failure(&error))?;
                        }
                        Action::None => {}
                    }
                    if !event::poll(Duration::ZERO).map_err(|error| terminal::failure(&error))? {
                        break;
                    }
                }
            }
            self.look_for_news();
            self.draw(terminal)?;
        }
        Ok(())
    }

    /// How long to wait for a key: until the next drawing is allowed, where one is due.
    fn patience(&self) -> Duration {
        match self.drawn_at {
            Some(drawn_at) if self.stale => FRAME.saturating_sub(drawn_at.elapsed()),
            Some(_) => FRAME,
            None => Duration::ZERO,
        }
    }

    fn handle(&mut self, event: &Event) -> Action {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                self.stale = true;
                update::update(&mut self.state, &self.scene, &self.drawn, *key)
            }
            Event::Mouse(mouse) => {
                self.stale |= mouse_event(&mut self.state, &self.scene, &self.drawn, *mouse);
                Action::None
            }
            Event::Resize(..) => {
                self.stale = true;
                Action::None
            }
            Event::Key(_) | Event::FocusGained | Event::FocusLost | Event::Paste(_) => Action::None,
        }
    }

    fn look_for_news(&mut self) {
        if let Ok(note) = self.saved.1.try_recv() {
            self.state.note = Some(note);
            self.stale = true;
        }
        if self.state.paused {
            return;
        }
        let Some(published) = self.link.take() else {
            return;
        };
        let mut scene = Scene::new(
            published.snapshot,
            published.source,
            self.privacy,
            Some(&self.scene),
        );
        scene.health = published.health;
        self.scene = scene;
        update::settle(&mut self.state, &self.scene);
        self.stale = true;
    }

    fn draw(&mut self, terminal: &mut Terminal) -> Result<(), Failure> {
        let is_due = self
            .drawn_at
            .is_none_or(|drawn_at| drawn_at.elapsed() >= FRAME);
        if !self.stale || !is_due || !terminal::is_taken() {
            return Ok(());
        }
        let (state, scene, theme) = (&self.state, &self.scene, self.theme);
        let mut drawn = Drawn::default();
        terminal
            .draw(|frame| drawn = draw::screen(frame, state, scene, theme))
            .map_err(|error| terminal::failure(&error))?;
        self.drawn = drawn;
        self.stale = false;
        self.drawn_at = Some(Instant::now());
        Ok(())
    }

    /// Saves without making the user wait; what came of it is told at the bottom.
    fn save(&mut self, request: Request) {
        self.state.note = Some(Note {
            text: "saving".to_owned(),
            is_bad: false,
        });
        let (sender, snapshot) = (self.saved.0.clone(), Arc::clone(&self.scene.snapshot));
        let (origin, privacy) = (self.origin.clone(), self.privacy);
        thread::spawn(move || {
            let note = match save::save(&snapshot, &origin, privacy, &request) {
                Ok(text) => Note {
                    text,
                    is_bad: false,
                },
                Err(failure) => Note {
                    text: failure.to_string(),
                    is_bad: true,
                },
            };
            // The screen may be gone by now.
            let _told = sender.send(note);
        });
    }
}

/// A click chooses, a second one on the same row opens, the wheel scrolls; says whether anything changed.
pub(super) fn mouse_event(
    state: &mut State,
    scene: &Scene,
    drawn: &Drawn,
    mouse: MouseEvent,
) -> bool {
    use crossterm::event::{KeyCode, KeyEvent};
    let press = |state: &mut State, code: KeyCode| {
        // Neither arrows nor Enter ask for anything outside.
        let _action = update::update(state, scene, drawn, KeyEvent::from(code));
        true
    };
    if state.prompt.is_some() {
        return false;
    }
    match mouse.kind {
        MouseEventKind::ScrollDown => press(state, KeyCode::Down),
        MouseEventKind::ScrollUp => press(state, KeyCode::Up),
        MouseEventKind::Down(MouseButton::Left) => {
            let tab = drawn
                .tabs
                .iter()
                .find(|(line, columns, _)| *line == mouse.row && columns.contains(&mouse.column));
            if let Some((.., view)) = tab {
                update::go(state, *view);
                return true;
            }
            let Some((_, row)) = drawn.rows.iter().find(|(line, _)| *line == mouse.row) else {
                return false;
            };
            click(state, scene, *row, |state| {
                press(state, KeyCode::Enter);
            });
            true
        }
        MouseEventKind::Down(_)
        | MouseEventKind::Up(_)
        | MouseEventKind::Drag(_)
        | MouseEventKind::Moved
        | MouseEventKind::ScrollLeft
        | MouseEventKind::ScrollRight => false,
    }
}

fn click(state: &mut State, scene: &Scene, row: usize, open: impl FnOnce(&mut State)) {
    let cursor = match state.view {
        View::Sessions => state.list.at,
        View::Findings => state.findings.at,
        View::Ladder
        | View::Message
        | View::Diff
        | View::Media
        | View::Health
        | View::Compare
        | View::Help => state.ladder.at,
    };
    if cursor == row {
        open(state);
        return;
    }
    match state.view {
        View::Sessions => {
            let visible = scene.visible(state);
            let chosen = visible.get(row).and_then(|index| scene.rows.get(*index));
            state.session = chosen.map(|row| row.id);
            state.follow = false;
        }
        View::Findings => (state.findings.at, state.proof) = (row, 0),
        View::Ladder
        | View::Message
        | View::Diff
        | View::Media
        | View::Health
        | View::Compare
        | View::Help => state.ladder.at = row,
    }
    update::settle(state, scene);
}
