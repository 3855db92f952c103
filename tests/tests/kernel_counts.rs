//! What the kernel programs count is what crossed the wire, for every shape of frame.
//!
//! A made capture, whose truth is known, is put on a cable that the program watches live. Every stream must be counted
//! as it was made: UDP in the kernel, interleaved media by whoever of kernel and engine read its segments.

use std::fs;
use std::io;

use rtspscope_tests::cable::{Cable, End, Hook, INTERFACE, ROOM};
use rtspscope_tests::generate::{self, Carrier, Recipe};
use rtspscope_tests::lab::skip_unless_root;
use serde_json::Value;

/// Makes a capture, reshapes its frames, puts them on the wire, and compares what the program counted at `end`.
fn check(
    end: End,
    hook: Hook,
    recipe: &Recipe,
    reshape: impl Fn(Vec<u8>) -> Vec<u8>,
) -> io::Result<()> {
    let cable = Cable::new()?;
    let (capture, truth) = cable.make(recipe, reshape)?;
    let watch = cable.watch_with(end, &[&["--lan", INTERFACE][..], &ROOM].concat(), hook)?;
    cable.inject(&capture)?;
    let report = watch.finish()?;
    assert!(!truth.streams.is_empty());
    assert_eq!(
        report.value()["capture"]["losses"],
        Value::Array(Vec::new())
    );
    let wrong = report.differences(&truth);
    assert!(
        wrong.is_empty(),
        "{} of {} streams differ:\n{}",
        wrong.len(),
        truth.streams.len(),
        wrong.join("\n")
    );
    Ok(())
}

/// Every fourth of the interleaved sessions and all others. Where all begin at once the kernel copies all, and a machine
/// that is busy with other tests could not take in that many.
fn everything(seed: u64) -> Recipe {
    let mut recipe = Recipe::everything(seed);
    let mut interleaved = 0;
    recipe.sessions.retain(|session| {
        interleaved += usize::from(session.carrier == Carrier::Interleaved);
        session.carrier == Carrier::Udp || interleaved % 4 == 1
    });
    recipe
}

/// The same without encapsulation: what is reshaped must be plain before.
fn plain(seed: u64) -> Recipe {
    let mut recipe = everything(seed);
    recipe
        .sessions
        .retain(|session| session.encapsulation == generate::Encapsulation::Plain);
    recipe
}

/// Puts 12 bytes of options (a time stamp option without room, RFC 791 §3.1) into an IPv4 header.
fn with_ipv4_options(mut frame: Vec<u8>) -> Vec<u8> {
    if frame[12..14] != [0x08, 0x00] {
        return frame;
    }
    let total_len = u16::from_be_bytes([frame[16], frame[17]]) + 12;
    frame[14] = 0x48;
    frame[16..18].copy_from_slice(&total_len.to_be_bytes());
    let mut option = [1; 12];
    option[..4].copy_from_slice(&[68, 12, 13, 0]);
    frame.splice(34..34, option);
    frame
}

/// Puts a hop-by-hop and a destination options header (RFC 8200 §4.3, §4.6) in front of the transport header.
fn with_ipv6_extensions(mut frame: Vec<u8>) -> Vec<u8> {
    if frame[12..14] != [0x86, 0xdd] {
        return frame;
    }
    let transport = std::mem::replace(&mut frame[20], 0);
    let payload_len = u16::from_be_bytes([frame[18], frame[19]]) + 24;
    frame[18..20].copy_from_slice(&payload_len.to_be_bytes());
    let hop_by_hop = [60, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let destination = [transport, 0, 1, 4, 0, 0, 0, 0];
    frame.splice(54..54, hop_by_hop.into_iter().chain(destination));
    frame
}

#[test]
fn every_stream_that_comes_in_is_counted_exactly() -> io::Result<()> {
    if skip_unless_root("every_stream_that_comes_in_is_counted_exactly") {
        return Ok(());
    }
    check(End::Near, Hook::Auto, &everything(3), |frame| frame)
}

#[test]
fn every_stream_that_goes_out_is_counted_exactly_through_clsact() -> io::Result<()> {
    if skip_unless_root("every_stream_that_goes_out_is_counted_exactly_through_clsact") {
        return Ok(());
    }
    check(End::Far, Hook::Clsact, &everything(4), |frame| frame)
}

#[test]
fn options_and_extension_headers_are_stepped_over() -> io::Result<()> {
    if skip_unless_root("options_and_extension_headers_are_stepped_over") {
        return Ok(());
    }
    check(End::Near, Hook::Auto, &plain(5), |frame| {
        with_ipv6_extensions(with_ipv4_options(frame))
    })
}

#[test]
fn a_mirror_port_counts_the_same() -> io::Result<()> {
    if skip_unless_root("a_mirror_port_counts_the_same") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let (capture, truth) = cable.make(&plain(6), |frame| frame)?;
    let words = [&["--mirror", INTERFACE][..], &ROOM].concat();
    let watch = cable.watch_with(End::Near, &words, Hook::Auto)?;
    cable.inject(&capture)?;
    let report = watch.finish()?;
    let source = report.value()["capture"]["taps"][0]["source"]
        .as_str()
        .unwrap_or_default();
    assert!(source.starts_with("xdp-"), "{source}");
    let wrong = report.differences(&truth);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn a_recording_replayed_counts_the_same() -> io::Result<()> {
    if skip_unless_root("a_recording_replayed_counts_the_same") {
        return Ok(());
    }
    let cable = Cable::new()?;
    let (capture, truth) = cable.make(&plain(7), |frame| frame)?;
    let words = [&["--lan", INTERFACE][..], &ROOM].concat();
    let watch = cable.watch_with(End::Near, &words, Hook::Auto)?;
    let recording = watch.recording().to_owned();
    cable.inject(&capture)?;
    watch.finish()?;
    let replayed = rtspscope_tests::program::analyze(&[&recording.to_string_lossy()])?;
    let wrong = replayed.differences(&truth);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    fs::remove_file(&capture)
}
