//! Collects the anomalies of one parse, within a bound that no input can lift.

use std::fmt::Display;
use std::ops::Range;

use crate::{Anomaly, Parsed};

/// Anomalies kept of one input; enough for any real dialect, and a bound for junk.
const MAX_ANOMALIES: usize = 64;

/// The anomalies found so far.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    list: Vec<Anomaly>,
}

impl Notes {
    /// Notes that `what` is odd about the bytes at `at`. The last place in the list says that more was left out.
    pub(crate) fn add(&mut self, at: Range<usize>, what: impl Display) {
        match self.list.len() {
            0..MAX_ANOMALIES => self.list.push(Anomaly {
                at,
                what: what.to_string(),
            }),
            MAX_ANOMALIES => {
                self.list.push(Anomaly {
                    at,
                    what: "more oddities follow that are not listed".to_owned(),
                });
            }
            _ => {}
        }
    }

    /// The value with what was noted, in input order.
    pub(crate) fn finish<T>(mut self, value: T) -> Parsed<T> {
        self.list
            .sort_by_key(|anomaly| (anomaly.at.start, anomaly.at.end));
        Parsed {
            value,
            anomalies: self.list,
        }
    }
}
