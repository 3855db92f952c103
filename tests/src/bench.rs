//! How the program does beside others on a live interface: `cargo xtask bench live` runs it.
//!
//! A camera sends RTP as fast as the kernel takes it. What each tool made of it is compared with what was sent; absolute
//! rates depend on the machine, so everything is measured with and without a tool in turns, and the best of each counts.

mod bulk;
mod camera;
mod drain;
mod flood;
mod forwarding;
mod hollow;
mod interleaved;
mod tool;
mod watching;

use std::io;

/// Runs what the arguments name: the measurement itself, or one of its peers, which it starts in namespaces.
pub fn main(args: &[&str]) -> io::Result<()> {
    match args {
        [] => {
            watching::measure()?;
            interleaved::measure()?;
            forwarding::measure()?;
            drain::measure()
        }
        ["watching"] => watching::measure(),
        ["interleaved"] => interleaved::measure(),
        ["forwarding"] => forwarding::measure(),
        ["drain"] => drain::measure(),
        ["camera", address, streams, millis] => {
            camera::serve(address, number(streams)?, number(millis)?)
        }
        ["player", camera, streams] => camera::play(camera, number(streams)?),
        ["answer", address] => drain::answer(address),
        ["ask", address, millis] => drain::ask(address, number(millis)?),
        ["blast", to, millis] => flood::blast(to, number(millis)?),
        ["sink", address] => flood::sink(address),
        ["pour", to, millis] => bulk::pour(to, number(millis)?),
        ["drink", address] => bulk::drink(address),
        ["hollow", interfaces @ ..] => hollow::attach(interfaces),
        other => Err(io::Error::other(format!("unknown arguments: {other:?}"))),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.parse()
        .map_err(|_| io::Error::other(format!("{text}: not a number")))
}
