//! The answers as lines of JSON, each written when it is known: a guest may die at the next question.

use std::fs::File;
use std::io::{self, Write};

use serde_json::json;

/// The file of answers.
pub(crate) struct Answers(File);

impl Answers {
    /// Begins a new file.
    pub(crate) fn open(path: &str) -> io::Result<Self> {
        File::create(path).map(Self)
    }

    /// Writes one answer: what there is to tell, or why it failed.
    pub(crate) fn give(&mut self, question: &str, answer: io::Result<String>) -> io::Result<()> {
        let passed = answer.is_ok();
        let told = answer.unwrap_or_else(|error| error.to_string());
        let line = json!({ "question": question, "passed": passed, "told": told });
        writeln!(self.0, "{line}")?;
        self.0.sync_all()
    }
}
