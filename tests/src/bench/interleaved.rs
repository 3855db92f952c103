//! Many cameras over TCP, and what it costs to count their media where they pass instead of copying them.
//!
//! A hundred sessions that begin at once are read by user space until the kernel has taken them over; what follows is told
//! apart, since sessions of recorders last for weeks.

use std::io;
use std::thread;
use std::time::Duration;

use super::tool::{Seen, Tool, cpu_seconds};
use crate::cable::{Cable, End, INTERFACE};
use crate::generate::{Carrier, Encapsulation, Recipe, SessionRecipe};

/// Cameras, each with 460 packets of 1,088 bytes in a second (4 Mbit/s), and how many packets each sends.
const CAMERAS: usize = 100;
const PACKETS_PER_SECOND: u32 = 460;
const PAYLOAD_LEN: usize = 1_088;
const SECONDS: u32 = 25;

/// Packets between two reports: RFC 3550 §6.2 sends one in five seconds. So often comes a keepalive here too; a player's
/// are rarer.
const PACKETS_PER_REPORT: u32 = 5 * PACKETS_PER_SECOND;

/// Time from the first packet after which all media are counted in the kernel.
const SETTLED: Duration = Duration::from_secs(5);

/// Processor time in seconds: of the whole run, and from when all were settled.
struct Cost {
    whole: f64,
    settled: f64,
}

/// Lets both ways of watching see the same capture, and prints the table.
#[allow(clippy::print_stdout, reason = "it is the output of the program")]
pub(super) fn measure() -> io::Result<()> {
    let mut all = Vec::new();
    for tool in [Tool::Rtspscope, Tool::Copies] {
        let (seen, cost) = watch(tool)?;
        all.push((tool, seen, cost));
    }
    println!(
        "{CAMERAS} interleaved streams of 4 Mbit/s for {SECONDS} seconds; processor time of the program"
    );
    println!(
        "{:<22} {:>10} {:>10} {:>10} {:>7} {:>7} {:>9} {:>7}",
        "who watches", "RTP seen", "dropped", "copied", "cpu s", "ratio", "settled s", "ratio"
    );
    let Some((_, _, copies)) = all.last() else {
        return Ok(());
    };
    for (tool, seen, cost) in &all {
        println!(
            "{:<22} {:>10} {:>10} {:>10} {:>7.2} {:>7.1} {:>9.2} {:>7.1}",
            tool.name(),
            seen.packets,
            seen.dropped,
            seen.copied,
            cost.whole,
            copies.whole / cost.whole,
            cost.settled,
            copies.settled / cost.settled,
        );
    }
    Ok(())
}

/// Runs one tool on the capture.
fn watch(tool: Tool) -> io::Result<(Seen, Cost)> {
    let cable = Cable::new()?;
    let (capture, _) = cable.make(&recipe(), |frame| frame)?;
    let near = cable.end(End::Near);
    let process = tool.start(near, &["--lan", INTERFACE], cable.scratch())?;
    let id = process.id();
    // Loading the kernel programs is no work on packets.
    let begun = cpu_seconds(id)?;
    let capture = capture.to_string_lossy();
    let settled = thread::scope(|scope| {
        let settled = scope.spawn(|| {
            thread::sleep(SETTLED);
            cpu_seconds(id)
        });
        let arguments = [&*capture, INTERFACE, "timed"];
        cable.run_script(End::Far, "inject.py", &arguments)?;
        settled
            .join()
            .map_err(|_| io::Error::other("nobody looked at the processor time"))?
    })?;
    let seen = tool.finish(process)?;
    let cost = Cost {
        whole: seen.cpu - begun,
        settled: seen.cpu - settled,
    };
    Ok((seen, cost))
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
            packets_per_report: PACKETS_PER_REPORT,
            audio: false,
            faults: crate::generate::Faults::default(),
            ..like
        })
        .collect();
    recipe
}
