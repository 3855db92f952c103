//! Jumbo frames, whole and in pages: what the kernel programs count of them is what was sent, and what tcpdump saw.

use std::fs;
use std::io;

use rtspscope_tests::cable::{Cable, End, Hook, INTERFACE, ROOM};
use rtspscope_tests::generate::Recipe;
use rtspscope_tests::lab::{say_skipped, skip_unless_root};
use rtspscope_tests::witness::Witness;
use serde_json::Value;

/// Payload of a video packet: with every header of every encapsulation it fills a link of [`MTU`] nearly.
const PAYLOAD_LEN: usize = 8_900;
const MTU: u32 = 9_000;

/// A packet socket lays the frame in pages from this length on (x86-64, where a page has 4096 bytes).
const PAGE_LEN: u32 = 4_096;

/// Every third of all kinds of sessions, with fewer and longer packets.
fn recipe(seed: u64) -> Recipe {
    let mut recipe = Recipe::everything(seed);
    let mut place = 0;
    recipe.sessions.retain(|_| {
        place += 1;
        place % 3 == 1
    });
    for session in &mut recipe.sessions {
        session.packets = 60;
        session.payload_len = PAYLOAD_LEN;
    }
    recipe
}

/// Lengths of the frames of a classic capture.
fn frame_lengths(capture: &[u8]) -> Vec<u32> {
    let mut lengths = Vec::new();
    let mut rest = capture.get(24..).unwrap_or_default();
    while let Some((header, frames)) = rest.split_first_chunk::<16>() {
        let len = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        lengths.push(len);
        rest = frames.get(len as usize..).unwrap_or_default();
    }
    lengths
}

/// Sends a made capture and holds what was counted on its way out, in by all, and by tcpdump against its truth.
fn check(seed: u64, in_pages: bool) -> io::Result<()> {
    let cable = Cable::new()?;
    cable.set_mtu(MTU)?;
    let (capture, truth) = cable.make(&recipe(seed), |frame| frame)?;
    let programs = [&["--lan", INTERFACE][..], &ROOM].concat();
    let sockets = [&programs[..], &["--backend", "afpacket"]].concat();
    let watch = |end, words: &[&str], hook| cable.watch_with(end, words, hook);
    let watches = [
        ("in", watch(End::Near, &programs, Hook::Auto)?),
        ("out", watch(End::Far, &programs, Hook::Clsact)?),
        ("sockets", watch(End::Near, &sockets, Hook::Auto)?),
    ];
    let witness = Witness::start(&cable, End::Near)?;
    let lengths = frame_lengths(&fs::read(&capture)?);
    let jumbo = lengths.iter().filter(|len| **len >= PAGE_LEN).count();
    assert!(jumbo > 500, "{jumbo} of {} frames", lengths.len());
    if in_pages {
        match cable.inject_paged(&capture)? {
            Some(paged) => assert!(paged >= jumbo as u64, "{paged} of {jumbo} in pages"),
            None => say_skipped(
                "kernel_jumbo",
                "for pages, the kernel does not tell of them",
            ),
        }
    } else {
        cable.inject(&capture)?;
    }
    let (witnessed, _) = witness.finish(&cable)?;
    let mut reports = vec![("tcpdump", witnessed)];
    for (who, watch) in watches {
        reports.push((who, watch.finish()?));
    }
    assert!(!truth.streams.is_empty());
    for (who, report) in reports {
        let losses = &report.value()["capture"]["losses"];
        assert_eq!(*losses, Value::Array(Vec::new()), "{who}");
        let wrong = report.differences(&truth);
        assert!(wrong.is_empty(), "{who}: {}", wrong.join("\n"));
    }
    Ok(())
}

#[test]
fn jumbo_frames_are_counted_exactly() -> io::Result<()> {
    if skip_unless_root("jumbo_frames_are_counted_exactly") {
        return Ok(());
    }
    check(21, false)
}

#[test]
fn frames_of_which_only_the_ethernet_header_is_linear_are_counted_exactly() -> io::Result<()> {
    if skip_unless_root("frames_of_which_only_the_ethernet_header_is_linear_are_counted_exactly") {
        return Ok(());
    }
    check(22, true)
}
