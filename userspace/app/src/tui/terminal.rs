//! The terminal: taken when packets may come, given back when the screen goes, on a panic and on a signal.

use std::io::{self, Write, stdout};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;

use crate::failure::Failure;

/// The terminal with the backend that draws on it.
pub(super) type Terminal = ratatui::Terminal<CrosstermBackend<io::Stdout>>;

/// Whether the terminal is ours; nothing is drawn after it was given back.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Takes the terminal.
pub(super) fn take() -> Result<Terminal, Failure> {
    let earlier = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        give_back();
        earlier(panic);
    }));
    enable_raw_mode().map_err(|error| failure(&error))?;
    TAKEN.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, EnableMouseCapture)
        .map_err(|error| failure(&error))?;
    ratatui::Terminal::new(CrosstermBackend::new(stdout())).map_err(|error| failure(&error))
}

/// Gives the terminal back as it was; only the first call does anything.
pub(super) fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Nobody is left to complain to.
        let _left = execute!(stdout(), DisableMouseCapture, LeaveAlternateScreen, Show);
        let _raw = disable_raw_mode();
    }
}

/// Whether the terminal is ours.
pub(super) fn is_taken() -> bool {
    TAKEN.load(Ordering::SeqCst)
}

/// Sends a sequence to the terminal past the drawing.
pub(super) fn send(sequence: &str) -> io::Result<()> {
    let mut out = stdout();
    out.write_all(sequence.as_bytes())?;
    out.flush()
}

/// What to say where the terminal fails.
pub(super) fn failure(error: &io::Error) -> Failure {
    Failure::new(
        "terminal",
        crate::failure::reason(error),
        "use another terminal, or add --no-tui",
    )
}
