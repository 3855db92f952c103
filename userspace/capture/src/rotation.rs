//! Names of the files that one capture was written to, one after the other: they are equal but for digits.
//!
//! tcpdump counts behind the name (`-C`: `cap.pcap`, `cap.pcap1`; with `-W`: `cap.pcap00`, `cap.pcap01`) or puts the time
//! into it (`-G`), dumpcap does both (`cap_00001_20261127071500.pcapng`), and logrotate counts behind a dot. Names alone do
//! not tell the captures of several taps from parts of one: that the times do not overlap must come to it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rtspscope_wire::TapRole;

use super::NamedFile;

/// Endings of compressed files, which come behind the digits that count.
const COMPRESSED: [&str; 3] = [".gz", ".zst", ".zstd"];

/// What the names of the files of one capture have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    directory: PathBuf,
    /// The name with a sign in the place of each number.
    name: String,
    role: TapRole,
}

/// The numbers in a name, in its order. One that follows the others in the series is greater.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Numbers(Vec<Number>);

/// Digits of any length: of two without leading zeros the longer is greater.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number {
    len: usize,
    digits: String,
}

/// Takes a file's name apart; `None` for one that is no text, or standard input.
pub(crate) fn of(file: &NamedFile) -> Option<(Series, Numbers)> {
    if file.path == Path::new("-") {
        return None;
    }
    let name = file.path.file_name()?.to_str()?;
    let (name, numbers) = without_numbers(without_compression(name));
    let series = Series {
        directory: file.path.parent()?.to_owned(),
        // The first file has no number behind its name.
        name: name.trim_end_matches(['#', '.', '_', '-']).to_owned(),
        role: file.role,
    };
    Some((series, numbers))
}

impl Numbers {
    /// Which of the numbers differ. Captures that are rotated beside each other differ by one more than parts of one do.
    pub(crate) fn differences(&self, other: &Self) -> BTreeSet<usize> {
        let len = self.0.len().max(other.0.len());
        let differ = |index: &usize| self.0.get(*index) != other.0.get(*index);
        (0..len).filter(differ).collect()
    }
}

fn without_compression(name: &str) -> &str {
    let ending = COMPRESSED.iter().find_map(|end| name.strip_suffix(end));
    ending.unwrap_or(name)
}

/// The name with `#` for each run of digits, and the runs.
fn without_numbers(name: &str) -> (String, Numbers) {
    let is_digit = |char: &char| char.is_ascii_digit();
    let mut chars = name.chars().peekable();
    let (mut shape, mut numbers) = (String::new(), Vec::new());
    while let Some(char) = chars.next() {
        if !is_digit(&char) {
            shape.push(char);
            continue;
        }
        let mut digits = String::from(char);
        while let Some(digit) = chars.next_if(is_digit) {
            digits.push(digit);
        }
        shape.push('#');
        let digits = digits.trim_start_matches('0').to_owned();
        numbers.push(Number {
            len: digits.len(),
            digits,
        });
    }
    (shape, Numbers(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str, role: TapRole) -> NamedFile {
        NamedFile {
            path: PathBuf::from(path),
            role,
            kept_at: None,
        }
    }

    fn taken_apart(path: &str) -> (Series, Numbers) {
        of(&named(path, TapRole::Unknown)).unwrap()
    }

    fn belong_together(a: &str, b: &str) -> bool {
        taken_apart(a).0 == taken_apart(b).0
    }

    #[test]
    fn names_that_differ_by_digits_belong_together() {
        for (a, b) in [
            ("cap.pcap", "cap.pcap1"),
            ("cap.pcap9", "cap.pcap10"),
            ("cap.pcap00", "cap.pcap01"),
            ("cap", "cap1"),
            ("cap.pcap", "cap.pcap1.gz"),
            ("cap.pcap1.zst", "cap.pcap2.gz"),
            ("cap-20261127-071500.pcap", "cap-20261127-072000.pcap"),
            (
                "cap_00001_20261127071500.pcapng",
                "cap_00002_20261127072000.pcapng",
            ),
            ("run.pcapng", "run.pcapng.1"),
            ("run.pcapng-20261127.gz", "run.pcapng"),
            ("there/lan1.pcap", "there/lan2.pcap"),
        ] {
            assert!(belong_together(a, b), "{a} {b}");
        }
    }

    #[test]
    fn other_names_do_not() {
        for (a, b) in [
            ("lan.pcap", "wan.pcap"),
            ("lan.pcap", "lan1.pcap"),
            ("lan1.pcap", "wan1.pcap"),
            ("cap.pcap", "cap.pcapng"),
            ("lan/cap.pcap", "wan/cap.pcap1"),
            ("1/cap.pcap", "2/cap.pcap"),
            ("cap_1.pcap", "cap-2.pcap"),
        ] {
            assert!(!belong_together(a, b), "{a} {b}");
        }
    }

    #[test]
    fn what_the_user_said_to_be_different_sides_is_no_series() {
        let series = |role| of(&named("cap1.pcap", role)).unwrap().0;
        assert_ne!(series(TapRole::Lan), series(TapRole::Wan));
        assert_ne!(series(TapRole::Lan), series(TapRole::Unknown));
        assert_eq!(of(&named("-", TapRole::Lan)), None);
    }

    #[test]
    fn numbers_count_as_people_count() {
        let names = [
            "cap.pcap",
            "cap.pcap1",
            "cap.pcap02",
            "cap.pcap10",
            "cap.pcap010000000000000000000000000000000000000000",
        ];
        assert!(names.is_sorted_by_key(|name| taken_apart(name).1));
    }

    #[test]
    fn the_numbers_of_parts_differ_by_less_than_those_of_other_captures() {
        let differences = |a, b| {
            let numbers = taken_apart(a).1;
            Vec::from_iter(numbers.differences(&taken_apart(b).1))
        };
        assert_eq!(differences("eth0-2.pcap", "eth0-1.pcap"), [1]);
        assert_eq!(differences("eth0-2.pcap", "eth1-1.pcap"), [0, 1]);
        assert_eq!(differences("cap.pcap", "cap.pcap1"), [0]);
    }
}
