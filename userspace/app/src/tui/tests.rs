//! The screen driven by captures and keys, without a terminal: what is typed, and what is to be seen then.

mod cause;
mod every_key;
mod hostile;
mod mouse;
mod pages;
mod recording;
mod screens;
mod setup;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use rtspscope_engine::{Engine, EngineOptions, Snapshot, TapInfo};
use rtspscope_wire::{TapId, TapRole};

use super::draw;
use super::scene::{Scene, Source};
use super::state::{Drawn, State};
use super::theme::Theme;
use super::update::{self, Action};
use crate::output::privacy::Privacy;
use crate::progress::Progress;
use rtspscope_capture::{Host, MergedFiles, NamedFile};

/// A terminal that shows everything.
const FULL: Theme = Theme {
    color: true,
    unicode: true,
};

/// A screen under test.
struct Stage {
    scene: Scene,
    state: State,
    drawn: Drawn,
    theme: Theme,
    size: (u16, u16),
    last: Action,
}

struct Reader(Engine);

impl Host for Reader {
    fn open_tap(&mut self, info: TapInfo) -> TapId {
        self.0.add_tap(info)
    }

    fn note(&mut self, subject: &str, what: &str) {
        panic!("{subject}: {what}");
    }
}

/// What the engine knows after a golden capture; each is read once.
fn golden(name: &str) -> Snapshot {
    static READ: Mutex<BTreeMap<String, Snapshot>> = Mutex::new(BTreeMap::new());
    let mut read_before = READ.lock().unwrap_or_else(PoisonError::into_inner);
    let snapshot = read_before
        .entry(name.to_owned())
        .or_insert_with(|| read(name));
    snapshot.clone()
}

/// Reads a golden capture of one or two taps.
fn read(name: &str) -> Snapshot {
    let paths = ["lan", "wan"]
        .map(|leg| PathBuf::from(format!("../../tests/captures/golden/{name}.{leg}.pcap")));
    let files: Vec<NamedFile> = paths
        .into_iter()
        .filter(|path| path.exists())
        .map(|path| NamedFile {
            path,
            role: TapRole::Unknown,
            kept_at: None,
        })
        .collect();
    let mut reader = Reader(Engine::new(EngineOptions {
        timelines: true,
        ..EngineOptions::default()
    }));
    let mut source = MergedFiles::open(&files, &mut reader).unwrap();
    let progress = Progress::new(false, source.reading());
    loop {
        let next = source.next(&mut progress.beside(&mut reader)).unwrap();
        let Some(input) = next else { break };
        reader.0.handle_input(input);
    }
    reader.0.finish();
    reader.0.snapshot()
}

impl Stage {
    fn new(snapshot: Snapshot) -> Self {
        let scene = Scene::new(Arc::new(snapshot), Source::Saved, Privacy::Redact, None);
        let mut state = State::default();
        update::settle(&mut state, &scene);
        let mut stage = Self {
            scene,
            state,
            drawn: Drawn::default(),
            theme: FULL,
            size: (80, 24),
            last: Action::None,
        };
        stage.buffer();
        stage
    }

    fn of(name: &str) -> Self {
        Self::new(golden(name))
    }

    fn sized(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self.buffer();
        self
    }

    /// Types keys, separated by spaces: names of keys, `C-x`, or single characters.
    fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split(' ').filter(|key| !key.is_empty()) {
            self.key(named(key));
        }
        self
    }

    fn key(&mut self, key: KeyEvent) {
        self.last = update::update(&mut self.state, &self.scene, &self.drawn, key);
        self.buffer();
    }

    /// Types a text as it stands.
    fn write(&mut self, text: &str) {
        for character in text.chars() {
            self.key(KeyEvent::from(KeyCode::Char(character)));
        }
    }

    fn buffer(&mut self) -> Buffer {
        let (columns, rows) = self.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        let (state, scene, theme) = (&self.state, &self.scene, self.theme);
        let mut drawn = Drawn::default();
        terminal
            .draw(|frame| drawn = draw::screen(frame, state, scene, theme))
            .unwrap();
        self.drawn = drawn;
        terminal.backend().buffer().clone()
    }

    /// What is to be seen, line by line.
    fn screen(&mut self) -> String {
        text_of(&self.buffer())
    }
}

fn text_of(buffer: &Buffer) -> String {
    let columns = usize::from(buffer.area.width);
    let lines = buffer.content.chunks(columns).map(|line| {
        let text: String = line.iter().map(Cell::symbol).collect();
        text.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

fn named(name: &str) -> KeyEvent {
    let code = match name {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "BackTab" => KeyCode::BackTab,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        "PgUp" => KeyCode::PageUp,
        "PgDn" => KeyCode::PageDown,
        "Backspace" => KeyCode::Backspace,
        "Space" => KeyCode::Char(' '),
        _ => {
            if let Some(number) = name
                .strip_prefix('F')
                .and_then(|number| number.parse().ok())
            {
                KeyCode::F(number)
            } else if let Some(control) = name.strip_prefix("C-") {
                let character = control.chars().next().expect("a character");
                return KeyEvent::new(KeyCode::Char(character), KeyModifiers::CONTROL);
            } else {
                KeyCode::Char(name.chars().next().expect("a character"))
            }
        }
    };
    KeyEvent::from(code)
}
