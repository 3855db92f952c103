//! The screen of `watch`: sessions, their ladders, messages, changes and media, and what was found of them.
//!
//! The run makes snapshots when something changed, as often as their cost allows; a thread of its own shows them and
//! listens to the keyboard. A view is drawn from a snapshot and a small state alone; a key changes the state by a pure
//! function. Strangers' text passes `output::privacy` before it is drawn.

mod columns;
mod copy;
mod draw;
mod filter;
mod keys;
mod link;
mod save;
mod scene;
mod signals;
mod state;
mod terminal;
#[cfg(test)]
mod tests;
mod text;
mod theme;
mod ui;
mod update;
mod views;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rtspscope_engine::{Engine, Event, Input, Snapshot, TapInfo};

use crate::cli::ColorChoice;
use crate::failure::Failure;
use crate::output::analyze::ReportView;
use crate::output::privacy::Privacy;
use crate::run::{News, Turn, View};
use link::{Link, Published};
use rtspscope_capture::NamedFile;
use save::{Kept, Origin};
use scene::Source;
use theme::{Surroundings, Theme};
use ui::Ui;

/// Shortest time between two snapshots.
const SNAPSHOT_AFTER: Duration = Duration::from_millis(250);

/// Time after which a quiet run is looked at again: what never comes is known by the time that passed.
const QUIET_AFTER: Duration = Duration::from_secs(2);

/// Longest wait for a screen that was told to go.
const FAREWELL: Duration = Duration::from_secs(1);

/// A snapshot may take this part of the time.
const COST_FACTOR: u32 = 5;

/// What the user asked of the screen.
#[derive(Clone, Debug)]
pub(crate) struct ScreenOptions {
    /// Whether credentials may be shown.
    pub privacy: Privacy,
    /// ASCII characters only.
    pub ascii: bool,
    /// Colours.
    pub color: ColorChoice,
    /// Saved captures; empty for live traffic.
    pub files: Vec<NamedFile>,
    /// They are shown at the pace at which they were taken.
    pub replays: bool,
}

/// The screen, and the report that goes to a file at the end if the user asked for one.
pub(crate) struct Screen {
    options: ScreenOptions,
    report_view: Option<ReportView>,
    link: Arc<Link>,
    thread: Option<JoinHandle<Result<(), Failure>>>,
    kept: Option<Arc<Mutex<Kept>>>,
    /// The engine's count of changes at the last snapshot, when it was made, and what it took.
    shown: Option<(u64, Instant, Duration)>,
    health: Vec<(String, String)>,
}

impl Screen {
    /// A screen that opens when packets may come; refuses where there is no terminal.
    pub(crate) fn new(
        options: ScreenOptions,
        report_view: Option<ReportView>,
    ) -> Result<Self, Failure> {
        if !io::stdout().is_terminal() {
            return Err(Failure::new(
                "standard output",
                "is no terminal",
                "add --no-tui for lines instead of a screen",
            ));
        }
        let can_read_again = !options.files.is_empty()
            && options
                .files
                .iter()
                .all(|file| file.path != Path::new("-") && file.path.is_file());
        Ok(Self {
            kept: (!can_read_again).then(Arc::default),
            options,
            report_view,
            link: Arc::default(),
            thread: None,
            shown: None,
            health: Vec::new(),
        })
    }

    fn is_live(&self) -> bool {
        self.options.files.is_empty()
    }

    fn source(&self) -> Source {
        if self.is_live() {
            Source::Live
        } else if self.options.replays {
            Source::Replaying
        } else {
            Source::Reading
        }
    }

    /// Whether a snapshot is worth its cost now.
    fn is_due(&self, changes: u64) -> bool {
        let Some((seen, made_at, cost)) = self.shown else {
            return true;
        };
        let wait = if changes == seen {
            QUIET_AFTER
        } else {
            SNAPSHOT_AFTER
        };
        made_at.elapsed() >= wait.max(cost * COST_FACTOR)
    }

    fn publish(&mut self, snapshot: Snapshot, source: Source) {
        self.link.publish(Published {
            snapshot: Arc::new(snapshot),
            source,
            health: self.health.clone(),
        });
    }

    /// Waits for the screen to end and hands over what went wrong with it.
    fn join(&mut self) -> Result<(), Failure> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        // The screen was told to go; a terminal that vanishes while crossterm reads from it would keep it for ever.
        let asked_at = Instant::now();
        while self.link.is_over() && !thread.is_finished() {
            if asked_at.elapsed() > FAREWELL {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
        // A screen that panicked has said why on the terminal that it gave back.
        thread.join().unwrap_or(Err(Failure::UserLeft))
    }
}

impl View for Screen {
    fn open_tap(&mut self, info: &TapInfo) {
        if let Some(kept) = &self.kept {
            kept.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .open_tap(info);
        }
    }

    fn observing(&mut self) -> Result<(), Failure> {
        if !self.is_live() {
            signals::restore_terminal_on_signal()?;
        }
        let color = match self.options.color {
            ColorChoice::Auto => None,
            ColorChoice::Always => Some(true),
            ColorChoice::Never => Some(false),
        };
        let theme = Theme::of(&Surroundings::of_process(), self.options.ascii, color);
        let origin = match &self.kept {
            Some(kept) => Origin::Kept(Arc::clone(kept)),
            None => Origin::Files(self.options.files.clone()),
        };
        let terminal = terminal::take()?;
        let ui = Ui::new(
            Arc::clone(&self.link),
            theme,
            self.options.privacy,
            origin,
            self.source(),
        );
        self.thread = Some(std::thread::spawn(move || ui.run(terminal)));
        Ok(())
    }

    fn takes_inputs(&self) -> bool {
        self.kept.is_some()
    }

    fn handle_input(&mut self, input: &Input<'_>) {
        if let Some(kept) = &self.kept {
            kept.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(input);
        }
    }

    fn handle_event(&mut self, _event: &Event) -> Result<(), Failure> {
        Ok(())
    }

    fn note_health(&mut self, health: Vec<(String, String)>) {
        self.health = health;
    }

    fn turn(&mut self, engine: &mut Engine) -> Result<Turn, Failure> {
        if self.link.has_left() {
            return Ok(Turn::Stop);
        }
        let changes = engine.changes();
        // Nothing is gained by a snapshot before the last one was taken.
        if self.is_due(changes) && self.link.is_empty() {
            let begun_at = Instant::now();
            let snapshot = engine.snapshot();
            self.shown = Some((changes, Instant::now(), begun_at.elapsed()));
            self.publish(snapshot, self.source());
        }
        Ok(Turn::GoOn)
    }

    fn finish(&mut self, snapshot: &Snapshot, news: &News) -> Result<(), Failure> {
        if self.is_live() {
            self.link.end();
        } else {
            self.publish(snapshot.clone(), Source::Saved);
        }
        self.join()?;
        match &mut self.report_view {
            Some(view) => view.finish(snapshot, news),
            None => Ok(()),
        }
    }

    fn owns_screen(&self) -> bool {
        self.thread.is_some()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.link.end();
        // A run that fails says why itself.
        let _ended = self.join();
        terminal::give_back();
    }
}
