//! A bundle as it lies on the disk, and its pcapng read without the program.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rtspscope_tests::program::{self, Outcome};
use serde_json::Value;

/// A bundle.
#[derive(Debug)]
pub(crate) struct Bundle {
    pub(crate) path: PathBuf,
    pub(crate) frames: Vec<Frame>,
}

/// A frame of its pcapng.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) interface: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) comment: String,
}

/// A path of this test's own in which nothing is.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bundle-{name}"));
    if path.exists() {
        fs::remove_dir_all(&path).expect("it can be removed");
    }
    path
}

/// Runs `analyze` with these arguments and a bundle, which must succeed.
pub(crate) fn bundle(name: &str, args: &[&str]) -> io::Result<Bundle> {
    let path = scratch(name);
    let outcome = run(&path, args)?;
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);
    Bundle::read(&path)
}

/// Runs `analyze` with these arguments and a bundle in `path`.
pub(crate) fn run(path: &Path, args: &[&str]) -> io::Result<Outcome> {
    let path = path.to_string_lossy();
    program::run(&[&["analyze", "--bundle", &path], args].concat())
}

/// A capture as a file of this test's own.
pub(crate) fn place(name: &str, capture: &[u8]) -> io::Result<String> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bundle-{name}.pcap"));
    fs::write(&path, capture)?;
    Ok(path.to_string_lossy().into_owned())
}

impl Bundle {
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            frames: frames(&fs::read(path.join("evidence.pcapng"))?),
        })
    }

    /// All files.
    pub(crate) fn files(&self) -> io::Result<Vec<u8>> {
        let names = ["evidence.pcapng", "report.html", "report.json", "report.md"];
        let files: io::Result<Vec<Vec<u8>>> = names
            .iter()
            .map(|name| fs::read(self.path.join(name)))
            .collect();
        Ok(files?.concat())
    }

    pub(crate) fn pcapng(&self) -> String {
        self.path
            .join("evidence.pcapng")
            .to_string_lossy()
            .into_owned()
    }

    pub(crate) fn report(&self) -> io::Result<Value> {
        Ok(serde_json::from_slice(&fs::read(
            self.path.join("report.json"),
        )?)?)
    }
}

/// The enhanced packet blocks of a little-endian pcapng file.
fn frames(file: &[u8]) -> Vec<Frame> {
    const ENHANCED_PACKET: u32 = 6;
    let mut frames = Vec::new();
    let mut rest = file;
    while !rest.is_empty() {
        let (kind, len) = (u32_at(rest, 0), u32_at(rest, 4) as usize);
        assert_eq!(u32_at(rest, len - 4) as usize, len);
        let block = &rest[..len];
        rest = &rest[len..];
        if kind != ENHANCED_PACKET {
            continue;
        }
        let captured = u32_at(block, 20) as usize;
        let options = &block[28 + captured.next_multiple_of(4)..len - 4];
        assert_eq!(options[..2], [1, 0], "the first option is the comment");
        let comment_len = usize::from(u16::from_le_bytes([options[2], options[3]]));
        frames.push(Frame {
            interface: u32_at(block, 8),
            bytes: block[28..28 + captured].to_vec(),
            comment: String::from_utf8(options[4..4 + comment_len].to_vec()).expect("valid UTF-8"),
        });
    }
    frames
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
