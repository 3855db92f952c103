//! Packets as large as Linux makes them: the kernel programs see one packet where the wire carries dozens.

use std::io;
use std::process::Command;

use rtspscope_tests::cable::{Cable, End, Hook};
use rtspscope_tests::lab::skip_unless_root;
use rtspscope_tests::wait::LIMIT;
use serde_json::Value;

/// Lengths of the recording's frames of a protocol: as captured, and on the wire.
fn frame_lengths(recording: &str, protocol: &str) -> io::Result<Vec<(u32, u32)>> {
    let fields = ["-e", "frame.cap_len", "-e", "frame.len", "-Y", protocol];
    let output = Command::new("tshark")
        .args(["-r", recording, "-T", "fields"])
        .args(fields)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lengths = text.lines().filter_map(|line| {
        let (captured, original) = line.split_once('\t')?;
        Some((captured.parse().ok()?, original.parse().ok()?))
    });
    Ok(lengths.collect())
}

fn check(tapped: End, hook: Hook) -> io::Result<()> {
    let cable = Cable::new()?;
    cable.set_addresses()?;
    let mut camera = cable.start_script(End::Far, "exchange.py", &["camera"])?;
    camera.wait_until("serving", LIMIT, |camera| {
        camera.output().contains("serving")
    })?;
    let watch = cable.watch(tapped, hook)?;
    let recording = watch.recording().to_string_lossy().into_owned();
    cable.run_script(End::Near, "exchange.py", &["player"])?;
    let report = watch.finish()?;

    let [session] = report.sessions() else {
        panic!("one session expected: {}", report.value());
    };
    assert_eq!(
        report.value()["capture"]["losses"],
        Value::Array(Vec::new())
    );
    assert_eq!(
        (&session["requests"], &session["responses"]),
        (&Value::from(4), &Value::from(4))
    );
    let rtp = &session["media"][0]["arrivals"][0]["rtp"];
    let counts =
        ["packets", "expected", "lost", "duplicates", "reordered"].map(|key| rtp[key].as_u64());
    // 25 super-packets of 40 numbers each, of which one is left out.
    assert_eq!(counts, [975, 1000, 25, 0, 0].map(Some), "{rtp}");

    let lengths = frame_lengths(&recording, "udp")?;
    assert!(
        lengths.iter().any(|(_, original)| *original > 8_000),
        "media came in single datagrams: {lengths:?}"
    );
    let lengths = frame_lengths(&recording, "tcp")?;
    assert!(
        lengths.iter().any(|(_, original)| *original > 20_000),
        "no super-packet was seen: {lengths:?}"
    );
    assert!(
        lengths
            .iter()
            .all(|(captured, original)| captured == original),
        "a frame was cut: {lengths:?}"
    );
    Ok(())
}

#[test]
fn a_super_packet_of_text_arrives_whole_and_each_datagram_of_media_is_counted() -> io::Result<()> {
    if skip_unless_root(
        "a_super_packet_of_text_arrives_whole_and_each_datagram_of_media_is_counted",
    ) {
        return Ok(());
    }
    check(End::Near, Hook::Auto)
}

#[test]
fn the_same_holds_on_the_way_out_through_clsact() -> io::Result<()> {
    if skip_unless_root("the_same_holds_on_the_way_out_through_clsact") {
        return Ok(());
    }
    check(End::Far, Hook::Clsact)
}
