//! The corpora of the fuzz targets, replayed.

use std::fs;
use std::panic;
use std::path::PathBuf;

use rtspscope_hostile::{CHECKS, Check};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus"))
}

fn replay((name, check): (&str, Check)) {
    let entries = fs::read_dir(folder().join(name)).expect("each target has a corpus");
    let mut inputs = 0;
    for entry in entries {
        let path = entry.expect("the folder can be read").path();
        let input = fs::read(&path).expect("the input can be read");
        let held = panic::catch_unwind(|| check(&input));
        assert!(held.is_ok(), "{name} breaks on {}", path.display());
        inputs += 1;
    }
    assert!(inputs > 0, "{name} has no inputs");
}

#[test]
fn every_law_holds_for_every_kept_input() {
    CHECKS.into_iter().for_each(replay);
}

#[test]
fn every_law_holds_for_nothing_and_for_little() {
    for (_, check) in CHECKS {
        check(&[]);
        for byte in 0..=u8::MAX {
            check(&[byte]);
            check(&[byte; 9]);
            check(&[byte; 300]);
        }
    }
}
