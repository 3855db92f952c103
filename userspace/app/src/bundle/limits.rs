//! Every cap on what a bundle makes the program keep.

/// Bytes of frames that are kept in memory while a bundle is made; of those beyond it only the proofs of findings.
pub(super) const COLLECTED_BYTES: usize = 32 << 20;

/// ICMP errors that are kept of one flow besides those that the report names.
pub(super) const ICMP_OF_A_FLOW: u32 = 8;

/// Messages of group membership that are kept of a capture.
pub(super) const MEMBERSHIPS: u32 = 64;

/// Bytes on the disk that a live run keeps for its bundle: two parts, of which the older one gives way when the newer one
/// is full. Where the kernel counts media, a minute of a session is some hundred kilobytes.
pub(super) const BACKLOG_BYTES: u64 = 512 << 20;
