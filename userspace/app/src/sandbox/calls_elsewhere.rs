//! Processors for which no filter of system calls is made.

/// Says so.
pub(super) fn restrict() -> &'static str {
    "all system calls (no seccomp filter for this processor)"
}
