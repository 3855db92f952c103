//! Runs cargo test commands with their output in sight, and adds up the closing lines of all test programs.

use std::{
    fmt,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::process::describe;

/// What all test programs together said.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    programs: u32,
    passed: u32,
    failed: u32,
    ignored: u32,
    /// Cargo commands that failed: by a failed test, or because something did not compile.
    failed_commands: Vec<String>,
}

impl Outcome {
    /// True when every command succeeded and every test that ran passed.
    pub(crate) fn all_passed(&self) -> bool {
        self.failed == 0 && self.failed_commands.is_empty()
    }

    /// Counts a closing line of libtest: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn add_line(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        self.programs += 1;
        self.passed += number_before(result, " passed");
        self.failed += number_before(result, " failed");
        self.ignored += number_before(result, " ignored");
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            programs,
            passed,
            failed,
            ignored,
            failed_commands,
        } = self;
        let verdict = if self.all_passed() { "ok" } else { "FAILED" };
        write!(
            f,
            "test result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; in {programs} test programs"
        )?;
        failed_commands
            .iter()
            .try_for_each(|command| write!(f, "\n  failed: {command}"))
    }
}

/// Runs every command, also after a failed one.
pub(crate) fn run_all(suites: Vec<Command>, args: &[String]) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for mut suite in suites {
        if !args.is_empty() {
            suite.arg("--").args(args);
        }
        run_one(&mut suite, &mut outcome)?;
    }
    Ok(outcome)
}

fn run_one(suite: &mut Command, outcome: &mut Outcome) -> Result<()> {
    let name = describe(suite);
    crate::process::announce(&name);
    let mut child = suite
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{name}`"))?;
    let mut screen = std::io::stdout().lock();
    for line in BufReader::new(
        child
            .stdout
            .take()
            .context("cargo has no standard output")?,
    )
    .lines()
    {
        let line = line.context("cannot read what cargo says")?;
        writeln!(screen, "{line}").context("cannot write to standard output")?;
        outcome.add_line(&line);
    }
    let status = child
        .wait()
        .with_context(|| format!("cannot wait for `{name}`"))?;
    if !status.success() {
        outcome.failed_commands.push(name);
    }
    Ok(())
}

/// The number that stands before a word, or 0.
fn number_before(text: &str, word: &str) -> u32 {
    let before = text
        .split(word)
        .next()
        .filter(|before| before.len() < text.len())
        .unwrap_or_default();
    before
        .rsplit(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_add_up() {
        let mut outcome = Outcome::default();
        outcome.add_line("running 3 tests");
        outcome.add_line("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        outcome.add_line("test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out; finished in 9s");
        assert_eq!(
            (
                outcome.programs,
                outcome.passed,
                outcome.failed,
                outcome.ignored
            ),
            (2, 13, 2, 1)
        );
        assert!(!outcome.all_passed());
        assert_eq!(
            outcome.to_string(),
            "test result: FAILED. 13 passed; 2 failed; 1 ignored; in 2 test programs"
        );
    }

    #[test]
    fn a_command_that_did_not_compile_is_a_failure_without_failed_tests() {
        let outcome = Outcome {
            failed_commands: vec!["cargo test".to_owned()],
            ..Outcome::default()
        };
        assert!(!outcome.all_passed());
    }
}
