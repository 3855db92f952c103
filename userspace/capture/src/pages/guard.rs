//! What happens when a page of a file is looked at that the file does not have any more.
//!
//! The kernel answers with SIGBUS, which ends a program. Here zeros take the place of the page, and who sees the file is
//! told.

use std::mem;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Files that are seen at once at the most.
const MAX_GUARDS: usize = 256;

/// Memory in which a page may be missing.
struct Range {
    taken: AtomicBool,
    begin: AtomicUsize,
    len: AtomicUsize,
    /// A page was missing.
    broken: AtomicBool,
}

static RANGES: [Range; MAX_GUARDS] = [const {
    Range {
        taken: AtomicBool::new(false),
        begin: AtomicUsize::new(0),
        len: AtomicUsize::new(0),
        broken: AtomicBool::new(false),
    }
}; MAX_GUARDS];

/// What was done about SIGBUS before, and the length of a page; `None` where nothing can be done about it.
static BEFORE: OnceLock<Option<(libc::sigaction, usize)>> = OnceLock::new();

/// Looks after one range at a time.
#[derive(Debug)]
pub(super) struct Guard(usize);

impl Guard {
    /// A guard, if there is one left.
    pub(super) fn take() -> Option<Self> {
        BEFORE.get_or_init(answer_sigbus).as_ref()?;
        let is_free = |range: &Range| !range.taken.swap(true, Ordering::AcqRel);
        RANGES.iter().position(is_free).map(Self)
    }

    /// Looks after a piece of memory, until it is to leave it.
    pub(super) fn watch(&self, piece: &[u8]) {
        if let Some(range) = RANGES.get(self.0) {
            range.begin.store(piece.as_ptr().addr(), Ordering::Release);
            range.len.store(piece.len(), Ordering::Release);
        }
    }

    /// Looks after nothing any more. Returns whether all pages were there that were looked at.
    pub(super) fn leave(&self) -> bool {
        RANGES.get(self.0).is_none_or(|range| {
            range.len.store(0, Ordering::Release);
            !range.broken.swap(false, Ordering::AcqRel)
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.leave();
        if let Some(range) = RANGES.get(self.0) {
            range.taken.store(false, Ordering::Release);
        }
    }
}

/// Has SIGBUS answered by [`mend`].
fn answer_sigbus() -> Option<(libc::sigaction, usize)> {
    // SAFETY: sysconf reads a constant.
    let page_len = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()?;
    // SAFETY: all zeros is a value of this type; sigaction only writes it.
    let mut before: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: as above, for one that has no signals masked.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = mend as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: both are valid, and `mend` has the signature that SA_SIGINFO asks for and calls nothing but what may be called
    // in a signal handler.
    let done = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, &raw mut before) };
    (done == 0).then_some((before, page_len))
}

/// Puts zeros where a guarded page is missing; for any other fault does what was done before.
extern "C" fn mend(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let Some(Some((before, page_len))) = BEFORE.get() else {
        return;
    };
    // SAFETY: the kernel gives the handler a valid siginfo, and SIGBUS has an address in it.
    let at = unsafe { (*info).si_addr() }.addr();
    let is_within = |range: &&Range| {
        let begin = range.begin.load(Ordering::Acquire);
        at.wrapping_sub(begin) < range.len.load(Ordering::Acquire)
    };
    if let Some(range) = RANGES.iter().find(is_within)
        && put_zeros(at - at % page_len, *page_len)
    {
        range.broken.store(true, Ordering::Release);
        return;
    }
    // SAFETY: `before` came from sigaction. The access is tried again after this, and faults again.
    unsafe { libc::sigaction(libc::SIGBUS, ptr::from_ref(before), ptr::null_mut()) };
}

/// Puts a page of zeros in the place of one that cannot be read.
fn put_zeros(begin: usize, len: usize) -> bool {
    let place = ptr::without_provenance_mut(begin);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: the page belongs to a mapping of this process that is only read, and it has no content of its own.
    let placed = unsafe { libc::mmap(place, len, libc::PROT_READ, flags, -1, 0) };
    placed != libc::MAP_FAILED
}
