//! A router has little memory: what a live run with twenty sessions takes of it, with the ring that it has unasked on a
//! machine of 512 MiB. Needs root.

use std::fs;
use std::io;
use std::path::Path;

use rtspscope_tests::lab::peers::Camera;
use rtspscope_tests::lab::process::Process;
use rtspscope_tests::lab::{self, Host, Lab, Plan};
use rtspscope_tests::metrics::{ADDRESS, Figures};
use rtspscope_tests::program;
use rtspscope_tests::wait::LIMIT;

/// What such a run may hold, in KiB.
const MOST: u64 = 20 << 10;

/// Players of each transport.
const PLAYERS: u16 = 10;

/// What of a process is in memory, in KiB: what it maps of files, which is its code, and the rest.
fn in_memory(process: &Process) -> io::Result<(u64, u64)> {
    let maps = fs::read_to_string(format!("/proc/{}/smaps", process.id()))?;
    let (mut code, mut own) = (0, 0);
    let mut is_file = false;
    for line in maps.lines() {
        match line.strip_prefix("Rss:") {
            Some(value) => {
                let value = value.trim().trim_end_matches(" kB").parse();
                let value: u64 = value.map_err(io::Error::other)?;
                *(if is_file { &mut code } else { &mut own }) += value;
            }
            // The line that begins a mapping ends with its file; lines about it have a colon behind their first word.
            None if !line.split(' ').next().unwrap_or_default().ends_with(':') => {
                is_file = line
                    .split_whitespace()
                    .nth(5)
                    .is_some_and(|name| name.starts_with('/'));
            }
            None => {}
        }
    }
    Ok((code, own))
}

/// Ten players over UDP and ten over TCP, which play until they are ended. The others begin once the first plays: GStreamer's
/// server breaks where several ask for a stream that it is still preparing (`gst_rtsp_session_manage_media`: status).
fn players(lab: &Lab, first_plays: impl FnOnce() -> io::Result<()>) -> io::Result<Vec<Process>> {
    let url = format!("rtsp://{}/test", lab.plan().wan_host);
    let one = |host, number: u16, transport: &str| {
        let port = (5000 + 2 * number).to_string();
        let command = [
            env!("CARGO_BIN_EXE_lab-client"),
            "--url",
            &url,
            "--transport",
            transport,
            "--port",
            &port,
            "--punch",
            "--packets",
            "1000000",
            "--patience-ms",
            "600000",
        ];
        lab.spawn(host, &format!("player-{host:?}-{number}"), &command)
    };
    let udp = |number: u16| {
        let port = 5000 + 2 * number;
        let transport = format!("RTP/AVP;unicast;client_port={port}-{}", port + 1);
        one(Host::Lan, number, &transport)
    };
    let tcp = |number| {
        one(
            Host::LanSecond,
            number,
            "RTP/AVP/TCP;unicast;interleaved=0-1",
        )
    };
    let mut players = vec![udp(0)?];
    first_plays()?;
    for number in 1..PLAYERS {
        players.push(udp(number)?);
    }
    for number in 0..PLAYERS {
        players.push(tcp(number)?);
    }
    Ok(players)
}

/// Whether a binary is one of those that are built small.
fn is_for_routers(binary: &Path) -> io::Result<bool> {
    Ok(fs::metadata(binary)?.len() < 8 << 20)
}

/// The code of a development build is many times that of a binary for routers, and is counted of such a one only.
#[test]
fn twenty_sessions_live() -> io::Result<()> {
    if lab::skip_unless_root("twenty_sessions_live") {
        return Ok(());
    }
    let lab = Lab::new(&Plan::default())?;
    let camera = Camera::default().start(&lab, Host::Wan)?;
    let binary = program::binary()?;
    let words =
        "watch --lan lan0 --wan wan0 --ring 4M --no-tui --format ndjson -o /dev/null --metrics";
    let mut command = vec![binary.to_str().unwrap_or_default()];
    command.extend(words.split(' '));
    command.push(ADDRESS);
    let mut watch = lab.spawn(Host::Router, "rtspscope", &command)?;
    watch.wait_listening(9554, LIMIT)?;
    let get = env!("CARGO_BIN_EXE_lab-get");
    let up = |figures: &Figures| figures.sum("rtspscope_tap_up") > 1.0;
    Figures::wait(&lab, get, "both taps", LIMIT, up)?;
    let players = players(&lab, || {
        let plays = |figures: &Figures| figures.sum("rtspscope_media_packets_total") > 100.0;
        Figures::wait(&lab, get, "the first that plays", LIMIT, plays).map(drop)
    })?;
    let play = |figures: &Figures| {
        let playing = |transport: &str| {
            let name = format!("rtspscope_sessions{{state=\"playing\",transport=\"{transport}\"}}");
            figures.get(&name) >= Some(f64::from(PLAYERS))
        };
        playing("udp") && playing("tcp") && figures.sum("rtspscope_media_packets_total") > 20_000.0
    };
    let figures = Figures::wait(&lab, get, "twenty sessions that play", LIMIT, play);
    let figures = figures.map_err(|error| {
        let said: String = players.iter().map(Process::errors).collect();
        let seen = Figures::fetch(&lab, get);
        let camera = camera.errors();
        io::Error::other(format!(
            "{error}; the players: {said}; the camera: {camera}; {seen:?}"
        ))
    })?;
    assert!(figures.sum("rtspscope_lost_total").abs() < f64::EPSILON);
    let (code, own) = in_memory(&watch)?;
    eprintln!("twenty sessions: {own} KiB, and {code} KiB of code");
    assert!(own > 1 << 10, "{own} KiB cannot be");
    let counted = if is_for_routers(binary)? {
        own + code
    } else {
        own
    };
    assert!(counted < MOST, "{own} KiB, and {code} KiB of code");
    assert!(watch.interrupt(LIMIT)?.success(), "{}", watch.errors());
    Ok(())
}
