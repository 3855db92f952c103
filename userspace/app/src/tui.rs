//! The screen of `watch`: sessions, and what was found of the selected one.
//!
//! It shows the JSON report, in which strangers' text has been made safe. The terminal is opened when packets may come
//! and given back when the screen is dropped, on a panic and on a signal.

mod draw;
mod signals;

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use crossterm::event::{self, Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::DefaultTerminal;
use rtspscope_engine::{Engine, Event, Snapshot, TapInfo};

use crate::failure::Failure;
use crate::output::analyze::ReportView;
use crate::output::json::{self, Report};
use crate::output::privacy::Privacy;
use crate::run::{Turn, View};

/// Shortest time between two drawings while packets come.
const REDRAW_AFTER: Duration = Duration::from_millis(250);

/// Time after which counts are brought up to date without an event.
const REFRESH_AFTER: Duration = Duration::from_secs(1);

/// The screen, and the report that goes to a file at the end if the user asked for one.
pub(crate) struct Screen {
    terminal: Option<DefaultTerminal>,
    privacy: Privacy,
    report_view: Option<ReportView>,
    live: bool,
    report: Option<Report>,
    selected: usize,
    /// Something happened since the report was made.
    stale: bool,
    drawn_at: Option<Instant>,
}

impl Screen {
    /// A screen that opens with the first tap; refuses where there is no terminal.
    pub(crate) fn new(
        privacy: Privacy,
        report_view: Option<ReportView>,
        live: bool,
    ) -> Result<Self, Failure> {
        if !io::stdout().is_terminal() {
            return Err(Failure::new(
                "standard output",
                "is no terminal",
                "add --no-tui for lines instead of a screen",
            ));
        }
        Ok(Self {
            terminal: None,
            privacy,
            report_view,
            live,
            report: None,
            selected: 0,
            stale: true,
            drawn_at: None,
        })
    }

    fn draw(&mut self) -> Result<(), Failure> {
        let (report, selected, live) = (self.report.as_ref(), self.selected, self.live);
        if let (Some(terminal), Some(report)) = (&mut self.terminal, report) {
            terminal
                .draw(|frame| draw::screen(frame, report, selected, live))
                .map_err(|error| of_terminal(&error))?;
            self.drawn_at = Some(Instant::now());
        }
        Ok(())
    }

    fn show(&mut self, snapshot: &Snapshot) -> Result<(), Failure> {
        let report = json::report(snapshot, self.privacy);
        self.selected = self.selected.min(report.sessions.len().saturating_sub(1));
        self.report = Some(report);
        self.stale = false;
        self.draw()
    }

    /// Acts on what the user typed.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other keys do nothing")]
    fn handle_key(&mut self, key: KeyEvent) -> Result<Turn, Failure> {
        if key.kind == KeyEventKind::Release {
            return Ok(Turn::GoOn);
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let last = self
            .report
            .as_ref()
            .map_or(0, |report| report.sessions.len().saturating_sub(1));
        let selected = match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Ok(Turn::Stop),
            KeyCode::Char('c') if control => return Ok(Turn::Stop),
            KeyCode::Down | KeyCode::Char('j') => self.selected.saturating_add(1).min(last),
            KeyCode::Up | KeyCode::Char('k') => self.selected.saturating_sub(1),
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => last,
            _ => self.selected,
        };
        if selected != self.selected {
            self.selected = selected;
            self.draw()?;
        }
        Ok(Turn::GoOn)
    }

    fn handle_terminal(&mut self, input: &Input) -> Result<Turn, Failure> {
        match input {
            Input::Key(key) => self.handle_key(*key),
            Input::Resize(..) => self.draw().map(|()| Turn::GoOn),
            Input::FocusGained | Input::FocusLost | Input::Mouse(_) | Input::Paste(_) => {
                Ok(Turn::GoOn)
            }
        }
    }

    /// Waits for keys until the user leaves.
    fn browse(&mut self) -> Result<(), Failure> {
        loop {
            let input = event::read().map_err(|error| of_terminal(&error))?;
            if self.handle_terminal(&input)? == Turn::Stop {
                return Ok(());
            }
        }
    }
}

impl View for Screen {
    fn open_tap(&mut self, _info: &TapInfo) {
        self.stale = true;
    }

    fn observing(&mut self) -> Result<(), Failure> {
        if !self.live {
            signals::restore_terminal_on_signal()?;
        }
        // Installs a panic hook too, which gives the terminal back.
        self.terminal = Some(ratatui::try_init().map_err(|error| of_terminal(&error))?);
        Ok(())
    }

    fn handle_event(&mut self, _event: &Event) -> Result<(), Failure> {
        self.stale = true;
        Ok(())
    }

    fn turn(&mut self, engine: &mut Engine) -> Result<Turn, Failure> {
        while event::poll(Duration::ZERO).map_err(|error| of_terminal(&error))? {
            let input = event::read().map_err(|error| of_terminal(&error))?;
            if self.handle_terminal(&input)? == Turn::Stop {
                return Ok(Turn::Stop);
            }
        }
        let due = self.drawn_at.is_none_or(|drawn_at| {
            drawn_at.elapsed()
                >= if self.stale {
                    REDRAW_AFTER
                } else {
                    REFRESH_AFTER
                }
        });
        if due {
            self.show(&engine.snapshot())?;
        }
        Ok(Turn::GoOn)
    }

    fn finish(&mut self, snapshot: &Snapshot) -> Result<(), Failure> {
        self.show(snapshot)?;
        if !self.live {
            self.browse()?;
        }
        match &mut self.report_view {
            Some(view) => view.finish(snapshot),
            None => Ok(()),
        }
    }

    fn owns_screen(&self) -> bool {
        self.terminal.is_some()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.terminal.take().is_some() {
            ratatui::restore();
        }
    }
}

fn of_terminal(error: &io::Error) -> Failure {
    Failure::new(
        "terminal",
        crate::failure::reason(error),
        "use another terminal, or add --no-tui",
    )
}
