//! Documentation that shows the screen is made from the screen. `cargo xtask docs` writes it anew.

use std::fs;
use std::path::PathBuf;

use super::{Stage, recording};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn writes() -> bool {
    std::env::var_os("RTSPSCOPE_WRITE_PAGES").is_some()
}

/// What stands between the comments `screen: name` and `/screen` in a text, and its place.
fn block(text: &str, name: &str) -> Option<std::ops::Range<usize>> {
    let begin = format!("<!-- screen: {name} -->\n");
    let start = text.find(&begin)? + begin.len();
    Some(start..start + text.get(start..)?.find("<!-- /screen -->")?)
}

/// The screens that the README shows: the ladder and the change of the real helper's rewrite.
#[test]
fn the_readme_shows_what_the_screen_shows() {
    let path = root().join("README.md");
    let mut readme = fs::read_to_string(&path).unwrap();
    for (name, rows, keys) in [("ladder", 24, "j Enter n"), ("diff", 18, "j d")] {
        let mut stage = Stage::of("K-alg-owrt-conflict").sized(80, rows);
        let shown = format!("```text\n{}```\n", stage.press(keys).screen());
        let place =
            block(&readme, name).unwrap_or_else(|| panic!("the README has no place for {name}"));
        if writes() {
            readme.replace_range(place, &shown);
        } else {
            assert_eq!(
                readme.get(place),
                Some(shown.as_str()),
                "{name}: cargo xtask docs"
            );
        }
    }
    if writes() {
        fs::write(&path, readme).unwrap();
    }
}

#[test]
fn the_recording_is_what_the_screen_shows() {
    let path = root().join("docs/screen.svg");
    let recorded = recording::svg();
    if writes() {
        fs::write(&path, &recorded).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == recorded,
        "docs/screen.svg is of another screen: cargo xtask docs"
    );
}
