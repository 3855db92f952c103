//! Splits text into lines that end with CR LF or with LF alone.
//!
//! A lone CR ends a line too (RFC 2326 §4), but only in a text whose first line ends so: elsewhere it is junk inside a
//! line. Several CRs before an LF are one line end: text-mode servers double them.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The line without its end.
    pub(crate) text: Range<usize>,
    /// Where the next line begins.
    pub(crate) next: usize,
    /// How it ends.
    pub(crate) end: LineEnd,
}

/// The end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// CR LF.
    CrLf,
    /// LF alone.
    Lf,
    /// CR alone, or several CRs before the LF.
    Odd,
    /// The text ends first.
    Cut,
}

/// An iterator over lines; an empty rest is no line.
#[derive(Clone, Debug)]
pub(crate) struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    lone_cr: bool,
}

impl<'a> Lines<'a> {
    /// Lines of `bytes` from offset `at` on.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        let rest = bytes.get(at..).unwrap_or_default();
        let first_end = memchr2(b'\r', b'\n', rest).and_then(|end| rest.get(end..));
        let after_crs = first_end.and_then(|end| end.iter().find(|&&byte| byte != b'\r'));
        let lone_cr = first_end.is_some_and(|end| end.starts_with(b"\r"))
            && after_crs.is_some_and(|&byte| byte != b'\n');
        Self { bytes, at, lone_cr }
    }

    fn lone_cr_line(&self, rest: &[u8]) -> Option<Line> {
        let len = memchr2(b'\r', b'\n', rest)?;
        let text = self.at..self.at + len;
        if rest.get(len) == Some(&b'\r') && rest.get(len + 1) != Some(&b'\n') {
            return Some(Line {
                next: text.end + 1,
                text,
                end: LineEnd::Odd,
            });
        }
        let (next, end) = if rest.get(len) == Some(&b'\n') {
            (text.end + 1, LineEnd::Lf)
        } else {
            (text.end + 2, LineEnd::CrLf)
        };
        Some(Line { text, next, end })
    }

    fn lf_line(&self, rest: &[u8]) -> Option<Line> {
        let len = memchr(b'\n', rest)?;
        let line = rest.get(..len)?;
        let crs = line.iter().rev().take_while(|&&byte| byte == b'\r').count();
        let end = match crs {
            0 => LineEnd::Lf,
            1 => LineEnd::CrLf,
            _ => LineEnd::Odd,
        };
        Some(Line {
            text: self.at..self.at + len - crs,
            next: self.at + len + 1,
            end,
        })
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let line = if self.lone_cr {
            self.lone_cr_line(rest)
        } else {
            self.lf_line(rest)
        };
        let cut = Line {
            text: self.at..self.bytes.len(),
            next: self.bytes.len(),
            end: LineEnd::Cut,
        };
        let line = line.unwrap_or(cut);
        self.at = line.next;
        Some(line)
    }
}

/// How the lines of a text end, seen as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LineEndTally {
    crlf: usize,
    lf: usize,
    odd: usize,
}

impl LineEndTally {
    /// Counts one line.
    pub(crate) const fn count(&mut self, end: LineEnd) {
        match end {
            LineEnd::CrLf => self.crlf += 1,
            LineEnd::Lf => self.lf += 1,
            LineEnd::Odd => self.odd += 1,
            LineEnd::Cut => {}
        }
    }

    /// The verdict; a text without any line end counts as well formed.
    pub(crate) const fn ending(self) -> crate::rtsp::message::LineEnding {
        use crate::rtsp::message::LineEnding;
        match (self.crlf, self.lf, self.odd) {
            (_, 0, 0) => LineEnding::CrLf,
            (0, _, 0) => LineEnding::Lf,
            _ => LineEnding::Mixed,
        }
    }
}
