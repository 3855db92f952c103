//! How much memory packets get on their way out of the kernel, where nobody says.

/// The most that is taken unasked: sixteen thousand flows may begin at one moment. Half of it loses the begins of thousands of
/// flows, and bursts of large segments.
pub(super) const MAX_BYTES: u32 = 8 << 20;

/// The least with which a busy moment is survived.
const MIN_BYTES: u32 = 1 << 20;

/// Part of a machine's memory.
const PART: u64 = 128;

/// Room that suits a machine with so much memory for its programs: of 512 MiB, a little less than that. The kernel's ring
/// counts twice to the process that maps it.
pub(crate) fn for_memory(kib: Option<u64>) -> u32 {
    let part = kib.map_or(u64::from(MAX_BYTES), |kib| {
        kib.saturating_mul(1 << 10) / PART
    });
    let part = part.clamp(MIN_BYTES.into(), MAX_BYTES.into());
    u32::try_from(part.next_power_of_two()).unwrap_or(MAX_BYTES)
}

#[cfg(test)]
mod tests {
    use super::for_memory;

    #[test]
    fn a_small_router_gets_little_and_a_server_no_more_than_is_of_use() {
        let mib = |mib: u64| for_memory(Some(mib << 10)) >> 20;
        assert_eq!(
            [57, 120, 245, 495, 990, 24_000, u64::MAX >> 10].map(mib),
            [1, 1, 2, 4, 8, 8, 8]
        );
        assert_eq!(for_memory(None) >> 20, 8);
    }
}
