//! A source seen through what of it is in memory: any number of bytes from the front, without the whole.

use std::fmt;
use std::io::{self, Read};

use super::pages::{PIECE_LEN, Pages};

/// Bytes that are read at once.
pub(crate) const INITIAL_LEN: usize = 256 << 10;

/// The same where only the begin of a source is of interest.
pub(crate) const SMALL_LEN: usize = 4 << 10;

/// Where the bytes come from.
enum Source {
    /// A stream, read into a buffer that is used again. It grows only when a caller asks for more at once.
    Stream {
        reader: Box<dyn Read>,
        buffer: Vec<u8>,
    },
    /// A file, of which nothing is copied.
    Pages(Pages),
}

/// The next bytes of a source.
pub(crate) struct Window {
    source: Source,
    /// Where in what is in memory the next bytes begin, and where they end.
    start: usize,
    end: usize,
    consumed: u64,
    ended: bool,
}

impl Window {
    /// The bytes of a stream, `len` of them read at once.
    pub(crate) fn new(reader: Box<dyn Read>, len: usize) -> Self {
        let buffer = vec![0; len];
        Self::of(Source::Stream { reader, buffer })
    }

    /// The bytes of a file.
    pub(crate) fn over(pages: Pages) -> Self {
        Self::of(Source::Pages(pages))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            start: 0,
            end: 0,
            consumed: 0,
            ended: false,
        }
    }

    /// The bytes that are there already.
    #[inline]
    pub(crate) fn data(&self) -> &[u8] {
        let all = match &self.source {
            Source::Stream { buffer, .. } => buffer,
            Source::Pages(pages) => pages.bytes(),
        };
        all.get(self.start..self.end).unwrap_or_default()
    }

    /// Bytes that it has room for.
    pub(crate) fn room(&self) -> usize {
        match &self.source {
            Source::Stream { buffer, .. } => buffer.len(),
            Source::Pages(_) => PIECE_LEN,
        }
    }

    /// Bytes consumed so far: the offset of [`Window::data`] in the source.
    pub(crate) fn offset(&self) -> u64 {
        self.consumed
    }

    /// Reads until `len` bytes are there, and no further than the source gives without waiting. Returns whether they
    /// are; `false` means that the source ends before.
    #[inline]
    pub(crate) fn fill(&mut self, len: usize) -> io::Result<bool> {
        if self.end - self.start >= len {
            return Ok(true);
        }
        self.read_on(len)
    }

    fn read_on(&mut self, len: usize) -> io::Result<bool> {
        while self.end - self.start < len && !self.ended {
            match &mut self.source {
                Source::Stream { reader, buffer } => {
                    make_room(buffer, &mut self.start, &mut self.end, len);
                    match reader.read(&mut buffer[self.end..]) {
                        Ok(0) => self.ended = true,
                        Ok(count) => self.end += count,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                Source::Pages(pages) => {
                    pages.turn_to(self.consumed, len)?;
                    (self.start, self.end) = (0, pages.bytes().len());
                    self.ended = self.end < len;
                }
            }
        }
        Ok(self.end - self.start >= len)
    }

    /// Drops `len` bytes from the front; at most those that are there.
    #[inline]
    pub(crate) fn consume(&mut self, len: usize) {
        let len = len.min(self.end - self.start);
        if let Source::Pages(pages) = &self.source {
            pages.go_on(self.start, len);
        }
        self.start += len;
        self.consumed += len as u64;
    }

    /// Drops `len` bytes from the front that need not fit the buffer. Returns whether the source has them.
    pub(crate) fn skip(&mut self, mut len: u64) -> io::Result<bool> {
        while len > 0 {
            if self.data().is_empty() && !self.fill(1)? {
                return Ok(false);
            }
            let step = usize::try_from(len)
                .unwrap_or(usize::MAX)
                .min(self.data().len());
            self.consume(step);
            len -= step as u64;
        }
        Ok(true)
    }
}

/// Moves what is there to the front when the rest of the buffer cannot hold `len` bytes.
fn make_room(buffer: &mut Vec<u8>, start: &mut usize, end: &mut usize, len: usize) {
    if buffer.len() - *start < len || *end == buffer.len() {
        buffer.copy_within(*start..*end, 0);
        *end -= *start;
        *start = 0;
    }
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Window")
            .field("consumed", &self.consumed)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `step` bytes at a time.
    struct Dripping {
        left: io::Cursor<Vec<u8>>,
        step: usize,
    }

    impl Read for Dripping {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let step = self.step.min(buffer.len());
            self.left.read(&mut buffer[..step])
        }
    }

    fn dripping(bytes: Vec<u8>, step: usize) -> Window {
        let left = io::Cursor::new(bytes);
        Window::new(Box::new(Dripping { left, step }), INITIAL_LEN)
    }

    #[test]
    fn bytes_come_in_order_whatever_the_reads_give() {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
        let mut window = dripping(bytes.clone(), 7_777);
        let mut seen = Vec::new();
        while window.fill(1_000).unwrap() {
            seen.extend_from_slice(&window.data()[..1_000]);
            window.consume(1_000);
        }
        assert_eq!(seen, bytes);
        assert_eq!(window.offset(), 1_000_000);
    }

    #[test]
    fn a_request_beyond_the_buffer_grows_it() {
        let mut window = dripping(vec![5; 600 << 10], 100_000);
        window.fill(10).unwrap();
        window.consume(10);
        assert!(window.fill(500 << 10).unwrap());
        assert!(!window.fill(600 << 10).unwrap());
        assert_eq!(window.data().len(), (600 << 10) - 10);
    }

    #[test]
    fn skipping_needs_no_room() {
        let mut window = dripping(vec![5; 900 << 10], 100_000);
        assert!(window.skip(800 << 10).unwrap());
        assert_eq!(window.offset(), 800 << 10);
        assert!(!window.skip(200 << 10).unwrap());
    }
}
