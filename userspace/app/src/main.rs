//! `rtspscope`: tells why an RTSP camera shows no picture through a router.
//!
//! Reads the command line, joins a source with an engine and a view, and turns the result into an exit status.

mod bundle;
mod cli;
mod commands;
mod doctor;
mod failure;
mod fragments;
mod frame;
mod live;
mod machine;
mod manual;
mod metrics;
mod offload;
mod output;
mod progress;
mod router_setup;
mod run;
mod sandbox;
mod story;
mod tui;

use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use cli::Cli;
use failure::Failure;

/// Wrong usage, unreadable input or missing permission.
const UNABLE: u8 = 2;

/// Longest list of possible values that a line of complaint holds, in bytes.
const LONGEST_LIST: usize = 80;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match commands::run(cli.command) {
        Ok(status) => ExitCode::from(status),
        Err(Failure::UserLeft | Failure::Told(rtspscope_capture::Failure::OutputClosed)) => {
            ExitCode::SUCCESS
        }
        Err(Failure::Told(failure)) => {
            output::complain(&failure.to_string());
            ExitCode::from(UNABLE)
        }
    }
}

/// Prints what was asked for (help, version), or says in one line what is wrong with the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    let asked_for = !error.use_stderr();
    if asked_for || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // The help's reader may close its end early.
        if let Err(error) = error.print() {
            match rtspscope_capture::Failure::writing("standard output", &error) {
                rtspscope_capture::Failure::OutputClosed => {}
                failure @ rtspscope_capture::Failure::Told { .. } => {
                    output::complain(&failure.to_string());
                    return ExitCode::from(UNABLE);
                }
            }
        }
        return if asked_for {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(UNABLE)
        };
    }
    let text = error.render().to_string();
    // The first paragraph says what is wrong; a long list of possible values belongs to the help.
    let told: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("[possible values") || line.len() <= LONGEST_LIST)
        .collect();
    let line = told.join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    output::complain(&format!("{line}: {}", where_to_look(error)));
    ExitCode::from(UNABLE)
}

/// Who asks for a code that does not exist wants the list of them.
fn where_to_look(error: &clap::Error) -> &'static str {
    let is_code = matches!(
        error.get(ContextKind::InvalidArg),
        Some(ContextValue::String(name)) if name == "[CODE]"
    );
    if is_code {
        "rtspscope explain without a code lists the codes"
    } else {
        "see rtspscope --help"
    }
}
