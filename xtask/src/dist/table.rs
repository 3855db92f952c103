//! The table of what was made: target by target its size, how it did, and what memory it took.

use crate::columns;
use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};

use super::{check::Outcome, emulator::Runner, target::Target};

/// One target.
#[derive(Debug)]
pub(super) struct Row {
    target: &'static str,
    bytes: u64,
    runner: String,
    emulated: bool,
    outcome: Option<Result<Outcome, String>>,
}

impl Row {
    /// Looks at the binary and keeps what was found out about it.
    pub(super) fn new(
        target: &'static Target,
        binary: &Path,
        runner: Option<&Runner>,
        outcome: Option<Result<Outcome>>,
    ) -> Result<Self> {
        let bytes = fs::metadata(binary)
            .with_context(|| format!("{} is not there", binary.display()))?
            .len();
        Ok(Self {
            target: target.triple,
            bytes,
            runner: runner.map_or_else(|| "no emulator".to_owned(), Runner::name),
            emulated: !matches!(runner, Some(Runner::Native)),
            outcome: outcome.map(|outcome| outcome.map_err(|error| format!("{error:#}"))),
        })
    }

    /// Tells whether it was tried and did not do well.
    pub(super) fn failed(&self) -> bool {
        matches!(self.outcome, Some(Err(_)))
    }

    fn cells(&self) -> [String; 5] {
        let (reports, memory) = match &self.outcome {
            None => ("not tried".to_owned(), String::new()),
            Some(Err(_)) => ("FAILED".to_owned(), String::new()),
            Some(Ok(outcome)) => (
                format!("{} equal to native", outcome.reports),
                self.memory(*outcome),
            ),
        };
        let size = format!("{:.2} MB", self.bytes as f64 / 1e6);
        [
            self.target.to_owned(),
            size,
            self.runner.clone(),
            reports,
            memory,
        ]
    }

    /// Under an emulator only the growth is the program's own.
    fn memory(&self, outcome: Outcome) -> String {
        const MIB: f64 = (1 << 20) as f64;
        let peak = outcome.peak_memory_bytes;
        if self.emulated {
            let growth = peak.saturating_sub(outcome.idle_memory_bytes);
            format!("+{:.1} MiB over idle", growth as f64 / MIB)
        } else {
            format!("{:.1} MiB", peak as f64 / MIB)
        }
    }
}

/// The table with aligned columns, and a line for each failure.
pub(super) fn render(rows: &[Row]) -> String {
    let head = ["target", "size", "run as", "reports", "memory, 20 sessions"];
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let mut text = columns::aligned(&lines);
    for row in rows {
        if let Some(Err(reason)) = &row.outcome {
            let _ = writeln!(text, "{}: {reason}", row.target);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(emulated: bool, outcome: Option<Result<Outcome, String>>) -> Row {
        Row {
            target: "mips-unknown-linux-musl",
            bytes: 2_345_678,
            runner: "24Kc".to_owned(),
            emulated,
            outcome,
        }
    }

    const WELL: Outcome = Outcome {
        reports: 42,
        peak_memory_bytes: 12 << 20,
        idle_memory_bytes: 4 << 20,
    };

    #[test]
    fn the_emulators_own_memory_is_not_counted() {
        let table = render(&[row(true, Some(Ok(WELL))), row(false, Some(Ok(WELL)))]);
        assert_eq!(
            table,
            "target                   size     run as  reports             memory, 20 sessions\n\
             mips-unknown-linux-musl  2.35 MB  24Kc    42 equal to native  +8.0 MiB over idle\n\
             mips-unknown-linux-musl  2.35 MB  24Kc    42 equal to native  12.0 MiB\n"
        );
    }

    #[test]
    fn a_failure_is_told_below_the_table() {
        let failing = row(true, Some(Err("differs at byte 7".to_owned())));
        assert!(failing.failed() && !row(true, None).failed());
        let table = render(&[failing]);
        assert!(table.contains("24Kc    FAILED\n"), "{table}");
        assert!(
            table.ends_with("mips-unknown-linux-musl: differs at byte 7\n"),
            "{table}"
        );
    }
}
