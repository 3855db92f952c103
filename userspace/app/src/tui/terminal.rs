//! The terminal: taken when packets may come, given back when the screen goes, on a panic and on a signal.

use std::fs::File;
use std::io::{self, IsTerminal, Write, stdin, stdout};
use std::os::fd::{AsRawFd, RawFd};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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

/// Where keys come from.
#[derive(Debug)]
pub(super) struct Keyboard {
    /// Opened where standard input is no terminal, as crossterm does.
    tty: Option<File>,
}

impl Keyboard {
    pub(super) fn open() -> Self {
        let tty = (!stdin().is_terminal()).then(|| File::open("/dev/tty").ok());
        Self { tty: tty.flatten() }
    }

    /// Waits until a key may have come, no longer than `patience`. False says that the terminal is gone: its window was
    /// closed, its connection broke. That reads as endless input of no bytes, which crossterm would go on reading for
    /// ever, so it is told apart before crossterm looks.
    pub(super) fn wait(&self, patience: Duration) -> bool {
        let mut watched = libc::pollfd {
            fd: self.fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        let millis = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: one pollfd that lives through the call, and its count.
        unsafe { libc::poll(&raw mut watched, 1, millis) };
        watched.revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) == 0
    }

    fn fd(&self) -> RawFd {
        self.tty
            .as_ref()
            .map_or(libc::STDIN_FILENO, AsRawFd::as_raw_fd)
    }
}

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
