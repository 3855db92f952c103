//! The scripted client as a program, to be run in a namespace of the lab.
//!
//! `lab-client --url URL [--agent NAME] [--transport VALUE] [--port N] [--packets N] [--patience-ms N] [--hold-ms N] [--keepalive-ms N]
//! [--stop-reading-ms N] [--split] [--pipelined] [--punch] [--join] [--reports] [--ask-keyframe]`; prints the outcome as one line of JSON.

use std::error::Error;
use std::io::{self, Write};

use rtspscope_tests::scripted::Script;

fn main() -> Result<(), Box<dyn Error>> {
    let script = Script::from_args(std::env::args().skip(1))?;
    writeln!(io::stdout(), "{}", script.play()?)?;
    Ok(())
}
