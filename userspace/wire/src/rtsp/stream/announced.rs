//! What a head says of its body: only what framing needs, by the first field of each name.

/// The body that a head announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AnnouncedBody {
    /// Content-Length; of any size, since a stranger wrote it, and the same on every machine.
    pub(super) len: Option<u64>,
    /// True for lines of text, and where no type is given.
    pub(super) is_text: bool,
    /// True for a session description.
    pub(super) is_description: bool,
}

impl AnnouncedBody {
    pub(super) fn read(head: &[u8]) -> Self {
        let content_type = header(head, b"content-type");
        Self {
            len: header(head, b"content-length").and_then(number),
            is_text: content_type.is_none_or(is_text),
            is_description: content_type.is_some_and(|value| contains_ignoring_case(value, b"sdp")),
        }
    }
}

/// Value of the first header field of this name, given in lower case.
fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|&byte| byte == b'\n').find_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        let (found, value) = line.split_at(colon);
        found
            .trim_ascii()
            .eq_ignore_ascii_case(name)
            .then(|| value.get(1..).unwrap_or_default().trim_ascii())
    })
}

fn number(value: &[u8]) -> Option<u64> {
    let digits = value
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    std::str::from_utf8(value.get(..digits)?).ok()?.parse().ok()
}

/// Media types whose bodies are lines of text.
fn is_text(content_type: &[u8]) -> bool {
    [&b"text/"[..], b"sdp", b"parameters", b"xml", b"json"]
        .iter()
        .any(|part| contains_ignoring_case(content_type, part))
}

fn contains_ignoring_case(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len())
        .any(|window| window.eq_ignore_ascii_case(part))
}
