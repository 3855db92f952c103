//! How much of a report is drawn, so that thousands of sessions do not make a file that no browser opens.

/// Sessions with a part of their own: the worst.
pub(super) const SESSIONS: usize = 40;

/// Sessions in the list of all.
pub(super) const LISTED: usize = 500;

/// Rows of a ladder.
pub(super) const LADDER_ROWS: usize = 80;

/// Findings of a session.
pub(super) const FINDINGS: usize = 30;

/// Proofs of a finding.
pub(super) const PROOFS: usize = 12;

/// Fields in the table of differences.
pub(super) const DIFFERENCES: usize = 60;

/// Messages shown side by side.
pub(super) const MESSAGES: usize = 6;

/// Bytes of a message that are compared.
pub(super) const MESSAGE_BYTES: usize = 6_000;

/// Media of a session with a picture of their own.
pub(super) const MEDIA: usize = 8;

/// Characters of a text in a picture, where nothing can be broken into lines.
pub(super) const LABEL: usize = 60;

/// Characters of a file name in a picture.
pub(super) const FILE: usize = 14;

/// A text that is not longer than a picture has room for.
pub(super) fn clipped(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest.saturating_sub(1)).collect();
    kept + "…"
}

/// The end of a text in no more characters than that: what tells the files of one capture apart stands there.
pub(super) fn end_of(text: &str, longest: usize) -> String {
    let len = text.chars().count();
    if len <= longest {
        return text.to_owned();
    }
    let kept = text.chars().skip(len + 1 - longest);
    std::iter::once('…').chain(kept).collect()
}

/// Says what is left out, where something is.
pub(super) fn left_out(markup: &mut super::markup::Markup, all: usize, shown: usize, what: &str) {
    if all > shown {
        let text = format!(
            "{} more {what} not drawn here; --format json has all.",
            all - shown
        );
        markup.leaf("p", &[("class", "note")], &text);
    }
}

#[cfg(test)]
mod tests {
    use super::clipped;

    #[test]
    fn a_long_text_ends_in_dots() {
        assert_eq!(clipped("ärger", 5), "ärger");
        assert_eq!(clipped("ärgere", 5), "ärge…");
    }
}
