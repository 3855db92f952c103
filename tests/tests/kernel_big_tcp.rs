//! Packets longer than an IP header can say (BIG TCP): kernel programs, packet sockets and the offline decoder take
//! their lengths from the frame, and count what was sent. Their checksums are left to a card, too.

use std::io;

use rtspscope_tests::big_tcp::{self, Family};
use rtspscope_tests::cable::{Cable, End, Hook, INTERFACE};
use rtspscope_tests::lab::skip_unless_root;
use rtspscope_tests::witness::Witness;

/// Plays a session while all look at it at once: TCX on its way in, clsact on its way out, packet sockets, tcpdump.
fn check(family: Family) -> io::Result<()> {
    let cable = Cable::new()?;
    big_tcp::prepare(&cable, family)?;
    let sockets = ["--lan", INTERFACE, "--backend", "afpacket"];
    let watches = [
        ("kernel programs, in", cable.watch(End::Near, Hook::Auto)?),
        ("kernel programs, out", cable.watch(End::Far, Hook::Clsact)?),
        (
            "packet sockets",
            cable.watch_with(End::Near, &sockets, Hook::Auto)?,
        ),
    ];
    let witness = Witness::start(&cable, End::Near)?;
    big_tcp::play(&cable, family)?;

    let (report, capture) = witness.finish(&cable)?;
    let named = |who: &str, error: io::Error| io::Error::other(format!("{who}: {error}"));
    big_tcp::check(&report).map_err(|error| named("tcpdump", error))?;
    let capture = capture.to_string_lossy();
    let (long, is_cut) = big_tcp::long_frames(&capture)?;
    assert!(long > 0 && !is_cut, "{long} long frames, cut: {is_cut}");
    let (unfinished, all) = big_tcp::unfinished_checksums(&capture)?;
    assert_eq!(unfinished, all, "checksums are left to the card");
    for (who, watch) in watches {
        let recording = watch.recording().to_string_lossy().into_owned();
        let report = watch.finish()?;
        big_tcp::check(&report).map_err(|error| named(who, error))?;
        let (recorded, is_cut) = big_tcp::long_frames(&recording)?;
        assert!(!is_cut, "{who}: a frame was cut");
        // Kernel programs leave out media that they counted where it passed.
        let fewest = if who == "packet sockets" { long } else { 1 };
        assert!(
            (fewest..=long).contains(&recorded),
            "{who}: {recorded} long frames of {long}"
        );
    }
    Ok(())
}

#[test]
fn segments_of_ipv4_without_a_total_length_are_counted_exactly() -> io::Result<()> {
    if skip_unless_root("segments_of_ipv4_without_a_total_length_are_counted_exactly") {
        return Ok(());
    }
    check(Family::V4)
}

#[test]
fn segments_of_ipv6_with_a_jumbo_payload_are_counted_exactly() -> io::Result<()> {
    if skip_unless_root("segments_of_ipv6_with_a_jumbo_payload_are_counted_exactly") {
        return Ok(());
    }
    check(Family::V6)
}
