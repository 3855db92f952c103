//! What the kernel of a guest can do for the program: `guest-kernel ANSWERS` writes a line of JSON for each question.
//!
//! `cargo xtask kernels` boots the guests and makes a table of the answers. It changes what the whole machine loads as
//! kernel modules, and is for guests only.

mod answers;
mod big;
mod doctor;
mod modules;
mod offload;
mod traces;

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};

use rtspscope_tests::cable::{Cable, End, Hook};
use rtspscope_tests::generate::{Carrier, Recipe, Truth};
use rtspscope_tests::report::Report;
use serde_json::Value;

use answers::Answers;
use traces::Traces;

/// First kernel whose XDP programs can read a packet at any offset.
const XDP_SINCE: (u32, u32) = (5, 18);

/// What the program says where the kernel is older.
const XDP_REASON: &str = "5.18";

fn main() -> ExitCode {
    let Some(file) = std::env::args().nth(1) else {
        return ExitCode::from(2);
    };
    let doctor = Path::new(&file).with_file_name("doctor.txt");
    match Answers::open(&file).and_then(|mut answers| ask(&mut answers, &doctor)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_told) => ExitCode::FAILURE,
    }
}

fn ask(answers: &mut Answers, doctor: &Path) -> io::Result<()> {
    let (cable, release) = (Cable::new()?, release()?);
    let has_tcx = cable.tcx_programs(End::Near)? != "none";
    let diagnosed = doctor::without_modules(doctor, has_tcx, release);
    answers.give("doctor", diagnosed)?;
    answers.give("no modules", modules::without(&cable, has_tcx))?;

    let before = Traces::of(&cable)?;
    let (capture, truth) = cable.make(&recipe(11), |frame| frame)?;
    let tc = count_by_tc(&cable, &capture);
    answers.give("load", tc.as_ref().map(|_| "yes".to_owned()).map_err(copy))?;
    if let Ok([near, far]) = tc {
        answers.give("TC hook", hook_of(&near, has_tcx))?;
        answers.give("counts in", exact(&near, &truth))?;
        answers.give("counts out", exact(&far, &truth))?;
    }
    answers.give("XDP", count_by_xdp(&cable, &capture, &truth, release))?;
    answers.give("BIG TCP", big::count(release))?;
    answers.give("flowtable", offload::told())?;
    let clean = before.still_hold(&cable);
    let clean = clean.and_then(|_clean| traces::after_a_kill(&cable));
    answers.give("detach", clean)
}

fn copy(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

/// Puts a capture on the cable: the near end takes it from the newest hook, the far end, which sends it, from clsact.
///
/// The reports of both are returned in this order.
fn count_by_tc(cable: &Cable, capture: &Path) -> io::Result<[Report; 2]> {
    let near = cable.watch(End::Near, Hook::Auto)?;
    let far = cable.watch(End::Far, Hook::Clsact)?;
    cable.inject(capture)?;
    Ok([near.finish()?, far.finish()?])
}

/// A part of everything, because the processor is emulated: every encapsulation, family and fault, and some of the
/// sessions that are interleaved.
fn recipe(seed: u64) -> Recipe {
    let mut recipe = Recipe::everything(seed);
    let mut place = 0;
    recipe.sessions.retain(|session| {
        place += 1;
        let one_of = match session.carrier {
            Carrier::Udp => 5,
            Carrier::Interleaved => 19,
        };
        place % one_of == 1
    });
    recipe
}

fn hook_of(report: &Report, has_tcx: bool) -> io::Result<String> {
    let expected = if has_tcx { "tcx" } else { "clsact" };
    let way = way_of(report);
    if way == expected {
        Ok(way)
    } else {
        Err(io::Error::other(format!("{way} instead of {expected}")))
    }
}

/// How the first tap takes its packets.
fn way_of(report: &Report) -> String {
    let source = report.value()["capture"]["taps"][0]["source"].as_str();
    let way = source.and_then(|source| source.split(':').next());
    way.unwrap_or_default().to_owned()
}

/// Whether the program counted every stream as it was made, and lost nothing on the way.
fn exact(report: &Report, truth: &Truth) -> io::Result<String> {
    let losses = &report.value()["capture"]["losses"];
    if *losses != Value::Array(Vec::new()) {
        return Err(io::Error::other(format!("losses: {losses}")));
    }
    let wrong = report.differences(truth);
    if !wrong.is_empty() {
        return Err(io::Error::other(wrong.join("; ")));
    }
    let packets: u64 = truth.streams.iter().map(|stream| stream.packets).sum();
    Ok(format!(
        "exact ({} streams, {packets} RTP)",
        truth.streams.len()
    ))
}

/// The same at a mirror port; where the kernel is too old, TC does it and the program says why.
fn count_by_xdp(
    cable: &Cable,
    capture: &Path,
    truth: &Truth,
    release: (u32, u32),
) -> io::Result<String> {
    let mut watch = cable.watch_with(End::Near, &["--mirror", "eth0"], Hook::Auto)?;
    cable.inject(capture)?;
    let said = watch.process().errors();
    let report = watch.finish()?;
    exact(&report, truth)?;
    let way = way_of(&report);
    if release >= XDP_SINCE {
        return if way.starts_with("xdp-") {
            Ok(way)
        } else {
            Err(io::Error::other(format!("{way} instead of XDP")))
        };
    }
    match said.lines().find(|line| line.contains(XDP_REASON)) {
        Some(_reason) => Ok(format!("{way} (XDP: needs 5.18)")),
        None => Err(io::Error::other(format!("{way} without a reason: {said}"))),
    }
}

/// The kernel's version.
fn release() -> io::Result<(u32, u32)> {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut numbers = text.split('.').map(|number| number.parse().unwrap_or(0));
    Ok((numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
}

/// Runs a program to its end.
fn run(command: &[&str]) -> io::Result<()> {
    let [program, args @ ..] = command else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let status = Command::new(program).args(args).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{}: {status}", command.join(" "))))
    }
}
