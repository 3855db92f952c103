//! How long a packet takes from the tap to the line that tells of it, on a quiet cable and on one that is full.
//!
//! A client asks its camera something every few milliseconds. The kernel stamps each message at the tap; the program's
//! output is a pipe whose reader stamps each line. Between the two lie the ring, the wait for older frames, and the
//! engine.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::flood::Stopwatch;
use super::watching::{CAMERA, MEDIA, MILLIS};
use crate::cable::{Cable, End, INTERFACE};
use crate::lab::process::Process;
use crate::program;

/// Port of the camera that is asked; the other one floods.
const PORT: &str = "5545";

/// Time between two questions.
const PAUSE: Duration = Duration::from_millis(5);

/// Longest time for anything here to begin and to end.
const LIMIT: Duration = Duration::from_mins(1);

/// What the tap promises.
const PROMISED: Duration = Duration::from_millis(10);

const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// Prints the table.
#[allow(clippy::print_stdout, reason = "it is the output of the program")]
pub(super) fn measure() -> io::Result<()> {
    println!("\nfrom the tap to the line that tells of a message, in ms");
    println!(
        "{:<22} {:>9} {:>8} {:>8} {:>8} {:>14}",
        "cable", "messages", "median", "99 %", "most", "within 10 ms"
    );
    for (name, is_full) in [("quiet", false), ("full of RTP", true)] {
        let mut delays = delays(is_full)?;
        delays.sort_unstable();
        let at = |per_mille: usize| {
            let place = (delays.len() * per_mille / 1000).min(delays.len().saturating_sub(1));
            delays.get(place).map_or(0.0, |ns| *ns as f64 / 1e6)
        };
        let promised = PROMISED.as_nanos() as u64;
        let within = delays.iter().filter(|ns| **ns <= promised).count();
        println!(
            "{name:<22} {:>9} {:>8.2} {:>8.2} {:>8.2} {:>12.2} %",
            delays.len(),
            at(500),
            at(990),
            at(1000),
            100.0 * within as f64 / delays.len().max(1) as f64
        );
    }
    Ok(())
}

/// Delays of all messages in ns.
fn delays(is_full: bool) -> io::Result<Vec<u64>> {
    let cable = Cable::new()?;
    cable.set_addresses()?;
    let watch = Watch::start(&cable)?;
    let own = std::env::current_exe()?;
    let own = own.to_string_lossy();
    let start = |end, name: &str, words: &[&str]| {
        let command = [&[&*own][..], words].concat();
        let prefix = cable.end(end).exec_prefix();
        Process::start(&prefix, &command, cable.scratch(), name)
    };
    let mut answerer = start(End::Far, "answerer", &["answer", CAMERA])?;
    answerer.wait_listening(5545, LIMIT)?;
    let mut peers = Vec::new();
    if is_full {
        let mut camera = start(End::Far, "camera", &["camera", CAMERA, MEDIA, MILLIS])?;
        camera.wait_listening(5544, LIMIT)?;
        peers.push(camera);
        peers.push(start(End::Near, "player", &["player", CAMERA, MEDIA])?);
    }
    let mut asker = start(End::Near, "asker", &["ask", CAMERA, MILLIS])?;
    asker.wait_end(LIMIT)?;
    for mut peer in peers {
        peer.wait_end(LIMIT)?;
    }
    let lines = watch.finish()?;
    let delays = lines.iter().filter_map(|(at_ns, line)| delay(*at_ns, line));
    Ok(delays.collect())
}

/// From the packet's time to the line's; `None` for a line of something else.
fn delay(line_ns: u64, line: &str) -> Option<u64> {
    let value: Value = serde_json::from_str(line).ok()?;
    let is_asked = value["server"].as_str()?.ends_with(PORT);
    if value["type"] != "message" || !is_asked {
        return None;
    }
    let packet_ns = time_of_day_ns(value["at"].as_str()?)?;
    Some((line_ns % DAY_NS + DAY_NS - packet_ns) % DAY_NS)
}

/// Nanoseconds since midnight of `2026-01-02T03:04:05.000000006Z`.
fn time_of_day_ns(at: &str) -> Option<u64> {
    let (_, time) = at.strip_suffix('Z')?.split_once('T')?;
    let (time, fraction) = time.split_once('.')?;
    let seconds = time.split(':').try_fold(0_u64, |sum, part| {
        Some(sum * 60 + part.parse::<u64>().ok()?)
    })?;
    Some(seconds * 1_000_000_000 + fraction.parse::<u64>().ok()?)
}

/// The program with a reader of its lines.
struct Watch {
    child: Child,
    reader: JoinHandle<io::Result<Vec<(u64, String)>>>,
}

impl Watch {
    /// Starts it; it observes when this returns.
    fn start(cable: &Cable) -> io::Result<Self> {
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .args(cable.end(End::Near).exec_prefix())
            .arg(program::binary()?)
            .args(["watch", "--lan", INTERFACE, "--no-tui"])
            .args(["--format", "ndjson", "--duration", "300s"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (tell, told) = channel();
        let reader = thread::spawn(move || {
            let mut lines = Vec::new();
            for line in BufReader::new(output).lines() {
                let line = line?;
                lines.push((now_ns(), line));
                if lines.len() == 1 {
                    let _nobody_waits = tell.send(());
                }
            }
            Ok(lines)
        });
        wait_for_first_line(&told)?;
        Ok(Self { child, reader })
    }

    /// Ends it as Ctrl-C does; all its lines.
    fn finish(mut self) -> io::Result<Vec<(u64, String)>> {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-INT", &id]).status()?;
        self.child.wait()?;
        self.reader
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the reader of lines ended early")))
    }
}

fn wait_for_first_line(told: &Receiver<()>) -> io::Result<()> {
    told.recv_timeout(LIMIT)
        .map_err(|_| io::Error::other("the program does not observe"))
}

fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_nanos() as u64)
}

/// Answers one client until it hangs up.
pub(super) fn answer(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(format!("{address}:{PORT}"))?;
    let (connection, _) = listener.accept()?;
    connection.set_nodelay(true)?;
    let mut writer = connection.try_clone()?;
    let mut lines = BufReader::new(connection).lines();
    while let Some(line) = lines.next().transpose()? {
        if let Some(cseq) = line.strip_prefix("CSeq: ") {
            writer.write_all(format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n\r\n").as_bytes())?;
        }
    }
    Ok(())
}

/// Asks for so long.
pub(super) fn ask(address: &str, millis: u64) -> io::Result<()> {
    let mut connection = TcpStream::connect(format!("{address}:{PORT}"))?;
    connection.set_nodelay(true)?;
    let stopwatch = Stopwatch::start(millis);
    let mut cseq = 0;
    while stopwatch.is_running() {
        cseq += 1;
        let request = format!("OPTIONS * RTSP/1.0\r\nCSeq: {cseq}\r\n\r\n");
        connection.write_all(request.as_bytes())?;
        // The answers are of one length but for the number.
        let mut answer =
            vec![0; request.len() - "OPTIONS * RTSP/1.0".len() + "RTSP/1.0 200 OK".len()];
        connection.read_exact(&mut answer)?;
        thread::sleep(PAUSE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DAY_NS, delay};

    #[test]
    fn a_delay_is_told_across_midnight() {
        let line =
            r#"{"type":"message","server":"10.77.0.2:5545","at":"2026-11-26T23:59:59.999000000Z"}"#;
        assert_eq!(delay(2 * DAY_NS + 3_000_000, line), Some(4_000_000));
        let other = line.replace("5545", "5544");
        assert_eq!(delay(0, &other), None);
    }
}
