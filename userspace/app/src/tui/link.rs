//! What the run and the screen share: the run puts down snapshots, the screen says when the user leaves.
//!
//! They are two threads, so that no snapshot, file or flood can make a key wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rtspscope_engine::Snapshot;

use super::scene::Source;

/// The newest state of the run.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) source: Source,
    pub(super) health: Vec<(String, String)>,
}

/// The place where the two meet.
#[derive(Debug, Default)]
pub(super) struct Link {
    newest: Mutex<Option<Published>>,
    left: AtomicBool,
    over: AtomicBool,
}

impl Link {
    /// Puts down the newest state; one that nobody took is replaced.
    pub(super) fn publish(&self, published: Published) {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(published);
    }

    /// Takes the newest state, once.
    pub(super) fn take(&self) -> Option<Published> {
        self.newest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Whether the last one was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.newest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    /// The user leaves.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::SeqCst);
    }

    /// Whether the user left.
    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::SeqCst)
    }

    /// The run is over and the screen has to go.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Whether the screen has to go.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}
