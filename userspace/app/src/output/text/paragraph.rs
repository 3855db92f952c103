//! Text broken into lines, with an indent of its own for the first and for the others.

/// Breaks `text` at spaces so that lines have at most `width` columns, the indents included. A word that is longer than
/// a line stays whole: it is an address or a URL, which people copy.
pub(crate) fn wrap(first_indent: &str, indent: &str, text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut column = 0;
    let mut fresh = true;
    out.push_str(first_indent);
    column += columns(first_indent);
    for word in text.split_whitespace() {
        let len = columns(word);
        if !fresh && column + 1 + len > width {
            out.push('\n');
            out.push_str(indent);
            column = columns(indent);
            fresh = true;
        }
        if !fresh {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
        fresh = false;
    }
    out.push('\n');
    out
}

/// Columns that a text takes, which is exact for the scripts that captures hold.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_before_the_width() {
        assert_eq!(
            wrap("a ", "  ", "one two three four", 9),
            "a one two\n  three\n  four\n"
        );
    }

    #[test]
    fn a_long_word_stays_whole() {
        assert_eq!(
            wrap("", "  ", "see rtsp://203.0.113.10/a/long/path now", 10),
            "see\n  rtsp://203.0.113.10/a/long/path\n  now\n"
        );
    }

    #[test]
    fn no_text_is_an_indent() {
        assert_eq!(wrap("x", "  ", "", 10), "x\n");
    }
}
