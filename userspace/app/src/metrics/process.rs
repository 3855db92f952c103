//! What the process itself needs, as the kernel accounts it.

use std::fs;

/// Resident memory in bytes (`proc(5)`, the second field of `statm`, in pages).
pub(super) fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    // SAFETY: no memory is passed.
    let page_len = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(pages * u64::try_from(page_len).ok()?)
}

/// Open file descriptors, without the one that looks for them.
pub(super) fn open_files() -> Option<u64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    files.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_files() {
        assert!(resident_bytes() > Some(1 << 16));
        assert!(open_files() >= Some(1));
    }
}
