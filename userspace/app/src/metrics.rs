//! Figures of a live run for Prometheus: what was seen, what was lost, and what the run itself needs.
//!
//! No label is made of what strangers send: taps are the user's, and all other labels are words of this program.

mod encode;
mod process;
mod server;
mod tally;

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::registry::Registry;

pub(crate) use server::{bind, serve};
pub(crate) use tally::Tally;

/// The tally of a run, which the run fills and the server shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(Arc<Mutex<Tally>>);

impl Metrics {
    /// Changes the tally.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// All figures in the text format of `OpenMetrics`.
    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}
