//! The result of a parser that cannot fail: the value, and what was odd about it.

use std::ops::Range;

/// What a parser made of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// What is there, read as far as it could be.
    pub value: T,
    /// What was odd, in input order.
    pub anomalies: Vec<Anomaly>,
}

impl<T> Parsed<T> {
    /// A value in which nothing was odd.
    pub const fn clean(value: T) -> Self {
        Self {
            value,
            anomalies: Vec::new(),
        }
    }
}

/// One deviation from the specification or from what the rest of the message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// Byte range within the message (not within the line).
    pub at: Range<usize>,
    /// One clause that says what is odd, without a final stop.
    pub what: String,
}
