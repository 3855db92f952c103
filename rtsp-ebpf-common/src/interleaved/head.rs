//! Finds the end of a message head and the length of the body behind it, byte by byte.

/// The one field that tells how far a message reaches (RFC 2326 §12.14); names are case-insensitive.
const FIELD: &[u8] = b"content-length:";

/// What the scanner knows of the line that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Nothing but a CR so far.
    Empty,
    /// So many bytes equal the start of [`FIELD`].
    Matching(u8),
    /// The value of [`FIELD`].
    Value,
    /// Any other line.
    Other,
}

/// Scans the head of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeadScanner {
    line: Line,
    body_len: u32,
}

impl Default for HeadScanner {
    fn default() -> Self {
        Self {
            line: Line::Empty,
            body_len: 0,
        }
    }
}

impl HeadScanner {
    /// Takes in one byte; returns the length of the body if it was the last of the head.
    ///
    /// An empty line where a message should begin (RFC 2326 §4) is a message of its own without a body.
    pub(super) fn take(&mut self, byte: u8) -> Option<u32> {
        if byte == b'\n' {
            let ends = self.line == Line::Empty;
            self.line = Line::Empty;
            return ends.then_some(self.body_len);
        }
        self.line = match self.line {
            Line::Empty if byte == b'\r' => Line::Empty,
            Line::Empty => matched(byte, 0),
            Line::Matching(count) => matched(byte, count),
            Line::Value => {
                self.take_digit(byte);
                Line::Value
            }
            Line::Other => Line::Other,
        };
        None
    }

    fn take_digit(&mut self, byte: u8) {
        if byte.is_ascii_digit() {
            self.body_len = self
                .body_len
                .saturating_mul(10)
                .saturating_add(u32::from(byte - b'0'));
        }
    }
}

fn matched(byte: u8, count: u8) -> Line {
    match FIELD.get(usize::from(count)) {
        Some(expected) if byte.to_ascii_lowercase() == *expected => {
            let count = count + 1;
            if usize::from(count) == FIELD.len() {
                Line::Value
            } else {
                Line::Matching(count)
            }
        }
        _ => Line::Other,
    }
}
