//! What cannot be read is refused in one clear line with status 2, and what can be read is read up to its end.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use rtspscope_tests::lab;
use rtspscope_tests::pcap::Capture;
use rtspscope_tests::program::{self, Outcome};

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn place(name: &str, bytes: &[u8]) -> io::Result<String> {
    let path = scratch(name);
    fs::write(&path, bytes)?;
    Ok(path.to_string_lossy().into_owned())
}

fn golden(name: &str) -> io::Result<Vec<u8>> {
    fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("captures/golden")
            .join(name),
    )
}

/// Status 2, nothing on standard output, and one line on standard error that names `subject`.
fn assert_refused(outcome: &Outcome, subject: &str) {
    assert_eq!(outcome.status, Some(2), "{outcome:?}");
    assert_eq!(outcome.stdout, "", "{outcome:?}");
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{outcome:?}");
    assert!(lines[0].contains(subject), "{outcome:?}");
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
}

fn assert_file_refused(path: &str) -> io::Result<()> {
    assert_refused(&program::run(&["analyze", path])?, path);
    Ok(())
}

#[test]
fn an_empty_file_is_refused() -> io::Result<()> {
    assert_file_refused(&place("empty.pcap", b"")?)
}

#[test]
fn a_capture_cut_in_its_file_header_is_refused() -> io::Result<()> {
    assert_file_refused(&place(
        "header.pcap",
        &golden("A-gst-ffmpeg-udp.wan.pcap")?[..17],
    )?)
}

#[test]
fn a_text_file_is_refused() -> io::Result<()> {
    assert_file_refused(&place(
        "notes.pcap",
        b"The camera is in the hall, the router in the cellar.\n",
    )?)
}

#[test]
fn a_missing_file_is_refused() -> io::Result<()> {
    assert_file_refused(&scratch("not-there.pcap").to_string_lossy())
}

#[test]
fn a_directory_is_refused() -> io::Result<()> {
    assert_file_refused(env!("CARGO_TARGET_TMPDIR"))
}

#[test]
fn empty_standard_input_is_refused() -> io::Result<()> {
    assert_refused(
        &program::run_with_input(&["analyze", "-"], b"")?,
        "standard input",
    );
    Ok(())
}

