//! The matrix: a line for each kernel, a column for each question, and below it why something failed.

use crate::columns;
use std::fmt::Write as _;

use serde_json::Value;

/// The question that a guest answers last.
pub(super) const LAST: &str = "detach";

/// The columns: the questions of `guest-kernel`.
const COLUMNS: [&str; 10] = [
    "doctor",
    "no modules",
    "load",
    "TC hook",
    "counts in",
    "counts out",
    "XDP",
    "BIG TCP",
    "flowtable",
    LAST,
];

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) question: String,
    pub(super) passed: bool,
    pub(super) told: String,
}

/// The answers of one kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) kernel: String,
    pub(super) answers: Vec<Answer>,
}

impl Answer {
    /// Reads a line of the guest's answers.
    pub(super) fn read(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        Some(Self {
            question: line["question"].as_str()?.to_owned(),
            passed: line["passed"].as_bool()?,
            told: line["told"].as_str()?.to_owned(),
        })
    }

    /// Stands for the answers that a guest owes which ended too early.
    pub(super) fn unfinished() -> Self {
        Self {
            question: LAST.to_owned(),
            passed: false,
            told: "the guest ended before it had answered".to_owned(),
        }
    }

    fn cell(&self) -> &str {
        if self.passed { &self.told } else { "FAILED" }
    }
}

impl Row {
    /// Tells whether every question was answered well.
    pub(super) fn passed(&self) -> bool {
        COLUMNS
            .iter()
            .all(|column| self.answer(column).is_some_and(|answer| answer.passed))
    }

    fn answer(&self, column: &str) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.question == column)
    }
}

/// The table with aligned columns, and a line for each failure.
pub(super) fn render(rows: &[Row]) -> String {
    let mut lines = vec![
        std::iter::once("kernel")
            .chain(COLUMNS)
            .map(str::to_owned)
            .collect::<Vec<_>>(),
    ];
    lines.extend(rows.iter().map(|row| {
        let cells = COLUMNS.iter().map(|column| {
            let answer = row.answer(column);
            answer.map_or("not asked", Answer::cell).to_owned()
        });
        std::iter::once(row.kernel.clone()).chain(cells).collect()
    }));
    let mut text = columns::aligned(&lines);
    for row in rows {
        for answer in row.answers.iter().filter(|answer| !answer.passed) {
            let _ = writeln!(text, "{}: {}: {}", row.kernel, answer.question, answer.told);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kernel: &str, failing: Option<&str>) -> Row {
        let answers = COLUMNS.iter().map(|&question| Answer {
            question: question.to_owned(),
            passed: failing != Some(question),
            told: format!("{question}!"),
        });
        Row {
            kernel: kernel.to_owned(),
            answers: answers.collect(),
        }
    }

    #[test]
    fn columns_are_aligned_and_failures_explained() {
        let rows = [row("5.10", None), row("6.12.1", Some("XDP"))];
        let text = render(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "kernel  doctor   no modules   load   TC hook   counts in   counts out   XDP     BIG TCP   flowtable   detach",
                "5.10    doctor!  no modules!  load!  TC hook!  counts in!  counts out!  XDP!    BIG TCP!  flowtable!  detach!",
                "6.12.1  doctor!  no modules!  load!  TC hook!  counts in!  counts out!  FAILED  BIG TCP!  flowtable!  detach!",
                "6.12.1: XDP: XDP!",
            ]
        );
        assert!(rows[0].passed());
        assert!(!rows[1].passed());
    }

    #[test]
    fn a_guest_that_ended_early_has_failed() {
        let mut row = row("5.10", None);
        row.answers.truncate(3);
        row.answers.push(Answer::unfinished());
        assert!(!row.passed());
        assert!(render(&[row]).contains("not asked"));
    }

    #[test]
    fn answers_are_read_from_lines_of_json() {
        let line = r#"{"question":"load","passed":true,"told":"yes"}"#;
        assert_eq!(
            Answer::read(line),
            Some(Answer {
                question: "load".into(),
                passed: true,
                told: "yes".into()
            })
        );
        assert_eq!(Answer::read(r#"{"question":"load"}"#), None);
        assert_eq!(Answer::read("load"), None);
    }
}
