//! Gives the terminal back when a signal ends the program while saved captures are shown. A live run has its own
//! handling, because it has kernel programs to detach too.

use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// Exit status of a program that a signal ended: 128 and the signal's number, here SIGTERM's.
const ENDED_BY_SIGNAL: i32 = 143;

/// Starts a thread that waits for SIGINT, SIGTERM and SIGHUP.
pub(super) fn restore_terminal_on_signal() -> Result<(), Failure> {
    let cannot = |error: &std::io::Error| {
        Failure::new(
            "signals",
            error,
            "raise the limits of processes and open files",
        )
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| cannot(&error))?;
    let listening = {
        let _guard = runtime.enter();
        [
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::hangup(),
        ]
        .map(signal)
    };
    let [interrupt, terminate, hangup] = listening;
    let mut interrupt = interrupt.map_err(|error| cannot(&error))?;
    let mut terminate = terminate.map_err(|error| cannot(&error))?;
    let mut hangup = hangup.map_err(|error| cannot(&error))?;
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        super::terminal::give_back();
        std::process::exit(ENDED_BY_SIGNAL);
    });
    Ok(())
}
