//! `lab --table`: every case with what was expected and what was reported, as the cases themselves write it down.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Names the file to which each case of the lab adds its line.
pub(super) const VARIABLE: &str = "RTSPSCOPE_LAB_TABLE";

/// One case: the codes that were expected, and those of the live run and of the replay.
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    name: &'a str,
    expected: Vec<&'a str>,
    reported: [Vec<&'a str>; 2],
}

/// Reads the lines and sets them out: a row for each case, then for each code how often it was expected and reported.
pub(super) fn read(path: &Path) -> Result<String> {
    let lines =
        fs::read_to_string(path).with_context(|| format!("no case wrote to {}", path.display()))?;
    Ok(shown(&lines))
}

fn shown(lines: &str) -> String {
    let mut rows: Vec<Row<'_>> = lines.lines().filter_map(row).collect();
    rows.sort_by_key(|row| row.name);
    let mut out = String::from("| case | expected | live | replay |\n|---|---|---|---|\n");
    for row in &rows {
        let [live, replay] = row.reported.each_ref().map(|codes| {
            if *codes == row.expected {
                "the same".to_owned()
            } else {
                format!("**{}**", codes.join(" "))
            }
        });
        let expected = if row.expected.is_empty() {
            "nothing".to_owned()
        } else {
            row.expected.join(" ")
        };
        let _ = writeln!(out, "| {} | {expected} | {live} | {replay} |", row.name);
    }
    out.push_str(&by_code(&rows));
    out
}

/// Of each code: in how many cases it was expected and reported, expected and not reported, reported and not expected.
fn by_code(rows: &[Row<'_>]) -> String {
    let mut counts: BTreeMap<&str, [u32; 3]> = BTreeMap::new();
    for row in rows {
        for reported in &row.reported {
            for code in &row.expected {
                let place = usize::from(!reported.contains(code));
                counts.entry(code).or_default()[place] += 1;
            }
            for code in reported.iter().filter(|code| !row.expected.contains(code)) {
                counts.entry(code).or_default()[2] += 1;
            }
        }
    }
    let mut out = String::from("\n| code | right | missed | wrong |\n|---|--:|--:|--:|\n");
    for (code, [right, missed, wrong]) in counts {
        let _ = writeln!(out, "| {code} | {right} | {missed} | {wrong} |");
    }
    out
}

fn row(line: &str) -> Option<Row<'_>> {
    let mut cells = line.split('\t');
    let name = cells.next()?;
    let mut codes = || -> Option<Vec<&str>> {
        let mut codes: Vec<&str> = cells.next()?.split_whitespace().collect();
        codes.sort_unstable();
        Some(codes)
    };
    Some(Row {
        name,
        expected: codes()?,
        reported: [codes()?, codes()?],
    })
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_differs_stands_out_and_is_counted_by_code() {
        let lines = "b\tx y\ty x\tx\na\t\t\tz\n";
        assert_eq!(
            shown(lines),
            "| case | expected | live | replay |\n|---|---|---|---|\n\
             | a | nothing | the same | **z** |\n\
             | b | x y | the same | **x** |\n\
             \n| code | right | missed | wrong |\n|---|--:|--:|--:|\n\
             | x | 2 | 0 | 0 |\n| y | 1 | 1 | 0 |\n| z | 0 | 0 | 1 |\n"
        );
    }
}
