//! Two texts compared: which lines belong together, and which pieces of them differ.

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// Whether the other side has it otherwise.
    pub(super) is_changed: bool,
}

/// A line of one text beside the line of the other that it became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) pre: Vec<Piece>,
    pub(super) post: Vec<Piece>,
    pub(super) is_changed: bool,
}

/// Lines of both texts side by side.
pub(super) fn lines(pre: &[String], post: &[String]) -> Vec<Line> {
    let mut lines = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, pre, post) {
        let (pre, post) = (&pre[op.old_range()], &post[op.new_range()]);
        for index in 0..pre.len().max(post.len()) {
            let line = |side: &[String]| side.get(index).cloned();
            lines.push(beside(line(pre), line(post)));
        }
    }
    lines
}

fn beside(pre: Option<String>, post: Option<String>) -> Line {
    let alone = |text: String| {
        vec![Piece {
            text,
            is_changed: true,
        }]
    };
    match (pre, post) {
        (Some(pre), Some(post)) => {
            let is_changed = pre != post;
            let (pre, post) = pieces(&pre, &post);
            Line {
                pre,
                post,
                is_changed,
            }
        }
        (pre, post) => Line {
            pre: pre.map(alone).unwrap_or_default(),
            post: post.map(alone).unwrap_or_default(),
            is_changed: true,
        },
    }
}

/// The pieces of two texts, and which of them differ.
pub(super) fn pieces(pre: &str, post: &str) -> (Vec<Piece>, Vec<Piece>) {
    let (pre, post) = (words(pre), words(post));
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for op in capture_diff_slices(Algorithm::Myers, &pre, &post) {
        let is_changed = !matches!(op, DiffOp::Equal { .. });
        push(&mut removed, &pre[op.old_range()], is_changed);
        push(&mut added, &post[op.new_range()], is_changed);
    }
    (removed, added)
}

fn push(pieces: &mut Vec<Piece>, words: &[&str], is_changed: bool) {
    if !words.is_empty() {
        pieces.push(Piece {
            text: words.concat(),
            is_changed,
        });
    }
}

/// Numbers, names and addresses whole, all other characters one by one: the half of a port or of an address that stayed
/// the same tells nobody anything.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_in_word = |character: char| character.is_alphanumeric() || character == '.';
        let len = if is_in_word(first) {
            rest.find(|character: char| !is_in_word(character))
                .unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(len);
        words.push(word);
        rest = after;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[Piece]) -> String {
        let shown = pieces.iter().map(|piece| {
            if piece.is_changed {
                format!("[{}]", piece.text)
            } else {
                piece.text.clone()
            }
        });
        shown.collect()
    }

    fn texts(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn changed_numbers_are_marked_whole() {
        let (pre, post) = pieces(
            "RTP/AVP;client_port=9998-9999",
            "RTP/AVP;client_port=10000-10001",
        );
        assert_eq!(shown(&pre), "RTP/AVP;client_port=[9998]-[9999]");
        assert_eq!(shown(&post), "RTP/AVP;client_port=[10000]-[10001]");
    }

    #[test]
    fn changed_addresses_are_marked_whole() {
        let (pre, post) = pieces("destination=192.168.1.100;x", "destination=203.0.113.1;x");
        assert_eq!(shown(&pre), "destination=[192.168.1.100];x");
        assert_eq!(shown(&post), "destination=[203.0.113.1];x");
    }

    #[test]
    fn equal_texts_have_no_marks() {
        let (pre, post) = pieces("CSeq: 3", "CSeq: 3");
        assert_eq!(
            (shown(&pre), shown(&post)),
            ("CSeq: 3".to_owned(), "CSeq: 3".to_owned())
        );
    }

    #[test]
    fn a_line_stands_beside_what_became_of_it() {
        let pre = texts(&["SETUP x RTSP/1.0", "CSeq: 3", "Transport: a=1", ""]);
        let post = texts(&["SETUP x RTSP/1.0", "CSeq: 3", "Transport: a=2", ""]);
        let lines = lines(&pre, &post);
        let changed: Vec<usize> = (0..4).filter(|line| lines[*line].is_changed).collect();
        assert_eq!(changed, [2]);
        assert_eq!(shown(&lines[2].post), "Transport: a=[2]");
    }

    #[test]
    fn a_line_that_only_one_side_has_stands_alone() {
        let lines = lines(&texts(&["a", "b", "c"]), &texts(&["a", "c"]));
        let shown: Vec<(String, String)> = lines
            .iter()
            .map(|line| (shown(&line.pre), shown(&line.post)))
            .collect();
        let pair = |pre: &str, post: &str| (pre.to_owned(), post.to_owned());
        assert_eq!(shown, [pair("a", "a"), pair("[b]", ""), pair("c", "c")]);
    }
}
