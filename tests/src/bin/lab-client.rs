//! The scripted client as a program, to be run in a namespace of the lab.
//!
//! `lab-client --url URL [--agent NAME] [--transport VALUE] [--then VALUE] [--port N] [--packets N] [--patience-ms N] [--hold-ms N] [--keepalive-ms N]
//! [--stop-reading-ms N] [--close-after PACKETS] [--reports-to PORT] [--split] [--pipelined] [--punch] [--join] [--record] [--reports]
//! [--ask-keyframe]`; prints the outcome as one line of JSON.
//! With `--times N` in front of all it plays so often, one session after the other, and prints the last outcome.

use std::error::Error;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use rtspscope_tests::scripted::Script;

/// Rest between two sessions of many.
const PAUSE: Duration = Duration::from_millis(150);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut times = 1_u64;
    if let [option, number, ..] = arguments.as_slice()
        && option == "--times"
    {
        times = number.parse()?;
        arguments.drain(..2);
    }
    let script = Script::from_args(arguments.into_iter())?;
    for _ in 1..times {
        // One that fails is a session too.
        let _outcome = script.play();
        thread::sleep(PAUSE);
    }
    writeln!(io::stdout(), "{}", script.play()?)?;
    Ok(())
}
