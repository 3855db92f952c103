//! Text made safe for Markdown: what a renderer would take for markup, HTML, a link or the name of a user to call is
//! shown as code, in which none of it counts.

use std::fmt::Write;

/// A running text. Words that hold more than letters, digits and plain punctuation become code.
pub(super) fn prose(text: &str) -> String {
    let words = text.split_whitespace().enumerate().map(|(index, word)| {
        if is_plain(word) && !(index == 0 && begins_block(word)) {
            return word.to_owned();
        }
        let end = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
        let start = end.trim_start_matches('(');
        if start.is_empty() {
            return code(word);
        }
        let (open, close) = (&end[..end.len() - start.len()], &word[end.len()..]);
        format!("{open}{}{close}", code(start))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A value from the wire, shown as code whatever it is.
pub(super) fn code(text: &str) -> String {
    if text.trim().is_empty() {
        return "–".to_owned();
    }
    // A grave accent could end the code, and a bar ends the cell of a table even inside code.
    if !text.contains(['`', '|']) {
        return format!("`{text}`");
    }
    let mut out = String::from("<code>");
    for character in text.chars() {
        if character.is_ascii_punctuation() {
            // Writing to a String cannot fail.
            let _ = write!(out, "&#{};", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out + "</code>"
}

/// Whether no renderer sees more in the word than the word: some make links of colons, and of dots before letters.
fn is_plain(word: &str) -> bool {
    let inside = word.trim_end_matches([':', ',', ';']);
    let is_name = |after_dot: &str| after_dot.starts_with(char::is_alphabetic);
    let is_harmless = |character: char| {
        character.is_alphanumeric() || !character.is_ascii() || ".,;-+/()'\"?!%".contains(character)
    };
    // Between words it stands for a step in a menu; it quotes only where it begins a line.
    word == ">" || inside.chars().all(is_harmless) && !inside.split('.').skip(1).any(is_name)
}

/// Whether a first word would make a list or a line of its paragraph: `-`, `+`, `1.`, `2)`.
fn begins_block(word: &str) -> bool {
    let digits = word.trim_start_matches(|character: char| character.is_ascii_digit());
    word.chars()
        .all(|character| character.is_ascii_punctuation())
        || digits.len() < word.len() && matches!(digits, "." | ")")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_sentences_stay_as_they_are() {
        let text =
            "No picture: 257 RTP packets reached the router's WAN side, none left (or were seen).";
        assert_eq!(prose(text), text);
        assert_eq!(
            prose("VLC: Tools > Input, 60.2 s"),
            "VLC: Tools > Input, 60.2 s"
        );
    }

    #[test]
    fn addresses_and_urls_are_code_and_no_links() {
        assert_eq!(
            prose("it asks for rtsp://203.0.113.10/a_b_c, from 192.0.2.1:554."),
            "it asks for `rtsp://203.0.113.10/a_b_c`, from `192.0.2.1:554`."
        );
        assert_eq!(
            prose("see www.example.org, lan.pcap, 1.5"),
            "see `www.example.org`, `lan.pcap`, 1.5"
        );
        assert_eq!(prose("(frame #12)"), "(frame `#12`)");
    }

    #[test]
    fn markup_is_code() {
        assert_eq!(
            prose("<b>x</b> **y** [z](u) @admin a_b ~~c~~ $d$ &lt;"),
            "`<b>x</b>` `**y**` `[z](u`) `@admin` `a_b` `~~c~~` `$d$` `&lt`;"
        );
    }

    #[test]
    fn no_text_begins_a_list_or_a_line() {
        assert_eq!(prose("- x"), "`-` x");
        assert_eq!(prose("1. x"), "`1`. x");
        assert_eq!(prose("--- x"), "`---` x");
        assert_eq!(prose("> x"), "`>` x");
        assert_eq!(prose("x - y 1. z"), "x - y 1. z");
    }

    #[test]
    fn accents_and_bars_can_end_neither_code_nor_cell() {
        assert_eq!(code("a`b"), "<code>a&#96;b</code>");
        assert_eq!(code("a|<i>"), "<code>a&#124;&#60;i&#62;</code>");
        assert_eq!(prose("x|y`z"), "<code>x&#124;y&#96;z</code>");
        assert_eq!(code("plain text"), "`plain text`");
        assert_eq!(code(" "), "–");
    }
}
