//! A piece of a message that remembers where it lies, so that every finding can point at its bytes.

use std::borrow::Cow;
use std::ops::Range;

/// Bytes of a message together with their place in it. `at.len()` equals `bytes.len()`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spanned<'a> {
    /// The bytes as they were on the wire.
    pub bytes: &'a [u8],
    /// Byte range within the message (within the body for SDP).
    pub at: Range<usize>,
}

impl<'a> Spanned<'a> {
    /// All of `bytes`, which begin at offset `start` of the message.
    pub const fn new(bytes: &'a [u8], start: usize) -> Self {
        Self {
            bytes,
            at: start..start.saturating_add(bytes.len()),
        }
    }

    /// The bytes as text; what is no UTF-8 becomes U+FFFD. Not fit for a terminal, see [`crate::text::escape_controls`].
    pub fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes)
    }

    /// True where nothing is there.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Number of bytes.
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The part that `range` names, counted from this piece's own begin; what lies outside is left away.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.bytes.len());
        let start = range.start.min(end);
        Self::new(
            self.bytes.get(start..end).unwrap_or_default(),
            self.at.start + start,
        )
    }

    /// The same without spaces, tabs, CR and LF at both ends.
    #[must_use]
    pub fn trim(&self) -> Self {
        let start = self.bytes.len() - self.bytes.trim_ascii_start().len();
        self.slice(start..start + self.bytes.trim_ascii().len())
    }

    /// The same without a pair of double quotes around it.
    #[must_use]
    pub fn unquoted(&self) -> Self {
        match self.bytes {
            [b'"', .., b'"'] => self.slice(1..self.bytes.len() - 1),
            _ => self.clone(),
        }
    }

    /// What stands before and after the first `separator`.
    pub fn split_once(&self, separator: u8) -> Option<(Self, Self)> {
        let at = memchr::memchr(separator, self.bytes)?;
        Some((self.slice(0..at), self.slice(at + 1..self.bytes.len())))
    }

    /// Compares without regard to the case of ASCII letters.
    pub fn is(&self, name: &str) -> bool {
        self.bytes.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The decimal number that these bytes are, if they are digits only and it fits.
    pub fn number<T: TryFrom<u64>>(&self) -> Option<T> {
        if self.bytes.is_empty() || !self.bytes.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let digits = std::str::from_utf8(self.bytes).ok()?;
        T::try_from(digits.parse::<u64>().ok()?).ok()
    }
}
