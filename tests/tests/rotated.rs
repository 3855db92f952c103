//! A capture that was rotated into several files gives the report of the whole, with each frame by its own file and number.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rtspscope_tests::pcap::{ByteOrder, Capture, Record, Resolution, write_pcapng};
use rtspscope_tests::program;
use rtspscope_tests::report::Report;
use serde_json::Value;

/// Over UDP; a router that changes SETUP wrongly, with much to find in it.
const UDP: &str = "K-alg-owrt-conflict";
/// Interleaved in the connection.
const TCP: &str = "A-gst-ffmpeg-tcp";

fn golden(name: &str, leg: &str) -> io::Result<Capture> {
    let place = format!("captures/golden/{name}.{leg}.pcap");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(place);
    Capture::read(&fs::read(path)?)
}

/// A directory for the files of one test.
fn directory(name: &str) -> io::Result<PathBuf> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rotated-{name}"));
    fs::create_dir_all(&path)?;
    Ok(path)
}

fn write(path: &Path, capture: &Capture) -> io::Result<String> {
    fs::write(path, capture.write(ByteOrder::Little, Resolution::Micros))?;
    Ok(path.to_string_lossy().into_owned())
}

/// The records of a capture from one place to another as a capture of their own.
fn part(capture: &Capture, records: std::ops::Range<usize>) -> Capture {
    Capture {
        link_type: capture.link_type,
        records: capture.records[records].to_vec(),
    }
}

/// Writes a capture as `cap.pcap`, `cap.pcap1` and so on, cut before the given records; the paths in order of time.
fn rotated(directory: &Path, capture: &Capture, cuts: &[usize]) -> io::Result<Vec<String>> {
    let begins = [&[0], cuts].concat();
    let ends = [cuts, &[capture.records.len()]].concat();
    let parts = begins.into_iter().zip(ends).enumerate();
    let paths = parts.map(|(number, (begin, end))| {
        let digits = if number == 0 {
            String::new()
        } else {
            number.to_string()
        };
        let path = directory.join(format!("cap.pcap{digits}"));
        write(&path, &part(capture, begin..end))
    });
    paths.collect()
}

/// Where two segments with payload follow each other in one direction: there a run of segments is cut in its middle.
fn inside_a_run(capture: &Capture, near: usize) -> usize {
    let flow = |record: &Record| {
        let packet = record.bytes.get(14..)?;
        let is_tcp = packet.get(9) == Some(&6) && packet.len() > 100;
        is_tcp.then(|| packet[12..24].to_vec())
    };
    let records = &capture.records;
    let mut places = near..records.len();
    let is_inside = |place: &usize| {
        let before = flow(&records[place - 1]);
        before.is_some() && before == flow(&records[*place])
    };
    places.find(is_inside).unwrap_or_default()
}

/// The frame numbers of a report of the whole as those of its parts.
struct Parts {
    files: Vec<(String, u64)>,
}

impl Parts {
    fn of(paths: &[String], cuts: &[usize]) -> Self {
        let before = std::iter::once(0).chain(cuts.iter().map(|cut| *cut as u64));
        let names = paths.iter().map(|path| {
            let name = Path::new(path).file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        });
        Self {
            files: names.zip(before).collect(),
        }
    }

    fn place(&self, number: u64) -> (&str, u64) {
        let holds = |file: &&(String, u64)| file.1 < number;
        let file = self.files.iter().rev().find(holds);
        file.map_or(("", number), |(name, before)| (name, number - before))
    }

    /// The report of the whole as that of the parts is to be.
    fn of_whole(&self, whole: &Report) -> io::Result<Report> {
        let text = whole.value().to_string();
        let text = text.replace("whole.pcap", &self.files[0].0);
        let mut value = serde_json::from_str(&text)?;
        self.apply(&mut value);
        Ok(Report::new(value))
    }

