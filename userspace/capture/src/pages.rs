//! A file seen through the kernel's own copy of it, piece by piece: the bytes of media, which nobody looks at, are not
//! copied.

use std::cell::Cell;
use std::fs::File;
use std::hint;
use std::io;
use std::rc::Rc;

use memmap2::{Mmap, MmapOptions};

mod fetch;
mod guard;

use guard::Guard;

/// Bytes that are seen at once.
pub(crate) const PIECE_LEN: usize = 8 << 20;

/// How far ahead of the reader bytes are fetched from memory. What the reader looks at is scattered over them, and without
/// this it waits for each.
const AHEAD: usize = 4 << 10;

/// What the kernel brings in around a byte that is looked at, if it has it in memory (`fault_around_bytes`).
const AROUND: usize = 64 << 10;

/// Pages of a file.
#[derive(Debug)]
pub(crate) struct Pages {
    file: File,
    piece: Option<Mmap>,
    guard: Guard,
    /// How far the file was seen.
    read: Rc<Cell<u64>>,
}

impl Pages {
    /// Whether seeing a file costs less than reading it on this processor: where bytes can be fetched ahead.
    pub(crate) const ARE_QUICK: bool = fetch::IS_POSSIBLE;

    /// Sees a file from its begin; `None` where the file system or the machine does not let files be seen so, and the file
    /// is to be read. `read` is told how far it was seen.
    pub(crate) fn of(file: File, read: Rc<Cell<u64>>) -> Option<Self> {
        let mut pages = Self {
            file,
            piece: None,
            guard: Guard::take()?,
            read,
        };
        pages.turn_to(0, 1).ok()?;
        pages.piece.is_some().then_some(pages)
    }

    /// What is seen.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        self.piece.as_deref().unwrap_or_default()
    }

    /// Takes note that the reader goes on from `place` by `len` bytes.
    #[inline]
    pub(crate) fn go_on(&self, place: usize, len: usize) {
        let begin = place + AHEAD;
        if let Some(soon) = self.bytes().get(begin..begin + len) {
            fetch::begin(soon);
        }
    }

    /// Sees the file from `offset` on: at least `len` bytes, if it has them now.
    ///
    /// # Errors
    ///
    /// The file became shorter or its disk failed while it was seen: what was last seen of it may not be true.
    pub(crate) fn turn_to(&mut self, offset: u64, len: usize) -> io::Result<()> {
        let is_sound = self.guard.leave();
        self.piece = None;
        if !is_sound {
            return Err(shrunk());
        }
        let rest = self.file.metadata()?.len().saturating_sub(offset);
        let most = PIECE_LEN.max(len);
        let len = usize::try_from(rest).map_or(most, |rest| rest.min(most));
        if len == 0 {
            return Ok(());
        }
        // SAFETY: the bytes are only read. Another program may write to the file meanwhile: each use of a byte is checked
        // against the length of the piece, which does not change, and what is missing of the file is zeros (see the guard).
        let piece = unsafe { MmapOptions::new().offset(offset).len(len).map(&self.file)? };
        self.guard.watch(&piece);
        bring_in(&piece);
        self.read.set(self.read.get().max(offset + len as u64));
        self.piece = Some(piece);
        Ok(())
    }
}

/// Has the kernel bring in all pages of a piece: what is fetched ahead must be there already. Asking for that
/// (`MADV_POPULATE_READ`) takes it longer, because it then looks up each page for itself.
fn bring_in(piece: &[u8]) {
    for page in piece.chunks(AROUND) {
        hint::black_box(page[0]);
    }
}

fn shrunk() -> io::Error {
    io::Error::other("it became shorter, or its disk failed, while it was read")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A file without a name.
    fn file(bytes: &[u8]) -> File {
        static FILES: AtomicUsize = AtomicUsize::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let name = format!("rtspscope-pages-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let mut options = File::options();
        let options = options.read(true).write(true).create_new(true);
        let mut file = options.open(&path).unwrap();
        fs::remove_file(path).unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn pages(bytes: &[u8]) -> (File, Pages) {
        let file = file(bytes);
        let pages = Pages::of(file.try_clone().unwrap(), Rc::default()).unwrap();
        (file, pages)
    }

    #[test]
    fn a_file_is_seen_from_any_byte_on() {
        let bytes: Vec<u8> = (0..20_000_000_u32)
            .map(|number| (number / 251) as u8)
            .collect();
        let (_file, mut pages) = pages(&bytes);
        assert_eq!(pages.bytes(), &bytes[..PIECE_LEN]);
        pages.turn_to(4_097, PIECE_LEN + 5_000).unwrap();
        assert_eq!(pages.bytes(), &bytes[4_097..][..PIECE_LEN + 5_000]);
        pages.turn_to(19_999_999, 100).unwrap();
        assert_eq!(pages.bytes(), &bytes[19_999_999..]);
        assert_eq!(pages.read.get(), 20_000_000);
        pages.turn_to(20_000_000, 1).unwrap();
        assert_eq!(pages.bytes(), &[] as &[u8]);
    }

    #[test]
    fn what_is_written_meanwhile_is_seen_too() {
        let (mut file, mut pages) = pages(b"first");
        file.write_all(b", second").unwrap();
        pages.turn_to(5, 1).unwrap();
        assert_eq!(pages.bytes(), b", second");
    }

    #[test]
    fn a_file_that_becomes_shorter_while_it_is_seen_is_an_error_and_not_the_end_of_the_program() {
        let (file, mut pages) = pages(&vec![7; 100_000]);
        file.set_len(0).unwrap();
        assert_eq!(pages.bytes()[50_000], 0);
        assert!(pages.turn_to(0, 1).is_err());
    }

    #[test]
    fn an_empty_file_is_not_seen() {
        assert!(Pages::of(file(b""), Rc::default()).is_none());
    }
}
