//! Every stream of a generated capture is counted exactly as it was made: UDP and interleaved, IPv4 and IPv6, plain,
//! tagged and PPPoE, with losses, duplicates, reordering, swapped first pairs, retransmissions and gaps.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;

use rtspscope_tests::generate::{self, Recipe, StreamTruth};
use rtspscope_tests::program;
use rtspscope_tests::report::Report;
use serde_json::Value;

/// A capture that is removed again.
struct Capture(PathBuf);

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn check(seed: u64) {
    let path = std::env::temp_dir().join(format!(
        "rtspscope-truth-{}-{seed}.pcap",
        std::process::id()
    ));
    let capture = Capture(path);
    let file = File::create(&capture.0).expect("the temporary folder takes a file");
    let truth = generate::write(&Recipe::everything(seed), &mut BufWriter::new(file))
        .expect("the disk takes it");
    let path = capture
        .0
        .to_str()
        .expect("the temporary folder's name is text");
    let report = program::analyze(&[path]).expect("a sound capture is analyzed");
    assert_eq!(report.value()["capture"]["taps"][0]["frames"], truth.frames);
    let wrong: Vec<String> = truth
        .streams
        .iter()
        .filter_map(|stream| difference(&report, stream))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} streams differ:\n{}",
        wrong.len(),
        truth.streams.len(),
        wrong.join("\n")
    );
}

/// What the report says otherwise than the truth about one stream.
fn difference(report: &Report, truth: &StreamTruth) -> Option<String> {
    let session = match report.session_of(truth) {
        Ok(session) => session,
        Err(why) => return Some(why),
    };
    let transport = if truth.interleaved { "tcp" } else { "udp" };
    if session["transport"] != transport {
        return Some(format!("{}: not {transport}", truth.client));
    }
    let rtp = &session["media"][truth.medium]["arrivals"][0]["rtp"];
    if rtp["jitter_ms"] == Value::Null {
        return Some(format!("{}: no jitter", truth.client));
    }
    report.difference(truth)
}

#[test]
fn every_stream_is_exact_with_one_seed() {
    check(1);
}

#[test]
fn every_stream_is_exact_with_another_seed() {
    check(20_261_122);
}
