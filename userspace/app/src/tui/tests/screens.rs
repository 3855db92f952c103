//! Pictures of every view at three sizes, driven by captures and keys: what the packets say is what stands there.

use std::fmt::Write as _;

use super::super::theme::Theme;
use super::Stage;

/// The smallest screen, the usual one and a larger one.
const SIZES: [(u16, u16); 3] = [(40, 12), (80, 24), (120, 40)];

fn pictures(name: &str, keys: &str) -> String {
    let mut all = String::new();
    for (columns, rows) in SIZES {
        let mut stage = Stage::of(name).sized(columns, rows);
        let screen = stage.press(keys).screen();
        let end = "=".repeat(usize::from(columns));
        let _ = writeln!(all, "{columns}x{rows}\n{screen}{end}");
    }
    all
}

#[test]
fn sessions() {
    insta::assert_snapshot!(pictures("K-alg-owrt-conflict", "j"));
}

#[test]
fn a_session_without_a_picture() {
    insta::assert_snapshot!(pictures("A-gst-gst-udp-nopunch", ""));
}

#[test]
fn findings() {
    insta::assert_snapshot!(pictures("A-gst-gst-udp-nopunch", "i Right"));
}

#[test]
fn ladder_of_media_that_end_at_the_router() {
    insta::assert_snapshot!(pictures("A-gst-gst-udp-nopunch", "Enter n"));
}

#[test]
fn ladder_of_a_rewrite() {
    insta::assert_snapshot!(pictures("K-alg-owrt-conflict", "j Enter n"));
}

#[test]
fn ladder_of_a_request_that_was_broken() {
    insta::assert_snapshot!(pictures("K-alg-owrt-dest-last", "Enter n"));
}

#[test]
fn message() {
    insta::assert_snapshot!(pictures("K-alg-owrt-dest-last", "Enter n r Right"));
}

#[test]
fn diff() {
    insta::assert_snapshot!(pictures("K-alg-owrt-conflict", "j d"));
}

#[test]
fn diff_of_a_lost_line_end() {
    insta::assert_snapshot!(pictures("K-alg-owrt-dest-last", "d n"));
}

#[test]
fn media() {
    insta::assert_snapshot!(pictures("R-random-live555-ffmpeg-udp", "m"));
}

#[test]
fn health() {
    insta::assert_snapshot!(pictures("M-gst-gst-mcast", "7"));
}

#[test]
fn comparison() {
    insta::assert_snapshot!(pictures("K-alg-owrt-conflict", "Space Space x"));
}

#[test]
fn help() {
    insta::assert_snapshot!(pictures("K-alg-owrt-conflict", "?"));
}

#[test]
fn a_screen_of_ascii_without_colours() {
    let mut stage = Stage::of("A-gst-gst-udp-nopunch");
    stage.theme = Theme {
        color: false,
        unicode: false,
    };
    insta::assert_snapshot!(stage.press("Enter n").screen());
}