/// A pcap file of this link type with one record, which claims so many bytes and has four.
fn one_record(link_type: u32, claimed: u32) -> Vec<u8> {
    let words = [
        0xa1b2_c3d4,
        0x0004_0002,
        0,
        0,
        65_535,
        link_type,
        1,
        0,
        claimed,
        claimed,
        0,
    ];
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

#[test]
fn a_capture_of_which_nothing_can_be_read_is_refused() -> io::Result<()> {
    let good = place("good-too.pcap", &golden("A-gst-ffmpeg-udp.lan.pcap")?)?;
    for (name, bytes) in [
        ("bluetooth.pcap", one_record(187, 4)),
        ("length.pcap", one_record(1, u32::MAX)),
    ] {
        let bad = place(name, &bytes)?;
        assert_file_refused(&bad)?;
        let among_others = ["analyze", "--lan", &good, "--wan", &bad];
        assert_refused(&program::run(&among_others)?, &bad);
        let piped = program::run_with_input(&["analyze", "--format", "ndjson", "-"], &bytes)?;
        assert_refused(&piped, "standard input");
    }
    Ok(())
}

#[test]
fn a_whole_capture_without_frames_is_analyzed_and_told_of() -> io::Result<()> {
    let header = &one_record(1, 4)[..24];
    let file = place("quiet.pcap", header)?;
    let outcome = program::run(&["analyze", &file])?;
    assert_eq!(outcome.status, Some(0), "{outcome:?}");
    let told = format!("rtspscope: {file}: holds no frames: ");
    assert!(outcome.stderr.starts_with(&told), "{outcome:?}");
    let reported = "! No RTSP session: there are no frames in quiet.pcap.\n";
    assert!(outcome.stdout.starts_with(reported), "{outcome:?}");
    Ok(())
}

#[test]
fn one_bad_file_among_good_ones_is_named() -> io::Result<()> {
    let good = place("good.pcap", &golden("A-gst-ffmpeg-udp.lan.pcap")?)?;
    let bad = place("bad.pcap", b"no capture")?;
    assert_refused(
        &program::run(&["analyze", "--lan", &good, "--wan", &bad])?,
        &bad,
    );
    Ok(())
}

#[test]
fn a_capture_cut_in_the_middle_of_a_packet_is_read_up_to_the_cut() -> io::Result<()> {
    let whole = golden("A-gst-ffmpeg-udp.wan.pcap")?;
    let cut = &whole[..whole.len() / 2];
    let frames = Capture::read(cut)?.records.len();
    let file = place("cut.pcap", cut)?;
    let report = program::analyze(&[&file])?;
    assert_eq!(report.value()["capture"]["taps"][0]["frames"], frames);
    assert_eq!(report.sessions().len(), 1);
    let finding = report.value()["findings"].as_array().into_iter().flatten();
    let said: Vec<String> = finding
        .filter(|finding| finding["code"] == "capture-incomplete")
        .map(ToString::to_string)
        .collect();
    assert!(said.iter().any(|text| text.contains("cut")), "{said:?}");
    Ok(())
}

/// The pipe holds the reader of both where it has seen the begin of the file and nothing else.
#[test]
fn a_capture_that_becomes_shorter_while_it_is_read_is_refused() -> io::Result<()> {
    let whole = golden("A-gst-ffmpeg-udp.wan.pcap")?;
    let file = place("shrinks.pcap", &whole)?;
    let pipe = scratch("shrinks.pipe");
    if !pipe.exists() {
        assert!(Command::new("mkfifo").arg(&pipe).status()?.success());
    }
    let pipe_name = pipe.to_string_lossy().into_owned();
    let outcome = thread::scope(|scope| {
        let reading = scope.spawn(|| program::run(&["analyze", &file, &pipe_name]));
        let mut options = fs::File::options();
        let options = options.write(true);
        // Cannot be opened so before its reader has opened it, and does not wait for one that has ended. It stays open until the
        // one that waits is, so that the reader sees no end.
        let mut early = options.clone();
        let early = early.custom_flags(libc::O_NONBLOCK);
        let first = loop {
            match early.open(&pipe) {
                Ok(first) => break first,
                Err(_) if !reading.is_finished() => thread::sleep(Duration::from_millis(5)),
                Err(error) => return Err(error),
            }
        };
        let mut writer = options.open(&pipe)?;
        drop(first);
        fs::File::options().write(true).open(&file)?.set_len(0)?;
        // The reader may end, and close the pipe, before it has read all.
        let written = writer.write_all(&whole);
        let closed = written.err().map(|error| error.kind());
        assert!(matches!(closed, None | Some(io::ErrorKind::BrokenPipe)));
        drop(writer);
        reading
            .join()
            .map_err(|_| io::Error::other("the reader panicked"))?
    })?;
    assert_refused(&outcome, &file);
    assert!(outcome.stderr.contains("shorter"), "{outcome:?}");
    Ok(())
}

#[test]
fn an_unknown_code_is_refused_and_told_where_the_codes_are() -> io::Result<()> {
    let outcome = program::run(&["explain", "no-such-code"])?;
    assert_refused(&outcome, "no-such-code");
    assert_refused(&outcome, "rtspscope explain without a code lists the codes");
    Ok(())
}

#[test]
fn one_file_under_two_names_is_refused() -> io::Result<()> {
    let file = place("twice.pcap", &golden("A-gst-ffmpeg-udp.wan.pcap")?)?;
    let again = file.replace("/twice.pcap", "/./twice.pcap");
    let outcome = program::run(&["analyze", "--lan", &file, "--wan", &again])?;
    assert_refused(&outcome, "is named twice");
    Ok(())
}

#[test]
fn one_interface_on_both_sides_is_refused() -> io::Result<()> {
    let outcome = program::run(&["watch", "--lan", "lo", "--wan", "lo", "--no-tui"])?;
    assert_refused(&outcome, "lo: is named twice");
    Ok(())
}

#[test]
fn a_recording_and_a_report_in_one_file_are_refused() -> io::Result<()> {
    let file = scratch("recording-and-report.pcapng")
        .to_string_lossy()
        .into_owned();
    let of_two = [
        "watch", "--lan", "lo", "--no-tui", "--record", &file, "-o", &file,
    ];
    assert_refused(&program::run(&of_two)?, &file);
    assert!(!Path::new(&file).exists());
    Ok(())
}

#[test]
fn help_that_cannot_be_written_is_told() -> io::Result<()> {
    let full = fs::File::options().write(true).open("/dev/full")?;
    let mut program = Command::new(program::binary()?);
    let outcome = program.arg("--help").stdout(full).output()?;
    assert_eq!(outcome.status.code(), Some(2));
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert!(said.contains("standard output: cannot write"), "{said}");
    Ok(())
}

#[test]
fn port_zero_is_refused() -> io::Result<()> {
    let outcome = program::run(&["analyze", "--rtsp-port", "0", "any.pcap"])?;
    assert_refused(&outcome, "--rtsp-port");
    Ok(())
}

#[test]
fn an_unknown_interface_is_refused() -> io::Result<()> {
    let outcome = program::run(&[
        "watch",
        "--no-tui",
        "--duration",
        "1s",
        "--lan",
        "nosuch0",
        "--wan",
        "nosuch1",
    ])?;
    assert_refused(&outcome, if lab::is_root() { "nosuch0" } else { "" });
    Ok(())
}

/// Runs a copy of the program as a user without any rights.
fn run_as_nobody(args: &[&str]) -> io::Result<Outcome> {
    let directory = std::env::temp_dir().join(format!(
        "rtspscope-nobody-{}-{}",
        std::process::id(),
        args[0]
    ));
    fs::create_dir_all(&directory)?;
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?;
    let copy = directory.join("rtspscope");
    fs::copy(program::binary()?, &copy)?;
    let nobody = [
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
        "--inh-caps=-all",
        "--",
    ];
    let output = Command::new("setpriv")
        .args(nobody)
        .args(program::LIMITED)
        .arg(&copy)
        .args(args)
        .current_dir("/")
        .output();
    fs::remove_dir_all(&directory)?;
    Ok(output?.into())
}

#[test]
fn watching_without_permission_is_refused() -> io::Result<()> {
    if !lab::skip_unless_root("watching_without_permission_is_refused") {
        let args = ["watch", "--no-tui", "--duration", "1s", "--lan", "lo"];
        assert_refused(&run_as_nobody(&args)?, "root");
    }
    Ok(())
}

#[test]
fn a_file_that_may_not_be_read_is_refused() -> io::Result<()> {
    if !lab::skip_unless_root("a_file_that_may_not_be_read_is_refused") {
        let path = place("secret.pcap", &golden("A-gst-ffmpeg-udp.wan.pcap")?)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        assert_refused(&run_as_nobody(&["analyze", &path])?, &path);
    }
    Ok(())
}
