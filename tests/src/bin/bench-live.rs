//! `bench-live`: the program beside others on a live interface. `cargo xtask bench live` runs it.

use std::process::ExitCode;

#[allow(clippy::print_stderr, reason = "it is the output of the program")]
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match rtspscope_tests::bench::main(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-live: {error}");
            ExitCode::FAILURE
        }
    }
}
