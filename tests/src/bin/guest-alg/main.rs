//! The real connection tracking helper for RTSP at work, and whether the program judges it rightly.
//!
//! `guest-alg play RESULTS CARD…` runs in a guest whose kernel has the helper: it plays each case through a router of
//! network cards and leaves captures. `guest-alg judge RESULTS` holds the program's reports on them against what is known
//! of each case, as a table. `cargo xtask lab --real-alg` calls both.

mod cases;
mod judge;
mod play;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use rtspscope_tests::lab::Cards;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.as_slice() {
        [verb, results, cards @ ..] if verb == "play" => Cards::from_args(cards)
            .ok_or_else(|| io::Error::other("five network cards are needed"))
            .and_then(|cards| play::all(Path::new(results), &cards)),
        [verb, results] if verb == "judge" => judge::all(Path::new(results)),
        _ => Err(io::Error::other("play RESULTS CARD… | judge RESULTS")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "guest-alg: {error}");
            ExitCode::FAILURE
        }
    }
}
