//! Strangers' text made safe to look at.

use std::borrow::Cow;
use std::fmt::Write;

/// Replaces what a terminal would obey or hide by a visible escape; all other text stays as it is.
///
/// `\n`, `\r`, `\t` and `\u{1b}` stand for control characters; characters without width and those that turn the
/// direction of writing come as `\u{202e}`. The backslash itself stays single, so the result is for eyes only.
pub fn escape_controls(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(is_unsafe) else {
        return Cow::Borrowed(text);
    };
    let (clean, rest) = text.split_at(first);
    let mut escaped = String::with_capacity(text.len() + 16);
    escaped.push_str(clean);
    for character in rest.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            _ if is_unsafe(character) => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(character));
            }
            _ => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

/// Control characters of both sets, characters that reorder text or have no width, line and paragraph separators,
/// and tags (Unicode 15, general categories Cc, Cf, Zl, Zp and the fillers that show as nothing).
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_text_is_not_copied() {
        assert!(matches!(
            escape_controls("rtsp://kamera.example/Straße"),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn a_terminal_escape_becomes_visible() {
        assert_eq!(
            escape_controls("cam\u{1b}[2J\u{9b}31m\r\n\0\u{7f}"),
            "cam\\u{1b}[2J\\u{9b}31m\\r\\n\\u{0}\\u{7f}"
        );
    }

    #[test]
    fn a_bidi_override_becomes_visible() {
        assert_eq!(
            escape_controls("a\u{202e}gnp.exe\u{2069}"),
            "a\\u{202e}gnp.exe\\u{2069}"
        );
    }

    #[test]
    fn zero_width_characters_become_visible() {
        assert_eq!(
            escape_controls("ad\u{200b}min\u{feff}\u{200d}"),
            "ad\\u{200b}min\\u{feff}\\u{200d}"
        );
    }

    proptest! {
        #[test]
        fn no_text_keeps_a_control(text in any::<String>()) {
            let escaped = escape_controls(&text);
            prop_assert!(!escaped.chars().any(is_unsafe));
        }
    }
}
