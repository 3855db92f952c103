//! Lists of methods: the Public and Allow fields (RFC 2326 §12.4, §12.28; RFC 7826 §18.6, §18.39).

use crate::notes::Notes;
use crate::{Parsed, Spanned};

/// Methods that are read of one field; the RFCs have twelve.
const MAX_METHODS: usize = 64;

/// Reads the methods of one value. Some servers separate them by spaces only.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a Spanned is a view, handed over like a &str"
)]
pub fn parse(value: Spanned<'_>) -> Parsed<Vec<Spanned<'_>>> {
    let mut notes = Notes::default();
    let mut methods: Vec<Spanned<'_>> = Vec::new();
    let mut comma_before = true;
    let mut at = 0;
    while at < value.len() {
        let rest = value.bytes.get(at..).unwrap_or_default();
        let is_separator = |byte: &&u8| byte.is_ascii_whitespace() || **byte == b',';
        let gap = rest.iter().take_while(is_separator).count();
        comma_before |= rest.get(..gap).is_some_and(|gap| gap.contains(&b','));
        let len = rest
            .iter()
            .skip(gap)
            .take_while(|byte| !is_separator(byte))
            .count();
        let method = value.slice(at + gap..at + gap + len);
        at += gap + len;
        if method.is_empty() {
            break;
        }
        if methods.len() == MAX_METHODS {
            notes.add(method.at, "more methods than are read");
            break;
        }
        if !comma_before {
            notes.add(method.at.clone(), "no comma before this method");
        }
        if !method
            .bytes
            .iter()
            .all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'))
        {
            notes.add(method.at.clone(), "no name of a method");
        }
        methods.push(method);
        comma_before = false;
    }
    notes.finish(methods)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let parsed = parse(Spanned::new(text.as_bytes(), 0));
        let methods = parsed.value.iter().map(|method| method.text().into_owned());
        let odd = parsed.anomalies.into_iter().map(|odd| odd.what);
        (methods.collect(), odd.collect())
    }

    #[test]
    fn commas_separate_methods() {
        let (methods, odd) = read("OPTIONS, DESCRIBE,SETUP ,PLAY,, GET_PARAMETER,");
        assert_eq!(
            methods,
            ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "GET_PARAMETER"]
        );
        assert_eq!(odd, Vec::<String>::new());
    }

    #[test]
    fn spaces_alone_are_odd() {
        let (methods, odd) = read("OPTIONS DESCRIBE");
        assert_eq!(methods, ["OPTIONS", "DESCRIBE"]);
        assert_eq!(odd, ["no comma before this method"]);
    }

    #[test]
    fn what_is_no_name_is_told() {
        assert_eq!(read("PLAY, 7").1, ["no name of a method"]);
        assert_eq!(read(""), (Vec::new(), Vec::new()));
    }

    #[test]
    fn lists_without_end_are_cut() {
        let (methods, odd) = read(&"PLAY,".repeat(100));
        assert_eq!((methods.len(), odd.len()), (MAX_METHODS, 1));
    }
}