    /// Puts the file and the number in it where the whole has a number.
    fn apply(&self, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.apply(value)),
            Value::Object(fields) => {
                for (number, file) in [
                    ("frame", "file"),
                    ("pre_frame", "pre_file"),
                    ("post_frame", "post_file"),
                ] {
                    let Some(frame) = fields.get(number).and_then(Value::as_u64) else {
                        continue;
                    };
                    let (name, own) = self.place(frame);
                    fields.insert(number.to_owned(), own.into());
                    fields.insert(file.to_owned(), name.into());
                }
                fields.values_mut().for_each(|value| self.apply(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// A report without what a tap's files are called.
fn without_files(report: &Report) -> Value {
    let mut value = report.without_sources();
    let taps = value["capture"]["taps"].as_array_mut();
    for tap in taps.into_iter().flatten() {
        tap["name"] = Value::Null;
        if let Some(tap) = tap.as_object_mut() {
            tap.remove("files");
        }
    }
    value
}

fn analyze(arguments: &[String]) -> io::Result<Report> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    program::analyze(&arguments)
}

/// The parts, shuffled, read as the whole does; and every frame is found in its part.
fn parts_read_as_the_whole(name: &str, leg: &str, cuts: &[usize]) -> io::Result<()> {
    let capture = golden(name, leg)?;
    let directory = directory(&format!("{name}-{leg}"))?;
    let whole = analyze(&[write(&directory.join("whole.pcap"), &capture)?])?;
    assert!(
        !whole.sessions().is_empty(),
        "there must be something to compare"
    );
    let paths = rotated(&directory, &capture, cuts)?;
    let mut shuffled = paths.clone();
    shuffled.rotate_left(2);
    shuffled.swap(0, 1);
    let report = analyze(&shuffled)?;
    let expected = Parts::of(&paths, cuts).of_whole(&whole)?;
    assert_eq!(without_files(&report), without_files(&expected));
    let tap = &report.value()["capture"]["taps"][0];
    assert_eq!(tap["name"], "cap.pcap");
    assert_eq!(tap["files"], Value::from(paths.clone()));
    assert_eq!(tap["source"], paths.join(", "));
    Ok(())
}

#[test]
fn a_session_over_udp_goes_on_through_the_files() -> io::Result<()> {
    for leg in ["lan", "wan"] {
        let len = golden(UDP, leg)?.records.len();
        parts_read_as_the_whole(UDP, leg, &[len / 3, len * 2 / 3])?;
    }
    Ok(())
}

#[test]
fn a_run_of_segments_goes_on_through_the_files() -> io::Result<()> {
    let capture = golden(TCP, "lan")?;
    let len = capture.records.len();
    let cuts = [len / 3, len * 2 / 3].map(|near| inside_a_run(&capture, near));
    assert!(0 < cuts[0] && cuts[0] < cuts[1], "{cuts:?}");
    parts_read_as_the_whole(TCP, "lan", &cuts)
}

#[test]
fn two_taps_are_rotated_each_for_itself() -> io::Result<()> {
    for name in [UDP, TCP] {
        let directory = directory(&format!("{name}-both"))?;
        let mut whole = Vec::new();
        let mut parts = Vec::new();
        let mut cuts = Vec::new();
        for leg in ["lan", "wan"] {
            let capture = golden(name, leg)?;
            let place = directory.join(leg);
            fs::create_dir_all(&place)?;
            let side = format!("--{leg}");
            let path = write(&place.join("whole.pcap"), &capture)?;
            whole.extend([side.clone(), path]);
            let cut = capture.records.len() / 2;
            for path in rotated(&place, &capture, &[cut])?.into_iter().rev() {
                parts.extend([side.clone(), path]);
            }
            cuts.push(cut);
        }
        let (whole, report) = (analyze(&whole)?, analyze(&parts)?);
        assert_eq!(
            whole.value()["capture"]["taps"].as_array().map(Vec::len),
            Some(2)
        );
        assert_eq!(report.essence(), whole.essence());
        let [expected, found] =
            [&whole, &report].map(|report| without_frames(without_files(report)));
        assert_eq!(found, expected);
    }
    Ok(())
}

/// A report without numbers and files of frames, which two taps count each for itself.
fn without_frames(mut value: Value) -> Value {
    const FRAMES: [&str; 6] = [
        "frame",
        "file",
        "pre_frame",
        "pre_file",
        "post_frame",
        "post_file",
    ];
    match &mut value {
        Value::Array(values) => {
            for value in values {
                *value = without_frames(value.take());
            }
        }
        Value::Object(fields) => {
            fields.retain(|name, _| !FRAMES.contains(&name.as_str()));
            for value in fields.values_mut() {
                *value = without_frames(value.take());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}

/// As dumpcap writes them: all interfaces in each file.
#[test]
fn a_pcapng_of_several_interfaces_goes_on_through_the_files() -> io::Result<()> {
    let directory = directory("pcapng")?;
    let [lan, wan] = [golden(UDP, "lan")?, golden(UDP, "wan")?];
    let at = |record: &Record| (record.seconds, record.micros);
    let middle = at(&lan.records[lan.records.len() / 2]);
    let halves = |capture: &Capture| {
        let cut = capture
            .records
            .partition_point(|record| at(record) < middle);
        [
            part(capture, 0..cut),
            part(capture, cut..capture.records.len()),
        ]
    };
    let file = |name: &str, lan: &Capture, wan: &Capture| {
        let path = directory.join(name);
        fs::write(
            &path,
            write_pcapng(&[("lan0", lan), ("wan0", wan)], ByteOrder::Little),
        )?;
        Ok::<_, io::Error>(path.to_string_lossy().into_owned())
    };
    let whole = analyze(&[file("whole.pcapng", &lan, &wan)?])?;
    let ([lan, later_lan], [wan, later_wan]) = (halves(&lan), halves(&wan));
    let names = [
        "cap_00001_20261127071500.pcapng",
        "cap_00002_20261127072000.pcapng",
    ];
    let first = file(names[0], &lan, &wan)?;
    let second = file(names[1], &later_lan, &later_wan)?;
    let cut = lan.records.len() + wan.records.len();
    let report = analyze(&[second.clone(), first.clone()])?;
    let expected = Parts::of(&[first, second], &[cut]).of_whole(&whole)?;
    assert_eq!(without_files(&report), without_files(&expected));
    Ok(())
}

/// All that names a frame names the file too.
#[test]
fn every_shape_of_the_report_leads_to_the_right_file() -> io::Result<()> {
    let directory = directory("shapes")?;
    let capture = golden(UDP, "wan")?;
    let whole = analyze(&[write(&directory.join("whole.pcap"), &capture)?])?;
    let proof = last_proof(&whole);
    let cut = proof - 1;
    let mut arguments = rotated(&directory, &capture, &[cut as usize])?;
    for (format, told) in [
        ("text", "cap.pcap1 #1 ("),
        ("markdown", "| `cap.pcap` | `cap.pcap1` #1 |"),
        ("html", "cap.pcap1 #1<"),
        ("ndjson", r#""tap":"cap.pcap","file":"cap.pcap1","frame":1"#),
    ] {
        let options = ["-v", "--format", format];
        let run = program::run(
            &["analyze"]
                .into_iter()
                .chain(options)
                .chain(arguments.iter().map(String::as_str))
                .collect::<Vec<_>>(),
        )?;
        assert!(run.stdout.contains(told), "{format}: {}", run.stdout);
        assert_eq!(
            run.stderr.lines().last(),
            Some(&*format!(
                "rtspscope: {}: goes on in cap.pcap1: the 2 files are read as one capture",
                arguments[0]
            ))
        );
    }
    let bundle = directory.join("bundle");
    arguments.extend(["--bundle".to_owned(), bundle.to_string_lossy().into_owned()]);
    analyze(&arguments)?;
    let report: Value = serde_json::from_slice(&fs::read(bundle.join("report.json"))?)?;
    fs::remove_dir_all(&bundle)?;
    let frames = report["bundle"]["frames"].as_array().cloned();
    let found = frames
        .into_iter()
        .flatten()
        .find(|frame| frame["file"] == "cap.pcap1" && frame["original_frame"] == 1);
    assert!(found.is_some(), "{}", report["bundle"]);
    Ok(())
}

/// Number of the last frame that a finding's evidence names.
fn last_proof(report: &Report) -> u64 {
    let findings = report.value()["findings"].as_array();
    let proofs = findings
        .into_iter()
        .flatten()
        .flat_map(|finding| finding["evidence"].as_array().into_iter().flatten());
    proofs
        .filter_map(|proof| proof["frame"].as_u64())
        .max()
        .unwrap_or_default()
}

/// Which names alone would say of two captures at the same time.
#[test]
fn captures_of_the_same_time_stay_two_taps() -> io::Result<()> {
    let directory = directory("overlap")?;
    let paths = [("tap1.pcap", "lan"), ("tap2.pcap", "wan")]
        .map(|(name, leg)| write(&directory.join(name), &golden(UDP, leg)?));
    let [lan, wan] = paths;
    let report = analyze(&[lan?, wan?])?;
    let taps = report.value()["capture"]["taps"].as_array();
    assert_eq!(taps.map(Vec::len), Some(2));
    let legs = report.sessions()[0]["legs"].as_array();
    assert_eq!(legs.map(Vec::len), Some(2));
    Ok(())
}
