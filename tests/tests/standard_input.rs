//! A capture that comes through a pipe is analyzed while it comes.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use rtspscope_tests::program::{self, LIMITED};

fn golden(name: &str) -> io::Result<Vec<u8>> {
    std::fs::read(format!(
        "{}/captures/golden/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
}

#[test]
fn what_was_said_is_told_before_the_pipe_ends() -> io::Result<()> {
    let capture = golden("A-gst-ffmpeg-udp.lan.pcap")?;
    let mut run = Command::new(LIMITED[0])
        .args(&LIMITED[1..])
        .arg(program::binary()?)
        .args(["analyze", "--format", "ndjson", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut pipe = run.stdin.take().expect("it is piped");
    let stdout = run.stdout.take().expect("it is piped");
    pipe.write_all(&capture[..60_000])?;
    pipe.flush()?;
    let mut lines = BufReader::new(stdout).lines();
    // The pipe stays open until the line is there: a program that waited for the end would never write it.
    let is_playing = |line: &String| line.contains(r#""type":"playing""#);
    let playing = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| is_playing(&line));
    assert!(playing);
    pipe.write_all(&capture[60_000..])?;
    drop(pipe);
    let report = lines.map_while(Result::ok).last().unwrap_or_default();
    assert!(report.contains(r#""type":"report""#), "{report}");
    let output = run.wait_with_output()?;
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    Ok(())
}
