//! What a stranger's bytes go through before anyone sees them: credentials are blanked, control characters escaped.

use rtspscope_wire::rtsp::auth;
use rtspscope_wire::text::escape_controls;

/// Whether credentials may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privacy {
    /// Blank them.
    Redact,
    /// The user asked to see them.
    Show,
}

impl Privacy {
    /// A text that may hold URLs or header lines, fit to be shown.
    pub(crate) fn text(self, text: &str) -> String {
        match self {
            Self::Show => escape_controls(text).into_owned(),
            Self::Redact => {
                let redacted = auth::redacted(text.as_bytes());
                escape_controls(&String::from_utf8_lossy(&redacted)).into_owned()
            }
        }
    }

    /// The lines of a message, each fit to be shown. The usual line end (CRLF) is left out, any other shows.
    pub(crate) fn lines(self, message: &[u8]) -> Vec<String> {
        let shown = match self {
            Self::Show => message.to_vec(),
            Self::Redact => auth::redacted(message).into_owned(),
        };
        let mut lines: Vec<String> = shown
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| {
                let line = line.strip_suffix(b"\r\n").unwrap_or(line);
                escape_controls(&String::from_utf8_lossy(line)).into_owned()
            })
            .collect();
        if let [.., last] = lines.as_mut_slice()
            && last.is_empty()
        {
            lines.pop();
        }
        lines
    }

    /// Bytes of a message, with what is no printable ASCII escaped.
    pub(crate) fn bytes(self, raw: &[u8]) -> String {
        match self {
            Self::Show => raw.escape_ascii().to_string(),
            Self::Redact => auth::redacted(raw).escape_ascii().to_string(),
        }
    }

    /// The value of a header or of a part of it, fit to be shown.
    pub(crate) fn field(self, name: &str, value: &str) -> String {
        let is_secret = ["authorization", "proxy-authorization"]
            .iter()
            .any(|secret| name.eq_ignore_ascii_case(secret));
        if self == Self::Redact && is_secret {
            return "*".repeat(value.chars().count());
        }
        self.text(value)
    }
}

/// A text of this program's own or of its user, fit to be shown.
pub(crate) fn own(text: &str) -> String {
    escape_controls(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_show_ends_that_are_not_the_usual_and_no_credentials() {
        let message = b"PLAY rtsp://u:geheim@h/ RTSP/1.0\r\nCSeq: 4\nX: a\rb\r\n\r\n";
        assert_eq!(
            Privacy::Redact.lines(message),
            ["PLAY rtsp://********@h/ RTSP/1.0", "CSeq: 4\\n", "X: a\\rb"]
        );
    }
}
