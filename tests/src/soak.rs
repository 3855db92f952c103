//! Days of sessions in minutes: clients come and go many times a second, while the program must stay as small as it is.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::lab::process::Process;
use crate::lab::{Host, Lab, Plan};
use crate::metrics::{ADDRESS, Figures};
use crate::wait::LIMIT;
use crate::{program, tools};

/// Time between two looks at the program.
const SAMPLE: Duration = Duration::from_secs(10);

/// More sessions than any run has time for.
const FOR_EVER: &str = "1000000000";

/// What memory may grow by after the first part of the run: noise of the allocator, and no leak of a day.
const MAX_GROWTH: f64 = 1.10;

/// A ring that was full once, because the machine was busy, was in memory once besides; the allocator keeps that. In KiB.
const RING: f64 = 8_192.0;

/// One look at the program.
#[derive(Clone, Copy, Debug)]
struct Sample {
    elapsed: Duration,
    sessions: f64,
    forgotten: f64,
    resident: f64,
    files: f64,
    flows: f64,
    lost: f64,
}

/// Lets clients play for so long, prints a line for each look, and fails where the program grew.
pub fn run(minutes: u64, out: &mut impl Write) -> io::Result<()> {
    let lab = Lab::new(&Plan::default())?;
    let _players = players(&lab)?;
    let mut watch = watch(&lab)?;
    let begun = Instant::now();
    let until = Duration::from_secs(60 * minutes);
    let mut samples = Vec::new();
    writeln!(
        out,
        "seconds  sessions  forgotten  resident KiB  files  kernel flows  lost"
    )?;
    while begun.elapsed() < until {
        thread::sleep(SAMPLE);
        let sample = look(&lab, begun.elapsed())?;
        print(&sample, out)?;
        samples.push(sample);
    }
    let status = watch.interrupt(LIMIT)?;
    if !status.success() {
        return Err(io::Error::other(format!(
            "the run ended: {status}\n{}",
            watch.errors()
        )));
    }
    judge(&samples, out)
}

/// Two cameras outside, and two clients inside that open, play and leave over and over.
fn players(lab: &Lab) -> io::Result<Vec<Process>> {
    let url = format!("rtsp://{}:554/test", lab.plan().wan_host);
    let camera = tools::beside("lab-camera")?;
    let client = tools::beside("lab-client")?;
    let mut camera = lab.spawn(Host::Wan, "camera", &[&camera, "--port", "554"])?;
    camera.wait_listening(554, LIMIT)?;
    let mut running = vec![camera];
    let tcp = "RTP/AVP/TCP;unicast;interleaved=0-1";
    let udp = "RTP/AVP;unicast;client_port=5000-5001";
    for (host, transport) in [(Host::Lan, udp), (Host::LanSecond, tcp)] {
        let command = [
            &*client,
            "--times",
            FOR_EVER,
            "--url",
            &url,
            "--transport",
            transport,
            "--punch",
            "--packets",
            "5",
        ];
        running.push(lab.spawn(host, &format!("client-{host:?}"), &command)?);
    }
    Ok(running)
}

fn watch(lab: &Lab) -> io::Result<Process> {
    let binary = program::binary()?.to_string_lossy();
    let words = "watch --lan lan0 --wan wan0 --no-tui --format ndjson -o /dev/null --metrics";
    let mut command = vec![&*binary];
    command.extend(words.split(' '));
    command.push(ADDRESS);
    let mut watch = lab.spawn(Host::Router, "rtspscope", &command)?;
    watch.wait_listening(9554, LIMIT)?;
    Ok(watch)
}

fn look(lab: &Lab, elapsed: Duration) -> io::Result<Sample> {
    let figures = Figures::fetch(lab, &tools::beside("lab-get")?)?;
    let value = |name: &str| figures.get(name).unwrap_or_default();
    Ok(Sample {
        elapsed,
        sessions: value("rtspscope_sessions_seen_total"),
        forgotten: value("rtspscope_sessions_forgotten_total"),
        resident: value("process_resident_memory_bytes") / 1_024.0,
        files: value("process_open_fds"),
        flows: value("rtspscope_kernel_flows"),
        lost: figures.sum("rtspscope_lost_total"),
    })
}

fn print(sample: &Sample, out: &mut impl Write) -> io::Result<()> {
    let Sample {
        elapsed,
        sessions,
        forgotten,
        resident,
        files,
        flows,
        lost,
    } = sample;
    let seconds = elapsed.as_secs();
    writeln!(
        out,
        "{seconds:>7}  {sessions:>8}  {forgotten:>9}  {resident:>12}  {files:>5}  {flows:>12}  {lost}"
    )?;
    out.flush()
}

/// From a quarter of the run on, when tables have their size, nothing grows.
fn judge(samples: &[Sample], out: &mut impl Write) -> io::Result<()> {
    let rest = samples.get(samples.len() / 4..).unwrap_or_default();
    let (Some(first), Some(last)) = (rest.first(), rest.last()) else {
        return Err(io::Error::other("the run was too short to be judged"));
    };
    let most = |value: fn(&Sample) -> f64| rest.iter().map(value).fold(0.0, f64::max);
    let growth = most(|sample| sample.resident) / first.resident;
    writeln!(
        out,
        "{} sessions, {} of them forgotten; from {} s on memory grew by {:.1} %, files from {} to {}",
        last.sessions,
        last.forgotten,
        first.elapsed.as_secs(),
        (growth - 1.0) * 100.0,
        first.files,
        most(|sample| sample.files),
    )?;
    let allowed = first.resident * MAX_GROWTH + RING;
    let grew =
        most(|sample| sample.resident) > allowed || most(|sample| sample.files) > first.files + 2.0;
    let kept = last.sessions - last.forgotten;
    if grew || first.forgotten < 1.0 {
        return Err(io::Error::other(format!(
            "it grew, or forgot nothing ({kept} sessions kept)"
        )));
    }
    Ok(())
}
