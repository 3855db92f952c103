//! The same packets read the same, whatever file they come in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rtspscope_tests::pcap::{ByteOrder, Capture, Resolution, write_pcapng};
use rtspscope_tests::program;
use rtspscope_tests::report::Report;

/// A pair of captures with much to find in it.
const NAME: &str = "K-alg-owrt-conflict";

fn golden(leg: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("captures/golden/{NAME}.{leg}.pcap"))
}

fn capture(leg: &str) -> io::Result<Capture> {
    Capture::read(&fs::read(golden(leg))?)
}

/// Puts a file where only this test run writes, and returns its path.
fn place(name: &str, bytes: &[u8]) -> io::Result<String> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, bytes)?;
    Ok(path.to_string_lossy().into_owned())
}

fn original() -> io::Result<Report> {
    let (lan, wan) = (golden("lan"), golden("wan"));
    let report = program::analyze(&[
        "--lan",
        &lan.to_string_lossy(),
        "--wan",
        &wan.to_string_lossy(),
    ])?;
    assert_eq!(
        report.sessions().len(),
        2,
        "there must be something to compare"
    );
    Ok(report)
}

#[test]
fn byte_order_and_resolution_of_a_pcap_make_no_difference() -> io::Result<()> {
    let expected = original()?.without_sources();
    for (order, resolution) in [
        (ByteOrder::Little, Resolution::Nanos),
        (ByteOrder::Big, Resolution::Micros),
        (ByteOrder::Big, Resolution::Nanos),
    ] {
        let file = |leg: &str| {
            place(
                &format!("{leg}-{order:?}-{resolution:?}.pcap"),
                &capture(leg)?.write(order, resolution),
            )
        };
        let report = program::analyze(&["--lan", &file("lan")?, "--wan", &file("wan")?])?;
        assert_eq!(
            report.without_sources(),
            expected,
            "{order:?} {resolution:?}"
        );
    }
    Ok(())
}

#[test]
fn a_pcapng_of_either_byte_order_reads_as_the_pcap() -> io::Result<()> {
    let expected = original()?.without_sources();
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let file = |leg: &str| {
            place(
                &format!("{leg}-{order:?}.pcapng"),
                &write_pcapng(&[("eth0", &capture(leg)?)], order),
            )
        };
        let report = program::analyze(&["--lan", &file("lan")?, "--wan", &file("wan")?])?;
        assert_eq!(report.without_sources(), expected, "{order:?}");
    }
    Ok(())
}

#[test]
fn two_interfaces_in_one_pcapng_are_two_taps() -> io::Result<()> {
    let (lan, wan) = (capture("lan")?, capture("wan")?);
    let file = place(
        "both.pcapng",
        &write_pcapng(&[("lan0", &lan), ("wan0", &wan)], ByteOrder::Little),
    )?;
    assert_eq!(program::analyze(&[&file])?.essence(), original()?.essence());
    Ok(())
}

#[test]
fn roles_come_from_the_packets_when_nobody_names_them() -> io::Result<()> {
    let (lan, wan) = (golden("lan"), golden("wan"));
    let report = program::analyze(&[&wan.to_string_lossy(), &lan.to_string_lossy()])?;
    assert_eq!(report.essence(), original()?.essence());
    Ok(())
}

#[test]
fn standard_input_reads_as_the_file() -> io::Result<()> {
    let wan = golden("wan");
    let piped = program::run_with_input(&["analyze", "--format", "json", "-"], &fs::read(&wan)?)?;
    let file = program::analyze(&[&wan.to_string_lossy()])?;
    assert_eq!(
        program::report_of(&piped)?.without_sources(),
        file.without_sources()
    );
    Ok(())
}
