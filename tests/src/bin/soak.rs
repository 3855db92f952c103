//! `soak [MINUTES]`: sessions without an end while the program must not grow. `cargo xtask bench soak` runs it.

use std::io;
use std::process::ExitCode;

/// Minutes of a run that says something.
const MINUTES: u64 = 20;

#[allow(clippy::print_stderr, reason = "it is the output of the program")]
fn main() -> ExitCode {
    let minutes = std::env::args().nth(1).and_then(|text| text.parse().ok());
    match rtspscope_tests::soak::run(minutes.unwrap_or(MINUTES), &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}
