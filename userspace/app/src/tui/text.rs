//! Text in columns of a terminal: cut, filled up and wrapped by the width that it takes there.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text, cut to `columns` with an ellipsis where it is longer.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let mut out: String = text
        .chars()
        .take_while(|character| {
            let taken = character.width().unwrap_or(0);
            let fits = taken <= left;
            left = left.saturating_sub(if fits { taken } else { left });
            fits
        })
        .collect();
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The text, cut in its middle, since both ends of a file's name or of an address tell something.
pub(super) fn middle(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1) / 2;
    let fits = |left: &mut usize, character: &char| {
        let taken = character.width().unwrap_or(0);
        let fits = taken <= *left;
        *left = if fits { *left - taken } else { 0 };
        fits
    };
    let tail: Vec<char> = text
        .chars()
        .rev()
        .take_while(|character| fits(&mut left, character))
        .collect();
    let tail: String = tail.into_iter().rev().collect();
    cut(text, columns.saturating_sub(width(&tail))) + &tail
}

/// The text in exactly `columns`, on the left.
pub(super) fn left(text: &str, columns: usize) -> String {
    let mut out = cut(text, columns);
    out.extend(std::iter::repeat_n(
        ' ',
        columns.saturating_sub(width(&out)),
    ));
    out
}

/// The text in exactly `columns`, on the right.
pub(super) fn right(text: &str, columns: usize) -> String {
    let cut = cut(text, columns);
    let mut out: String = std::iter::repeat_n(' ', columns.saturating_sub(width(&cut))).collect();
    out.push_str(&cut);
    out
}

/// The text in lines of at most `columns`, broken between words, and within one that is longer than a line.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let len = width(word);
        if used > 0 && used + 1 + len > columns {
            lines.push(String::new());
            used = 0;
        } else if used > 0 {
            push(&mut lines, ' ');
            used += 1;
        }
        for character in word.chars() {
            let taken = character.width().unwrap_or(0);
            if used + taken > columns && used > 0 {
                lines.push(String::new());
                used = 0;
            }
            push(&mut lines, character);
            used += taken;
        }
    }
    lines
}

fn push(lines: &mut [String], character: char) {
    if let Some(line) = lines.last_mut() {
        line.push(character);
    }
}

/// A count for narrow columns: 999, 12k, 3.4M.
pub(super) fn count(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{}k", count / 1_000),
        1_000_000..10_000_000 => format!("{:.1}M", count as f64 / 1e6),
        10_000_000..1_000_000_000 => format!("{}M", count / 1_000_000),
        _ => format!("{:.1}G", count as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_the_columns_that_it_takes() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
        assert_eq!(cut("猫猫猫", 4), "猫…");
        assert_eq!(cut("猫猫猫", 5), "猫猫…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(middle("abcdefgh", 5), "ab…gh");
        assert_eq!(middle("abcdefgh", 8), "abcdefgh");
        assert_eq!(middle("abcdefgh", 1), "…");
        assert_eq!(left("ab", 4), "ab  ");
        assert_eq!(right("ab", 4), "  ab");
        assert_eq!(width(&left("猫猫猫", 4)), 4);
    }

    #[test]
    fn lines_break_between_words_and_within_long_ones() {
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("abcdefgh i", 4), ["abcd", "efgh", "i"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("x", 0), ["x"]);
    }

    #[test]
    fn counts_stay_short() {
        let shown = [0, 9_999, 12_345, 3_400_000, 45_000_000, 7_200_000_000].map(count);
        assert_eq!(shown, ["0", "9999", "12k", "3.4M", "45M", "7.2G"]);
    }
}
