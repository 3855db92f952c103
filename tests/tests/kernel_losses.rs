//! Rings and tables that are really full: what was sent is what was seen and what is counted as lost, the report says so,
//! and the run goes on.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use rtspscope_tests::cable::{Cable, End, Hook, INTERFACE, Watch};
use rtspscope_tests::generate::{Carrier, Encapsulation, Recipe};
use rtspscope_tests::lab::skip_unless_root;
use rtspscope_tests::program::{self, Outcome};
use rtspscope_tests::report::Report;
use rtspscope_tests::storm::Storm;
use rtspscope_tests::wait::LIMIT;

/// Room in the kernel's flow table.
const FLOWS: u16 = 8_192;

/// Stops or continues the program, as its own processor would if it were busy elsewhere.
fn signal(watch: &mut Watch, name: &str) -> io::Result<()> {
    let id = watch.process().id().to_string();
    let status = Command::new("kill").args([name, &id]).status()?;
    assert!(status.success());
    Ok(())
}

/// Writes a storm into the folder of the cable and tells how many frames it has.
fn write(cable: &Cable, name: &str, storm: &Storm) -> io::Result<(PathBuf, u64)> {
    let path = cable.scratch().join(name);
    let frames = storm.write(&path)?;
    Ok((path, frames))
}

/// A few sessions of ordinary traffic.
fn ordinary(seed: u64) -> Recipe {
    let mut recipe = Recipe::everything(seed);
    recipe.sessions.retain(|session| {
        session.carrier == Carrier::Udp && session.encapsulation == Encapsulation::Plain
    });
    recipe
}

/// What was lost, by reason.
fn losses(report: &Report) -> Vec<(String, u64)> {
    let losses = report.value()["capture"]["losses"].as_array();
    let told = losses.into_iter().flatten().map(|loss| {
        let reason = loss["reason"].as_str().unwrap_or_default().to_owned();
        (reason, loss["count"].as_u64().unwrap_or(0))
    });
    told.collect()
}

/// The count for one reason, where nothing was lost for another.
fn only_loss(report: &Report, reason: &str) -> u64 {
    match &losses(report)[..] {
        [(told, count)] if told == reason => *count,
        other => panic!("{reason} alone expected: {other:?}"),
    }
}

fn says(report: &Report, text: &str) -> bool {
    let findings = report.value()["findings"].as_array();
    let mut incomplete = findings
        .into_iter()
        .flatten()
        .filter(|finding| finding["code"] == "capture-incomplete");
    incomplete.any(|finding| {
        finding["cause"]
            .as_str()
            .is_some_and(|cause| cause.contains(text))
    })
}

/// Frames of the storm in a recording.
fn recorded(recording: &str) -> io::Result<u64> {
    let output = Command::new("tshark")
        .args(["-r", recording, "-Y", "tcp.port == 5544", "-T", "fields"])
        .args(["-e", "frame.number"])
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().count() as u64)
}

