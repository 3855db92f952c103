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

#[cfg(test)]
mod tests {
    use std::env;
    use std::io::Read as _;
    use std::os::fd::{FromRawFd as _, OwnedFd};
    use std::process::Command;
    use std::ptr;

    use super::*;

    /// Tells this program, run a second time, that it is to panic on its terminal.
    const PANICS: &str = "RTSPSCOPE_TEST_PANICS";

    /// A terminal: the end at which a person would sit, and the program's.
    fn terminal() -> (File, OwnedFd) {
        let (mut person, mut program) = (-1, -1);
        let size = libc::winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // SAFETY: both numbers and the size live through the call; name and modes are left to the kernel.
        let made = unsafe {
            libc::openpty(
                &raw mut person,
                &raw mut program,
                ptr::null_mut(),
                ptr::null_mut(),
                (&raw const size).cast_mut(),
            )
        };
        assert_eq!(made, 0, "{}", io::Error::last_os_error());
        // SAFETY: the call has just opened both, and nobody else has them.
        unsafe { (File::from_raw_fd(person), OwnedFd::from_raw_fd(program)) }
    }

    /// The modes of a terminal by which raw mode shows: echo, lines, signals.
    fn modes(terminal: &File) -> libc::tcflag_t {
        // SAFETY: all zeros are valid modes, which the call replaces.
        let mut modes: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: the modes live through the call.
        let read = unsafe { libc::tcgetattr(terminal.as_raw_fd(), &raw mut modes) };
        assert_eq!(read, 0, "{}", io::Error::last_os_error());
        modes.c_lflag
    }

    #[test]
    fn a_panic_gives_the_terminal_back_and_then_says_why() {
        if env::var_os(PANICS).is_some() {
            let _terminal = take().unwrap();
            panic!("the screen broke");
        }
        let (mut person, program) = terminal();
        let before = modes(&person);
        let own = "tui::terminal::tests::a_panic_gives_the_terminal_back_and_then_says_why";
        let mut child = Command::new(env::current_exe().unwrap())
            .args([own, "--exact", "--nocapture"])
            .env(PANICS, "1")
            .stdin(program.try_clone().unwrap())
            .stdout(program.try_clone().unwrap())
            .stderr(program)
            .spawn()
            .unwrap();
        let mut seen = Vec::new();
        // A terminal that nobody has open any more reads as an error.
        let _ended = person.read_to_end(&mut seen);
        assert_eq!(child.wait().unwrap().code(), Some(101));
        let seen = String::from_utf8_lossy(&seen);
        let steps = [
            "\x1b[?1049h",
            "\x1b[?1049l",
            "\x1b[?25h",
            "the screen broke",
        ];
        let at = steps.map(|step| seen.find(step));
        assert!(
            at.iter().all(Option::is_some) && at.is_sorted(),
            "{at:?} {seen:?}"
        );
        assert_eq!(modes(&person), before);
    }
}
