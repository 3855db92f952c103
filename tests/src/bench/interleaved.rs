//! Many cameras over TCP, and what it costs to count their media where they pass instead of copying them.

use std::io;

use super::tool::{Seen, Tool, cpu_seconds};
use crate::cable::{Cable, End, INTERFACE};
use crate::generate::{Carrier, Encapsulation, Recipe, SessionRecipe};

/// Cameras, each with 460 packets of 1,088 bytes in a second (4 Mbit/s), and how many packets each sends.
const CAMERAS: usize = 100;
const PACKETS_PER_SECOND: u32 = 460;
const PAYLOAD_LEN: usize = 1_088;
const SECONDS: u32 = 20;

/// Frames that go out at once: about as many in a second as the cameras send.
const FRAMES_AT_ONCE: &str = "230";

/// Lets both ways of watching see the same capture, and prints the table.
#[allow(clippy::print_stdout, reason = "it is the output of the program")]
pub(super) fn measure() -> io::Result<()> {
    let tools = [Tool::Rtspscope, Tool::Copies];
    let mut all = Vec::new();
    for tool in tools {
        all.push((tool, watch(tool)?));
    }
    println!(
        "{CAMERAS} interleaved streams of 4 Mbit/s for {SECONDS} seconds; processor time of the program"
    );
    println!(
        "{:<22} {:>10} {:>10} {:>7} {:>7}",
        "who watches", "RTP seen", "dropped", "cpu s", "ratio"
    );
    let whole = all.last().map_or(0.0, |(_, seen)| seen.cpu);
    for (tool, seen) in &all {
        println!(
            "{:<22} {:>10} {:>10} {:>7.2} {:>7.1}",
            tool.name(),
            seen.packets,
            seen.dropped,
            seen.cpu,
            whole / seen.cpu
        );
    }
    Ok(())
}

/// Runs one tool on the capture.
fn watch(tool: Tool) -> io::Result<Seen> {
    let cable = Cable::new()?;
    let (capture, _) = cable.make(&recipe(), |frame| frame)?;
    let near = cable.end(End::Near);
    let process = tool.start(near, &["--lan", INTERFACE], cable.scratch())?;
    // Loading the kernel programs is no work on packets.
    let begun = cpu_seconds(process.id())?;
    let capture = capture.to_string_lossy();
    cable.run_script(
        End::Far,
        "inject.py",
        &[&capture, INTERFACE, FRAMES_AT_ONCE],
    )?;
    let seen = tool.finish(process)?;
    Ok(Seen {
        cpu: seen.cpu - begun,
        ..seen
    })
}

fn recipe() -> Recipe {
    let mut recipe = Recipe::everything(29);
    let is_like = |session: &&SessionRecipe| {
        session.carrier == Carrier::Interleaved && session.encapsulation == Encapsulation::Plain
    };
    let like = recipe.sessions.iter().find(is_like).cloned();
    recipe.background_per_second = 0;
    recipe.sessions = like
        .into_iter()
        .cycle()
        .take(CAMERAS)
        .map(|like| SessionRecipe {
            packets: SECONDS * PACKETS_PER_SECOND,
            packets_per_second: PACKETS_PER_SECOND,
            payload_len: PAYLOAD_LEN,
            audio: false,
            faults: crate::generate::Faults::default(),
            ..like
        })
        .collect();
    recipe
}