/// Lets text come while the program stands still, with this backend, and room for a part of it. Returns the run, which has
/// read what there was, and how many frames were sent.
fn stand_still(cable: &Cable, backend: &str) -> io::Result<(Watch, u64)> {
    let mut storm = Storm::default();
    storm.text(1, 6_000)?;
    let (capture, sent) = write(cable, "storm.pcap", &storm)?;
    let words = ["--lan", INTERFACE, "--ring", "512k", "--backend", backend];
    let mut watch = cable.watch_with(End::Near, &words, Hook::Auto)?;
    signal(&mut watch, "-STOP")?;
    cable.inject(&capture)?;
    signal(&mut watch, "-CONT")?;
    watch
        .process()
        .wait_until("the storm's messages", LIMIT, |watch| {
            watch.output().contains(r#""type":"message""#)
        })?;
    Ok((watch, sent))
}

#[test]
fn text_beyond_a_full_ring_is_counted_and_the_run_goes_on() -> io::Result<()> {
    if skip_unless_root("text_beyond_a_full_ring_is_counted_and_the_run_goes_on") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let (watch, sent) = stand_still(&cable, "ebpf")?;
    let recording = watch.recording().to_string_lossy().into_owned();
    let (capture, truth) = cable.make(&ordinary(31), |frame| frame)?;
    cable.inject(&capture)?;
    let report = watch.finish()?;

    let lost = only_loss(&report, "ring-full");
    assert!(lost > 0 && lost < sent, "{lost} of {sent}");
    assert_eq!(recorded(&recording)? + lost, sent);
    assert_eq!(report.value()["capture"]["lost"], lost);
    let told = format!("{lost} packets were not copied because the ring to user space was full");
    assert!(says(&report, &told), "{}", report.value()["findings"]);
    let wrong = report.differences(&truth);
    assert!(wrong.is_empty(), "afterwards: {}", wrong.join("\n"));
    Ok(())
}

#[test]
fn packets_beyond_a_full_socket_are_counted() -> io::Result<()> {
    if skip_unless_root("packets_beyond_a_full_socket_are_counted") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let (watch, sent) = stand_still(&cable, "afpacket")?;
    let recording = watch.recording().to_string_lossy().into_owned();
    let report = watch.finish()?;
    let lost = only_loss(&report, "dropped-by-capture");
    assert!(lost > 0 && lost < sent, "{lost} of {sent}");
    assert_eq!(recorded(&recording)? + lost, sent);
    assert!(says(
        &report,
        &format!("the capturing program lost {lost} packets")
    ));
    Ok(())
}

#[test]
fn flows_beyond_a_full_table_are_counted_and_idle_ones_make_room() -> io::Result<()> {
    const BEYOND: u16 = 500;
    const EACH: u16 = 2;
    if skip_unless_root("flows_beyond_a_full_table_are_counted_and_idle_ones_make_room") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let mut storm = Storm::default();
    storm.text(1, 1)?;
    storm.flows(1, FLOWS + BEYOND, EACH)?;
    let (capture, _sent) = write(&cable, "storm.pcap", &storm)?;
    let mut watch = cable.watch(End::Near, Hook::Auto)?;
    // On a busy machine the first flows would be idle before the last ones come.
    signal(&mut watch, "-STOP")?;
    cable.inject(&capture)?;
    signal(&mut watch, "-CONT")?;
    watch
        .process()
        .wait_until("room in the flow table", LIMIT, |watch| {
            let told = "flows without a packet for 10 s were let go";
            watch.errors().contains(told)
        })?;
    let (capture, truth) = cable.make(&ordinary(32), |frame| frame)?;
    cable.inject(&capture)?;
    let report = watch.finish()?;

    let lost = u64::from(BEYOND * EACH);
    assert_eq!(only_loss(&report, "map-full"), lost);
    let told = format!("{lost} media packets were not counted because the flow map was full");
    assert!(says(&report, &told), "{}", report.value()["findings"]);
    let wrong = report.differences(&truth);
    assert!(wrong.is_empty(), "afterwards: {}", wrong.join("\n"));
    Ok(())
}

/// Runs the program at the near end with so few files that the kernel's maps find no room among them.
fn watch_without_files(cable: &Cable, backend: &str) -> io::Result<Outcome> {
    let binary = program::binary()?;
    let [ip, prefix @ ..] = cable.end(End::Near).exec_prefix();
    let output = Command::new(ip)
        .args(prefix)
        .args(["prlimit", "--nofile=16"])
        .arg(binary)
        .args(["watch", "--lan", INTERFACE, "--no-tui"])
        .args(["--duration", "0s", "--backend", backend])
        .output()?;
    Ok(output.into())
}

#[test]
fn programs_that_cannot_be_loaded_are_told_in_a_line() -> io::Result<()> {
    if skip_unless_root("programs_that_cannot_be_loaded_are_told_in_a_line") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let outcome = watch_without_files(&cable, "ebpf")?;
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("kernel programs"),
        "{}",
        outcome.stderr
    );

    let outcome = watch_without_files(&cable, "auto")?;
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    let told = "afpacket: no kernel programs (";
    assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
    Ok(())
}
