//! Interleaved media is counted in the kernel, and as exactly as if every segment had been copied.
//!
//! Made captures with known truth go over a cable that the program watches. What was lost, repeated or put out of order
//! must show in the counts as in the truth, although user space gets a small part of the segments only.

use std::io;

use rtspscope_tests::cable::{Cable, End, Hook, ROOM};
use rtspscope_tests::generate::{Carrier, Encapsulation, Faults, Recipe, SessionRecipe};
use rtspscope_tests::lab::skip_unless_root;
use rtspscope_tests::program;
use rtspscope_tests::report::Report;
use serde_json::Value;

/// Interleaved sessions with these faults.
fn sessions(seed: u64, packets: u32, faults: &[Faults]) -> Recipe {
    let mut recipe = Recipe::everything(seed);
    let like = recipe.sessions.iter().find(|session| {
        session.carrier == Carrier::Interleaved && session.encapsulation == Encapsulation::Plain
    });
    let like = like.cloned().expect("the recipe has one");
    recipe.background_per_second = 0;
    recipe.sessions = faults
        .iter()
        .map(|faults| SessionRecipe {
            packets,
            packets_per_second: 400,
            payload_len: 1088,
            audio: true,
            faults: *faults,
            ..like.clone()
        })
        .collect();
    recipe
}

/// Frames at the only tap.
fn frames(report: &Report) -> u64 {
    report.value()["capture"]["taps"][0]["frames"]
        .as_u64()
        .unwrap_or_default()
}

/// Watches at `end` while the sessions pass. Returns how many frames passed and how many of them were copied.
fn check(recipe: &Recipe, end: End, interfaces: &[&str]) -> io::Result<(u64, u64)> {
    let cable = Cable::new()?;
    let (capture, truth) = cable.make(recipe, |frame| frame)?;
    let words = [interfaces, &ROOM].concat();
    let watch = cable.watch_with(end, &words, Hook::Auto)?;
    let recording = watch.recording().to_string_lossy().into_owned();
    cable.inject(&capture)?;
    let live = watch.finish()?;
    let losses = &live.value()["capture"]["losses"];
    assert_eq!(*losses, Value::Array(Vec::new()));
    let offline = program::analyze(&[&capture.to_string_lossy()])?;
    let replayed = program::analyze(&[&recording])?;
    for (name, report) in [
        ("offline", &offline),
        ("live", &live),
        ("replayed", &replayed),
    ] {
        let wrong = report.differences(&truth);
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    }
    assert_eq!(live.essence(), replayed.essence(), "live and replayed");
    Ok((frames(&offline), frames(&live)))
}

#[test]
fn a_healthy_stream_is_counted_where_it_passes_and_hardly_copied() -> io::Result<()> {
    if skip_unless_root("a_healthy_stream_is_counted_where_it_passes_and_hardly_copied") {
        return Ok(());
    }
    let recipe = sessions(11, 4_000, &[Faults::default(); 4]);
    for (end, interfaces) in [
        (End::Near, ["--lan", "eth0"]),
        (End::Near, ["--mirror", "eth0"]),
        (End::Far, ["--wan", "eth0"]),
    ] {
        let (passed, copied) = check(&recipe, end, &interfaces)?;
        // All of it is copied until user space has seen which frames pass.
        assert!(
            copied * 3 < passed,
            "{copied} of {passed} were copied at {interfaces:?}"
        );
    }
    Ok(())
}

#[test]
fn what_is_lost_repeated_or_out_of_order_is_counted_as_it_was() -> io::Result<()> {
    if skip_unless_root("what_is_lost_repeated_or_out_of_order_is_counted_as_it_was") {
        return Ok(());
    }
    let faults = |lost, twice, late| Faults {
        lost_per_mille: lost,
        twice_per_mille: twice,
        late_per_mille: late,
        swap_first_pair: false,
    };
    let all = [
        faults(2, 0, 0),
        faults(0, 2, 0),
        faults(0, 0, 2),
        faults(1, 1, 1),
    ];
    let (passed, copied) = check(&sessions(12, 6_000, &all), End::Near, &["--lan", "eth0"])?;
    assert!(copied < passed, "{copied} of {passed} were copied");
    Ok(())
}
