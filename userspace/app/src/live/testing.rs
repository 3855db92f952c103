//! What several tests need.

use std::thread;

/// Runs work in a thread with a network namespace of its own, which ends with it. Root only.
pub(super) fn in_own_namespace(work: impl FnOnce() + Send) -> thread::Result<()> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: no memory is passed; only this thread moves.
            assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNET) }, 0);
            work();
        });
        thread.join()
    })
}
