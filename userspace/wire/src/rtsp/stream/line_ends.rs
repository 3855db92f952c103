//! How the lines of a head end: what a strict receiver sees of it.

use super::HeadEnd;
use crate::Anomaly;

/// Bare line feeds whose place is kept.
const MAX_PLACES: usize = 4;

/// Line ends of a head so far.
#[derive(Clone, Debug, Default)]
pub(super) struct LineEnds {
    with_cr: usize,
    bare_at: Vec<usize>,
    last_two_have_cr: [bool; 2],
}

impl LineEnds {
    /// Takes the LF at `at`.
    pub(super) fn note(&mut self, at: usize, has_cr: bool) {
        let [_, last] = self.last_two_have_cr;
        self.last_two_have_cr = [last, has_cr];
        if has_cr {
            self.with_cr += 1;
            return;
        }
        if self.bare_at.len() < MAX_PLACES {
            self.bare_at.push(at);
        }
    }

    /// How the head ends, given that its last line is empty.
    pub(super) fn head_end(&self) -> HeadEnd {
        if self.last_two_have_cr == [true, true] {
            HeadEnd::CrLf
        } else {
            HeadEnd::Lenient
        }
    }

    /// Adds what is odd about the line ends.
    pub(super) fn report(&self, head_end: HeadEnd, anomalies: &mut Vec<Anomaly>) {
        let mut add = |at: usize, what: &str| {
            anomalies.push(Anomaly {
                at: at..at + 1,
                what: what.to_owned(),
            })
        };
        let Some(&first) = self.bare_at.first() else {
            return;
        };
        if self.with_cr == 0 {
            add(first, "lines end in LF without CR");
            return;
        }
        for &at in &self.bare_at {
            add(
                at,
                "line ends in LF without CR in a head that otherwise uses CR LF",
            );
        }
        if head_end == HeadEnd::Lenient {
            let last = self.bare_at.last().copied().unwrap_or(first);
            add(
                last,
                "no CR LF CR LF ends the head: a strict receiver waits for more",
            );
        }
    }
}
